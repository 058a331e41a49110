//! The schedules of all agents, for administrators.

use std::collections::HashSet;

use actix_web::get;
use actix_web::web::Json;
use greenroom_actors::ports::{DueQuery, FiringQuery};
use greenroom_actors::time::UnixMillis;
use greenroom_actors::triggers::Trigger;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::executions::LastExecution;
use super::gate;
use super::wire::{self, ScheduleView};
use crate::dialects::trinity::call::Call;
use crate::dialects::trinity::error::TrinityError;
use crate::dialects::trinity::mount::Mount;
use crate::dialects::trinity::wanted::InQuery;
use crate::dialects::trinity::work::Execution;
use crate::dialects::trinity::{Answer, short, times};
use crate::roster::Known;

/// Schedules in one answer at most.
const SCHEDULES_MAX: usize = 10_000;

/// Jobs in one answer at most.
const JOBS_MAX: u32 = 1_000;

/// Later than all slots, and early enough to be counted on from.
const END_OF_TIME: UnixMillis = UnixMillis(i64::MAX / 2);

pub(super) fn routes(at: &mut Mount) {
    at.service(status).service(overview);
}

/// How what fires triggers is doing.
#[derive(Serialize, ToSchema)]
struct SchedulerStatus {
    /// Whether what is due fires.
    running: bool,
    /// Schedules that fire by themselves; counted up to a thousand.
    jobs_count: usize,
    uptime_seconds: u64,
    /// When it last came round.
    last_check: Option<String>,
    jobs: Vec<Job>,
}

/// A schedule that fires by itself.
#[derive(Serialize, ToSchema)]
struct Job {
    id: String,
    name: String,
    agent_name: String,
    next_run_at: Option<String>,
}

/// How what fires triggers is doing, and what it is to fire.
#[utoipa::path(tag = "Schedules", responses((status = 200, body = SchedulerStatus)))]
#[get("/api/agents/scheduler/status")]
async fn status(call: Call) -> Answer<SchedulerStatus> {
    call.admin()?;
    let (host, now) = (&call.shared.host, call.shared.now());
    let all = DueQuery { now: END_OF_TIME, is_late: true, limit: JOBS_MAX };
    let mut jobs = Vec::new();
    for trigger in host.registry.store().due_triggers(all).await? {
        let Some(agent) = host.roster.get(trigger.agent_id).await? else { continue };
        let gate = wire::Gate { is_open: true };
        jobs.push(Job {
            id: short::of(trigger.id.0),
            next_run_at: wire::next(&trigger, gate, now).map(times::iso),
            name: trigger.name,
            agent_name: agent.name,
        });
    }
    Ok(Json(SchedulerStatus {
        running: host.registry.scheduler_health().is_well(),
        jobs_count: jobs.len(),
        uptime_seconds: now.since(host.started_at).as_secs(),
        last_check: host.registry.scheduler_seen_at().map(times::iso),
        jobs,
    }))
}

#[derive(Deserialize, ToSchema)]
struct Which {
    agent_name: Option<String>,
    enabled_only: Option<bool>,
}

/// How many schedules there are.
#[derive(Default, Serialize, ToSchema)]
struct SchedulesSummary {
    total: usize,
    enabled: usize,
    disabled: usize,
    agents_with_schedules: usize,
}

/// A schedule, and what last came of it.
#[derive(Serialize, ToSchema)]
struct FleetSchedule {
    #[serde(flatten)]
    schedule: ScheduleView,
    last_execution: Option<LastExecution>,
}

/// The schedules of all agents.
#[derive(Serialize, ToSchema)]
struct FleetSchedules {
    timestamp: String,
    summary: SchedulesSummary,
    schedules: Vec<FleetSchedule>,
}

/// The schedules of all agents, or of one.
#[utoipa::path(
    tag = "Operations",
    params(InQuery<Which>),
    responses((status = 200, body = FleetSchedules))
)]
#[get("/api/ops/schedules")]
async fn overview(call: Call<InQuery<Which>>) -> Answer<FleetSchedules> {
    call.admin()?;
    let which: Which = call.query()?;
    let enabled_only = which.enabled_only.unwrap_or(false);
    let (registry, now) = (&call.shared.host.registry, call.shared.now());
    let mut summary = SchedulesSummary::default();
    let mut schedules = Vec::new();
    for agent in agents(&call, which.agent_name.as_deref()).await? {
        let triggers = registry.triggers(agent.id).await?;
        if triggers.is_empty() {
            continue;
        }
        let gate = gate(&call.shared, agent.id).await?;
        summary.agents_with_schedules += 1;
        for trigger in triggers.iter().filter(|trigger| trigger.is_enabled || !enabled_only) {
            summary.total += 1;
            if trigger.is_enabled {
                summary.enabled += 1;
            } else {
                summary.disabled += 1;
            }
            if schedules.len() >= SCHEDULES_MAX {
                continue;
            }
            schedules.push(FleetSchedule {
                schedule: ScheduleView::of(trigger, &agent.name, gate, now),
                last_execution: last(&call, &agent, trigger).await?,
            });
        }
    }
    Ok(Json(FleetSchedules { timestamp: times::iso(now), summary, schedules }))
}

async fn last<B>(
    call: &Call<B>,
    agent: &Known,
    trigger: &Trigger,
) -> Result<Option<LastExecution>, TrinityError> {
    if trigger.last_fired_at.is_none() {
        return Ok(None);
    }
    let (agent_id, trigger_id) = (trigger.agent_id, Some(trigger.id));
    let latest = FiringQuery { agent_id, trigger_id, offset: 0, limit: 1 };
    let store = &**call.shared.host.registry.store();
    let Some(firing) = store.firings(latest).await?.pop() else { return Ok(None) };
    let execution = Execution::of_firing(store, firing, Some(trigger.clone())).await?;
    Ok(Some(LastExecution::of(agent, &execution)))
}

/// The agents with schedules that are meant: all, or the one of that name.
async fn agents<B>(call: &Call<B>, name: Option<&str>) -> Result<Vec<Known>, TrinityError> {
    let (roster, store) = (&call.shared.host.roster, call.shared.host.registry.store());
    let mut agents = match name.filter(|name| !name.is_empty()) {
        None => roster.visible_to(&call.principal).await?,
        Some(name) => vec![roster.find(name).await?.ok_or_else(TrinityError::no_agent)?],
    };
    let totals = store.trigger_totals().await?;
    let with_some: HashSet<_> = totals.iter().map(|of| of.agent_id).collect();
    agents.retain(|agent| with_some.contains(&agent.id));
    Ok(agents)
}
