//! Keys that programs and agents show instead of a login.

use std::sync::Arc;

use actix_web::web::Json;
use actix_web::{delete, get, post};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Answer;
use super::agents::Done;
use super::call::{Call, Visit};
use super::error::{TrinityError, unauthenticated};
use super::mount::Mount;
use super::{short, times};
use crate::accounts::{ApiKey, Made, NewKey};

pub(super) fn routes(at: &mut Mount) {
    // The word before the id.
    at.service(ensure)
        .service(make)
        .service(list)
        .service(show)
        .service(revoke)
        .service(remove)
        .service(validate);
}

/// A key, as it is listed.
#[derive(Serialize, ToSchema)]
struct Key {
    id: String,
    name: String,
    description: Option<String>,
    /// Its first 20 characters.
    key_prefix: String,
    created_at: String,
    last_used_at: Option<String>,
    usage_count: u64,
    is_active: bool,
    user_id: i64,
    username: Option<String>,
    user_email: Option<String>,
    agent_name: Option<String>,
    /// `user`, `agent` or `system`.
    scope: &'static str,
}

/// A key that was just made.
#[derive(Serialize, ToSchema)]
struct NewlyMade {
    #[serde(flatten)]
    key: Key,
    /// The key itself, which is shown this once.
    api_key: String,
}

impl Key {
    fn of<B>(visit: &Visit<B>, key: &ApiKey) -> Self {
        let user = visit.shared.host.accounts.user_by_id(key.user);
        Self {
            id: short::of(key.id),
            name: key.name.clone(),
            description: key.description.clone(),
            key_prefix: key.prefix.clone(),
            created_at: times::iso(key.created_at),
            last_used_at: key.last_used_at().map(times::iso),
            usage_count: key.usage_count(),
            is_active: key.is_active,
            user_id: key.user,
            username: user.as_ref().map(|user| user.username.clone()),
            user_email: user.and_then(|user| user.email.clone()),
            agent_name: key.agent_name.clone(),
            scope: key.scope.as_str(),
        }
    }
}

impl NewlyMade {
    fn of<B>(visit: &Visit<B>, made: &Made) -> Self {
        Self { key: Key::of(visit, &made.key), api_key: made.secret.reveal().to_owned() }
    }
}

/// A key to make.
#[derive(Deserialize, ToSchema)]
struct KeyWanted {
    #[schema(min_length = 1, max_length = 200)]
    name: String,
    #[schema(max_length = 2000)]
    description: Option<String>,
}

/// Makes a key of the caller's.
#[utoipa::path(
    tag = "MCP keys", request_body = KeyWanted, responses((status = 200, body = NewlyMade))
)]
#[post("/api/mcp/keys")]
async fn make(call: Call<KeyWanted>) -> Answer<NewlyMade> {
    call.no_agent()?;
    let KeyWanted { name, description } = call.fields()?;
    let new = NewKey { name, description };
    let made = call.shared.host.accounts.make_key(&call.principal.user, new).await?;
    call.note("mcp_key", "create", ("mcp_key", &short::of(made.key.id))).await;
    Ok(Json(NewlyMade::of(&call, &made)))
}

/// Makes the default key of a caller who has none; null where there is one.
#[utoipa::path(tag = "MCP keys", responses((status = 200, body = Option<NewlyMade>)))]
#[post("/api/mcp/keys/ensure-default")]
async fn ensure(call: Call) -> Answer<Option<NewlyMade>> {
    call.no_agent()?;
    let made = call.shared.host.accounts.ensure_key(&call.principal.user).await?;
    if let Some(made) = &made {
        call.note("mcp_key", "create", ("mcp_key", &short::of(made.key.id))).await;
    }
    Ok(Json(made.map(|made| NewlyMade::of(&call, &made))))
}

/// The caller's keys; those of everybody for administrators.
#[utoipa::path(tag = "MCP keys", responses((status = 200, body = [Key])))]
#[get("/api/mcp/keys")]
async fn list(call: Call) -> Answer<Vec<Key>> {
    let whose = (!call.principal.is_admin()).then_some(call.principal.user.id);
    let keys = call.shared.host.accounts.keys(whose);
    Ok(Json(keys.iter().map(|key| Key::of(&call, key)).collect()))
}

/// One key.
#[utoipa::path(
    tag = "MCP keys", params(("id" = String, Path)), responses((status = 200, body = Key))
)]
#[get("/api/mcp/keys/{id}")]
async fn show(call: Call) -> Answer<Key> {
    Ok(Json(Key::of(&call, &*meant(&call)?)))
}

/// Ends the use of a key.
#[utoipa::path(
    tag = "MCP keys", params(("id" = String, Path)), responses((status = 200, body = Done))
)]
#[post("/api/mcp/keys/{id}/revoke")]
async fn revoke(call: Call) -> Answer<Done> {
    call.no_agent()?;
    let key = meant(&call)?;
    call.shared.host.accounts.revoke_key(key.id).await?;
    call.note("mcp_key", "revoke", ("mcp_key", &short::of(key.id))).await;
    Ok(Json(Done { message: format!("MCP API key '{}' revoked", key.name) }))
}

/// Removes a key.
#[utoipa::path(
    tag = "MCP keys", params(("id" = String, Path)), responses((status = 200, body = Done))
)]
#[delete("/api/mcp/keys/{id}")]
async fn remove(call: Call) -> Answer<Done> {
    call.no_agent()?;
    let key = meant(&call)?;
    call.shared.host.accounts.remove_key(key.id).await?;
    call.note("mcp_key", "delete", ("mcp_key", &short::of(key.id))).await;
    Ok(Json(Done { message: format!("MCP API key '{}' deleted", key.name) }))
}

/// The key of the path, if the caller may know of it.
fn meant(call: &Call) -> Result<Arc<ApiKey>, TrinityError> {
    let key = short::parse(&call.segment("id")).and_then(|id| call.shared.host.accounts.key(id));
    let principal = &call.principal;
    key.filter(|key| principal.is_admin() || key.user == principal.user.id)
        .ok_or_else(|| TrinityError::not_found("MCP API key not found"))
}

/// Whose key it is.
#[derive(Serialize, ToSchema)]
struct ValidKey {
    /// Always true.
    valid: bool,
    key_id: String,
    /// The name of the user.
    user_id: String,
    user_email: Option<String>,
    key_name: String,
    agent_name: Option<String>,
    scope: &'static str,
}

/// Whether a key, presented as the bearer token, is good.
#[utoipa::path(tag = "MCP keys", responses((status = 200, body = ValidKey)))]
#[post("/api/mcp/validate")]
async fn validate(call: Call) -> Answer<ValidKey> {
    let key = call.principal.key().ok_or_else(unauthenticated)?;
    let user = &call.principal.user;
    Ok(Json(ValidKey {
        valid: true,
        key_id: short::of(key.id),
        user_id: user.username.clone(),
        user_email: user.email.clone(),
        key_name: key.name.clone(),
        agent_name: key.agent_name.clone(),
        scope: key.scope.as_str(),
    }))
}
