//! Memories that clients make and change.

use greenroom_actors::agent::{AmendMemory, Keep, MemoryPatch};
use greenroom_actors::facts::Fact;
use greenroom_actors::ids::{AgentId, EntityId, MemoryId, NotAnId, RoomId, WorldId};
use greenroom_actors::records::{Entity, Memory, Room};
use greenroom_actors::time::UnixMillis;
use serde_json::{Map, Value, json};

use super::call::Call;
use super::error::{Doing, ElizaError};
use super::input::{self, Body, Fields};
use super::memories::{kind_of, told};
use super::refusal;
use super::wire::{Answer, MemoryView, created, ok};
use crate::http::idempotency::Keyed;

/// `POST …/:agentId/memories`.
pub(super) async fn create(call: Call, body: Body) -> Answer {
    let id = call.agent()?;
    let now = call.now();
    let memory_id = call.id_of_new("memory");
    let memory = made(memory_id, id, body.fields()?, now)?;
    // Made before under the same key, and perhaps changed since.
    if Keyed::of(call.request()).is_some()
        && let Some(known) = call.store().memory(id, memory_id).await?
    {
        return created(MemoryView::of(&known));
    }
    let mut facts = Vec::with_capacity(3);
    // Whoever is named is met, as elizaOS' runtime does with whom it hears of.
    if memory.room_id.0 != id.0 {
        facts.push(Fact::RoomMet(Box::new(met_room(&memory))));
    }
    if memory.entity_id.0 != id.0 {
        facts.push(Fact::EntityMet(Box::new(met_entity(&memory))));
    }
    facts.push(Fact::Remembered(Box::new(memory.clone())));
    let kept = call.registry().ask(id, Keep { facts, while_running: true }).await;
    kept.doing(&refusal::MEMORIES)?;
    created(MemoryView::of(&memory))
}

fn made(
    id: MemoryId,
    agent: AgentId,
    mut fields: Fields,
    now: UnixMillis,
) -> Result<Memory, ElizaError> {
    let kind = fields.words("type")?;
    let content = fields.object("content")?;
    let content = content.ok_or_else(|| ElizaError::field("content", "is required"))?;
    check_content(&content)?;
    let room: Option<RoomId> = fields.id("roomId")?;
    let entity: Option<EntityId> = fields.id("entityId")?;
    Ok(Memory {
        id,
        agent_id: agent,
        kind: kind_of(kind.as_deref()),
        room_id: room.unwrap_or(RoomId(agent.0)),
        world_id: fields.id("worldId")?,
        entity_id: entity.unwrap_or(agent.into()),
        content,
        metadata: fields.object("metadata")?.unwrap_or_default(),
        unique: fields.flag("unique")?.unwrap_or(true),
        created_at: now,
        updated_at: now,
    })
}

/// What is said must be a text, where it is there at all: models and search read it as one.
fn check_content(content: &Map<String, Value>) -> Result<(), ElizaError> {
    match content.get("text") {
        None | Some(Value::Null | Value::String(_)) => Ok(()),
        Some(other) => Err(input::wrong("content.text", "a string", other)),
    }
}

/// What an agent knows of a room that it only hears of.
fn met_room(memory: &Memory) -> Room {
    let id = memory.room_id;
    Room {
        id,
        agent_id: memory.agent_id,
        name: format!("Room {}", start_of(id)),
        channel_id: Some(id.to_string()),
        message_server_id: None,
        world_id: memory.world_id,
        kind: "API".to_owned(),
        source: "api".to_owned(),
        metadata: None,
        created_at: memory.created_at,
    }
}

/// What an agent knows of somebody it only hears of.
fn met_entity(memory: &Memory) -> Entity {
    Entity {
        id: memory.entity_id,
        agent_id: memory.agent_id,
        names: vec![format!("User-{}", start_of(memory.entity_id))],
        metadata: Map::new(),
        created_at: memory.created_at,
    }
}

/// The first eight characters of an id.
fn start_of(id: impl ToString) -> String {
    id.to_string().chars().take(8).collect()
}

/// `PATCH …/:agentId/memories/:memoryId`.
pub(super) async fn patch(call: Call, body: Body) -> Answer {
    let (agent, id): (_, MemoryId) = call.ids("memory", &refusal::AGENT_OR_MEMORY_ID)?;
    let patch = patch_of(body.fields()?)?;
    let amended = call.registry().ask(agent, AmendMemory { id, patch }).await;
    let words = json!("Memory updated successfully");
    match amended.doing(&refusal::MEMORY_UPDATE)? {
        Some(memory) => ok(told(&memory, "message", words)),
        None => ok(json!({"id": id, "message": words})),
    }
}

fn patch_of(mut fields: Fields) -> Result<MemoryPatch, ElizaError> {
    let content = fields.object("content")?;
    content.as_ref().map_or(Ok(()), check_content)?;
    Ok(MemoryPatch {
        content,
        metadata: fields.object("metadata")?,
        room_id: id_or_nothing(&mut fields, "roomId")?,
        entity_id: id_or_nothing(&mut fields, "entityId")?,
        world_id: id_or_nothing::<WorldId>(&mut fields, "worldId")?,
        unique: fields.flag("unique")?,
    })
}

/// An id; a text that is none counts as absent, as elizaOS has it here.
fn id_or_nothing<T: std::str::FromStr<Err = NotAnId>>(
    fields: &mut Fields,
    name: &str,
) -> Result<Option<T>, ElizaError> {
    Ok(fields.text(name)?.and_then(|text| text.parse().ok()))
}

#[cfg(test)]
mod tests {
    use greenroom_actors::records::MESSAGES;

    use super::*;

    fn fields(value: Value) -> Fields {
        Body(Some(value)).fields().unwrap()
    }

    #[test]
    fn a_memory_needs_a_content_and_nothing_else() {
        let agent = AgentId::new();
        let memory =
            made(MemoryId::new(), agent, fields(json!({"content": {"text": "x"}})), UnixMillis(5))
                .unwrap();
        assert_eq!((memory.kind.as_str(), memory.room_id.0), (MESSAGES, agent.0));
        assert_eq!((memory.entity_id.0, memory.created_at), (agent.0, UnixMillis(5)));
        for (body, words) in [
            (json!({}), "content: is required"),
            (json!({"content": "x"}), "content: expected an object, received a string"),
            (json!({"content": {"text": 5}}), "content.text: expected a string, received a number"),
            (json!({"content": {}, "roomId": "x"}), "roomId: not an id"),
            (json!({"content": {}, "entityId": 5}), "entityId: expected a string"),
            (json!({"content": {}, "metadata": []}), "metadata: expected an object"),
            (json!({"content": {}, "type": 5}), "type: expected a string"),
        ] {
            let refused =
                made(MemoryId::new(), agent, fields(body), UnixMillis(5)).unwrap_err().to_string();
            assert!(refused.starts_with(words), "{refused}");
        }
    }

    #[test]
    fn a_patch_drops_ids_that_are_none_and_refuses_wrong_types() {
        let patch = patch_of(fields(json!({"id": "y", "roomId": "x", "content": {"a": 1}})));
        let patch = patch.unwrap();
        assert_eq!((patch.room_id, patch.content.unwrap().len()), (None, 1));
        for body in [json!({"content": 1}), json!({"metadata": "x"}), json!({"roomId": 5})] {
            assert!(patch_of(fields(body)).is_err());
        }
    }
}
