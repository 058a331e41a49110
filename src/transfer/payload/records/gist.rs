//! The gist of a record: what it says, however it is written, but for ids and times.

use greenroom_actors::ids::AgentId;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::fields::time;
use super::{OWN, is_stub, trigger};
use crate::transfer::payload::Section;
use crate::transfer::payload::ids::Remap;

/// Keys of a record that say when, or whose it is, or say again what stands elsewhere.
const SAYS_NOTHING: [&str; 7] =
    ["id", "createdAt", "updatedAt", "created_at", "updated_at", "agentId", "agent_id"];

/// Keys that name another record, the second as SQL stores write them.
const REFERENCES: [[&str; 2]; 6] = [
    ["entityId", "entity_id"],
    ["roomId", "room_id"],
    ["worldId", "world_id"],
    ["sourceEntityId", "source_entity_id"],
    ["targetEntityId", "target_entity_id"],
    ["memoryId", "memory_id"],
];

/// Texts that may stand alone where a list of them belongs.
const LISTS: [&str; 2] = ["names", "tags"];

/// What a record says.
pub(in super::super) struct Gist {
    /// Its new id, where it has one that means something.
    pub(in super::super) id: Option<u128>,
    /// What it says.
    pub(in super::super) fields: Map<String, Value>,
}

impl Gist {
    /// The gist of a record of that agent; `remap` makes its ids new unless they are already. `None`
    /// for one that stands there only so that others can refer to it.
    pub(in super::super) fn of(
        section: Section,
        record: Map<String, Value>,
        agent: AgentId,
        remap: Option<&Remap>,
    ) -> Option<Self> {
        if is_stub(&record) {
            return None;
        }
        let new = |old: &str| match remap {
            Some(remap) => remap.id::<Uuid>(old),
            None => Uuid::try_parse(old).ok(),
        };
        let named = |key: &str| record.get(key).and_then(Value::as_str).filter(|id| !id.is_empty());
        let (mut own_id, mut plain) = (named("id"), None);
        if section == Section::Tasks
            && let Some(config) = trigger::config_of(&record)
        {
            own_id = config.get("triggerId").and_then(Value::as_str).or(own_id);
            plain = Some(trigger::gist(config));
        }
        let has_id = !matches!(section, Section::Logs | Section::Participants);
        let id = own_id.filter(|_| has_id).and_then(new).map(|id| id.as_u128());
        if let Some(fields) = plain {
            return Some(Self { id, fields });
        }
        let references = REFERENCES.map(|keys| {
            let id = keys.iter().find_map(|key| named(key)).and_then(new);
            let stands_in = match keys {
                ["entityId", _] => has_entity(section),
                ["roomId", _] => has_room(section),
                _ => false,
            };
            (keys, id.or_else(|| stands_in.then_some(agent.0)))
        });
        let made_at = record.get("createdAt").and_then(time);
        let mut fields = record;
        fields.retain(|key, _| !SAYS_NOTHING.contains(&key.as_str()));
        for ([key, other], id) in references {
            fields.shift_remove(other);
            fields.insert(key.to_owned(), id.map_or(Value::Null, |id| id.to_string().into()));
        }
        complete(section, &mut fields);
        if let Some(remap) = remap {
            fields.values_mut().for_each(|value| remap.rewrite(value));
        }
        if let Some(Value::Object(metadata)) = fields.get_mut("metadata") {
            forgo(metadata, made_at.map(|at| at.0), id);
        }
        fields.retain(|_, value| !is_empty(value));
        Some(Self { id, fields })
    }
}

/// Whether the agent itself is meant where a record of that list names nobody.
fn has_entity(section: Section) -> bool {
    matches!(section, Section::Memories | Section::Components | Section::Logs)
}

/// Whether the agent's own room is meant where a record of that list names none.
fn has_room(section: Section) -> bool {
    has_entity(section) || section == Section::Participants
}

/// Whether a value says nothing.
pub(in super::super) fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(values) => values.is_empty(),
        Value::Object(object) => object.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

/// Says what goes without saying, and takes out what stands there twice.
fn complete(section: Section, fields: &mut Map<String, Value>) {
    let default = |fields: &mut Map<String, Value>, key: &str, value: Value| {
        if fields.get(key).is_none_or(is_empty) {
            fields.insert(key.to_owned(), value);
        }
    };
    match section {
        Section::Entities => drop(fields.shift_remove("components")),
        // A world that is not in the file is not named any more.
        Section::Components => drop(fields.shift_remove("worldId")),
        Section::Rooms => {
            default(fields, "type", json!(super::places::GROUP));
            default(fields, "source", json!(super::places::NOWHERE));
        }
        Section::Logs => default(fields, "type", json!("action")),
        Section::Participants => {
            let state = fields.get("userState").and_then(Value::as_str);
            if !state.is_some_and(|state| super::people::STATES.contains(&state)) {
                fields.shift_remove("userState");
            }
        }
        Section::Memories => {
            let kind = super::memory::kind_of(fields);
            fields.insert("type".to_owned(), kind.into());
            fields.shift_remove(OWN);
            fields.shift_remove("embedding");
            default(fields, "unique", json!(true));
            if let Some(text @ Value::String(_)) = fields.get_mut("content") {
                *text = json!({"text": text.take()});
            }
        }
        Section::Relationships | Section::Worlds | Section::Tasks | Section::Own => {}
    }
    if let Some(server) = fields.shift_remove("serverId") {
        default(fields, "messageServerId", server);
    }
    for key in LISTS {
        if let Some(alone @ Value::String(_)) = fields.get_mut(key) {
            *alone = Value::Array(vec![alone.take()]);
        }
    }
}

/// Takes out what was added for readers that insist on it.
fn forgo(metadata: &mut Map<String, Value>, made_at: Option<i64>, id: Option<u128>) {
    let mut forgo = |key: &str, is_added: &dyn Fn(&Value) -> bool| {
        if metadata.get(key).is_some_and(is_added) {
            metadata.shift_remove(key);
        }
    };
    forgo("timestamp", &|at| at.as_i64() == made_at && made_at.is_some());
    forgo("position", &|position| position.as_i64() == Some(0));
    forgo("documentId", &|document| {
        let document = document.as_str().and_then(|text| Uuid::try_parse(text).ok());
        document.map(|document| document.as_u128()) == id && id.is_some()
    });
}
