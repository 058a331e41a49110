//! An agent's own access token for GitHub: sealed among the secrets of its character, and masked as all
//! of those are. Templates are cloned with the host's token; this one is for the agent's runs.

use actix_web::web::Json;
use actix_web::{delete, get, put};
use greenroom_actors::character::Character;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use super::Answer;
use super::call::Call;
use super::error::TrinityError;
use crate::roster::Known;

/// Where it stands among the secrets.
const SECRET: &str = "GITHUB_PAT";

/// Characters of a token.
const PAT_MAX: usize = 512;

pub(super) fn routes(at: &mut ServiceConfig) {
    at.service(show_pat).service(set_pat).service(remove_pat);
}

#[derive(Serialize, ToSchema)]
struct Pat {
    agent_name: String,
    configured: bool,
    /// `agent`, `global` or `none`.
    source: &'static str,
    has_global: bool,
}

#[derive(Deserialize, ToSchema)]
struct NewPat {
    pat: String,
}

/// Whether the agent has an access token for GitHub.
#[utoipa::path(tag = "Configuration", params(("name" = String, Path)), responses((status = 200, body = Pat)))]
#[get("/api/agents/{name}/github-pat")]
async fn show_pat(call: Call) -> Answer<Pat> {
    let agent = call.owned().await?;
    let record = call.shared.host.registry.record(agent.id).await?;
    Ok(Json(Pat::of(&agent, &record.character)))
}

/// Gives the agent an access token for GitHub.
#[utoipa::path(tag = "Configuration", params(("name" = String, Path)), request_body = NewPat, responses((status = 200, body = Pat)))]
#[put("/api/agents/{name}/github-pat")]
async fn set_pat(call: Call<NewPat>) -> Answer<Pat> {
    let agent = call.owned().await?;
    let pat = call.fields()?.pat;
    let pat = pat.trim();
    let is_token = pat.chars().all(|c| c.is_ascii_graphic());
    if pat.is_empty() || pat.len() > PAT_MAX || !is_token {
        return Err(TrinityError::bad(format!(
            "pat must be 1 to {PAT_MAX} visible characters without blanks"
        )));
    }
    let sealed = call.shared.host.secrets.seal(pat);
    kept(&call, &agent, json!(sealed)).await
}

/// Takes the agent's access token away.
#[utoipa::path(tag = "Configuration", params(("name" = String, Path)), responses((status = 200, body = Pat)))]
#[delete("/api/agents/{name}/github-pat")]
async fn remove_pat(call: Call) -> Answer<Pat> {
    let agent = call.owned().await?;
    kept(&call, &agent, Value::Null).await
}

async fn kept<B>(call: &Call<B>, agent: &Known, secret: Value) -> Answer<Pat> {
    let patch = json!({"settings": {"secrets": {SECRET: secret}}});
    let patch: Map<_, _> = patch.as_object().cloned().unwrap_or_default();
    let record = call.shared.host.registry.revise(agent.id, patch).await?;
    Ok(Json(Pat::of(agent, &record.character)))
}

impl Pat {
    fn of(agent: &Known, character: &Character) -> Self {
        let secrets = character.setting("secrets");
        let configured =
            secrets.and_then(|secrets| secrets.get(SECRET)).is_some_and(Value::is_string);
        // The host's own is for templates, and is given to no agent.
        let source = if configured { "agent" } else { "none" };
        Self { agent_name: agent.name.clone(), configured, source, has_global: false }
    }
}
