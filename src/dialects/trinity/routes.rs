//! Which path is whose.

use actix_web::HttpRequest;
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::Data;
use utoipa_actix_web::service_config::ServiceConfig;

use super::error::TrinityError;
use super::shared::Shared;
use super::{
    agent_events, agents, audit_log, autonomy, avatar, bulk, deploy, description, doors,
    execution_stats, files, fleet, folders, git, health, info, keys, lifecycle, logs, metrics,
    monitoring, notifications, operator_queue, people, permissions, preferences, public,
    public_links, read_only, rename, schedules, sharing, skills, stats, system_agent, system_views,
    systems, tags, telemetry, templates, version, voice,
};

/// All of them; each resource mounts its own. Paths with a word where others have an agent's name come
/// first, since the first that fits is taken.
pub(super) fn all(at: &mut ServiceConfig) {
    at.configure(description::routes)
        .configure(health::routes)
        .configure(schedules::fleet_routes)
        .configure(doors::routes)
        .configure(people::routes)
        .configure(keys::routes)
        .configure(preferences::routes)
        .configure(audit_log::routes)
        .configure(permissions::edges_routes)
        .configure(avatar::routes_before_names)
        .configure(deploy::routes_before_names)
        // Above this line: nothing with an agent's name directly below `/api/agents`.
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
