//! The rows that are written when the store is measured: the same for it and for its floor.

use greenroom_actors::facts::{EventKind, Fact, NewEvent};
use greenroom_actors::ids::{AgentId, EntityId, MemoryId, RoomId};
use greenroom_actors::ports::{Clock, SystemClock};
use greenroom_actors::records::{MESSAGES, Memory};
use serde_json::{Map, Value};

/// What a memory says: a line of a conversation of common length.
pub(crate) const TEXT: &str = "The gate of the garden is painted green, and nobody knows by whom; \
                               the neighbours have asked about it twice this week, and were told \
                               that it has always been so.";

/// The content of a memory, as a client sends it.
pub(crate) fn content() -> Map<String, Value> {
    let mut content = Map::new();
    content.insert("text".to_owned(), TEXT.into());
    content.insert("source".to_owned(), "bench".into());
    content
}

/// What an idle tick of an agent leaves.
pub(crate) fn tick(agent_id: AgentId) -> Fact {
    let at = SystemClock.now();
    Fact::Happened(NewEvent { agent_id, at, kind: EventKind::Ticked, data: Map::new() })
}

/// That an agent remembers a line.
pub(crate) fn remembered(agent_id: AgentId) -> Fact {
    Fact::Remembered(Box::new(Memory {
        id: MemoryId::new(),
        agent_id,
        kind: MESSAGES.to_owned(),
        room_id: RoomId(agent_id.0),
        world_id: None,
        entity_id: EntityId(agent_id.0),
        content: content(),
        metadata: Map::new(),
        unique: true,
        created_at: SystemClock.now(),
    }))
}
