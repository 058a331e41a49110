//! Memories, in the form of the documentation and in that of release 1.7.2.

use std::collections::HashMap;

use greenroom_actors::agent::Keep;
use greenroom_actors::facts::Fact;
use greenroom_actors::ids::{self, AgentId, RoomId};
use greenroom_actors::ports::MemoryQuery;
use greenroom_actors::records::{MESSAGES, Memory};
use serde_json::{Value, json};

use super::call::{Call, id_of, instant_of};
use super::error::{Doing, ElizaError};
use super::refusal;
use super::wire::{Answer, MemoryView, ok};
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
pub(super) fn kind_of(name: Option<&str>) -> String {
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
pub(super) fn told(memory: &Memory, name: &str, beside: Value) -> Value {
    let mut view = json!(MemoryView::of(memory));
    if let Some(view) = view.as_object_mut() {
        view.insert(name.to_owned(), beside);
    }
    view
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
    let deleted = forget(&call, id, facts.into()).await?;
    ok(json!({"success": true, "deleted": deleted}))
}

/// `DELETE …/:agentId/memories/:memoryId`.
pub(super) async fn remove(call: Call) -> Answer {
    let (id, memory_id) = call.ids("memory", &refusal::AGENT_OR_MEMORY_ID)?;
    forget(&call, id, vec![Fact::Forgot { agent_id: id, memory_id }]).await?;
    ok(json!({"message": "Memory deleted successfully", "success": true}))
}

async fn forget(call: &Call, id: AgentId, facts: Vec<Fact>) -> Result<u64, ElizaError> {
    let kept = call.registry().ask(id, Keep { facts, while_running: true }).await;
    Ok(kept.doing(&refusal::MEMORY_DELETE)?.affected.iter().sum())
}
