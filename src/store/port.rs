//! The store as the core sees it.

use std::sync::Arc;

use futures::FutureExt;
use greenroom_actors::approvals::Approval;
use greenroom_actors::budget::{Account, DayUsage, Level, UsageQuery};
use greenroom_actors::channels::{
    Addressed, Channel, ChannelEvent, ChannelMessage, Job, JobStatus, MessageServer, Session,
};
use greenroom_actors::character::AgentRecord;
use greenroom_actors::directory::Listed;
use greenroom_actors::documents::Document;
use greenroom_actors::facts::{Batch, Committed, Event};
use greenroom_actors::goals::Goal;
use greenroom_actors::ids::{
    AgentId, ApprovalId, ChannelId, ChannelMessageId, EntityId, FiringId, JobId, LetterId, LogId,
    MemoryId, RoomId, RunId, ServerId, SessionId, TriggerId, WorldId,
};
use greenroom_actors::letters::Letter;
use greenroom_actors::lines::LogLine;
use greenroom_actors::ports::{
    AgentQuery, AgentSizes, ApprovalQuery, Boot, Census, Dealt, DueQuery, FiringQuery, JobCensus,
    LastWork, LetterQuery, LogQuery, MemoryQuery, MessageQuery, Pruned, Retention, RunQuery,
    Scored, SearchQuery, Seed, Snapshot, SnapshotQuery, Store, StoreFuture, TriggerTotals,
    WorkDone, WorldQuery,
};
use greenroom_actors::records::{
    Component, Embedding, Entity, LogEntry, Memory, Participant, Relationship, Room, Task, World,
};
use greenroom_actors::runs::{Run, Step};
use greenroom_actors::time::UnixMillis;
use greenroom_actors::triggers::{Firing, Trigger};
use rusqlite::Connection;

use super::sequences::OF_CHANNELS;
use super::{
    SqliteStore, addressed, agent_sizes, agents, apply, approvals, budgets, channel_events,
    channels, documents, events, firings, goals, imports, jobs, letters, lines, logs, memories,
    messages, people, places, retention, runs, search, servers, sessions, tasks, triggers,
};

impl Store for SqliteStore {
    fn boot(&self, now: UnixMillis) -> StoreFuture<Boot> {
        self.write(move |writing| {
            budgets::charge_all(writing, now)?;
            imports::boot(writing.connection)?;
            runs::boot(writing.connection, now)
        })
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

    fn listed(&self, after: Option<AgentId>, limit: u32) -> StoreFuture<Vec<Listed>> {
        self.read(move |connection| agents::listed(connection, after, limit))
    }

    fn last_work(&self, after: Option<AgentId>, limit: u32) -> StoreFuture<Vec<LastWork>> {
        self.read(move |connection| runs::last_work(connection, after, limit))
    }

    fn trigger_totals(&self) -> StoreFuture<Vec<TriggerTotals>> {
        self.read(triggers::totals)
    }

    fn lines(&self, agent: AgentId, limit: u32) -> StoreFuture<Vec<LogLine>> {
        self.read(move |connection| lines::newest(connection, agent, limit))
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
        self.search_words(move |connection| search::search(connection, &query))
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

    fn worlds(&self, query: WorldQuery) -> StoreFuture<Vec<World>> {
        self.read(move |connection| places::worlds(connection, query))
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

    fn goals(&self, agent: AgentId) -> StoreFuture<Vec<Goal>> {
        self.read(move |connection| goals::list(connection, agent))
    }

    fn run(&self, agent: AgentId, id: RunId) -> StoreFuture<Option<Run>> {
        self.read(move |connection| runs::run(connection, agent, id))
    }

    fn runs(&self, query: RunQuery) -> StoreFuture<Vec<Run>> {
        self.read(move |connection| runs::list(connection, &query))
    }

    fn open_runs(&self, limit: u32) -> StoreFuture<Vec<Run>> {
        self.read(move |connection| runs::open(connection, limit))
    }

    fn count_runs(&self, query: RunQuery) -> StoreFuture<u64> {
        self.read(move |connection| runs::count(connection, &query))
    }

    fn resumable_runs(&self, agent: AgentId, limit: u32) -> StoreFuture<Vec<Run>> {
        self.read(move |connection| runs::resumable(connection, agent, limit))
    }

    fn approval(&self, id: ApprovalId) -> StoreFuture<Option<Approval>> {
        self.read(move |connection| approvals::approval(connection, id))
    }

    fn approvals(&self, query: ApprovalQuery) -> StoreFuture<Vec<Approval>> {
        self.read(move |connection| approvals::list(connection, &query))
    }

    fn count_approvals(&self, query: ApprovalQuery) -> StoreFuture<u64> {
        self.read(move |connection| approvals::count(connection, &query))
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

    fn waiting_beside(&self, to: AgentId, limit: u32) -> StoreFuture<Vec<Letter>> {
        self.read(move |connection| letters::waiting_beside(connection, to, limit))
    }

    fn letters(&self, query: LetterQuery) -> StoreFuture<Vec<Dealt>> {
        self.read(move |connection| letters::dealt(connection, &query))
    }

    fn work_since(&self, from: UnixMillis) -> StoreFuture<Vec<WorkDone>> {
        self.read(move |connection| runs::work_since(connection, from))
    }

    fn dead_letters(
        &self,
        to: Option<AgentId>,
        offset: u32,
        limit: u32,
    ) -> StoreFuture<Vec<Letter>> {
        self.read(move |connection| letters::dead(connection, to, offset, limit))
    }

    fn count_dead_letters(&self, to: Option<AgentId>) -> StoreFuture<u64> {
        self.read(move |connection| letters::count_dead(connection, to))
    }

    fn trigger(&self, agent: AgentId, id: TriggerId) -> StoreFuture<Option<Trigger>> {
        self.read(move |connection| triggers::trigger(connection, agent, id))
    }

    fn triggers(&self, agent: AgentId) -> StoreFuture<Vec<Trigger>> {
        self.read(move |connection| triggers::list(connection, agent))
    }

    fn due_triggers(&self, query: DueQuery) -> StoreFuture<Vec<Trigger>> {
        self.read(move |connection| triggers::due(connection, query))
    }

    fn next_due(&self) -> StoreFuture<Option<UnixMillis>> {
        self.read(triggers::next_due)
    }

    fn firing(&self, agent: AgentId, id: FiringId) -> StoreFuture<Option<Firing>> {
        self.read(move |connection| firings::firing(connection, agent, id))
    }

    fn firings(&self, query: FiringQuery) -> StoreFuture<Vec<Firing>> {
        self.read(move |connection| firings::list(connection, &query))
    }

    fn open_firings(
        &self,
        agent: AgentId,
        trigger: Option<TriggerId>,
        limit: u32,
    ) -> StoreFuture<Vec<Firing>> {
        self.read(move |connection| firings::open(connection, agent, trigger, limit))
    }

    fn message_server(&self, id: ServerId) -> StoreFuture<Option<MessageServer>> {
        self.read(move |connection| servers::server(connection, id))
    }

    fn message_servers(&self) -> StoreFuture<Vec<MessageServer>> {
        self.read(servers::list)
    }

    fn enlisted(&self, server: ServerId) -> StoreFuture<Vec<AgentId>> {
        self.read(move |connection| servers::enlisted(connection, server))
    }

    fn servers_of(&self, agent: AgentId) -> StoreFuture<Vec<ServerId>> {
        self.read(move |connection| servers::of(connection, agent))
    }

    fn channel(&self, id: ChannelId) -> StoreFuture<Option<Channel>> {
        self.read(move |connection| channels::channel(connection, id))
    }

    fn channels(&self, server: ServerId, offset: u32, limit: u32) -> StoreFuture<Vec<Channel>> {
        self.read(move |connection| channels::list(connection, server, offset, limit))
    }

    fn channel_by_source(&self, server: ServerId, source_id: &str) -> StoreFuture<Option<Channel>> {
        let source = source_id.to_owned();
        self.read(move |connection| channels::by_source(connection, server, &source))
    }

    fn dm_channel(
        &self,
        server: ServerId,
        one: EntityId,
        other: EntityId,
    ) -> StoreFuture<Option<Channel>> {
        self.read(move |connection| channels::dm(connection, server, one, other))
    }

    fn channel_participants(&self, id: ChannelId) -> StoreFuture<Vec<(EntityId, UnixMillis)>> {
        self.read(move |connection| channels::members(connection, id))
    }

    fn message(&self, id: ChannelMessageId) -> StoreFuture<Option<ChannelMessage>> {
        self.read(move |connection| messages::message(connection, id))
    }

    fn messages(&self, query: MessageQuery) -> StoreFuture<Vec<ChannelMessage>> {
        let has_words = query.text.is_some();
        let list = move |connection: &Connection| messages::list(connection, &query);
        if has_words { self.search_words(list) } else { self.read(list) }
    }

    fn channel_events(
        &self,
        id: ChannelId,
        after: u64,
        limit: u32,
    ) -> StoreFuture<Vec<ChannelEvent>> {
        self.read(move |connection| channel_events::after(connection, id, after, limit))
    }

    fn channel_event_bounds(&self, id: ChannelId) -> StoreFuture<Option<(u64, u64)>> {
        self.read(move |connection| OF_CHANNELS.bounds(connection, id.0))
    }

    fn undelivered(&self, limit: u32) -> StoreFuture<Vec<Addressed>> {
        self.read(move |connection| addressed::left(connection, limit))
    }

    fn session(&self, id: SessionId) -> StoreFuture<Option<Session>> {
        self.read(move |connection| sessions::session(connection, id))
    }

    fn sessions(&self, offset: u32, limit: u32) -> StoreFuture<Vec<Session>> {
        self.read(move |connection| sessions::list(connection, offset, limit))
    }

    fn expired_sessions(&self, now: UnixMillis, limit: u32) -> StoreFuture<Vec<SessionId>> {
        self.read(move |connection| sessions::expired(connection, now, limit))
    }

    fn job(&self, id: JobId) -> StoreFuture<Option<Job>> {
        self.read(move |connection| jobs::job(connection, id))
    }

    fn document(&self, shelf: &str, key: &str) -> StoreFuture<Option<Document>> {
        let (shelf, key) = (shelf.to_owned(), key.to_owned());
        self.read(move |connection| documents::document(connection, &shelf, &key))
    }

    fn documents(
        &self,
        shelf: &str,
        prefix: &str,
        offset: u32,
        limit: u32,
    ) -> StoreFuture<Vec<Document>> {
        let (shelf, prefix) = (shelf.to_owned(), prefix.to_owned());
        self.read(move |connection| documents::list(connection, &shelf, &prefix, offset, limit))
    }

    fn job_of_channel(&self, id: ChannelId) -> StoreFuture<Option<Job>> {
        self.read(move |connection| jobs::of_channel(connection, id))
    }

    fn jobs(&self, status: Option<JobStatus>, offset: u32, limit: u32) -> StoreFuture<Vec<Job>> {
        self.read(move |connection| jobs::list(connection, status, offset, limit))
    }

    fn job_census(&self) -> StoreFuture<JobCensus> {
        self.read(jobs::census)
    }

    fn levels(&self, accounts: Vec<Account>) -> StoreFuture<Vec<Level>> {
        self.read(move |connection| {
            accounts.iter().map(|account| budgets::level(connection, account)).collect()
        })
    }

    fn usage(&self, query: UsageQuery) -> StoreFuture<Vec<DayUsage>> {
        self.read(move |connection| budgets::usage(connection, &query))
    }

    fn open_reservations(&self) -> StoreFuture<u64> {
        self.read(budgets::open_reservations)
    }

    fn snapshot(&self, query: SnapshotQuery) -> Snapshot {
        self.inner.snapshots.open(Arc::clone(&self.inner.file), query)
    }

    fn sizes_of(&self, agent: AgentId) -> StoreFuture<AgentSizes> {
        self.read(move |connection| agent_sizes::of(connection, agent))
    }

    fn left_imports(&self, limit: u32) -> StoreFuture<Vec<AgentId>> {
        self.read(move |connection| imports::left(connection, limit))
    }

    fn prune(&self, retention: Retention, now: UnixMillis) -> StoreFuture<Pruned> {
        let store = self.clone();
        async move { retention::prune(&store, retention, now).await }.boxed()
    }
}
