//! An agent's own access token for GitHub: sealed among the secrets of its character, and masked as all
//! of those are. Its template is fetched with it, and the program that does the agent's work is given it;
//! where the agent has none, templates are fetched with the one of the host.

use actix_web::web::Json;
use actix_web::{delete, get, put};
use greenroom_actors::character::Character;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use super::Answer;
use super::call::Call;
use super::error::TrinityError;
use super::mount::Mount;
use crate::credentials::{GITHUB_PAT, own_github_token};
use crate::host::Host;
use crate::roster::Known;

/// Characters of a token.
const PAT_MAX: usize = 512;

pub(super) fn routes(at: &mut Mount) {
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
    Ok(Json(Pat::of(&call.shared.host, &agent, &record.character)))
}

/// Gives the agent an access token for GitHub.
#[utoipa::path(
    tag = "Configuration",
    params(("name" = String, Path)),
    request_body = NewPat,
    responses((status = 200, body = Pat))
)]
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
    let patch = json!({"settings": {"secrets": {GITHUB_PAT: secret}}});
    let patch: Map<_, _> = patch.as_object().cloned().unwrap_or_default();
    let record = call.shared.host.registry.revise(agent.id, patch).await?;
    Ok(Json(Pat::of(&call.shared.host, agent, &record.character)))
}

impl Pat {
    fn of(host: &Host, agent: &Known, character: &Character) -> Self {
        let configured = own_github_token(character).is_some();
        let has_global = host.common_github_token().is_some();
        let source = match (configured, has_global) {
            (true, _) => "agent",
            (false, true) => "global",
            (false, false) => "none",
        };
        Self { agent_name: agent.name.clone(), configured, source, has_global }
    }
}
