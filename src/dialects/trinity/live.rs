//! What happens, as it happens: sockets, and a terminal.
//!
//! An event is told to those who may see its agents at the moment of the telling: whoever has lost a
//! right by then hears nothing, whatever waits for them.

mod event;
mod feed;
mod frames;
mod hub;
mod socket;
mod terminal;
mod viewer;

use actix_web::guard::fn_guard;
use actix_web::http::header::UPGRADE;
use actix_web::web::{get, resource};

use super::mount::Mount;

pub(super) use event::Event;
pub(super) use feed::follow;
pub(super) use hub::Hub;
pub(super) use terminal::Terminals;
pub(super) use viewer::Viewer;

pub(super) fn routes(at: &mut Mount) {
    let is_handshake = || {
        fn_guard(|request| {
            let asked = request.head().headers().get(UPGRADE).and_then(|it| it.to_str().ok());
            asked.is_some_and(|asked| asked.trim().eq_ignore_ascii_case("websocket"))
        })
    };
    at.undescribed(|at| {
        at.service(resource("/ws").guard(is_handshake()).route(get().to(socket::of_people)))
            .service(resource("/ws/events").guard(is_handshake()).route(get().to(socket::of_keys)))
            .service(
                resource("/api/agents/{name}/terminal")
                    .guard(is_handshake())
                    .route(get().to(terminal::open)),
            );
    });
}
