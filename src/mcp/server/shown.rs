//! What is shown of the core's values, never with a secret in it and never without a bound.

use greenroom_actors::character::{AgentRecord, Character};
use greenroom_actors::ids::NotAnId;
use greenroom_actors::lifecycle::{Lifecycle, State};
use greenroom_actors::texts::cut;
use greenroom_actors::time::UnixMillis;
use rmcp::schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::http::instant;
use crate::http::operator::OperatorError;
use crate::secrets::is_sealed;

/// Entries of a list where nothing is said, and at most.
const PAGE: u32 = 50;
const PAGE_MAX: u32 = 200;

/// What stands where something is not shown.
const HIDDEN: &str = "(hidden)";

/// Fields of a character's MCP servers that hold keys.
const WITH_KEYS: [&str; 2] = ["env", "headers"];

/// The part of a list that is answered.
#[derive(Clone, Copy, Debug)]
pub(super) struct Page {
    pub(super) offset: u32,
    pub(super) limit: u32,
}

impl Page {
    pub(super) fn new(offset: u32, limit: Option<u32>) -> Self {
        Self { offset, limit: limit.unwrap_or(PAGE).min(PAGE_MAX) }
    }
}

/// An agent, as lists show it.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
pub(super) struct AgentView {
    /// Its id.
    id: String,
    /// Its name.
    name: String,
    /// A short name for it, unlike any other agent's.
    handle: String,
    /// stopped, starting, running, paused, stopping or failed.
    state: String,
    /// When it was started.
    started_at: Option<String>,
    /// Milliseconds from one tick to the next, if it acts by itself.
    autonomy_every_ms: Option<u32>,
    /// Why it failed, if it did.
    failure: Option<String>,
    /// When it was made.
    created_at: String,
    /// When its character last changed.
    updated_at: String,
}

impl AgentView {
    pub(super) fn of(record: &AgentRecord, lifecycle: &Lifecycle, state: State) -> Self {
        Self {
            id: record.id.to_string(),
            name: record.character.name.clone(),
            handle: record.handle.clone(),
            state: word(&state),
            started_at: lifecycle.started_at.map(instant::iso),
            autonomy_every_ms: lifecycle.autonomy.map(|autonomy| autonomy.every_ms),
            failure: lifecycle.failure.as_deref().map(str::to_owned),
            created_at: instant::iso(record.created_at),
            updated_at: instant::iso(record.updated_at),
        }
    }

    pub(super) fn listed(record: &AgentRecord) -> Self {
        Self::of(record, &record.lifecycle, record.lifecycle.state())
    }
}

/// A character without its secrets.
pub(super) fn character(character: &Character) -> Map<String, Value> {
    let Ok(Value::Object(mut document)) = serde_json::to_value(character) else {
        return Map::new();
    };
    document.values_mut().for_each(hide_sealed);
    document.remove("secrets");
    if let Some(Value::Object(settings)) = document.get_mut("settings") {
        settings.remove("secrets");
        let servers = settings.get_mut("mcp").and_then(|mcp| mcp.get_mut("servers"));
        let servers = servers.and_then(Value::as_object_mut).into_iter().flatten();
        for (_, server) in servers {
            let Some(server) = server.as_object_mut() else { continue };
            for name in WITH_KEYS {
                if let Some(keys) = server.get_mut(name) {
                    *keys = HIDDEN.into();
                }
            }
        }
    }
    document
}

/// A sealed value tells nobody anything, and is nobody's business.
fn hide_sealed(value: &mut Value) {
    match value {
        Value::String(text) if is_sealed(text) => *value = HIDDEN.into(),
        Value::Array(items) => items.iter_mut().for_each(hide_sealed),
        Value::Object(fields) => fields.values_mut().for_each(hide_sealed),
        _ => {}
    }
}

/// The first `max` bytes of a text, and whether that is not all of it.
pub(super) fn beginning(text: &str, max: usize) -> (String, bool) {
    let shown = cut(text, max);
    (shown.to_owned(), shown.len() < text.len())
}

/// A value of up to `max` bytes as it is, a larger one as the beginning of its text.
pub(super) fn cut_value(value: Value, max: usize) -> Value {
    let text = value.to_string();
    if text.len() <= max { value } else { format!("{} ... (cut off)", cut(&text, max)).into() }
}

/// What a value of an enumeration is called.
pub(super) fn word(value: &impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(Value::String(word)) => word,
        _ => String::new(),
    }
}

pub(super) fn time(at: Option<UnixMillis>) -> Option<String> {
    at.map(instant::iso)
}

/// An id that stands in a field.
pub(super) fn id<T: std::str::FromStr<Err = NotAnId>>(
    field: &'static str,
    text: &str,
) -> Result<T, OperatorError> {
    text.parse()
        .map_err(|error: NotAnId| OperatorError::Invalid { field, reason: error.to_string() })
}

/// A text of 1 to `max` bytes.
pub(super) fn text(field: &'static str, text: &str, max: usize) -> Result<(), OperatorError> {
    if text.trim().is_empty() || text.len() > max {
        let reason = format!("must be a text of 1 to {max} bytes");
        return Err(OperatorError::Invalid { field, reason });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::secrets::Secrets;

    #[test]
    fn a_character_is_shown_without_its_secrets() {
        let mut told: Character = serde_json::from_value(json!({
            "name": "Ada",
            "secrets": {"TOP": "s3cret"},
            "settings": {
                "model": "small",
                "secrets": {"KEY": "s3cret"},
                "mcp": {"servers": {"files": {
                    "command": "npx", "env": {"TOKEN": "s3cret"}, "headers": {"X": "s3cret"},
                }}},
            },
        }))
        .unwrap();
        let secrets = Secrets::new("salt");
        secrets.seal_character(&mut told).unwrap();
        told.topics = Some(vec![secrets.seal("s3cret")]);
        let shown = Value::Object(character(&told));
        assert!(!shown.to_string().contains("s3cret"), "{shown}");
        assert_eq!(shown["settings"]["model"], "small");
        assert_eq!(shown["settings"]["mcp"]["servers"]["files"]["command"], "npx");
        assert_eq!(shown["topics"][0], HIDDEN);
        assert!(shown["settings"].get("secrets").is_none());
    }

    #[test]
    fn what_is_cut_off_is_told() {
        assert_eq!(beginning("aöb", 2), ("a".to_owned(), true));
        assert_eq!(beginning("aöb", 9), ("aöb".to_owned(), false));
        assert_eq!(cut_value(json!({"a": 1}), 9), json!({"a": 1}));
        assert!(cut_value(json!({"a": "xxxx"}), 3).is_string());
    }
}
