//! How the agents are.

use actix_web::get;
use actix_web::web::Json;
use greenroom_actors::lifecycle::State;
use serde::Serialize;
use utoipa::ToSchema;

use crate::dialects::trinity::agents::status;
use crate::dialects::trinity::bulk::AgentContext;
use crate::dialects::trinity::call::Call;
use crate::dialects::trinity::mount::Mount;
use crate::dialects::trinity::{Answer, times};

/// A window that is fuller than this is told of, in per cent.
const HIGH_CONTEXT: f64 = 80.0;

pub(super) fn routes(at: &mut Mount) {
    at.service(fleet_status).service(health);
}

#[derive(Serialize, ToSchema)]
struct FleetStatus {
    timestamp: String,
    summary: Summary,
    agents: Vec<FleetAgent>,
}

#[derive(Default, Serialize, ToSchema)]
#[schema(as = FleetSummary)]
struct Summary {
    total: u64,
    running: u64,
    stopped: u64,
    /// Running ones whose window is fuller than 80 per cent.
    high_context: u64,
}

#[derive(Serialize, ToSchema)]
struct FleetAgent {
    name: String,
    r#type: String,
    status: &'static str,
    is_system: bool,
    created_at: String,
    context: FleetContext,
    last_activity: Option<String>,
}

#[derive(Serialize, ToSchema)]
struct FleetContext {
    used: u64,
    max: u64,
    percent: f64,
}

/// All agents, with how full their windows are.
#[utoipa::path(tag = "Fleet", responses((status = 200, body = FleetStatus)))]
#[get("/api/ops/fleet/status")]
async fn fleet_status(call: Call) -> Answer<FleetStatus> {
    call.admin()?;
    let mut summary = Summary::default();
    let mut agents = Vec::new();
    for agent in call.shared.host.roster.visible_to(&call.principal).await? {
        let context = AgentContext::of(&call.shared, &agent);
        summary.total += 1;
        match agent.is_running() {
            true => summary.running += 1,
            false => summary.stopped += 1,
        }
        if context.context_percent > HIGH_CONTEXT {
            summary.high_context += 1;
        }
        agents.push(FleetAgent {
            status: status(agent.state),
            is_system: agent.entry.is_system,
            created_at: times::iso(agent.created_at),
            r#type: agent.entry.kind.clone(),
            name: agent.name,
            last_activity: context.last_activity_time,
            context: FleetContext {
                used: context.context_used,
                max: context.context_max,
                percent: context.context_percent,
            },
        });
    }
    Ok(Json(FleetStatus { timestamp: times::iso(call.shared.now()), summary, agents }))
}

#[derive(Serialize, ToSchema)]
struct FleetHealth {
    timestamp: String,
    summary: HealthSummary,
    critical_issues: Vec<Issue>,
    warnings: Vec<Issue>,
    /// Names of the agents that nothing is wrong with.
    healthy_agents: Vec<String>,
}

#[derive(Serialize, ToSchema)]
struct HealthSummary {
    total: usize,
    healthy: usize,
    warnings: usize,
    critical: usize,
}

#[derive(Serialize, ToSchema)]
struct Issue {
    agent: String,
    issue: &'static str,
    recommendation: &'static str,
}

/// What is wrong with agents, if anything is.
#[utoipa::path(tag = "Fleet", responses((status = 200, body = FleetHealth)))]
#[get("/api/ops/fleet/health")]
async fn health(call: Call) -> Answer<FleetHealth> {
    call.admin()?;
    let (mut critical, mut warnings, mut healthy) = (Vec::new(), Vec::new(), Vec::new());
    for agent in call.shared.host.roster.visible_to(&call.principal).await? {
        let context = AgentContext::of(&call.shared, &agent);
        let issue =
            |issue, recommendation| Issue { agent: agent.name.clone(), issue, recommendation };
        if agent.state == State::Failed {
            critical
                .push(issue("it crashed too often and was left", "Read its log, then start it"));
        } else if context.context_percent > HIGH_CONTEXT {
            let recommendation = "Begin a new session, or choose a model with a larger window";
            warnings.push(issue("its context window is nearly full", recommendation));
        } else {
            healthy.push(agent.name);
        }
    }
    Ok(Json(FleetHealth {
        timestamp: times::iso(call.shared.now()),
        summary: HealthSummary {
            total: critical.len() + warnings.len() + healthy.len(),
            healthy: healthy.len(),
            warnings: warnings.len(),
            critical: critical.len(),
        },
        critical_issues: critical,
        warnings,
        healthy_agents: healthy,
    }))
}
