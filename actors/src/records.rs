//! What an agent remembers and whom it knows: memories, rooms, worlds, entities and what ties them.
//!
//! The shapes and their meaning are those of elizaOS.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::ids::{
    AgentId, ComponentId, EntityId, LogId, MemoryId, RelationshipId, RoomId, RunId, TaskId, WorldId,
};
use crate::time::UnixMillis;

/// The kind of memory that conversations are made of.
pub const MESSAGES: &str = "messages";

/// The kind of memory that an agent keeps on purpose.
pub const FACTS: &str = "facts";

/// The kind of memory that tells, in fewer words, what was said in a room.
pub const SUMMARIES: &str = "summaries";

/// Something an agent remembers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Memory {
    /// Its id.
    pub id: MemoryId,
    /// Whose memory it is.
    pub agent_id: AgentId,
    /// What sort: [`MESSAGES`], `facts`, `documents`, …
    pub kind: String,
    /// Where it belongs.
    pub room_id: RoomId,
    /// The world of that room, if known.
    pub world_id: Option<WorldId>,
    /// Who said or caused it.
    pub entity_id: EntityId,
    /// What it says: `text`, `thought`, `actions`, `attachments` and more.
    pub content: Map<String, Value>,
    /// Where it came from.
    pub metadata: Map<String, Value>,
    /// Whether the agent holds no near duplicate of it.
    pub unique: bool,
    /// When it was made.
    pub created_at: UnixMillis,
    /// When it was last changed.
    pub updated_at: UnixMillis,
}

impl Memory {
    /// The text of it, empty if there is none.
    #[must_use]
    pub fn text(&self) -> &str {
        self.content.get("text").and_then(Value::as_str).unwrap_or_default()
    }
}

/// A point that stands for the meaning of a text, and who made it.
///
/// Vectors of different embedders must never be compared.
#[derive(Clone, Debug, PartialEq)]
pub struct Embedding {
    /// The embedder's name, its dimension included.
    pub embedder: String,
    /// The vector, of length one.
    pub vector: Vec<f32>,
}

/// A place where things are said, as one agent sees it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Room {
    /// Its id.
    pub id: RoomId,
    /// Whose room it is.
    pub agent_id: AgentId,
    /// Its name.
    pub name: String,
    /// The channel it stands for, in the words of its source.
    pub channel_id: Option<String>,
    /// The message server of that channel.
    pub message_server_id: Option<uuid::Uuid>,
    /// The world it lies in.
    pub world_id: Option<WorldId>,
    /// What elizaOS calls the channel type: `DM`, `GROUP`, `SELF`, …
    pub kind: String,
    /// Where it came from.
    pub source: String,
    /// Anything else.
    pub metadata: Option<Map<String, Value>>,
    /// When it was made.
    pub created_at: UnixMillis,
}

/// A group of rooms, as one agent sees it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct World {
    /// Its id.
    pub id: WorldId,
    /// Whose world it is.
    pub agent_id: AgentId,
    /// Its name.
    pub name: String,
    /// The message server it stands for.
    pub message_server_id: Option<uuid::Uuid>,
    /// Anything else.
    pub metadata: Option<Map<String, Value>>,
    /// When it was made.
    pub created_at: UnixMillis,
}

/// Someone an agent has met.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Entity {
    /// Its id.
    pub id: EntityId,
    /// Who met it.
    pub agent_id: AgentId,
    /// What it goes by.
    pub names: Vec<String>,
    /// Anything else.
    pub metadata: Map<String, Value>,
    /// When they met.
    pub created_at: UnixMillis,
}

/// That an entity takes part in a room.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Participant {
    /// In whose eyes.
    pub agent_id: AgentId,
    /// The room.
    pub room_id: RoomId,
    /// Who takes part.
    pub entity_id: EntityId,
    /// `FOLLOWED`, `MUTED` or nothing.
    pub state: Option<String>,
    /// Since when.
    pub created_at: UnixMillis,
}

/// A typed piece of data that belongs to an entity.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Component {
    /// Its id.
    pub id: ComponentId,
    /// Whose record it is.
    pub agent_id: AgentId,
    /// Whom it describes.
    pub entity_id: EntityId,
    /// Where it holds.
    pub room_id: RoomId,
    /// Where it holds.
    pub world_id: Option<WorldId>,
    /// Who said so.
    pub source_entity_id: Option<EntityId>,
    /// What sort.
    pub kind: String,
    /// What it says.
    pub data: Map<String, Value>,
    /// When it was made.
    pub created_at: UnixMillis,
}

/// How two entities stand to each other.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Relationship {
    /// Its id.
    pub id: RelationshipId,
    /// In whose eyes.
    pub agent_id: AgentId,
    /// From whom.
    pub source_entity_id: EntityId,
    /// To whom.
    pub target_entity_id: EntityId,
    /// Labels.
    pub tags: Vec<String>,
    /// Anything else.
    pub metadata: Map<String, Value>,
    /// When it was made.
    pub created_at: UnixMillis,
}

/// Something an agent means to do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Task {
    /// Its id.
    pub id: TaskId,
    /// Whose task it is.
    pub agent_id: AgentId,
    /// Its name.
    pub name: String,
    /// What is to be done.
    pub description: Option<String>,
    /// Where.
    pub room_id: Option<RoomId>,
    /// Where.
    pub world_id: Option<WorldId>,
    /// For whom.
    pub entity_id: Option<EntityId>,
    /// Labels.
    pub tags: Vec<String>,
    /// Anything else.
    pub metadata: Map<String, Value>,
    /// When it was made.
    pub created_at: UnixMillis,
    /// When it last changed.
    pub updated_at: UnixMillis,
}

/// One entry of an agent's log, as elizaOS' clients read it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LogEntry {
    /// Its id.
    pub id: LogId,
    /// Whose log it is in.
    pub agent_id: AgentId,
    /// Who caused it.
    pub entity_id: EntityId,
    /// Where it happened.
    pub room_id: RoomId,
    /// The run it belongs to.
    pub run_id: Option<RunId>,
    /// What sort: `run_event`, `useModel:TEXT_LARGE`, `action`, …
    pub kind: String,
    /// What it says.
    pub body: Map<String, Value>,
    /// When it was written.
    pub created_at: UnixMillis,
}
