//! The store: facts in, batched and durable; questions out.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::Duration;

use futures::future::BoxFuture;

use crate::approvals::{Approval, ApprovalStatus};
use crate::budget::{Account, DayUsage, Level, UsageQuery};
use crate::channels::{
    Addressed, Channel, ChannelEvent, ChannelMessage, Job, JobStatus, MessageServer, Session,
};
use crate::character::AgentRecord;
use crate::error::StoreError;
use crate::facts::{Batch, Committed, Epoch, Event};
use crate::goals::Goal;
use crate::ids::{
    AgentId, ApprovalId, ChannelId, ChannelMessageId, EntityId, FiringId, JobId, LetterId, LogId,
    MemoryId, RoomId, RunId, ServerId, SessionId, TriggerId, WorldId,
};
use crate::letters::Letter;
use crate::lifecycle::{Lifecycle, State};
use crate::records::{
    Component, Embedding, Entity, LogEntry, Memory, Participant, Relationship, Room, Task, World,
};
use crate::runs::{Run, RunStatus, Step};
use crate::time::UnixMillis;
use crate::triggers::{Firing, Trigger};

/// An answer of the store, to be awaited on any thread.
pub type StoreFuture<T> = BoxFuture<'static, Result<T, StoreError>>;

/// Keeps everything that must outlive the process.
///
/// A write is durable when its future is ready, and a batch is kept whole or not at all. A write
/// that was handed over is carried out even if its future is dropped. Reads see every write that
/// was answered before they were asked. Lists are newest first where nothing else is said; equal
/// times are ordered by id, descending.
pub trait Store: Send + Sync + 'static {
    /// Begins a new boot: raises the epoch (older writers are fenced from now on), ends the runs
    /// that are started as [`RunStatus::Interrupted`], marks their open steps
    /// [`OutcomeUnknown`](crate::runs::StepStatus::OutcomeUnknown), and charges what is reserved in
    /// full.
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

    /// The letters that wait for an agent, oldest first.
    fn waiting_letters(&self, to: AgentId, limit: u32) -> StoreFuture<Vec<Letter>>;

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

    /// How these accounts stand, in the order given.
    fn levels(&self, accounts: Vec<Account>) -> StoreFuture<Vec<Level>>;

    /// What was used of models: newest day first, then by agent, model and owner.
    fn usage(&self, query: UsageQuery) -> StoreFuture<Vec<DayUsage>>;

    /// For how many calls something is reserved now.
    fn open_reservations(&self) -> StoreFuture<u64>;

    /// Removes what is past its age or number. The newest event of an agent and of a channel is
    /// always kept, so that its sequence goes on; open and parked runs, open firings, waiting and parked
    /// letters and jobs that have not ended are always kept. With a run go its steps and approvals.
    fn prune(&self, retention: Retention, now: UnixMillis) -> StoreFuture<Pruned>;
}

/// A new boot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Boot {
    /// Its number.
    pub epoch: Epoch,
    /// How many runs of earlier boots were ended as interrupted.
    pub interrupted_runs: u64,
}

/// What an agent's actor has to know to begin.
#[derive(Clone, Debug, PartialEq)]
pub struct Seed {
    /// The agent.
    pub id: AgentId,
    /// Its lifecycle.
    pub lifecycle: Lifecycle,
    /// When it last thought about itself.
    pub reflected_at: Option<UnixMillis>,
    /// Whether letters wait for it.
    pub has_letters: bool,
    /// Whether it has parked runs that may go on.
    pub has_resumable: bool,
    /// Whether it has a memory that was made after it last thought about itself.
    pub has_news: bool,
    /// Whether something is still to come of firings of its triggers.
    pub has_firings: bool,
    /// Whether it has an open goal.
    pub has_goals: bool,
}

/// How many agents there are, by state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Census {
    /// Running.
    pub running: u64,
    /// Paused.
    pub paused: u64,
    /// Stopped.
    pub stopped: u64,
    /// Failed.
    pub failed: u64,
}

impl Census {
    /// All of them.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.running + self.paused + self.stopped + self.failed
    }
}

/// Which agents.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AgentQuery {
    /// Only those in this state ([`State::Starting`] and [`State::Stopping`] match none).
    pub state: Option<State>,
    /// How many to pass over.
    pub offset: u32,
    /// How many at most.
    pub limit: u32,
}

/// Which worlds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WorldQuery {
    /// Whose.
    pub of: WorldsOf,
    /// Of which id; any if absent.
    pub id: Option<WorldId>,
    /// How many to pass over.
    pub offset: u32,
    /// How many at most.
    pub limit: u32,
}

/// Whose worlds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WorldsOf {
    /// One agent's.
    Agent(AgentId),
    /// Those of the agents that run.
    Running,
    /// Everybody's.
    All,
}

impl WorldQuery {
    /// Up to `limit` worlds of one agent, of those that run, or of all.
    #[must_use]
    pub fn of(of: WorldsOf, limit: u32) -> Self {
        Self { of, id: None, offset: 0, limit }
    }
}

/// Which memories.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemoryQuery {
    /// Whose.
    pub agent_id: AgentId,
    /// Of which kind; any if absent.
    pub kind: Option<String>,
    /// Of which room; any if absent.
    pub room_id: Option<RoomId>,
    /// Of which entity; any if absent.
    pub entity_id: Option<EntityId>,
    /// Made before this, exclusive.
    pub before: Option<UnixMillis>,
    /// Made after this, exclusive.
    pub after: Option<UnixMillis>,
    /// How many to pass over.
    pub offset: u32,
    /// How many at most.
    pub limit: u32,
}

impl MemoryQuery {
    /// All memories of an agent, up to `limit`.
    #[must_use]
    pub fn of(agent_id: AgentId, limit: u32) -> Self {
        Self {
            agent_id,
            kind: None,
            room_id: None,
            entity_id: None,
            before: None,
            after: None,
            offset: 0,
            limit,
        }
    }
}

/// What to look for among an agent's memories.
#[derive(Clone, Debug, PartialEq)]
pub struct SearchQuery {
    /// Whose.
    pub agent_id: AgentId,
    /// Of which kind; any if absent.
    pub kind: Option<String>,
    /// Of which room; any if absent.
    pub room_id: Option<RoomId>,
    /// The words; any characters, never a query language.
    pub text: String,
    /// The meaning, compared only with vectors of the same embedder.
    pub embedding: Option<Embedding>,
    /// How many at most.
    pub limit: u32,
}

/// A memory and how near it is; greater is nearer.
#[derive(Clone, Debug, PartialEq)]
pub struct Scored {
    /// The memory.
    pub memory: Memory,
    /// The sum of its [`fuse`] scores.
    pub score: f32,
}

/// Which runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunQuery {
    /// Whose.
    pub agent_id: AgentId,
    /// In which room; any if absent.
    pub room_id: Option<RoomId>,
    /// That answer this letter; any if absent.
    pub letter_id: Option<LetterId>,
    /// That carry out this firing; any if absent.
    pub firing_id: Option<FiringId>,
    /// Only in one of these states; any if empty.
    pub statuses: Vec<RunStatus>,
    /// Begun at or after this.
    pub from: Option<UnixMillis>,
    /// Begun at or before this.
    pub to: Option<UnixMillis>,
    /// How many to pass over.
    pub offset: u32,
    /// How many at most.
    pub limit: u32,
}

impl RunQuery {
    /// All runs of an agent, up to `limit`.
    #[must_use]
    pub fn of(agent_id: AgentId, limit: u32) -> Self {
        Self {
            agent_id,
            room_id: None,
            letter_id: None,
            firing_id: None,
            statuses: Vec::new(),
            from: None,
            to: None,
            offset: 0,
            limit,
        }
    }

    /// The runs of an agent that are in flight, as far as is recorded.
    #[must_use]
    pub fn open(agent_id: AgentId) -> Self {
        Self { statuses: vec![RunStatus::Started], ..Self::of(agent_id, u32::MAX) }
    }
}

/// Which triggers that are due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DueQuery {
    /// Due at this time or before.
    pub now: UnixMillis,
    /// Whether those that are late by more than their grace are wanted, or the others.
    pub is_late: bool,
    /// How many at most.
    pub limit: u32,
}

/// Which firings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FiringQuery {
    /// Whose.
    pub agent_id: AgentId,
    /// Of which trigger; any if absent.
    pub trigger_id: Option<TriggerId>,
    /// How many to pass over.
    pub offset: u32,
    /// How many at most.
    pub limit: u32,
}

/// Which approvals.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ApprovalQuery {
    /// Whose; anybody's if absent.
    pub agent_id: Option<AgentId>,
    /// Only those of one of these runs; of any if empty.
    pub run_ids: Vec<RunId>,
    /// Of which status; any if absent.
    pub status: Option<ApprovalStatus>,
    /// Only those that expire at or before this.
    pub expires_by: Option<UnixMillis>,
    /// How many to pass over.
    pub offset: u32,
    /// How many at most.
    pub limit: u32,
}

impl ApprovalQuery {
    /// The approvals that wait, up to `limit`.
    #[must_use]
    pub fn waiting(agent_id: Option<AgentId>, limit: u32) -> Self {
        Self { agent_id, status: Some(ApprovalStatus::Waiting), limit, ..Self::default() }
    }
}

/// Which log entries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogQuery {
    /// Whose.
    pub agent_id: AgentId,
    /// In which room; any if absent.
    pub room_id: Option<RoomId>,
    /// Of one run; any if absent.
    pub run_id: Option<RunId>,
    /// Of exactly this kind; any if absent.
    pub kind: Option<String>,
    /// None of exactly these kinds, and none whose `body.modelType` contains one of them, in
    /// whatever case.
    pub exclude: Vec<String>,
    /// Only those of something that went wrong: whose body has an `error` that is neither null nor
    /// false, a `status` of `error`, `failed` or `timeout`, or a `result.success` of false.
    pub errors_only: bool,
    /// Only those whose body, as JSON text, contains this, in whatever case.
    pub search: Option<String>,
    /// Written at or after this.
    pub from: Option<UnixMillis>,
    /// Written at or before this.
    pub to: Option<UnixMillis>,
    /// How many to pass over.
    pub offset: u32,
    /// How many at most.
    pub limit: u32,
}

impl LogQuery {
    /// All entries of an agent's log, up to `limit`.
    #[must_use]
    pub fn of(agent_id: AgentId, limit: u32) -> Self {
        Self {
            agent_id,
            room_id: None,
            run_id: None,
            kind: None,
            exclude: Vec::new(),
            errors_only: false,
            search: None,
            from: None,
            to: None,
            offset: 0,
            limit,
        }
    }
}

/// Which messages.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MessageQuery {
    /// Of which channel; any if absent.
    pub channel_id: Option<ChannelId>,
    /// Of which author; any if absent.
    pub author_id: Option<EntityId>,
    /// With all of these words, in whatever case, in any order; any characters, never a query
    /// language. A text without a word finds nothing; of more different words than
    /// [`WORDS_MAX`](Self::WORDS_MAX) the first so many count.
    pub text: Option<String>,
    /// Said before this, exclusive.
    pub before: Option<UnixMillis>,
    /// Said after this, exclusive.
    pub after: Option<UnixMillis>,
    /// Whether the oldest come first.
    pub is_oldest_first: bool,
    /// How many to pass over.
    pub offset: u32,
    /// How many at most.
    pub limit: u32,
}

impl MessageQuery {
    /// Different words of a text that are looked for; more say little and cost much.
    pub const WORDS_MAX: usize = 32;

    /// The newest messages of a channel, up to `limit`.
    #[must_use]
    pub fn of(channel_id: ChannelId, limit: u32) -> Self {
        Self { channel_id: Some(channel_id), limit, ..Self::default() }
    }
}

/// How many jobs there are, by status.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JobCensus {
    /// By status.
    pub counts: Vec<(JobStatus, u64)>,
    /// How long the completed ones took, in milliseconds, in all.
    pub completed_took_ms: u64,
}

/// How long what grows is kept, and how much of it. `None` and 0 mean: without bound.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Retention {
    /// Age of agents' events.
    pub events_for: Option<Duration>,
    /// Newest events kept of each agent.
    pub events_per_agent: u64,
    /// Age of ended runs, with their steps, and of goals that are not open any more.
    pub runs_for: Option<Duration>,
    /// Age of log entries.
    pub logs_for: Option<Duration>,
    /// Age of settled letters.
    pub letters_for: Option<Duration>,
    /// Age of firings that nothing more is to come of.
    pub firings_for: Option<Duration>,
    /// Newest events kept of each channel.
    pub events_per_channel: u64,
    /// Age of ended jobs.
    pub jobs_for: Option<Duration>,
    /// Age of what was used on a day. What an agent or owner has spent in all stays.
    pub usage_for: Option<Duration>,
}

/// How many rows retention removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pruned {
    /// Events.
    pub events: u64,
    /// Runs.
    pub runs: u64,
    /// Log entries.
    pub logs: u64,
    /// Letters.
    pub letters: u64,
    /// Firings.
    pub firings: u64,
    /// Channels' events.
    pub channel_events: u64,
    /// Jobs.
    pub jobs: u64,
    /// Rows of usage.
    pub usage: u64,
}

/// Puts rankings together by reciprocal rank: each list adds `1 / (60 + rank)` to what it names.
/// Best first; equal scores by key.
///
/// The method and its constant are those of Cormack, Clarke and Büttcher, «Reciprocal Rank Fusion
/// outperforms Condorcet and individual rank learning methods», SIGIR 2009.
#[must_use]
pub fn fuse<K: Copy + Eq + Hash + Ord>(rankings: &[Vec<K>]) -> Vec<(K, f32)> {
    let mut scores: HashMap<K, f32> = HashMap::new();
    for ranking in rankings {
        let mut divisor = 60.0_f32;
        for key in ranking {
            divisor += 1.0;
            *scores.entry(*key).or_default() += 1.0 / divisor;
        }
    }
    let mut fused: Vec<_> = scores.into_iter().collect();
    fused.sort_by(|(a_key, a), (b_key, b)| b.total_cmp(a).then(a_key.cmp(b_key)));
    fused
}

#[cfg(test)]
mod tests {
    use super::fuse;

    #[test]
    fn what_two_rankings_name_comes_before_what_one_does() {
        let fused = fuse(&[vec![1, 2, 3], vec![3, 4]]);
        let keys: Vec<_> = fused.iter().map(|(key, _)| *key).collect();
        assert_eq!(keys, [3, 1, 2, 4]);
    }
}
