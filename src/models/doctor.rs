//! `doctor`: a conversational model that needs no network, no key and no weights.
//!
//! It works as Weizenbaum's ELIZA did (1966, "ELIZA – A Computer Program for the Study of Natural
//! Language Communication between Man and Machine"): keywords with ranks choose a rule, a
//! decomposition takes the sentence apart, a reassembly puts an answer together with the persons
//! exchanged, reassemblies take turns, and what was said earlier is kept to come back to. Rules and
//! words are our own; on top of them it reads the character it speaks for.
//!
//! Where it is offered tools, it uses them for what it is plainly asked to do, and says what came of it.
//!
//! It keeps no state: whose turn it is and what to come back to are read off the prompt's turns.
//! The same prompt has the same answer. It says what it is when asked.

mod acting;
mod converse;
mod deeds;
mod muse;
mod pattern;
mod persona;
mod phrase;
mod reflection;
mod script;
mod summary;
mod timing;
mod title;
mod words;
mod work;

use std::sync::Arc;

use futures::future::BoxFuture;
use futures::stream::{self, BoxStream};
use futures::{FutureExt, StreamExt, future};
use greenroom_actors::error::ModelError;
use greenroom_actors::ports::{Prompt, Purpose, Turn};

use acting::Act;

use super::provider::{Failure, Piece, Provider};

/// The name it is chosen by, and that its answers carry.
pub const NAME: &str = "doctor";

/// Words that are given out at once.
const PIECE_WORDS: usize = 4;

/// The turns that are looked at, counted from the last.
const TURNS_MAX: usize = 40;

/// The rule-based model.
pub(super) struct Doctor;

/// What it does about `prompt`.
fn act(prompt: &Prompt) -> Act {
    let acting = match prompt.purpose {
        Purpose::Reply => acting::next(prompt, latest(prompt)),
        Purpose::Work => work::next(prompt, latest(prompt)),
        Purpose::Reflect | Purpose::Title | Purpose::Summarise => None,
    };
    match acting {
        Some(Act::Say(words)) => Act::Say(persona::styled(&prompt.character, words)),
        Some(call) => call,
        None => Act::Say(answer(prompt)),
    }
}

/// The turns that are looked at.
fn latest(prompt: &Prompt) -> &[Turn] {
    let skipped = prompt.turns.len().saturating_sub(TURNS_MAX);
    prompt.turns.get(skipped..).unwrap_or_default()
}

/// The whole answer to `prompt`, in words alone.
fn answer(prompt: &Prompt) -> String {
    let turns = latest(prompt);
    let text = match prompt.purpose {
        Purpose::Reply => converse::reply(&prompt.character, turns),
        Purpose::Reflect | Purpose::Work => muse::thought(&prompt.character, turns),
        // No words of the character, so that its style does not count.
        Purpose::Title => return title::title(&prompt.character, turns),
        Purpose::Summarise => return summary::summary(turns),
    };
    persona::styled(&prompt.character, text)
}

/// The answer cut into groups of words, nothing added and nothing lost.
fn cut(text: &str) -> Vec<String> {
    let words: Vec<&str> = text.split_inclusive(' ').collect();
    words.chunks(PIECE_WORDS).map(<[&str]>::concat).collect()
}

impl Provider for Doctor {
    fn generate(&self, prompt: &Arc<Prompt>) -> BoxStream<'static, Result<Piece, Failure>> {
        let prompt = prompt.clone();
        stream::once(async move {
            let pieces: Vec<Piece> = match act(&prompt) {
                Act::Call(call) => vec![Piece::ToolCall(call)],
                Act::Say(words) => cut(&words).into_iter().map(Piece::Text).collect(),
            };
            let end = Piece::End { input: None, output: None };
            stream::iter(pieces.into_iter().chain([end]).map(Ok))
        })
        .flatten()
        .boxed()
    }

    fn embed(&self, _: Vec<String>) -> BoxFuture<'static, Result<Vec<Vec<f32>>, Failure>> {
        let error = ModelError::Unsupported("doctor cannot embed".to_owned());
        future::err(Failure::lasting(error)).boxed()
    }
}

#[cfg(test)]
mod tests;
