//! Tasks.

use greenroom_actors::facts::Fact;
use greenroom_actors::records::Task;
use serde_json::{Value, json};

use super::fields::Fields;
use super::{object, put};

/// A task as it is written.
pub(in super::super) fn task(task: Task) -> Value {
    let Task {
        id, agent_id, name, description, room_id, world_id, entity_id, tags, metadata, ..
    } = task;
    let mut record = object(json!({"id": id, "name": name}));
    put(&mut record, "description", description);
    put(&mut record, "roomId", room_id.map(|id| id.to_string()));
    put(&mut record, "worldId", world_id.map(|id| id.to_string()));
    put(&mut record, "entityId", entity_id.map(|id| id.to_string()));
    put(&mut record, "tags", Some(tags));
    put(&mut record, "metadata", Some(metadata));
    put(&mut record, "agentId", Some(agent_id.to_string()));
    put(&mut record, "createdAt", Some(task.created_at.0));
    put(&mut record, "updatedAt", Some(task.updated_at.0));
    Value::Object(record)
}

/// What a task that is read becomes.
pub(super) fn read(mut fields: Fields<'_>) -> Fact {
    let made_at = fields.made_at();
    Fact::TaskSet(Box::new(Task {
        id: fields.own_id(),
        agent_id: fields.agent(),
        name: fields.text("name").unwrap_or_default(),
        description: fields.text("description"),
        room_id: fields.id(&["roomId", "room_id"]),
        world_id: fields.id(&["worldId", "world_id"]),
        entity_id: fields.id(&["entityId", "entity_id"]),
        tags: fields.texts("tags"),
        metadata: fields.object("metadata").unwrap_or_default(),
        created_at: made_at,
        updated_at: fields.time(&["updatedAt", "updated_at"]).unwrap_or(made_at),
    }))
}
