//! Rooms: places where things are said, as one agent sees them.

use greenroom_actors::agent::Keep;
use greenroom_actors::facts::Fact;
use greenroom_actors::ids::{AgentId, RoomId, WorldId};
use greenroom_actors::records::{Participant, Room, World};
use serde_json::{Map, Value, json};

use super::call::Call;
use super::error::{Doing, ElizaError};
use super::input::Body;
use super::refusal;
use super::wire::{Answer, RoomView, created, ok};

/// `GET …/:agentId/rooms`.
pub(super) async fn list(call: Call) -> Answer {
    let id = call.agent()?;
    call.running(id).await?;
    let page = call.page(&call.query(), u32::MAX);
    let rooms = call.store().rooms(id).await.doing(&refusal::ROOMS)?;
    let views: Vec<_> = page.cut(&rooms).map(RoomView::of).collect();
    ok(json!({"rooms": views}))
}

/// `GET …/:agentId/rooms/:roomId`.
pub(super) async fn get(call: Call) -> Answer {
    let (id, room): (_, RoomId) = call.ids("room", &refusal::AGENT_OR_ROOM_ID)?;
    call.running(id).await?;
    let found = call.store().room(id, room).await.doing(&refusal::ROOMS)?;
    let room = found.ok_or(ElizaError::Refused(&refusal::ROOM_NOT_FOUND))?;
    let world = match room.world_id {
        Some(world) => call.store().world(id, world).await.doing(&refusal::ROOMS)?,
        None => None,
    };
    ok(RoomView::within(&room, world.as_ref()))
}

/// `POST …/:agentId/rooms`.
pub(super) async fn create(call: Call, body: Body) -> Answer {
    let id = call.agent()?;
    let mut fields = body.fields()?;
    let name = fields.words("name")?;
    let kind = fields.words("type")?;
    let source = fields.words("source")?;
    let world_id: Option<WorldId> = fields.id("worldId")?;
    let server: Option<WorldId> = fields.id("messageServerId")?;
    let metadata = fields.object("metadata")?;
    call.running(id).await?;
    let name = name.ok_or(ElizaError::Refused(&refusal::ROOM_NAME))?;
    let now = call.now();
    // Not made of the time, as elizaOS does it: two rooms of one millisecond would be one.
    let room_id: RoomId = call.id_of_new("room");
    let room = Room {
        id: room_id,
        agent_id: id,
        name,
        channel_id: Some(room_id.to_string()),
        message_server_id: server.map(|server| server.0),
        world_id: Some(world_id.unwrap_or_else(|| call.id_of_new("world"))),
        kind: kind.unwrap_or_else(|| "DM".to_owned()),
        source: source.unwrap_or_else(|| "client".to_owned()),
        metadata,
        created_at: now,
    };
    let mut facts = Vec::new();
    if let (None, Some(new)) = (world_id, room.world_id) {
        facts.push(Fact::WorldMet(Box::new(World {
            id: new,
            agent_id: id,
            name: format!("World for {}", room.name),
            message_server_id: room.message_server_id,
            metadata: None,
            created_at: now,
        })));
    }
    // A new one is not there yet, unless it was made under the same key.
    facts.push(Fact::RoomMet(Box::new(room.clone())));
    facts.push(followed(id, &room));
    let kept = call.registry().ask(id, Keep { facts, while_running: true }).await;
    kept.doing(&refusal::ROOM_CREATE)?;
    created(made(&room))
}

/// That the agent takes part in its room, and follows what is said there.
pub(super) fn followed(agent: AgentId, room: &Room) -> Fact {
    Fact::Joined(Participant {
        agent_id: agent,
        room_id: room.id,
        entity_id: agent.into(),
        state: Some("FOLLOWED".to_owned()),
        created_at: room.created_at,
    })
}

/// The answer about a new room holds what it was given, and no more.
fn made(room: &Room) -> Map<String, Value> {
    let mut made = Map::new();
    let mut put = |key: &str, value: Value| drop(made.insert(key.to_owned(), value));
    put("id", json!(room.id));
    put("name", json!(room.name));
    put("agentId", json!(room.agent_id));
    put("createdAt", json!(room.created_at));
    put("updatedAt", json!(room.created_at));
    put("source", json!(room.source));
    put("type", json!(room.kind));
    put("worldId", json!(room.world_id));
    if let Some(server) = room.message_server_id {
        put("messageServerId", json!(server));
    }
    if let Some(metadata) = &room.metadata {
        put("metadata", json!(metadata));
    }
    made
}
