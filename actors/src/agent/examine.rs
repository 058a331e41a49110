//! An agent looks at itself, whether it gets on, and mends what it finds.

use std::time::Duration;

use actix::prelude::*;
use serde_json::{Value, json};

use super::Agent;
use super::beside::Cut;
use super::errand::Flight;
use super::tick::Timer;
use crate::error::{CoreError, ModelError};
use crate::facts::Fact;
use crate::letters::LetterStatus;
use crate::liveness::Finding;
use crate::runs::RunStatus;
use crate::time::millis;

/// How much longer than it may take at all a run may make no progress: its own deadlines come first.
const RUN_SLACK: Duration = Duration::from_secs(60);

/// How long a letter may be passed over: far longer than what is taken up at once takes.
const LETTER_SLACK: Duration = Duration::from_secs(60);

/// How late a tick may be, at least, and in periods: a host may be slow without a tick being lost.
const TICK_SLACK: Duration = Duration::from_secs(60);
const TICK_SLACK_PERIODS: u32 = 3;

/// Failures in a row that are worth a report, once the backoff grows no more.
const FAILURES_MIN: u32 = 3;

/// Asks an agent to look at itself. The answer says that it gets its messages.
#[derive(Clone, Copy, Debug, Message)]
#[rtype(result = "Result<(), CoreError>")]
pub(crate) struct Examine {
    /// Whether letters wait for it, as the store has it.
    pub(crate) has_letters: bool,
}

impl Handler<Examine> for Agent {
    type Result = Result<(), CoreError>;

    fn handle(
        &mut self,
        Examine { has_letters }: Examine,
        ctx: &mut Context<Self>,
    ) -> Self::Result {
        // A change that is on its way to the store decides what comes next.
        if !self.is_changing && !self.is_rebuilding && !self.is_ending {
            self.look_at_run(ctx);
            self.look_beside(ctx);
            self.look_at_timer(ctx);
            self.look_at_letters(has_letters, ctx);
            self.look_at_failures(ctx);
        }
        Ok(())
    }
}

impl Agent {
    fn look_at_run(&mut self, ctx: &mut Context<Self>) {
        let Some(flight) = &self.flight else { return };
        let Some(still) = self.is_stuck(flight) else { return };
        let (run, letter) = (flight.run_id(), flight.progress.letter());
        let data = json!({"runId": run, "stillMs": millis(still)});
        let mut facts = self.cut(RunStatus::TimedOut, "it made no progress");
        if let Some(letter) = letter {
            let error = CoreError::Model(ModelError::TimedOut(still));
            facts.extend(self.dismiss_waiter(letter, &error));
        }
        facts.push(self.found(Finding::StuckRun, data));
        self.commit_alone(facts, ctx);
    }

    fn look_beside(&mut self, ctx: &mut Context<Self>) {
        let stuck = self.flights().filter(|flight| flight.beside.is_some());
        let stuck =
            stuck.filter_map(|flight| Some((flight.run, flight.run_id(), self.is_stuck(flight)?)));
        let stuck: Vec<_> = stuck.collect();
        if stuck.is_empty() {
            return;
        }
        let mut facts = self.cut_beside(
            |flight| stuck.iter().any(|(run, ..)| *run == flight.run),
            &Cut {
                status: RunStatus::TimedOut,
                reason: "it made no progress",
                settles: Some(LetterStatus::Dead),
            },
        );
        facts.extend(stuck.iter().map(|(_, run, still)| {
            self.found(Finding::StuckRun, json!({"runId": run, "stillMs": millis(*still)}))
        }));
        self.commit_alone(facts, ctx);
    }

    /// For how long nothing came of a run, if that is longer than it may take at all.
    fn is_stuck(&self, flight: &Flight) -> Option<Duration> {
        let allowed = flight.progress.allowed_s();
        let allowed = allowed.unwrap_or(self.runtime.settings.run_deadline_s);
        let allowed = Duration::from_secs(u64::from(allowed));
        let still = self.runtime.now().since(flight.progress.moved_at());
        let is_stuck = still >= allowed.saturating_add(RUN_SLACK) && !flight.progress.is_closing();
        is_stuck.then_some(still)
    }

    fn look_at_timer(&mut self, ctx: &mut Context<Self>) {
        let period = self.lifecycle.autonomy.filter(|_| self.is_running());
        let period = period.map(|autonomy| autonomy.period());
        let slack = period.unwrap_or_default().saturating_mul(TICK_SLACK_PERIODS).max(TICK_SLACK);
        let late = match &self.timer {
            Some(Timer { due, .. }) => self.runtime.now().since(*due),
            None if period.is_some() => slack,
            None => return,
        };
        if late < slack || !self.is_running() {
            return;
        }
        let found = self.found(Finding::TickPassedOver, json!({"lateMs": millis(late)}));
        self.record(vec![found], ctx);
        self.arm(ctx, Duration::ZERO);
    }

    fn look_at_letters(&mut self, has_letters: bool, ctx: &mut Context<Self>) {
        let waits_for_timer = self.failures > 0 && self.timer.is_some();
        if !self.is_free() || waits_for_timer || (self.letters_waiting == 0 && !has_letters) {
            return;
        }
        // Most likely it came just now: the store knows since when it waits.
        let oldest = self.runtime.ports.store.waiting_letters(self.id, 1).into_actor(self);
        ctx.spawn(oldest.map(|oldest, agent, ctx| {
            let Some(letter) = oldest.ok().and_then(|letters| letters.into_iter().next()) else {
                return;
            };
            let waited = agent.runtime.now().since(letter.sent_at);
            if waited < LETTER_SLACK || !agent.is_free() {
                return;
            }
            let data = json!({"letterId": letter.id, "waitedMs": millis(waited)});
            let found = agent.found(Finding::LetterPassedOver, data);
            agent.record(vec![found], ctx);
            agent.letters_waiting = agent.letters_waiting.max(1);
            agent.next_letter(ctx);
        }));
    }

    fn look_at_failures(&mut self, ctx: &mut Context<Self>) {
        if self.failures == 0 {
            self.is_failing = false;
        }
        let settings = &self.runtime.settings;
        let backoff = |failures| match self.lifecycle.autonomy {
            Some(autonomy) => settings.tick_backoff(autonomy.period(), failures),
            None => settings.restart_backoff(failures),
        };
        let is_at_most = backoff(self.failures) >= backoff(u32::MAX);
        if self.is_failing || self.failures < FAILURES_MIN || !is_at_most {
            return;
        }
        self.is_failing = true;
        let found = self.found(Finding::FailingAgent, json!({"failures": self.failures}));
        self.record(vec![found], ctx);
    }

    fn found(&self, finding: Finding, data: Value) -> Fact {
        self.runtime.found(self.id, finding, data)
    }

    fn record(&mut self, facts: Vec<Fact>, ctx: &mut Context<Self>) {
        let recorded = self.runtime.commit(facts).into_actor(self);
        ctx.spawn(recorded.map(|recorded, agent, _| {
            if let Err(error) = recorded {
                tracing::error!(agent = %agent.id, %error, "a finding is not recorded");
            }
        }));
    }
}
