//! The stream of events that brings an answer piece by piece.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::web::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;
use futures::stream;
use greenroom_actors::error::CoreError;
use greenroom_actors::ids::LetterId;
use greenroom_actors::pieces::Piece;
use greenroom_actors::records::Memory;
use serde_json::{Map, Value, json};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};

use super::super::error::ElizaError;
use super::super::said::Dialect;
use super::frame;
use crate::media::with_urls;
use crate::messaging::Letter;

/// An answer on its way.
struct Coming {
    frames: VecDeque<Bytes>,
    letter: LetterId,
    pieces: Receiver<Arc<Piece>>,
    are_pieces_over: bool,
    /// Gone once it has come.
    reply: Option<BoxFuture<'static, Result<Option<Memory>, CoreError>>>,
}

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
    let coming = Coming {
        frames: VecDeque::from([frame::event("user_message", &Value::Object(user_message))]),
        letter: letter.id,
        pieces,
        are_pieces_over: false,
        reply: Some(reply),
    };
    let frames = stream::unfold(coming, |mut coming| async move {
        let frame = coming.next().await?;
        Some((Ok::<_, Infallible>(frame), coming))
    });
    frame::answer(frames)
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

impl Coming {
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            if let Some(frame) = self.frames.pop_front() {
                return Some(frame);
            }
            let reply = self.reply.as_mut()?;
            tokio::select! {
                piece = self.pieces.recv(), if !self.are_pieces_over => match piece {
                    Ok(piece) => self.take(&piece),
                    // What is missed comes with the whole answer.
                    Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => self.are_pieces_over = true,
                },
                reply = reply => {
                    self.reply = None;
                    self.drain();
                    self.frames.push_back(ended(reply));
                }
            }
        }
    }

    fn take(&mut self, piece: &Piece) {
        if piece.letter_id == self.letter {
            self.frames.push_back(chunk(piece));
        }
    }

    /// The pieces that came before the whole.
    fn drain(&mut self) {
        loop {
            match self.pieces.try_recv() {
                Ok(piece) => self.take(&piece),
                Err(TryRecvError::Lagged(_)) => {}
                Err(TryRecvError::Empty | TryRecvError::Closed) => return,
            }
        }
    }
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
