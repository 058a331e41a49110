//! What two files of one agent have in common: all but ids, times and the order of records.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use uuid::Uuid;

/// Keys that hold times, or what follows from them.
const TIMES: [&str; 7] = [
    "createdAt",
    "updatedAt",
    "exportedAt",
    "nextRunAtMs",
    "updateInterval",
    "timestamp",
    "dedupeKey",
];

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
        "rooms" | "worlds" => &record["name"],
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
