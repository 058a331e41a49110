//! Bodies of answers.

use std::borrow::Cow;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::CONTENT_TYPE;
use greenroom_actors::ids::{AgentId, EntityId, LogId, MemoryId, RoomId, WorldId};
use greenroom_actors::records::{LogEntry, Memory, Room, World};
use greenroom_actors::time::UnixMillis;
use serde::Serialize;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::error::ElizaError;
use super::refusal;
use crate::http::instant;
use crate::media::with_urls;

/// What a handler answers.
pub(super) type Answer = Result<HttpResponse, ElizaError>;

/// The media type of every JSON answer.
pub(super) const JSON: &str = "application/json; charset=utf-8";

/// The envelope of a success.
#[derive(Serialize)]
pub(super) struct Success<T> {
    success: bool,
    data: T,
}

impl<T: Serialize> Success<T> {
    pub(super) fn new(data: T) -> Self {
        Self { success: true, data }
    }
}

/// 200 with the envelope of a success.
pub(super) fn ok(data: impl Serialize) -> Answer {
    json(StatusCode::OK, &Success::new(data))
}

/// 201 with the envelope of a success.
pub(super) fn created(data: impl Serialize) -> Answer {
    json(StatusCode::CREATED, &Success::new(data))
}

/// 204 and nothing.
pub(super) fn nothing() -> Answer {
    Ok(HttpResponse::NoContent().finish())
}

/// A body without an envelope.
pub(super) fn json(status: StatusCode, body: &impl Serialize) -> Answer {
    let body = to_json(body)?;
    Ok(HttpResponse::build(status).insert_header((CONTENT_TYPE, JSON)).body(body))
}

/// The text of a body.
pub(super) fn to_json(body: &impl Serialize) -> Result<Vec<u8>, ElizaError> {
    // Only a map whose keys are no texts could fail, and there is none.
    serde_json::to_vec(body).map_err(|_unspeakable| (&refusal::INTERNAL).into())
}

/// A memory.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct MemoryView<'a> {
    id: MemoryId,
    #[serde(rename = "type")]
    kind: &'a str,
    created_at: UnixMillis,
    updated_at: UnixMillis,
    content: Cow<'a, Map<String, Value>>,
    entity_id: EntityId,
    agent_id: AgentId,
    room_id: RoomId,
    #[serde(skip_serializing_if = "Option::is_none")]
    world_id: Option<WorldId>,
    unique: bool,
    metadata: &'a Map<String, Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    embedding: Option<&'a [f32]>,
}

impl<'a> MemoryView<'a> {
    pub(super) fn of(memory: &'a Memory) -> Self {
        Self::with(memory, None)
    }

    pub(super) fn with(memory: &'a Memory, embedding: Option<&'a [f32]>) -> Self {
        Self {
            id: memory.id,
            kind: &memory.kind,
            created_at: memory.created_at,
            updated_at: memory.updated_at,
            content: with_urls(&memory.content),
            entity_id: memory.entity_id,
            agent_id: memory.agent_id,
            room_id: memory.room_id,
            world_id: memory.world_id,
            unique: memory.unique,
            metadata: &memory.metadata,
            embedding,
        }
    }
}

/// A room.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RoomView<'a> {
    id: RoomId,
    name: &'a str,
    channel_id: String,
    agent_id: AgentId,
    message_server_id: Option<Uuid>,
    world_id: Option<WorldId>,
    #[serde(rename = "type")]
    kind: &'a str,
    source: &'a str,
    metadata: Option<&'a Map<String, Value>>,
    server_id: Option<Uuid>,
    created_at: UnixMillis,
    /// The same: a room does not keep when it was changed.
    updated_at: UnixMillis,
    #[serde(skip_serializing_if = "Option::is_none")]
    world_name: Option<&'a str>,
}

impl<'a> RoomView<'a> {
    pub(super) fn of(room: &'a Room) -> Self {
        Self::within(room, None)
    }

    pub(super) fn within(room: &'a Room, world: Option<&'a World>) -> Self {
        Self {
            id: room.id,
            name: &room.name,
            channel_id: room.channel_id.clone().unwrap_or_else(|| room.id.to_string()),
            agent_id: room.agent_id,
            message_server_id: room.message_server_id,
            world_id: room.world_id,
            kind: &room.kind,
            source: &room.source,
            metadata: room.metadata.as_ref(),
            server_id: room.message_server_id,
            created_at: room.created_at,
            updated_at: room.created_at,
            world_name: world.map(|world| world.name.as_str()),
        }
    }
}

/// A world.
#[derive(Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct WorldView<'a> {
    id: WorldId,
    agent_id: AgentId,
    name: &'a str,
    metadata: Option<&'a Map<String, Value>>,
    message_server_id: Option<Uuid>,
    created_at: String,
}

impl<'a> WorldView<'a> {
    pub(super) fn of(world: &'a World) -> Self {
        Self {
            id: world.id,
            agent_id: world.agent_id,
            name: &world.name,
            metadata: world.metadata.as_ref(),
            message_server_id: world.message_server_id,
            created_at: instant::iso(world.created_at),
        }
    }
}

/// An entry of an agent's log.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct LogView<'a> {
    id: LogId,
    created_at: UnixMillis,
    entity_id: EntityId,
    room_id: RoomId,
    #[serde(rename = "type")]
    kind: &'a str,
    body: &'a Map<String, Value>,
}

impl<'a> LogView<'a> {
    pub(super) fn of(entry: &'a LogEntry) -> Self {
        Self {
            id: entry.id,
            created_at: entry.created_at,
            entity_id: entry.entity_id,
            room_id: entry.room_id,
            kind: &entry.kind,
            body: &entry.body,
        }
    }
}
