//! The scheduler: takes the slots of all triggers as they come due, one task for each host.
//!
//! For each trigger that is due it finds every slot since it was last dealt with, decides what is to
//! become of each (`plan`), commits a record for each together with the trigger's next slot, and then
//! tells the agent. A trigger that cannot fire (its agent does not run, the fleet is halted) keeps its
//! slot until it can, and is dealt with then. Triggers with slots to catch up on are paced, so that a
//! fleet does not wake up together; those that are in time never wait for them.

mod desk;
mod health;
mod plan;

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::select;
use serde_json::json;

use crate::agent::{Fire, Journal};
use crate::error::{CoreError, StoreError};
use crate::facts::{EventKind, Fact};
use crate::ids::AgentId;
use crate::ports::DueQuery;
use crate::registry::WeakRegistry;
use crate::runtime::Runtime;
use crate::supervisor::panic_text;
use crate::time::UnixMillis;
use crate::triggers::{FiringEnd, FiringStatus, Trigger, TriggerFired, Wake};
use crate::vitals::Counters;

pub(crate) use desk::Desk;
pub use health::SchedulerHealth;

use plan::{Plan, Walk};

/// How often it comes round at least in the time after which it counts as silent. It does so though
/// nothing is due, as the clock of the machine may leap.
const ROUNDS: u32 = 5;

/// How long it waits after something went wrong, and before it tells a busy agent again.
const RETRY: Duration = Duration::from_secs(1);

/// How often a busy agent is told before it is left to its next firing or its next boot.
const TOLD_MAX: u32 = 60;

/// Triggers that are dealt with in one go.
const PAGE: u32 = 64;

/// Paced portions in a second.
const PORTIONS_PER_S: u32 = 10;

/// Open firings of one trigger that are looked at.
const OPEN_MAX: u32 = 1_000;

/// Slots that are walked before others have their turn.
const STRIDE: usize = 1_024;

/// Serves until the host goes down; after a panic it begins anew.
pub(crate) async fn serve(registry: WeakRegistry, runtime: Arc<Runtime>) {
    loop {
        let round = Round { registry: &registry, runtime: &runtime, catch_up_at: UnixMillis(0) };
        match AssertUnwindSafe(round.go()).catch_unwind().await {
            Ok(()) => return,
            Err(panic) => {
                let cause = panic_text(&*panic);
                tracing::error!(cause, "the scheduler crashed, and begins anew");
            }
        }
        runtime.sleep(RETRY).await;
    }
}

/// The work of the scheduler.
struct Round<'a> {
    registry: &'a WeakRegistry,
    runtime: &'a Arc<Runtime>,
    /// When the next portion of catching up may begin.
    catch_up_at: UnixMillis,
}

impl Round<'_> {
    async fn go(mut self) {
        while !self.runtime.is_draining() && self.registry.upgrade().is_some() {
            let nap = if self.runtime.is_halted() || self.runtime.is_booting() {
                self.runtime.scheduler.rested(self.runtime.now());
                self.nap_max()
            } else {
                match self.pass().await {
                    Ok(nap) => nap,
                    Err(StoreError::Fenced | StoreError::Closed) => return,
                    Err(error) => {
                        tracing::error!(%error, "the scheduler cannot go on yet");
                        RETRY
                    }
                }
            };
            if !nap.is_zero() {
                let told = std::pin::pin!(self.runtime.scheduler.told());
                select(told, self.runtime.sleep(nap)).await;
            }
        }
    }

    /// How long it sleeps at most.
    fn nap_max(&self) -> Duration {
        Duration::from_secs(u64::from(self.runtime.settings.overdue_after_s)) / ROUNDS
    }

    /// Deals with what is due; how long there is nothing more to do.
    async fn pass(&mut self) -> Result<Duration, StoreError> {
        let now = self.runtime.now();
        let in_time = self.take(now, false, PAGE).await?;
        let is_paced = now < self.catch_up_at;
        let late = if is_paced { 0 } else { self.catch_up(now).await? };
        if in_time >= PAGE {
            return Ok(Duration::ZERO);
        }
        let next = self.runtime.ports.store.next_due().await?;
        // What was taken may have taken its time.
        let now = self.runtime.now();
        let Some(next) = next else {
            self.runtime.scheduler.rested(now);
            return Ok(self.nap_max());
        };
        if next > now {
            self.runtime.scheduler.rested(now);
            return Ok(next.since(now).min(self.nap_max()));
        }
        self.runtime.scheduler.is_behind(next, now);
        let paced = self.catch_up_at.since(now);
        // What is due and was not taken is either paced, or could not be.
        Ok(if is_paced || late > 0 { paced } else { RETRY })
    }

    /// Deals with a portion of the triggers that have slots to catch up on.
    async fn catch_up(&mut self, now: UnixMillis) -> Result<u32, StoreError> {
        let per_s = self.runtime.settings.catch_up_per_s;
        let portion = (per_s / PORTIONS_PER_S).clamp(1, PAGE);
        let taken = self.take(now, true, portion).await?;
        if taken > 0 {
            let micros = u64::from(taken) * 1_000_000 / u64::from(per_s.max(1));
            // Within a half and one and a half, so that several hosts do not keep step.
            let jittered = micros / 2 + fastrand::u64(0..=micros);
            let after = Duration::from_micros(jittered).max(Duration::from_millis(1));
            self.catch_up_at = self.runtime.now().plus(after);
        }
        Ok(taken)
    }

    /// Deals with some triggers that are due, late or in time; how many there were.
    async fn take(&self, now: UnixMillis, is_late: bool, limit: u32) -> Result<u32, StoreError> {
        let query = DueQuery { now, is_late, limit };
        let due = self.runtime.ports.store.due_triggers(query).await?;
        let count = u32::try_from(due.len()).unwrap_or(u32::MAX);
        for trigger in due {
            if self.runtime.may_work().is_err() {
                break;
            }
            let id = trigger.id;
            match self.fire(trigger).await {
                Ok(()) => {}
                // Somebody has changed it meanwhile: it is looked at anew.
                Err(StoreError::Missing { .. }) => {}
                Err(error @ (StoreError::Fenced | StoreError::Closed)) => return Err(error),
                Err(error) => tracing::error!(trigger = %id, %error, "its slots are not taken yet"),
            }
        }
        Ok(count)
    }

    /// Takes the slots of one trigger: durable first, then its agent is told.
    async fn fire(&self, trigger: Trigger) -> Result<(), StoreError> {
        let Some(from) = trigger.next_due_at else { return Ok(()) };
        let store = &self.runtime.ports.store;
        let open = store.open_firings(trigger.agent_id, Some(trigger.id), OPEN_MAX).await?;
        let now = self.runtime.now();
        let kept = usize::try_from(self.runtime.settings.catch_up_slots_max).unwrap_or(usize::MAX);
        let mut walk = Walk::new(&trigger.schedule, from, now, kept);
        while !walk.goes_on(STRIDE) {
            tokio::task::yield_now().await;
        }
        let plan = Plan::of(&trigger, walk.taken(), &open, now);
        let told = Fire {
            is_now: trigger.wake == Wake::Now && plan.runs(),
            is_at_tick: trigger.wake == Wake::NextTick && plan.runs(),
            replaced: plan.replaced.iter().map(|(id, _)| *id).collect(),
        };
        let (missed, skipped) =
            (plan.count(FiringStatus::Missed), plan.count(FiringStatus::Skipped));
        self.runtime.commit(facts(&trigger, plan, from, now, (missed, skipped))).await?;
        Counters::add(&self.runtime.counters.firings_missed, missed);
        Counters::add(&self.runtime.counters.firings_skipped, skipped);
        if told.is_now || told.is_at_tick || !told.replaced.is_empty() {
            self.tell(trigger.agent_id, told);
        }
        Ok(())
    }

    /// Tells an agent, and again while it is too busy; nobody waits for that.
    fn tell(&self, agent: AgentId, fire: Fire) {
        let runtime = Arc::clone(self.runtime);
        actix::spawn(async move {
            for _ in 0..TOLD_MAX {
                let Some(registry) = runtime.registry() else { return };
                match registry.ask(agent, fire.clone()).await {
                    Err(CoreError::Overloaded | CoreError::Starting | CoreError::Crashed(_)) => {}
                    // Also one that does not answer in time has the message.
                    _ => return,
                }
                drop(registry);
                runtime.sleep(RETRY).await;
            }
            tracing::warn!(agent = %agent, "too busy to be told of its firings");
        });
    }
}

/// What is to be kept of it.
fn facts(
    trigger: &Trigger,
    plan: Plan,
    from: UnixMillis,
    now: UnixMillis,
    (missed, skipped): (u64, u64),
) -> Vec<Fact> {
    let agent_id = trigger.agent_id;
    let journal = Journal { agent: agent_id, now };
    let mut facts = Vec::with_capacity(2 + plan.replaced.len());
    if missed + skipped > 0 {
        let data = json!({
            "triggerId": trigger.id, "missed": missed, "skipped": skipped, "from": from,
        });
        facts.push(journal.event(EventKind::TriggerMissed, data));
    }
    for (id, status) in plan.replaced {
        let reason = Some(crate::agent::REPLACED.to_owned());
        let end = FiringEnd { id, agent_id, status, reason, at: now };
        facts.push(Fact::FiringSettled(Box::new(end)));
    }
    facts.push(Fact::TriggerFired(Box::new(TriggerFired {
        trigger_id: trigger.id,
        agent_id,
        from,
        next_due_at: plan.next_due_at,
        firings: plan.firings,
    })));
    facts
}
