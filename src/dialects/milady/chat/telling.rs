//! An answer piece by piece, however it is worded.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::time::Duration;

use actix_web::web::Bytes;
use futures::{FutureExt, Stream, stream};
use greenroom_actors::error::CoreError;
use greenroom_actors::ids::{LetterId, MemoryId};
use greenroom_actors::pieces::Piece;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};

use super::{Answered, Turn};
use crate::dialects::milady::error::MiladyError;
use crate::messaging::{Came, Coming};

/// How long nothing is said at most.
const BREATH: Duration = Duration::from_secs(5);

/// How an answer is put on the wire.
pub(in crate::dialects::milady) trait Wording {
    /// What goes before the first words.
    fn begin(&mut self) -> Vec<Bytes>;

    /// Further words.
    fn words(&mut self, words: &str) -> Bytes;

    /// The end; `rest` is what was not told of it yet.
    fn end(&mut self, answer: Answered, rest: Rest) -> Vec<Bytes>;

    /// That there is no answer, and why. Nothing comes after it.
    fn failed(&mut self, error: &MiladyError) -> Vec<Bytes>;

    /// Nothing: it keeps the connection.
    fn breath(&mut self) -> Bytes;
}

/// What of the whole answer was not told piece by piece.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::dialects::milady) enum Rest {
    /// The pieces were all of it.
    Nothing,
    /// The end of it.
    More(String),
    /// The pieces were something else: the whole stands in their place.
    Other,
}

/// An answer on its way.
pub(in crate::dialects::milady) struct Telling<W> {
    frames: VecDeque<Bytes>,
    wording: W,
    told: Told,
    coming: Coming<Result<Answered, CoreError>>,
    breath: Interval,
    /// Its place among the requests in flight, until it is over.
    _place: OwnedSemaphorePermit,
}

impl<W: Wording + 'static> Telling<W> {
    /// The answer to a turn in that wording; it ends when the answer is whole, or none comes.
    pub(in crate::dialects::milady) fn frames(
        turn: Turn,
        mut wording: W,
    ) -> impl Stream<Item = Result<Bytes, Infallible>> + 'static {
        let mut breath = interval_at(Instant::now() + BREATH, BREATH);
        breath.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let Turn { letter, pieces, answer, place, .. } = turn;
        let answer = answer.map(|answer| answer.unwrap_or(Err(CoreError::ShuttingDown)));
        let telling = Self {
            frames: wording.begin().into(),
            wording,
            told: Told::of(letter),
            coming: Coming::of(letter, pieces, answer),
            breath,
            _place: place,
        };
        stream::unfold(telling, |mut telling| async move {
            let frame = telling.next().await?;
            Some((Ok(frame), telling))
        })
    }

    async fn next(&mut self) -> Option<Bytes> {
        loop {
            if let Some(frame) = self.frames.pop_front() {
                return Some(frame);
            }
            tokio::select! {
                came = self.coming.next() => match came? {
                    Came::Piece(piece) => self.take(&piece),
                    Came::Whole(answer) => self.end(answer),
                },
                _ = self.breath.tick() => {
                    let breath = self.wording.breath();
                    self.frames.push_back(breath);
                }
            }
        }
    }

    fn take(&mut self, piece: &Piece) {
        if let Some(words) = self.told.take(piece) {
            let frame = self.wording.words(words);
            self.frames.push_back(frame);
        }
    }

    fn end(&mut self, answer: Result<Answered, CoreError>) {
        let last = match answer {
            Ok(answer) => {
                let rest = self.told.rest(&answer.text);
                self.wording.end(answer, rest)
            }
            Err(error) => {
                tracing::debug!(%error, "a streamed turn has no answer");
                self.wording.failed(&error.into())
            }
        };
        self.frames.extend(last);
    }
}

/// What of an answer was told: words that follow one another without a gap.
struct Told {
    letter: LetterId,
    /// What the whole will be kept as: a second attempt has another.
    memory: Option<MemoryId>,
    words: String,
    next: u32,
}

impl Told {
    fn of(letter: LetterId) -> Self {
        Self { letter, memory: None, words: String::new(), next: 0 }
    }

    /// The words of a piece, if they follow what was told. After a gap, and where the agent begins
    /// anew, nothing is told until the whole is there.
    fn take<'a>(&mut self, piece: &'a Piece) -> Option<&'a str> {
        if piece.letter_id != self.letter || piece.index != self.next {
            return None;
        }
        if *self.memory.get_or_insert(piece.memory_id) != piece.memory_id {
            return None;
        }
        self.next = self.next.saturating_add(1);
        self.words.push_str(&piece.text);
        Some(&piece.text)
    }

    fn rest(&self, whole: &str) -> Rest {
        match whole.strip_prefix(self.words.as_str()) {
            Some("") => Rest::Nothing,
            Some(more) => Rest::More(more.to_owned()),
            // White space around it is no other answer.
            None if self.words.trim() == whole.trim() => Rest::Nothing,
            None => Rest::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use greenroom_actors::ids::AgentId;
    use proptest::prelude::*;

    use super::*;

    fn piece(letter_id: LetterId, index: u32, text: &str) -> Piece {
        let (agent_id, memory_id) = (AgentId::new(), MemoryId(letter_id.0));
        let text = text.to_owned();
        Piece { agent_id, letter_id, memory_id, heard: None, index, text }
    }

    proptest! {
        /// Whatever a watcher missed, and whatever repeats itself in an answer.
        #[test]
        fn increments_and_the_rest_are_the_whole(
            answer in prop::collection::vec(("[ab \u{f6}]{0,3}", any::<bool>()), 0..12),
        ) {
            let letter = LetterId::new();
            let mut told = Told::of(letter);
            let (mut whole, mut heard) = (String::new(), String::new());
            for (index, (text, is_missed)) in (0_u32..).zip(&answer) {
                whole.push_str(text);
                if !is_missed {
                    heard.extend(told.take(&piece(letter, index, text)).map(str::to_owned));
                }
            }
            match told.rest(&whole) {
                Rest::Nothing => prop_assert_eq!(heard.trim(), whole.trim()),
                Rest::More(more) => prop_assert_eq!(heard + &more, whole),
                Rest::Other => prop_assert!(false, "{heard:?} does not begin {whole:?}"),
            }
        }
    }

    #[test]
    fn what_is_told_is_the_beginning_of_the_whole() {
        let (ours, others) = (LetterId::new(), LetterId::new());
        let more = |text: &str| Rest::More(text.to_owned());
        for (pieces, whole, words, rest) in [
            (&[(ours, 0, "ha"), (ours, 1, "ha")][..], "haha", &["ha", "ha"][..], Rest::Nothing),
            (&[(ours, 0, "a"), (others, 1, "x"), (ours, 1, "b")], "abc", &["a", "b"], more("c")),
            (&[(ours, 0, "a"), (ours, 2, "c")], "abc", &["a"], more("bc")),
            (&[(ours, 1, "b")], "ab", &[], more("ab")),
            (&[(ours, 0, "a"), (ours, 0, "b")], "b", &["a"], Rest::Other),
            (&[(ours, 0, "a \n")], "a", &["a \n"], Rest::Nothing),
            (&[], "", &[], Rest::Nothing),
        ] {
            let mut told = Told::of(ours);
            let mut found = Vec::new();
            for (letter_id, index, text) in pieces {
                let piece = piece(*letter_id, *index, text);
                found.extend(told.take(&piece).map(str::to_owned));
            }
            assert_eq!(found, words, "{pieces:?}");
            assert_eq!(told.rest(whole), rest, "{pieces:?}");
        }
    }
}
