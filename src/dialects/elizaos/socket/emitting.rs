//! How the host sends to a socket, and closes one that does not keep up.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::io;
use std::sync::Arc;
use std::task::{Context, Poll};

use actix_web::web::Bytes;
use http_body_util::Full;
use serde::Serialize;
use socketioxide::extract::SocketRef;
use socketioxide::{SendError, SocketError, TransportType};
use tokio::runtime::Handle;
use tower::Service as _;

use super::session::Session;
use super::{Core, Service};
use crate::telemetry;

/// The packet by which a polling client closes its session.
const CLOSE: &[u8] = b"1";

/// Answers what is not for sockets.
#[derive(Clone, Copy, Debug)]
pub(super) struct NotFound;

impl<B> tower::Service<http::Request<B>> for NotFound {
    type Response = http::Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: http::Request<B>) -> Self::Future {
        let mut answer = http::Response::new(Full::default());
        *answer.status_mut() = http::StatusCode::NOT_FOUND;
        ready(Ok(answer))
    }
}

/// Closes sockets whose buffers are full, which therefore cannot be told so.
pub(super) struct Closer {
    service: Service,
    threads: Handle,
}

impl Closer {
    pub(super) fn new(service: Service, threads: Handle) -> Self {
        Self { service, threads }
    }

    pub(super) fn service(&self) -> Service {
        self.service.clone()
    }

    fn close(&self, socket: &SocketRef) {
        if socket.transport_type() == TransportType::Websocket {
            if let Some(session) = session_of(socket) {
                session.cut.notify_one();
            }
            return;
        }
        // As if its client had closed it: there is no other way in.
        let uri = format!("/socket.io/?EIO=4&transport=polling&sid={}", socket.id);
        let body = Full::new(Bytes::from_static(CLOSE));
        if let Ok(request) = http::Request::post(uri).body(body) {
            let mut service = self.service();
            self.threads.spawn(async move { drop(service.call(request).await) });
        }
    }
}

/// What became of something sent to a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sent {
    /// It is on its way.
    Yes,
    /// The socket is closed, or is being closed since its client does not keep up.
    Closed,
}

impl Core {
    /// Sends something to a socket. Nobody waits: one whose buffer is full is closed.
    pub(super) fn emit<T: Serialize>(&self, socket: &SocketRef, name: &str, payload: &T) -> Sent {
        self.emit_sized(socket, name, payload, size_of(payload))
    }

    /// The same, of something whose size is known: packets are bounded in number by their buffer,
    /// and in bytes here.
    pub(super) fn emit_sized<T: Serialize>(
        &self,
        socket: &SocketRef,
        name: &str,
        payload: &T,
        size: usize,
    ) -> Sent {
        let keeps_up = session_of(socket).is_none_or(|session| session.send(size));
        let sent = if keeps_up {
            socket.emit(name, payload)
        } else {
            Err(SendError::Socket(SocketError::InternalChannelFull))
        };
        match sent {
            Ok(()) => Sent::Yes,
            Err(SendError::Socket(SocketError::InternalChannelFull)) => {
                // It may be sent something more before it is closed.
                if session_of(socket).is_none_or(|session| session.give_up()) {
                    tracing::warn!(
                        socket = %super::connection::public_id(socket),
                        "a socket is closed: its client is too slow"
                    );
                    telemetry::count_slow_socket();
                }
                self.closer.close(socket);
                Sent::Closed
            }
            Err(SendError::Socket(SocketError::Closed)) => Sent::Closed,
            Err(SendError::Serialize(error)) => {
                tracing::error!(%error, name, "something could not be put into a packet");
                Sent::Yes
            }
        }
    }
}

/// The session of a socket, which came with the request that began it.
fn session_of(socket: &SocketRef) -> Option<&Session> {
    socket.req_parts().extensions.get::<Arc<Session>>().map(AsRef::as_ref)
}

/// Bytes of something in a packet. What cannot be put into one has those up to there.
pub(super) fn size_of<T: Serialize>(payload: &T) -> usize {
    let mut counted = Counted(0);
    drop(serde_json::to_writer(&mut counted, payload));
    counted.0
}

/// Bytes that were written, and nothing of them.
struct Counted(usize);

impl io::Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 = self.0.saturating_add(bytes.len());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
