//! Guardrails: what the runs of an agent must not go beyond.
//!
//! Turns, time and tools bind its runs here and its runtime's; what would deny a shell its commands and
//! paths is recorded alone, since no tool of this host is a shell.

use actix_web::web::Json;
use actix_web::{get, put};
use greenroom_actors::guardrails::Guardrails;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use super::Answer;
use super::call::Call;
use super::error::TrinityError;
use super::mount::Mount;

/// The setting of a character that holds them.
const SETTING: &str = "guardrails";

/// Numbers, with what they may be.
const NUMBERS: [(&str, u64, u64); 3] =
    [("max_turns_chat", 1, 500), ("max_turns_task", 1, 500), ("execution_timeout_sec", 60, 7_200)];

/// Lists of texts.
const LISTS: [&str; 3] = ["extra_bash_deny", "extra_path_deny", "disallowed_tools"];

/// Texts of a list, and letters of one.
const TEXTS_MAX: usize = Guardrails::TOOLS_MAX;
const TEXT_MAX: usize = 256;

pub(super) fn routes(at: &mut Mount) {
    at.service(show_guardrails).service(set_guardrails);
}

#[derive(Serialize, ToSchema)]
struct GuardrailsShown {
    agent_name: String,
    /// What was set; empty: nothing.
    #[schema(value_type = Object)]
    guardrails: Map<String, Value>,
}

#[derive(Serialize, ToSchema)]
struct GuardrailsSet {
    agent_name: String,
    #[schema(value_type = Object)]
    guardrails: Map<String, Value>,
    message: &'static str,
}

/// What the agent's runs must not go beyond.
#[utoipa::path(tag = "Configuration", params(("name" = String, Path)), responses((status = 200, body = GuardrailsShown)))]
#[get("/api/agents/{name}/guardrails")]
async fn show_guardrails(call: Call) -> Answer<GuardrailsShown> {
    let agent = call.permitted().await?;
    let record = call.shared.host.registry.record(agent.id).await?;
    let said = record.character.setting(SETTING).and_then(Value::as_object);
    let guardrails = said.cloned().unwrap_or_default();
    Ok(Json(GuardrailsShown { agent_name: agent.name, guardrails }))
}

/// Sets what the agent's runs must not go beyond; what is not named bounds nothing any more.
#[utoipa::path(
    tag = "Configuration",
    params(("name" = String, Path)),
    request_body = NewGuardrails,
    responses((status = 200, body = GuardrailsSet))
)]
#[put("/api/agents/{name}/guardrails")]
async fn set_guardrails(call: Call<NewGuardrails>) -> Answer<GuardrailsSet> {
    let wanted = call.fields()?.into_map();
    let agent = call.owning("guardrails").await?;
    let guardrails = checked(&wanted)?;
    // As a whole and at once: a patch would be laid over whatever another request sets meanwhile.
    let set = if guardrails.is_empty() { Value::Null } else { guardrails.clone().into() };
    call.shared.host.registry.set_setting(agent.id, SETTING, set).await?;
    Ok(Json(GuardrailsSet {
        agent_name: agent.name,
        guardrails,
        message: "Guardrails updated: turns, time and tools bind the next run; what denies a shell \
                  its commands and paths is recorded, for no tool of this host is a shell",
    }))
}

/// Guardrails as they are asked for; each is judged by itself.
#[derive(Deserialize, ToSchema)]
struct NewGuardrails {
    /// 1 to 500.
    max_turns_chat: Option<Value>,
    /// 1 to 500.
    max_turns_task: Option<Value>,
    /// 60 to 7200.
    execution_timeout_sec: Option<Value>,
    extra_bash_deny: Option<Value>,
    extra_path_deny: Option<Value>,
    disallowed_tools: Option<Value>,
}

impl NewGuardrails {
    fn into_map(self) -> Map<String, Value> {
        let named = [
            ("max_turns_chat", self.max_turns_chat),
            ("max_turns_task", self.max_turns_task),
            ("execution_timeout_sec", self.execution_timeout_sec),
            ("extra_bash_deny", self.extra_bash_deny),
            ("extra_path_deny", self.extra_path_deny),
            ("disallowed_tools", self.disallowed_tools),
        ];
        named.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
    }
}

/// What of it is known, if that may be so.
fn checked(said: &Map<String, Value>) -> Result<Map<String, Value>, TrinityError> {
    let mut guardrails = Map::new();
    let given = |key: &str| said.get(key).filter(|value| !value.is_null());
    for (key, least, most) in NUMBERS {
        let Some(value) = given(key) else { continue };
        let number = value.as_u64().filter(|number| (least..=most).contains(number));
        let number = number.ok_or_else(|| {
            TrinityError::bad(format!("{key} must be an integer between {least} and {most}"))
        })?;
        guardrails.insert(key.to_owned(), json!(number));
    }
    for key in LISTS {
        let Some(value) = given(key) else { continue };
        let refused = || {
            let told = format!("{key} must be a list of at most {TEXTS_MAX} texts of at most");
            TrinityError::bad(format!("{told} {TEXT_MAX} characters"))
        };
        let list = value.as_array().filter(|list| list.len() <= TEXTS_MAX).ok_or_else(refused)?;
        let is_text =
            |one: &Value| one.as_str().is_some_and(|text| text.chars().count() <= TEXT_MAX);
        if !list.iter().all(is_text) {
            return Err(refused());
        }
        guardrails.insert(key.to_owned(), value.clone());
    }
    Ok(guardrails)
}
