//! What the agent does, as clients follow it: envelopes with numbers of their own, of which the
//! newest are kept.
//!
//! One follower for a listener reads the primary agent's own sequence, and the translator words it.
//! What clients post stands among the rest.

mod envelope;
mod follower;
mod log;
mod posting;
mod reading;
#[cfg(test)]
mod tests;
mod translate;
mod words;

use actix_web::web::{ServiceConfig, get, post};

use super::routes::on;

pub(super) use envelope::{Draft, Room, Sort, Stream};
pub(super) use follower::Follower;
pub(super) use log::EventLog;

pub(super) fn routes(at: &mut ServiceConfig) {
    at.service(on("/api/agent/events").route(get().to(reading::read)))
        .service(on("/api/agent/event").route(post().to(posting::post)));
}
