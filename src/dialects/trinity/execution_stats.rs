//! What the agents' executions came to.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use actix_web::get;
use actix_web::web::Json;
use greenroom_actors::ids::AgentId;
use greenroom_actors::ports::{TriggerTotals, WorkDone};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::call::Call;
use super::error::TrinityError;
use super::mount::Mount;
use super::shared::Shared;
use super::wanted::InQuery;
use super::{Answer, numbers, times};

/// The longest that is looked back.
const HOURS_MAX: u32 = 24 * 365;

/// Seven days.
const WEEK: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// Mounted before everything with an agent's name at that place.
pub(super) fn routes(at: &mut Mount) {
    at.service(execution_stats);
}

#[derive(Deserialize, ToSchema)]
struct StatsSpan {
    #[schema(minimum = 1, maximum = 8760)]
    hours: Option<u32>,
    include_7d: Option<bool>,
}

#[derive(Serialize, ToSchema)]
struct AllExecutions {
    agents: Vec<Executions>,
}

/// What an agent's executions came to. The figures of seven days are there where they were asked for.
#[derive(Default, Serialize, ToSchema)]
struct Executions {
    name: String,
    task_count_24h: u64,
    success_count: u64,
    failed_count: u64,
    running_count: u64,
    success_rate: f64,
    total_cost: f64,
    last_execution_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    task_count_7d: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    success_count_7d: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failed_count_7d: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    running_count_7d: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    success_rate_7d: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    total_cost_7d: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_execution_at_7d: Option<Option<String>>,
    schedules_total: u64,
    schedules_enabled: u64,
}

/// What the executions came to of the agents that the caller may see; those without any, and without
/// schedules, are left out.
#[utoipa::path(
    tag = "Bulk",
    params(InQuery<StatsSpan>),
    responses((status = 200, body = AllExecutions))
)]
#[get("/api/agents/execution-stats")]
async fn execution_stats(call: Call<InQuery<StatsSpan>>) -> Answer<AllExecutions> {
    let filter: StatsSpan = call.query()?;
    let hours = filter.hours.unwrap_or(24).clamp(1, HOURS_MAX);
    let lately = Duration::from_secs(u64::from(hours) * 60 * 60);
    let agents = call.shared.host.roster.visible_to(&call.principal).await?;
    let day = totals(&call.shared, lately).await?;
    let week = match filter.include_7d.unwrap_or(false) {
        true => Some(totals(&call.shared, WEEK).await?),
        false => None,
    };
    let schedules = call.shared.host.registry.store().trigger_totals().await?;
    let schedules: HashMap<_, _> = schedules.into_iter().map(|of| (of.agent_id, of)).collect();
    let with_data: BTreeSet<AgentId> = day
        .keys()
        .chain(week.iter().flat_map(HashMap::keys))
        .chain(schedules.keys())
        .copied()
        .collect();
    let agents = agents.into_iter().filter(|agent| with_data.contains(&agent.id)).map(|agent| {
        let week = week.as_ref().map(|week| week.get(&agent.id));
        let schedules = schedules.get(&agent.id);
        Executions::of((agent.id, agent.name), day.get(&agent.id), week, schedules)
    });
    Ok(Json(AllExecutions { agents: agents.collect() }))
}

async fn totals(
    shared: &Shared,
    lately: Duration,
) -> Result<HashMap<AgentId, WorkDone>, TrinityError> {
    let totals = shared.host.registry.store().work_since(shared.now().minus(lately)).await?;
    Ok(totals.into_iter().map(|of| (of.agent_id, of)).collect())
}

impl Executions {
    fn of(
        (id, name): (AgentId, String),
        day: Option<&WorkDone>,
        week: Option<Option<&WorkDone>>,
        schedules: Option<&TriggerTotals>,
    ) -> Self {
        let at = |of: &WorkDone| (of.total > 0).then(|| times::iso(of.last_started_at));
        let none = WorkDone::none(id);
        let of_day = day.unwrap_or(&none);
        let all = Self {
            name,
            task_count_24h: of_day.total,
            success_count: of_day.completed,
            failed_count: of_day.failed,
            running_count: of_day.open,
            success_rate: rate(of_day),
            total_cost: numbers::dollars(of_day.cost_micros),
            last_execution_at: at(of_day),
            schedules_total: schedules.map_or(0, |of| of.total),
            schedules_enabled: schedules.map_or(0, |of| of.enabled),
            ..Self::default()
        };
        let Some(of_week) = week else { return all };
        let of_week = of_week.unwrap_or(&none);
        Self {
            task_count_7d: Some(of_week.total),
            success_count_7d: Some(of_week.completed),
            failed_count_7d: Some(of_week.failed),
            running_count_7d: Some(of_week.open),
            success_rate_7d: Some(rate(of_week)),
            total_cost_7d: Some(numbers::dollars(of_week.cost_micros)),
            last_execution_at_7d: Some(at(of_week)),
            ..all
        }
    }
}

/// Of those that have ended, in per cent.
fn rate(of: &WorkDone) -> f64 {
    numbers::percent(of.completed, of.completed.saturating_add(of.failed))
}
