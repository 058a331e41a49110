//! The configuration of the one agent, as its file holds it; secrets are not shown.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Payload, ServiceConfig, get, put};
use actix_web::{HttpRequest, HttpResponse};
use greenroom_actors::character::merge;
use greenroom_actors::ids::{EntityId, derived};
use serde_json::{Map, Value, json};

use super::Answer;
use super::body;
use super::error::MiladyError;
use super::provider;
use super::routes::on;
use super::shared::Shared;
use crate::http::instant;
use crate::primary::confidential::hidden;
use crate::primary::{Choice, ConfigFileError};

/// What may be set. Anything else is left out, without a word.
const KEYS: [&str; 36] = [
    "meta",
    "auth",
    "env",
    "wizard",
    "diagnostics",
    "logging",
    "update",
    "browser",
    "ui",
    "skills",
    "plugins",
    "models",
    "nodeHost",
    "agents",
    "tools",
    "bindings",
    "broadcast",
    "audio",
    "messages",
    "commands",
    "approvals",
    "session",
    "web",
    "connectors",
    "channels",
    "cron",
    "hooks",
    "discovery",
    "talk",
    "gateway",
    "memory",
    "database",
    "cloud",
    "x402",
    "mcp",
    "features",
];

/// How the names of variables end that are not set here: they decide who may call and who may pay.
const GUARDED: [&str; 2] = ["_TOKEN", "_PRIVATE_KEY"];

pub(super) fn routes(at: &mut ServiceConfig) {
    at.service(on("/api/config").route(get().to(show)).route(put().to(change)))
        .service(on("/api/config/schema").route(get().to(schema)));
}

/// The person whom the conversations of the web belong to: the one that the configuration names, or else
/// one that is derived from the agent's name.
pub(super) fn admin_entity(config: &Map<String, Value>, name: &str) -> EntityId {
    let chosen = config
        .get("agents")
        .and_then(|agents| agents.get("defaults")?.get("adminEntityId")?.as_str()?.parse().ok());
    chosen.unwrap_or_else(|| EntityId(derived(&format!("{name}-admin-entity"))))
}

async fn show(shared: Data<Shared>) -> Answer {
    let mut config = shared.config.read().await?;
    if let Some(agent) = shared.host.primary.agent().await? {
        // One that was made over another API, or by the host, is not described in the file.
        let name = &agent.character.name;
        let defaults = json!({"adminEntityId": admin_entity(&config, name)});
        let list = json!([{"id": agent.id, "name": name, "default": true}]);
        let mut whole = Map::new();
        whole.insert("agents".to_owned(), json!({"defaults": defaults, "list": list}));
        merge(&mut whole, &config);
        config = whole;
    }
    Ok(HttpResponse::Ok().json(hidden(config)))
}

async fn change(shared: Data<Shared>, request: HttpRequest, payload: Payload) -> Answer {
    let sent = body::object(&shared, &request, payload).await?;
    let before = Choice::read(&shared.config.read().await?);
    let config = shared.config.change(allowed(sent)).await?;
    let choice = Choice::read(&config);
    // Also where the choice is the same: its key may be another, or it could not be used before.
    if choice.is_some() || choice != before {
        provider::apply(&shared, choice.as_ref(), &config).await?;
    }
    Ok(HttpResponse::Ok().json(hidden(config)))
}

/// What of a patch may be set.
fn allowed(mut patch: Map<String, Value>) -> Map<String, Value> {
    patch.retain(|key, _| KEYS.contains(&key.as_str()));
    if let Some(Value::Object(env)) = patch.get_mut("env") {
        let is_free = |name: &str| !GUARDED.iter().any(|end| name.to_uppercase().ends_with(end));
        env.retain(|name, _| is_free(name));
        if let Some(Value::Object(vars)) = env.get_mut("vars") {
            vars.retain(|name, _| is_free(name));
        }
    }
    patch
}

async fn schema(shared: Data<Shared>) -> Answer {
    let sections = KEYS.iter().map(|key| ((*key).to_owned(), json!({"type": "object"})));
    let mut sections = sections.collect::<Map<_, _>>();
    let text = json!({"type": "string"});
    let ui = json!({"theme": text, "avatarIndex": {"type": "integer", "minimum": 0}});
    let model = json!({"type": "object", "properties": {"primary": text}});
    let defaults = json!({"adminEntityId": {"type": "string", "format": "uuid"}, "model": model});
    let defaults = json!({"type": "object", "properties": defaults});
    sections.insert("ui".to_owned(), json!({"type": "object", "properties": ui}));
    sections.insert(
        "agents".to_owned(),
        json!({"type": "object", "properties": {"defaults": defaults, "list": {"type": "array"}}}),
    );
    sections.insert(
        "env".to_owned(),
        json!({"type": "object", "additionalProperties": {"type": "string"}}),
    );
    Ok(HttpResponse::Ok().json(json!({
        "schema": {"type": "object", "properties": sections, "additionalProperties": false},
        "uiHints": {
            "agents.defaults.model.primary": {
                "label": "Model",
                "help": "PROVIDER:MODEL; none: what the host is configured with",
            },
            "env": {"label": "Variables", "sensitive": true},
        },
        "version": shared.host.version,
        "generatedAt": instant::iso(shared.now()),
    })))
}

impl From<ConfigFileError> for MiladyError {
    fn from(error: ConfigFileError) -> Self {
        match error {
            ConfigFileError::TooLarge => {
                Self::refused(StatusCode::PAYLOAD_TOO_LARGE, error.to_string())
            }
            ConfigFileError::File { .. } | ConfigFileError::Content { .. } => {
                tracing::error!(%error, "the agent's configuration cannot be read or kept");
                let words = "The configuration cannot be read or kept";
                Self::refused(StatusCode::INTERNAL_SERVER_ERROR, words)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_not_be_set_is_left_out() {
        let patch = json!({
            "ui": {"theme": "x"}, "nothing": 1, "__proto__": {}, "stream": {},
            "env": {"A": "a", "MILADY_API_TOKEN": "t", "evm_private_key": "k",
                "vars": {"B": "b", "GITHUB_TOKEN": "t"}},
        });
        let left = allowed(patch.as_object().unwrap().clone());
        let expected = json!({"ui": {"theme": "x"}, "env": {"A": "a", "vars": {"B": "b"}}});
        assert_eq!(Value::Object(left), expected);
    }
}
