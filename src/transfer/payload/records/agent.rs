//! The agent itself: its record, and its character.

use greenroom_actors::character::{AgentRecord, Character, slug};
use greenroom_actors::lifecycle::{Lifecycle, State};
use serde_json::{Map, Value, json};

use super::{Taking, object};
use crate::secrets::Secrets;
use crate::transfer::error::TransferError;
use crate::transfer::payload::survey::Survey;

/// Fields of the character that stand in the agent's record too, in this order.
const IN_RECORD: [&str; 13] = [
    "name",
    "username",
    "system",
    "bio",
    "messageExamples",
    "postExamples",
    "topics",
    "adjectives",
    "knowledge",
    "plugins",
    "settings",
    "style",
    "model",
];

/// Fields of a record that are none of the character.
const OF_RECORD: [&str; 8] =
    ["id", "enabled", "status", "server_id", "createdAt", "updatedAt", "created_at", "updated_at"];

/// The secrets, within a character and within its settings.
const SECRETS: &str = "secrets";

/// The character as it is written: with its secrets open, or without them.
///
/// A secret that does not open was sealed under another key than this host's. It travels as it is.
pub(in super::super) fn character(
    character: &Character,
    secrets: Option<&Secrets>,
) -> Map<String, Value> {
    let mut written = serde_json::to_value(character).map(object).unwrap_or_default();
    written.shift_remove("id");
    written.shift_remove(SECRETS);
    let Some(Value::Object(settings)) = written.get_mut("settings") else { return written };
    match (secrets, settings.get_mut(SECRETS)) {
        (Some(key), Some(Value::Object(sealed))) => {
            for value in sealed.values_mut() {
                if let Some(open) = value.as_str().and_then(|text| key.open(text)) {
                    *value = Value::String(open.to_string());
                }
            }
        }
        _ => {
            settings.shift_remove(SECRETS);
        }
    }
    written
}

/// The agent's record as it is written, where its character is written so.
pub(in super::super) fn agent(
    record: &AgentRecord,
    character: &Map<String, Value>,
) -> Map<String, Value> {
    let is_active = record.lifecycle.state() == State::Running;
    let mut written = object(json!({
        "id": record.id, "enabled": record.enabled,
        "status": if is_active { "active" } else { "inactive" },
        "createdAt": record.created_at, "updatedAt": record.updated_at
    }));
    for key in IN_RECORD {
        if let Some(value) = character.get(key) {
            written.insert(key.to_owned(), value.clone());
        }
    }
    written
}

/// An agent's record laid over its character, without what is none of a character.
pub(in super::super) fn merged(
    record: Map<String, Value>,
    mut character: Map<String, Value>,
) -> Map<String, Value> {
    character.shift_remove(SECRETS);
    character.extend(record.into_iter().filter(|(_, value)| !value.is_null()));
    character.retain(|key, value| !value.is_null() && !OF_RECORD.contains(&key.as_str()));
    character
}

/// The agent that a file describes: stopped, with the secrets sealed anew.
///
/// The record is laid over the character, as the original does it.
///
/// # Errors
/// [`TransferError::Agent`] where there can be no such agent.
pub(in crate::transfer) fn read_agent(
    survey: &mut Survey,
    taking: Taking<'_>,
    secrets: &Secrets,
) -> Result<AgentRecord, TransferError> {
    let own = std::mem::take(&mut survey.agent);
    let mut merged = merged(own, survey.character.take().unwrap_or_default());
    let is_named = merged.get("name").and_then(Value::as_str).is_some_and(|name| !name.is_empty());
    if !is_named {
        merged.insert("name".to_owned(), survey.name().into());
    }
    let mut character = fit(taking.remap.rewritten(merged));
    flatten_secrets(&mut character);
    secrets
        .seal_character(&mut character)
        .map_err(|error| TransferError::Agent(error.to_string()))?;
    character.id = Some(taking.remap.agent());
    check_depth(&character)?;
    Ok(AgentRecord {
        id: taking.remap.agent(),
        handle: slug(&character.name),
        character,
        enabled: true,
        lifecycle: Lifecycle::default(),
        created_at: taking.now,
        updated_at: taking.now,
    })
}

/// Whether the character can be read again once it is kept.
fn check_depth(character: &Character) -> Result<(), TransferError> {
    let failed = |error: serde_json::Error| TransferError::Agent(error.to_string());
    let text = serde_json::to_string(character).map_err(failed)?;
    serde_json::from_str::<Value>(&text).map(drop).map_err(failed)
}

/// The character of that document. What is of a wrong type in it is left out.
fn fit(mut document: Map<String, Value>) -> Character {
    if let Ok(character) = serde_json::from_value(Value::Object(document.clone())) {
        return character;
    }
    document.retain(|key, value| {
        let alone = if key == "name" {
            json!({"name": value})
        } else {
            json!({"name": "", key.as_str(): value})
        };
        serde_json::from_value::<Character>(alone).is_ok()
    });
    serde_json::from_value(Value::Object(document)).unwrap_or_default()
}

/// Secrets are single values here; of others, what they look like as JSON is kept.
fn flatten_secrets(character: &mut Character) {
    for place in [Some(&mut character.extra), character.settings.as_mut()].into_iter().flatten() {
        match place.get_mut(SECRETS) {
            Some(Value::Object(secrets)) => {
                let nested = |secret: &&mut Value| secret.is_array() || secret.is_object();
                for secret in secrets.values_mut().filter(nested) {
                    *secret = Value::String(secret.to_string());
                }
            }
            Some(_) => {
                place.shift_remove(SECRETS);
            }
            None => {}
        }
    }
}
