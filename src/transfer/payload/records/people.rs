//! Entities, and what is known of them.

use greenroom_actors::facts::Fact;
use greenroom_actors::ids::{AgentId, EntityId, LogId};
use greenroom_actors::records::{Component, Entity, LogEntry, Participant, Relationship};
use serde_json::{Value, json};

use super::fields::Fields;
use super::{OWN, Read, object, put, stub};
use crate::http::instant::iso;

/// The states of a participant that mean something.
const STATES: [&str; 2] = ["FOLLOWED", "MUTED"];

/// The key of the run that an entry of a log belongs to.
const RUN: &str = "runId";

/// What stands as the name of somebody of whom nothing but an id is known.
const NOBODY: &str = "unknown";

/// The keys of who is meant, twice over as SQL stores write them.
const ENTITY: [&str; 2] = ["entityId", "entity_id"];
const SOURCE: [&str; 2] = ["sourceEntityId", "source_entity_id"];
const TARGET: [&str; 2] = ["targetEntityId", "target_entity_id"];

/// An entity as it is written. Without the time they met, on which readers over SQL stores fail.
pub(in super::super) fn entity(entity: Entity) -> Value {
    let Entity { id, agent_id, names, metadata, .. } = entity;
    json!({"id": id, "agentId": agent_id, "names": names, "metadata": metadata, "components": []})
}

/// What stands for an entity that others refer to and that is not there.
pub(in super::super) fn missing_entity(id: EntityId, agent: AgentId, name: &str) -> Value {
    // The agent itself is one that it need not have met.
    let name = if id.0 == agent.0 { name } else { NOBODY };
    json!({"id": id, "agentId": agent, "names": [name], "metadata": stub(), "components": []})
}

pub(super) fn read_entity(mut fields: Fields<'_>) -> Fact {
    Fact::EntitySet(Box::new(Entity {
        id: fields.own_id(),
        agent_id: fields.agent(),
        names: fields.texts("names"),
        metadata: fields.object("metadata").unwrap_or_default(),
        created_at: fields.made_at(),
    }))
}

/// A participant as it is written.
pub(in super::super) fn participant(participant: Participant) -> Value {
    let Participant { room_id, entity_id, state, .. } = participant;
    json!({"entityId": entity_id, "roomId": room_id, "userState": state})
}

pub(super) fn read_participant(mut fields: Fields<'_>) -> Read {
    let Some(entity_id) = fields.id(&ENTITY) else { return Read::Nothing };
    Read::Fact(Fact::Joined(Participant {
        agent_id: fields.agent(),
        room_id: fields.room(),
        entity_id,
        state: fields.text("userState").filter(|state| STATES.contains(&state.as_str())),
        created_at: fields.now(),
    }))
}

/// A component as it is written, with the world it holds in only where that `is_world`.
pub(in super::super) fn component(component: Component, is_world: bool) -> Value {
    let Component { id, agent_id, entity_id, room_id, source_entity_id, kind, data, .. } =
        component;
    let world_id = component.world_id.filter(|_| is_world);
    json!({
        "id": id, "entityId": entity_id, "type": kind, "data": data, "worldId": world_id,
        "agentId": agent_id, "roomId": room_id, "sourceEntityId": source_entity_id,
        "createdAt": component.created_at
    })
}

pub(super) fn read_component(mut fields: Fields<'_>) -> Fact {
    Fact::ComponentSet(Box::new(Component {
        id: fields.own_id(),
        agent_id: fields.agent(),
        entity_id: fields.entity(&ENTITY),
        room_id: fields.room(),
        world_id: fields.id(&["worldId", "world_id"]),
        source_entity_id: fields.id(&SOURCE),
        kind: fields.text("type").unwrap_or_default(),
        data: fields.object("data").unwrap_or_default(),
        created_at: fields.made_at(),
    }))
}

/// A relationship as it is written.
pub(in super::super) fn relationship(relationship: Relationship) -> Value {
    let Relationship { id, agent_id, source_entity_id, target_entity_id, tags, metadata, .. } =
        relationship;
    json!({
        "id": id, "sourceEntityId": source_entity_id, "targetEntityId": target_entity_id,
        "agentId": agent_id, "tags": tags, "metadata": metadata,
        "createdAt": iso(relationship.created_at)
    })
}

pub(super) fn read_relationship(mut fields: Fields<'_>) -> Fact {
    Fact::RelationshipSet(Box::new(Relationship {
        id: fields.own_id(),
        agent_id: fields.agent(),
        source_entity_id: fields.entity(&SOURCE),
        target_entity_id: fields.entity(&TARGET),
        tags: fields.texts("tags"),
        metadata: fields.object("metadata").unwrap_or_default(),
        created_at: fields.made_at(),
    }))
}

/// An entry of a log as it is written.
pub(in super::super) fn log(entry: LogEntry) -> Value {
    let LogEntry { id, entity_id, room_id, run_id, kind, body, created_at, .. } = entry;
    // Other readers look for the run in the body alone.
    let own = run_id.filter(|_| !body.contains_key(RUN)).map(|run| json!({RUN: run}));
    let mut record = object(json!({"id": id, "createdAt": iso(created_at), "entityId": entity_id}));
    put(&mut record, "roomId", Some(room_id.to_string()));
    put(&mut record, "type", Some(kind));
    put(&mut record, "body", Some(body));
    put(&mut record, OWN, own);
    Value::Object(record)
}

pub(super) fn read_log(mut fields: Fields<'_>) -> Fact {
    let body = fields.object("body").unwrap_or_default();
    let own = fields.within(OWN).word(RUN);
    let run = own.as_deref().or_else(|| body.get(RUN)?.as_str());
    let run_id = run.and_then(|run| run.parse().ok());
    Fact::Logged(Box::new(LogEntry {
        id: LogId::new(),
        agent_id: fields.agent(),
        entity_id: fields.entity(&ENTITY),
        room_id: fields.room(),
        run_id,
        kind: fields.word("type").unwrap_or_else(|| "action".to_owned()),
        body,
        created_at: fields.made_at(),
    }))
}
