//! `/v1`: the agent as a model, for clients that were made for OpenAI or Anthropic.
//!
//! Whatever model such a client names, the agent answers, as the character that it is. It remembers
//! what was said to it, so that only what is new is said to it.

mod anthropic;
mod error;
mod models;
mod openai;
mod talk;

use actix_web::web::{ServiceConfig, get, post};

use super::routes::on;

pub(super) fn routes(at: &mut ServiceConfig) {
    at.service(on("/v1/models").route(get().to(models::list)))
        .service(on("/v1/models/{id}").route(get().to(models::one)))
        .service(on("/v1/chat/completions").route(post().to(openai::complete)))
        .service(on("/v1/messages").route(post().to(anthropic::answer)));
}
