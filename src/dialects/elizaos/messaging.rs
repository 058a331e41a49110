//! Messaging: message servers, channels, what is said there, sessions and jobs.

mod agents_calls;
mod broadcast;
mod channels;
mod completion;
mod fault;
mod frame;
mod given;
mod jobs;
mod live;
mod messages;
mod opening;
mod saying;
mod servers;
mod session_body;
mod sessions;
mod stream;
mod titles;
mod transport;
mod wire;
mod wish;

use actix_web::web::{self, ServiceConfig, delete, get, patch, post};

use super::media;
use super::routes::{none, on};

pub(super) use broadcast::{Broadcast, Broadcasts, message_of};
pub(super) use channels::members;
pub(super) use fault::SessionFault;
pub(super) use opening::Opening;
pub(super) use wire::ServerView;

/// What is below `/api/messaging`.
pub(super) fn routes(at: &mut ServiceConfig) {
    at.configure(bare)
        .configure(|at| of_channels(at, "/central-channels"))
        .service(on("/message-server/current").route(get().to(servers::current)))
        .service(on("/dm-channel").route(get().to(channels::direct)))
        .service(on("/submit").route(post().to(agents_calls::submit)))
        .service(on("/action").route(post().to(agents_calls::act)))
        .service(on("/action/{message}").route(patch().to(agents_calls::patch)))
        .service(on("/complete").route(post().to(agents_calls::complete)))
        .service(on("/ingest-external").route(post().to(agents_calls::ingest)))
        .service(on("/messages/search").route(post().to(messages::search)))
        .service(
            on("/messages/{message}")
                .route(get().to(messages::get))
                .route(patch().to(messages::patch)),
        )
        .service(on("/agents/{agent}/message-servers").route(get().to(servers::of_agent)))
        .configure(of_servers);
}

/// What is below `/messaging` too.
pub(super) fn bare(at: &mut ServiceConfig) {
    at.configure(|at| of_channels(at, "/channels")).configure(of_sessions).configure(of_jobs);
}

/// Channels, under their name or the older one.
fn of_channels(at: &mut ServiceConfig, path: &str) {
    at.service(on(path).route(post().to(channels::create))).service(
        web::scope(&format!("{path}/{{channel}}"))
            .service(
                on("/messages")
                    .route(post().to(saying::post))
                    .route(get().to(messages::list))
                    .route(delete().to(messages::clear)),
            )
            .service(on("/messages/{message}").route(delete().to(messages::remove)))
            .service(on("/events").route(get().to(live::follow)))
            .service(on("/details").route(get().to(channels::details)))
            .service(on("/participants").route(get().to(channels::participants)))
            .service(
                on("/agents")
                    .route(get().to(channels::agents))
                    .route(post().to(channels::add_agent)),
            )
            .service(on("/agents/{agent}").route(delete().to(channels::remove_agent)))
            .service(on("/upload-media").route(post().to(media::to_channel_by_messaging)))
            .service(on("/generate-title").route(post().to(titles::generate)))
            .service(on("").route(patch().to(channels::patch)).route(delete().to(channels::remove)))
            .default_service(none()),
    );
}

/// Message servers, under all their names.
fn of_servers(at: &mut ServiceConfig) {
    at.service(
        on("/message-servers").route(get().to(servers::list)).route(post().to(servers::create)),
    )
    .service(on("/message-servers/{server}").route(delete().to(servers::remove)))
    .service(on("/message-servers/{server}/channels").route(get().to(servers::channels)))
    .service(on("/message-servers/{server}/sync-channels").route(post().to(servers::sync_channels)))
    .service(on("/servers").route(post().to(servers::create)))
    .service(on("/central-servers").route(get().to(servers::list_central)))
    .service(on("/central-servers/{server}/channels").route(get().to(servers::channels)));
    for path in ["/message-servers", "/servers"] {
        at.service(
            on(&format!("{path}/{{server}}/agents"))
                .route(get().to(servers::agents))
                .route(post().to(servers::add_agent)),
        )
        .service(
            on(&format!("{path}/{{server}}/agents/{{agent}}"))
                .route(delete().to(servers::remove_agent)),
        );
    }
}

fn of_sessions(at: &mut ServiceConfig) {
    at.service(on("/sessions").route(get().to(sessions::list)).route(post().to(sessions::create)))
        .service(on("/sessions/health").route(get().to(sessions::health)))
        .service(
            web::scope("/sessions/{session}")
                .service(
                    on("/messages")
                        .route(post().to(sessions::send))
                        .route(get().to(sessions::messages)),
                )
                .service(on("/renew").route(post().to(sessions::renew)))
                .service(on("/heartbeat").route(post().to(sessions::heartbeat)))
                .service(on("/timeout").route(patch().to(sessions::retime)))
                .service(on("").route(get().to(sessions::get)).route(delete().to(sessions::remove)))
                .default_service(none()),
        );
}

fn of_jobs(at: &mut ServiceConfig) {
    at.service(on("/jobs").route(get().to(jobs::list)).route(post().to(jobs::create)))
        .service(on("/jobs/health").route(get().to(jobs::health)))
        .service(on("/jobs/{job}").route(get().to(jobs::get)));
}
