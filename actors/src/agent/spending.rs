//! What a run spends on models: reserved before each call, settled after it; and the rest that an
//! agent takes when a budget has no room for it.

use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use actix::prelude::*;
use futures::StreamExt;
use futures::future::select;
use serde_json::{Value, json};

use super::Agent;
use super::beside::Cut;
use crate::budget::{Exceeded, Reservation, UtcDay};
use crate::character::AgentRecord;
use crate::error::{CoreError, ModelError};
use crate::facts::{EventKind, Fact};
use crate::ids::RunId;
use crate::lifecycle::{Command, Desired, Lifecycle, Pause};
use crate::ports::{Delta, Generation, ModelStream, Prompt};
use crate::runs::{RunStatus, Usage};
use crate::runtime::Runtime;
use crate::time::UnixMillis;
use crate::vitals::Counters;

/// How long a call waits for others to leave room in a budget before it asks again; doubled each
/// time. Usually it is told earlier.
const ROOM_WAIT: Duration = Duration::from_millis(250);

/// What this grows to at most.
const ROOM_WAIT_MAX: Duration = Duration::from_secs(30);

/// Over which time the agents that rest until the next day go on then, so that they do not herd.
const AWAKENING: Duration = Duration::from_secs(60);

/// When an agent that could go on, but for a halt, looks again.
const HALTED_WAIT: Duration = Duration::from_secs(60);

impl Runtime {
    /// What has to be reserved for a call of the model with `prompt`. Where a ceiling holds for it, the
    /// prompt is made to bound its answer, or there would be no telling.
    pub(crate) fn reservation(
        &self,
        record: &AgentRecord,
        run: RunId,
        index: u32,
        prompt: &mut Prompt,
    ) -> Result<Reservation, CoreError> {
        let budget = &self.settings.budget;
        let terms = budget.terms(&record.character)?;
        let mut quote = self.ports.model.quote(prompt);
        if terms.ceilings.are_set() && prompt.max_tokens().is_none() {
            prompt.settings.insert("maxTokens".to_owned(), Value::from(quote.max_tokens));
            quote = self.ports.model.quote(prompt);
        }
        Ok(Reservation {
            run_id: run,
            index,
            agent_id: record.id,
            owner: terms.owner,
            model: quote.model,
            day: UtcDay::of(self.now()),
            input_tokens: quote.input_tokens_max,
            output_tokens: quote.output_tokens_max,
            cost_micros: quote.cost_micros_max,
            rate: quote.rate,
            ceilings: terms.ceilings,
            mark_percent: budget.mark_percent,
        })
    }

    /// Counts what a call came to.
    fn count_call(&self, reservation: &Reservation, usage: &Usage) {
        let counters = &self.counters;
        let charge = reservation.charge(usage);
        let add = |counter: &AtomicU64, by| Counters::add(counter, by);
        add(&counters.input_tokens, usage.input_tokens);
        add(&counters.output_tokens, usage.output_tokens);
        add(&counters.cost_micros, usage.cost_micros.unwrap_or(0));
        let model = usage.model.as_deref().unwrap_or(&reservation.model);
        counters.models.add(model, usage, charge.cost_micros);
    }
}

/// The patience of one call that waits for room in a budget.
pub(crate) struct Patience {
    runtime: Arc<Runtime>,
    until: UnixMillis,
    wait: Duration,
}

impl Patience {
    /// Half of the time that a run has.
    pub(crate) fn of(runtime: &Arc<Runtime>) -> Self {
        let deadline = Duration::from_secs(u64::from(runtime.settings.run_deadline_s));
        let until = runtime.now().plus(deadline / 2);
        Self { runtime: Arc::clone(runtime), until, wait: ROOM_WAIT }
    }

    /// Waits until there may be room: calls in flight hold more than they will have cost.
    ///
    /// # Errors
    /// [`CoreError::Budget`] where waiting does not help, or has been too long.
    pub(crate) async fn wait(&mut self, exceeded: Exceeded) -> Result<(), CoreError> {
        if exceeded.is_final() || self.runtime.now() >= self.until {
            Counters::add(&self.runtime.counters.refused_by_budget, 1);
            return Err(CoreError::Budget(exceeded));
        }
        let told = Box::pin(self.runtime.room.notified());
        select(told, self.runtime.sleep(self.wait)).await;
        self.wait = self.wait.saturating_mul(2).min(ROOM_WAIT_MAX);
        Ok(())
    }
}

/// A question that is put to a model.
pub(crate) struct Asked {
    /// The place of its step in the run.
    pub(crate) index: u32,
    pub(crate) began: UnixMillis,
    pub(crate) reservation: Reservation,
    pub(crate) meter: Meter,
}

impl Asked {
    /// What it counts as, now that this came of it.
    pub(crate) fn bill(&self, runtime: &Runtime, answer: &Result<Generation, ModelError>) -> Usage {
        let usage = self.meter.bill(answer, &self.reservation);
        runtime.count_call(&self.reservation, &usage);
        usage
    }
}

/// Listens to an answer for what it costs.
#[derive(Clone, Default)]
pub(crate) struct Meter(Arc<Mutex<Metered>>);

#[derive(Debug, Default)]
enum Metered {
    /// Neither end nor error was heard.
    #[default]
    Open,
    /// An error, or what comes right before it: so much may be billed.
    Failed(Usage),
}

impl Meter {
    /// The same answer, listened to.
    pub(crate) fn listen(&self, answer: ModelStream) -> ModelStream {
        let meter = self.clone();
        let note = move |piece: &Result<Delta, ModelError>| {
            // Whole whatever a panic interrupted: it is one value.
            let mut metered = meter.0.lock().unwrap_or_else(PoisonError::into_inner);
            match (piece, &mut *metered) {
                (Ok(Delta::Billed(usage)), Metered::Failed(all)) => all.add(usage),
                (Ok(Delta::Billed(usage)), Metered::Open) => {
                    *metered = Metered::Failed(usage.clone());
                }
                (Err(_), Metered::Open) => *metered = Metered::Failed(Usage::default()),
                _ => {}
            }
        };
        answer.inspect(note).boxed()
    }

    /// What the call counts as: what its answer says or what its attempts may be billed for. All that
    /// was reserved, if it was left before its end.
    fn bill(&self, answer: &Result<Generation, ModelError>, reservation: &Reservation) -> Usage {
        if let Ok(answer) = answer {
            return answer.usage.clone();
        }
        match &*self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            Metered::Open => reservation.in_full(),
            Metered::Failed(usage) => usage.clone(),
        }
    }
}

impl Agent {
    /// Rests where a budget has no room for the agent any more; whether it does.
    pub(super) fn rest(&mut self, error: Option<&CoreError>, ctx: &mut Context<Self>) -> bool {
        let Some(CoreError::Budget(exceeded)) = error else { return false };
        if !exceeded.stops_the_agent() || !self.is_running() || self.is_changing {
            return false;
        }
        let now = self.runtime.now();
        let until = exceeded.scope.is_of_a_day().then(|| self.awakening(now));
        let pause = Pause::Budget { scope: exceeded.scope, until };
        let next = Lifecycle {
            desired: Desired::Paused,
            pause: Some(Box::new(pause)),
            ..self.lifecycle.clone()
        };
        let refused = CoreError::Budget(*exceeded);
        self.dismiss_askers(&refused);
        // What is beside it spends from the same budget, and waits with it.
        let resting =
            Cut { status: RunStatus::Cancelled, reason: "the agent rests", settles: None };
        let mut facts = self.cut(resting.status, resting.reason);
        facts.extend(self.cut_beside(|_| true, &resting));
        facts.extend(self.dismiss_waiters(&refused));
        let data = json!({
            "reason": "budget",
            "scope": exceeded.scope,
            "unit": exceeded.unit,
            "spent": exceeded.spent,
            "ceiling": exceeded.ceiling,
            "until": until,
        });
        facts.push(Fact::LifecycleChanged { id: self.id, lifecycle: next.clone() });
        facts.push(self.journal().event(EventKind::Paused, data));
        tracing::warn!(agent = %self.id, %exceeded, "the agent rests");
        self.change_by_itself(facts, next, ctx);
        true
    }

    /// When the next day has begun, a little later for each agent.
    fn awakening(&self, now: UnixMillis) -> UnixMillis {
        let spread = self.id.0.as_u128() % AWAKENING.as_millis().max(1);
        let spread = Duration::from_millis(u64::try_from(spread).unwrap_or(0));
        UtcDay::of(now).next().begins().plus(spread)
    }

    /// Arms the timer of an agent that rests and is to go on by itself.
    pub(super) fn arm_rest(&mut self, ctx: &mut Context<Self>) {
        if let Some(until) = self.lifecycle.pause.as_ref().and_then(|pause| pause.until()) {
            let now = self.runtime.now();
            self.arm(ctx, until.since(now));
        }
    }

    /// Goes on after a rest, if its end has come.
    pub(super) fn wake_from_rest(&mut self, ctx: &mut Context<Self>) {
        let Some(until) = self.lifecycle.pause.as_ref().and_then(|pause| pause.until()) else {
            return;
        };
        let now = self.runtime.now();
        if self.is_changing || now < until {
            return self.arm_rest(ctx);
        }
        if self.runtime.may_work().is_err() {
            return self.arm(ctx, HALTED_WAIT);
        }
        let Ok(next) = self.lifecycle.after(Command::Resume, now) else { return };
        let facts = vec![
            Fact::LifecycleChanged { id: self.id, lifecycle: next.clone() },
            self.journal().event(EventKind::Resumed, json!({"reason": "budget"})),
        ];
        self.change_by_itself(facts, next, ctx);
    }
}
