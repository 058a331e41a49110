//! The course of a run: the model is asked, the calls that it wants are made, and again, until it
//! has nothing more to do.
//!
//! Each call is a step with two commits: its intent before it is made, its outcome with the next
//! intent or with the end of the run. So an intent without an outcome is a call that may have
//! happened, and none is ever made that was not written down before.

mod asking;
mod calling;
mod steps;

use std::collections::VecDeque;
use std::sync::Arc;

use serde_json::json;

use super::cause::{Cause, Past};
use super::parking::{Questions, said_in};
use super::replay::{Replay, Wanted, replay};
use super::{Errand, Occasion};
use crate::agent::GoalWork;
use crate::agent::context::{Context, Outgrown};
use crate::approvals::Approval;
use crate::character::AgentRecord;
use crate::error::CoreError;
use crate::facts::{EventKind, Fact};
use crate::ids::AgentId;
use crate::ports::{Delta, Prompt, Tool};
use crate::runs::{Run, RunStatus, Step, StepKind, StepStatus};

/// Sees the words of an answer as they come.
type Watcher<'a> = Box<dyn FnMut(&Delta) + 'a>;

/// A run under way.
pub(super) struct Course<'a> {
    errand: &'a Errand,
    record: Arc<AgentRecord>,
    pub(super) run: Run,
    pub(super) prompt: Prompt,
    tools: Vec<Tool>,
    tokens_max: u32,
    /// What the conversation has outgrown, to be put into fewer words first.
    outgrown: Option<Outgrown>,
    /// How many turns the conversation had before the run added its own.
    turns_before: usize,
    askers: Vec<AgentId>,
    wanted: VecDeque<Wanted>,
    questions: Questions,
    /// Calls of earlier attempts that may have happened.
    unknown: Vec<Step>,
    is_resumption: bool,
    /// What the next commit takes along: the run's beginning, how the last step went.
    pending: Vec<Fact>,
    is_begun: bool,
    steps: u32,
    rounds: u32,
    rounds_max: u32,
    calls: u32,
    /// What the agent said, round by round.
    said: Vec<String>,
    watcher: Option<Watcher<'a>>,
}

impl<'a> Course<'a> {
    pub(super) fn new(
        errand: &'a Errand,
        record: Arc<AgentRecord>,
        run: Run,
        context: Context,
        past: Past,
        cause: &Cause,
    ) -> Self {
        let Context { mut prompt, tools, tokens_max, outgrown } = context;
        let Past { steps: past, approvals } = past;
        let Replay { turns, mut wanted } = replay(&past);
        let unknown = past.iter().filter(|step| {
            step.kind == StepKind::Tool && step.status == StepStatus::OutcomeUnknown
        });
        let unknown = match &cause.parked {
            // It was told when the run began.
            Some(_) => Vec::new(),
            None => unknown.cloned().collect(),
        };
        let questions = Questions::new(approvals, &past);
        // What a person has answered comes first: with its call the run goes on in the record, so that
        // nothing can come between.
        wanted.make_contiguous().sort_by_key(|wanted| questions.of(wanted).is_none());
        let own = || past.iter().filter(|step| step.run_id == run.id);
        let of_kind = |kind| u32::try_from(own().filter(|step| step.kind == kind).count());
        let rounds = of_kind(StepKind::Model).unwrap_or(u32::MAX);
        let calls = of_kind(StepKind::Tool).unwrap_or(u32::MAX);
        let steps = own().map(|step| step.index.saturating_add(1)).max().unwrap_or(0);
        let said = said_in(&past, run.id);
        let turns_before = prompt.turns.len();
        prompt.turns.extend(turns);
        let may_ignore = prompt.may_ignore;
        let letter = cause.letter.as_ref();
        let watcher = letter.map(|letter| -> Watcher<'a> {
            let runtime = &errand.runtime;
            let mask = runtime.mask(errand.agent);
            Box::new(runtime.pieces.of(errand.agent, letter, errand.said, may_ignore, mask))
        });
        let mut askers = letter.map(|letter| letter.askers.clone()).unwrap_or_default();
        askers.push(errand.agent);
        let rounds_max = prompt.bounds.rounds_max;
        Self {
            errand,
            record,
            run,
            prompt,
            tools,
            tokens_max,
            outgrown,
            turns_before,
            askers,
            wanted,
            questions,
            unknown,
            is_resumption: cause.parked.is_some(),
            pending: Vec::new(),
            is_begun: false,
            steps,
            rounds,
            rounds_max: rounds_max.unwrap_or(errand.runtime.settings.run_rounds_max),
            calls,
            said,
            watcher,
        }
    }

    /// Whether something of the run is recorded.
    pub(super) fn is_begun(&self) -> bool {
        self.is_begun
    }

    /// What the agent said in all.
    pub(super) fn text(&self) -> String {
        self.said.join(ROUNDS_APART)
    }

    /// What is still to be recorded of the steps.
    pub(super) fn take_pending(&mut self) -> Vec<Fact> {
        std::mem::take(&mut self.pending)
    }

    /// Goes on until the model wants nothing more, or a person has to allow a call first: then the
    /// answer is what that person is asked.
    ///
    /// # Errors
    /// The first failure of a model or of the store. A tool that fails is the model's to deal with.
    pub(super) async fn go(&mut self) -> Result<Option<Box<Approval>>, CoreError> {
        self.pending = match self.is_resumption {
            true => self.errand.resumption(&self.run),
            false => self.beginning(),
        };
        if !self.is_resumption {
            self.condense().await?;
        }
        loop {
            while let Some(wanted) = self.wanted.pop_front() {
                if let Some(approval) = self.call(wanted).await? {
                    return Ok(Some(approval));
                }
            }
            let calls = self.ask().await?;
            if calls.is_empty() {
                return Ok(None);
            }
            if self.rounds >= self.rounds_max {
                let reason = format!("the run took {} rounds without an end", self.rounds);
                return Err(CoreError::Cancelled(reason));
            }
            self.wanted = calls.into_iter().map(|call| Wanted { call, key: None }).collect();
        }
    }

    /// The facts that the run begins.
    fn beginning(&self) -> Vec<Fact> {
        let (run, journal) = (&self.run, self.errand.journal());
        let mut facts = Vec::with_capacity(6);
        if self.errand.is_tick {
            facts.push(journal.event(EventKind::Ticked, json!({"runId": run.id})));
        }
        facts.push(Fact::RunStarted(Box::new(run.clone())));
        facts.extend(run.letter_id.map(Fact::LetterTried));
        facts.extend(run.firing_id.map(|id| Fact::FiringTried {
            agent_id: run.agent_id,
            id,
            run_id: run.id,
            at: run.started_at,
        }));
        facts.push(journal.run_event(run, RunStatus::Started, None, run.started_at));
        let data = json!({"runId": run.id, "kind": run.kind, "resumes": run.resumes});
        facts.push(journal.event(EventKind::RunStarted, data));
        facts.extend(self.unknown.iter().map(|step| {
            let data = json!({"runId": step.run_id, "index": step.index, "tool": step.name});
            journal.event(EventKind::OutcomeUnknown, data)
        }));
        facts
    }

    /// What there is to do for the goals after this run. One that did nothing for them, not even saying
    /// when they want to be looked at again, is not paid for at each tick: they rest until something
    /// happens, or it is time to think anyhow.
    pub(super) fn after(&self, work: GoalWork) -> GoalWork {
        if work != GoalWork::Now || self.calls > 0 {
            return work;
        }
        let from = self.errand.runtime.now().plus(self.errand.runtime.settings.idle_goals_rest());
        GoalWork::Later { from, may_be_woken: true }
    }

    /// Whether it is a title, which is no words of the agent's.
    pub(super) fn is_title(&self) -> bool {
        matches!(self.errand.occasion, Occasion::Title(_))
    }
}

/// What stands between what an agent says before a call and after it.
const ROUNDS_APART: &str = "\n\n";
