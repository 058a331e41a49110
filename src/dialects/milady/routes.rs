//! Which path is whose. A path with another method counts as no route.

use actix_web::web::{self, Data, ServiceConfig, get};
use actix_web::{HttpRequest, Resource};

use super::shared::Shared;
use super::{
    Answer, audit, autonomy, character, chat, config, conversations, ending, events, kept,
    lifecycle, logs, memory, onboarding, pairing, plugins, runtime, socket, soft, status, transfer,
    triggers, v1, workbench,
};

/// All of them; each resource mounts its own.
pub(super) fn all(at: &mut ServiceConfig) {
    at.service(on("/api/status").route(get().to(status::get)))
        .configure(socket::routes)
        .configure(events::routes)
        .configure(lifecycle::routes)
        .configure(autonomy::routes)
        .configure(pairing::routes)
        .configure(onboarding::routes)
        .configure(config::routes)
        .configure(plugins::routes)
        .configure(kept::routes)
        .configure(ending::routes)
        .configure(soft::routes)
        .configure(transfer::routes)
        .configure(conversations::routes)
        .configure(chat::routes)
        .configure(character::routes)
        .configure(memory::routes)
        .configure(v1::routes)
        .configure(triggers::routes)
        .configure(workbench::routes)
        .configure(logs::routes)
        .configure(runtime::routes)
        .configure(audit::routes);
}

/// What answers where no route does: the dashboard's pages, if there are any.
pub(super) async fn none(shared: Data<Shared>, request: HttpRequest) -> Answer {
    shared.pages.answer(&request).await
}

pub(super) fn on(path: &str) -> Resource {
    web::resource(path).default_service(web::to(none))
}
