//! Memories.

use greenroom_actors::facts::Fact;
use greenroom_actors::records::{MESSAGES, Memory};
use serde_json::{Map, Value, json};

use super::fields::Fields;
use super::{OWN, object, put};

/// The kinds that a reader goes by what the metadata says of, and how they say it.
const BY_METADATA: [(&str, &str); 5] = [
    ("message", "messages"),
    ("document", "documents"),
    ("fragment", "fragments"),
    ("description", "descriptions"),
    ("custom", "custom"),
];

/// The kind of a memory with that metadata, whatever the memory itself says.
fn kind_by(metadata: &Map<String, Value>) -> Option<&'static str> {
    let word = metadata.get("type")?.as_str()?;
    BY_METADATA.iter().find(|(said, _)| *said == word).map(|(_, kind)| *kind)
}

/// A memory as it is written.
pub(in super::super) fn memory(memory: Memory) -> Value {
    let Memory { id, agent_id, kind, room_id, world_id, entity_id, content, mut metadata, .. } =
        memory;
    // Where readers would go by the metadata alone, we tell ourselves what it really is.
    let own = kind_by(&metadata).filter(|by| *by != kind).map(|_| json!({"kind": kind}));
    complete(&mut metadata, memory.created_at.0, &id.to_string());
    let mut record = object(json!({
        "id": id, "type": kind, "createdAt": memory.created_at, "content": content,
        "entityId": entity_id, "agentId": agent_id, "roomId": room_id
    }));
    put(&mut record, "worldId", world_id.map(|id| id.to_string()));
    put(&mut record, "unique", Some(memory.unique));
    put(&mut record, "metadata", Some(metadata));
    put(&mut record, OWN, own);
    Value::Object(record)
}

/// Adds what readers insist on for documents and fragments.
fn complete(metadata: &mut Map<String, Value>, at: i64, id: &str) {
    match metadata.get("type").and_then(Value::as_str) {
        Some("document") => {
            metadata.entry("timestamp").or_insert_with(|| at.into());
        }
        Some("fragment") => {
            metadata.entry("documentId").or_insert_with(|| id.into());
            metadata.entry("position").or_insert_with(|| 0.into());
        }
        _ => {}
    }
}

/// What a memory that is read becomes.
pub(super) fn read(mut fields: Fields<'_>) -> Fact {
    let content = match fields.look("content") {
        Some(Value::String(text)) => Map::from_iter([("text".to_owned(), text.clone().into())]),
        _ => fields.object("content").unwrap_or_default(),
    };
    let metadata = fields.object("metadata").unwrap_or_default();
    let own = fields.within(OWN).word("kind");
    let kind = own
        .or_else(|| kind_by(&metadata).map(str::to_owned))
        .or_else(|| fields.word("type"))
        .unwrap_or_else(|| MESSAGES.to_owned());
    let at = fields.made_at();
    Fact::Remembered(Box::new(Memory {
        id: fields.own_id(),
        agent_id: fields.agent(),
        kind,
        room_id: fields.room(),
        world_id: fields.id(&["worldId", "world_id"]),
        entity_id: fields.entity(&["entityId", "entity_id"]),
        content,
        metadata,
        unique: fields.bool("unique").unwrap_or(true),
        created_at: at,
        updated_at: at,
    }))
}
