//! What two files of one agent have in common, and what two agents that are one in two places: all but
//! ids, times and the order of records.

use std::collections::BTreeMap;

use futures::StreamExt;
use greenroom_actors::ids::AgentId;
use greenroom_actors::ports::{Kept, SnapshotQuery};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::Home;
use crate::transfer::payload::written_head;

/// Keys that hold times, or what follows from them.
const TIMES: [&str; 10] = [
    "createdAt",
    "updatedAt",
    "exportedAt",
    "nextRunAtMs",
    "updateInterval",
    "timestamp",
    "dedupeKey",
    "created_at",
    "updated_at",
    "next_due_at",
];

/// Everything that a store keeps of an agent, in the same way. Without what a file adds to it for
/// readers' sake, and without the world of a component where there is no such world, which no file has.
pub(super) async fn kept(home: &Home, agent: AgentId) -> Value {
    let query = SnapshotQuery { agent, logs: true, embeddings: true };
    let mut pages = home.registry.store().snapshot(query);
    let mut all = json!({"sourceAgentId": agent});
    while let Some(page) = pages.next().await {
        for kept in page.unwrap() {
            let (list, record) = match kept {
                Kept::Agent(agent) => {
                    let character = &written_head(&agent, &home.transfer.inner.secrets)[1];
                    ("agent", serde_json::from_str(character).unwrap())
                }
                Kept::MissingEntity(_) | Kept::MissingRoom(_) => continue,
                Kept::Entity(entity) => ("entities", json!(entity)),
                Kept::Memory(memory, embedding) => {
                    let vector = embedding.map(|found| json!([found.embedder, found.vector]));
                    let mut memory = json!(memory);
                    memory["vector"] = json!(vector);
                    let metadata = memory["metadata"].as_object_mut().unwrap();
                    metadata.retain(|key, _| key != "documentId" && key != "position");
                    ("memories", memory)
                }
                Kept::Component(component) => ("components", json!(component)),
                Kept::Room(room) => ("rooms", json!(room)),
                Kept::Participant(participant) => ("participants", json!(participant)),
                Kept::Relationship(ties) => ("relationships", json!(ties)),
                Kept::World(world) => ("worlds", json!(world)),
                Kept::Task(task) => ("tasks", json!(task)),
                Kept::Trigger(trigger) => ("triggers", json!(trigger)),
                Kept::Goal(goal) => ("greenroom", json!(goal)),
                Kept::Log(entry) => ("logs", json!(entry)),
            };
            let lists = all.as_object_mut().unwrap();
            let records = lists.entry(list).or_insert_with(|| json!([]));
            records.as_array_mut().unwrap().push(record);
        }
    }
    let worlds = all["worlds"].as_array().cloned().unwrap_or_default();
    for component in all["components"].as_array_mut().into_iter().flatten() {
        if !worlds.iter().any(|world| world["id"] == component["worldId"]) {
            component["worldId"] = Value::Null;
        }
    }
    canonical(all)
}

/// A payload, its records told by what they say and not by their ids.
pub(super) fn canonical(mut payload: Value) -> Value {
    let mut names = BTreeMap::new();
    for (list, records) in payload.as_object().unwrap() {
        for record in records.as_array().into_iter().flatten() {
            if let (Some(id), Some(name)) = (record["id"].as_str(), name(list, record)) {
                names.insert(id.to_owned(), format!("{list} {name}"));
            }
        }
    }
    names.insert(payload["sourceAgentId"].as_str().unwrap().to_owned(), "agent".to_owned());
    rename(&mut payload, &names);
    for records in payload.as_object_mut().unwrap().values_mut() {
        if let Value::Array(records) = records {
            records.sort_by_key(Value::to_string);
        }
    }
    payload
}

/// What tells a record of that list from others.
fn name(list: &str, record: &Value) -> Option<String> {
    let told = match list {
        "entities" => &record["names"][0],
        "memories" => &record["content"]["label"],
        "components" => &record["data"]["label"],
        "rooms" | "worlds" | "triggers" => &record["name"],
        "relationships" => &record["tags"][0],
        "tasks" => &record["description"],
        "greenroom" => &record["text"],
        // Their ids mean nothing to anybody.
        _ => return Some(String::new()),
    };
    told.as_str().map(str::to_owned)
}

fn rename(value: &mut Value, names: &BTreeMap<String, String>) {
    let renamed = |text: &str| match names.get(text) {
        Some(name) => Some(name.clone()),
        None => text.parse::<Uuid>().is_ok().then(|| "unknown id".to_owned()),
    };
    match value {
        Value::String(text) => {
            if let Some(name) = renamed(text) {
                *text = name;
            }
        }
        Value::Array(values) => values.iter_mut().for_each(|value| rename(value, names)),
        Value::Object(object) => {
            let fields = std::mem::take(object).into_iter();
            let kept = fields.filter(|(key, _)| !TIMES.contains(&key.as_str()));
            *object = kept
                .map(|(key, mut value)| {
                    rename(&mut value, names);
                    (renamed(&key).unwrap_or(key), value)
                })
                .collect::<Map<_, _>>();
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
