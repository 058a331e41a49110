//! Memories, in the form of the documentation and in that of release 1.7.2.

use std::collections::HashMap;

use greenroom_actors::agent::{AmendMemory, Keep, MemoryPatch};
use greenroom_actors::facts::Fact;
use greenroom_actors::ids::{self, AgentId, EntityId, MemoryId, NotAnId, RoomId, WorldId};
use greenroom_actors::ports::MemoryQuery;
use greenroom_actors::records::{Entity, MESSAGES, Memory, Room};
use greenroom_actors::time::UnixMillis;
use serde_json::{Map, Value, json};

use super::call::{Call, id_of, instant_of};
use super::error::{Doing, ElizaError};
use super::input::{Body, Fields};
use super::refusal;
use super::wire::{Answer, MemoryView, created, nothing, ok};
use crate::http::query::Query;

/// Memories in a list under `/api/agents`, where the query does not say.
const PAGE: u32 = 50;

/// Memories of a room, where the query does not say.
const ROOM_PAGE: u32 = 20;

/// `GET /api/agents/:agentId/memories`: a page of them, and how many there are.
pub(super) async fn page(call: Call) -> Answer {
    let (query, text) = wanted(&call, PAGE).await?;
    let count = call.store().count_memories(query.clone());
    let memories = call.store().memories(query.clone()).await.doing(&refusal::MEMORIES)?;
    let total = count.await.doing(&refusal::MEMORIES)?;
    let memories = shown(&call, query.agent_id, &memories, &text).await?;
    ok(json!({"memories": memories, "total": total}))
}

/// `GET /api/memory/:agentId/memories`: all of them, which the real web client relies on.
pub(super) async fn all(call: Call) -> Answer {
    let (query, text) = wanted(&call, u32::MAX).await?;
    let agent = query.agent_id;
    let memories = call.store().memories(query).await.doing(&refusal::MEMORIES)?;
    let memories = shown(&call, agent, &memories, &text).await?;
    ok(json!({"memories": memories}))
}

/// Which memories a query asks for.
async fn wanted(call: &Call, default: u32) -> Result<(MemoryQuery, Query), ElizaError> {
    let id = call.id("agent", &refusal::AGENT_ID_SHORT)?;
    let query = call.query();
    let channel: Option<RoomId> = id_of(&query, "channelId", &refusal::CHANNEL_ID)?;
    let room = id_of(&query, "roomId", &refusal::ROOM_ID)?;
    let other_name = id_of(&query, "room", &refusal::ROOM_ID)?;
    let (before, after) = (instant_of(&query, "before")?, instant_of(&query, "after")?);
    call.running(id).await?;
    let page = call.page(&query, default);
    let wanted = MemoryQuery {
        kind: Some(kind_of(query.get("tableName").or_else(|| query.get("type")))),
        room_id: channel.map(|channel| seen(id, channel)).or(room).or(other_name),
        entity_id: None,
        before,
        after,
        offset: page.offset,
        ..MemoryQuery::of(id, page.limit)
    };
    Ok((wanted, query))
}

/// The kind that a client means: the documentation says `message` where 1.7.2 says `messages`.
fn kind_of(name: Option<&str>) -> String {
    match name {
        None | Some("message") => MESSAGES.to_owned(),
        Some(other) => other.to_owned(),
    }
}

/// The room that stands for a channel in the eyes of an agent.
fn seen(agent: AgentId, channel: RoomId) -> RoomId {
    RoomId(ids::seen_by(agent, &channel.to_string()))
}

/// `GET …/:agentId/rooms/:roomId/memories`, where the room is named by its channel.
pub(super) async fn of_channel(call: Call) -> Answer {
    let (id, channel) = call.ids("room", &refusal::AGENT_OR_CHANNEL_ID)?;
    let query = call.query();
    let before = instant_of(&query, "before")?;
    call.running(id).await?;
    let page = call.page(&query, ROOM_PAGE);
    let wanted = MemoryQuery {
        kind: Some(kind_of(query.get("tableName"))),
        room_id: Some(seen(id, channel)),
        before,
        offset: page.offset,
        ..MemoryQuery::of(id, page.limit)
    };
    let memories = call.store().memories(wanted).await.doing(&refusal::MEMORIES)?;
    let memories = shown(&call, id, &memories, &query).await?;
    ok(json!({"memories": memories, "success": true, "data": memories}))
}

/// Memories as they are shown, with their embeddings if the query asks for them.
async fn shown(
    call: &Call,
    agent: AgentId,
    memories: &[Memory],
    query: &Query,
) -> Result<Value, ElizaError> {
    let mut embeddings = HashMap::new();
    if query.get("includeEmbedding") == Some("true") {
        let ids = memories.iter().map(|memory| memory.id).collect();
        let found = call.store().embeddings(agent, ids).await.doing(&refusal::MEMORIES)?;
        embeddings.extend(found);
    }
    let views: Vec<_> = memories
        .iter()
        .map(|memory| {
            let embedding = embeddings.get(&memory.id);
            MemoryView::with(memory, embedding.map(|embedding| embedding.vector.as_slice()))
        })
        .collect();
    Ok(json!(views))
}

/// `GET …/:agentId/memories/:memoryId`.
pub(super) async fn get(call: Call) -> Answer {
    let (id, memory) = call.ids("memory", &refusal::AGENT_OR_MEMORY_ID)?;
    call.running(id).await?;
    let found = call.store().memory(id, memory).await.doing(&refusal::MEMORIES)?;
    let memory = found.ok_or(ElizaError::Refused(&refusal::MEMORY_NOT_FOUND))?;
    ok(told(&memory, "memory", json!(MemoryView::of(&memory))))
}

/// A memory with something beside its own fields.
fn told(memory: &Memory, name: &str, beside: Value) -> Value {
    let mut view = json!(MemoryView::of(memory));
    if let Some(view) = view.as_object_mut() {
        view.insert(name.to_owned(), beside);
    }
    view
}

/// `POST …/:agentId/memories`.
pub(super) async fn create(call: Call, body: Body) -> Answer {
    let id = call.agent()?;
    let now = call.now();
    let memory = made(id, body.fields()?, now)?;
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

fn made(agent: AgentId, mut fields: Fields, now: UnixMillis) -> Result<Memory, ElizaError> {
    let kind = fields.words("type")?;
    let content = fields.object("content")?;
    let content = content.ok_or_else(|| ElizaError::field("content", "is required"))?;
    check_content(&content)?;
    let room: Option<RoomId> = fields.id("roomId")?;
    let entity: Option<EntityId> = fields.id("entityId")?;
    Ok(Memory {
        id: MemoryId::new(),
        agent_id: agent,
        kind: kind_of(kind.as_deref()),
        room_id: room.unwrap_or(RoomId(agent.0)),
        world_id: fields.id("worldId")?,
        entity_id: entity.unwrap_or(agent.into()),
        content,
        metadata: fields.object("metadata")?.unwrap_or_default(),
        unique: fields.flag("unique")?.unwrap_or(true),
        created_at: now,
    })
}

/// What is said must be a text, where it is there at all: models and search read it as one.
fn check_content(content: &Map<String, Value>) -> Result<(), ElizaError> {
    match content.get("text") {
        None | Some(Value::Null | Value::String(_)) => Ok(()),
        Some(other) => Err(super::input::wrong("content.text", "a string", other)),
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

/// `DELETE …/:agentId/memories`.
pub(super) async fn clear(call: Call) -> Answer {
    let id = call.id("agent", &refusal::AGENT_ID_SHORT)?;
    let facts = vec![Fact::ForgotAll { agent_id: id, kind: None, room_id: None }];
    let deleted = forget(&call, id, facts).await?;
    ok(json!({"deleted": deleted, "message": "All agent memories cleared successfully"}))
}

/// `DELETE …/:agentId/memories/all/:roomId`, where the room may be named by its channel.
pub(super) async fn clear_room(call: Call) -> Answer {
    let id = call.id("agent", &refusal::AGENT_ID_SHORT)?;
    let room: RoomId = call.id("room", &refusal::ROOM_ID_SHORT)?;
    let facts = [room, seen(id, room)].map(|room| Fact::ForgotAll {
        agent_id: id,
        kind: None,
        room_id: Some(room),
    });
    forget(&call, id, facts.into()).await?;
    nothing()
}

/// `DELETE …/:agentId/memories/:memoryId`.
pub(super) async fn remove(call: Call) -> Answer {
    let (id, memory_id) = call.ids("memory", &refusal::AGENT_OR_MEMORY_ID)?;
    forget(&call, id, vec![Fact::Forgot { agent_id: id, memory_id }]).await?;
    ok(json!({"message": "Memory deleted successfully"}))
}

async fn forget(call: &Call, id: AgentId, facts: Vec<Fact>) -> Result<u64, ElizaError> {
    let kept = call.registry().ask(id, Keep { facts, while_running: true }).await;
    Ok(kept.doing(&refusal::MEMORY_DELETE)?.affected.iter().sum())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(value: Value) -> Fields {
        Body(Some(value)).fields().unwrap()
    }

    #[test]
    fn a_memory_needs_a_content_and_nothing_else() {
        let agent = AgentId::new();
        let memory = made(agent, fields(json!({"content": {"text": "x"}})), UnixMillis(5)).unwrap();
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
            let refused = made(agent, fields(body), UnixMillis(5)).unwrap_err().to_string();
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
