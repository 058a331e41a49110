//! The stream of events that brings an answer piece by piece.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::web::Bytes;
use futures::{FutureExt, StreamExt, stream};
use greenroom_actors::error::CoreError;
use greenroom_actors::pieces::Piece;
use greenroom_actors::records::Memory;
use serde_json::{Map, Value, json};
use tokio::sync::broadcast::Receiver;

use super::super::error::ElizaError;
use super::super::said::Dialect;
use super::frame;
use crate::media::with_urls;
use crate::messaging::{Came, Coming, Letter};

/// The stream of the answer to a letter; it ends when the answer is whole, or `deadline` is over.
pub(super) fn of(
    user_message: Map<String, Value>,
    letter: Letter,
    pieces: Receiver<Arc<Piece>>,
    deadline: Duration,
) -> HttpResponse {
    let reply = match letter.reply {
        Some(reply) => reply.within(deadline).boxed(),
        None => std::future::ready(Ok(None)).boxed(),
    };
    let said = frame::event("user_message", &Value::Object(user_message));
    let coming = Coming::of(letter.id, pieces, reply);
    let answer = stream::unfold(coming, |mut coming| async move {
        let frame = match coming.next().await? {
            Came::Piece(piece) => chunk(&piece),
            Came::Whole(reply) => ended(reply),
        };
        Some((frame, coming))
    });
    frame::answer(stream::iter([said]).chain(answer).map(Ok::<_, Infallible>))
}

/// The stream of a message that nobody answers.
pub(super) fn failed(user_message: Map<String, Value>, words: &str) -> HttpResponse {
    let frames = [frame::event("user_message", &Value::Object(user_message)), error(words)];
    frame::answer(stream::iter(frames.map(Ok::<_, Infallible>)))
}

/// Why there is no answer.
pub(super) fn words(error: &CoreError) -> String {
    ElizaError::from(error.clone()).words(Dialect::Api)
}

fn ended(reply: Result<Option<Memory>, CoreError>) -> Bytes {
    let mut done = match reply {
        Ok(Some(memory)) => with_urls(&memory.content).into_owned(),
        Ok(None) => {
            let silence = json!({"text": "", "thought": "", "actions": [], "providers": []});
            silence.as_object().cloned().unwrap_or_default()
        }
        Err(failure) => return error(&words(&failure)),
    };
    done.insert("type".to_owned(), json!("complete"));
    frame::event("done", &Value::Object(done))
}

fn chunk(piece: &Piece) -> Bytes {
    let data = json!({
        "messageId": piece.memory_id, "chunk": piece.text, "index": piece.index,
        "type": "chunk", "text": piece.text,
    });
    frame::event("chunk", &data)
}

fn error(words: &str) -> Bytes {
    frame::event("error", &json!({"error": words, "type": "error"}))
}
