//! A new name for an agent that goes on as it is.

use actix_web::put;
use actix_web::web::Json;
use greenroom_actors::error::CoreError;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::call::Call;
use super::error::TrinityError;
use super::mount::Mount;
use super::{Answer, names};

pub(super) fn routes(at: &mut Mount) {
    at.service(rename);
}

#[derive(Deserialize, ToSchema)]
struct NewName {
    new_name: String,
}

#[derive(Serialize, ToSchema)]
struct Renamed {
    message: String,
    old_name: String,
    new_name: String,
    was_running: bool,
    /// What is left to do; nothing.
    note: Option<String>,
}

/// Gives an agent another name. It goes on running, and what it is doing goes on.
#[utoipa::path(
    tag = "Lifecycle",
    params(("name" = String, Path)),
    request_body = NewName,
    responses((status = 200, body = Renamed))
)]
#[put("/api/agents/{name}/rename")]
async fn rename(call: Call<NewName>) -> Answer<Renamed> {
    let wanted = call.fields()?;
    let found = call.found().await?;
    if found.as_ref().is_some_and(|agent| agent.entry.is_system) {
        return Err(TrinityError::forbidden("System agents cannot be renamed"));
    }
    let host = &call.shared.host;
    let taken = |name: &str| TrinityError::conflict(format!("Agent '{name}' already exists"));
    if found.is_none() && call.principal.is_admin() {
        // What is wrong with the new name is told first, here too.
        let new_name = names::for_rename(&wanted.new_name, &call.segment("name"))?;
        let is_taken = host.roster.find(&new_name).await?.is_some();
        return Err(if is_taken { taken(&new_name) } else { TrinityError::no_agent() });
    }
    let agent = call.owning_or("You don't have permission to rename this agent").await?;
    let new_name = names::for_rename(&wanted.new_name, &agent.name)?;
    match host.registry.rename(agent.id, &new_name).await {
        Ok(_) => {}
        Err(CoreError::HandleTaken { .. }) => return Err(taken(&new_name)),
        Err(error) => return Err(error.into()),
    }
    host.accounts.rename_agent_key(agent.id, &new_name).await?;
    // The name is there: that a folder has the old one is no reason to say otherwise.
    if let Err(error) = host.workspaces.follow_name(agent.id, &new_name).await {
        tracing::warn!(agent = %agent.id, %error, "the folder of an agent has its old name");
    }
    call.note("agent_lifecycle", "rename", ("agent", &new_name)).await;
    Ok(Json(Renamed {
        message: format!("Agent {} renamed to {new_name}", agent.name),
        old_name: agent.name.clone(),
        was_running: agent.is_running(),
        new_name,
        note: None,
    }))
}
