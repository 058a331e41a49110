//! Where a run waits for a person: what it has to ask, what was answered, and how it is set aside.

use std::time::Duration;

use serde_json::{Value, json};
use uuid::Uuid;

use super::cause::{Cause, Found};
use super::course::Course;
use super::replay::{self, Wanted};
use super::{Errand, Landing, Occasion};
use crate::approvals::{Approval, ApprovalStatus};
use crate::error::CoreError;
use crate::facts::{EventKind, Fact};
use crate::goals::Goal;
use crate::ids::{ApprovalId, FiringId, RunId};
use crate::letters::Letter;
use crate::ports::{ApprovalQuery, Purpose, RunQuery};
use crate::runs::{Run, RunKind, RunPark, RunStatus, Step};
use crate::triggers::{Firing, Trigger};

/// Parked runs that are looked at for one to go on with.
pub(crate) const RESUMABLE_MAX: u32 = 256;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// What a run asked a person, as far as the calls are still to be made or refused.
#[derive(Debug, Default)]
pub(super) struct Questions {
    approvals: Vec<Approval>,
    /// Keys that calls were made or refused with.
    used: Vec<Uuid>,
}

impl Questions {
    pub(super) fn new(approvals: Vec<Approval>, steps: &[Step]) -> Self {
        Self { approvals, used: steps.iter().filter_map(replay::key_of).collect() }
    }

    /// The approval of a call. One that was tried before has its key; otherwise it is the latest that
    /// was asked in the same words and led to nothing yet.
    pub(super) fn of(&self, wanted: &Wanted) -> Option<&Approval> {
        let Wanted { call, key } = wanted;
        self.approvals.iter().rev().find(|approval| match key {
            Some(key) => approval.key == *key,
            None => {
                let is_same = approval.call_id == call.id && approval.tool == call.name;
                is_same
                    && approval.arguments == call.arguments
                    && !self.used.contains(&approval.key)
            }
        })
    }

    /// Takes it out: the next call in the same words is another one.
    pub(super) fn take(&mut self, wanted: &Wanted) -> Option<Approval> {
        let id = self.of(wanted)?.id;
        let place = self.approvals.iter().position(|approval| approval.id == id)?;
        Some(self.approvals.remove(place))
    }
}

impl Errand {
    /// The parked run that may go on and was begun first.
    pub(super) async fn find_parked(&self, goals: Vec<Goal>) -> Result<Found, CoreError> {
        let store = &self.runtime.ports.store;
        loop {
            let mut resumable = store.resumable_runs(self.agent, RESUMABLE_MAX).await?;
            // Those go on beside the conversation.
            resumable.retain(|run| run.kind != RunKind::Job);
            let has_more_resumable = resumable.len() > 1;
            let Some(run) = resumable.into_iter().next() else { return Ok(Found::Nothing(None)) };
            let firing = match run.firing_id {
                Some(firing) => {
                    let Some(firing) = self.open_firing(firing).await? else {
                        self.end_parked(&run).await?;
                        continue;
                    };
                    Some(firing)
                }
                None => None,
            };
            let letter = match run.letter_id {
                Some(letter) => store.letter(letter).await?,
                None => None,
            };
            let earlier = match (&letter, &firing) {
                (Some(letter), _) => self.attempts(letter).await?,
                (None, Some((firing, _))) => self.earlier_firings(firing).await?,
                (None, None) => Vec::new(),
            };
            let earlier = earlier.into_iter().filter(|other| other.id != run.id).collect();
            // This attempt is one of them already.
            let letter = letter.map(|letter| {
                let attempts = letter.attempts.saturating_sub(1);
                Letter { attempts, ..letter }
            });
            // Its own letter is set aside until it has begun again.
            let has_more_letters = !store.waiting_letters(self.agent, 1).await?.is_empty();
            return Ok(Found::Cause(Box::new(Cause {
                letter,
                goals,
                has_more_letters,
                firing,
                firings_left: None,
                earlier,
                parked: Some(run),
                has_more_resumable,
            })));
        }
    }

    /// A firing that something is still to come of, and its trigger.
    async fn open_firing(&self, id: FiringId) -> Result<Option<(Firing, Trigger)>, CoreError> {
        let store = &self.runtime.ports.store;
        let firing = store.firing(self.agent, id).await?;
        let Some(firing) = firing.filter(|firing| firing.status.is_open()) else { return Ok(None) };
        let trigger = store.trigger(self.agent, firing.trigger_id).await?;
        Ok(trigger.map(|trigger| (firing, trigger)))
    }

    /// Ends a parked run whose firing was settled meanwhile: a later slot has replaced it, or its
    /// trigger is gone.
    async fn end_parked(&self, run: &Run) -> Result<(), CoreError> {
        let (journal, usage) = (self.journal(), run.usage.clone());
        let reason = Some("what it was for is over");
        let resumed = Fact::RunResumed { agent_id: run.agent_id, run_id: run.id };
        let ended = journal.run_ended(run, RunStatus::Cancelled, reason, journal.now, usage);
        self.runtime.commit(std::iter::once(resumed).chain(ended).collect()).await?;
        Ok(())
    }

    /// Whether the run of a firing waits for a person.
    pub(super) async fn is_firing_parked(&self, firing: &Firing) -> Result<bool, CoreError> {
        let Some(run) = firing.run_id else { return Ok(false) };
        let run = self.runtime.ports.store.run(self.agent, run).await?;
        Ok(run.is_some_and(|run| run.status == RunStatus::Parked))
    }

    /// What a parked run was begun for, where it was no task.
    pub(super) async fn occasion_of(&self, run: &Run) -> Result<Occasion, CoreError> {
        match run.kind {
            RunKind::Reply => return Ok(Occasion::Letter),
            RunKind::Trigger => return Ok(Occasion::Firing { at_tick_too: true }),
            RunKind::Tick | RunKind::Job => {}
        }
        let steps = self.runtime.ports.store.steps(vec![run.id]).await?;
        Ok(if steps.iter().any(is_work) { Occasion::Goals } else { Occasion::Reflection })
    }

    /// Whether work for the goals waits for a person: then there is nothing else to do for them, or
    /// the same would be asked again and again.
    pub(super) async fn is_work_parked(&self) -> Result<bool, CoreError> {
        let most = self.runtime.settings.approvals_waiting_max;
        let parked =
            RunQuery { statuses: vec![RunStatus::Parked], ..RunQuery::of(self.agent, most) };
        let runs = self.runtime.ports.store.runs(parked).await?;
        let ticks = runs.iter().filter(|run| run.kind == RunKind::Tick);
        let ticks: Vec<_> = ticks.map(|run| run.id).collect();
        if ticks.is_empty() {
            return Ok(false);
        }
        Ok(self.runtime.ports.store.steps(ticks).await?.iter().any(is_work))
    }

    /// The approval to ask for before a call is made; `None` if too many wait already.
    pub(super) async fn approval_of(
        &self,
        run: RunId,
        wanted: &Wanted,
        key: Uuid,
    ) -> Result<Option<Approval>, CoreError> {
        let settings = &self.runtime.settings;
        let waiting = ApprovalQuery::waiting(Some(self.agent), 0);
        let waiting = self.runtime.ports.store.count_approvals(waiting).await?;
        if waiting >= u64::from(settings.approvals_waiting_max) {
            return Ok(None);
        }
        let now = self.runtime.now();
        Ok(Some(Approval {
            id: ApprovalId::new(),
            agent_id: self.agent,
            run_id: run,
            tool: wanted.call.name.clone(),
            arguments: wanted.call.arguments.clone(),
            call_id: wanted.call.id.clone(),
            key,
            asked_at: now,
            expires_at: now.plus(DAY.saturating_mul(settings.approval_days)),
            status: ApprovalStatus::Waiting,
            decided_at: None,
            decided_by: None,
            comment: None,
        }))
    }

    /// Sets the run aside until its approval is decided, and its letter with it.
    pub(super) async fn park(
        &self,
        mut course: Course<'_>,
        approval: Box<Approval>,
    ) -> Result<Landing, CoreError> {
        let (now, journal) = (self.runtime.now(), self.journal());
        let mut facts = course.take_pending();
        let run = &course.run;
        let data = json!({
            "approvalId": approval.id, "runId": run.id, "tool": approval.tool,
            "expiresAt": approval.expires_at,
        });
        let parked = Some(approval.id);
        facts.push(Fact::ApprovalAsked(approval));
        facts.push(Fact::RunParked(Box::new(RunPark {
            run_id: run.id,
            agent_id: run.agent_id,
            usage: run.usage.clone(),
        })));
        facts.extend(run.letter_id.map(Fact::LetterParked));
        facts.push(journal.event(EventKind::ApprovalAsked, data));
        let reflected_at = matches!(self.occasion, Occasion::Reflection).then_some(now);
        // Or it would think about the same at the next tick, and ask the same again.
        facts.extend(reflected_at.map(|at| Fact::Reflected { id: self.agent, at }));
        self.progress.begun(run);
        self.progress.closing();
        self.runtime.commit(facts).await?;
        // It is parked, whether or not this can be told.
        let goal_work = self.goal_work().await.unwrap_or_default();
        Ok(Landing {
            status: Some(RunStatus::Parked),
            letter: run.letter_id,
            reflected_at,
            goal_work,
            parked,
            ..Landing::default()
        })
    }

    /// The facts that a parked run goes on.
    pub(super) fn resumption(&self, run: &Run) -> Vec<Fact> {
        let journal = self.journal();
        let data = json!({"runId": run.id, "kind": run.kind});
        let mut facts = Vec::with_capacity(4);
        if self.is_tick {
            facts.push(journal.event(EventKind::Ticked, json!({"runId": run.id})));
        }
        facts.push(Fact::RunResumed { agent_id: run.agent_id, run_id: run.id });
        facts.extend(run.letter_id.map(Fact::LetterUnparked));
        facts.push(journal.event(EventKind::RunResumed, data));
        facts
    }
}

/// Whether a step asked a model what to do for the goals.
fn is_work(step: &Step) -> bool {
    let purpose = step.intent.get("purpose").cloned().unwrap_or_default();
    serde_json::from_value(purpose).is_ok_and(|purpose: Purpose| purpose == Purpose::Work)
}

/// What the agent said in the steps of a run, round by round.
pub(super) fn said_in(steps: &[Step], run: RunId) -> Vec<String> {
    let outcomes = steps.iter().filter(|step| step.run_id == run).filter_map(|step| {
        let calls = step.outcome.as_ref()?.get("toolCalls")?;
        calls.as_array().filter(|calls| !calls.is_empty())?;
        step.outcome.as_ref()?.get("text").and_then(Value::as_str)
    });
    outcomes.filter(|text| !text.trim().is_empty()).map(str::to_owned).collect()
}
