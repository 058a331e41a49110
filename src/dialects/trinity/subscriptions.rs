//! Subscriptions, by which Trinity pays for agents without a key. This host has none: its agents are paid
//! for by the keys of its models, and whatever would change that is told as not supported.

use actix_web::web::Json;
use actix_web::{delete, get, post, put};
use serde::Serialize;
use utoipa::ToSchema;

use super::Answer;
use super::call::Call;
use super::error::{ErrorBody, TrinityError};
use super::fleet::payment;
use super::mount::Mount;

pub(super) fn routes(at: &mut Mount) {
    at.service(list).service(register).service(auth).service(show).service(assign).service(clear);
}

/// A subscription. There is none.
#[derive(Serialize, ToSchema)]
struct Subscription {
    id: String,
    name: String,
}

fn refusal() -> TrinityError {
    TrinityError::not_here(
        "Subscriptions are not supported by this host: agents are paid for by the keys of its models",
    )
}

/// Every subscription (administrators): none.
#[utoipa::path(tag = "Subscriptions", responses((status = 200, body = [Subscription])))]
#[get("/api/subscriptions")]
async fn list(call: Call) -> Answer<Vec<Subscription>> {
    call.admin()?;
    Ok(Json(Vec::new()))
}

/// Not supported.
#[utoipa::path(tag = "Subscriptions", responses((status = 501, body = ErrorBody)))]
#[post("/api/subscriptions")]
async fn register(call: Call) -> Answer<Subscription> {
    call.governing()?;
    Err(refusal())
}

/// The subscription of an agent: none.
#[utoipa::path(
    tag = "Subscriptions", params(("name" = String, Path)),
    responses((status = 200, body = Option<Subscription>))
)]
#[get("/api/subscriptions/agents/{name}")]
async fn show(call: Call) -> Answer<Option<Subscription>> {
    call.authorised().await?;
    Ok(Json(None))
}

/// Not supported.
#[utoipa::path(
    tag = "Subscriptions", params(("name" = String, Path)),
    responses((status = 501, body = ErrorBody))
)]
#[put("/api/subscriptions/agents/{name}")]
async fn assign(call: Call) -> Answer<Subscription> {
    call.owned().await?;
    Err(refusal())
}

/// That an agent has no subscription.
#[derive(Serialize, ToSchema)]
struct Cleared {
    /// Always true.
    success: bool,
    message: String,
}

/// Takes an agent's subscription away, of which there is none.
#[utoipa::path(
    tag = "Subscriptions", params(("name" = String, Path)),
    responses((status = 200, body = Cleared))
)]
#[delete("/api/subscriptions/agents/{name}")]
async fn clear(call: Call) -> Answer<Cleared> {
    let agent = call.owned().await?;
    let message = format!("Agent {} has no subscription", agent.name);
    Ok(Json(Cleared { success: true, message }))
}

/// How an agent is paid for.
#[derive(Serialize, ToSchema)]
struct AgentAuth {
    agent_name: String,
    /// `api_key` where a provider answers for it, `not_configured` where the built-in model does.
    auth_mode: &'static str,
    /// Always null.
    subscription_name: Option<String>,
    /// Always null.
    subscription_id: Option<String>,
    has_api_key: bool,
}

/// How an agent is paid for.
#[utoipa::path(
    tag = "Subscriptions", params(("name" = String, Path)),
    responses((status = 200, body = AgentAuth))
)]
#[get("/api/subscriptions/agents/{name}/auth")]
async fn auth(call: Call) -> Answer<AgentAuth> {
    let agent = call.authorised().await?;
    let paid = payment(&call.shared.host, agent.id).await;
    let auth_mode = paid.map_or("not_configured", |(mode, _)| mode);
    Ok(Json(AgentAuth {
        agent_name: agent.name,
        auth_mode,
        subscription_name: None,
        subscription_id: None,
        has_api_key: auth_mode == "api_key",
    }))
}
