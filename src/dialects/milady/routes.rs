//! Which path is whose. A path with another method counts as no route.

use actix_web::web::{self, Data, ServiceConfig, get};
use actix_web::{HttpRequest, Resource};

use super::shared::Shared;
use super::{
    Answer, autonomy, config, ending, kept, lifecycle, onboarding, pairing, plugins, soft, status,
};

/// All of them; each resource mounts its own.
pub(super) fn all(at: &mut ServiceConfig) {
    at.service(on("/api/status").route(get().to(status::get)))
        .configure(lifecycle::routes)
        .configure(autonomy::routes)
        .configure(pairing::routes)
        .configure(onboarding::routes)
        .configure(config::routes)
        .configure(plugins::routes)
        .configure(kept::routes)
        .configure(ending::routes)
        .configure(soft::routes);
}

/// What answers where no route does: the dashboard's pages, if there are any.
pub(super) async fn none(shared: Data<Shared>, request: HttpRequest) -> Answer {
    shared.pages.answer(&request).await
}

pub(super) fn on(path: &str) -> Resource {
    web::resource(path).default_service(web::to(none))
}
