//! Bodies of an operator's routes.

use std::collections::BTreeMap;

use actix_web::web::Json;
use greenroom_actors::agent::Status;
use greenroom_actors::character::{AgentRecord, Character};
use greenroom_actors::ids::{AgentId, RunId};
use greenroom_actors::lifecycle::{Lifecycle, Pause, State};
use greenroom_actors::liveness::Report;
use greenroom_actors::ports::AgentQuery;
use greenroom_actors::time::UnixMillis;
use serde::{Deserialize, Serialize};

use crate::mcp::client::McpServerStatus;

use super::error::OperatorError;
use super::page::Page;

/// Agents in one answer at most.
const LIST_MAX: u32 = 1_000;

/// The envelope of what went well.
#[derive(Serialize)]
pub(super) struct Success<T> {
    success: bool,
    data: T,
}

impl<T> Success<T> {
    pub(super) fn of(data: T) -> Json<Self> {
        Json(Self { success: true, data })
    }
}

/// Which agents to list.
#[derive(Deserialize)]
pub(super) struct ListQuery {
    state: Option<String>,
    #[serde(flatten)]
    page: Page,
}

impl ListQuery {
    pub(super) fn read(&self) -> Result<AgentQuery, OperatorError> {
        let (offset, limit) = self.page.read(LIST_MAX)?;
        Ok(AgentQuery { state: self.state()?, offset, limit })
    }

    fn state(&self) -> Result<Option<State>, OperatorError> {
        match self.state.as_deref() {
            None | Some("" | "all") => Ok(None),
            Some("running") => Ok(Some(State::Running)),
            Some("paused") => Ok(Some(State::Paused)),
            Some("stopped") => Ok(Some(State::Stopped)),
            Some("failed") => Ok(Some(State::Failed)),
            Some(_) => Err(OperatorError::Invalid {
                field: "state",
                reason: "must be running, paused, stopped or failed".to_owned(),
            }),
        }
    }
}

#[derive(Serialize)]
pub(super) struct AgentList {
    pub(super) agents: Vec<AgentView>,
    /// How many there are in all states.
    pub(super) total: u64,
}

/// An agent as an operator sees it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct AgentView {
    id: AgentId,
    handle: String,
    name: String,
    state: State,
    started_at: Option<UnixMillis>,
    autonomy_every_ms: Option<u32>,
    failure: Option<String>,
    /// Why it is paused, where no operator asked for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pause: Option<Pause>,
    created_at: UnixMillis,
    updated_at: UnixMillis,
    #[serde(flatten)]
    live: Option<Live>,
    #[serde(skip_serializing_if = "Option::is_none")]
    character: Option<Character>,
}

/// What only a live agent knows.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Live {
    restarts: u32,
    run: Option<RunId>,
}

impl AgentView {
    /// As a list shows it: what the store knows.
    pub(super) fn listed(record: &AgentRecord) -> Self {
        Self::after(record, &record.lifecycle)
    }

    /// As it is after a command.
    pub(super) fn after(record: &AgentRecord, lifecycle: &Lifecycle) -> Self {
        Self {
            id: record.id,
            handle: record.handle.clone(),
            name: record.character.name.clone(),
            state: lifecycle.state(),
            started_at: lifecycle.started_at,
            autonomy_every_ms: lifecycle.autonomy.map(|autonomy| autonomy.every_ms),
            failure: lifecycle.failure.as_deref().map(str::to_owned),
            pause: lifecycle.pause.as_deref().cloned(),
            created_at: record.created_at,
            updated_at: record.updated_at,
            live: None,
            character: None,
        }
    }

    /// As it is now.
    pub(super) fn observed(record: &AgentRecord, status: &Status) -> Self {
        Self {
            state: status.state,
            live: Some(Live { restarts: status.restarts, run: status.run }),
            ..Self::after(record, &status.lifecycle)
        }
    }

    /// All of it.
    pub(super) fn shown(record: &AgentRecord, status: &Status) -> Self {
        Self { character: Some(record.character.clone()), ..Self::observed(record, status) }
    }
}

/// What came of it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Exchange {
    pub(super) message_id: greenroom_actors::ids::MemoryId,
    pub(super) reply: Option<String>,
}

/// How the agents get on.
#[derive(Serialize)]
pub(super) struct Liveness {
    #[serde(flatten)]
    pub(super) report: Report,
    /// How often each was found since the host started.
    pub(super) findings: BTreeMap<&'static str, u64>,
}

#[derive(Serialize)]
pub(super) struct Halted {
    pub(super) halted: bool,
}

/// The servers of MCP tools.
#[derive(Serialize)]
pub(super) struct McpServers {
    pub(super) servers: Vec<McpServerStatus>,
}

/// That the administrator's password is another one now.
#[derive(Serialize)]
pub(super) struct PasswordTaken {
    /// Always true.
    pub(super) taken: bool,
}

/// A backup that was made.
#[derive(Serialize)]
pub(super) struct BackupMade {
    /// Where it is, on the host's machine.
    pub(super) file: std::path::PathBuf,
}
