//! Streams of events as Milady's clients read them: a line of JSON each, without names.

use actix_web::HttpResponse;
use actix_web::http::header::{CACHE_CONTROL, CONNECTION, CONTENT_TYPE, HeaderName, HeaderValue};
use actix_web::web::Bytes;
use serde_json::{Value, json};

use super::{Answered, Telling, Turn, Wording};
use crate::dialects::milady::error::MiladyError;
use crate::messaging::Rest;

/// Has proxies pass each event on at once.
const NO_BUFFER: (HeaderName, HeaderValue) =
    (HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));

/// The stream of the answer to a turn.
pub(in crate::dialects::milady) fn answer(
    turn: Turn,
    wording: impl Wording + 'static,
) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, "text/event-stream"))
        .insert_header((CACHE_CONTROL, "no-cache, no-transform"))
        .insert_header((CONNECTION, "keep-alive"))
        .insert_header(NO_BUFFER)
        .streaming(Telling::frames(turn, wording))
}

/// Milady's own wording.
pub(in crate::dialects::milady) struct Sse {
    agent_name: String,
}

impl Sse {
    /// For that turn.
    pub(in crate::dialects::milady) fn of(turn: &Turn) -> Self {
        Self { agent_name: turn.agent_name.clone() }
    }
}

impl Wording for Sse {
    fn begin(&mut self) -> Vec<Bytes> {
        Vec::new()
    }

    fn words(&mut self, words: &str) -> Bytes {
        event(&json!({"type": "token", "text": words}))
    }

    fn end(&mut self, answer: Answered, rest: Rest) -> Vec<Bytes> {
        let more = match rest {
            Rest::More(more) => Some(self.words(&more)),
            // Clients put the whole in the place of what they have.
            Rest::Nothing | Rest::Other => None,
        };
        let done = json!({
            "type": "done", "fullText": answer.text, "agentName": self.agent_name,
        });
        more.into_iter().chain([event(&done)]).collect()
    }

    fn failed(&mut self, error: &MiladyError) -> Vec<Bytes> {
        vec![event(&json!({"type": "error", "message": error.words()}))]
    }

    fn breath(&mut self) -> Bytes {
        Bytes::from_static(b": ping\n\n")
    }
}

/// An event; JSON on one line has no line break in it.
pub(in crate::dialects::milady) fn event(data: &Value) -> Bytes {
    Bytes::from(format!("data: {data}\n\n"))
}
