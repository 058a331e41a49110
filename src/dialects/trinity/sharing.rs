//! Sharing: who else sees and uses an agent.

use actix_web::web::Json;
use actix_web::{delete, get, post, put};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::Answer;
use super::agents::{AgentShare, Done};
use super::call::Call;
use super::error::TrinityError;
use super::mount::Mount;
use super::shape::Fault;
use crate::accounts::address;

pub(super) fn routes(at: &mut Mount) {
    at.service(create).service(remove).service(list).service(proactive).service(set_proactive);
}

#[derive(Deserialize, ToSchema)]
struct NewShare {
    /// The address of somebody, who may have no account yet.
    email: String,
}

/// Shares an agent.
#[utoipa::path(
    tag = "Sharing",
    params(("name" = String, Path)),
    request_body = NewShare,
    responses((status = 200, body = AgentShare))
)]
#[post("/api/agents/{name}/share")]
async fn create(call: Call<NewShare>) -> Answer<AgentShare> {
    let agent = call.owned().await?;
    let wanted = call.fields()?;
    let by = &call.principal.user;
    let share = call.shared.host.organisation.share(agent.id, by, &wanted.email).await?;
    Ok(Json(AgentShare::of(&agent.name, &share)))
}

/// Ends that: from the next request on.
#[utoipa::path(tag = "Sharing", params(("name" = String, Path), ("email" = String, Path)), responses((status = 200, body = Done)))]
#[delete("/api/agents/{name}/share/{email}")]
async fn remove(call: Call) -> Answer<Done> {
    let agent = call.owned().await?;
    let share = call.shared.host.organisation.unshare(agent.id, &call.segment("email")).await?;
    Ok(Json(Done { message: format!("Sharing removed for {}", share.email) }))
}

/// With whom an agent is shared.
#[utoipa::path(tag = "Sharing", params(("name" = String, Path)), responses((status = 200, body = [AgentShare])))]
#[get("/api/agents/{name}/shares")]
async fn list(call: Call) -> Answer<Vec<AgentShare>> {
    let agent = call.owned().await?;
    let shares = agent.entry.shares.iter();
    Ok(Json(shares.map(|share| AgentShare::of(&agent.name, share)).collect()))
}

#[derive(Serialize, ToSchema)]
struct Proactive {
    agent_name: String,
    /// Those to whom the agent may write first.
    emails: Vec<String>,
}

/// To whom an agent may write first.
#[utoipa::path(tag = "Sharing", params(("name" = String, Path)), responses((status = 200, body = Proactive)))]
#[get("/api/agents/{name}/shares/proactive")]
async fn proactive(call: Call) -> Answer<Proactive> {
    let agent = call.owned().await?;
    let allowed = agent.entry.shares.iter().filter(|share| share.allows_proactive);
    let emails = allowed.map(|share| share.email.clone()).collect();
    Ok(Json(Proactive { agent_name: agent.name, emails }))
}

#[derive(Deserialize, ToSchema)]
struct ProactiveWish {
    email: String,
    allow_proactive: bool,
}

#[derive(Serialize, ToSchema)]
struct ProactiveSet {
    status: &'static str,
    agent_name: String,
    email: String,
    allow_proactive: bool,
}

/// Says whether an agent may write first to somebody with whom it is shared.
#[utoipa::path(
    tag = "Sharing",
    params(("name" = String, Path)),
    request_body = ProactiveWish,
    responses((status = 200, body = ProactiveSet))
)]
#[put("/api/agents/{name}/shares/proactive")]
async fn set_proactive(call: Call<ProactiveWish>) -> Answer<ProactiveSet> {
    let agent = call.owned().await?;
    let wanted = call.fields()?;
    if address(&wanted.email).is_none() {
        let msg = "value is not a valid email address";
        let at = vec![json!("body"), json!("email")];
        let fault = Fault::new("value_error", at, msg, json!(wanted.email));
        return Err(TrinityError::shape(&[fault]));
    }
    let organisation = &call.shared.host.organisation;
    let set = organisation.allow_proactive(agent.id, &wanted.email, wanted.allow_proactive).await?;
    Ok(Json(ProactiveSet {
        status: "updated",
        agent_name: agent.name,
        email: set.email,
        allow_proactive: set.allows_proactive,
    }))
}
