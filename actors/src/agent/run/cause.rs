//! What a run is about: the letter it answers, and what earlier attempts at it have done.

use super::{Errand, Occasion};
use crate::agent::hearing::failed;
use crate::agent::letters;
use crate::error::CoreError;
use crate::goals::{Goal, GoalStatus};
use crate::letters::Letter;
use crate::ports::RunQuery;
use crate::runs::{Run, RunKind, RunStatus, Step};

/// Interrupted runs, one after the other, that another one goes on from.
const RESUMED_MAX: u32 = 8;

/// Earlier attempts that are looked at, beyond those that a letter counts: one that was given up may
/// have been requeued, and what it has done by then is not done again.
const EARLIER_MAX: u32 = 256;

/// What a run is about.
#[derive(Debug, Default)]
pub(super) struct Cause {
    /// The letter to answer.
    pub(super) letter: Option<Letter>,
    /// The open goals.
    pub(super) goals: Vec<Goal>,
    /// Whether another one waits behind it.
    pub(super) has_more_letters: bool,
    /// Earlier runs for the same cause that ended before their work was done, the latest first.
    pub(super) earlier: Vec<Run>,
}

impl Errand {
    /// What there is to do; `None` if there is nothing after all.
    pub(super) async fn find_cause(&self) -> Result<Option<Cause>, CoreError> {
        let goals = self.open_goals().await?;
        match self.occasion {
            Occasion::Letter => {}
            Occasion::Title(_) | Occasion::Reflection => {
                return Ok(Some(Cause { goals, ..Cause::default() }));
            }
            Occasion::Goals => {
                let now = self.runtime.now();
                if !goals.iter().any(|goal| goal.is_due(now)) {
                    return Ok(None);
                }
                let earlier = self.interrupted_work().await?;
                return Ok(Some(Cause { goals, earlier, ..Cause::default() }));
            }
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
        Ok(Some(Cause { letter: Some(letter), goals, has_more_letters, earlier }))
    }

    async fn open_goals(&self) -> Result<Vec<Goal>, CoreError> {
        if !self.has_goals || matches!(self.occasion, Occasion::Title(_)) {
            return Ok(Vec::new());
        }
        let mut goals = self.runtime.ports.store.goals(self.agent).await?;
        goals.retain(|goal| goal.status == GoalStatus::Open);
        Ok(goals)
    }

    /// The runs of ticks that the latest one goes back to, if it did not come to its end: its work is
    /// gone on with.
    async fn interrupted_work(&self) -> Result<Vec<Run>, CoreError> {
        let runs = RunQuery::of(self.agent, RESUMED_MAX);
        let runs = self.runtime.ports.store.runs(runs).await?;
        let ticks = runs.into_iter().filter(|run| run.kind == RunKind::Tick);
        Ok(ticks.take_while(|run| run.status == RunStatus::Interrupted).collect())
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
