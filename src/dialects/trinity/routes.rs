//! Which path is whose.

use actix_web::HttpRequest;
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::Data;
use utoipa_actix_web::service_config::ServiceConfig;

use super::error::TrinityError;
use super::shared::Shared;
use super::{agents, description, health, lifecycle, rename, work};

/// All of them; each resource mounts its own. Paths with a word where others have an agent's name come
/// first, since the first that fits is taken.
pub(super) fn all(at: &mut ServiceConfig) {
    at.configure(description::routes)
        .configure(health::routes)
        .configure(work::bulk_routes)
        // Above this line: nothing with an agent's name directly below `/api/agents`.
        .configure(agents::routes)
        .configure(lifecycle::routes)
        .configure(rename::routes)
        .configure(work::routes);
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
