//! The host's own agent: it is always there.

use actix_web::web::Json;
use actix_web::{get, post};
use greenroom_actors::agent::Change;
use greenroom_actors::character::Character;
use greenroom_actors::error::CoreError;
use greenroom_actors::ids::AgentId;
use greenroom_actors::lifecycle::Command;
use serde::Serialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;
use uuid::Uuid;

use super::agents::{container_id, status};
use super::call::Call;
use super::error::TrinityError;
use super::mount::Mount;
use super::{Answer, times};
use crate::accounts::{ADMIN, Scope};
use crate::host::Host;
use crate::roster::{Entry, Known};

/// Its name, for ever.
pub(super) const NAME: &str = "trinity-system";

/// What sort of agent it is.
const KIND: &str = "system-orchestrator";

/// What it was made from.
const TEMPLATE: &str = "local:trinity-system";

/// What its model is told before anything else.
const INSTRUCTIONS: &str = "You are the system agent of this host. You help its administrators to run \
    the other agents: you answer what they are doing, and say plainly what you do not know.";

/// Digits of the id that are shown here.
const SHORT_ID: usize = 12;

pub(super) fn routes(at: &mut Mount) {
    at.service(system_status).service(restart).service(reinitialize);
}

/// Sees to it that the host's own agent is there, with its key and its workspace; a new one is started.
///
/// # Errors
/// [`CoreError`] if it cannot be created. Where another agent has its name that one stays as it is, and
/// there is none.
pub(super) async fn ensure(host: &Host) -> Result<(), CoreError> {
    if let Some(found) = host.roster.find(NAME).await? {
        if !found.entry.is_system {
            tracing::warn!(agent = %found.id, "an agent of people's has the name {NAME}");
            return Ok(());
        }
        // One of an earlier version may have neither; what is there stays.
        equip(host, found.id).await;
        return Ok(());
    }
    let id = AgentId(Uuid::new_v4());
    let entry = Entry {
        kind: KIND.to_owned(),
        template: Some(TEMPLATE.to_owned()),
        container_id: container_id(),
        is_system: true,
        ..Entry::default()
    };
    host.roster.enter(id, entry, None).await?;
    equip(host, id).await;
    let character =
        Character { id: Some(id), system: Some(INSTRUCTIONS.to_owned()), ..Character::named(NAME) };
    if let Err(error) = host.registry.create_as(character, NAME).await {
        host.forget_agent(id).await?;
        return Err(error);
    }
    match host.registry.ask(id, Change::insisting(Command::Start)).await {
        // A halted host comes up all the same, and the agent is there to be started.
        Ok(_) | Err(CoreError::Halted) => Ok(()),
        Err(error) => Err(error),
    }
}

/// Gives it its key and its workspace. The host starts also where that fails; the next start tries again.
async fn equip(host: &Host, id: AgentId) {
    match host.accounts.user(ADMIN) {
        Some(admin) => {
            if let Err(error) = host.accounts.make_agent_key(id, NAME, &admin, Scope::System).await
            {
                tracing::warn!(%error, "the host's own agent has no key");
            }
        }
        None => tracing::warn!("the host's own agent has no key: there is no administrator"),
    }
    if let Err(error) = host.furnish(id, None).await {
        tracing::warn!(%error, "the workspace of the host's own agent is not complete");
    }
}

async fn find(host: &Host) -> Result<Option<Known>, TrinityError> {
    Ok(host.roster.find(NAME).await?.filter(|agent| agent.entry.is_system))
}

#[derive(Serialize, ToSchema)]
struct SystemStatus {
    exists: bool,
    /// `running`, `stopped` or `not_found`.
    status: &'static str,
    name: &'static str,
    container_id: Option<String>,
    owner: Option<String>,
    created_at: Option<String>,
    is_system: bool,
}

/// How the host's own agent is.
#[utoipa::path(tag = "System agent", responses((status = 200, body = SystemStatus)))]
#[get("/api/system-agent/status")]
async fn system_status(call: Call) -> Answer<SystemStatus> {
    call.admin()?;
    let found = find(&call.shared.host).await?;
    Ok(Json(SystemStatus {
        exists: found.is_some(),
        status: found.as_ref().map_or("not_found", |agent| status(agent.state)),
        name: NAME,
        container_id: found
            .as_ref()
            .map(|agent| agent.entry.container_id.chars().take(SHORT_ID).collect()),
        owner: found.as_ref().map(|agent| agent.entry.owner.clone()),
        created_at: found.as_ref().map(|agent| times::iso(agent.created_at)),
        is_system: true,
    }))
}

#[derive(Serialize, ToSchema)]
struct Restarted {
    success: bool,
    message: String,
    name: &'static str,
    status: &'static str,
}

/// Stops the host's own agent if it runs, and starts it.
#[utoipa::path(tag = "System agent", responses((status = 200, body = Restarted)))]
#[post("/api/system-agent/restart")]
async fn restart(call: Call) -> Answer<Restarted> {
    let agent = own(&call).await?;
    call.shared.host.start_anew(agent).await?;
    Ok(Json(Restarted {
        success: true,
        message: "System agent restarted".to_owned(),
        name: NAME,
        status: "running",
    }))
}

#[derive(Serialize, ToSchema)]
struct Reinitialized {
    success: bool,
    message: String,
    name: &'static str,
    status: &'static str,
    steps_completed: Vec<&'static str>,
    warnings: Vec<String>,
}

/// Makes the host's own agent as it was in the beginning: its folder as its template has it, its
/// instructions the first. What it remembers stays.
#[utoipa::path(tag = "System agent", responses((status = 200, body = Reinitialized)))]
#[post("/api/system-agent/reinitialize")]
async fn reinitialize(call: Call) -> Answer<Reinitialized> {
    let agent = own(&call).await?;
    let done = tokio::spawn(begin_again(call.shared.host.clone(), agent)).await;
    done.unwrap_or_else(|error| Err(TrinityError::inside(error)))?;
    Ok(Json(Reinitialized {
        success: true,
        message: "System agent reinitialized".to_owned(),
        name: NAME,
        status: "running",
        steps_completed: vec![
            "container_stopped",
            "workspace_cleared",
            "template_copied",
            "instructions_reset",
            "container_started",
        ],
        warnings: Vec::new(),
    }))
}

/// To its end, also where the caller leaves.
async fn begin_again(host: Host, agent: AgentId) -> Result<(), TrinityError> {
    host.registry.ask(agent, Change::insisting(Command::Stop)).await?;
    host.workspaces.forget(agent).await?;
    host.registry.revise(agent, first_words()).await?;
    host.start_anew(agent).await?;
    Ok(())
}

/// The host's own agent, for administrators.
async fn own(call: &Call) -> Result<AgentId, TrinityError> {
    call.admin()?;
    let found = find(&call.shared.host).await?;
    let agent = found.ok_or_else(|| TrinityError::not_found("System agent not found"))?;
    Ok(agent.id)
}

fn first_words() -> Map<String, Value> {
    let mut patch = Map::new();
    patch.insert("system".to_owned(), json!(INSTRUCTIONS));
    patch
}
