//! What a run is about: the letter it answers or the firing it carries out, and what earlier attempts
//! at it have done, or the parked run that goes on.

use std::time::Duration;

use super::{Errand, Occasion};
use crate::agent::firing::{FiringsWaiting, settled, waits_for_a_tick};
use crate::agent::hearing::failed;
use crate::agent::letters;
use crate::approvals::Approval;
use crate::error::CoreError;
use crate::goals::{Goal, GoalStatus};
use crate::ids::{LetterId, RunId};
use crate::letters::{Letter, LetterStatus, Terms};
use crate::ports::{ApprovalQuery, RunQuery};
use crate::runs::{Run, RunKind, RunStatus, Step};
use crate::time::UnixMillis;
use crate::triggers::{Firing, FiringSource, FiringStatus, Trigger};
use crate::vitals::Counters;

/// Firings that are looked at to find the one to take up.
const LOOK_MAX: u32 = 256;

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
    /// The firing to carry out, and its trigger.
    pub(super) firing: Option<(Firing, Trigger)>,
    /// What waits behind that firing.
    pub(super) firings_left: Option<FiringsWaiting>,
    /// Earlier runs for the same cause that ended before their work was done, the latest first.
    pub(super) earlier: Vec<Run>,
    /// The run that was parked and goes on now.
    pub(super) parked: Option<Run>,
    /// Whether another one may go on after it.
    pub(super) has_more_resumable: bool,
}

/// What has been done about a cause already.
#[derive(Debug, Default)]
pub(super) struct Past {
    /// The steps of earlier attempts, the oldest first, and those of the run itself behind them.
    pub(super) steps: Vec<Step>,
    /// What they asked a person.
    pub(super) approvals: Vec<Approval>,
}

impl Cause {
    /// The trigger that fired.
    pub(super) fn trigger(&self) -> Option<&Trigger> {
        self.firing.as_ref().map(|(_, trigger)| trigger)
    }

    /// When the firing is taken up again if this run of it, too, fails at `now`; never, if its trigger
    /// wants it so no more often, or a person fired it and sees for themselves.
    pub(super) fn retry_at(&self, now: UnixMillis) -> Option<UnixMillis> {
        let (firing, trigger) = self.firing.as_ref()?;
        let failed = self.earlier.iter().filter(|run| has_failed(run)).count();
        let most = usize::try_from(trigger.retries_max).unwrap_or(usize::MAX);
        let is_again = firing.source == FiringSource::Scheduler && failed < most;
        is_again.then(|| now.plus(retry_after(trigger)))
    }

    /// What the writer of the letter asks of the run.
    pub(super) fn terms(&self) -> Option<&Terms> {
        self.letter.as_ref()?.terms.as_deref()
    }
}

/// What a look for something to do has found.
#[derive(Debug)]
pub(super) enum Found {
    /// Something.
    Cause(Box<Cause>),
    /// A letter that is not dealt with any more, and why.
    GivenUp(LetterId, String),
    /// Nothing; of firings, perhaps some that wait for a tick.
    Nothing(Option<FiringsWaiting>),
}

impl Errand {
    /// What there is to do.
    pub(super) async fn find_cause(&self) -> Result<Found, CoreError> {
        if let Occasion::Task { letter, parked } = self.occasion {
            return self.find_task(letter, parked).await;
        }
        let goals = self.open_goals().await?;
        let earlier = match self.occasion {
            Occasion::Letter => return self.find_letter_cause(goals).await,
            Occasion::Parked => return self.find_parked(goals).await,
            Occasion::Firing { at_tick_too } => {
                return self.find_firing_cause(goals, at_tick_too).await;
            }
            Occasion::Title(_) | Occasion::Reflection | Occasion::Task { .. } => Vec::new(),
            Occasion::Goals => {
                let now = self.runtime.now();
                if !goals.iter().any(|goal| goal.is_due(now)) || self.is_work_parked().await? {
                    return Ok(Found::Nothing(None));
                }
                self.interrupted_work().await?
            }
        };
        Ok(Found::Cause(Box::new(Cause { goals, earlier, ..Cause::default() })))
    }

    async fn find_firing_cause(
        &self,
        goals: Vec<Goal>,
        at_tick_too: bool,
    ) -> Result<Found, CoreError> {
        let store = &self.runtime.ports.store;
        loop {
            let open = store.open_firings(self.agent, None, LOOK_MAX).await?;
            let mut rest = Vec::with_capacity(open.len());
            let mut chosen = None;
            let mut later = None;
            for firing in open {
                if self.is_firing_parked(&firing).await? {
                    continue;
                }
                if let Some(at) = self.retried_at(&firing).await?
                    && at > self.runtime.now()
                {
                    later = Some(later.map_or(at, |known: UnixMillis| known.min(at)));
                    continue;
                }
                if chosen.is_none() && (at_tick_too || !waits_for_a_tick(&firing)) {
                    chosen = Some(firing);
                } else {
                    rest.push(firing);
                }
            }
            let left = FiringsWaiting {
                now: rest.iter().any(|firing| !waits_for_a_tick(firing)),
                at_tick: rest.iter().any(waits_for_a_tick),
                is_ticked: false,
                later,
            };
            let Some(firing) = chosen else { return Ok(Found::Nothing(Some(left))) };
            let trigger = store.trigger(self.agent, firing.trigger_id).await?;
            let (status, reason) = match trigger {
                Some(trigger) if firing.attempts < self.attempts_max(&trigger) => {
                    let earlier = self.earlier_firings(&firing).await?;
                    let (firing, firings_left) = (Some((firing, trigger)), Some(left));
                    let cause = Cause { firing, firings_left, goals, earlier, ..Cause::default() };
                    return Ok(Found::Cause(Box::new(cause)));
                }
                Some(_) => (FiringStatus::Failed, "tried too often"),
                None => (FiringStatus::Skipped, "its trigger was removed"),
            };
            if status == FiringStatus::Failed {
                Counters::add(&self.runtime.counters.firings_failed, 1);
            }
            let (id, trigger) = (firing.id, Some(firing.trigger_id));
            let facts = settled(&self.journal(), id, trigger, (status, Some(reason)));
            self.runtime.commit(facts.into()).await?;
        }
    }

    /// How often a run may be begun for a firing: failures that are to be made good count beside those of
    /// the host.
    fn attempts_max(&self, trigger: &Trigger) -> u32 {
        self.runtime.settings.letter_attempts_max.saturating_add(trigger.retries_max)
    }

    /// When a firing is taken up again whose last run has failed; `None` if none has.
    async fn retried_at(&self, firing: &Firing) -> Result<Option<UnixMillis>, CoreError> {
        let Some(run) = firing.run_id.filter(|_| firing.attempts > 0) else { return Ok(None) };
        let store = &self.runtime.ports.store;
        let run = store.run(self.agent, run).await?.filter(has_failed);
        let Some(ended) = run.and_then(|run| run.ended_at) else { return Ok(None) };
        let trigger = store.trigger(self.agent, firing.trigger_id).await?;
        Ok(trigger.map(|trigger| ended.plus(retry_after(&trigger))))
    }

    /// The runs that were begun for a firing before, the latest first.
    pub(super) async fn earlier_firings(&self, firing: &Firing) -> Result<Vec<Run>, CoreError> {
        if firing.attempts == 0 {
            return Ok(Vec::new());
        }
        let attempts = RunQuery {
            firing_id: Some(firing.id),
            from: Some(firing.due_at),
            ..RunQuery::of(self.agent, firing.attempts)
        };
        Ok(self.runtime.ports.store.runs(attempts).await?)
    }

    async fn find_letter_cause(&self, goals: Vec<Goal>) -> Result<Found, CoreError> {
        let Some((letter, has_more_letters)) = self.find_letter().await? else {
            return Ok(Found::Nothing(None));
        };
        let earlier = self.attempts(&letter).await?;
        let letter = Some(letter);
        let cause = Cause { letter, goals, has_more_letters, earlier, ..Cause::default() };
        Ok(Found::Cause(Box::new(cause)))
    }

    /// The letter to deal with beside the conversation, if it is still to be dealt with.
    async fn find_task(&self, id: LetterId, parked: Option<RunId>) -> Result<Found, CoreError> {
        let store = &self.runtime.ports.store;
        let Some(letter) = store.letter(id).await? else { return Ok(Found::Nothing(None)) };
        if let Some(parked) = parked {
            let run = store.run(self.agent, parked).await?;
            let parked = run.filter(|run| run.status == RunStatus::Parked);
            if parked.is_none() || letter.status != LetterStatus::Parked {
                return Ok(Found::Nothing(None));
            }
            return Ok(Found::Cause(Box::new(self.going_on(letter, parked).await?)));
        }
        if letter.status != LetterStatus::Waiting {
            return Ok(Found::Nothing(None));
        }
        if let Some(reason) = self.why_not(&letter) {
            let journal = self.journal();
            let facts = letters::given_up(&journal, id, LetterStatus::Dead, reason).into();
            self.runtime.commit(facts).await?;
            return Ok(Found::GivenUp(id, reason.to_owned()));
        }
        let earlier = self.attempts(&letter).await?;
        let cause = Cause { letter: Some(letter), earlier, ..Cause::default() };
        Ok(Found::Cause(Box::new(cause)))
    }

    /// That a parked run for a letter goes on.
    async fn going_on(&self, letter: Letter, parked: Option<Run>) -> Result<Cause, CoreError> {
        let run = parked.as_ref().map(|run| run.id);
        let earlier = self.attempts(&letter).await?;
        let earlier = earlier.into_iter().filter(|other| Some(other.id) != run).collect();
        // This attempt is one of them already.
        let attempts = letter.attempts.saturating_sub(1);
        let letter = Some(Letter { attempts, ..letter });
        Ok(Cause { letter, earlier, parked, ..Cause::default() })
    }

    /// Why a letter that waits is not dealt with any more, if it is not.
    fn why_not(&self, letter: &Letter) -> Option<&'static str> {
        if letter.attempts >= self.runtime.settings.letter_attempts_max {
            Some("tried too often")
        } else if letter.is_overdue(self.runtime.now()) {
            Some(letters::OVERDUE)
        } else {
            None
        }
    }

    /// The runs that were begun for a letter, the latest first.
    pub(super) async fn attempts(&self, letter: &Letter) -> Result<Vec<Run>, CoreError> {
        // With one attempt allowed, a letter that was requeued counts none.
        if letter.attempts == 0 && self.runtime.settings.letter_attempts_max > 1 {
            return Ok(Vec::new());
        }
        let attempts = RunQuery {
            letter_id: Some(letter.id),
            from: Some(letter.sent_at),
            ..RunQuery::of(self.agent, letter.attempts.saturating_add(EARLIER_MAX))
        };
        Ok(self.runtime.ports.store.runs(attempts).await?)
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

    /// The letter to deal with, and whether another waits behind it; those tried too often, or that
    /// waited too long, are given up on the way.
    async fn find_letter(&self) -> Result<Option<(Letter, bool)>, CoreError> {
        loop {
            let waiting = self.runtime.ports.store.waiting_letters(self.agent, 2).await?;
            let has_more = waiting.len() > 1;
            let Some(letter) = waiting.into_iter().next() else { return Ok(None) };
            let Some(reason) = self.why_not(&letter) else { return Ok(Some((letter, has_more))) };
            let journal = self.journal();
            let dead = LetterStatus::Dead;
            let mut facts = Vec::from(letters::given_up(&journal, letter.id, dead, reason));
            let now = self.runtime.now();
            facts.extend(letter.heard.map(|heard| failed(heard, self.agent, reason, now)));
            self.runtime.commit(facts).await?;
        }
    }

    /// What earlier attempts, and the run itself if it was parked, have done.
    pub(super) async fn past(&self, cause: &Cause) -> Result<Past, CoreError> {
        let runs = cause.earlier.iter().rev().chain(&cause.parked);
        let runs: Vec<_> = runs.map(|run| run.id).collect();
        if runs.is_empty() {
            return Ok(Past::default());
        }
        let store = &self.runtime.ports.store;
        let asked = ApprovalQuery { run_ids: runs.clone(), limit: u32::MAX, ..Default::default() };
        let approvals = store.approvals(asked).await?;
        Ok(Past { steps: store.steps(runs).await?, approvals })
    }
}

/// Whether a run came to its end, and failed.
fn has_failed(run: &Run) -> bool {
    matches!(run.status, RunStatus::Failed | RunStatus::TimedOut)
}

/// How long after a failure a firing is taken up again.
fn retry_after(trigger: &Trigger) -> Duration {
    Duration::from_secs(u64::from(trigger.retry_after_s))
}
