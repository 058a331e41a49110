//! Which path is whose.

use actix_web::HttpRequest;
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::Data;
use utoipa_actix_web::service_config::ServiceConfig;

use super::error::TrinityError;
use super::shared::Shared;
use super::{
    agents, avatar, deploy, description, files, folders, git, health, info, lifecycle, metrics,
    read_only, rename, skills, systems, templates,
};

/// All of them; each resource mounts its own. Paths with a word where others have an agent's name come
/// first, since the first that fits is taken.
pub(super) fn all(at: &mut ServiceConfig) {
    at.configure(description::routes)
        .configure(health::routes)
        .configure(avatar::routes_before_names)
        .configure(deploy::routes_before_names)
        // Above this line: nothing with an agent's name directly below `/api/agents`.
        .configure(agents::routes)
        .configure(lifecycle::routes)
        .configure(rename::routes)
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
