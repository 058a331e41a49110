//! Whether an agent answers, and what earlier checks found.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use actix_web::web::Json;
use actix_web::{get, post};
use futures::{StreamExt, stream};
use greenroom_actors::ids::AgentId;
use greenroom_actors::time::UnixMillis;
use moka::sync::Cache;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;
use utoipa::ToSchema;

use super::{Health, Watched, changed};
use crate::dialects::trinity::call::Call;
use crate::dialects::trinity::mount::Mount;
use crate::dialects::trinity::wanted::InQuery;
use crate::dialects::trinity::{Answer, times};
use crate::roster::Known;

/// Agents whose checks are kept, those looked at longest ago go first.
const AGENTS_MAX: u64 = 10_000;

/// Checks that are kept of each.
const CHECKS_MAX: usize = 50;

/// Agents that are asked at once.
const AT_ONCE: usize = 64;

pub(super) fn routes(at: &mut Mount) {
    at.service(check_all).service(one).service(history).service(check_one);
}

/// What a check found.
#[derive(Clone, Debug)]
pub(in crate::dialects::trinity) struct Check {
    pub(super) at: UnixMillis,
    pub(super) answered: bool,
    took_ms: u64,
    error: Option<String>,
}

/// What was found of late. It begins anew with the host.
pub(in crate::dialects::trinity) struct Checks {
    found: Cache<AgentId, Arc<Mutex<VecDeque<Check>>>>,
    /// How those who listen believe that agents are.
    told: Cache<AgentId, Health>,
}

impl Default for Checks {
    fn default() -> Self {
        Self { found: Cache::new(AGENTS_MAX), told: Cache::new(AGENTS_MAX) }
    }
}

impl Checks {
    pub(super) fn last(&self, id: AgentId) -> Option<Check> {
        self.of(id).pop()
    }

    /// Notes what is told of how an agent is; what was told before.
    pub(super) fn told(&self, id: AgentId, health: Health) -> Option<Health> {
        let before = self.told.get(&id);
        self.told.insert(id, health);
        before
    }

    /// Oldest first.
    fn of(&self, id: AgentId) -> Vec<Check> {
        let Some(checks) = self.found.get(&id) else { return Vec::new() };
        let checks = checks.lock().unwrap_or_else(PoisonError::into_inner);
        checks.iter().cloned().collect()
    }

    fn note(&self, id: AgentId, check: Check) {
        let checks = self.found.get_with(id, Arc::default);
        let mut checks = checks.lock().unwrap_or_else(PoisonError::into_inner);
        if checks.len() >= CHECKS_MAX {
            checks.pop_front();
        }
        checks.push_back(check);
    }
}

#[derive(Serialize, ToSchema)]
struct Checked {
    checked_at: String,
    /// Whether its actor answered.
    answered: bool,
    latency_ms: u64,
    error: Option<String>,
}

impl From<&Check> for Checked {
    fn from(check: &Check) -> Self {
        let Check { at, answered, took_ms, error } = check.clone();
        Self { checked_at: times::iso(at), answered, latency_ms: took_ms, error }
    }
}

#[derive(Serialize, ToSchema)]
struct AgentHealth {
    agent_name: String,
    #[serde(flatten)]
    watched: Watched,
    /// How often it was rebuilt after a crash since the host started; nothing if it does not answer.
    restart_count: Option<u32>,
    recent_checks: Vec<Checked>,
}

/// How one agent is.
#[utoipa::path(tag = "Monitoring", params(("name" = String, Path)), responses((status = 200, body = AgentHealth)))]
#[get("/api/monitoring/agents/{name}")]
async fn one(call: Call) -> Answer<AgentHealth> {
    let agent = call.authorised().await?;
    Ok(Json(health(&call, &agent).await))
}

async fn health(call: &Call, agent: &Known) -> AgentHealth {
    let registry = &call.shared.host.registry;
    let status = registry.status(agent.id).await;
    let recent = registry.liveness().recent;
    let checks = call.shared.checks.of(agent.id);
    AgentHealth {
        agent_name: agent.name.clone(),
        watched: Watched::of(&call.shared, agent, &recent),
        restart_count: status.ok().map(|status| status.restarts),
        recent_checks: checks.iter().rev().map(Checked::from).collect(),
    }
}

#[derive(Deserialize, ToSchema)]
struct HistoryLength {
    limit: Option<u32>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = CheckHistory)]
struct History {
    agent_name: String,
    count: usize,
    /// Newest first.
    checks: Vec<Checked>,
}

/// What earlier checks of an agent found since the host started.
#[utoipa::path(
    tag = "Monitoring",
    params(("name" = String, Path), InQuery<HistoryLength>),
    responses((status = 200, body = History))
)]
#[get("/api/monitoring/agents/{name}/history")]
async fn history(call: Call<InQuery<HistoryLength>>) -> Answer<History> {
    let agent = call.authorised().await?;
    let filter: HistoryLength = call.query()?;
    let limit = filter.limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(CHECKS_MAX);
    let checks = call.shared.checks.of(agent.id);
    let checks: Vec<_> = checks.iter().rev().take(limit).map(Checked::from).collect();
    Ok(Json(History { agent_name: agent.name, count: checks.len(), checks }))
}

/// Asks an agent whether it is there.
#[utoipa::path(tag = "Monitoring", params(("name" = String, Path)), responses((status = 200, body = AgentHealth)))]
#[post("/api/monitoring/agents/{name}/check")]
async fn check_one(call: Call) -> Answer<AgentHealth> {
    let agent = call.authorised().await?;
    ask(&call, &agent).await;
    Ok(Json(health(&call, &agent).await))
}

#[derive(Serialize, ToSchema)]
struct AllChecked {
    message: String,
    checked: usize,
    answered: usize,
}

/// Asks every running agent whether it is there; for administrators.
#[utoipa::path(tag = "Monitoring", responses((status = 200, body = AllChecked)))]
#[post("/api/monitoring/check-all")]
async fn check_all(call: Call) -> Answer<AllChecked> {
    call.admin()?;
    let mut agents = call.shared.host.roster.visible_to(&call.principal).await?;
    agents.retain(Known::is_running);
    let answers: Vec<bool> =
        stream::iter(&agents).map(|agent| ask(&call, agent)).buffered(AT_ONCE).collect().await;
    let answered = answers.iter().filter(|answered| **answered).count();
    Ok(Json(AllChecked {
        message: format!("{answered} of {} agents answered", agents.len()),
        checked: agents.len(),
        answered,
    }))
}

async fn ask(call: &Call, agent: &Known) -> bool {
    let began = Instant::now();
    let status = call.shared.host.registry.status(agent.id).await;
    let check = Check {
        at: call.shared.now(),
        answered: status.is_ok(),
        took_ms: u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
        error: status.err().map(|error| error.to_string()),
    };
    let answered = check.answered;
    call.shared.checks.note(agent.id, check);
    if let Some(event) = changed(&call.shared, agent) {
        call.shared.tell(&event);
    }
    answered
}
