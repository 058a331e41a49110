//! The schedules of many agents.

use actix_web::post;
use actix_web::web::Json;
use futures::{StreamExt, stream};
use greenroom_actors::agent::AmendTrigger;
use greenroom_actors::error::CoreError;
use greenroom_actors::triggers::Trigger;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::acting::AT_ONCE;
use crate::accounts::Principal;
use crate::dialects::trinity::Answer;
use crate::dialects::trinity::call::Call;
use crate::dialects::trinity::error::TrinityError;
use crate::dialects::trinity::mount::Mount;
use crate::dialects::trinity::schedules::switched;
use crate::dialects::trinity::wanted::InQuery;
use crate::roster::Known;

pub(super) fn routes(at: &mut Mount) {
    at.service(pause).service(resume);
}

#[derive(Deserialize, ToSchema)]
struct ScheduleFilter {
    /// The one agent that is meant; all where it is absent.
    agent_name: Option<String>,
}

#[derive(Serialize, ToSchema)]
struct Paused {
    success: bool,
    message: String,
    paused_count: usize,
    agent_filter: Option<String>,
}

/// Disables the schedules that are enabled, and remembers which they were.
#[utoipa::path(tag = "Fleet", params(InQuery<ScheduleFilter>), responses((status = 200, body = Paused)))]
#[post("/api/ops/schedules/pause")]
async fn pause(call: Call<InQuery<ScheduleFilter>>) -> Answer<Paused> {
    let (count, errors, agent_filter) = of_filter(&call, false).await?;
    Ok(Json(Paused {
        success: errors.is_empty(),
        message: told("Paused", count, &errors),
        paused_count: count,
        agent_filter,
    }))
}

#[derive(Serialize, ToSchema)]
struct Resumed {
    success: bool,
    message: String,
    resumed_count: usize,
    agent_filter: Option<String>,
}

/// Enables those again that were enabled when all were paused.
#[utoipa::path(tag = "Fleet", params(InQuery<ScheduleFilter>), responses((status = 200, body = Resumed)))]
#[post("/api/ops/schedules/resume")]
async fn resume(call: Call<InQuery<ScheduleFilter>>) -> Answer<Resumed> {
    let (count, errors, agent_filter) = of_filter(&call, true).await?;
    Ok(Json(Resumed {
        success: errors.is_empty(),
        message: told("Resumed", count, &errors),
        resumed_count: count,
        agent_filter,
    }))
}

async fn of_filter(
    call: &Call<InQuery<ScheduleFilter>>,
    is_enabled: bool,
) -> Result<(usize, Vec<String>, Option<String>), TrinityError> {
    call.admin()?;
    let ScheduleFilter { agent_name } = call.query()?;
    let roster = &call.shared.host.roster;
    let agents = match &agent_name {
        Some(name) => vec![roster.find(name).await?.ok_or_else(TrinityError::no_agent)?],
        None => roster.visible_to(&call.principal).await?,
    };
    let (count, errors) = switch(call, &agents, is_enabled).await?;
    let action = if is_enabled { "resume" } else { "pause" };
    let whose = agent_name.as_deref().unwrap_or("all");
    call.note_with("schedule", action, ("fleet", whose), [("count", json!(count))]).await;
    Ok((count, errors, agent_name))
}

fn told(done: &str, count: usize, errors: &[String]) -> String {
    match errors {
        [] => format!("{done} {count} schedules"),
        errors => format!("{done} {count} schedules; not all: {}", errors.join("; ")),
    }
}

/// Pauses the schedules of these agents, or has them go on; how many were changed, and what went wrong.
pub(super) async fn switch<B>(
    call: &Call<B>,
    agents: &[Known],
    is_enabled: bool,
) -> Result<(usize, Vec<String>), TrinityError> {
    let host = &call.shared.host;
    let registry = &host.registry;
    // What somebody made who may not use the agent any longer was paused for good when that ended.
    let goes_on = |agent: &Known, trigger: &Trigger| {
        let by = host.accounts.user(&trigger.created_by).map(Principal::session);
        by.is_none_or(|by| host.roster.relation(&by, &agent.entry).may_use())
    };
    // Only those that have some are asked for them.
    let totals = registry.store().trigger_totals().await?;
    let is_open = |of: &greenroom_actors::ports::TriggerTotals| match is_enabled {
        true => of.enabled < of.total,
        false => of.enabled > 0,
    };
    let with_some: std::collections::HashSet<_> =
        totals.iter().filter(|of| is_open(of)).map(|of| of.agent_id).collect();
    let agents = agents.iter().filter(|agent| with_some.contains(&agent.id));
    let switching = stream::iter(agents).map(|agent| async move {
        let mut count = 0;
        let triggers = registry.store().triggers(agent.id).await;
        let triggers = triggers.map_err(|error| (agent, CoreError::from(error)))?;
        for trigger in triggers.iter().filter(|it| !is_enabled || goes_on(agent, it)) {
            let Some(patch) = switched(trigger, is_enabled).map(Box::new) else { continue };
            let amended = registry.ask(agent.id, AmendTrigger { id: trigger.id, patch }).await;
            match amended {
                Ok(_) => count += 1,
                // Removed meanwhile.
                Err(CoreError::NotFound { .. } | CoreError::AgentNotFound(_)) => {}
                Err(error) => return Err((agent, error)),
            }
        }
        Ok(count)
    });
    let (mut count, mut errors) = (0, Vec::new());
    let mut switching = switching.buffered(AT_ONCE);
    while let Some(outcome) = switching.next().await {
        match outcome {
            Ok(more) => count += more,
            Err((agent, error)) => {
                let words = TrinityError::from(error).words();
                errors.push(format!("{}: {words}", agent.name));
            }
        }
    }
    Ok((count, errors))
}
