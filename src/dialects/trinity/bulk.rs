//! What pages ask of all agents at once: from memory, whoever has how many.

use std::collections::BTreeMap;

use actix_web::get;
use actix_web::web::Json;
use serde::Serialize;
use utoipa::ToSchema;

use super::agents::status;
use super::call::Call;
use super::error::TrinityError;
use super::mount::Mount;
use super::shared::Shared;
use super::{Answer, numbers, times};
use crate::roster::Known;

/// Tokens that a model reads at once where nothing better is known.
const WINDOW: u64 = 200_000;

/// The same where Gemini's program carries out the runs.
const WINDOW_OF_GEMINI: u64 = 1_000_000;

/// Mounted before everything with an agent's name at that place.
pub(super) fn routes(at: &mut Mount) {
    at.service(context_stats).service(autonomy_status).service(all_slots).service(sync_health);
}

#[derive(Serialize, ToSchema)]
struct ContextStats {
    agents: Vec<AgentContext>,
}

/// How full the window of an agent's model is.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct AgentContext {
    name: String,
    status: &'static str,
    /// `offline`, `active` while a run is in flight, or `idle`.
    activity_state: &'static str,
    pub(super) context_percent: f64,
    pub(super) context_used: u64,
    pub(super) context_max: u64,
    pub(super) last_activity_time: Option<String>,
}

impl AgentContext {
    pub(super) fn of(shared: &Shared, agent: &Known) -> Self {
        let (name, status) = (agent.name.clone(), status(agent.state));
        if !agent.is_running() {
            return Self {
                name,
                status,
                activity_state: "offline",
                context_percent: 0.0,
                context_used: 0,
                context_max: WINDOW,
                last_activity_time: None,
            };
        }
        let figures = shared.host.registry.figures(agent.id);
        let context = figures.context.unwrap_or_default();
        let window = match agent.entry.runtime.as_str() {
            "gemini-cli" => WINDOW_OF_GEMINI,
            _ => WINDOW,
        };
        let window = context.window.map_or(window, u64::from);
        Self {
            name,
            status,
            activity_state: if figures.runs_in_flight > 0 { "active" } else { "idle" },
            context_percent: numbers::percent(context.tokens, window),
            context_used: context.tokens,
            context_max: window,
            last_activity_time: figures.last_active_at.map(times::iso),
        }
    }
}

/// How full the windows are of the agents that the caller may see, and which of them are at work.
#[utoipa::path(tag = "Bulk", responses((status = 200, body = ContextStats)))]
#[get("/api/agents/context-stats")]
async fn context_stats(call: Call) -> Answer<ContextStats> {
    let agents = call.shared.host.roster.visible_to(&call.principal).await?;
    let agents = agents.iter().map(|agent| AgentContext::of(&call.shared, agent));
    Ok(Json(ContextStats { agents: agents.collect() }))
}

#[derive(Serialize, ToSchema)]
struct AutonomyFlag {
    autonomy_enabled: bool,
}

/// Which agents act by themselves, by name. The host's own agent is left out.
#[utoipa::path(tag = "Bulk", responses((status = 200, body = BTreeMap<String, AutonomyFlag>)))]
#[get("/api/agents/autonomy-status")]
async fn autonomy_status(call: Call) -> Answer<BTreeMap<String, AutonomyFlag>> {
    let host = &call.shared.host;
    let agents = host.roster.visible_to(&call.principal).await?;
    let flags = agents.into_iter().filter(|agent| !agent.entry.is_system);
    let flags =
        flags.map(|agent| (agent.name, AutonomyFlag { autonomy_enabled: agent.is_autonomous }));
    Ok(Json(flags.collect()))
}

#[derive(Serialize, ToSchema)]
struct AllSlots {
    agents: BTreeMap<String, Slots>,
    timestamp: String,
}

/// How many runs an agent may have in flight, and has.
#[derive(Serialize, ToSchema)]
struct Slots {
    max: u32,
    active: u32,
}

/// How many runs the agents have in flight that the caller may see, by name.
#[utoipa::path(tag = "Bulk", responses((status = 200, body = AllSlots)))]
#[get("/api/agents/slots")]
async fn all_slots(call: Call) -> Answer<AllSlots> {
    let host = &call.shared.host;
    let agents = host.roster.visible_to(&call.principal).await?;
    let agents = call.shared.gists.of(&host.registry, agents).await?;
    let slots = agents.into_iter().map(|(agent, gist)| {
        let active = host.registry.figures(agent.id).runs_in_flight;
        (agent.name, Slots { max: gist.parallel_max, active })
    });
    Ok(Json(AllSlots { agents: slots.collect(), timestamp: times::iso(call.shared.now()) }))
}

#[derive(Serialize, ToSchema)]
struct AllSync {
    agents: Vec<Sync>,
}

/// How an agent's folder stands to the repository that it came from: no agent's is kept in step with one.
#[derive(Serialize, ToSchema)]
struct Sync {
    agent_name: String,
    auto_sync_enabled: bool,
    last_sync_at: Option<String>,
    /// Always `never`.
    last_sync_status: &'static str,
    consecutive_failures: u32,
    last_error_summary: Option<String>,
    behind_working: u32,
    behind_main: u32,
    ahead_working: u32,
    ahead_main: u32,
}

impl Sync {
    fn never(agent_name: String) -> Self {
        Self {
            agent_name,
            auto_sync_enabled: false,
            last_sync_at: None,
            last_sync_status: "never",
            consecutive_failures: 0,
            last_error_summary: None,
            behind_working: 0,
            behind_main: 0,
            ahead_working: 0,
            ahead_main: 0,
        }
    }
}

/// How the agents' folders stand to their repositories, by name.
#[utoipa::path(tag = "Bulk", responses((status = 200, body = AllSync)))]
#[get("/api/agents/sync-health")]
async fn sync_health(call: Call) -> Answer<AllSync> {
    let agents = call.shared.host.roster.visible_to(&call.principal).await?;
    let mut agents: Vec<_> = agents.into_iter().map(|agent| Sync::never(agent.name)).collect();
    agents.sort_by(|one, other| one.agent_name.cmp(&other.agent_name));
    Ok::<_, TrinityError>(Json(AllSync { agents }))
}
