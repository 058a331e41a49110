//! Worlds and rooms.

use greenroom_actors::facts::Fact;
use greenroom_actors::ids::{AgentId, RoomId};
use greenroom_actors::records::{Room, World};
use serde_json::{Value, json};

use super::fields::Fields;
use super::{object, put, stub};
use crate::http::instant::iso;

/// What kind of room one is of which nothing is known.
const GROUP: &str = "GROUP";

/// Where rooms came from of which nothing is known.
const NOWHERE: &str = "unknown";

/// A world as it is written.
pub(in super::super) fn world(world: World) -> Value {
    let World { id, agent_id, name, message_server_id, metadata, created_at } = world;
    let mut record = object(json!({"id": id, "agentId": agent_id, "name": name}));
    put(&mut record, "metadata", metadata);
    record.insert("messageServerId".to_owned(), json!(message_server_id));
    put(&mut record, "createdAt", Some(iso(created_at)));
    Value::Object(record)
}

pub(super) fn read_world(mut fields: Fields<'_>) -> Fact {
    Fact::WorldSet(Box::new(World {
        id: fields.own_id(),
        agent_id: fields.agent(),
        name: fields.text("name").unwrap_or_default(),
        message_server_id: server(&mut fields),
        metadata: fields.object("metadata"),
        created_at: fields.made_at(),
    }))
}

/// A room as it is written. Without the time it was made, on which readers over SQL stores fail.
pub(in super::super) fn room(room: Room) -> Value {
    let Room { id, agent_id, name, channel_id, message_server_id, world_id, .. } = room;
    let mut record = object(json!({
        "id": id, "name": name, "channelId": channel_id, "agentId": agent_id,
        "messageServerId": message_server_id
    }));
    put(&mut record, "worldId", world_id.map(|id| id.to_string()));
    put(&mut record, "type", Some(room.kind));
    put(&mut record, "source", Some(room.source));
    record.insert("metadata".to_owned(), room.metadata.map_or(Value::Null, Value::Object));
    put(&mut record, "serverId", message_server_id.map(|id| id.to_string()));
    Value::Object(record)
}

/// What stands for a room that others refer to and that is not there.
pub(in super::super) fn missing_room(id: RoomId, agent: AgentId) -> Value {
    json!({
        "id": id, "name": NOWHERE, "channelId": null, "agentId": agent, "messageServerId": null,
        "type": GROUP, "source": NOWHERE, "metadata": stub()
    })
}

pub(super) fn read_room(mut fields: Fields<'_>) -> Fact {
    let channel_id = fields.foreign_text("channelId");
    Fact::RoomSet(Box::new(Room {
        id: fields.own_id(),
        agent_id: fields.agent(),
        name: fields.text("name").unwrap_or_default(),
        channel_id,
        message_server_id: server(&mut fields),
        world_id: fields.id(&["worldId", "world_id"]),
        kind: fields.word("type").unwrap_or_else(|| GROUP.to_owned()),
        source: fields.word("source").unwrap_or_else(|| NOWHERE.to_owned()),
        metadata: fields.object("metadata"),
        created_at: fields.made_at(),
    }))
}

/// The message server, of which older files speak by another name.
fn server(fields: &mut Fields<'_>) -> Option<uuid::Uuid> {
    fields.foreign_id("messageServerId").or_else(|| fields.foreign_id("serverId"))
}
