//! The store as the core sees it.

use futures::FutureExt;
use greenroom_actors::character::AgentRecord;
use greenroom_actors::error::StoreError;
use greenroom_actors::facts::{Batch, Committed, Event};
use greenroom_actors::ids::{AgentId, EntityId, LetterId, LogId, MemoryId, RoomId, RunId, WorldId};
use greenroom_actors::letters::Letter;
use greenroom_actors::ports::{
    AgentQuery, Boot, Census, LogQuery, MemoryQuery, Pruned, Retention, RunQuery, Scored,
    SearchQuery, Seed, Store, StoreFuture,
};
use greenroom_actors::records::{
    Component, Embedding, Entity, LogEntry, Memory, Participant, Relationship, Room, Task, World,
};
use greenroom_actors::runs::{Run, Step};
use greenroom_actors::time::UnixMillis;

use super::{
    SqliteStore, agents, apply, events, letters, logs, memories, people, places, retention, runs,
    search, tasks,
};

impl Store for SqliteStore {
    fn boot(&self, now: UnixMillis) -> StoreFuture<Boot> {
        self.write(move |writing| runs::boot(writing.connection, now))
    }

    fn commit(&self, batch: Batch) -> StoreFuture<Committed> {
        self.write(move |writing| apply::batch(writing, batch))
    }

    fn seed(&self, id: AgentId) -> StoreFuture<Option<Seed>> {
        self.read(move |connection| agents::seed(connection, id))
    }

    fn seeds(&self, after: Option<AgentId>, limit: u32) -> StoreFuture<Vec<Seed>> {
        self.read(move |connection| agents::seeds(connection, after, limit))
    }

    fn agent(&self, id: AgentId) -> StoreFuture<Option<AgentRecord>> {
        self.read(move |connection| agents::agent(connection, id))
    }

    fn agent_by_handle(&self, handle: &str) -> StoreFuture<Option<AgentRecord>> {
        let handle = handle.to_owned();
        self.read(move |connection| agents::by_handle(connection, &handle))
    }

    fn agents(&self, query: AgentQuery) -> StoreFuture<Vec<AgentRecord>> {
        self.read(move |connection| agents::list(connection, &query))
    }

    fn census(&self) -> StoreFuture<Census> {
        self.read(agents::census)
    }

    fn is_halted(&self) -> StoreFuture<bool> {
        self.read(runs::is_halted)
    }

    fn memory(&self, agent: AgentId, id: MemoryId) -> StoreFuture<Option<Memory>> {
        self.read(move |connection| memories::memory(connection, agent, id))
    }

    fn memories(&self, query: MemoryQuery) -> StoreFuture<Vec<Memory>> {
        self.read(move |connection| memories::list(connection, &query))
    }

    fn count_memories(&self, query: MemoryQuery) -> StoreFuture<u64> {
        self.read(move |connection| memories::count(connection, &query))
    }

    fn embeddings(
        &self,
        agent: AgentId,
        ids: Vec<MemoryId>,
    ) -> StoreFuture<Vec<(MemoryId, Embedding)>> {
        self.read(move |connection| memories::embeddings(connection, agent, &ids))
    }

    fn unembedded(&self, embedder: &str, limit: u32) -> StoreFuture<Vec<Memory>> {
        let embedder = embedder.to_owned();
        self.read(move |connection| memories::unembedded(connection, &embedder, limit))
    }

    fn search(&self, query: SearchQuery) -> StoreFuture<Vec<Scored>> {
        self.read(move |connection| search::search(connection, &query))
    }

    fn room(&self, agent: AgentId, id: RoomId) -> StoreFuture<Option<Room>> {
        self.read(move |connection| places::room(connection, agent, id))
    }

    fn rooms(&self, agent: AgentId) -> StoreFuture<Vec<Room>> {
        self.read(move |connection| places::rooms(connection, agent))
    }

    fn rooms_of_world(&self, world: WorldId, agent: Option<AgentId>) -> StoreFuture<Vec<Room>> {
        self.read(move |connection| places::rooms_of_world(connection, world, agent))
    }

    fn participants(&self, agent: AgentId, room: RoomId) -> StoreFuture<Vec<Participant>> {
        self.read(move |connection| places::participants(connection, agent, room))
    }

    fn world(&self, agent: AgentId, id: WorldId) -> StoreFuture<Option<World>> {
        self.read(move |connection| places::world(connection, agent, id))
    }

    fn worlds(&self, agent: Option<AgentId>) -> StoreFuture<Vec<World>> {
        self.read(move |connection| places::worlds(connection, agent))
    }

    fn entity(&self, agent: AgentId, id: EntityId) -> StoreFuture<Option<Entity>> {
        self.read(move |connection| people::entity(connection, agent, id))
    }

    fn entities(&self, agent: AgentId) -> StoreFuture<Vec<Entity>> {
        self.read(move |connection| people::entities(connection, agent))
    }

    fn components(&self, agent: AgentId, entity: Option<EntityId>) -> StoreFuture<Vec<Component>> {
        self.read(move |connection| people::components(connection, agent, entity))
    }

    fn relationships(&self, agent: AgentId) -> StoreFuture<Vec<Relationship>> {
        self.read(move |connection| people::relationships(connection, agent))
    }

    fn tasks(&self, agent: AgentId) -> StoreFuture<Vec<Task>> {
        self.read(move |connection| tasks::list(connection, agent))
    }

    fn run(&self, agent: AgentId, id: RunId) -> StoreFuture<Option<Run>> {
        self.read(move |connection| runs::run(connection, agent, id))
    }

    fn runs(&self, query: RunQuery) -> StoreFuture<Vec<Run>> {
        self.read(move |connection| runs::list(connection, &query))
    }

    fn count_runs(&self, query: RunQuery) -> StoreFuture<u64> {
        self.read(move |connection| runs::count(connection, &query))
    }

    fn steps(&self, of: Vec<RunId>) -> StoreFuture<Vec<Step>> {
        self.read(move |connection| runs::steps(connection, &of))
    }

    fn log(&self, agent: AgentId, id: LogId) -> StoreFuture<Option<LogEntry>> {
        self.read(move |connection| logs::log(connection, agent, id))
    }

    fn logs(&self, query: LogQuery) -> StoreFuture<Vec<LogEntry>> {
        self.read(move |connection| logs::list(connection, &query))
    }

    fn events(&self, agent: AgentId, after: u64, limit: u32) -> StoreFuture<Vec<Event>> {
        self.read(move |connection| events::after(connection, agent, after, limit))
    }

    fn event_bounds(&self, agent: AgentId) -> StoreFuture<Option<(u64, u64)>> {
        self.read(move |connection| events::bounds(connection, agent))
    }

    fn letter(&self, id: LetterId) -> StoreFuture<Option<Letter>> {
        self.read(move |connection| letters::letter(connection, id))
    }

    fn waiting_letters(&self, to: AgentId, limit: u32) -> StoreFuture<Vec<Letter>> {
        self.read(move |connection| letters::waiting(connection, to, limit))
    }

    fn prune(&self, retention: Retention, now: UnixMillis) -> StoreFuture<Pruned> {
        let store = self.clone();
        async move { store.prune_in_slices(retention, now).await }.boxed()
    }
}

impl SqliteStore {
    /// Removes slice after slice; between two, other writes have their turn.
    async fn prune_in_slices(
        &self,
        retention: Retention,
        now: UnixMillis,
    ) -> Result<Pruned, StoreError> {
        let limit = |age| now.minus(age);
        let mut pruned =
            Pruned { events: self.prune_events(retention, now).await?, ..Pruned::default() };
        if let Some(limit) = retention.runs_for.map(limit) {
            pruned.runs = self.prune_by(retention::remove_runs, limit).await?;
        }
        if let Some(limit) = retention.logs_for.map(limit) {
            pruned.logs = self.prune_by(retention::remove_logs, limit).await?;
        }
        if let Some(limit) = retention.letters_for.map(limit) {
            pruned.letters = self.prune_by(retention::remove_letters, limit).await?;
        }
        while self.write(|writing| Ok(retention::shrink(writing.connection)?)).await? {}
        Ok(pruned)
    }

    async fn prune_events(&self, retention: Retention, now: UnixMillis) -> Result<u64, StoreError> {
        if retention.events_for.is_none() && retention.events_per_agent == 0 {
            return Ok(0);
        }
        let (mut removed, mut after) = (0, None);
        loop {
            let (cuts, last) = self
                .read(move |connection| retention::cuts(connection, after, &retention, now))
                .await?;
            for slice in retention::slices(cuts) {
                removed += self
                    .write(move |writing| Ok(retention::remove_events(writing.connection, &slice)?))
                    .await?;
            }
            match last {
                None => return Ok(removed),
                last => after = last,
            }
        }
    }

    async fn prune_by(
        &self,
        remove: fn(&rusqlite::Connection, UnixMillis) -> rusqlite::Result<u64>,
        limit: UnixMillis,
    ) -> Result<u64, StoreError> {
        let mut removed = 0;
        loop {
            let slice = self.write(move |writing| Ok(remove(writing.connection, limit)?)).await?;
            removed += slice;
            if slice < u64::from(retention::SLICE) {
                return Ok(removed);
            }
        }
    }
}
