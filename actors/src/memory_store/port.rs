//! The store as a port: each question answered from what is held.

use futures::{FutureExt, StreamExt, stream};
use tokio::sync::oneshot;

use crate::approvals::Approval;
use crate::budget::{Account, DayUsage, Level, UsageQuery};
use crate::channels::{
    Addressed, Channel, ChannelEvent, ChannelMessage, Job, JobStatus, MessageServer, Session,
};
use crate::character::AgentRecord;
use crate::directory::Listed;
use crate::documents::Document;
use crate::error::StoreError;
use crate::facts::{Batch, Committed, Event};
use crate::goals::Goal;
use crate::ids::{
    AgentId, ApprovalId, ChannelId, ChannelMessageId, EntityId, FiringId, JobId, LetterId, LogId,
    MemoryId, RoomId, RunId, ServerId, SessionId, TriggerId, WorldId,
};
use crate::letters::Letter;
use crate::lines::LogLine;
use crate::ports::{
    AgentQuery, AgentSizes, ApprovalQuery, Boot, Census, Dealt, DueQuery, FiringQuery, JobCensus,
    LastWork, LetterQuery, LogQuery, MemoryQuery, MessageQuery, Pruned, Retention, RunQuery,
    Scored, SearchQuery, Seed, Snapshot, SnapshotQuery, Store, StoreFuture, TriggerTotals,
    WorkDone, WorldQuery,
};
use crate::records::{
    Component, Embedding, Entity, LogEntry, Memory, Participant, Relationship, Room, Task, World,
};
use crate::runs::{Run, Step};
use crate::time::UnixMillis;
use crate::triggers::{Firing, Trigger};

use super::queries::page;
use super::state::State;
use super::{Held, MemoryStore, answer};

/// Writes that wait while commits are held; one more is refused as [`StoreError::Busy`].
///
/// As many as a shard's mailbox holds, so that a test of held commits meets that bound first.
const HELD_MAX: usize = 4_096;

impl Store for MemoryStore {
    fn boot(&self, now: UnixMillis) -> StoreFuture<Boot> {
        answer(Ok(self.lock().state.boot(now)))
    }

    fn commit(&self, batch: Batch) -> StoreFuture<Committed> {
        let mut inner = self.lock();
        if std::mem::take(&mut inner.panics_next) {
            drop(inner);
            panic_as_asked();
        }
        if let Some(error) = inner.fails_next.take() {
            return answer(Err(error));
        }
        let Some(held) = &mut inner.held else {
            return answer(inner.state.commit(batch));
        };
        if held.len() >= HELD_MAX {
            return answer(Err(StoreError::Busy));
        }
        let (reply, committed) = oneshot::channel();
        held.push(Held { batch, reply });
        committed.map(|result| result.unwrap_or(Err(StoreError::Closed))).boxed()
    }

    fn seed(&self, id: AgentId) -> StoreFuture<Option<Seed>> {
        self.read(|state| state.seed(id))
    }

    fn seeds(&self, after: Option<AgentId>, limit: u32) -> StoreFuture<Vec<Seed>> {
        self.read(|state| state.seeds(after, limit))
    }

    fn listed(&self, after: Option<AgentId>, limit: u32) -> StoreFuture<Vec<Listed>> {
        self.read(|state| state.listed(after, limit))
    }

    fn last_work(&self, after: Option<AgentId>, limit: u32) -> StoreFuture<Vec<LastWork>> {
        self.read(|state| state.last_work(after, limit))
    }

    fn trigger_totals(&self) -> StoreFuture<Vec<TriggerTotals>> {
        self.read(State::trigger_totals)
    }

    fn lines(&self, agent: AgentId, limit: u32) -> StoreFuture<Vec<LogLine>> {
        self.read(|state| state.lines(agent, limit))
    }

    fn agent(&self, id: AgentId) -> StoreFuture<Option<AgentRecord>> {
        self.read(|state| state.agents.get(&id).map(|agent| agent.record.clone()))
    }

    fn agent_by_handle(&self, handle: &str) -> StoreFuture<Option<AgentRecord>> {
        self.read(|state| state.agent_by_handle(handle))
    }

    fn agents(&self, query: AgentQuery) -> StoreFuture<Vec<AgentRecord>> {
        self.read(|state| state.agents(&query))
    }

    fn census(&self) -> StoreFuture<Census> {
        self.read(State::census)
    }

    fn is_halted(&self) -> StoreFuture<bool> {
        self.read(|state| state.is_halted)
    }

    fn memory(&self, agent: AgentId, id: MemoryId) -> StoreFuture<Option<Memory>> {
        self.read(|state| Some(state.home(agent)?.memories.get(id)?.memory.clone()))
    }

    fn memories(&self, query: MemoryQuery) -> StoreFuture<Vec<Memory>> {
        self.read(|state| state.memories(&query))
    }

    fn count_memories(&self, query: MemoryQuery) -> StoreFuture<u64> {
        self.read(|state| state.count_memories(&query))
    }

    fn embeddings(
        &self,
        agent: AgentId,
        ids: Vec<MemoryId>,
    ) -> StoreFuture<Vec<(MemoryId, Embedding)>> {
        self.read(|state| state.embeddings(agent, &ids))
    }

    fn unembedded(&self, embedder: &str, limit: u32) -> StoreFuture<Vec<Memory>> {
        self.read(|state| state.unembedded(embedder, limit))
    }

    fn search(&self, query: SearchQuery) -> StoreFuture<Vec<Scored>> {
        self.read(|state| {
            state.home(query.agent_id).map_or_else(Vec::new, |home| home.search(&query))
        })
    }

    fn room(&self, agent: AgentId, id: RoomId) -> StoreFuture<Option<Room>> {
        self.read(|state| state.home(agent)?.rooms.get(id).cloned())
    }

    fn rooms(&self, agent: AgentId) -> StoreFuture<Vec<Room>> {
        self.read(|state| state.rooms(agent))
    }

    fn rooms_of_world(&self, world: WorldId, agent: Option<AgentId>) -> StoreFuture<Vec<Room>> {
        self.read(|state| state.rooms_of_world(world, agent))
    }

    fn participants(&self, agent: AgentId, room: RoomId) -> StoreFuture<Vec<Participant>> {
        self.read(|state| state.participants(agent, room))
    }

    fn world(&self, agent: AgentId, id: WorldId) -> StoreFuture<Option<World>> {
        self.read(|state| state.home(agent)?.worlds.get(id).cloned())
    }

    fn worlds(&self, query: WorldQuery) -> StoreFuture<Vec<World>> {
        self.read(|state| state.worlds(query))
    }

    fn entity(&self, agent: AgentId, id: EntityId) -> StoreFuture<Option<Entity>> {
        self.read(|state| state.home(agent)?.entities.get(id).cloned())
    }

    fn entities(&self, agent: AgentId) -> StoreFuture<Vec<Entity>> {
        self.read(|state| state.list(agent, |home| &home.entities))
    }

    fn components(&self, agent: AgentId, entity: Option<EntityId>) -> StoreFuture<Vec<Component>> {
        self.read(|state| state.components(agent, entity))
    }

    fn relationships(&self, agent: AgentId) -> StoreFuture<Vec<Relationship>> {
        self.read(|state| state.list(agent, |home| &home.relationships))
    }

    fn tasks(&self, agent: AgentId) -> StoreFuture<Vec<Task>> {
        self.read(|state| state.list(agent, |home| &home.tasks))
    }

    fn goals(&self, agent: AgentId) -> StoreFuture<Vec<Goal>> {
        self.read(|state| state.list(agent, |home| &home.goals))
    }

    fn run(&self, agent: AgentId, id: RunId) -> StoreFuture<Option<Run>> {
        self.read(|state| state.home(agent)?.runs.get(id).cloned())
    }

    fn runs(&self, query: RunQuery) -> StoreFuture<Vec<Run>> {
        self.read(|state| state.runs(&query))
    }

    fn open_runs(&self, limit: u32) -> StoreFuture<Vec<Run>> {
        self.read(|state| state.open_runs(limit))
    }

    fn count_runs(&self, query: RunQuery) -> StoreFuture<u64> {
        self.read(|state| state.count_runs(&query))
    }

    fn resumable_runs(&self, agent: AgentId, limit: u32) -> StoreFuture<Vec<Run>> {
        self.read(|state| page(state.resumable(agent), 0, limit))
    }

    fn approval(&self, id: ApprovalId) -> StoreFuture<Option<Approval>> {
        self.read(|state| state.approvals.get(id).cloned())
    }

    fn approvals(&self, query: ApprovalQuery) -> StoreFuture<Vec<Approval>> {
        self.read(|state| state.approvals(&query))
    }

    fn count_approvals(&self, query: ApprovalQuery) -> StoreFuture<u64> {
        self.read(|state| state.count_approvals(&query))
    }

    fn steps(&self, runs: Vec<RunId>) -> StoreFuture<Vec<Step>> {
        self.read(|state| runs.iter().flat_map(|run| state.steps_of(*run)).cloned().collect())
    }

    fn log(&self, agent: AgentId, id: LogId) -> StoreFuture<Option<LogEntry>> {
        self.read(|state| state.home(agent)?.logs.get(id).cloned())
    }

    fn logs(&self, query: LogQuery) -> StoreFuture<Vec<LogEntry>> {
        self.read(|state| state.logs(&query))
    }

    fn events(&self, agent: AgentId, after: u64, limit: u32) -> StoreFuture<Vec<Event>> {
        self.read(|state| state.events(agent, after, limit))
    }

    fn event_bounds(&self, agent: AgentId) -> StoreFuture<Option<(u64, u64)>> {
        self.read(|state| {
            let events = &state.home(agent)?.events;
            Some((events.front()?.seq, events.back()?.seq))
        })
    }

    fn letter(&self, id: LetterId) -> StoreFuture<Option<Letter>> {
        self.read(|state| state.letters.get(id).cloned())
    }

    fn waiting_letters(&self, to: AgentId, limit: u32) -> StoreFuture<Vec<Letter>> {
        self.read(|state| state.waiting_letters(to, limit))
    }

    fn waiting_beside(&self, to: AgentId, limit: u32) -> StoreFuture<Vec<Letter>> {
        self.read(|state| state.waiting_beside(to, limit))
    }

    fn letters(&self, query: LetterQuery) -> StoreFuture<Vec<Dealt>> {
        self.read(|state| state.dealt(&query))
    }

    fn work_since(&self, from: UnixMillis) -> StoreFuture<Vec<WorkDone>> {
        self.read(|state| state.work_since(from))
    }

    fn dead_letters(
        &self,
        to: Option<AgentId>,
        offset: u32,
        limit: u32,
    ) -> StoreFuture<Vec<Letter>> {
        self.read(|state| super::queries::page(state.dead_letters(to), offset, limit))
    }

    fn count_dead_letters(&self, to: Option<AgentId>) -> StoreFuture<u64> {
        self.read(|state| super::table::count(state.dead_letters(to).count()))
    }

    fn trigger(&self, agent: AgentId, id: TriggerId) -> StoreFuture<Option<Trigger>> {
        self.read(|state| state.home(agent)?.triggers.get(id).cloned())
    }

    fn triggers(&self, agent: AgentId) -> StoreFuture<Vec<Trigger>> {
        self.read(|state| state.list(agent, |home| &home.triggers))
    }

    fn due_triggers(&self, query: DueQuery) -> StoreFuture<Vec<Trigger>> {
        self.read(|state| state.due_triggers(query))
    }

    fn next_due(&self) -> StoreFuture<Option<UnixMillis>> {
        self.read(State::next_due)
    }

    fn firing(&self, agent: AgentId, id: FiringId) -> StoreFuture<Option<Firing>> {
        self.read(|state| state.home(agent)?.firings.get(id).cloned())
    }

    fn firings(&self, query: FiringQuery) -> StoreFuture<Vec<Firing>> {
        self.read(|state| state.firings(&query))
    }

    fn open_firings(
        &self,
        agent: AgentId,
        trigger: Option<TriggerId>,
        limit: u32,
    ) -> StoreFuture<Vec<Firing>> {
        self.read(|state| state.open_firings(agent, trigger, limit))
    }

    fn message_server(&self, id: ServerId) -> StoreFuture<Option<MessageServer>> {
        self.read(|state| state.shared.servers.get(id).cloned())
    }

    fn message_servers(&self) -> StoreFuture<Vec<MessageServer>> {
        self.read(|state| state.shared.servers.oldest_first().cloned().collect())
    }

    fn enlisted(&self, server: ServerId) -> StoreFuture<Vec<AgentId>> {
        self.read(|state| state.shared.enlisted(server))
    }

    fn servers_of(&self, agent: AgentId) -> StoreFuture<Vec<ServerId>> {
        self.read(|state| state.shared.servers_of(agent))
    }

    fn channel(&self, id: ChannelId) -> StoreFuture<Option<Channel>> {
        self.read(|state| state.shared.channels.get(id).cloned())
    }

    fn channels(&self, server: ServerId, offset: u32, limit: u32) -> StoreFuture<Vec<Channel>> {
        self.read(|state| page(state.shared.channels_of(server), offset, limit))
    }

    fn channel_by_source(&self, server: ServerId, source_id: &str) -> StoreFuture<Option<Channel>> {
        self.read(|state| state.shared.channel_by_source(server, source_id))
    }

    fn dm_channel(
        &self,
        server: ServerId,
        one: EntityId,
        other: EntityId,
    ) -> StoreFuture<Option<Channel>> {
        self.read(|state| state.shared.dm_channel(server, one, other))
    }

    fn channel_participants(&self, id: ChannelId) -> StoreFuture<Vec<(EntityId, UnixMillis)>> {
        self.read(|state| state.shared.presences_in(id).collect())
    }

    fn message(&self, id: ChannelMessageId) -> StoreFuture<Option<ChannelMessage>> {
        self.read(|state| state.shared.messages.get(id).cloned())
    }

    fn messages(&self, query: MessageQuery) -> StoreFuture<Vec<ChannelMessage>> {
        self.read(|state| state.shared.messages(&query))
    }

    fn channel_events(
        &self,
        id: ChannelId,
        after: u64,
        limit: u32,
    ) -> StoreFuture<Vec<ChannelEvent>> {
        self.read(|state| state.shared.events(id, after, limit))
    }

    fn channel_event_bounds(&self, id: ChannelId) -> StoreFuture<Option<(u64, u64)>> {
        self.read(|state| {
            let events = state.shared.events.get(&id)?;
            Some((events.front()?.seq, events.back()?.seq))
        })
    }

    fn undelivered(&self, limit: u32) -> StoreFuture<Vec<Addressed>> {
        self.read(|state| {
            let left = state.shared.addressed.values().filter(|(epoch, _)| *epoch < state.epoch);
            left.take(usize::try_from(limit).unwrap_or(usize::MAX))
                .map(|(_, addressed)| addressed.clone())
                .collect()
        })
    }

    fn session(&self, id: SessionId) -> StoreFuture<Option<Session>> {
        self.read(|state| state.shared.sessions.get(id).cloned())
    }

    fn sessions(&self, offset: u32, limit: u32) -> StoreFuture<Vec<Session>> {
        self.read(|state| page(state.shared.sessions.oldest_first(), offset, limit))
    }

    fn expired_sessions(&self, now: UnixMillis, limit: u32) -> StoreFuture<Vec<SessionId>> {
        self.read(|state| state.shared.expired_sessions(now, limit))
    }

    fn job(&self, id: JobId) -> StoreFuture<Option<Job>> {
        self.read(|state| state.shared.jobs.get(id).cloned())
    }

    fn document(&self, shelf: &str, key: &str) -> StoreFuture<Option<Document>> {
        let key = (shelf.to_owned(), key.to_owned());
        self.read(|state| state.shared.documents.get(&key).cloned())
    }

    fn documents(
        &self,
        shelf: &str,
        prefix: &str,
        offset: u32,
        limit: u32,
    ) -> StoreFuture<Vec<Document>> {
        let from = (shelf.to_owned(), prefix.to_owned());
        self.read(|state| {
            let documents = state.shared.documents.range(from.clone()..);
            let found = documents.map(|(_, document)| document).take_while(|document| {
                document.shelf == from.0 && document.key.starts_with(&from.1)
            });
            super::queries::page(found, offset, limit)
        })
    }

    fn job_of_channel(&self, id: ChannelId) -> StoreFuture<Option<Job>> {
        self.read(|state| state.shared.job_of_channel(id))
    }

    fn jobs(&self, status: Option<JobStatus>, offset: u32, limit: u32) -> StoreFuture<Vec<Job>> {
        self.read(|state| state.shared.jobs(status, offset, limit))
    }

    fn job_census(&self) -> StoreFuture<JobCensus> {
        self.read(|state| state.shared.job_census())
    }

    fn levels(&self, accounts: Vec<Account>) -> StoreFuture<Vec<Level>> {
        self.read(|state| accounts.iter().map(|account| state.ledger.level(account)).collect())
    }

    fn usage(&self, query: UsageQuery) -> StoreFuture<Vec<DayUsage>> {
        self.read(|state| state.ledger.usage(&query))
    }

    fn open_reservations(&self) -> StoreFuture<u64> {
        self.read(|state| state.ledger.open_reservations())
    }

    fn snapshot(&self, query: SnapshotQuery) -> Snapshot {
        let pages = self.lock().state.snapshot(query);
        stream::iter(pages).boxed()
    }

    fn sizes_of(&self, agent: AgentId) -> StoreFuture<AgentSizes> {
        self.read(|state| state.sizes_of(agent))
    }

    fn left_imports(&self, limit: u32) -> StoreFuture<Vec<AgentId>> {
        self.read(|state| {
            let left = state.imports.iter().filter(|(_, is_open)| !**is_open);
            page(left.map(|(agent, _)| agent), 0, limit)
        })
    }

    fn prune(&self, retention: Retention, now: UnixMillis) -> StoreFuture<Pruned> {
        answer(Ok(self.lock().state.prune(retention, now)))
    }
}

#[allow(clippy::panic, reason = "a test asked for it")]
fn panic_as_asked() -> ! {
    panic!("the store was told to panic");
}
