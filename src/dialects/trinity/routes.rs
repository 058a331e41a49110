//! Which path is whose.

use actix_web::HttpRequest;
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::Data;
use utoipa_actix_web::service_config::ServiceConfig;

use super::error::TrinityError;
use super::shared::Shared;
    agent_events, agents, audit_log, autonomy, avatar, bulk, deploy, description, doors, execution_stats, files, fleet, folders, git, health, info, keys, lifecycle, logs, metrics, monitoring, notifications, operator_queue, people, permissions, preferences, public, public_links, read_only, rename, schedules, sharing, skills, stats, subscriptions, system_agent, system_views, systems, tags, telemetry, templates, use super::{, version, voice, };,

/// All of them; each resource mounts its own. Paths with a word where others have an agent's name come
/// first, since the first that fits is taken.
pub(super) fn all(at: &mut ServiceConfig) {
    at.configure(super::description::routes)
        .configure(super::health::routes)
        .configure(super::schedules::fleet_routes)
        .configure(super::doors::routes)
        .configure(super::people::routes)
        .configure(super::keys::routes)
        .configure(super::preferences::routes)
        .configure(super::audit_log::routes)
        .configure(super::permissions::edges_routes)
        .configure(super::avatar::routes_before_names)
        .configure(super::deploy::routes_before_names)
        .configure(super::bulk::routes)
        .configure(super::execution_stats::routes)
        .configure(super::work::bulk_routes)
        // Above this line: nothing with an agent's name directly below `/api/agents`.
        .configure(super::agents::routes)
        .configure(super::lifecycle::routes)
        .configure(super::rename::routes)
        .configure(super::sharing::routes)
        .configure(super::tags::routes)
        .configure(super::permissions::routes)
        .configure(super::notifications::routes)
        .configure(super::operator_queue::routes)
        .configure(super::system_views::routes)
        .configure(super::agent_events::routes)
        .configure(super::public_links::routes)
        .configure(super::public::routes)
        .configure(super::voice::routes)
        .configure(super::autonomy::routes)
        .configure(super::schedules::routes)
        .configure(super::fleet::routes)
        .configure(super::monitoring::routes)
        .configure(super::system_agent::routes)
        .configure(super::telemetry::routes)
        .configure(super::version::routes)
        .configure(super::logs::routes)
        .configure(super::stats::routes)
        .configure(super::files::routes)
        .configure(super::read_only::routes)
        .configure(super::folders::routes)
        .configure(super::info::routes)
        .configure(super::metrics::routes)
        .configure(super::templates::routes)
        .configure(super::git::routes)
        .configure(super::skills::routes)
        .configure(super::avatar::routes)
        .configure(super::systems::routes)
        .configure(super::ssh_access::routes)
        .configure(super::live::routes)
        .configure(super::credentials::routes)
        .configure(super::api_key_setting::routes)
        .configure(super::guardrails::routes)
        .configure(super::recorded::routes)
        .configure(super::github_pat::routes)
        .configure(super::resources::routes)
        .configure(super::work::routes)
        .configure(agents::routes)
        .configure(lifecycle::routes)
        .configure(rename::routes)
        .configure(sharing::routes)
        .configure(tags::routes)
        .configure(permissions::routes)
        .configure(notifications::routes)
        .configure(operator_queue::routes)
        .configure(system_views::routes)
        .configure(agent_events::routes)
        .configure(public_links::routes)
        .configure(public::routes)
        .configure(voice::routes)
        .configure(autonomy::routes)
        .configure(schedules::routes)
        .configure(bulk::routes)
        .configure(execution_stats::routes)
        .configure(fleet::routes)
        .configure(monitoring::routes)
        .configure(system_agent::routes)
        .configure(telemetry::routes)
        .configure(version::routes)
        .configure(logs::routes)
        .configure(stats::routes)
        .configure(subscriptions::routes)
        .configure(files::routes)
        .configure(read_only::routes)
        .configure(folders::routes)
        .configure(info::routes)
        .configure(metrics::routes)
        .configure(templates::routes)
        .configure(git::routes)
        .configure(skills::routes)
        .configure(avatar::routes)
        .configure(systems::routes);
}

/// What answers where no route does.
pub(super) async fn none(
    shared: Data<Shared>,
    request: HttpRequest,
) -> Result<HttpResponse, TrinityError> {
    let is_known = |path| shared.description.get().is_some_and(|all| all.knows(path));
    if is_known(request.path()) {
        return Err(TrinityError::new(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed"));
    }
    Err(TrinityError::not_found("Not Found"))
}
