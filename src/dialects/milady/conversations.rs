//! Conversations: talks of one person with the agent, each with a title and a room of its own.

mod book;
mod greeting;
mod list;
mod messages;
mod titles;

pub(super) use book::{Conversation, Conversations};
pub(super) use titles::Following;

use actix_web::web::{ServiceConfig, delete, get, patch, post};

use super::error::MiladyError;
use super::routes::on;
use super::shared::Shared;
use actix_web::http::StatusCode;
use uuid::Uuid;

pub(super) fn routes(at: &mut ServiceConfig) {
    let list = on("/api/conversations");
    let one = on("/api/conversations/{id}");
    let messages = on("/api/conversations/{id}/messages");
    let stream = on("/api/conversations/{id}/messages/stream");
    let greeting = on("/api/conversations/{id}/greeting");
    at.service(list.route(get().to(list::all)).route(post().to(list::create)))
        .service(one.route(patch().to(list::rename)).route(delete().to(list::remove)))
        .service(messages.route(get().to(messages::list)).route(post().to(messages::say)))
        .service(stream.route(post().to(messages::stream)))
        .service(greeting.route(post().to(greeting::greet)));
}

/// The conversation of that id.
async fn found(shared: &Shared, id: &str) -> Result<Conversation, MiladyError> {
    let found = match id.parse::<Uuid>() {
        Ok(id) => shared.conversations.get(id).await?,
        Err(_not_an_id) => None,
    };
    found.ok_or(MiladyError::refused(StatusCode::NOT_FOUND, "Conversation not found"))
}
