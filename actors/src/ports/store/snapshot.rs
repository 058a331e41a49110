//! A whole agent as the store has it at one moment, in pages.

use futures::stream::BoxStream;

use crate::character::AgentRecord;
use crate::error::StoreError;
use crate::goals::Goal;
use crate::ids::{AgentId, EntityId, RoomId};
use crate::records::{
    Component, Embedding, Entity, LogEntry, Memory, Participant, Relationship, Room, Task, World,
};
use crate::triggers::Trigger;

/// Things in one page of a [`Snapshot`] at most.
pub const SNAPSHOT_PAGE: usize = 256;

/// What of an agent is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SnapshotQuery {
    /// Whose.
    pub agent: AgentId,
    /// Whether its log is wanted too.
    pub logs: bool,
    /// Whether memories come with their embeddings.
    pub embeddings: bool,
}

/// One thing that is kept of an agent.
#[derive(Clone, Debug, PartialEq)]
pub enum Kept {
    /// The agent itself: always the first, and there is one.
    Agent(Box<AgentRecord>),
    /// An id that a participant, component, memory, relationship or log entry names as an entity, and
    /// that is none of the agent's; each once, by id.
    MissingEntity(EntityId),
    /// An id that a participant, component, memory or log entry names as a room, and that is none of
    /// the agent's; each once, by id.
    MissingRoom(RoomId),
    /// Someone it has met.
    Entity(Box<Entity>),
    /// Something it remembers, and the embedding of it if that is wanted and there.
    Memory(Box<Memory>, Option<Box<Embedding>>),
    /// What is known of someone.
    Component(Box<Component>),
    /// A room.
    Room(Box<Room>),
    /// Who takes part in a room.
    Participant(Participant),
    /// How two stand to each other.
    Relationship(Box<Relationship>),
    /// A world.
    World(Box<World>),
    /// A task.
    Task(Box<Task>),
    /// A trigger; the records of its firings are not part of a snapshot.
    Trigger(Box<Trigger>),
    /// A goal.
    Goal(Box<Goal>),
    /// An entry of its log.
    Log(Box<LogEntry>),
}

/// Everything that is kept of an agent, as it is at one moment.
///
/// Pages of at most [`SNAPSHOT_PAGE`], none of them empty, in the order of the variants of [`Kept`];
/// each kind oldest first, equal times by id. An error is the last item; without one, what came is all.
pub type Snapshot = BoxStream<'static, Result<Vec<Kept>, StoreError>>;

/// How much is kept of an agent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AgentSizes {
    /// Memories.
    pub memories: u64,
    /// Entities.
    pub entities: u64,
    /// Rooms.
    pub rooms: u64,
    /// Worlds.
    pub worlds: u64,
    /// Tasks and triggers.
    pub tasks: u64,
    /// Components.
    pub components: u64,
    /// Participants, by room.
    pub participants: u64,
    /// Relationships.
    pub relationships: u64,
    /// Bytes of what these and the character say, as JSON, and [`ROW_BYTES`](Self::ROW_BYTES) for each
    /// of them.
    pub text_bytes: u64,
}

impl AgentSizes {
    /// What a row takes as JSON beside what it says: ids, times and the names of its fields.
    pub const ROW_BYTES: u64 = 256;

    /// The number of rows that are counted.
    #[must_use]
    pub fn rows(&self) -> u64 {
        let Self { memories, entities, rooms, worlds, tasks, components, .. } = self;
        let known = [memories, entities, rooms, worlds, tasks, components];
        let known = known.into_iter().chain([&self.participants, &self.relationships]);
        known.fold(0, |sum, rows| sum.saturating_add(*rows))
    }
}
