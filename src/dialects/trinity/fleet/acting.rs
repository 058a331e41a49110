//! Commands to many agents.

use actix_web::post;
use actix_web::web::Json;
use futures::{StreamExt, stream};
use greenroom_actors::agent::Change;
use greenroom_actors::lifecycle::Command;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::schedules;
use crate::dialects::trinity::call::Call;
use crate::dialects::trinity::error::TrinityError;
use crate::dialects::trinity::mount::Mount;
use crate::dialects::trinity::wanted::InQuery;
use crate::dialects::trinity::{Answer, times};
use crate::roster::Known;

/// Agents that are commanded at once: enough to fill a commit, and not to fill a mailbox.
pub(super) const AT_ONCE: usize = 64;

pub(super) fn routes(at: &mut Mount) {
    at.service(restart).service(stop).service(emergency_stop);
}

#[derive(Deserialize, ToSchema)]
struct SystemFilter {
    /// How the names begin of those that are meant; all where it is absent.
    system_prefix: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub(super) struct Acted {
    timestamp: String,
    summary: Summary,
    results: Vec<Outcome>,
}

#[derive(Default, Serialize, ToSchema)]
#[schema(as = FleetActionSummary)]
struct Summary {
    total: u64,
    successes: u64,
    failures: u64,
    skipped: u64,
}

#[derive(Serialize, ToSchema)]
struct Outcome {
    agent: String,
    /// `success`, `failed` or `skipped`.
    result: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

/// Restarts the agents that run, without the host's own.
#[utoipa::path(tag = "Fleet", params(InQuery<SystemFilter>), responses((status = 200, body = Acted)))]
#[post("/api/ops/fleet/restart")]
async fn restart(call: Call<InQuery<SystemFilter>>) -> Answer<Acted> {
    call.admin()?;
    Ok(Json(act(&call, Order::Restart).await?))
}

/// Stops the agents that run, without the host's own.
#[utoipa::path(tag = "Fleet", params(InQuery<SystemFilter>), responses((status = 200, body = Acted)))]
#[post("/api/ops/fleet/stop")]
async fn stop(call: Call<InQuery<SystemFilter>>) -> Answer<Acted> {
    call.admin()?;
    Ok(Json(act(&call, Order::Stop).await?))
}

#[derive(Serialize, ToSchema)]
struct EmergencyStop {
    success: bool,
    message: String,
    timestamp: String,
    schedules_paused: usize,
    agents_stopped: u64,
    errors: Vec<String>,
}

/// Pauses every schedule, then stops every agent but the host's own.
#[utoipa::path(tag = "Fleet", params(InQuery<SystemFilter>), responses((status = 200, body = EmergencyStop)))]
#[post("/api/ops/emergency-stop")]
async fn emergency_stop(call: Call<InQuery<SystemFilter>>) -> Answer<EmergencyStop> {
    call.admin()?;
    let meant = meant(&call).await?;
    let (schedules_paused, mut errors) = schedules::switch(&call, &meant, false).await?;
    let Acted { timestamp, summary, results } = act(&call, Order::Stop).await?;
    let failed = results.into_iter().filter(|outcome| outcome.result == "failed");
    errors.extend(
        failed.map(|outcome| format!("{}: {}", outcome.agent, outcome.reason.unwrap_or_default())),
    );
    Ok(Json(EmergencyStop {
        success: errors.is_empty(),
        message: format!(
            "{schedules_paused} schedules paused, {} agents stopped",
            summary.successes
        ),
        timestamp,
        schedules_paused,
        agents_stopped: summary.successes,
        errors,
    }))
}

/// The agents that are meant, in the order of their names.
async fn meant(call: &Call<InQuery<SystemFilter>>) -> Result<Vec<Known>, TrinityError> {
    let filter = call.query()?;
    let prefix = filter.system_prefix.unwrap_or_default();
    let mut agents = call.shared.host.roster.visible_to(&call.principal).await?;
    agents.retain(|agent| agent.name.starts_with(&prefix));
    agents.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(agents)
}

#[derive(Clone, Copy)]
enum Order {
    Stop,
    Restart,
}

async fn act(call: &Call<InQuery<SystemFilter>>, order: Order) -> Result<Acted, TrinityError> {
    let host = &call.shared.host;
    let outcomes = stream::iter(meant(call).await?).map(|agent| async move {
        let outcome = |result, reason: Option<&str>| Outcome {
            agent: agent.name.clone(),
            result,
            reason: reason.map(str::to_owned),
        };
        if agent.entry.is_system {
            return outcome("skipped", Some("system_agent"));
        }
        if !agent.is_running() {
            return outcome("skipped", Some("not_running"));
        }
        let done = match order {
            Order::Stop => {
                let stopped = host.registry.ask(agent.id, Change::insisting(Command::Stop)).await;
                stopped.map(drop).map_err(TrinityError::from)
            }
            Order::Restart => host.start_anew(agent.id).await.map(drop).map_err(TrinityError::from),
        };
        match done {
            Ok(()) => outcome("success", None),
            Err(error) => outcome("failed", Some(&error.words())),
        }
    });
    let results: Vec<_> = outcomes.buffered(AT_ONCE).collect().await;
    let mut summary = Summary::default();
    for outcome in &results {
        summary.total += 1;
        match outcome.result {
            "success" => summary.successes += 1,
            "failed" => summary.failures += 1,
            _ => summary.skipped += 1,
        }
    }
    Ok(Acted { timestamp: times::iso(call.shared.now()), summary, results })
}
