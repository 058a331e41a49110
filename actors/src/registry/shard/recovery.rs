//! Agents that do not answer and agents that crash too often: what a shard does about them.

use std::sync::Arc;
use std::time::Duration;

use actix::prelude::*;
use futures::future::{Either, join_all, select};
use serde_json::json;
use tokio::sync::oneshot;
use tokio::sync::oneshot::error::TryRecvError;

use super::{Entry, Shard};
use crate::agent::{Agent, Examine, Forwarded, Journal};
use crate::error::StoreError;
use crate::facts::{EventKind, Fact};
use crate::ids::AgentId;
use crate::liveness::Finding;
use crate::ports::{RunQuery, Seed};
use crate::runs::{RunStatus, Usage};
use crate::runtime::Runtime;
use crate::vitals::Counters;

/// How long until it is tried again to record that an agent has failed.
const FAILURE_RETRY: Duration = Duration::from_secs(1);

/// Lets agents look at themselves, and rebuilds those that do not answer.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct ExamineAll {
    /// Which agents, and whether letters wait for each, as the store has it.
    pub(crate) agents: Vec<(AgentId, bool)>,
    /// Told at once: the thread answers.
    pub(crate) heard: oneshot::Sender<()>,
}

/// An agent crashed too often and was left.
#[derive(Message)]
#[rtype(result = "()")]
pub(super) struct GaveUp {
    pub(super) id: AgentId,
    pub(super) cause: String,
}

impl Handler<ExamineAll> for Shard {
    type Result = ();

    fn handle(&mut self, ExamineAll { agents, heard }: ExamineAll, ctx: &mut Context<Self>) {
        self.take_turn(ctx);
        // Nobody minds if the one who asks has gone away.
        let _nobody_waits = heard.send(());
        let mut asked = Vec::with_capacity(agents.len());
        for (id, has_letters) in agents {
            if let Some(Entry::Hosted(address, _)) = self.agents.get(&id) {
                let (reply, answer) = oneshot::channel();
                tell_examine(address, Forwarded { message: Examine { has_letters }, reply });
                asked.push((id, answer));
            }
        }
        let within = Duration::from_millis(u64::from(self.runtime.settings.ask_deadline_ms));
        let late = self.runtime.sleep(within);
        let deaf = async move {
            let answers = asked.iter_mut().map(|(_, answer)| answer);
            drop(select(join_all(answers), late).await);
            let is_deaf = |answer: &mut oneshot::Receiver<_>| {
                matches!(answer.try_recv(), Err(TryRecvError::Empty))
            };
            asked.retain_mut(|(_, answer)| is_deaf(answer));
            asked.into_iter().map(|(id, _)| id).collect::<Vec<_>>()
        };
        ctx.spawn(deaf.into_actor(self).map(move |deaf, shard, ctx| {
            for id in deaf {
                shard.rebuild(id, within, ctx);
            }
        }));
    }
}

#[allow(
    clippy::disallowed_methods,
    reason = "an agent whose mailbox is full may be one that takes nothing from it; once in a round, \
              and such an agent is rebuilt"
)]
fn tell_examine(agent: &Addr<Agent>, examine: Forwarded<Examine, ()>) {
    agent.do_send(examine);
}

impl Handler<GaveUp> for Shard {
    type Result = ();

    fn handle(&mut self, GaveUp { id, cause }: GaveUp, ctx: &mut Context<Self>) {
        Counters::add(&self.runtime.counters.gave_up, 1);
        tracing::error!(agent = %id, cause, "an agent crashed too often and is left until it is started anew");
        self.agents.insert(id, Entry::Away);
        self.leave_failed(id, cause, ctx);
    }
}

impl Shard {
    /// Ends an agent that does not answer where it stands, and hosts it anew from the store.
    ///
    /// Only where the store itself answers: an agent that waits for it would do so again.
    fn rebuild(&mut self, id: AgentId, within: Duration, ctx: &mut Context<Self>) {
        let runtime = Arc::clone(&self.runtime);
        let late = runtime.sleep(within);
        let recorded = Box::pin(async move {
            let is_there = runtime.ports.store.seed(id).await.is_ok_and(|seed| seed.is_some());
            let found =
                || runtime.found(id, Finding::DeafAgent, json!({"withinMs": within.as_millis()}));
            // What an agent waits for was committed before this, or never will be.
            is_there
                && runtime.commit(Vec::new()).await.is_ok()
                && runtime.commit(vec![found()]).await.is_ok()
        });
        let recorded = async move {
            match select(recorded, late).await {
                Either::Left((is_recorded, _)) => is_recorded,
                Either::Right(_) => false,
            }
        };
        ctx.spawn(recorded.into_actor(self).map(move |is_recorded, shard, ctx| {
            if let (true, Some(Entry::Hosted(_, task))) = (is_recorded, shard.agents.get(&id)) {
                task.abort();
                shard.agents.insert(id, Entry::Away);
                shard.host_rebuilt(id, ctx);
            }
        }));
    }

    /// Closes what an agent left open and hosts it anew, however long that takes.
    pub(super) fn host_rebuilt(&mut self, id: AgentId, ctx: &mut Context<Self>) {
        let runtime = Arc::clone(&self.runtime);
        let closed = async move {
            let closed = close_runs(&runtime, id, "the agent did not answer").await;
            if let Err(error) = &closed {
                tracing::error!(agent = %id, %error, "cannot be rebuilt yet");
                runtime.sleep(FAILURE_RETRY).await;
            }
            closed
        };
        ctx.spawn(closed.into_actor(self).map(move |closed, shard, ctx| match closed {
            Ok(seed) => shard.host_anew(id, seed, ctx),
            Err(_) => shard.host_rebuilt(id, ctx),
        }));
    }

    /// Records that an agent has failed, however long that takes, then hosts it in that state: it
    /// takes lifecycle commands and nothing else.
    fn leave_failed(&mut self, id: AgentId, cause: String, ctx: &mut Context<Self>) {
        let runtime = Arc::clone(&self.runtime);
        let recorded = async move {
            let recorded = record_failure(&runtime, id, &cause).await;
            if let Err(error) = &recorded {
                tracing::error!(agent = %id, %error, "its failure is not recorded yet");
                runtime.sleep(FAILURE_RETRY).await;
            }
            (recorded, cause)
        };
        ctx.spawn(recorded.into_actor(self).map(
            move |(recorded, cause), shard, ctx| match recorded {
                Ok(seed) => shard.host_anew(id, seed, ctx),
                Err(_) => shard.leave_failed(id, cause, ctx),
            },
        ));
    }
}

/// Ends what the agent left open; answers with what its actor has to know.
async fn close_runs(
    runtime: &Arc<Runtime>,
    id: AgentId,
    reason: &str,
) -> Result<Option<Seed>, StoreError> {
    let journal = Journal { agent: id, now: runtime.now() };
    let mut facts = Vec::new();
    for run in runtime.ports.store.runs(RunQuery::open(id)).await? {
        let (now, usage) = (journal.now, Usage::default());
        facts.extend(journal.run_ended(&run, RunStatus::Failed, Some(reason), now, usage));
    }
    runtime.commit(facts).await?;
    runtime.ports.store.seed(id).await
}

/// Ends what the agent left open and marks it as failed; answers with what its actor has to know.
async fn record_failure(
    runtime: &Arc<Runtime>,
    id: AgentId,
    cause: &str,
) -> Result<Option<Seed>, StoreError> {
    let Some(mut seed) = runtime.ports.store.seed(id).await? else { return Ok(None) };
    seed.lifecycle.failure = Some(cause.into());
    let journal = Journal { agent: id, now: runtime.now() };
    let reason = format!("crashed: {cause}");
    let mut facts = Vec::new();
    for run in runtime.ports.store.runs(RunQuery::open(id)).await? {
        let (now, usage) = (journal.now, Usage::default());
        facts.extend(journal.run_ended(&run, RunStatus::Failed, Some(&reason), now, usage));
    }
    facts.push(Fact::LifecycleChanged { id, lifecycle: seed.lifecycle.clone() });
    facts.push(journal.event(EventKind::Failed, json!({"cause": cause})));
    runtime.commit(facts).await?;
    runtime.record_changed(id);
    Ok(Some(seed))
}
