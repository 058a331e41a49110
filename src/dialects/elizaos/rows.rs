//! An agent as clients know it: one row of elizaOS' table of agents.
//!
//! Reading one agent is the request that clients make most, so its text is kept until the agent's
//! record is another one.

use std::sync::Arc;

use actix_web::HttpResponse;
use actix_web::http::header::{CONTENT_TYPE, ETAG, HeaderValue};
use actix_web::web::Bytes;
use greenroom_actors::character::{AgentRecord, Bio, Style};
use greenroom_actors::ids::AgentId;
use greenroom_actors::lifecycle::State;
use greenroom_actors::time::UnixMillis;
use moka::sync::Cache;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

use super::error::ElizaError;
use super::wire::{Answer, JSON, Success, to_json};
use crate::http::etag;

/// Bytes of texts that are kept: some ten thousand agents' of ordinary size.
const KEPT_MAX_BYTES: u64 = 32 * 1024 * 1024;

/// The texts of rows that were asked for last.
pub(super) struct Rows(Cache<AgentId, Arc<Row>>);

/// The text of one row.
struct Row {
    /// The very record it is the text of.
    record: Arc<AgentRecord>,
    body: Bytes,
    tag: Option<HeaderValue>,
}

impl Default for Rows {
    fn default() -> Self {
        let weigh = |_: &AgentId, row: &Arc<Row>| u32::try_from(row.body.len()).unwrap_or(u32::MAX);
        Self(Cache::builder().max_capacity(KEPT_MAX_BYTES).weigher(weigh).build())
    }
}

impl Rows {
    /// 200 with the row of that record.
    pub(super) fn answer(&self, record: Arc<AgentRecord>) -> Answer {
        let row = match self.0.get(&record.id) {
            Some(row) if Arc::ptr_eq(&row.record, &record) => row,
            _ => self.fill(record)?,
        };
        let mut answer = HttpResponse::Ok();
        answer.insert_header((CONTENT_TYPE, HeaderValue::from_static(JSON)));
        if let Some(tag) = &row.tag {
            answer.insert_header((ETAG, tag.clone()));
        }
        Ok(answer.body(row.body.clone()))
    }

    fn fill(&self, record: Arc<AgentRecord>) -> Result<Arc<Row>, ElizaError> {
        let body = to_json(&Success::new(AgentRow::of(&record)))?;
        let tag = etag::weak(&body);
        let id = record.id;
        let row = Arc::new(Row { record, body: body.into(), tag });
        self.0.insert(id, Arc::clone(&row));
        Ok(row)
    }
}

/// What clients call the state of an agent: `active` is one that runs.
pub(super) fn status(record: &AgentRecord) -> &'static str {
    if record.lifecycle.state() == State::Running { "active" } else { "inactive" }
}

/// One row of elizaOS' table of agents.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct AgentRow<'a> {
    id: AgentId,
    enabled: bool,
    #[serde(rename = "server_id")]
    server_id: (),
    created_at: UnixMillis,
    updated_at: UnixMillis,
    name: &'a str,
    username: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    system: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    templates: Option<&'a Map<String, Value>>,
    bio: &'a Bio,
    message_examples: &'a [Value],
    post_examples: &'a [String],
    topics: &'a [String],
    adjectives: &'a [String],
    knowledge: &'a [Value],
    plugins: &'a [String],
    settings: Settings<'a>,
    style: Shape<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    lore: Option<&'a [String]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    model_provider: Option<&'a str>,
    status: &'static str,
}

impl<'a> AgentRow<'a> {
    pub(super) fn of(record: &'a AgentRecord) -> Self {
        let character = &record.character;
        Self {
            id: record.id,
            enabled: record.enabled,
            server_id: (),
            created_at: record.created_at,
            updated_at: record.updated_at,
            name: &character.name,
            username: character.username.as_deref().unwrap_or_default(),
            system: character.system.as_deref().filter(|system| !system.is_empty()),
            templates: character.templates.as_ref(),
            bio: &character.bio,
            message_examples: character.message_examples.as_deref().unwrap_or_default(),
            post_examples: character.post_examples.as_deref().unwrap_or_default(),
            topics: character.topics.as_deref().unwrap_or_default(),
            adjectives: character.adjectives.as_deref().unwrap_or_default(),
            knowledge: character.knowledge.as_deref().unwrap_or_default(),
            plugins: character.plugins.as_deref().unwrap_or_default(),
            settings: Settings(character.settings.as_ref()),
            style: Shape(character.style.as_ref()),
            lore: character.lore.as_deref(),
            model_provider: character.model_provider.as_deref(),
            status: status(record),
        }
    }
}

/// Settings, without a map of secrets that has become empty: elizaOS drops it with the last secret.
struct Settings<'a>(Option<&'a Map<String, Value>>);

impl Serialize for Settings<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (key, value) in self.0.into_iter().flatten() {
            let is_empty = value.as_object().is_some_and(Map::is_empty);
            if key != "secrets" || !is_empty {
                map.serialize_entry(key, value)?;
            }
        }
        map.end()
    }
}

/// A style, empty where there is none.
struct Shape<'a>(Option<&'a Style>);

impl Serialize for Shape<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Some(style) => style.serialize(serializer),
            None => serializer.serialize_map(Some(0))?.end(),
        }
    }
}

/// An agent in a list.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ListedAgent<'a> {
    id: AgentId,
    agent_id: AgentId,
    name: &'a str,
    character_name: &'a str,
    bio: &'a str,
    status: &'static str,
    enabled: bool,
    created_at: UnixMillis,
    updated_at: UnixMillis,
}

impl<'a> ListedAgent<'a> {
    pub(super) fn of(record: &'a AgentRecord) -> Self {
        let name = &record.character.name;
        let bio = record.character.bio.sentences().first();
        Self {
            id: record.id,
            agent_id: record.id,
            name,
            character_name: name,
            bio: bio.map(String::as_str).unwrap_or_default(),
            status: status(record),
            enabled: record.enabled,
            created_at: record.created_at,
            updated_at: record.updated_at,
        }
    }
}

#[cfg(test)]
mod tests {
    use greenroom_actors::character::Character;
    use greenroom_actors::lifecycle::{Desired, Lifecycle};
    use serde_json::json;

    use super::*;

    fn record(character: Value, desired: Desired) -> AgentRecord {
        let character: Character = serde_json::from_value(character).unwrap();
        AgentRecord {
            id: character.agent_id(),
            handle: "ada".to_owned(),
            character,
            enabled: true,
            lifecycle: Lifecycle { desired, ..Lifecycle::default() },
            created_at: UnixMillis(1),
            updated_at: UnixMillis(2),
        }
    }

    #[test]
    fn a_sparse_character_gives_the_recorded_row() {
        let ada = record(json!({"name": "Ada", "bio": "A small test agent"}), Desired::Stopped);
        assert_eq!(
            serde_json::to_value(AgentRow::of(&ada)).unwrap(),
            json!({
                "id": "5c3cb098-d52d-0b3f-a7e9-7b7fba960c4c", "enabled": true, "server_id": null,
                "createdAt": 1, "updatedAt": 2, "name": "Ada", "username": "",
                "bio": "A small test agent", "messageExamples": [], "postExamples": [],
                "topics": [], "adjectives": [], "knowledge": [], "plugins": [], "settings": {},
                "style": {}, "status": "inactive"
            })
        );
    }

    #[test]
    fn an_empty_map_of_secrets_is_not_shown_and_running_is_active() {
        let ada = record(
            json!({"name": "Ada", "settings": {"a": {}, "secrets": {}}, "lore": ["x"]}),
            Desired::Running,
        );
        let row = serde_json::to_value(AgentRow::of(&ada)).unwrap();
        assert_eq!(row["settings"], json!({"a": {}}));
        assert_eq!((&row["status"], &row["lore"]), (&json!("active"), &json!(["x"])));
        let paused = record(json!({"name": "Ada"}), Desired::Paused);
        assert_eq!(status(&paused), "inactive");
        assert_eq!(ListedAgent::of(&paused).bio, "");
    }

    #[test]
    fn a_row_is_written_anew_only_for_another_record() {
        let rows = Rows::default();
        let ada = Arc::new(record(json!({"name": "Ada"}), Desired::Stopped));
        rows.answer(Arc::clone(&ada)).unwrap();
        let first = rows.0.get(&ada.id).unwrap();
        rows.answer(Arc::clone(&ada)).unwrap();
        assert!(Arc::ptr_eq(&first, &rows.0.get(&ada.id).unwrap()));
        rows.answer(Arc::new(record(json!({"name": "Ada"}), Desired::Running))).unwrap();
        assert!(!Arc::ptr_eq(&first, &rows.0.get(&ada.id).unwrap()));
    }
}
