//! Whether the agents are well, as their supervisor sees them.

mod checks;
mod steering;

use actix_web::get;
use actix_web::web::Json;
use greenroom_actors::lifecycle::State;
use greenroom_actors::liveness::Found;
use serde::Serialize;
use utoipa::ToSchema;

use super::call::Call;
use super::error::TrinityError;
use super::live::Event;
use super::mount::Mount;
use super::shared::Shared;
use super::{Answer, times};
use crate::roster::Known;

pub(super) use checks::Checks;

/// The name of the preference that says whether agents are watched.
pub(super) const ENABLED: &str = "monitoring_enabled";

pub(super) fn routes(at: &mut Mount) {
    at.service(overview).service(all_alerts).configure(checks::routes).configure(steering::routes);
}

/// How an agent is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Health {
    Healthy,
    /// Something was found of late.
    Degraded,
    /// It does not answer.
    Unhealthy,
    /// It crashed too often and was left.
    Critical,
    /// It does not run, as it was asked.
    Unknown,
}

impl Health {
    fn as_str(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::Degraded => "degraded",
            Self::Unhealthy => "unhealthy",
            Self::Critical => "critical",
            Self::Unknown => "unknown",
        }
    }
}

#[derive(Serialize, ToSchema)]
struct Overview {
    enabled: bool,
    last_check_at: Option<String>,
    summary: Summary,
    agents: Vec<Watched>,
    circuit_breakers: Vec<String>,
}

#[derive(Default, Serialize, ToSchema)]
#[schema(as = MonitoringSummary)]
struct Summary {
    total_agents: u64,
    healthy: u64,
    degraded: u64,
    unhealthy: u64,
    critical: u64,
    unknown: u64,
}

/// An agent as its supervisor sees it.
#[derive(Serialize, ToSchema)]
pub(super) struct Watched {
    name: String,
    /// `healthy`, `degraded`, `unhealthy`, `critical` or `unknown`.
    status: &'static str,
    /// `running`, `paused`, `exited` or `dead`.
    docker_status: &'static str,
    network_reachable: bool,
    runtime_available: bool,
    last_check_at: Option<String>,
    issues: Vec<String>,
    #[serde(skip)]
    #[schema(ignore)]
    health: Option<Health>,
}

impl Watched {
    /// How an agent is, from what is known without asking it, and from its last check.
    pub(super) fn of(shared: &Shared, agent: &Known, recent: &[Found]) -> Self {
        let last = shared.checks.last(agent.id);
        let found = recent.iter().filter(|found| found.agent_id == agent.id);
        let mut issues: Vec<_> =
            found.map(|found| format!("{} ({})", found.finding.as_str(), found.remedy)).collect();
        let answers = last.as_ref().is_none_or(|check| check.answered);
        let health = match agent.state {
            State::Failed => {
                issues.push("crashed too often and was left".to_owned());
                Health::Critical
            }
            State::Running if !answers => {
                issues.push("did not answer its last check".to_owned());
                Health::Unhealthy
            }
            State::Running if issues.is_empty() => Health::Healthy,
            State::Running => Health::Degraded,
            State::Stopped | State::Starting | State::Paused | State::Stopping => Health::Unknown,
        };
        let is_up = agent.is_running() && answers;
        Self {
            name: agent.name.clone(),
            status: health.as_str(),
            docker_status: match agent.state {
                State::Running | State::Starting => "running",
                State::Paused => "paused",
                State::Stopped | State::Stopping => "exited",
                State::Failed => "dead",
            },
            network_reachable: is_up,
            runtime_available: is_up,
            last_check_at: last.map(|check| times::iso(check.at)),
            issues,
            health: Some(health),
        }
    }
}

/// What is to be told where an agent does better or worse than when that was last told. One that was
/// never looked at is taken to have been well; of one that does not run, as it was asked, nothing is told.
pub(super) fn changed(shared: &Shared, agent: &Known) -> Option<Event> {
    if !shared.host.preferences.flag(ENABLED, true) {
        return None;
    }
    let recent = shared.host.registry.liveness().recent;
    let Watched { health, issues, .. } = Watched::of(shared, agent, &recent);
    let current = health.filter(|health| *health != Health::Unknown)?;
    let previous = shared.checks.told(agent.id, current).unwrap_or(Health::Healthy);
    (previous != current).then(|| Event::Health {
        agent: agent.id,
        name: agent.name.clone(),
        previous: previous.as_str(),
        current: current.as_str(),
        issues,
        at: times::iso(shared.now()),
    })
}

/// How the agents are that the caller may see.
#[utoipa::path(tag = "Monitoring", responses((status = 200, body = Overview)))]
#[get("/api/monitoring/status")]
async fn overview(call: Call) -> Answer<Overview> {
    let host = &call.shared.host;
    let report = host.registry.liveness();
    let seen = host.roster.visible_to(&call.principal).await?;
    let agents: Vec<_> =
        seen.iter().map(|agent| Watched::of(&call.shared, agent, &report.recent)).collect();
    let mut summary = Summary::default();
    for agent in &agents {
        summary.total_agents += 1;
        let count = match agent.health {
            Some(Health::Healthy) => &mut summary.healthy,
            Some(Health::Degraded) => &mut summary.degraded,
            Some(Health::Unhealthy) => &mut summary.unhealthy,
            Some(Health::Critical) => &mut summary.critical,
            Some(Health::Unknown) | None => &mut summary.unknown,
        };
        *count += 1;
    }
    Ok(Json(Overview {
        enabled: host.preferences.flag(ENABLED, true),
        last_check_at: report.last_round_at.map(times::iso),
        summary,
        agents,
        circuit_breakers: Vec::new(),
    }))
}

/// Something that was wrong with an agent.
#[derive(Serialize, ToSchema)]
pub(super) struct Alert {
    agent_name: String,
    /// What it was, in one word.
    alert_type: &'static str,
    /// What was done about it, in one word.
    remedy: &'static str,
    severity: &'static str,
    message: String,
    created_at: String,
}

impl Alert {
    /// What was found of late with the agents that the caller may see, newest first.
    pub(super) async fn all(call: &Call) -> Result<Vec<Self>, TrinityError> {
        let host = &call.shared.host;
        let mut alerts = Vec::new();
        for found in host.registry.liveness().recent {
            let Some(agent) = host.roster.get(found.agent_id).await? else { continue };
            if !call.relation(&agent).may_use() {
                continue;
            }
            let (finding, remedy) = (found.finding.as_str(), found.remedy);
            alerts.push(Self {
                message: format!("{}: {finding}, {remedy}", agent.name),
                agent_name: agent.name,
                alert_type: finding,
                remedy,
                severity: "warning",
                created_at: times::iso(found.at),
            });
        }
        Ok(alerts)
    }
}

#[derive(Serialize, ToSchema)]
#[schema(as = MonitoringAlerts)]
struct Alerts {
    count: usize,
    alerts: Vec<Alert>,
}

/// What was found to be wrong of late with the agents that the caller may see.
#[utoipa::path(tag = "Monitoring", responses((status = 200, body = Alerts)))]
#[get("/api/monitoring/alerts")]
async fn all_alerts(call: Call) -> Answer<Alerts> {
    let alerts = Alert::all(&call).await?;
    Ok(Json(Alerts { count: alerts.len(), alerts }))
}
