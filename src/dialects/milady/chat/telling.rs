//! An answer piece by piece, however it is worded.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::time::Duration;

use actix_web::web::Bytes;
use futures::{FutureExt, Stream, stream};
use greenroom_actors::error::CoreError;
use greenroom_actors::pieces::Piece;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};

use super::{Answered, Turn};
use crate::dialects::milady::error::MiladyError;
use crate::messaging::{Came, Coming, Rest, Unfolding};

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

/// An answer on its way.
pub(in crate::dialects::milady) struct Telling<W> {
    frames: VecDeque<Bytes>,
    wording: W,
    told: Unfolding,
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
            told: Unfolding::of(letter),
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
