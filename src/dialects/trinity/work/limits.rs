//! How long and how much an agent works at the same time.

use std::collections::BTreeMap;

use actix_web::web::Json;
use actix_web::{get, put};
use greenroom_actors::error::CoreError;
use greenroom_actors::letters::TaskBounds;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use super::entries::took;
use super::executions::preview;
use crate::dialects::trinity::call::Call;
use crate::dialects::trinity::error::TrinityError;
use crate::dialects::trinity::mount::Mount;
use crate::dialects::trinity::{Answer, short, times};
use crate::roster::{Known, Work};

/// Seconds that an execution may be given.
const TIMEOUT_S: std::ops::RangeInclusive<u32> = 60..=7_200;

pub(super) fn bulk_routes(at: &mut Mount) {
    at.service(all_slots);
}

pub(super) fn routes(at: &mut Mount) {
    at.service(timeout).service(set_timeout).service(capacity).service(set_capacity);
}

#[derive(Serialize, ToSchema)]
#[schema(as = LimitsTimeout)]
struct Timeout {
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    agent_name: String,
    execution_timeout_seconds: u32,
    execution_timeout_minutes: u32,
}

impl Timeout {
    fn of(agent: &Known, seconds: u32) -> Self {
        Self {
            message: None,
            agent_name: agent.name.clone(),
            execution_timeout_seconds: seconds,
            execution_timeout_minutes: seconds / 60,
        }
    }
}

/// How long an execution may take.
#[utoipa::path(tag = "Configuration", params(("name" = String, Path)), responses((status = 200, body = Timeout)))]
#[get("/api/agents/{name}/timeout")]
async fn timeout(call: Call) -> Answer<Timeout> {
    let agent = call.permitted().await?;
    Ok(Json(Timeout::of(&agent, agent.entry.work.timeout_s)))
}

#[derive(Deserialize, ToSchema)]
#[schema(as = LimitsNewTimeout)]
struct NewTimeout {
    /// 60 to 7200.
    execution_timeout_seconds: Option<Value>,
}

/// Sets how long executions may take that are begun from now on.
#[utoipa::path(
    tag = "Configuration",
    params(("name" = String, Path)),
    request_body = NewTimeout,
    responses((status = 200, body = Timeout))
)]
#[put("/api/agents/{name}/timeout")]
async fn set_timeout(call: Call<NewTimeout>) -> Answer<Timeout> {
    let wanted = call.fields()?;
    let agent = call.owning("timeout settings").await?;
    let said = wanted.execution_timeout_seconds.filter(|said| !said.is_null());
    let said = said.ok_or_else(|| TrinityError::bad("execution_timeout_seconds is required"))?;
    let seconds = said.as_u64().and_then(|seconds| u32::try_from(seconds).ok());
    let seconds = seconds.filter(|seconds| TIMEOUT_S.contains(seconds)).ok_or_else(|| {
        TrinityError::bad("execution_timeout_seconds must be an integer between 60 and 7200")
    })?;
    let amended = call.shared.host.roster.amend(agent.id, |entry| {
        entry.work = Work { timeout_s: seconds, ..entry.work.clone() };
        Ok::<_, CoreError>(())
    });
    amended.await?;
    let message = Some("Timeout updated".to_owned());
    Ok(Json(Timeout { message, ..Timeout::of(&agent, seconds) }))
}

#[derive(Serialize, ToSchema)]
#[schema(as = LimitsCapacity)]
struct Capacity {
    agent_name: String,
    max_parallel_tasks: u32,
    active_slots: usize,
    available_slots: usize,
    slots: Vec<Slot>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = LimitsSlot)]
struct Slot {
    slot_number: usize,
    execution_id: String,
    started_at: String,
    message_preview: String,
    duration_seconds: u64,
}

/// How many tasks an agent does at the same time, and which.
#[utoipa::path(tag = "Configuration", params(("name" = String, Path)), responses((status = 200, body = Capacity)))]
#[get("/api/agents/{name}/capacity")]
async fn capacity(call: Call) -> Answer<Capacity> {
    let agent = call.permitted_or("Access denied").await?;
    let registry = &call.shared.host.registry;
    let most = TaskBounds::of(&registry.record(agent.id).await?.character).parallel_max;
    let mut slots = Vec::new();
    for (slot_number, task) in (1..).zip(registry.tasks_in_flight(Some(agent.id))) {
        let letter = registry.store().letter(task.letter_id).await?;
        slots.push(Slot {
            slot_number,
            execution_id: short::of(task.letter_id.0),
            started_at: times::iso(task.began_at),
            message_preview: letter.map(|letter| preview(letter.text())).unwrap_or_default(),
            duration_seconds: took(task.began_at, call.shared.now()) / 1_000,
        });
    }
    let available = usize::try_from(most).unwrap_or(usize::MAX).saturating_sub(slots.len());
    Ok(Json(Capacity {
        agent_name: agent.name,
        max_parallel_tasks: most,
        active_slots: slots.len(),
        available_slots: available,
        slots,
    }))
}

#[derive(Serialize, ToSchema)]
#[schema(as = LimitsCapacitySet)]
struct CapacitySet {
    message: &'static str,
    agent_name: String,
    max_parallel_tasks: u32,
}

#[derive(Deserialize, ToSchema)]
#[schema(as = LimitsNewCapacity)]
struct NewCapacity {
    /// 1 to 10.
    max_parallel_tasks: Option<Value>,
}

/// Sets how many tasks an agent does at the same time, from now on.
#[utoipa::path(
    tag = "Configuration",
    params(("name" = String, Path)),
    request_body = NewCapacity,
    responses((status = 200, body = CapacitySet))
)]
#[put("/api/agents/{name}/capacity")]
async fn set_capacity(call: Call<NewCapacity>) -> Answer<CapacitySet> {
    let wanted = call.fields()?;
    let agent = call.owning_or("Only owners can change the capacity").await?;
    let said = wanted.max_parallel_tasks.as_ref().and_then(Value::as_u64);
    let most = said.and_then(|said| u32::try_from(said).ok());
    let most =
        most.filter(|most| (1..=TaskBounds::PARALLEL_MAX).contains(most)).ok_or_else(|| {
            TrinityError::bad("max_parallel_tasks must be an integer between 1 and 10")
        })?;
    let settings = json!({"tasks": {"parallel_max": most}});
    let patch = Map::from_iter([("settings".to_owned(), settings)]);
    call.shared.host.registry.revise(agent.id, patch).await?;
    Ok(Json(CapacitySet {
        message: "Capacity updated",
        agent_name: agent.name,
        max_parallel_tasks: most,
    }))
}

#[derive(Serialize, ToSchema)]
#[schema(as = AgentSlots)]
struct Slots {
    agents: BTreeMap<String, Use>,
    timestamp: String,
}

#[derive(Serialize, ToSchema)]
#[schema(as = LimitsUse)]
struct Use {
    max: u32,
    active: usize,
}

/// How many tasks each agent does at the same time, of those that the caller may see.
#[utoipa::path(tag = "Configuration", responses((status = 200, body = Slots)))]
#[get("/api/agents/slots")]
async fn all_slots(call: Call) -> Answer<Slots> {
    let host = &call.shared.host;
    let tasks = host.registry.tasks_in_flight(None);
    let mut agents = BTreeMap::new();
    for agent in host.roster.visible_to(&call.principal).await? {
        let max = TaskBounds::of(&host.registry.record(agent.id).await?.character).parallel_max;
        let active = tasks.iter().filter(|task| task.agent_id == agent.id).count();
        agents.insert(agent.name, Use { max, active });
    }
    Ok(Json(Slots { agents, timestamp: times::iso(call.shared.now()) }))
}
