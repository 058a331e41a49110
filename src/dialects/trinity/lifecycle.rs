//! Start and stop, both durable and idempotent.

use actix_web::post;
use actix_web::web::Json;
use greenroom_actors::agent::Change;
use greenroom_actors::lifecycle::Command;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use super::agents::Done;
use super::call::Call;
use super::credentials::{self, InjectionResult};
use super::{Answer, resources};
use crate::credentials::Injection;

pub(super) fn routes(at: &mut ServiceConfig) {
    at.service(start).service(stop);
}

#[derive(Serialize, ToSchema)]
struct Started {
    message: String,
    /// `success`, `skipped` or `failed`.
    credentials_injection: &'static str,
    credentials_result: InjectionResult,
}

/// Starts an agent.
#[utoipa::path(tag = "Lifecycle", params(("name" = String, Path)), responses((status = 200, body = Started)))]
#[post("/api/agents/{name}/start")]
async fn start(call: Call) -> Answer<Started> {
    let agent = call.authorised().await?;
    let host = &call.shared.host;
    // Before it runs, so that its first run has what it works with.
    let injection = if agent.is_running() {
        Injection::ALREADY_RUNNING
    } else {
        host.furnish(agent.id, None).await?;
        resources::put_in_force(&call, &agent).await?;
        let own = credentials::own_server(&call, &agent);
        host.credentials.at_start(agent.id, own.as_ref()).await
    };
    host.registry.ask(agent.id, Change::insisting(Command::Start)).await?;
    Ok(Json(Started {
        message: format!("Agent {} started", agent.name),
        credentials_injection: injection.word(),
        credentials_result: injection.into(),
    }))
}

/// Stops an agent: answered when it is silent.
#[utoipa::path(tag = "Lifecycle", params(("name" = String, Path)), responses((status = 200, body = Done)))]
#[post("/api/agents/{name}/stop")]
async fn stop(call: Call) -> Answer<Done> {
    let agent = call.authorised().await?;
    call.shared.host.registry.ask(agent.id, Change::insisting(Command::Stop)).await?;
    Ok(Json(Done { message: format!("Agent {} stopped", agent.name) }))
}
