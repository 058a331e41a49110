//! An answer piece by piece, however it is worded.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use actix_web::web::Bytes;
use futures::{Stream, stream};
use greenroom_actors::error::CoreError;
use greenroom_actors::pieces::Piece;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tokio::sync::{broadcast, oneshot};
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};

use super::{Answered, Turn};
use crate::dialects::milady::error::MiladyError;
use crate::messaging::{Rest, Unfolding};

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
pub(in crate::dialects::milady) struct Coming<W> {
    frames: VecDeque<Bytes>,
    wording: W,
    told: Unfolding,
    pieces: broadcast::Receiver<Arc<Piece>>,
    are_pieces_over: bool,
    /// Gone once it has come.
    answer: Option<oneshot::Receiver<Result<Answered, CoreError>>>,
    breath: Interval,
}

impl<W: Wording + 'static> Coming<W> {
    /// The answer to a turn in that wording; it ends when the answer is whole, or none comes.
    pub(in crate::dialects::milady) fn frames(
        turn: Turn,
        mut wording: W,
    ) -> impl Stream<Item = Result<Bytes, Infallible>> + 'static {
        let mut breath = interval_at(Instant::now() + BREATH, BREATH);
        breath.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let coming = Self {
            frames: wording.begin().into(),
            wording,
            told: Unfolding::of(turn.letter),
            pieces: turn.pieces,
            are_pieces_over: false,
            answer: Some(turn.answer),
            breath,
        };
        stream::unfold(coming, |mut coming| async move {
            let frame = coming.next().await?;
            Some((Ok(frame), coming))
        })
    }

    async fn next(&mut self) -> Option<Bytes> {
        loop {
            if let Some(frame) = self.frames.pop_front() {
                return Some(frame);
            }
            let answer = self.answer.as_mut()?;
            tokio::select! {
                piece = self.pieces.recv(), if !self.are_pieces_over => match piece {
                    Ok(piece) => self.take(&piece),
                    // What is missed comes with the whole answer.
                    Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => self.are_pieces_over = true,
                },
                answer = answer => {
                    self.answer = None;
                    self.drain();
                    self.end(answer.unwrap_or(Err(CoreError::ShuttingDown)));
                }
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
