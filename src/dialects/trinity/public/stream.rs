//! The answer to a message, as it comes: a line of JSON for each entry.

use std::time::Duration;

use actix_web::get;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue};
use actix_web::web::Bytes;
use actix_web::{Error, HttpResponse};
use futures::stream;
use greenroom_actors::error::CoreError;
use greenroom_actors::letters::LetterStatus;
use serde_json::{Value, json};
use tokio::sync::OwnedSemaphorePermit;

use super::progress::execution;
use crate::dialects::trinity::call::Visit;
use crate::dialects::trinity::error::TrinityError;
use crate::dialects::trinity::mount::Mount;
use crate::messaging::{Came, Coming};
use crate::organisation::SaidSoFar;

/// Has proxies pass each entry on at once.
const NO_BUFFER: (HeaderName, HeaderValue) =
    (HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));

/// How long an answer is waited for.
const ANSWER_WITHIN: Duration = Duration::from_secs(7_200);

/// How often something is told where nothing comes, so that a connection that is gone is noticed.
const BREATH: Duration = Duration::from_secs(15);

/// What came of a message in the end; `None` where the link leads to it no longer.
type Whole = Result<Option<SaidSoFar>, CoreError>;

pub(super) fn routes(at: &mut Mount) {
    at.service(follow);
}

/// The answer to a message as it comes: its words piece by piece, then the whole.
#[utoipa::path(tag = "Public", params(("token" = String, Path), ("id" = String, Path)), responses((status = 200, description = "`data:` lines, each an entry", content_type = "text/event-stream")))]
#[get("/api/public/executions/{token}/{id}/stream")]
async fn follow(visit: Visit) -> Result<HttpResponse, TrinityError> {
    let guest = visit.guest(&visit.segment("token")).await?;
    if !guest.agent.is_running() {
        return Err(TrinityError::unavailable("Agent is not running"));
    }
    let letter = execution(&visit)?;
    let organisation = visit.shared.host.organisation.clone();
    // Watched before it is looked at, so that nothing comes in between.
    let pieces = visit.shared.host.registry.watch_pieces();
    if organisation.said_so_far(&guest.link, letter).await?.is_none() {
        return Err(TrinityError::not_found("Execution not found"));
    }
    let place = visit.shared.in_flight.stream();
    let place = place.ok_or_else(|| TrinityError::unavailable("Too many streams are open"))?;
    let whole = async move {
        let said = organisation.said_in_the_end(&guest.link, letter);
        let late = Err(CoreError::DeadlineExceeded(ANSWER_WITHIN));
        tokio::time::timeout(ANSWER_WITHIN, said).await.unwrap_or(late)
    };
    let watch = Watch { coming: Coming::of(letter, pieces, whole), _place: place };
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
    coming: Coming<Whole>,
    _place: OwnedSemaphorePermit,
}

impl Watch {
    async fn next(&mut self) -> Option<Bytes> {
        let Ok(came) = tokio::time::timeout(BREATH, self.coming.next()).await else {
            return Some(Bytes::from_static(b": ping\n\n"));
        };
        Some(match came? {
            Came::Piece(piece) => line(&part(&piece.text)).into(),
            Came::Whole(whole) => {
                (line(&entry(whole)) + &line(&json!({"type": "stream_end"}))).into()
            }
        })
    }
}

/// Further words, in the form that the runtimes' own streams have for them.
fn part(text: &str) -> Value {
    let delta = json!({"type": "text_delta", "text": text});
    let event = json!({"type": "content_block_delta", "index": 0, "delta": delta});
    json!({"type": "stream_event", "event": event})
}

fn entry(whole: Whole) -> Value {
    let (letter, reply) = match whole {
        Ok(Some(said)) => said,
        Ok(None) => return error("Execution not found"),
        Err(CoreError::DeadlineExceeded(_)) => return error("The answer takes too long"),
        Err(_) => return error("The answer cannot be read"),
    };
    match letter.status {
        LetterStatus::Answered => {
            let text = reply.map(|reply| reply.text().to_owned()).unwrap_or_default();
            let content = json!([{"type": "text", "text": text}]);
            json!({"type": "assistant", "message": {"role": "assistant", "content": content}})
        }
        LetterStatus::Cancelled => error("The answer was cancelled"),
        LetterStatus::Dead | LetterStatus::Waiting | LetterStatus::Parked => {
            error("The agent could not answer")
        }
    }
}

fn error(message: &str) -> Value {
    json!({"type": "error", "message": message})
}

/// An entry; JSON on one line has no line break in it.
fn line(entry: &Value) -> String {
    format!("data: {entry}\n\n")
}
