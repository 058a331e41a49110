//! What sockets of all sorts share: the handshake, pings, and the end.

use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::web::Payload;
use actix_web::{HttpRequest, HttpResponse};
use actix_ws::{AggregatedMessage, AggregatedMessageStream, CloseCode, CloseReason, ProtocolError};
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};

use crate::dialects::trinity::error::TrinityError;
use crate::http::outbox::{Gone, Outbox};

/// Bytes of a message from a client at most.
const MESSAGE_MAX_BYTES: usize = 65_536;

/// How often a client is asked whether it is there; one that has said nothing between two asks is not.
const PING_EVERY: Duration = Duration::from_secs(30);

/// How long the last frame may wait for its client.
const LAST_FRAME: Duration = Duration::from_secs(1);

/// Who it is, is not known, or no longer.
pub(super) const UNKNOWN: CloseCode = CloseCode::Other(4_001);

/// A socket that is open, on this side.
pub(super) struct Frames {
    pub(super) outbox: Outbox,
    sent: AggregatedMessageStream,
    pings: Interval,
    has_spoken: bool,
}

/// What comes next.
pub(super) enum Came {
    Text(String),
    Binary(Vec<u8>),
    /// Nothing for a while; the client was asked whether it is there.
    Breath,
    /// The client is gone, or is to be let go with that word.
    End(Option<CloseCode>),
}

/// Opens a socket.
pub(super) fn opened(
    request: &HttpRequest,
    payload: Payload,
) -> Result<(Frames, HttpResponse), TrinityError> {
    let (answer, _session, sent) = actix_ws::handle(request, payload)
        .map_err(|error| TrinityError::bad(format!("Not a WebSocket handshake: {error}")))?;
    let (outbox, answer) = Outbox::of(answer);
    let sent = sent
        .max_frame_size(MESSAGE_MAX_BYTES)
        .aggregate_continuations()
        .max_continuation_size(MESSAGE_MAX_BYTES);
    let mut pings = interval_at(Instant::now() + PING_EVERY, PING_EVERY);
    pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
    Ok((Frames { outbox, sent, pings, has_spoken: true }, answer))
}

/// A handshake of nobody who is known.
pub(super) fn unknown() -> TrinityError {
    TrinityError::new(StatusCode::FORBIDDEN, "Could not validate credentials")
}

impl Frames {
    /// Waits for what comes next. May be dropped while it waits.
    pub(super) async fn next(&mut self) -> Came {
        loop {
            tokio::select! {
                message = self.sent.recv() => {
                    self.has_spoken = true;
                    match message {
                        Some(Ok(AggregatedMessage::Text(text))) => {
                            return Came::Text(text.to_string());
                        }
                        Some(Ok(AggregatedMessage::Binary(bytes))) => {
                            return Came::Binary(bytes.to_vec());
                        }
                        Some(Ok(AggregatedMessage::Ping(bytes))) => {
                            if let Err(Gone) = self.outbox.pong(&bytes).await {
                                return Came::End(None);
                            }
                        }
                        Some(Ok(AggregatedMessage::Pong(_))) => {}
                        Some(Ok(AggregatedMessage::Close(reason))) => {
                            let code = reason.map(|CloseReason { code, .. }| code);
                            return Came::End(Some(code.unwrap_or(CloseCode::Normal)));
                        }
                        Some(Err(ProtocolError::Overflow)) => {
                            return Came::End(Some(CloseCode::Size));
                        }
                        Some(Err(_)) => return Came::End(Some(CloseCode::Protocol)),
                        None => return Came::End(None),
                    }
                }
                _ = self.pings.tick() => {
                    if !std::mem::take(&mut self.has_spoken) {
                        return Came::End(None);
                    }
                    match self.outbox.ping().await {
                        Ok(()) => return Came::Breath,
                        Err(Gone) => return Came::End(None),
                    }
                }
            }
        }
    }

    /// Ends it with a word, if there is one.
    pub(super) async fn close(self, code: Option<CloseCode>, reason: &str) {
        if let Some(code) = code {
            let said = self.outbox.close_because(code, reason);
            drop(tokio::time::timeout(LAST_FRAME, said).await);
        }
    }
}
