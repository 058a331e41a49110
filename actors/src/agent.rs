//! The agent actor: its hot state, how it comes up, how it is rebuilt after a crash.
//!
//! Everything that happens to an agent passes through its mailbox. What it remembers and who it is
//! stay in the store; what a tick or a status needs is here, so that an idle agent costs about a
//! kilobyte.

mod asked;
mod beside;
mod calling_off;
mod change;
mod condense;
mod contacts;
pub(crate) mod context;
pub(crate) mod correspondence;
mod delivery;
mod errand;
mod examine;
mod firing;
mod goals;
mod grace;
mod hearing;
mod journal;
mod keep;
mod letters;
mod parking;
mod prompt;
mod rename;
mod requeue;
mod run;
mod spending;
mod tick;
mod triggers;

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use actix::dev::{MessageResponse, OneshotSender};
use actix::prelude::*;
use serde_json::json;

use crate::error::CoreError;
use crate::facts::{EventKind, Fact};
use crate::ids::{AgentId, RoomId, RunId};
use crate::lifecycle::{Desired, Lifecycle, State};
use crate::liveness::handled;
use crate::ports::Seed;
use crate::runs::RunStatus;
use crate::runtime::Runtime;
use crate::supervisor;
use crate::time::UnixMillis;
use crate::vitals::Counters;

pub use asked::Entitle;
pub use calling_off::{CallOff, CallOffFiring, CallOffWaiting, CalledOff};
pub(crate) use change::Lifted;
pub use change::{Change, SetAutonomy};
pub use contacts::Permits;
pub use delivery::{Delivered, Delivery, Reply};
pub(crate) use examine::Examine;
pub(crate) use firing::{Fire, REPLACED};
pub(crate) use goals::GoalWork;
pub use goals::{AmendGoal, RemoveGoal, SetGoal};
pub(crate) use journal::Journal;
pub(crate) use keep::Revise;
pub use keep::{AmendMemory, AmendWorld, Keep, MemoryPatch};
pub(crate) use parking::Decide;
pub(crate) use rename::Rename;
pub use requeue::Requeue;
pub use triggers::{AddTrigger, AmendTrigger, FireTrigger, RemoveTrigger};

use asked::Asked;
use beside::{Beside, Cut};
use errand::Flight;
use firing::FiringsWaiting;
use letters::Waiter;

/// One hosted agent. It is reached through the [`Registry`](crate::registry::Registry) alone.
pub struct Agent {
    id: AgentId,
    runtime: Arc<Runtime>,
    lifecycle: Lifecycle,
    reflected_at: Option<UnixMillis>,
    /// Whether something has happened that it has not reflected on: without that there is nothing to
    /// think about, and no model is asked.
    has_news: bool,
    /// When there is work for its goals, as far as is known here; the store has the truth.
    goal_work: GoalWork,
    /// Letters that wait, as far as is known here; the store has the truth.
    letters_waiting: u32,
    firings: FiringsWaiting,
    /// Whether parked runs may go on, as far as is known here; the store has the truth.
    has_resumable: bool,
    /// Runs that failed in a row.
    failures: u32,
    /// Crashes without a completed run between them.
    crashes_in_a_row: u32,
    restarts: u32,
    ticks_skipped: u32,
    /// Whether it was reported that its runs fail again and again.
    is_failing: bool,
    is_rebuilding: bool,
    /// Whether it is being removed: nothing is begun, and nothing is answered but that.
    is_ending: bool,
    /// Whether a change of the lifecycle is on its way to the store: nothing is begun meanwhile.
    is_changing: bool,
    timer: Option<tick::Timer>,
    flight: Option<Box<Flight>>,
    /// What it does beside its conversation; nothing while there is none.
    beside: Option<Box<Beside>>,
    waiters: Vec<Waiter>,
    asked: VecDeque<Asked>,
}

/// How an agent is doing.
#[derive(Clone, Debug, PartialEq)]
pub struct Status {
    /// Which agent.
    pub id: AgentId,
    /// What is so now.
    pub state: State,
    /// Its durable lifecycle.
    pub lifecycle: Lifecycle,
    /// The run in flight.
    pub run: Option<RunId>,
    /// The room in which its reply is in flight.
    pub answering: Option<RoomId>,
    /// How often it was rebuilt after a crash since the host started.
    pub restarts: u32,
    /// How many ticks came due while a run was in flight, since the host started.
    pub ticks_skipped: u32,
    /// When the next tick is due.
    pub next_tick_at: Option<UnixMillis>,
}

/// Asks how an agent is doing; answered in every state.
#[derive(Clone, Copy, Debug, Message)]
#[rtype(result = "Result<Status, CoreError>")]
pub struct GetStatus;

/// A message with the caller's own reply channel: the agent answers the caller directly.
pub(crate) struct Forwarded<M, T> {
    pub(crate) message: M,
    pub(crate) reply: OneshotSender<Result<T, CoreError>>,
}

impl<M: 'static, T: 'static> Message for Forwarded<M, T> {
    type Result = ();
}

/// Ends an agent that is about to be removed: silent at once, and not there for whoever asks.
#[derive(Message)]
#[rtype(result = "Result<(), CoreError>")]
pub(crate) struct End;

impl Agent {
    pub(crate) fn new(runtime: Arc<Runtime>, seed: Seed) -> Self {
        runtime.counters.hosted.fetch_add(1, Ordering::Relaxed);
        Self {
            id: seed.id,
            runtime,
            lifecycle: seed.lifecycle,
            reflected_at: seed.reflected_at,
            has_news: seed.has_news,
            goal_work: GoalWork::seeded(seed.has_goals),
            letters_waiting: u32::from(seed.has_letters),
            firings: FiringsWaiting::found(seed.has_firings),
            has_resumable: seed.has_resumable,
            failures: 0,
            crashes_in_a_row: 0,
            restarts: 0,
            ticks_skipped: 0,
            is_failing: false,
            is_rebuilding: false,
            is_ending: false,
            is_changing: false,
            timer: None,
            flight: None,
            beside: Beside::seeded(seed.has_tasks, seed.has_resumable),
            waiters: Vec::new(),
            asked: VecDeque::new(),
        }
    }

    fn is_running(&self) -> bool {
        self.lifecycle.state() == State::Running
    }

    /// # Errors
    /// [`CoreError::NotRunning`], or [`CoreError::Failed`] with its reason.
    fn must_run(&self) -> Result<(), CoreError> {
        match (self.lifecycle.state(), &self.lifecycle.failure) {
            (State::Running, _) => Ok(()),
            (_, Some(reason)) => Err(CoreError::Failed { id: self.id, reason: reason.to_string() }),
            (state, None) => Err(CoreError::NotRunning { id: self.id, state }),
        }
    }

    fn journal(&self) -> Journal {
        Journal { agent: self.id, now: self.runtime.now() }
    }

    /// Reads the agent anew from the store, however long that takes: without its durable state it
    /// must not act.
    fn reload(&mut self, ctx: &mut Context<Self>, facts: Vec<Fact>) {
        let (id, runtime) = (self.id, Arc::clone(&self.runtime));
        let reloading = async move {
            let mut pause = Duration::from_millis(100);
            let mut facts = facts;
            loop {
                if !facts.is_empty() {
                    match runtime.commit(facts.clone()).await {
                        Ok(_) => facts.clear(),
                        Err(error) => {
                            tracing::error!(agent = %id, %error, "a crash is not recorded yet")
                        }
                    }
                }
                match runtime.ports.store.seed(id).await {
                    Ok(seed) => return seed,
                    Err(error) => tracing::error!(agent = %id, %error, "cannot be rebuilt yet"),
                }
                runtime.sleep(pause).await;
                pause = pause.saturating_mul(2).min(Duration::from_secs(30));
            }
        };
        ctx.wait(reloading.into_actor(self).map(|seed, agent, ctx| match seed {
            Some(seed) => agent.rebuilt(seed, ctx),
            None => ctx.stop(),
        }));
    }

    fn rebuilt(&mut self, seed: Seed, ctx: &mut Context<Self>) {
        self.is_rebuilding = false;
        self.lifecycle = seed.lifecycle;
        self.reflected_at = seed.reflected_at;
        self.has_news = seed.has_news;
        self.goal_work = GoalWork::seeded(seed.has_goals);
        self.letters_waiting = u32::from(seed.has_letters);
        self.firings = FiringsWaiting::found(seed.has_firings);
        self.has_resumable = seed.has_resumable;
        self.rebuilt_beside(seed.has_tasks, seed.has_resumable);
        let backoff = self.runtime.settings.restart_backoff(self.crashes_in_a_row);
        self.arm(ctx, tick::jittered(backoff, self.runtime.settings.tick_jitter_percent));
    }
}

impl Actor for Agent {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        // An agent that was not polled before its arbiter ended is started by its own drop, where no
        // timer can be armed.
        if self.is_rebuilding || self.runtime.is_draining() {
            return;
        }
        self.arm_first(ctx);
        self.next_letter(ctx);
        self.next_beside(ctx);
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        self.runtime.counters.hosted.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Supervised for Agent {
    fn restarting(&mut self, ctx: &mut Context<Self>) {
        let cause = supervisor::cause().unwrap_or_default();
        self.is_rebuilding = true;
        self.is_changing = false;
        self.restarts = self.restarts.saturating_add(1);
        self.crashes_in_a_row = self.crashes_in_a_row.saturating_add(1);
        self.timer = None;
        self.waiters = Vec::new();
        self.asked = VecDeque::new();
        if let Some(flight) = &mut self.flight {
            flight.asker = None;
        }
        Counters::add(&self.runtime.counters.crashes, 1);
        tracing::error!(agent = %self.id, restarts = self.restarts, cause, "agent crashed, rebuilding it");

        let journal = self.journal();
        let reason = format!("crashed: {cause}");
        let mut facts = self.cut(RunStatus::Failed, &reason);
        let crashed = Cut { status: RunStatus::Failed, reason: &reason, settles: None };
        facts.extend(self.cut_beside(|_| true, &crashed));
        facts.push(
            journal.event(EventKind::Crashed, json!({"cause": cause, "restarts": self.restarts})),
        );
        self.reload(ctx, facts);
    }
}

impl Handler<GetStatus> for Agent {
    type Result = Result<Status, CoreError>;

    fn handle(&mut self, _: GetStatus, _: &mut Context<Self>) -> Self::Result {
        Ok(Status {
            id: self.id,
            state: if self.is_stopping() { State::Stopping } else { self.lifecycle.state() },
            lifecycle: self.lifecycle.clone(),
            run: self.flight.as_ref().map(|flight| flight.run_id()),
            answering: self.answering().map(|(_, room, _)| room),
            restarts: self.restarts,
            ticks_skipped: self.ticks_skipped,
            next_tick_at: self.timer.as_ref().map(|timer| timer.due),
        })
    }
}

impl<M, T> Handler<Forwarded<M, T>> for Agent
where
    M: Message<Result = Result<T, CoreError>> + 'static,
    T: 'static,
    Self: Handler<M>,
{
    type Result = ();

    fn handle(&mut self, forwarded: Forwarded<M, T>, ctx: &mut Context<Self>) {
        let Forwarded { message, reply } = forwarded;
        handled::note(self.id);
        if self.is_ending {
            drop(reply.send(Err(CoreError::AgentNotFound(self.id))));
            return;
        }
        self.handle(message, ctx).handle(ctx, Some(reply));
    }
}

impl Handler<End> for Agent {
    type Result = Result<(), CoreError>;

    fn handle(&mut self, _: End, ctx: &mut Context<Self>) -> Self::Result {
        // What is cut off is not recorded: the record goes with the agent.
        let reason = "the agent was removed";
        drop(self.cut(RunStatus::Cancelled, reason));
        let removed = Cut { status: RunStatus::Cancelled, reason, settles: None };
        drop(self.cut_beside(|_| true, &removed));
        let cancelled = CoreError::Cancelled(reason.to_owned());
        drop(self.dismiss_waiters_but(Vec::new(), &cancelled));
        self.dismiss_askers(&cancelled);
        self.disarm(ctx);
        // Its shard lets go of the address when it is gone from the store. Until then it answers
        // what still comes.
        self.is_ending = true;
        self.lifecycle.desired = Desired::Stopped;
        Ok(())
    }
}
