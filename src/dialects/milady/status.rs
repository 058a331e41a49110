//! The status object, in the three forms in which clients get it.

use actix_web::HttpResponse;
use actix_web::web::Data;
use greenroom_actors::time::UnixMillis;
use serde::Serialize;
use serde_json::{Value, json};

use super::Answer;
use super::shared::Shared;
use crate::primary::{PrimaryStatus, StateWord};

/// How the agent came up.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct StartupView {
    phase: &'static str,
    attempt: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_error: Option<String>,
}

/// What is in each of them.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Core {
    state: StateWord,
    agent_name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<String>,
}

/// `GET /api/status`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct StatusView {
    #[serde(flatten)]
    core: Core,
    #[serde(skip_serializing_if = "Option::is_none")]
    uptime: Option<u64>,
    startup: StartupView,
    cloud: Value,
    pending_restart: bool,
    pending_restart_reasons: Vec<String>,
}

/// The frame of the socket.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct StatusFrame {
    r#type: &'static str,
    #[serde(flatten)]
    core: Core,
    #[serde(skip_serializing_if = "Option::is_none")]
    started_at: Option<UnixMillis>,
    startup: StartupView,
    pending_restart: bool,
    pending_restart_reasons: Vec<String>,
}

/// What a change of the lifecycle answers with.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Moved {
    #[serde(flatten)]
    core: Core,
    #[serde(skip_serializing_if = "Option::is_none")]
    uptime: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    started_at: Option<UnixMillis>,
}

impl Moved {
    /// After a start: from now on.
    pub(super) fn started(status: PrimaryStatus) -> Self {
        let started_at = status.started_at;
        // What was asked for, also while the host comes up or the agent is restarted.
        let core = Core { state: StateWord::Running, ..Core::of(status) };
        Self { core, uptime: Some(0), started_at }
    }

    /// After a stop: neither model nor time.
    pub(super) fn stopped(status: PrimaryStatus) -> Self {
        let core = Core { model: None, ..Core::of(status) };
        Self { core, uptime: None, started_at: None }
    }

    /// After a pause and its end.
    pub(super) fn kept(status: PrimaryStatus, now: UnixMillis) -> Self {
        let started_at = status.started_at;
        let uptime = started_at.map(|since| uptime(since, now));
        Self { core: Core::of(status), uptime, started_at }
    }

    /// After a restart.
    pub(super) fn restarted(status: PrimaryStatus) -> Self {
        let started_at = status.started_at;
        Self { core: Core::of(status), uptime: None, started_at }
    }
}

impl Core {
    fn of(status: PrimaryStatus) -> Self {
        Self { state: status.word, agent_name: status.agent_name, model: status.model }
    }
}

impl StartupView {
    fn of(status: &PrimaryStatus) -> Self {
        let startup = status.startup.clone();
        Self { phase: startup.phase, attempt: startup.attempt, last_error: startup.last_error }
    }
}

impl StatusFrame {
    pub(super) fn of(status: PrimaryStatus) -> Self {
        Self {
            r#type: "status",
            startup: StartupView::of(&status),
            started_at: status.started_at,
            pending_restart: !status.pending_restart.is_empty(),
            pending_restart_reasons: status.pending_restart.clone(),
            core: Core::of(status),
        }
    }
}

/// `GET /api/status`.
pub(super) async fn get(shared: Data<Shared>) -> Answer {
    let status = shared.host.primary.status().await?;
    let now = shared.now();
    Ok(HttpResponse::Ok().json(StatusView {
        uptime: status.started_at.map(|since| uptime(since, now)),
        startup: StartupView::of(&status),
        cloud: json!({"connectionStatus": "disconnected", "activeAgentId": null}),
        pending_restart: !status.pending_restart.is_empty(),
        pending_restart_reasons: status.pending_restart.clone(),
        core: Core::of(status),
    }))
}

/// Milliseconds since.
fn uptime(since: UnixMillis, now: UnixMillis) -> u64 {
    u64::try_from(now.since(since).as_millis()).unwrap_or(u64::MAX)
}
