//! Facts: everything the core tells the store, in batches that are kept whole or not at all.

mod event;
mod shared;

use serde::{Deserialize, Serialize};

use crate::approvals::{Approval, ApprovalEnd};
use crate::budget::Reservation;
use crate::channels::{
    Addressed, Channel, ChannelEvent, ChannelMessage, Job, MessageServer, NewChannelEvent, Session,
};
use crate::character::{AgentRecord, Character};
use crate::documents::Document;
use crate::goals::Goal;
use crate::ids::{
    AgentId, ChannelId, ChannelMessageId, ComponentId, EntityId, FiringId, GoalId, JobId, LetterId,
    LogId, MemoryId, RelationshipId, RoomId, RunId, ServerId, SessionId, TaskId, TriggerId,
    WorldId,
};
use crate::letters::{Letter, LetterEnd};
use crate::lifecycle::Lifecycle;
use crate::lines::LogLine;
use crate::records::{
    Component, Embedding, Entity, LogEntry, Memory, Participant, Relationship, Room, Task, World,
};
use crate::runs::{Run, RunEnd, RunPark, Step, StepEnd};
use crate::time::UnixMillis;
use crate::triggers::{Firing, FiringEnd, Trigger, TriggerFired};

pub use event::{Event, EventKind, NewEvent};

/// The number of a boot of the host: each start of the process has a higher one.
///
/// Writes carry it, so that a store can refuse those of a process that has been replaced (a fencing
/// token).
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Epoch(pub u64);

/// Facts that are kept together or not at all.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Batch {
    /// The boot of the writer.
    pub epoch: Epoch,
    /// The facts, applied in order.
    pub facts: Vec<Fact>,
}

/// What a committed batch did.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Committed {
    /// The events of the batch, in order, with the sequence numbers they were given.
    pub events: Vec<Event>,
    /// The channels' events of the batch, in order, with the sequence numbers they were given.
    pub channel_events: Vec<ChannelEvent>,
    /// The handles that agents were given in the batch, by creation or by revision.
    pub handles: Vec<(AgentId, String)>,
    /// For each fact in order: how many rows it wrote or removed.
    pub affected: Vec<u64>,
}

/// Something that became so.
#[derive(Clone, Debug, PartialEq)]
pub enum Fact {
    /// An agent was created. Fails with [`Exists`](crate::error::StoreError::Exists) if there is
    /// one of that id, or one is on its way in. If the record's handle is taken (or empty), the store gives a free one:
    /// the handle with `-2`, `-3`, … behind it (`agent` where it is empty).
    AgentCreated(Box<AgentRecord>),
    /// An agent's character changed. Fails with
    /// [`Missing`](crate::error::StoreError::Missing) if there is none of that id. The handle
    /// follows the name only where `handle` is given.
    AgentRevised {
        /// Which agent.
        id: AgentId,
        /// Who it is now.
        character: Box<Character>,
        /// Its new handle, given a number if it is taken.
        handle: Option<String>,
        /// When.
        at: UnixMillis,
    },
    /// A handle is to be that agent's alone and to the letter. Fails with
    /// [`Exists`](crate::error::StoreError::Exists) of a
    /// [handle](crate::error::StoreError::HANDLE) if another agent has it. Comes before the fact of
    /// the same batch that gives it, and affects 0 rows itself.
    HandleClaimed {
        /// Who is to have it.
        agent_id: AgentId,
        /// The handle.
        handle: String,
    },
    /// An agent's lifecycle changed. Fails with
    /// [`Missing`](crate::error::StoreError::Missing) if there is none of that id.
    LifecycleChanged {
        /// Which agent.
        id: AgentId,
        /// Its lifecycle now.
        lifecycle: Lifecycle,
    },
    /// An agent last thought about itself at this time.
    Reflected {
        /// Which agent.
        id: AgentId,
        /// When.
        at: UnixMillis,
    },
    /// An agent was removed, with everything that was its own (its memories too, unless they are
    /// to be kept), its part in message servers and channels, its sessions and its jobs; channels
    /// and what was said in them stay. Affects 0 rows if there was none.
    AgentRemoved {
        /// Which agent.
        id: AgentId,
        /// Whether its memories stay.
        keep_memories: bool,
    },
    /// An agent is on its way in: what is its own comes in many batches, and is seen by nobody who
    /// does not ask for that very agent until it is whole. Fails with
    /// [`Exists`](crate::error::StoreError::Exists) if there is an agent of that id, one is on its way
    /// in, or memories of one that was removed were kept.
    ImportBegun {
        /// Its id.
        agent_id: AgentId,
        /// When.
        at: UnixMillis,
    },
    /// An agent is whole; it is created by the next fact of the same batch. Fails with
    /// [`Missing`](crate::error::StoreError::Missing) unless it is on its way in, begun in this boot and
    /// not abandoned.
    ImportFinished {
        /// Its id.
        agent_id: AgentId,
    },
    /// An agent does not come in after all: nothing of it can become whole from now on, and a bounded
    /// number of its rows are removed, the mark of the import with the last. Affects 0 rows if there
    /// is no import of it (any more): to be kept again until then.
    ImportAbandoned {
        /// Its id.
        agent_id: AgentId,
    },
    /// Something happened to an agent; the store gives it the agent's next sequence number. The
    /// sequence of one agent has no gaps and starts at 1.
    Happened(NewEvent),
    /// A run was begun.
    RunStarted(Box<Run>),
    /// A run was set aside until its approval is decided; a boot leaves it so. Affects 0 rows unless
    /// it is [`Started`](crate::runs::RunStatus::Started).
    RunParked(Box<RunPark>),
    /// A parked run goes on: it is [`Started`](crate::runs::RunStatus::Started) again. Affects 0 rows
    /// unless it is parked.
    RunResumed {
        /// Whose run.
        agent_id: AgentId,
        /// Which run.
        run_id: RunId,
    },
    /// A run ended. Affects 0 rows, and changes nothing, if it had ended before: the first outcome
    /// stands. Its steps that have no outcome become
    /// [`OutcomeUnknown`](crate::runs::StepStatus::OutcomeUnknown).
    RunEnded(Box<RunEnd>),
    /// A call is about to be made.
    StepIntended(Box<Step>),
    /// A call was made. Affects 0 rows if it had an outcome before.
    ///
    /// Settles what was reserved for it: its usage is spent.
    StepEnded(Box<StepEnd>),
    /// A call that is about to be made may cost so much. Fails with
    /// [`Exceeded`](crate::error::StoreError::Exceeded) if that, what was spent and what else is
    /// reserved would together exceed one of its ceilings. Affects 0 rows if there is a reservation
    /// for that call already.
    ///
    /// It is held until its step ends. If its run ends before, its agent is removed or a new boot
    /// begins, nobody knows what it cost, and it is charged in full.
    Reserved(Box<Reservation>),
    /// A letter was sent.
    LetterSent(Box<Letter>),
    /// A letter was begun to be dealt with: one more attempt.
    LetterTried(LetterId),
    /// A letter was set aside with its run. Affects 0 rows unless it waits.
    LetterParked(LetterId),
    /// A letter that was set aside waits again. Affects 0 rows unless it was.
    LetterUnparked(LetterId),
    /// A letter was dealt with, given up or called off. Affects 0 rows if it was no longer waiting.
    LetterSettled(Box<LetterEnd>),
    /// A letter that was given up waits again. Affects 0 rows if it is not dead, or not to that agent.
    LetterRequeued {
        /// Which letter.
        id: LetterId,
        /// Whom it is for.
        to: AgentId,
        /// The attempts that count from now on.
        attempts: u32,
    },
    /// A call waits for a person's yes. Affects 0 rows if there is no such agent (any more).
    ApprovalAsked(Box<Approval>),
    /// An approval was decided. Affects 0 rows if it had been before: the first decision stands.
    ApprovalDecided(Box<ApprovalEnd>),
    /// A memory was made, or replaced as a whole if the agent had one of that id. An embedding that
    /// the old one had is dropped if the text differs.
    Remembered(Box<Memory>),
    /// A memory was given its embedding. Affects 0 rows if there is no such memory.
    Embedded {
        /// Whose memory.
        agent_id: AgentId,
        /// Which memory.
        memory_id: MemoryId,
        /// The embedding.
        embedding: Embedding,
    },
    /// A memory was forgotten.
    Forgot {
        /// Whose memory.
        agent_id: AgentId,
        /// Which memory.
        memory_id: MemoryId,
    },
    /// Many memories were forgotten.
    ForgotAll {
        /// Whose memories.
        agent_id: AgentId,
        /// Only those of this kind, if given.
        kind: Option<String>,
        /// Only those of this room, if given.
        room_id: Option<RoomId>,
    },
    /// A room was made or replaced.
    RoomSet(Box<Room>),
    /// A room was made, unless there was one of that id.
    RoomMet(Box<Room>),
    /// A room was removed, with its participants and memories.
    RoomRemoved {
        /// Whose room.
        agent_id: AgentId,
        /// Which room.
        room_id: RoomId,
    },
    /// A world was made or replaced.
    WorldSet(Box<World>),
    /// A world was made, unless there was one of that id.
    WorldMet(Box<World>),
    /// A world was removed; its rooms stay.
    WorldRemoved {
        /// Whose world.
        agent_id: AgentId,
        /// Which world.
        world_id: WorldId,
    },
    /// An entity was made or replaced.
    EntitySet(Box<Entity>),
    /// An entity was made, unless there was one of that id.
    EntityMet(Box<Entity>),
    /// An entity was removed, with its components and relationships.
    EntityRemoved {
        /// Whose acquaintance.
        agent_id: AgentId,
        /// Which entity.
        entity_id: EntityId,
    },
    /// An entity takes part in a room, in this state now.
    Joined(Participant),
    /// An entity no longer takes part in a room.
    Left {
        /// In whose eyes.
        agent_id: AgentId,
        /// The room.
        room_id: RoomId,
        /// Who left.
        entity_id: EntityId,
    },
    /// A component was made or replaced.
    ComponentSet(Box<Component>),
    /// A component was removed.
    ComponentRemoved {
        /// Whose record.
        agent_id: AgentId,
        /// Which component.
        id: ComponentId,
    },
    /// A relationship was made or replaced.
    RelationshipSet(Box<Relationship>),
    /// A relationship was removed.
    RelationshipRemoved {
        /// In whose eyes.
        agent_id: AgentId,
        /// Which relationship.
        id: RelationshipId,
    },
    /// A task was made or replaced.
    TaskSet(Box<Task>),
    /// A task was removed.
    TaskRemoved {
        /// Whose task.
        agent_id: AgentId,
        /// Which task.
        id: TaskId,
    },
    /// A goal was set or changed.
    GoalSet(Box<Goal>),
    /// A goal was removed.
    GoalRemoved {
        /// Whose goal.
        agent_id: AgentId,
        /// Which goal.
        id: GoalId,
    },
    /// An entry was written into an agent's log.
    Logged(Box<LogEntry>),
    /// An entry was removed from an agent's log.
    LogRemoved {
        /// Whose log.
        agent_id: AgentId,
        /// Which entry.
        id: LogId,
    },
    /// A line was written at the end of an agent's log; the oldest goes if there are more than
    /// [`LINES_KEPT`](crate::lines::LINES_KEPT) then. Affects 0 rows if there is no such agent.
    LineWritten(Box<LogLine>),
    /// A trigger was made or changed. Of one that is there already, what it has counted
    /// (`run_count`, `last_fired_at`, `last_status`, `last_error`) stays. Affects 0 rows, and changes
    /// nothing, if another agent has a trigger of that id.
    TriggerSet {
        /// What it is now.
        trigger: Box<Trigger>,
        /// Whether its next slot and whether it is enabled are taken over too; if not, they stay.
        is_retimed: bool,
    },
    /// A trigger was removed; the records of its firings stay.
    TriggerRemoved {
        /// Whose trigger.
        agent_id: AgentId,
        /// Which trigger.
        id: TriggerId,
    },
    /// The slots of a trigger up to now were taken: each has a record, and the trigger its next
    /// slot. Fails with [`Missing`](crate::error::StoreError::Missing) unless there is such a
    /// trigger, enabled and due at just the slot that was taken first.
    TriggerFired(Box<TriggerFired>),
    /// A firing was recorded.
    FiringSet(Box<Firing>),
    /// A run was begun for a firing: one more attempt. Fails with
    /// [`Missing`](crate::error::StoreError::Missing) if nothing more is to come of it.
    FiringTried {
        /// Whose firing.
        agent_id: AgentId,
        /// Which firing.
        id: FiringId,
        /// The run.
        run_id: RunId,
        /// When.
        at: UnixMillis,
    },
    /// Nothing more is to come of a firing. Affects 0 rows, and changes nothing, if that was so
    /// before. If a run was begun for it and is over, its trigger counts it, and ends if it has run
    /// as often as it may.
    FiringSettled(Box<FiringEnd>),
    /// The whole fleet was halted, or let go again.
    FleetHalted(bool),
    /// A message server was made or replaced.
    ServerSet(Box<MessageServer>),
    /// A message server was made, unless there was one of that id.
    ServerMet(Box<MessageServer>),
    /// A message server was removed, with its channels and all that is theirs.
    ServerRemoved(ServerId),
    /// An agent takes part in a message server.
    Enlisted {
        /// The server.
        server_id: ServerId,
        /// The agent.
        agent_id: AgentId,
        /// Since when; one that takes part already keeps the earlier time, and affects 0 rows.
        at: UnixMillis,
    },
    /// An agent no longer takes part in a message server. Affects 0 rows if it did not.
    Delisted {
        /// The server.
        server_id: ServerId,
        /// The agent.
        agent_id: AgentId,
    },
    /// A channel was made or replaced. Fails with
    /// [`Missing`](crate::error::StoreError::Missing) if its server is not there.
    ChannelSet(Box<Channel>),
    /// A channel was made, unless there was one of that id; fails as `ChannelSet` does.
    ChannelMet(Box<Channel>),
    /// A channel was removed, with its participants, messages, sessions and jobs. Its events stay.
    ChannelRemoved(ChannelId),
    /// Somebody takes part in a channel.
    ChannelJoined {
        /// The channel.
        channel_id: ChannelId,
        /// Who: a person, or an agent.
        user_id: EntityId,
        /// Since when; one who takes part already keeps the earlier time, and affects 0 rows.
        at: UnixMillis,
    },
    /// Somebody no longer takes part in a channel. Affects 0 rows if they did not.
    ChannelLeft {
        /// The channel.
        channel_id: ChannelId,
        /// Who.
        user_id: EntityId,
    },
    /// Something was said in a channel, or what was said under that id was replaced. Fails with
    /// [`Missing`](crate::error::StoreError::Missing) if the channel is not there.
    MessageSet(Box<ChannelMessage>),
    /// A message is on its way to an agent, until it is `Reached`.
    Addressed(Box<Addressed>),
    /// An agent has the letter that brings it a message, or will get none. Affects 0 rows if the message
    /// was not on its way to it.
    Reached {
        /// The message.
        message_id: ChannelMessageId,
        /// The agent.
        agent_id: AgentId,
    },
    /// A message was removed. Affects 0 rows if there was none.
    MessageRemoved {
        /// The channel.
        channel_id: ChannelId,
        /// The message.
        id: ChannelMessageId,
    },
    /// All messages of a channel were removed.
    ChannelCleared(ChannelId),
    /// Something happened in a channel; the store gives it the channel's next sequence number. The
    /// sequence of one channel has no gaps and starts at 1.
    ChannelHappened(NewChannelEvent),
    /// A session was begun or changed.
    SessionSet(Box<Session>),
    /// A session was removed; its channel stays.
    SessionRemoved(SessionId),
    /// A job was given or changed. A job that has ended does not change any more: affects 0 rows.
    JobSet(Box<Job>),
    /// A job was removed; its channel stays.
    JobRemoved(JobId),
    /// A document was written, or replaced the one of its key.
    DocumentSet(Box<Document>),
    /// A document was removed. Affects 0 rows if there was none.
    DocumentRemoved {
        /// Whose it was.
        shelf: String,
        /// Which one.
        key: String,
    },
}
