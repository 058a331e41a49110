//! Which path is whose. A path with another method counts as no route.

use actix_web::Resource;
use actix_web::web::{self, ServiceConfig, get};

use super::error::MiladyError;
use super::{
    Answer, audit, autonomy, character, chat, conversations, events, lifecycle, logs, memory,
    runtime, socket, status, transfer, triggers, v1, workbench,
};

/// All of them; each resource mounts its own.
pub(super) fn all(at: &mut ServiceConfig) {
    at.service(on("/api/status").route(get().to(status::get)))
        .configure(socket::routes)
        .configure(events::routes)
        .configure(lifecycle::routes)
        .configure(autonomy::routes)
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

/// What answers where no route does.
pub(super) async fn none() -> Answer {
    Err(MiladyError::NOT_FOUND)
}

pub(super) fn on(path: &str) -> Resource {
    web::resource(path).default_service(web::to(none))
}
