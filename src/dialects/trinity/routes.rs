//! Which path is whose.

use actix_web::HttpRequest;
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::Data;

use super::error::TrinityError;
use super::mount::Mount;
use super::shared::Shared;

/// All of them; each resource mounts its own. Paths with a word where others have an agent's name come
/// first, since the first that fits is taken.
pub(super) fn all(at: &mut Mount) {
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
        // Above this line: nothing with an agent's name directly below `/api/agents`.
        .configure(super::work::bulk_routes)
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
        .configure(super::subscriptions::routes);
}

/// What answers where no route does.
pub(super) async fn none(
    shared: Data<Shared>,
    request: HttpRequest,
) -> Result<HttpResponse, TrinityError> {
    if shared.description().await?.knows(request.path()) {
        return Err(TrinityError::new(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed"));
    }
    Err(TrinityError::not_found("Not Found"))
}
