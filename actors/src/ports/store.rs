//! The store: facts in, batched and durable; questions out.

mod answers;
mod queries;
mod ranking;
mod retention;
mod snapshot;

use futures::future::BoxFuture;

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
use crate::records::{
    Component, Embedding, Entity, LogEntry, Memory, Participant, Relationship, Room, Task, World,
};
use crate::runs::{Run, Step};
use crate::time::UnixMillis;
use crate::triggers::{Firing, Trigger};

pub use answers::{
    Boot, Census, Dealt, JobCensus, LastWork, Scored, Seed, TriggerTotals, WorkDone,
};
pub use queries::{
    AgentQuery, ApprovalQuery, DueQuery, FiringQuery, LetterQuery, LogQuery, MemoryQuery,
    MessageQuery, RunQuery, SearchQuery, WorldQuery, WorldsOf,
};
pub use ranking::fuse;
pub use retention::{Pruned, Retention};
pub use snapshot::{AgentSizes, Kept, SNAPSHOT_PAGE, Snapshot, SnapshotQuery};

/// An answer of the store, to be awaited on any thread.
pub type StoreFuture<T> = BoxFuture<'static, Result<T, StoreError>>;

/// Keeps everything that must outlive the process.
///
/// A write is durable when its future is ready, and a batch is kept whole or not at all. A write
/// that was handed over is carried out even if its future is dropped. Reads see every write that
/// was answered before they were asked. Lists are newest first where nothing else is said; equal
/// times are ordered by id, descending. What is of an agent that is on its way in (see
/// [`ImportBegun`](crate::facts::Fact::ImportBegun)) is seen by none but the questions about that very
/// agent.
pub trait Store: Send + Sync + 'static {
    /// Begins a new boot: raises the epoch (older writers are fenced from now on), ends the runs
    /// that are started as [`Interrupted`](crate::runs::RunStatus::Interrupted), marks their open
    /// steps [`OutcomeUnknown`](crate::runs::StepStatus::OutcomeUnknown), charges what is reserved in
    /// full, and leaves the imports that are open to be removed.
    fn boot(&self, now: UnixMillis) -> StoreFuture<Boot>;

    /// Commits `batch`, whole or not at all.
    ///
    /// # Errors
    /// [`StoreError::Fenced`] if a newer boot has begun; what the facts say they fail with.
    fn commit(&self, batch: Batch) -> StoreFuture<Committed>;

    /// What an agent's actor has to know, for one agent.
    fn seed(&self, id: AgentId) -> StoreFuture<Option<Seed>>;

    /// The same for many: those with an id greater than `after`, ascending by id.
    fn seeds(&self, after: Option<AgentId>, limit: u32) -> StoreFuture<Vec<Seed>>;

    /// What the directory has to know of every agent: those with an id greater than `after`, ascending
    /// by id.
    fn listed(&self, after: Option<AgentId>, limit: u32) -> StoreFuture<Vec<Listed>>;

    /// When agents last worked, and what their last call of a model read: those with an id greater than
    /// `after` that have a run, ascending by id.
    fn last_work(&self, after: Option<AgentId>, limit: u32) -> StoreFuture<Vec<LastWork>>;

    /// How many triggers each agent has that has some, in the order of the ids.
    fn trigger_totals(&self) -> StoreFuture<Vec<TriggerTotals>>;

    /// The newest lines of an agent's log, oldest first.
    fn lines(&self, agent: AgentId, limit: u32) -> StoreFuture<Vec<LogLine>>;

    /// One agent.
    fn agent(&self, id: AgentId) -> StoreFuture<Option<AgentRecord>>;

    /// The agent of that handle.
    fn agent_by_handle(&self, handle: &str) -> StoreFuture<Option<AgentRecord>>;

    /// Agents: running ones first, then by name (by character code), then by id.
    fn agents(&self, query: AgentQuery) -> StoreFuture<Vec<AgentRecord>>;

    /// How many agents there are, by state.
    fn census(&self) -> StoreFuture<Census>;

    /// Whether the whole fleet is halted.
    fn is_halted(&self) -> StoreFuture<bool>;

    /// One memory.
    fn memory(&self, agent: AgentId, id: MemoryId) -> StoreFuture<Option<Memory>>;

    /// An agent's memories.
    fn memories(&self, query: MemoryQuery) -> StoreFuture<Vec<Memory>>;

    /// How many memories match, whatever `limit` and `offset` say.
    fn count_memories(&self, query: MemoryQuery) -> StoreFuture<u64>;

    /// The embeddings of those memories that have one.
    fn embeddings(
        &self,
        agent: AgentId,
        ids: Vec<MemoryId>,
    ) -> StoreFuture<Vec<(MemoryId, Embedding)>>;

    /// Memories (of any agent) with a text and without an embedding by `embedder`, oldest first.
    fn unembedded(&self, embedder: &str, limit: u32) -> StoreFuture<Vec<Memory>>;

    /// The memories nearest to a text, best first: by words and, where an embedding is given, by
    /// meaning, the two rankings put together by [`fuse`].
    fn search(&self, query: SearchQuery) -> StoreFuture<Vec<Scored>>;

    /// One room.
    fn room(&self, agent: AgentId, id: RoomId) -> StoreFuture<Option<Room>>;

    /// The rooms that the agent takes part in as an entity, oldest first.
    fn rooms(&self, agent: AgentId) -> StoreFuture<Vec<Room>>;

    /// The rooms of one world, whoever takes part, oldest first, for every agent or one.
    fn rooms_of_world(&self, world: WorldId, agent: Option<AgentId>) -> StoreFuture<Vec<Room>>;

    /// Who takes part in a room, longest first.
    fn participants(&self, agent: AgentId, room: RoomId) -> StoreFuture<Vec<Participant>>;

    /// One world.
    fn world(&self, agent: AgentId, id: WorldId) -> StoreFuture<Option<World>>;

    /// Worlds, oldest first.
    fn worlds(&self, query: WorldQuery) -> StoreFuture<Vec<World>>;

    /// One entity.
    fn entity(&self, agent: AgentId, id: EntityId) -> StoreFuture<Option<Entity>>;

    /// An agent's entities, oldest first.
    fn entities(&self, agent: AgentId) -> StoreFuture<Vec<Entity>>;

    /// An agent's components, oldest first; of one entity if given.
    fn components(&self, agent: AgentId, entity: Option<EntityId>) -> StoreFuture<Vec<Component>>;

    /// An agent's relationships, oldest first.
    fn relationships(&self, agent: AgentId) -> StoreFuture<Vec<Relationship>>;

    /// An agent's tasks, oldest first.
    fn tasks(&self, agent: AgentId) -> StoreFuture<Vec<Task>>;

    /// An agent's goals, oldest first.
    fn goals(&self, agent: AgentId) -> StoreFuture<Vec<Goal>>;

    /// One run.
    fn run(&self, agent: AgentId, id: RunId) -> StoreFuture<Option<Run>>;

    /// Runs, newest first.
    fn runs(&self, query: RunQuery) -> StoreFuture<Vec<Run>>;

    /// The runs of all agents that are begun and not ended, in the order of their ids.
    fn open_runs(&self, limit: u32) -> StoreFuture<Vec<Run>>;

    /// How many runs match, whatever `limit` and `offset` say.
    fn count_runs(&self, query: RunQuery) -> StoreFuture<u64>;

    /// The steps of these runs, by run in the order given, then by index.
    fn steps(&self, runs: Vec<RunId>) -> StoreFuture<Vec<Step>>;

    /// An agent's parked runs of which no approval waits any more: they may go on. Oldest first.
    fn resumable_runs(&self, agent: AgentId, limit: u32) -> StoreFuture<Vec<Run>>;

    /// One approval.
    fn approval(&self, id: ApprovalId) -> StoreFuture<Option<Approval>>;

    /// Approvals, those asked for first before the others.
    fn approvals(&self, query: ApprovalQuery) -> StoreFuture<Vec<Approval>>;

    /// How many approvals match, whatever `limit` and `offset` say.
    fn count_approvals(&self, query: ApprovalQuery) -> StoreFuture<u64>;

    /// One log entry.
    fn log(&self, agent: AgentId, id: LogId) -> StoreFuture<Option<LogEntry>>;

    /// Log entries, newest first.
    fn logs(&self, query: LogQuery) -> StoreFuture<Vec<LogEntry>>;

    /// An agent's events with a number greater than `after`, ascending.
    fn events(&self, agent: AgentId, after: u64, limit: u32) -> StoreFuture<Vec<Event>>;

    /// The numbers of an agent's oldest kept and newest event; `None` if it has none.
    fn event_bounds(&self, agent: AgentId) -> StoreFuture<Option<(u64, u64)>>;

    /// One letter.
    fn letter(&self, id: LetterId) -> StoreFuture<Option<Letter>>;

    /// The letters that wait for an agent's conversation, oldest first: all but those that are
    /// [beside](Letter::is_beside) it.
    fn waiting_letters(&self, to: AgentId, limit: u32) -> StoreFuture<Vec<Letter>>;

    /// The letters that wait for an agent beside its conversation, oldest first.
    fn waiting_beside(&self, to: AgentId, limit: u32) -> StoreFuture<Vec<Letter>>;

    /// Letters, newest first, each with the latest run that was begun for it.
    fn letters(&self, query: LetterQuery) -> StoreFuture<Vec<Dealt>>;

    /// What agents were asked to do and have begun since then, by id; only those that have begun
    /// something.
    fn work_since(&self, from: UnixMillis) -> StoreFuture<Vec<WorkDone>>;

    /// The letters that were given up, newest first; to one agent if given.
    fn dead_letters(
        &self,
        to: Option<AgentId>,
        offset: u32,
        limit: u32,
    ) -> StoreFuture<Vec<Letter>>;

    /// How many letters were given up; to one agent if given.
    fn count_dead_letters(&self, to: Option<AgentId>) -> StoreFuture<u64>;

    /// One trigger.
    fn trigger(&self, agent: AgentId, id: TriggerId) -> StoreFuture<Option<Trigger>>;

    /// An agent's triggers, oldest first.
    fn triggers(&self, agent: AgentId) -> StoreFuture<Vec<Trigger>>;

    /// The triggers that are due and can fire, the longest due first.
    fn due_triggers(&self, query: DueQuery) -> StoreFuture<Vec<Trigger>>;

    /// The next slot of all triggers that can fire: which are enabled, and whose agent is to run, and
    /// is autonomous where they need it.
    fn next_due(&self) -> StoreFuture<Option<UnixMillis>>;

    /// One firing.
    fn firing(&self, agent: AgentId, id: FiringId) -> StoreFuture<Option<Firing>>;

    /// Firings, the latest due first.
    fn firings(&self, query: FiringQuery) -> StoreFuture<Vec<Firing>>;

    /// The firings of an agent that something is still to come of, of one trigger if given, the
    /// longest due first.
    fn open_firings(
        &self,
        agent: AgentId,
        trigger: Option<TriggerId>,
        limit: u32,
    ) -> StoreFuture<Vec<Firing>>;

    /// One message server.
    fn message_server(&self, id: ServerId) -> StoreFuture<Option<MessageServer>>;

    /// Every message server, oldest first.
    fn message_servers(&self) -> StoreFuture<Vec<MessageServer>>;

    /// The agents that take part in a message server, longest first.
    fn enlisted(&self, server: ServerId) -> StoreFuture<Vec<AgentId>>;

    /// The message servers that an agent takes part in, longest first.
    fn servers_of(&self, agent: AgentId) -> StoreFuture<Vec<ServerId>>;

    /// One channel.
    fn channel(&self, id: ChannelId) -> StoreFuture<Option<Channel>>;

    /// The channels of a message server, oldest first.
    fn channels(&self, server: ServerId, offset: u32, limit: u32) -> StoreFuture<Vec<Channel>>;

    /// The channel of a message server that has this id where it comes from.
    fn channel_by_source(&self, server: ServerId, source_id: &str) -> StoreFuture<Option<Channel>>;

    /// The `DM` channel of a message server that just these two take part in, the oldest if there
    /// are several.
    fn dm_channel(
        &self,
        server: ServerId,
        one: EntityId,
        other: EntityId,
    ) -> StoreFuture<Option<Channel>>;

    /// Who takes part in a channel and since when, longest first.
    fn channel_participants(&self, id: ChannelId) -> StoreFuture<Vec<(EntityId, UnixMillis)>>;

    /// One message.
    fn message(&self, id: ChannelMessageId) -> StoreFuture<Option<ChannelMessage>>;

    /// Messages, newest first; oldest first where the query says so.
    fn messages(&self, query: MessageQuery) -> StoreFuture<Vec<ChannelMessage>>;

    /// A channel's events with a number greater than `after`, ascending.
    fn channel_events(
        &self,
        id: ChannelId,
        after: u64,
        limit: u32,
    ) -> StoreFuture<Vec<ChannelEvent>>;

    /// The numbers of a channel's oldest kept and newest event; `None` if it has none.
    fn channel_event_bounds(&self, id: ChannelId) -> StoreFuture<Option<(u64, u64)>>;

    /// Messages that earlier boots left on their way to an agent.
    fn undelivered(&self, limit: u32) -> StoreFuture<Vec<Addressed>>;

    /// One session.
    fn session(&self, id: SessionId) -> StoreFuture<Option<Session>>;

    /// Every session, oldest first.
    fn sessions(&self, offset: u32, limit: u32) -> StoreFuture<Vec<Session>>;

    /// The sessions that ended before `now`, the longest past first.
    fn expired_sessions(&self, now: UnixMillis, limit: u32) -> StoreFuture<Vec<SessionId>>;

    /// One job.
    fn job(&self, id: JobId) -> StoreFuture<Option<Job>>;

    /// The job of a channel, the newest if there are several.
    fn job_of_channel(&self, id: ChannelId) -> StoreFuture<Option<Job>>;

    /// Jobs, newest first; of one status if given.
    fn jobs(&self, status: Option<JobStatus>, offset: u32, limit: u32) -> StoreFuture<Vec<Job>>;

    /// How many jobs there are of each status that any has, and how many milliseconds the completed
    /// ones took in all.
    fn job_census(&self) -> StoreFuture<JobCensus>;

    /// One document.
    fn document(&self, shelf: &str, key: &str) -> StoreFuture<Option<Document>>;

    /// The documents of a shelf whose keys begin with `prefix`, ascending by key (by byte).
    fn documents(
        &self,
        shelf: &str,
        prefix: &str,
        offset: u32,
        limit: u32,
    ) -> StoreFuture<Vec<Document>>;

    /// How these accounts stand, in the order given.
    fn levels(&self, accounts: Vec<Account>) -> StoreFuture<Vec<Level>>;

    /// What was used of models: newest day first, then by agent, model and owner.
    fn usage(&self, query: UsageQuery) -> StoreFuture<Vec<DayUsage>>;

    /// For how many calls something is reserved now.
    fn open_reservations(&self) -> StoreFuture<u64>;

    /// Everything that is kept of an agent, as it is at one moment: no earlier than this call, and no
    /// later than the first page. It holds up nobody else, and ends soon after it is dropped.
    ///
    /// Its first item is an error if there is no such agent ([`StoreError::Missing`]), or if as many
    /// snapshots are read already as may be at once ([`StoreError::Busy`]).
    fn snapshot(&self, query: SnapshotQuery) -> Snapshot;

    /// How much is kept of an agent; nothing if there is none.
    fn sizes_of(&self, agent: AgentId) -> StoreFuture<AgentSizes>;

    /// The imports that nobody goes on with: those that earlier boots left open, and those that are
    /// abandoned and not wholly removed. By id.
    fn left_imports(&self, limit: u32) -> StoreFuture<Vec<AgentId>>;

    /// Removes what is past its age or number. The newest event of an agent and of a channel is
    /// always kept, so that its sequence goes on; open and parked runs, open firings, waiting and parked
    /// letters and jobs that have not ended are always kept. With a run go its steps and approvals.
    fn prune(&self, retention: Retention, now: UnixMillis) -> StoreFuture<Pruned>;
}
