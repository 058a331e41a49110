//! An agent's triggers, as somebody wants them.

use std::sync::Arc;

use actix::prelude::*;
use serde_json::json;

use super::Agent;
use super::firing::settled;
use crate::error::{CoreError, StoreError};
use crate::facts::{EventKind, Fact};
use crate::ids::{FiringId, TriggerId};
use crate::triggers::{
    Firing, FiringSource, FiringStatus, NewTrigger, Trigger, TriggerPatch, Wake,
};

/// Why a firing does not go on whose trigger is gone.
const REMOVED: &str = "its trigger was removed";

/// Firings of one trigger that are settled with it at most.
const SETTLED_MAX: u32 = 1_000;

/// Gives the agent a trigger, in any state of it; answers with it.
///
/// Fails with [`CoreError::Invalid`] if it cannot be or the agent has too many, and with
/// [`StoreError::Exists`] if there is one of that id.
#[derive(Clone, Debug, Message)]
#[rtype(result = "Result<Trigger, CoreError>")]
pub struct AddTrigger(pub Box<NewTrigger>);

/// Changes a trigger of the agent; answers with it.
///
/// Its next slot is found anew where its schedule changes, or whether it is enabled: slots that came
/// due while it was not are none. Fails with [`CoreError::NotFound`] and [`CoreError::Invalid`].
#[derive(Clone, Debug, Message)]
#[rtype(result = "Result<Trigger, CoreError>")]
pub struct AmendTrigger {
    /// Which trigger.
    pub id: TriggerId,
    /// What changes.
    pub patch: Box<TriggerPatch>,
}

/// Removes a trigger of the agent; a run of it is cut off, and what waits is skipped.
///
/// Fails with [`CoreError::NotFound`].
#[derive(Clone, Copy, Debug, Message)]
#[rtype(result = "Result<(), CoreError>")]
pub struct RemoveTrigger(pub TriggerId);

/// Has a trigger of the agent fire by hand, also one that is not enabled; answers with the firing,
/// which the agent takes up as soon as it is free and runs.
///
/// Fails with [`CoreError::NotFound`], with [`CoreError::Invalid`] if it has run as often as it may (what
/// waits counted), and with [`CoreError::Overloaded`] if too many firings wait.
#[derive(Clone, Copy, Debug, Message)]
#[rtype(result = "Result<Firing, CoreError>")]
pub struct FireTrigger(pub TriggerId);

/// The open firings of a trigger.
type Found = Result<Vec<Firing>, CoreError>;

type Kept<T> = AtomicResponse<Agent, Result<T, CoreError>>;

impl Handler<AddTrigger> for Agent {
    type Result = Kept<Trigger>;

    fn handle(&mut self, AddTrigger(wanted): AddTrigger, _: &mut Context<Self>) -> Kept<Trigger> {
        let (agent, runtime, journal) = (self.id, Arc::clone(&self.runtime), self.journal());
        let added = async move {
            let trigger = wanted.made(agent, journal.now)?;
            let most = runtime.settings.triggers_max;
            let known = runtime.ports.store.triggers(agent).await?;
            let exists = StoreError::Exists { what: "trigger", id: trigger.id.0 };
            if known.iter().any(|other| other.id == trigger.id) {
                return Err(exists.into());
            }
            if known.len() >= usize::try_from(most).unwrap_or(usize::MAX) {
                let reason = format!("an agent may have {most}");
                return Err(CoreError::Invalid { field: "triggers", reason });
            }
            let data = json!({"triggerId": trigger.id, "name": trigger.name});
            let set = Fact::TriggerSet { trigger: Box::new(trigger.clone()), is_retimed: true };
            let facts = vec![set, journal.event(EventKind::TriggerSet, data)];
            let committed = runtime.commit(facts).await?;
            runtime.scheduler.tell();
            if committed.affected.first() == Some(&0) {
                // Another agent's.
                return Err(exists.into());
            }
            Ok(trigger)
        };
        AtomicResponse::new(Box::pin(added.into_actor(self)))
    }
}

impl Handler<AmendTrigger> for Agent {
    type Result = Kept<Trigger>;

    fn handle(&mut self, amend: AmendTrigger, _: &mut Context<Self>) -> Kept<Trigger> {
        let AmendTrigger { id, patch } = amend;
        let (agent, runtime, journal) = (self.id, Arc::clone(&self.runtime), self.journal());
        let amended = async move {
            let known = runtime.ports.store.trigger(agent, id).await?.ok_or(missing(id))?;
            let (trigger, is_retimed) = patch.over(known, journal.now)?;
            let data = json!({"triggerId": id, "name": trigger.name});
            let set = Fact::TriggerSet { trigger: Box::new(trigger), is_retimed };
            let facts = vec![set, journal.event(EventKind::TriggerSet, data)];
            runtime.commit(facts).await?;
            runtime.scheduler.tell();
            // As it is kept: it may have fired meanwhile.
            runtime.ports.store.trigger(agent, id).await?.ok_or(missing(id))
        };
        AtomicResponse::new(Box::pin(amended.into_actor(self)))
    }
}

impl Handler<RemoveTrigger> for Agent {
    type Result = Kept<()>;

    fn handle(&mut self, RemoveTrigger(id): RemoveTrigger, _: &mut Context<Self>) -> Kept<()> {
        let (agent_id, runtime) = (self.id, Arc::clone(&self.runtime));
        let found = async move {
            let store = &runtime.ports.store;
            store.trigger(agent_id, id).await?.ok_or(missing(id))?;
            Ok(store.open_firings(agent_id, Some(id), SETTLED_MAX).await?)
        };
        let removed = found.into_actor(self).then(move |found: Found, agent: &mut Self, _| {
            let facts = found.map(|open| {
                // Silent first.
                let ids: Vec<FiringId> = open.iter().map(|firing| firing.id).collect();
                let mut facts = agent.cut_firings(&ids, REMOVED);
                facts.extend(agent.abandoned(&open));
                let journal = agent.journal();
                facts.push(Fact::TriggerRemoved { agent_id, id });
                facts.push(journal.event(EventKind::TriggerRemoved, json!({"triggerId": id})));
                facts
            });
            let runtime = Arc::clone(&agent.runtime);
            let committed = async move {
                runtime.commit(facts?).await?;
                Ok(())
            };
            committed.into_actor(agent)
        });
        AtomicResponse::new(Box::pin(removed.map(|removed, agent, ctx| {
            agent.next_letter(ctx);
            removed
        })))
    }
}

impl Handler<FireTrigger> for Agent {
    type Result = Kept<Firing>;

    fn handle(&mut self, FireTrigger(id): FireTrigger, _: &mut Context<Self>) -> Kept<Firing> {
        let (agent_id, runtime, now) = (self.id, Arc::clone(&self.runtime), self.runtime.now());
        let fired = async move {
            let store = &runtime.ports.store;
            let trigger = store.trigger(agent_id, id).await?.ok_or(missing(id))?;
            let most = runtime.settings.firings_waiting_max;
            let open = store.open_firings(agent_id, None, most).await?;
            let of_it = open.iter().filter(|firing| firing.trigger_id == id).count();
            if trigger.runs_left(of_it) == 0 {
                let reason = "the trigger has run as often as it may".to_owned();
                return Err(CoreError::Invalid { field: "max_runs", reason });
            }
            if open.len() >= usize::try_from(most).unwrap_or(usize::MAX) {
                return Err(CoreError::Overloaded);
            }
            let firing = Firing {
                id: FiringId::new(),
                trigger_id: id,
                agent_id,
                due_at: now,
                status: FiringStatus::Waiting,
                run_id: None,
                reason: None,
                source: FiringSource::Manual,
                wake: Wake::Now,
                count: 1,
                attempts: 0,
                started_at: None,
                ended_at: None,
            };
            runtime.commit(vec![Fact::FiringSet(Box::new(firing.clone()))]).await?;
            Ok(firing)
        };
        AtomicResponse::new(Box::pin(fired.into_actor(self).map(|fired, agent, ctx| {
            agent.firings.now |= fired.is_ok();
            agent.next_letter(ctx);
            fired
        })))
    }
}

impl Agent {
    /// What becomes of the open firings of a trigger that goes.
    fn abandoned(&self, open: &[Firing]) -> Vec<Fact> {
        let journal = self.journal();
        let end = |firing: &Firing| {
            let status = match firing.status {
                FiringStatus::Running => FiringStatus::Failed,
                _ => FiringStatus::Skipped,
            };
            settled(&journal, firing.id, Some(firing.trigger_id), (status, Some(REMOVED)))
        };
        open.iter().flat_map(end).collect()
    }
}

fn missing(id: TriggerId) -> CoreError {
    CoreError::NotFound { what: "trigger", id: id.0 }
}
