//! The course of a run: the model is asked, the calls that it wants are made, and again, until it
//! has nothing more to do.
//!
//! Each call is a step with two commits: its intent before it is made, its outcome with the next
//! intent or with the end of the run. So an intent without an outcome is a call that may have
//! happened, and none is ever made that was not written down before.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use futures::future::{Either, select};
use serde_json::{Value, json};

use super::cause::{Cause, Past};
use super::parking::{Questions, said_in};
use super::replay::{self, Replay, Wanted, answered, failure, replay};
use super::{Errand, Occasion};
use crate::agent::GoalWork;
use crate::agent::context::{self, Context, Outgrown};
use crate::agent::journal::ToolCalled;
use crate::agent::spending::{Asked, Meter, Patience};
use crate::approvals::{Approval, ApprovalStatus};
use crate::budget::{Exceeded, Reservation};
use crate::character::AgentRecord;
use crate::error::{CoreError, ModelError, StoreError};
use crate::facts::{EventKind, Fact};
use crate::ids::AgentId;
use crate::ports::{
    Delta, Effect, Generation, Invocation, Prompt, Role, Tool, ToolCall, ToolError, ToolOutput,
    Turn, collect,
};
use crate::runs::{Run, RunStatus, Step, StepEnd, StepKind, StepStatus, Usage};
use crate::time::UnixMillis;

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
    is_resumption: bool,
    /// What the next commit takes along: the run's beginning, how the last step went.
    pending: Vec<Fact>,
    is_begun: bool,
    steps: u32,
    rounds: u32,
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
            Box::new(errand.runtime.pieces.of(errand.agent, letter, errand.said, may_ignore))
        });
        let mut askers = letter.map(|letter| letter.askers.clone()).unwrap_or_default();
        askers.push(errand.agent);
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
            is_resumption: cause.parked.is_some(),
            pending: Vec::new(),
            is_begun: false,
            steps,
            rounds,
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
            if self.rounds >= self.errand.runtime.settings.run_rounds_max {
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
        facts
    }

    /// Commits that a call is about to be made; its place in the run.
    async fn intend(
        &mut self,
        kind: StepKind,
        name: &str,
        intent: Value,
        reservation: Option<&Reservation>,
    ) -> Result<(u32, UnixMillis), CoreError> {
        let (index, now, step) = self.next_step(kind, name, intent);
        let mut facts = Vec::with_capacity(2);
        facts.extend(reservation.map(|held| Fact::Reserved(Box::new(held.clone()))));
        facts.push(step);
        let mut patience = Patience::of(&self.errand.runtime);
        while let Err(exceeded) = self.commit(&facts).await? {
            // What has been is no longer held by the time others look whether there is room.
            if self.is_begun {
                let pending = self.take_pending();
                self.errand.runtime.commit(pending).await?;
            }
            if let Err(refused) = patience.wait(exceeded).await {
                self.refused();
                return Err(refused);
            }
        }
        self.moved();
        Ok((index, now))
    }

    /// Notes the next step, for the next commit.
    fn note_intent(&mut self, kind: StepKind, name: &str, intent: Value) -> (u32, UnixMillis) {
        let (index, now, step) = self.next_step(kind, name, intent);
        self.pending.push(step);
        (index, now)
    }

    /// The next step: its place, when it begins, and that it is intended.
    fn next_step(&mut self, kind: StepKind, name: &str, intent: Value) -> (u32, UnixMillis, Fact) {
        let (index, now) = (self.steps, self.errand.runtime.now());
        self.steps = self.steps.saturating_add(1);
        let step = Fact::StepIntended(Box::new(Step {
            run_id: self.run.id,
            agent_id: self.run.agent_id,
            index,
            kind,
            name: name.to_owned(),
            status: StepStatus::Intended,
            intent,
            outcome: None,
            started_at: now,
            ended_at: None,
            usage: Usage::default(),
        }));
        (index, now, step)
    }

    /// Commits that a question is about to be put to a model, and what it may cost.
    async fn intend_question(
        &mut self,
        name: &str,
        intent: Value,
        reservation: Reservation,
    ) -> Result<Asked, CoreError> {
        let held = Some(&reservation);
        let (index, began) = self.intend(StepKind::Model, name, intent, held).await?;
        Ok(Asked { index, began, reservation, meter: Meter::default() })
    }

    /// Commits what is pending, and these facts; nothing if a budget has no room for them.
    async fn commit(&mut self, facts: &[Fact]) -> Result<Result<(), Exceeded>, CoreError> {
        if !self.is_begun {
            self.errand.progress.begun(&self.run);
        }
        let both = self.pending.iter().chain(facts).cloned().collect();
        match self.errand.runtime.commit(both).await {
            Ok(_) => {
                self.pending.clear();
                self.is_begun = true;
                Ok(Ok(()))
            }
            Err(StoreError::Exceeded(exceeded)) => {
                if !self.is_begun {
                    self.errand.progress.not_begun();
                }
                Ok(Err(exceeded))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// A budget has no room for the run. One that made no call is recorded all the same, and is no
    /// attempt at its letter.
    fn refused(&mut self) {
        if !self.is_begun {
            self.pending.retain(|fact| !matches!(fact, Fact::LetterTried(_)));
            for fact in &mut self.pending {
                if let Fact::RunStarted(run) = fact {
                    run.letter_id = None;
                }
            }
            self.errand.progress.begun(&self.run);
            self.is_begun = true;
        }
    }

    /// Something comes of the run.
    fn moved(&self) {
        self.errand.progress.moved(self.errand.runtime.now());
    }

    fn ended(&mut self, index: u32, status: StepStatus, outcome: Value, usage: &Usage) {
        self.moved();
        self.pending.push(Fact::StepEnded(Box::new(StepEnd {
            run_id: self.run.id,
            index,
            status,
            outcome,
            ended_at: self.errand.runtime.now(),
            usage: usage.clone(),
        })));
    }

    /// Asks the model once; answers with the calls that it wants.
    async fn ask(&mut self) -> Result<Vec<ToolCall>, CoreError> {
        context::fit(&mut self.prompt, self.turns_before, self.tokens_max);
        let intent = self.question();
        let name = self.prompt.model.clone().unwrap_or_default();
        let runtime = &self.errand.runtime;
        let (run, prompt) = (self.run.id, &mut self.prompt);
        let reservation = runtime.reservation(&self.record, run, self.steps, prompt)?;
        let asked = self.intend_question(&name, intent, reservation).await?;
        self.rounds = self.rounds.saturating_add(1);
        let answer = self.generate(&asked.meter).await;
        let prompt = self.prompt.clone();
        let Generation { text, tool_calls, .. } = self.note_answer(&asked, &prompt, answer)?;
        if !tool_calls.is_empty() {
            let mut turn = Turn::new(Role::Assistant, text.as_str());
            turn.tool_calls.clone_from(&tool_calls);
            self.prompt.turns.push(turn);
        }
        if !text.trim().is_empty() {
            self.said.push(text);
        }
        Ok(tool_calls)
    }

    /// Notes what came of a question to a model, and what it cost.
    fn note_answer(
        &mut self,
        asked: &Asked,
        prompt: &Prompt,
        answer: Result<Generation, ModelError>,
    ) -> Result<Generation, ModelError> {
        let usage = asked.bill(&self.errand.runtime, &answer);
        let (text, error) = match &answer {
            Ok(answer) => (answer.text.as_str(), None),
            Err(error) => ("", Some(error.to_string())),
        };
        let took = self.errand.runtime.now().since(asked.began);
        let log = self.errand.journal().model_log(
            &self.run,
            prompt,
            text,
            &usage,
            error.as_deref(),
            took,
        );
        self.errand.progress.spent(&usage);
        self.run.usage.add(&usage);
        let (status, outcome) = match (&answer, &error) {
            (Ok(answer), _) => {
                (StepStatus::Succeeded, replay::outcome(&answer.text, &answer.tool_calls))
            }
            (Err(_), error) => (StepStatus::Failed, json!({"error": error})),
        };
        self.ended(asked.index, status, outcome, &usage);
        self.pending.push(log);
        answer
    }

    /// Puts what the conversation has outgrown into fewer words, and remembers them. A model that does
    /// not is no reason to fail: the run goes on without.
    async fn condense(&mut self) -> Result<(), CoreError> {
        let Some(Outgrown { mut prompt, memory }) = self.outgrown.take() else { return Ok(()) };
        let (run, steps) = (self.run.id, self.steps);
        let reservation = self.errand.runtime.reservation(&self.record, run, steps, &mut prompt)?;
        let intent = json!({
            "purpose": prompt.purpose, "system": prompt.system, "turns": prompt.turns,
        });
        let name = prompt.model.clone().unwrap_or_default();
        let asked = self.intend_question(&name, intent, reservation).await?;
        let runtime = &self.errand.runtime;
        let max_bytes = usize::try_from(runtime.settings.answer_max_bytes).unwrap_or(usize::MAX);
        let answer = asked.meter.listen(runtime.ports.model.generate(prompt.clone()));
        let answer = collect(answer, max_bytes, |_| {}).await;
        // It is offered no tools. Calls all the same would look like the run's own to a later attempt.
        let answer = answer.map(|answer| Generation { tool_calls: Vec::new(), ..answer });
        let Ok(Generation { text, .. }) = self.note_answer(&asked, &prompt, answer) else {
            return Ok(());
        };
        if !text.trim().is_empty() {
            let memory = memory.saying(&text, self.errand.runtime.now());
            self.pending.push(Fact::Remembered(Box::new(memory)));
            context::earlier(&mut self.prompt, &text);
        }
        Ok(())
    }

    /// What the intent of a question to the model says: the first one everything, a later one how
    /// far the conversation has come, since what it adds are steps of its own.
    fn question(&self) -> Value {
        let purpose = self.prompt.purpose;
        if self.rounds > 0 {
            return json!({"purpose": purpose, "turnsBefore": self.prompt.turns.len()});
        }
        let tools: Vec<_> = self.prompt.tools.iter().map(|tool| tool.name.as_str()).collect();
        json!({
            "purpose": purpose, "system": self.prompt.system, "turns": self.prompt.turns,
            "tools": tools,
        })
    }

    async fn generate(&mut self, meter: &Meter) -> Result<Generation, ModelError> {
        let runtime = &self.errand.runtime;
        let max_bytes = usize::try_from(runtime.settings.answer_max_bytes).unwrap_or(usize::MAX);
        let answer = meter.listen(runtime.ports.model.generate(self.prompt.clone()));
        let mut is_apart = self.said.is_empty();
        let (watcher, progress) = (&mut self.watcher, &self.errand.progress);
        collect(answer, max_bytes, |delta| {
            progress.moved(runtime.now());
            let Some(watcher) = watcher else { return };
            if let (Delta::Text(text), false) = (delta, is_apart || delta.is_blank()) {
                is_apart = true;
                watcher(&Delta::Text(format!("{ROUNDS_APART}{text}")));
            } else {
                watcher(delta);
            }
        })
        .await
    }

    /// Makes one call that the model wants, and tells the model what came of it; or answers with what
    /// a person has to be asked before, and nothing is made.
    async fn call(&mut self, wanted: Wanted) -> Result<Option<Box<Approval>>, CoreError> {
        let approval = self.questions.take(&wanted);
        let key = approval.as_ref().map(|approval| approval.key).or(wanted.key);
        let key = key.unwrap_or_else(|| replay::key(self.run.id, self.steps));
        let mut refusal = approval.as_ref().and_then(Approval::refusal);
        let is_granted =
            approval.as_ref().is_some_and(|approval| approval.status == ApprovalStatus::Granted);
        if refusal.is_none() && !is_granted && self.asks_first(&wanted.call) {
            match self.errand.approval_of(self.run.id, &wanted, key).await? {
                Some(approval) => return Ok(Some(Box::new(approval))),
                None => refusal = Some("too many calls wait for a person's yes already".to_owned()),
            }
        }
        let call = wanted.call;
        self.calls = self.calls.saturating_add(1);
        let effect = self.tool(&call.name).map_or(Effect::Reads, |tool| tool.effect);
        let intent = replay::intent(&call, key, effect);
        let (index, began, output) = match refusal {
            // Nothing leaves the process: the intent goes with its outcome, or a crash between the two
            // would make it a call that may have happened.
            Some(refusal) => {
                let (index, began) = self.note_intent(StepKind::Tool, &call.name, intent);
                (index, began, Err(ToolError::Refused(refusal)))
            }
            None => {
                let (index, began) = self.intend(StepKind::Tool, &call.name, intent, None).await?;
                (index, began, self.carry_out(&call, key).await)
            }
        };
        let took = self.errand.runtime.now().since(began);
        let max_bytes = self.errand.runtime.settings.tool_output_max_bytes;
        let (status, text, outcome) =
            told(output, usize::try_from(max_bytes).unwrap_or(usize::MAX));
        let is_success = status == StepStatus::Succeeded;
        self.ended(index, status, outcome, &Usage::default());
        let called = ToolCalled { call: &call, index, is_success, text: &text, took };
        self.pending.extend(self.errand.journal().tool_called(&self.run, &called));
        self.prompt.turns.push(answered(&call, text));
        Ok(None)
    }

    /// Whether a person has to allow the call: not one that would not be made anyhow.
    fn asks_first(&self, call: &ToolCall) -> bool {
        let is_within = self.calls < self.errand.runtime.settings.run_calls_max;
        let can_be = is_within && call.arguments.is_object();
        can_be && self.tool(&call.name).is_some_and(|tool| tool.asks_first)
    }

    fn tool(&self, name: &str) -> Option<&Tool> {
        self.tools.iter().find(|tool| tool.spec.name == name)
    }

    /// The call itself, within its bounds.
    async fn carry_out(&self, call: &ToolCall, key: uuid::Uuid) -> Result<ToolOutput, ToolError> {
        let runtime = &self.errand.runtime;
        if self.tool(&call.name).is_none() {
            return Err(ToolError::Refused(format!("there is no tool {}", call.name)));
        }
        if self.calls > runtime.settings.run_calls_max {
            let most = runtime.settings.run_calls_max;
            return Err(ToolError::Refused(format!("a run may make {most} calls")));
        }
        let Value::Object(arguments) = call.arguments.clone() else {
            return Err(ToolError::invalid("arguments", "must be an object"));
        };
        let Some(registry) = runtime.registry() else {
            return Err(ToolError::Refused("the host goes down".to_owned()));
        };
        let deadline = Duration::from_secs(u64::from(runtime.settings.tool_deadline_s));
        let made = runtime.call_tool(Invocation {
            agent: Arc::clone(&self.record),
            registry,
            run_id: self.run.id,
            room_id: self.run.room_id,
            askers: self.askers.clone(),
            name: call.name.clone(),
            arguments,
            key,
            deadline,
        });
        match select(made, runtime.sleep(deadline)).await {
            Either::Left((output, _)) => output,
            Either::Right(((), _)) => {
                Err(ToolError::Unknown(format!("no answer within {deadline:?}")))
            }
        }
    }

    /// What there is to do for the goals after this run. One that did nothing for them, not even saying
    /// when they want to be looked at again, is not paid for at each tick: they rest until something
    /// happens, or it is time to think anyhow.
    pub(super) fn after(&self, work: GoalWork) -> GoalWork {
        if work != GoalWork::Now || self.calls > 0 {
            return work;
        }
        let every = self.errand.runtime.settings.reflect_every_s.max(1);
        let from = self.errand.runtime.now().plus(Duration::from_secs(u64::from(every)));
        GoalWork::Later { from, may_be_woken: true }
    }

    /// Whether it is a title, which is no words of the agent's.
    pub(super) fn is_title(&self) -> bool {
        matches!(self.errand.occasion, Occasion::Title(_))
    }
}

/// What stands between what an agent says before a call and after it.
const ROUNDS_APART: &str = "\n\n";

/// How a call is recorded, and what the model is told of it.
fn told(output: Result<ToolOutput, ToolError>, max_bytes: usize) -> (StepStatus, String, Value) {
    match output {
        Ok(ToolOutput { text, details }) => {
            let text = context::cut(&text, max_bytes).to_owned();
            let outcome = match details {
                Some(details) => json!({"text": text, "details": details}),
                None => json!({"text": text}),
            };
            (StepStatus::Succeeded, text, outcome)
        }
        Err(error) => {
            let reason = error.to_string();
            let reason = context::cut(&reason, max_bytes);
            let status = match error {
                ToolError::Unknown(_) => StepStatus::OutcomeUnknown,
                ToolError::Invalid { .. } | ToolError::Refused(_) | ToolError::Failed(_) => {
                    StepStatus::Failed
                }
            };
            (status, failure(reason), json!({"error": reason}))
        }
    }
}
