//! The socket: who may open one, and what it is told.

mod connection;
mod frame;
mod handshake;
mod sockets;
mod ticker;

use actix_web::guard::fn_guard;
use actix_web::web::{ServiceConfig, get};

use super::routes::on;

pub(super) use frame::{Frame, Told};
pub(super) use handshake::{is_upgrade, no_such_path};
#[cfg(test)]
pub(super) use sockets::Joined;
pub(super) use sockets::Sockets;
pub(super) use ticker::tell_status;

pub(super) fn routes(at: &mut ServiceConfig) {
    let is_handshake = fn_guard(|request| is_upgrade(request.head().headers()));
    at.service(on("/ws").route(get().guard(is_handshake).to(handshake::open)));
}
