//! Whether the server is there, and how it is doing.

use actix_web::http::StatusCode;
use greenroom_actors::lifecycle::State;
use greenroom_actors::liveness::Blocked;
use greenroom_actors::ports::AgentQuery;
use greenroom_actors::scheduler::SchedulerHealth;
use serde_json::{Value, json};

use super::call::Call;
use super::error::ElizaError;
use super::messaging::ServerView;
use super::rows;
use super::wire::{Answer, json};
use crate::http::instant;
use crate::telemetry::MemoryUse;

/// `GET /healthz`: the process answers.
pub(super) async fn alive(call: Call) -> Answer {
    json(StatusCode::OK, &json!({"status": "ok", "timestamp": instant::iso(call.now())}))
}

/// `GET /health`: 503 while no agent runs.
pub(super) async fn root(call: Call) -> Answer {
    let vigour = Vigour::of(&call).await?;
    let word = if vigour.is_well() { "OK" } else { "DEGRADED" };
    let mut body = health(&call, word, &vigour);
    if let Some(body) = body.as_object_mut() {
        body.insert("agentCount".to_owned(), json!(vigour.running));
    }
    json(vigour.status(), &body)
}

/// `GET /api/health`: the same for clients of the API, to whom the word is always `OK`.
pub(super) async fn api(call: Call) -> Answer {
    let vigour = Vigour::of(&call).await?;
    json(vigour.status(), &health(&call, "OK", &vigour))
}

/// `GET /api/server/health`: the same in the words of the typed client.
pub(super) async fn server(call: Call) -> Answer {
    let vigour = Vigour::of(&call).await?;
    let word = if vigour.is_well() { "healthy" } else { "degraded" };
    let mut body = health(&call, word, &vigour);
    if let Some(body) = body.as_object_mut() {
        body.insert("uptime".to_owned(), json!(uptime_s(&call)));
    }
    json(vigour.status(), &body)
}

/// What the health of the host is made of.
struct Vigour {
    running: u64,
    /// Threads of agents that do not answer.
    blocked: Vec<Blocked>,
    /// Whether the fleet is halted: then nothing is done for anybody.
    is_halted: bool,
    /// What is wrong with what should fire triggers.
    overdue: Option<String>,
}

impl Vigour {
    async fn of(call: &Call) -> Result<Self, ElizaError> {
        let running = call.store().census().await?.running;
        let registry = call.registry();
        let overdue = match registry.scheduler_health() {
            SchedulerHealth::Well => None,
            SchedulerHealth::Overdue { due_at } => {
                Some(format!("due since {} and not fired", instant::iso(due_at)))
            }
            SchedulerHealth::Silent { since } => {
                Some(format!("nothing heard of since {}", instant::iso(since)))
            }
        };
        let (blocked, is_halted) = (registry.liveness().blocked, registry.is_halted());
        Ok(Self { running, blocked, is_halted, overdue })
    }

    fn is_well(&self) -> bool {
        let is_working = self.running > 0 && !self.is_halted;
        is_working && self.blocked.is_empty() && self.overdue.is_none()
    }

    fn status(&self) -> StatusCode {
        if self.is_well() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }
    }

    fn dependencies(&self) -> Value {
        let agents = match (self.blocked.is_empty(), self.is_halted, self.running) {
            (false, _, _) => "blocked",
            (true, true, _) => "halted",
            (true, false, 0) => "no_agents",
            (true, false, _) => "healthy",
        };
        match &self.overdue {
            Some(overdue) => json!({"agents": agents, "triggers": overdue}),
            None => json!({"agents": agents}),
        }
    }
}

fn health(call: &Call, word: &str, vigour: &Vigour) -> Value {
    let mut body = json!({
        "status": word,
        "version": call.settings.app_version,
        "timestamp": instant::iso(call.now()),
        "dependencies": vigour.dependencies(),
    });
    if let (Some(body), false) = (body.as_object_mut(), vigour.blocked.is_empty()) {
        // Which agent it was handling last, so that whoever looks after the host can end that.
        body.insert("blocked".to_owned(), json!(vigour.blocked));
    }
    body
}

/// `GET /api/server/ping`.
pub(super) async fn ping(call: Call) -> Answer {
    json(StatusCode::OK, &json!({"pong": true, "timestamp": call.now()}))
}

/// `GET /api/server/hello`.
pub(super) async fn hello() -> Answer {
    json(StatusCode::OK, &json!({"message": "Hello World!"}))
}

/// `GET /api/server/status`.
pub(super) async fn status(call: Call) -> Answer {
    let census = call.store().census().await?;
    let (total, active) = (census.total(), census.running);
    let inactive = total.saturating_sub(active);
    json(
        StatusCode::OK,
        &json!({
            "status": "ok",
            "agentCount": active,
            "timestamp": instant::iso(call.now()),
            "agents": {"total": total, "active": active, "inactive": inactive},
            "memory": memory(),
            "uptime": uptime_s(&call),
            "version": call.settings.app_version,
        }),
    )
}

/// Bytes that the process has in memory, of those that the machine has.
fn memory() -> Value {
    let memory = MemoryUse::now();
    json!({
        "used": memory.used_bytes(),
        "total": memory.total_bytes(),
        "percentage": memory.percentage(),
    })
}

/// Seconds since the process began to serve.
pub(super) fn uptime_s(call: &Call) -> f64 {
    call.now().since(call.host.started_at).as_secs_f64()
}

/// `POST /api/server/stop`: the answer is on its way before the listener closes.
pub(super) async fn stop(call: Call) -> Answer {
    tracing::info!("asked over the API to stop");
    call.host.stop.request();
    let message = "Server stopping...";
    let data = json!({"success": true, "message": message});
    json(StatusCode::OK, &json!({"success": true, "message": message, "data": data}))
}

/// `GET /api/server/debug/servers`, with what the client library looks for there: the runtime and its
/// surroundings. Of the environment only what is nobody's secret.
pub(super) async fn servers(call: Call) -> Answer {
    let limit = call.settings.list_max;
    let query = AgentQuery { state: Some(State::Running), offset: 0, limit };
    let agents = call.store().agents(query).await?;
    let agents = agents.iter().map(|record| {
        json!({
            "id": record.id,
            "name": record.character.name,
            "status": rows::status(record),
        })
    });
    let runtime = json!({
        "agents": agents.collect::<Vec<_>>(),
        "connections": call.in_flight.taken(),
        "memory": memory(),
    });
    let environment = json!({
        "version": call.host.version,
        "os": std::env::consts::OS,
        "arch": std::env::consts::ARCH,
    });
    let servers = call.messaging().servers().await?;
    let servers: Vec<_> = servers.iter().map(ServerView::of).collect();
    let count = servers.len();
    json(
        StatusCode::OK,
        &json!({
            "success": true,
            "servers": servers,
            "count": count,
            "data": {
                "servers": servers,
                "count": count,
                "runtime": runtime,
                "environment": environment,
            },
        }),
    )
}
