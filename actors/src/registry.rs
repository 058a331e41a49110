//! The registry: the one way to an agent.
//!
//! A handle without state of its own. Messages go through a shard (an actor that holds the only
//! addresses of its agents) with the caller's own reply channel, and the agent answers the caller
//! directly. Lists, filters and counts are read from the store; what only a live process knows is
//! asked of the agent.

mod approvals;
mod budgets;
mod figures;
mod halt;
mod hosting;
mod import;
mod letters;
mod names;
mod shard;
mod triggers;
mod watch;

use std::sync::{Arc, Weak};
use std::time::Duration;

use actix::dev::{OneshotSender, ToEnvelope};
use actix::prelude::*;
use serde_json::{Map, Value};
use tokio::sync::{Semaphore, broadcast, oneshot};

use crate::agent::{Agent, GetStatus, Permits, Revise, Status};
use crate::budget;
use crate::character::{AgentRecord, Character};
use crate::error::{CoreError, StoreError};
use crate::facts::{Committed, Event, EventKind, Fact, NewEvent};
use crate::feed::{ChannelEventStream, EventStream};
use crate::ids::{AgentId, ChannelId};
use crate::lifecycle::Lifecycle;
use crate::liveness::Report;
use crate::liveness::handled::Handled;
use crate::masks::Mask;
use crate::pieces::Piece;
use crate::ports::{Clock, Store, Tool};
use crate::runtime::{Ports, Runtime};
use crate::settings::Settings;
use crate::time::UnixMillis;
use crate::vitals::{Counters, Vitals};

use hosting::Hosting;
pub use import::{IMPORT_SLICE, Import};
use shard::{Create, Remove, Route, Shard};

/// Messages a shard handles before it lets its agents run.
///
/// A mailbox is drained without pause, and under load a shard's never runs dry. Not more than an
/// agent's mailbox holds, or a burst would be refused by an agent that is idle.
pub(crate) const TURN_MAX: u32 = 64;

/// Reaches every agent of a host. Clones reach the same.
#[derive(Clone)]
pub struct Registry {
    inner: Arc<Inner>,
}

/// A [`Registry`] that does not keep its host alive.
pub(crate) struct WeakRegistry(Weak<Inner>);

impl WeakRegistry {
    pub(crate) fn upgrade(&self) -> Option<Registry> {
        Some(Registry { inner: self.0.upgrade()? })
    }
}

struct Inner {
    runtime: Arc<Runtime>,
    shards: Vec<Addr<Shard>>,
    arbiters: Vec<ArbiterHandle>,
    /// What each shard's thread handled last.
    handled: Vec<Arc<Handled>>,
    /// The turns of imports.
    imports: Arc<Semaphore>,
}

impl Registry {
    /// Boots a host: raises the boot epoch, ends what an earlier process left open, and begins to
    /// host every agent, the running ones running. Answers before all are hosted; see
    /// [`is_booting`](Self::is_booting). Needs an actix system.
    ///
    /// # Errors
    /// [`CoreError::Invalid`] if a setting cannot be, [`CoreError::Store`] if the store does not boot.
    pub async fn start(ports: Ports, settings: Settings) -> Result<Self, CoreError> {
        let settings = settings
            .checked()
            .map_err(|reason| CoreError::Invalid { field: "settings", reason })?;
        let boot = ports.store.boot(ports.clock.now()).await?;
        let is_halted = ports.store.is_halted().await?;
        tracing::info!(
            epoch = boot.epoch.0,
            interrupted_runs = boot.interrupted_runs,
            unknown_calls = boot.unknown_calls,
            is_halted,
            "booting"
        );
        let runtime = Arc::new(Runtime::new(ports, settings, boot.epoch, is_halted));
        // Before anybody can ask: nobody is told that there is no agent of a name while there is.
        runtime.directory.fill(&runtime.ports.store).await?;
        let imports = import::turns();
        let Hosting { shards, arbiters, handled } = hosting::shards(&runtime).await?;
        let registry =
            Self { inner: Arc::new(Inner { runtime, shards, arbiters, handled, imports }) };
        registry.inner.runtime.reached_by(&registry);
        actix::spawn(hosting::host_all(registry.clone()));
        actix::spawn(watch::watch(Arc::clone(&registry.inner.runtime)));
        actix::spawn(crate::figures::recall(Arc::clone(registry.runtime())));
        actix::spawn(import::remove_left(Arc::clone(registry.runtime())));
        let runtime = Arc::clone(registry.runtime());
        actix::spawn(crate::scheduler::serve(registry.downgrade(), runtime));
        Ok(registry)
    }

    /// Creates an agent, stopped; answers with its record once it is durable and hosted.
    ///
    /// # Errors
    /// [`CoreError::AlreadyExists`] if there is one of that id, [`CoreError::Invalid`] for a
    /// character without a name or with a budget that cannot be, [`CoreError::Store`].
    pub async fn create(&self, character: Character) -> Result<Arc<AgentRecord>, CoreError> {
        self.admit(character, None).await
    }

    /// Creates an agent, with a handle of its name or with just the one that it claims.
    async fn admit(
        &self,
        character: Character,
        claimed: Option<String>,
    ) -> Result<Arc<AgentRecord>, CoreError> {
        if character.name.is_empty() {
            return Err(CoreError::Invalid { field: "name", reason: "must not be empty".into() });
        }
        budget::check(&character)?;
        let runtime = &self.inner.runtime;
        let now = runtime.now();
        let claims = claimed.is_some();
        let record = AgentRecord {
            id: character.agent_id(),
            handle: claimed.unwrap_or_else(|| runtime.settings.handle_for(&character.name)),
            character,
            enabled: true,
            lifecycle: Lifecycle::default(),
            created_at: now,
            updated_at: now,
        };
        let id = record.id;
        let (reply, answer) = oneshot::channel();
        self.offer(id, Create { record: Box::new(record), claims, imported: None, reply })?;
        self.wait(id, answer).await?;
        self.record(id).await
    }

    /// Removes an agent with all that is its own: silent first, then durably gone.
    ///
    /// # Errors
    /// [`CoreError::AgentNotFound`], [`CoreError::Store`].
    pub async fn remove(&self, id: AgentId, keep_memories: bool) -> Result<(), CoreError> {
        let (reply, answer) = oneshot::channel();
        self.offer(id, Remove { id, keep_memories, reply })?;
        self.wait(id, answer).await
    }

    /// Changes an agent's character; answers with its record once that is durable. `settings` are
    /// merged at every depth, a key set to null is removed; every other field is replaced, or
    /// removed by null.
    ///
    /// # Errors
    /// [`CoreError::Invalid`] if the result is not a character; [`CoreError::Store`].
    pub async fn revise(
        &self,
        id: AgentId,
        patch: Map<String, Value>,
    ) -> Result<Arc<AgentRecord>, CoreError> {
        self.ask(id, Revise { patch, whole: Map::new() }).await
    }

    /// Puts a setting of an agent's character in the place of what it was, whatever that is by then;
    /// null removes it. Answers with the agent's record once that is durable.
    ///
    /// # Errors
    /// As [`revise`](Self::revise).
    pub async fn set_setting(
        &self,
        id: AgentId,
        key: &str,
        value: Value,
    ) -> Result<Arc<AgentRecord>, CoreError> {
        let whole = Map::from_iter([(key.to_owned(), value)]);
        self.ask(id, Revise { patch: Map::new(), whole }).await
    }

    /// Asks an agent, and waits for its answer.
    ///
    /// # Errors
    /// What the message says it fails with, and: [`CoreError::AgentNotFound`],
    /// [`CoreError::Overloaded`] at once if a mailbox is full, [`CoreError::Starting`] while the host
    /// comes up, [`CoreError::ShuttingDown`], [`CoreError::Crashed`], and
    /// [`CoreError::DeadlineExceeded`].
    pub async fn ask<M, T>(&self, to: AgentId, message: M) -> Result<T, CoreError>
    where
        Agent: Handler<M>,
        M: Message<Result = Result<T, CoreError>> + Send + 'static,
        T: Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        self.offer(to, Route { to, message, reply })?;
        self.wait(to, answer).await
    }

    /// How an agent is doing.
    ///
    /// # Errors
    /// As [`ask`](Self::ask).
    pub async fn status(&self, id: AgentId) -> Result<Status, CoreError> {
        self.ask(id, GetStatus).await
    }

    /// Who an agent is, from a bounded cache over the store.
    ///
    /// # Errors
    /// [`CoreError::AgentNotFound`], [`CoreError::Store`].
    pub async fn record(&self, id: AgentId) -> Result<Arc<AgentRecord>, CoreError> {
        self.inner.runtime.record(id).await
    }

    /// Keeps facts about what is shared: servers, channels, messages, sessions, jobs, documents; whole
    /// or not at all. Also while the host goes down, so that what agents say last is heard.
    ///
    /// # Errors
    /// [`CoreError::Invalid`] if one of them is not [shared](Fact::is_shared): those of one agent go
    /// through its mailbox. So is a document that is out of its bounds. [`CoreError::Store`].
    pub async fn keep(&self, facts: Vec<Fact>) -> Result<Committed, CoreError> {
        if !facts.iter().all(Fact::is_shared) {
            let reason = "what is of one agent is kept by that agent".to_owned();
            return Err(CoreError::Invalid { field: "facts", reason });
        }
        for fact in &facts {
            if let Fact::DocumentSet(document) = fact {
                document.check()?;
            }
        }
        // On its own, as the caller may leave: who listens is told all the same.
        let committed = tokio::spawn(self.inner.runtime.commit(facts));
        Ok(committed.await.unwrap_or(Err(StoreError::Closed))?)
    }

    /// The tools that an agent is offered: the built-in ones and the host's, as far as its settings let
    /// it have them.
    ///
    /// # Errors
    /// [`CoreError::AgentNotFound`], [`CoreError::Store`].
    pub async fn tools(&self, id: AgentId) -> Result<Vec<Tool>, CoreError> {
        let record = self.record(id).await?;
        Ok(self.inner.runtime.offered(&record).await)
    }

    /// The mask over what is told of an agent, if it has secrets.
    #[must_use]
    pub fn mask(&self, agent: AgentId) -> Option<Arc<Mask>> {
        self.inner.runtime.mask(agent)
    }

    /// Whether some agents are not hosted yet.
    #[must_use]
    pub fn is_booting(&self) -> bool {
        self.inner.runtime.is_booting()
    }

    /// The store, for questions. Writes about an agent go through its mailbox, others through
    /// [`keep`](Self::keep).
    #[must_use]
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.inner.runtime.ports.store
    }

    /// The clock.
    #[must_use]
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.inner.runtime.ports.clock
    }

    /// The bounds and intervals in force.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.inner.runtime.settings
    }

    /// An agent's events from a number on, each as it happens.
    #[must_use]
    pub fn subscribe(&self, agent: AgentId, after: u64) -> EventStream {
        let runtime = &self.inner.runtime;
        let lag_max = runtime.settings.subscriber_lag_max;
        runtime.hub.follow(agent, after, &runtime.ports.store, lag_max)
    }

    /// What happens to all agents from now on, durable already. A watcher that lags misses the oldest:
    /// what must not be missed is read with [`subscribe`](Self::subscribe), agent by agent.
    #[must_use]
    pub fn watch_events(&self) -> broadcast::Receiver<Arc<Event>> {
        self.inner.runtime.hub.watch()
    }

    /// A channel's events from a number on, each as it happens.
    #[must_use]
    pub fn subscribe_channel(&self, channel: ChannelId, after: u64) -> ChannelEventStream {
        let runtime = &self.inner.runtime;
        let lag_max = runtime.settings.subscriber_lag_max;
        runtime.channel_hub.follow(channel, after, &runtime.ports.store, lag_max)
    }

    /// What agents say from now on, piece by piece, before the whole is durable. A watcher that lags
    /// misses the oldest pieces; the whole answer follows as a memory and as an event.
    #[must_use]
    pub fn watch_pieces(&self) -> broadcast::Receiver<Arc<Piece>> {
        self.inner.runtime.pieces.watch()
    }

    /// Which agents people allow to write to which.
    #[must_use]
    pub fn permits(&self) -> &Permits {
        &self.inner.runtime.permits
    }

    /// The runtime's own figures.
    #[must_use]
    pub fn vitals(&self) -> Vitals {
        self.inner.runtime.vitals()
    }

    /// How the agents get on: what was found of late, and the threads that do not answer.
    #[must_use]
    pub fn liveness(&self) -> Report {
        self.inner.runtime.board.report()
    }

    /// Turns memories into vectors until the future is dropped; see
    /// [`indexer`](crate::indexer).
    pub async fn index_memories(&self) {
        crate::indexer::run(Arc::clone(&self.inner.runtime)).await;
    }

    /// Ends the host: refuses what is asked from now on, waits up to `grace` for the runs in flight,
    /// cuts off the rest with a recorded outcome, and stops the agents. What was accepted before is
    /// durable when it answers.
    pub async fn shutdown(&self, grace: Duration) {
        let runtime = &self.inner.runtime;
        runtime.drain();
        if tokio::time::timeout(grace, runtime.all_landed()).await.is_err() {
            runtime.abort_flights();
            // Only the recording of outcomes is left; a store that does not take them must not hold
            // the host up for ever.
            if tokio::time::timeout(Duration::from_secs(5), runtime.all_landed()).await.is_err() {
                tracing::warn!("some runs are left open, and will be found interrupted");
            }
        }
        for arbiter in &self.inner.arbiters {
            arbiter.stop();
        }
    }

    pub(crate) fn downgrade(&self) -> WeakRegistry {
        WeakRegistry(Arc::downgrade(&self.inner))
    }

    /// What all its agents share.
    pub(crate) fn runtime(&self) -> &Arc<Runtime> {
        &self.inner.runtime
    }

    fn shard_index(&self, id: AgentId) -> usize {
        let shards = u128::try_from(self.inner.shards.len()).unwrap_or(1).max(1);
        usize::try_from(spread(id) % shards).unwrap_or(0)
    }

    fn shard(&self, id: AgentId) -> Result<&Addr<Shard>, CoreError> {
        self.inner.shards.get(self.shard_index(id)).ok_or(CoreError::ShuttingDown)
    }

    fn offer<M>(&self, to: AgentId, message: M) -> Result<(), CoreError>
    where
        M: Message + Send + 'static,
        M::Result: Send,
        Shard: Handler<M>,
        Context<Shard>: ToEnvelope<Shard, M>,
    {
        if self.inner.runtime.is_draining() {
            return Err(CoreError::ShuttingDown);
        }
        self.shard(to)?.try_send(message).map_err(|refused| match refused {
            SendError::Full(_) => {
                Counters::add(&self.inner.runtime.counters.refused, 1);
                CoreError::Overloaded
            }
            SendError::Closed(_) => CoreError::ShuttingDown,
        })
    }

    async fn wait<T>(
        &self,
        id: AgentId,
        answer: oneshot::Receiver<Result<T, CoreError>>,
    ) -> Result<T, CoreError> {
        let allowed = Duration::from_millis(u64::from(self.inner.runtime.settings.ask_deadline_ms));
        match tokio::time::timeout(allowed, answer).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) if self.inner.runtime.is_draining() => Err(CoreError::ShuttingDown),
            Ok(Err(_)) => Err(CoreError::Crashed(id)),
            Err(_) => Err(CoreError::DeadlineExceeded(allowed)),
        }
    }
}

/// The reply channel of a caller.
pub(crate) type ReplyTo<T> = OneshotSender<Result<T, CoreError>>;

/// Ids of every version spread evenly: those made of the time begin alike.
fn spread(id: AgentId) -> u128 {
    let bits = id.0.as_u128();
    (bits ^ (bits >> 64)).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 16 & u128::from(u32::MAX)
}

/// The fact that an agent was created.
fn created(agent_id: AgentId, at: UnixMillis, is_imported: bool) -> Fact {
    let mut data = Map::new();
    if is_imported {
        data.insert("imported".to_owned(), Value::Bool(true));
    }
    Fact::Happened(NewEvent { agent_id, at, kind: EventKind::Created, data })
}
