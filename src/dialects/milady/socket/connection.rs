//! One socket: what it is told, what its client says, and how it ends.

use std::io;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use actix_ws::{AggregatedMessage, AggregatedMessageStream, CloseCode, ProtocolError};
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::oneshot;

use super::frame::{Frame, written};
use super::sockets::{End, Joined, Seat, Sockets};
use crate::http::outbox::{Gone, Outbox};

/// How long the last frame of a socket may wait for its client.
const LAST_FRAME: Duration = Duration::from_secs(1);

/// What a client says. Anything else is passed over.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
enum Said {
    Ping,
    ActiveConversation {
        #[serde(default, rename = "conversationId")]
        conversation_id: Value,
    },
}

/// How a socket ends.
enum Ending {
    /// With a word to the client.
    Said(CloseCode),
    /// Without one: its client is gone, or takes nothing.
    Silent,
}

/// A socket that is open.
pub(super) struct Connection {
    sockets: Arc<Sockets>,
    seat: Seat,
    end: oneshot::Receiver<End>,
    outbox: Outbox,
}

impl Connection {
    /// Tells the client the status and what it missed, and then what happens, and heeds what it says,
    /// until either ends it.
    pub(super) async fn run(
        sockets: Arc<Sockets>,
        Joined { seat, end, missed }: Joined,
        status: String,
        outbox: Outbox,
        mut sent: AggregatedMessageStream,
    ) {
        let mut this = Self { sockets, seat, end, outbox };
        let first = std::iter::once(status.into()).chain(missed).collect();
        let ending = match this.go(first, &mut sent).await {
            ControlFlow::Break(ending) => ending,
            ControlFlow::Continue(()) => Ending::Silent,
        };
        let Self { seat, outbox, .. } = this;
        // Nothing more is kept for it while it is told that.
        drop(seat);
        if let Ending::Said(code) = ending {
            drop(tokio::time::timeout(LAST_FRAME, outbox.close(code)).await);
        }
    }

    async fn go(
        &mut self,
        first: Vec<Arc<str>>,
        sent: &mut AggregatedMessageStream,
    ) -> ControlFlow<Ending> {
        for frame in first {
            self.tell(&frame).await?;
        }
        loop {
            tokio::select! {
                biased;
                end = &mut self.end => return ControlFlow::Break(ended(end.ok())),
                message = sent.recv() => self.heed(message).await?,
                frame = self.seat.next() => match frame {
                    Some(frame) => self.tell(&frame).await?,
                    None => return ControlFlow::Break(ended((&mut self.end).await.ok())),
                },
            }
        }
    }

    /// Sends a frame, unless the socket is to end before its client takes it.
    async fn tell(&mut self, frame: &str) -> ControlFlow<Ending> {
        tokio::select! {
            biased;
            end = &mut self.end => ControlFlow::Break(ended(end.ok())),
            told = self.outbox.text(frame) => match told {
                Ok(()) => ControlFlow::Continue(()),
                Err(Gone) => ControlFlow::Break(Ending::Silent),
            },
        }
    }

    async fn heed(
        &mut self,
        message: Option<Result<AggregatedMessage, ProtocolError>>,
    ) -> ControlFlow<Ending> {
        match message {
            Some(Ok(AggregatedMessage::Text(text))) => self.answer(text.as_bytes()).await,
            Some(Ok(AggregatedMessage::Binary(bytes))) => self.answer(&bytes).await,
            Some(Ok(AggregatedMessage::Ping(bytes))) => tokio::select! {
                end = &mut self.end => ControlFlow::Break(ended(end.ok())),
                _told = self.outbox.pong(&bytes) => ControlFlow::Continue(()),
            },
            Some(Ok(AggregatedMessage::Pong(_))) => ControlFlow::Continue(()),
            Some(Ok(AggregatedMessage::Close(reason))) => {
                let code = reason.map_or(CloseCode::Normal, |reason| reason.code);
                ControlFlow::Break(Ending::Said(code))
            }
            Some(Err(error)) => ControlFlow::Break(Ending::Said(fault(&error))),
            None => ControlFlow::Break(Ending::Silent),
        }
    }

    async fn answer(&mut self, said: &[u8]) -> ControlFlow<Ending> {
        match serde_json::from_slice(said) {
            Ok(Said::Ping) => self.tell(&written(&Frame::Pong)).await,
            Ok(Said::ActiveConversation { conversation_id }) => {
                let id = conversation_id.as_str().map(str::to_owned);
                self.sockets.set_active_conversation(id);
                ControlFlow::Continue(())
            }
            Err(_unknown) => ControlFlow::Continue(()),
        }
    }
}

/// How a socket ends that is closed from this side.
fn ended(end: Option<End>) -> Ending {
    match end {
        // A last word would wait behind all that is waiting.
        Some(End::Slow) | None => Ending::Silent,
        Some(End::Shutdown) => Ending::Said(CloseCode::Away),
    }
}

/// What is wrong with what a client sends.
fn fault(error: &ProtocolError) -> CloseCode {
    match error {
        ProtocolError::Overflow => CloseCode::Size,
        ProtocolError::Io(cause) if cause.kind() == io::ErrorKind::InvalidData => {
            CloseCode::Invalid
        }
        // A message of too many parts; or the connection broke off, and no code is heard.
        ProtocolError::Io(_) => CloseCode::Size,
        _ => CloseCode::Protocol,
    }
}
