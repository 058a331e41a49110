//! Whether an agent's runtime may use the host's own key.

use actix_web::web::Json;
use actix_web::{get, put};
use greenroom_actors::character::Character;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use super::agents::status;
use super::call::Call;
use super::error::TrinityError;
use super::mount::Mount;
use super::{Answer, shape};

/// The setting of a character that names its runtime, and the key in it that says this.
const RUNTIME: &str = "runtime";
const SETTING: &str = "use_platform_api_key";

pub(super) fn routes(at: &mut Mount) {
    at.service(show_key_setting).service(set_key_setting);
}

#[derive(Serialize, ToSchema)]
struct KeySetting {
    agent_name: String,
    use_platform_api_key: bool,
    /// Never: each run reads it anew.
    restart_required: bool,
    /// `running` or `stopped`.
    status: &'static str,
}

#[derive(Deserialize, ToSchema)]
struct NewKeySetting {
    /// Yes or no.
    use_platform_api_key: Option<Value>,
}

#[derive(Serialize, ToSchema)]
struct KeySettingSet {
    /// `updated`.
    status: &'static str,
    agent_name: String,
    use_platform_api_key: bool,
    /// As clients expect it; the next run goes by it already.
    restart_required: bool,
    message: String,
}

/// Whether the agent's runtime may use the host's own key.
#[utoipa::path(tag = "Configuration", params(("name" = String, Path)), responses((status = 200, body = KeySetting)))]
#[get("/api/agents/{name}/api-key-setting")]
async fn show_key_setting(call: Call) -> Answer<KeySetting> {
    let agent = call.permitted().await?;
    let record = call.shared.host.registry.record(agent.id).await?;
    Ok(Json(KeySetting {
        agent_name: agent.name.clone(),
        use_platform_api_key: uses_platform_key(&record.character),
        restart_required: false,
        status: status(agent.state),
    }))
}

/// Lets the agent's runtime use the host's own key, or no longer.
#[utoipa::path(
    tag = "Configuration",
    params(("name" = String, Path)),
    request_body = NewKeySetting,
    responses((status = 200, body = KeySettingSet))
)]
#[put("/api/agents/{name}/api-key-setting")]
async fn set_key_setting(call: Call<NewKeySetting>) -> Answer<KeySettingSet> {
    let wanted = call.fields()?;
    let agent = call.owning("API key settings").await?;
    let wanted = wanted.use_platform_api_key.filter(|wanted| !wanted.is_null());
    let wanted = wanted.ok_or_else(|| TrinityError::bad("use_platform_api_key is required"))?;
    let uses = shape::truth(&wanted)
        .ok_or_else(|| TrinityError::bad("use_platform_api_key must be true or false"))?;
    let registry = &call.shared.host.registry;
    let record = registry.record(agent.id).await?;
    let mut runtime = Map::from_iter([(SETTING.to_owned(), json!(uses))]);
    // One that is said in a word gives way to an object that says the same.
    if let Some(Value::String(kind)) = record.character.setting(RUNTIME) {
        runtime.insert("type".to_owned(), json!(kind));
    }
    let settings = Map::from_iter([(RUNTIME.to_owned(), Value::Object(runtime))]);
    registry.revise(agent.id, Map::from_iter([("settings".to_owned(), settings.into())])).await?;
    let whose = if uses { "the platform API key" } else { "its own credentials alone" };
    Ok(Json(KeySettingSet {
        status: "updated",
        message: format!("Agent {} uses {whose} from its next run on", agent.name),
        agent_name: agent.name,
        use_platform_api_key: uses,
        restart_required: true,
    }))
}

fn uses_platform_key(character: &Character) -> bool {
    let said = character.setting(RUNTIME).and_then(|runtime| runtime.get(SETTING)?.as_bool());
    said.unwrap_or(true)
}
