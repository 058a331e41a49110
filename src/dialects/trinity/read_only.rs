//! Read-only mode: what the agent's own tools may not change in its workspace.

use actix_web::web::Json;
use actix_web::{get, put};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use super::Answer;
use super::call::Call;
use super::error::TrinityError;
use super::mount::Mount;
use super::shape;
use crate::workspace::ReadOnly;

/// Patterns of a list, and letters of one.
const PATTERNS_MAX: usize = 256;
const PATTERN_MAX: usize = 256;

pub(super) fn routes(at: &mut Mount) {
    at.service(show_mode).service(set_mode);
}

/// What is blocked, and what is allowed all the same.
#[derive(Serialize, ToSchema)]
struct Patterns {
    blocked_patterns: Vec<String>,
    allowed_patterns: Vec<String>,
}

#[derive(Serialize, ToSchema)]
struct Mode {
    agent_name: String,
    enabled: bool,
    config: Patterns,
}

#[derive(Deserialize, ToSchema)]
struct NewMode {
    /// Yes or no.
    enabled: Option<Value>,
    /// `blocked_patterns` and `allowed_patterns`, lists of globs; what is absent stays.
    config: Option<Value>,
}

#[derive(Serialize, ToSchema)]
struct ModeSet {
    status: &'static str,
    agent_name: String,
    enabled: bool,
    /// What holds; null where the mode is off and none was sent.
    config: Option<Patterns>,
    /// Whether an agent is running that it binds.
    hooks_injected: bool,
    message: String,
}

impl From<ReadOnly> for Patterns {
    fn from(rule: ReadOnly) -> Self {
        Self { blocked_patterns: rule.blocked, allowed_patterns: rule.allowed }
    }
}

/// Whether the agent's workspace is read-only for its own tools.
#[utoipa::path(tag = "Configuration", params(("name" = String, Path)), responses((status = 200, body = Mode)))]
#[get("/api/agents/{name}/read-only")]
async fn show_mode(call: Call) -> Answer<Mode> {
    let agent = call.permitted().await?;
    let record = call.shared.host.registry.record(agent.id).await?;
    let rule = ReadOnly::of(&record.character);
    Ok(Json(Mode { agent_name: agent.name, enabled: rule.is_enabled, config: rule.into() }))
}

/// Makes the agent's workspace read-only for its own tools, or no longer.
#[utoipa::path(
    tag = "Configuration",
    params(("name" = String, Path)),
    request_body = NewMode,
    responses((status = 200, body = ModeSet))
)]
#[put("/api/agents/{name}/read-only")]
async fn set_mode(call: Call<NewMode>) -> Answer<ModeSet> {
    let NewMode { enabled, config } = call.fields()?;
    let agent = call.owning("read-only settings").await?;
    if agent.entry.is_system {
        return Err(TrinityError::forbidden("Cannot change read-only mode of the system agent"));
    }
    let enabled = enabled.filter(|enabled| !enabled.is_null());
    let enabled = enabled.ok_or_else(|| TrinityError::bad("enabled is required"))?;
    let enabled =
        shape::truth(&enabled).ok_or_else(|| TrinityError::bad("enabled must be true or false"))?;
    let config = match config.filter(|config| !config.is_null()) {
        Some(Value::Object(config)) => Some(config),
        Some(_) => return Err(TrinityError::bad("config must be an object")),
        None => None,
    };
    let mut rule = Map::from_iter([("read_only".to_owned(), json!(enabled))]);
    for key in ["blocked_patterns", "allowed_patterns"] {
        let list = config.as_ref().and_then(|config| config.get(key));
        if let Some(list) = list.filter(|list| !list.is_null()) {
            rule.insert(key.to_owned(), json!(patterns(key, list)?));
        }
    }
    let settings = json!({"settings": {"workspace": rule}});
    let patch = settings.as_object().cloned().unwrap_or_default();
    let record = call.shared.host.registry.revise(agent.id, patch).await?;
    let hooks_injected = enabled && agent.is_running();
    let message = match (enabled, hooks_injected) {
        (false, _) => "Read-only mode disabled",
        (true, true) => "Read-only mode enabled",
        (true, false) => "Read-only mode enabled; it applies on the next start of the agent",
    };
    let is_told = enabled || config.is_some();
    Ok(Json(ModeSet {
        status: "updated",
        agent_name: agent.name,
        enabled,
        config: is_told.then(|| ReadOnly::of(&record.character).into()),
        hooks_injected,
        message: message.to_owned(),
    }))
}

fn patterns(key: &str, list: &Value) -> Result<Vec<String>, TrinityError> {
    let refused = |what: &str| TrinityError::bad(format!("{key} must be a list of {what}"));
    let list = list.as_array().ok_or_else(|| refused("patterns"))?;
    if list.len() > PATTERNS_MAX {
        return Err(refused(&format!("at most {PATTERNS_MAX} patterns")));
    }
    let pattern = |one: &Value| {
        let text = one.as_str().filter(|text| text.chars().count() <= PATTERN_MAX);
        text.map(str::to_owned)
    };
    let texts = list.iter().map(pattern).collect::<Option<Vec<_>>>();
    texts.ok_or_else(|| refused(&format!("texts of at most {PATTERN_MAX} characters")))
}
