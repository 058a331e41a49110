//! Whether an agent acts by itself: its ticks, and the schedules that wait for that. A gate and no more:
//! which of its schedules are enabled is left as it is.

use std::time::Duration;

use actix_web::web::Json;
use actix_web::{get, put};
use greenroom_actors::agent::SetAutonomy;
use greenroom_actors::lifecycle::Autonomy;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::Answer;
use super::agents::status;
use super::call::Call;
use super::error::TrinityError;
use super::mount::Mount;
use super::schedules::{Gate, gate};
use super::shape;

pub(super) fn routes(at: &mut Mount) {
    at.service(show).service(set);
}

/// Whether an agent acts by itself.
#[derive(Serialize, ToSchema)]
struct AutonomyView {
    agent_name: String,
    autonomy_enabled: bool,
    total_schedules: usize,
    /// Those that fire: enabled, and let through.
    enabled_schedules: usize,
    /// The agent's.
    status: &'static str,
}

/// Whether an agent acts by itself.
#[utoipa::path(tag = "Configuration", params(("name" = String, Path)), responses((status = 200, body = AutonomyView)))]
#[get("/api/agents/{name}/autonomy")]
async fn show(call: Call) -> Answer<AutonomyView> {
    let agent = call.permitted().await?;
    let gate = gate(&call.shared, agent.id).await?;
    let triggers = call.shared.host.registry.triggers(agent.id).await?;
    Ok(Json(AutonomyView {
        agent_name: agent.name,
        autonomy_enabled: gate.is_open,
        total_schedules: triggers.len(),
        enabled_schedules: triggers.iter().filter(|trigger| gate.lets(trigger)).count(),
        status: status(agent.state),
    }))
}

/// Whether an agent is to act by itself.
#[derive(Deserialize, ToSchema)]
struct AutonomyWish {
    /// True or false, in any of the lenient forms.
    enabled: Option<Value>,
}

/// That it does, or does not, from now on.
#[derive(Serialize, ToSchema)]
struct AutonomySet {
    status: &'static str,
    agent_name: String,
    autonomy_enabled: bool,
    /// Those that fire from now on and did not, or the other way round.
    schedules_updated: usize,
    message: String,
}

/// Has an agent act by itself, or not.
#[utoipa::path(
    tag = "Configuration",
    params(("name" = String, Path)),
    request_body = AutonomyWish,
    responses((status = 200, body = AutonomySet))
)]
#[put("/api/agents/{name}/autonomy")]
async fn set(call: Call<AutonomyWish>) -> Answer<AutonomySet> {
    let wish = call.fields()?;
    let agent = call.owning("autonomy settings").await?;
    if agent.entry.is_system {
        return Err(TrinityError::forbidden("Autonomy cannot be changed for the system agent"));
    }
    let wish = wish.enabled.filter(|wish| !wish.is_null());
    let wish = wish.ok_or_else(|| TrinityError::bad("enabled is required"))?;
    let wish =
        shape::truth(&wish).ok_or_else(|| TrinityError::bad("enabled must be true or false"))?;
    let registry = &call.shared.host.registry;
    let before = gate(&call.shared, agent.id).await?;
    let after = Gate { is_open: wish };
    if before.is_open != after.is_open {
        let every = Duration::from_secs(u64::from(registry.settings().tick_every_s));
        let autonomy = wish.then(|| Autonomy::every(every));
        registry.ask(agent.id, SetAutonomy(autonomy)).await?;
        let details = [("enabled", wish.into())];
        call.note_with("configuration", "autonomy", ("agent", &agent.name), details).await;
    }
    let triggers = registry.triggers(agent.id).await?;
    let changed = triggers.iter().filter(|it| before.lets(it) != after.lets(it)).count();
    let word = if wish { "enabled" } else { "disabled" };
    Ok(Json(AutonomySet {
        status: "updated",
        agent_name: agent.name,
        autonomy_enabled: wish,
        schedules_updated: changed,
        message: format!("Autonomy mode {word}. {changed} schedule(s) affected."),
    }))
}
