//! What a run is about: the letter it answers, and what earlier attempts at it have done.

use super::{Errand, Occasion};
use crate::agent::hearing::failed;
use crate::agent::letters;
use crate::error::CoreError;
use crate::letters::Letter;
use crate::ports::RunQuery;
use crate::runs::{Run, Step};

/// Earlier attempts that are looked at, beyond those that a letter counts: one that was given up may
/// have been requeued, and what it has done by then is not done again.
const EARLIER_MAX: u32 = 256;

/// What a run is about.
#[derive(Debug, Default)]
pub(super) struct Cause {
    /// The letter to answer.
    pub(super) letter: Option<Letter>,
    /// Whether another one waits behind it.
    pub(super) has_more_letters: bool,
    /// Earlier runs for the same cause that ended before their work was done, the latest first.
    pub(super) earlier: Vec<Run>,
}

impl Errand {
    /// What there is to do; `None` if there is nothing after all.
    pub(super) async fn find_cause(&self) -> Result<Option<Cause>, CoreError> {
        if !matches!(self.occasion, Occasion::Letter) {
            return Ok(Some(Cause::default()));
        }
        let Some((letter, has_more_letters)) = self.find_letter().await? else { return Ok(None) };
        // With one attempt allowed, a letter that was requeued counts none.
        let is_new = letter.attempts == 0 && self.runtime.settings.letter_attempts_max > 1;
        let earlier = if !is_new {
            let attempts = RunQuery {
                letter_id: Some(letter.id),
                from: Some(letter.sent_at),
                ..RunQuery::of(self.agent, letter.attempts.saturating_add(EARLIER_MAX))
            };
            self.runtime.ports.store.runs(attempts).await?
        } else {
            Vec::new()
        };
        Ok(Some(Cause { letter: Some(letter), has_more_letters, earlier }))
    }

    /// The letter to deal with, and whether another waits behind it; those tried too often are given
    /// up on the way.
    async fn find_letter(&self) -> Result<Option<(Letter, bool)>, CoreError> {
        loop {
            let waiting = self.runtime.ports.store.waiting_letters(self.agent, 2).await?;
            let has_more = waiting.len() > 1;
            let Some(letter) = waiting.into_iter().next() else { return Ok(None) };
            if letter.attempts < self.runtime.settings.letter_attempts_max {
                return Ok(Some((letter, has_more)));
            }
            let reason = "tried too often";
            let mut facts = Vec::from(letters::given_up(&self.journal(), letter.id, reason));
            let now = self.runtime.now();
            facts.extend(letter.heard.map(|heard| failed(heard, self.agent, reason, now)));
            self.runtime.commit(facts).await?;
        }
    }

    /// The steps of the earlier attempts, the oldest first.
    pub(super) async fn past(&self, cause: &Cause) -> Result<Vec<Step>, CoreError> {
        if cause.earlier.is_empty() {
            return Ok(Vec::new());
        }
        let runs = cause.earlier.iter().rev().map(|run| run.id).collect();
        Ok(self.runtime.ports.store.steps(runs).await?)
    }
}
