//! Which handler answers which path.

use actix_web::Resource;
use actix_web::guard::Not;
use actix_web::web::{self, ServiceConfig, delete, get, patch, post};

use super::{
    agents, audio, create, groups, health, lifecycle, logs, media, memories, message, messaging,
    pages, panels, remembering, rooms, runs, server_logs, socket, system, unknown, worlds,
};
use crate::http::operator;
use crate::telemetry;

/// All routes of the listener.
pub(super) fn all(at: &mut ServiceConfig) {
    at.service(
        web::scope("/api")
            .configure(api_agents)
            .service(web::scope("/messaging").configure(messaging::routes).default_service(none()))
            .service(on("/channels/{channel}/members").route(get().to(messaging::members)))
            .service(web::scope("/audio/{agent}").configure(audio::routes).default_service(none()))
            .service(web::scope("/media").configure(media::routes).default_service(none()))
            .service(web::scope("/memory").configure(memory).default_service(none()))
            .service(
                web::scope("/server")
                    .service(on("/health").route(get().to(health::server)))
                    .configure(server)
                    .default_service(none()),
            )
            .service(web::scope("/system").configure(self::system).default_service(none()))
            .service(web::scope("/greenroom").configure(operator::routes).default_service(none()))
            .service(on("/health").route(get().to(health::api)))
            .configure(server)
            .service(on("").route(get().to(pages::api)))
            .default_service(none()),
    )
    .service(
        web::scope("/agents").guard(Not(pages::is_page)).configure(bare).default_service(none()),
    )
    .service(web::scope("/messaging").configure(messaging::bare).default_service(none()))
    .service(web::scope("/media").configure(media::files).default_service(web::to(pages::page)))
    .route("/health", get().to(health::root))
    .route("/healthz", get().to(health::alive))
    .route("/socket.io", web::route().to(socket::serve))
    .route("/socket.io/", web::route().to(socket::serve))
    .route("/metrics", get().to(telemetry::metrics_page))
    .default_service(web::to(pages::page));
}

/// What answers where no route does; a path with another method counts as no route.
pub(super) fn none() -> actix_web::Route {
    web::to(unknown::endpoint)
}

pub(super) fn on(path: &str) -> Resource {
    web::resource(path).default_service(none())
}

/// Routes are tried one after the other, so the one that is asked for most comes first.
fn api_agents(at: &mut ServiceConfig) {
    at.service(on("/agents").route(get().to(agents::list)).route(post().to(create::create)))
        .service(on("/agents/worlds").route(get().to(worlds::list_all)))
        .service(
            on("/agents/{agent}")
                .route(get().to(agents::get))
                .route(patch().to(agents::patch))
                .route(delete().to(agents::remove)),
        )
        .service(
            on("/agents/{agent}/memories")
                .route(get().to(memories::page))
                .route(post().to(remembering::create))
                .route(delete().to(memories::clear)),
        )
        .service(
            web::scope("/agents/{agent}")
                .service(on("/start").route(post().to(lifecycle::start)))
                .service(on("/stop").route(post().to(lifecycle::stop)))
                .configure(audio::documented)
                .configure(of_agent)
                .default_service(none()),
        );
}

/// What belongs to one agent and is the same in both dialects.
fn of_agent(at: &mut ServiceConfig) {
    at.configure(remembered)
        .service(on("/panels").route(get().to(panels::list)))
        .service(on("/panels/{panel}").route(get().to(panels::page)))
        .service(on("/plugins/greenroom/{panel}").route(get().to(panels::page)))
        .service(on("/logs").route(get().to(logs::list)))
        .service(on("/logs/{log}").route(get().to(logs::get)).route(delete().to(logs::remove)))
        .service(on("/runs").route(get().to(runs::list)))
        .service(on("/runs/{run}").route(get().to(runs::get)))
        .service(on("/worlds").route(get().to(worlds::list)).route(post().to(worlds::create)))
        .service(
            on("/worlds/{world}").route(get().to(worlds::get)).route(patch().to(worlds::patch)),
        );
}

/// Rooms and memories, which `/api/memory` has too.
fn remembered(at: &mut ServiceConfig) {
    at.service(on("/rooms").route(get().to(rooms::list)).route(post().to(rooms::create)))
        .service(on("/rooms/{room}").route(get().to(rooms::get)))
        .service(on("/rooms/{room}/memories").route(get().to(memories::of_channel)))
        .service(on("/memories/all/{room}").route(delete().to(memories::clear_room)))
        .service(
            on("/memories/{memory}")
                .route(get().to(memories::get))
                .route(patch().to(remembering::patch))
                .route(delete().to(memories::remove)),
        );
}

fn memory(at: &mut ServiceConfig) {
    at.service(
        on("/groups/{server}").route(post().to(groups::create)).route(delete().to(groups::remove)),
    )
    .service(on("/groups/{server}/memories").route(delete().to(groups::clear)))
    .service(
        on("/{agent}/memories")
            .route(get().to(memories::all))
            .route(post().to(remembering::create))
            .route(delete().to(memories::clear)),
    )
    .service(web::scope("/{agent}").configure(remembered).default_service(none()));
}

fn server(at: &mut ServiceConfig) {
    at.service(on("/ping").route(get().to(health::ping)))
        .service(on("/hello").route(get().to(health::hello)))
        .service(on("/status").route(get().to(health::status)))
        .service(on("/stop").route(post().to(health::stop)))
        .service(on("/debug/servers").route(get().to(health::servers)))
        .service(
            on("/logs")
                .route(get().to(server_logs::list))
                .route(post().to(server_logs::receive))
                .route(delete().to(server_logs::clear)),
        );
}

fn system(at: &mut ServiceConfig) {
    at.service(on("/version").route(get().to(system::version)))
        .service(on("/config").route(get().to(system::config)))
        .service(
            on("/env/local").route(get().to(system::read_env)).route(post().to(system::write_env)),
        );
}

/// The routes without a prefix.
fn bare(at: &mut ServiceConfig) {
    at.service(on("").route(get().to(agents::list_bare)).route(post().to(create::create_bare)))
        .service(on("/worlds").route(get().to(worlds::list_all)))
        .service(
            on("/{agent}")
                .route(get().to(agents::get_bare))
                .route(patch().to(agents::patch_bare))
                .route(web::put().to(agents::patch_bare))
                .route(delete().to(agents::remove_bare)),
        )
        .service(
            on("/{agent}/memories")
                .route(get().to(memories::page))
                .route(post().to(remembering::create))
                .route(delete().to(memories::clear)),
        )
        .service(
            web::scope("/{agent}")
                .service(on("/start").route(post().to(lifecycle::start_bare)))
                .service(on("/stop").route(post().to(lifecycle::stop_bare)))
                .service(on("/message").route(post().to(message::say)))
                .service(on("/rooms/{room}/messages").route(get().to(message::list)))
                .configure(of_agent)
                .default_service(none()),
        );
}
