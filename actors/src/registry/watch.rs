//! The watch over all agents: lets each look at itself once in a while, and sees what none can see of
//! itself.

use std::collections::{HashMap, HashSet};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::{Either, select};
use serde_json::json;
use tokio::sync::oneshot;
use tokio::sync::oneshot::error::TryRecvError;

use super::Registry;
use super::shard::ExamineAll;
use crate::agent::Journal;
use crate::error::StoreError;
use crate::ids::{AgentId, RunId};
use crate::liveness::{Blocked, Finding};
use crate::ports::Seed;
use crate::runs::{RunStatus, Usage};
use crate::runtime::Runtime;
use crate::supervisor::panic_text;

/// Agents that are looked at in one go: about a millisecond of an arbiter.
const PAGE: u32 = 256;

/// How long a thread may take to answer at all. What runs on it takes its turn within milliseconds.
const HEARD_WITHIN: Duration = Duration::from_secs(10);

/// In each so many rounds it is asked which runs are open that nobody carries out.
const ORPHANS_EVERY: u64 = 10;

/// Open runs that are looked at.
const ORPHANS_MAX: u32 = 10_000;

/// How old such a run must be, since its end may be on its way to the store.
const ORPHAN_AGE: Duration = Duration::from_secs(60);

/// Watches until the host goes down, or nobody has it any more; goes on after a panic of its own.
pub(super) async fn watch(runtime: Arc<Runtime>) {
    let every = Duration::from_secs(u64::from(runtime.settings.liveness_every_s));
    if every.is_zero() {
        return;
    }
    let mut watch = Watch::of(&runtime, every);
    while let Err(panic) = AssertUnwindSafe(watch.go_round()).catch_unwind().await {
        let cause = panic_text(&*panic);
        tracing::error!(cause, "the watch over the agents crashed, and goes on");
        runtime.sleep(every).await;
    }
}

struct Watch<'a> {
    runtime: &'a Arc<Runtime>,
    every: Duration,
    rounds: u64,
    /// Of shards by number: the answer that is missing.
    missing: HashMap<usize, oneshot::Receiver<()>>,
    /// Runs that nobody carried out when it was last looked.
    suspects: HashSet<RunId>,
}

impl<'a> Watch<'a> {
    fn of(runtime: &'a Arc<Runtime>, every: Duration) -> Self {
        Self { runtime, every, rounds: 0, missing: HashMap::new(), suspects: HashSet::new() }
    }

    /// Round after round, until the host goes down.
    async fn go_round(&mut self) {
        loop {
            match self.round().await {
                Ok(true) => {}
                Ok(false) => return,
                Err(error) => {
                    tracing::warn!(%error, "the agents are not all looked at");
                    self.runtime.sleep(self.every).await;
                }
            }
        }
    }

    /// Looks at each agent once, in pages over the time that a round takes; whether the host goes on.
    async fn round(&mut self) -> Result<bool, StoreError> {
        let hosted = self.runtime.vitals().hosted;
        let pages = u32::try_from(hosted / u64::from(PAGE) + 1).unwrap_or(u32::MAX);
        let pause = self.every / pages;
        let mut after = None;
        loop {
            self.runtime.sleep(pause).await;
            // Not held on to meanwhile: whoever lets go of the registry ends the host.
            let Some(registry) = self.runtime.registry().filter(|_| !self.runtime.is_draining())
            else {
                return Ok(false);
            };
            let seeds = registry.store().seeds(after, PAGE).await?;
            let is_last = seeds.len() < usize::try_from(PAGE).unwrap_or(usize::MAX);
            after = seeds.last().map(|seed| seed.id).or(after);
            self.examine(&registry, &seeds).await;
            if is_last {
                break;
            }
        }
        if self.rounds.is_multiple_of(ORPHANS_EVERY) || !self.suspects.is_empty() {
            self.close_orphans().await?;
        }
        self.rounds = self.rounds.saturating_add(1);
        self.runtime.board.went_round(self.runtime.now());
        Ok(true)
    }

    /// Lets these agents look at themselves, and sees whether their threads answer.
    async fn examine(&mut self, registry: &Registry, seeds: &[Seed]) {
        let mut waited_for = Vec::new();
        for (index, shard) in registry.inner.shards.iter().enumerate() {
            if !self.is_heard(index) {
                continue;
            }
            let of_shard = seeds.iter().filter(|seed| registry.shard_index(seed.id) == index);
            let agents = of_shard.map(|seed| (seed.id, seed.has_letters)).collect();
            let (heard, answer) = oneshot::channel();
            // One whose mailbox is full is asked with the next page.
            if shard.try_send(ExamineAll { agents, heard }).is_ok() {
                waited_for.push((index, answer));
            }
        }
        for (index, answer) in waited_for {
            if let Either::Right((_, answer)) =
                select(answer, self.runtime.sleep(HEARD_WITHIN)).await
            {
                let handled = registry.inner.handled.get(index);
                self.thread_is_blocked(index, handled.and_then(|handled| handled.last())).await;
                self.missing.insert(index, answer);
            }
        }
    }

    /// Whether the thread has answered all that it was asked.
    fn is_heard(&mut self, index: usize) -> bool {
        let missing = self.missing.get_mut(&index);
        if missing.is_some_and(|answer| answer.try_recv() == Err(TryRecvError::Empty)) {
            return false;
        }
        if self.missing.remove(&index).is_some()
            && let Some(blocked) = self.runtime.board.answers(index)
        {
            let took_ms = self.runtime.now().since(blocked.since).as_millis();
            tracing::warn!(thread = index, took_ms, "a thread of agents answers again");
        }
        true
    }

    async fn thread_is_blocked(&self, thread: usize, last_handled: Option<AgentId>) {
        let blocked = Blocked { thread, last_handled, since: self.runtime.now() };
        if !self.runtime.board.blocked(blocked) {
            return;
        }
        tracing::error!(thread, ?last_handled, "a thread of agents does not answer");
        if let Some(agent) = last_handled {
            let data = json!({"thread": thread});
            let found = self.runtime.found(agent, Finding::BlockedThread, data);
            if let Err(error) = self.runtime.commit(vec![found]).await {
                tracing::error!(%agent, %error, "a finding is not recorded");
            }
        }
    }

    /// Closes the runs that are open and that nobody carries out, seen twice.
    async fn close_orphans(&mut self) -> Result<(), StoreError> {
        let latest = self.runtime.now().minus(ORPHAN_AGE);
        let open = self.runtime.ports.store.open_runs(ORPHANS_MAX).await?;
        let orphans: Vec<_> = open
            .into_iter()
            .filter(|run| run.started_at <= latest && !self.runtime.is_in_flight(run.id))
            .collect();
        let before = std::mem::take(&mut self.suspects);
        for run in orphans {
            if !before.contains(&run.id) {
                self.suspects.insert(run.id);
                continue;
            }
            let (agent, now): (AgentId, _) = (run.agent_id, self.runtime.now());
            let journal = Journal { agent, now };
            let reason = Some("nobody carried it out");
            let ended = journal.run_ended(&run, RunStatus::Failed, reason, now, Usage::default());
            let data = json!({"runId": run.id});
            let found = self.runtime.found(agent, Finding::OrphanedRun, data);
            self.runtime.commit(ended.into_iter().chain([found]).collect()).await?;
        }
        Ok(())
    }
}
