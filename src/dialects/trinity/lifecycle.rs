//! Start and stop, both durable and idempotent.

use actix_web::post;
use actix_web::web::Json;
use greenroom_actors::agent::Change;
use greenroom_actors::lifecycle::Command;
use serde::Serialize;
use utoipa::ToSchema;

use super::Answer;
use super::agents::Done;
use super::call::Call;
use super::credentials::InjectionResult;
use super::error::{ErrorBody, TrinityError};
use super::mount::Mount;
use crate::credentials::Injection;
use crate::host::StartError;
use crate::roster::Known;

pub(super) fn routes(at: &mut Mount) {
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
#[utoipa::path(
    tag = "Lifecycle",
    params(("name" = String, Path)),
    responses(
        (status = 200, body = Started),
        (status = 501, description = "There is no git here to fetch a template with", body = ErrorBody),
        (status = 502, description = "A template could not be fetched", body = ErrorBody)
    )
)]
#[post("/api/agents/{name}/start")]
async fn start(call: Call) -> Answer<Started> {
    let agent = call.authorised().await?;
    let injection = if agent.is_running() {
        // What has stopped meanwhile is to run all the same.
        let started = call.shared.host.registry.ask(agent.id, Change::insisting(Command::Start));
        started.await.map(|_| Injection::ALREADY_RUNNING).map_err(TrinityError::from)
    } else {
        begin(&call, &agent).await
    };
    let injection = match injection {
        Ok(injection) => injection,
        // It was removed meanwhile.
        Err(_) if call.shared.host.roster.get(agent.id).await?.is_none() => {
            return Err(TrinityError::no_agent());
        }
        Err(error) => return Err(error.failing("Failed to start agent")),
    };
    Ok(Json(Started {
        message: format!("Agent {} started", agent.name),
        credentials_injection: injection.word(),
        credentials_result: injection.into(),
    }))
}

/// Starts an agent with what it works with in place; how its credentials came to it.
pub(super) async fn begin<B>(call: &Call<B>, agent: &Known) -> Result<Injection, TrinityError> {
    let (host, hub) = (&call.shared.host, &call.shared.hub);
    // Before it runs, so that its first run has what it works with.
    let injection = host.make_ready(agent.id).await?;
    hub.starting(agent.id, injection.word());
    let started = host.registry.ask(agent.id, Change::insisting(Command::Start)).await;
    if started.is_err() {
        hub.not_started(agent.id);
    }
    started?;
    Ok(injection)
}

/// Stops an agent: answered when it is silent.
#[utoipa::path(tag = "Lifecycle", params(("name" = String, Path)), responses((status = 200, body = Done)))]
#[post("/api/agents/{name}/stop")]
async fn stop(call: Call) -> Answer<Done> {
    let agent = call.authorised().await?;
    let stopped = call.shared.host.registry.ask(agent.id, Change::insisting(Command::Stop)).await;
    stopped.map_err(|error| TrinityError::from(error).failing("Failed to stop agent"))?;
    Ok(Json(Done { message: format!("Agent {} stopped", agent.name) }))
}

impl From<StartError> for TrinityError {
    fn from(error: StartError) -> Self {
        match error {
            StartError::Template(error) => error.into(),
            StartError::Core(error) => error.into(),
        }
    }
}
