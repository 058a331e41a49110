//! The answer to a message, as it comes: a line of JSON for each entry.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use actix_web::get;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue};
use actix_web::web::Bytes;
use actix_web::{Error, HttpResponse};
use futures::stream;
use greenroom_actors::ids::LetterId;
use greenroom_actors::letters::LetterStatus;
use greenroom_actors::pieces::Piece;
use serde_json::{Value, json};
use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::broadcast::Receiver;

use super::{Streamed, execution};
use crate::dialects::trinity::call::Visit;
use crate::dialects::trinity::error::TrinityError;
use crate::dialects::trinity::shared::Shared;
use crate::organisation::Link;

/// Has proxies pass each entry on at once.
const NO_BUFFER: (HeaderName, HeaderValue) =
    (HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));

/// How long is waited for words before it is looked whether the answer is there.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// How many looks there are at most, which at that pace are two hours.
const LOOKS_MAX: u32 = 14_400;

/// Looks between two signs that the stream is still open.
const LOOKS_PER_BREATH: u32 = 30;

/// The answer to a message as it comes.
#[utoipa::path(tag = "Public", params(("token" = String, Path), ("id" = String, Path)), responses((status = 200, description = "`data:` lines, each an entry", content_type = "text/event-stream")))]
#[get("/api/public/executions/{token}/{id}/stream")]
pub(super) async fn follow(visit: Visit) -> Streamed {
    let guest = visit.guest(&visit.segment("token")).await?;
    if !guest.agent.is_running() {
        return Err(TrinityError::unavailable("Agent is not running"));
    }
    let letter = execution(&visit)?;
    let organisation = &visit.shared.host.organisation;
    // Watched before it is looked at, so that nothing comes in between.
    let pieces = visit.shared.host.registry.watch_pieces();
    if organisation.said_so_far(&guest.link, letter).await?.is_none() {
        return Err(TrinityError::not_found("Execution not found"));
    }
    let place = visit.shared.in_flight.stream();
    let place = place.ok_or_else(|| TrinityError::unavailable("Too many streams are open"))?;
    let watch = Watch {
        shared: Arc::clone(&visit.shared),
        link: guest.link,
        letter,
        pieces,
        looks: 0,
        left: VecDeque::new(),
        is_over: false,
        _place: place,
    };
    let lines = stream::unfold(watch, |mut watch| async move {
        let line = watch.next().await?;
        Some((Ok::<_, Error>(line), watch))
    });
    Ok(HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, "text/event-stream"))
        .insert_header((CACHE_CONTROL, "no-cache"))
        .insert_header(NO_BUFFER)
        .streaming(lines))
}

/// One who waits for an answer.
struct Watch {
    shared: Arc<Shared>,
    link: Arc<Link>,
    letter: LetterId,
    pieces: Receiver<Arc<Piece>>,
    looks: u32,
    left: VecDeque<Bytes>,
    is_over: bool,
    _place: OwnedSemaphorePermit,
}

impl Watch {
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            if let Some(line) = self.left.pop_front() {
                return Some(line);
            }
            if self.is_over {
                return None;
            }
            self.look().await;
            if self.left.is_empty() && !self.is_over {
                self.wait().await;
            }
        }
    }

    /// Looks whether the answer is there.
    async fn look(&mut self) {
        self.looks = self.looks.saturating_add(1);
        let organisation = &self.shared.host.organisation;
        let found = organisation.said_so_far(&self.link, self.letter).await;
        let entry = match found {
            Ok(Some((letter, reply))) => match letter.status {
                LetterStatus::Answered => {
                    let text = reply.map(|reply| reply.text().to_owned()).unwrap_or_default();
                    let content = json!([{"type": "text", "text": text}]);
                    json!({
                        "type": "assistant",
                        "message": {"role": "assistant", "content": content},
                    })
                }
                LetterStatus::Dead => error("The agent could not answer"),
                LetterStatus::Cancelled => error("The answer was cancelled"),
                LetterStatus::Waiting | LetterStatus::Parked if self.looks >= LOOKS_MAX => {
                    error("The answer takes too long")
                }
                LetterStatus::Waiting | LetterStatus::Parked => {
                    if self.looks.is_multiple_of(LOOKS_PER_BREATH) {
                        self.left.push_back(Bytes::from_static(b": ping\n\n"));
                    }
                    return;
                }
            },
            Ok(None) => error("Execution not found"),
            Err(_) => error("The answer cannot be read"),
        };
        self.left.push_back(line(&entry));
        self.left.push_back(line(&json!({"type": "stream_end"})));
        self.is_over = true;
    }

    /// Waits for words of the answer, or until it is worth looking again.
    async fn wait(&mut self) {
        let clock = Arc::clone(self.shared.host.registry.clock());
        let mut late = clock.sleep(LOOK_EVERY);
        loop {
            tokio::select! {
                piece = self.pieces.recv() => match piece {
                    Ok(piece) if piece.letter_id == self.letter => return,
                    Ok(_) => {}
                    // Missed some, or none will come: the pace of looks is enough.
                    Err(_) => return late.await,
                },
                () = &mut late => return,
            }
        }
    }
}

fn error(message: &str) -> Value {
    json!({"type": "error", "message": message})
}

/// An entry; JSON on one line has no line break in it.
fn line(entry: &Value) -> Bytes {
    Bytes::from(format!("data: {entry}\n\n"))
}
