//! What an agent takes, as it is measured.

use std::time::Duration;

use actix_web::get;
use actix_web::web::Json;
use greenroom_actors::figures::Figures;
use greenroom_actors::ids::AgentId;
use greenroom_actors::time::UnixMillis;
use moka::sync::Cache;
use serde::Serialize;
use utoipa::ToSchema;

use super::call::Call;
use super::error::TrinityError;
use super::mount::Mount;
use super::shared::Shared;
use super::{Answer, numbers};
use crate::roster::{Known, memory_bytes};

/// Agents whose last sample is kept; of others, the time since their start is looked at.
const SAMPLES_MAX: u64 = 10_000;

/// How far two samples are apart at least: what is asked more often gets the figure from before.
const APART: Duration = Duration::from_secs(1);

/// A sample that is older says nothing of now.
const KEPT_FOR: Duration = Duration::from_secs(600);

pub(super) fn routes(at: &mut Mount) {
    at.service(stats);
}

#[derive(Serialize, ToSchema)]
struct Stats {
    /// Of one processor, with one decimal: the agent's own work and its child processes.
    cpu_percent: f64,
    /// What the agent accounts for, and what its child processes hold.
    memory_used_bytes: u64,
    memory_limit_bytes: u64,
    memory_percent: f64,
    /// From providers and tools.
    network_rx_bytes: u64,
    /// To providers and tools.
    network_tx_bytes: u64,
    uptime_seconds: u64,
    /// Always `running`.
    status: &'static str,
}

/// What an agent takes, measured and not invented: what nobody knows is 0.
#[utoipa::path(tag = "Info", params(("name" = String, Path)), responses((status = 200, body = Stats)))]
#[get("/api/agents/{name}/stats")]
async fn stats(call: Call) -> Answer<Stats> {
    let agent = call.authorised().await?;
    if !agent.is_running() {
        return Err(TrinityError::bad("Agent is not running"));
    }
    let taken = Taken::of(&call.shared, &agent);
    let limits = (&agent.entry.limits.memory, &agent.entry.resources.memory);
    let limit = memory_bytes(limits.0.as_ref().unwrap_or(limits.1));
    Ok(Json(Stats {
        cpu_percent: taken.cpu_percent,
        memory_used_bytes: taken.memory_bytes,
        memory_limit_bytes: limit,
        memory_percent: numbers::percent(taken.memory_bytes, limit),
        network_rx_bytes: taken.figures.received_bytes,
        network_tx_bytes: taken.figures.sent_bytes,
        uptime_seconds: taken.uptime.as_secs(),
        status: "running",
    }))
}

/// What an agent takes.
pub(super) struct Taken {
    pub(super) cpu_percent: f64,
    pub(super) memory_bytes: u64,
    figures: Figures,
    uptime: Duration,
}

impl Taken {
    pub(super) fn of(shared: &Shared, agent: &Known) -> Self {
        let figures = shared.host.registry.figures(agent.id);
        let now = shared.now();
        let uptime = figures.started_at.map_or(Duration::ZERO, |since| now.since(since));
        let cpu = figures.cpu.saturating_add(figures.children_cpu);
        // What was spent was spent since the host began.
        let known = uptime.min(now.since(shared.host.started_at));
        Self {
            cpu_percent: shared.samples.cpu_percent(agent.id, now, cpu, known),
            memory_bytes: figures.memory_bytes.saturating_add(figures.children_bytes),
            figures,
            uptime,
        }
    }
}

/// The last look at each agent's CPU time, so that the next tells what it took since.
pub(super) struct Samples(Cache<AgentId, Sample>);

#[derive(Clone, Copy)]
struct Sample {
    at: UnixMillis,
    cpu: Duration,
    percent: f64,
}

impl Default for Samples {
    fn default() -> Self {
        Self(Cache::builder().max_capacity(SAMPLES_MAX).time_to_live(KEPT_FOR).build())
    }
}

impl Samples {
    /// How much of one processor the agent took since the last look, or else over the time that its CPU
    /// time is known for.
    fn cpu_percent(&self, id: AgentId, at: UnixMillis, cpu: Duration, known: Duration) -> f64 {
        let before = self.0.get(&id).filter(|before| before.cpu <= cpu && before.at <= at);
        let percent = match before {
            Some(before) if at.since(before.at) < APART => return before.percent,
            Some(before) => {
                numbers::cpu_percent(cpu.saturating_sub(before.cpu), at.since(before.at))
            }
            None => numbers::cpu_percent(cpu, known),
        };
        self.0.insert(id, Sample { at, cpu, percent });
        percent
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_is_told_since_the_last_look_and_not_looked_at_too_often() {
        let (samples, id) = (Samples::default(), AgentId::new());
        let millis = Duration::from_millis;
        for (at, cpu, known, expected) in [
            (10_000, 100, 10_000, 1.0),
            (10_500, 400, 10_500, 1.0),
            (12_000, 1_100, 12_000, 50.0),
            (14_000, 1_100, 14_000, 0.0),
            // A host that began anew has counted less.
            (20_000, 10, 1_000, 1.0),
        ] {
            let found = samples.cpu_percent(id, UnixMillis(at), millis(cpu), millis(known));
            assert_eq!(found, expected, "{at}");
        }
    }
}
