//! Agents on their way in: kept slice by slice, and there whole or not at all.
//!
//! One commit of a hundred thousand memories would hold up everybody's writes for seconds. So an import
//! is many commits under a mark; the agent appears with the one that takes the mark away.

use std::sync::Arc;

use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use super::Registry;
use super::shard::Create;
use crate::budget;
use crate::character::AgentRecord;
use crate::error::{CoreError, StoreError};
use crate::facts::Fact;
use crate::ids::AgentId;
use crate::lifecycle::Lifecycle;
use crate::runtime::Runtime;

/// Facts that are kept in one go at most, so that other writers have their turn in between.
pub const IMPORT_SLICE: usize = 256;

/// Imports at once: each has as many commits as it likes.
const IMPORTS_MAX: usize = 4;

/// How long is waited before a store that did not take a removal is asked again.
const RETRY: std::time::Duration = std::time::Duration::from_secs(1);

/// Imports that nobody goes on with which one question asks for.
const LEFT_AT_ONCE: u32 = 100;

/// The turns that imports take.
pub(super) fn turns() -> Arc<Semaphore> {
    Arc::new(Semaphore::new(IMPORTS_MAX))
}

impl Registry {
    /// Begins to take in an agent, which nobody sees until it is [finished](Import::finish).
    ///
    /// # Errors
    /// [`CoreError::AlreadyExists`] if there is an agent of that id, one is on its way in, or memories
    /// of one that was removed are kept; [`CoreError::Overloaded`] if as many are on their way in as
    /// may be; [`CoreError::ShuttingDown`], [`CoreError::Store`].
    pub async fn begin_import(&self, agent: AgentId) -> Result<Import, CoreError> {
        let runtime = self.runtime();
        if runtime.is_draining() {
            return Err(CoreError::ShuttingDown);
        }
        let turn = Arc::clone(&self.inner.imports).try_acquire_owned();
        let turn = turn.map_err(|_full| CoreError::Overloaded)?;
        let begun = runtime.commit(vec![Fact::ImportBegun { agent_id: agent, at: runtime.now() }]);
        let registry = self.clone();
        // On its own, as the caller may leave: what was begun by then is abandoned with the `Import`
        // that nobody takes.
        let begun = tokio::spawn(async move {
            begun.await.map(|_| Import { registry, agent, turn: Some(turn) })
        });
        match begun.await.unwrap_or(Err(StoreError::Closed)) {
            Err(StoreError::Exists { .. }) => Err(CoreError::AlreadyExists(agent)),
            begun => Ok(begun?),
        }
    }
}

/// An agent on its way in. If it is dropped, everything of it is removed in the background, by the next
/// boot at the latest.
#[must_use = "an import that is dropped is abandoned"]
pub struct Import {
    registry: Registry,
    agent: AgentId,
    /// Its turn; given up once it is finished or removed.
    turn: Option<OwnedSemaphorePermit>,
}

impl std::fmt::Debug for Import {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Import").field("agent", &self.agent).finish_non_exhaustive()
    }
}

impl Import {
    /// The agent's id.
    #[must_use]
    pub fn agent(&self) -> AgentId {
        self.agent
    }

    /// Keeps rows of the agent, whole or not at all, at most [`IMPORT_SLICE`] at a time.
    ///
    /// # Errors
    /// [`CoreError::Invalid`] if there are more, or one is no row of this agent; [`CoreError::Store`].
    pub async fn keep(&self, facts: Vec<Fact>) -> Result<(), CoreError> {
        self.check(&facts)?;
        self.registry.runtime().commit(facts).await?;
        Ok(())
    }

    /// The agent is there from now on: durable, hosted and stopped, with the autonomy and the overrides
    /// of the record's lifecycle, and a handle of its name that nobody else has. Keeps `facts` first,
    /// as [`keep`](Self::keep) does.
    ///
    /// # Errors
    /// [`CoreError::Invalid`] for another id than that of the import, a character without a name or
    /// with a budget that cannot be, and as `keep` says; and as
    /// [`create`](Registry::create) says. The import is abandoned then; only after
    /// [`CoreError::DeadlineExceeded`], or if the record cannot be read once it is kept, may the agent
    /// be there all the same, and then it is whole.
    pub async fn finish(
        mut self,
        record: AgentRecord,
        facts: Vec<Fact>,
    ) -> Result<Arc<AgentRecord>, CoreError> {
        self.check(&facts)?;
        let record = self.arrived(record)?;
        let (reply, answer) = oneshot::channel();
        let create =
            Create { record: Box::new(record), claims: false, imported: Some(facts), reply };
        self.registry.offer(self.agent, create)?;
        // If this fails because it took too long, the store has the agent whole or, as what is abandoned
        // cannot be finished any more, not at all.
        self.registry.wait(self.agent, answer).await?;
        self.turn = None;
        self.registry.record(self.agent).await
    }

    /// Removes everything of it; answers once it is gone, or the host goes down.
    pub async fn abandon(mut self) {
        let Some(turn) = self.turn.take() else { return };
        let runtime = Arc::clone(self.registry.runtime());
        // On its own, as the caller may leave.
        let removed = tokio::spawn(remove(runtime, self.agent, Some(turn)));
        if removed.await.is_err() {
            tracing::warn!(agent = %self.agent, "an import is removed at the next start");
        }
    }

    fn check(&self, facts: &[Fact]) -> Result<(), CoreError> {
        let invalid =
            |reason: &str| CoreError::Invalid { field: "facts", reason: reason.to_owned() };
        if facts.len() > IMPORT_SLICE {
            return Err(invalid("more than one slice"));
        }
        match facts.iter().all(|fact| owner(fact) == Some(self.agent)) {
            true => Ok(()),
            false => Err(invalid("only rows of the agent that comes in")),
        }
    }

    /// The record as it is kept.
    fn arrived(&self, mut record: AgentRecord) -> Result<AgentRecord, CoreError> {
        let invalid = |field, reason: &str| CoreError::Invalid { field, reason: reason.to_owned() };
        if record.id != self.agent {
            return Err(invalid("id", "not that of the import"));
        }
        if record.character.name.is_empty() {
            return Err(invalid("name", "must not be empty"));
        }
        budget::check(&record.character)?;
        record.handle = self.registry.runtime().settings.handle_for(&record.character.name);
        record.character.id = Some(record.id);
        let Lifecycle { autonomy, overrides, .. } = record.lifecycle;
        record.lifecycle = Lifecycle { autonomy, overrides, ..Lifecycle::default() };
        Ok(record)
    }
}

impl Drop for Import {
    fn drop(&mut self) {
        let Some(turn) = self.turn.take() else { return };
        let runtime = Arc::clone(self.registry.runtime());
        match Handle::try_current() {
            Ok(handle) => drop(handle.spawn(remove(runtime, self.agent, Some(turn)))),
            Err(_none) => {
                tracing::warn!(agent = %self.agent, "an import is removed at the next start");
            }
        }
    }
}

/// Whose row a fact writes, if it is one that an import may bring.
fn owner(fact: &Fact) -> Option<AgentId> {
    Some(match fact {
        Fact::EntitySet(entity) => entity.agent_id,
        Fact::RoomSet(room) => room.agent_id,
        Fact::WorldSet(world) => world.agent_id,
        Fact::Joined(participant) => participant.agent_id,
        Fact::ComponentSet(component) => component.agent_id,
        Fact::RelationshipSet(relationship) => relationship.agent_id,
        Fact::Remembered(memory) => memory.agent_id,
        Fact::Embedded { agent_id, .. } => *agent_id,
        Fact::TaskSet(task) => task.agent_id,
        Fact::TriggerSet { trigger, .. } => trigger.agent_id,
        Fact::GoalSet(goal) => goal.agent_id,
        Fact::Logged(entry) => entry.agent_id,
        _ => return None,
    })
}

/// Removes what there is of an import, bit by bit, and asks again while the store does not take that.
async fn remove(runtime: Arc<Runtime>, agent: AgentId, turn: Option<OwnedSemaphorePermit>) {
    while !runtime.is_draining() {
        match runtime.commit(vec![Fact::ImportAbandoned { agent_id: agent }]).await {
            Ok(committed) if committed.affected.iter().all(|rows| *rows == 0) => break,
            Ok(_) => {}
            // Another process has it all now, and will see to it.
            Err(StoreError::Fenced | StoreError::Closed) => break,
            Err(error) => {
                tracing::warn!(%agent, %error, "cannot go on removing an import yet");
                runtime.sleep(RETRY).await;
            }
        }
    }
    drop(turn);
}

/// Removes the imports that earlier boots left.
pub(super) async fn remove_left(runtime: Arc<Runtime>) {
    while !runtime.is_draining() {
        match runtime.ports.store.left_imports(LEFT_AT_ONCE).await {
            Ok(left) if left.is_empty() => return,
            Ok(left) => {
                for agent in left {
                    tracing::info!(%agent, "removing what is left of an import");
                    remove(Arc::clone(&runtime), agent, None).await;
                }
            }
            Err(error) => {
                tracing::warn!(%error, "cannot look for what is left of imports yet");
                runtime.sleep(RETRY).await;
            }
        }
    }
}
