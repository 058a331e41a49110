//! How the primary agent is doing, in the words of clients that know only one agent.

use greenroom_actors::character::{AgentRecord, Character};
use greenroom_actors::error::CoreError;
use greenroom_actors::lifecycle::State;
use greenroom_actors::time::UnixMillis;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::sync::atomic::Ordering;

use super::Primary;
use super::default::DEFAULT_NAME;

/// The state of the one agent, or of a host that has none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StateWord {
    /// Nothing was ever started.
    NotStarted,
    /// The host comes up.
    Starting,
    /// The agent answers and, if autonomous, ticks.
    Running,
    /// The agent keeps its place.
    Paused,
    /// The agent does nothing.
    Stopped,
    /// The agent is being restarted.
    Restarting,
    /// The agent crashed too often.
    Error,
}

/// How the agent came up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Startup {
    /// `idle`, `starting`, `running` or `runtime-error`.
    pub phase: &'static str,
    /// How often the agent was rebuilt after a crash, one more while it has failed.
    pub attempt: u32,
    /// Why it has failed.
    pub last_error: Option<String>,
}

/// How the primary agent is doing.
#[derive(Clone, Debug, PartialEq)]
pub struct PrimaryStatus {
    /// The state.
    pub word: StateWord,
    /// What it is called; a default where there is none.
    pub agent_name: String,
    /// What it is answered by, while it is started.
    pub model: Option<String>,
    /// Since when it runs.
    pub started_at: Option<UnixMillis>,
    /// How it came up.
    pub startup: Startup,
    /// Why it should be restarted; empty if it need not.
    pub pending_restart: Vec<String>,
}

impl Primary {
    /// How the primary agent is doing.
    ///
    /// # Errors
    /// [`CoreError::Store`].
    pub async fn status(&self) -> Result<PrimaryStatus, CoreError> {
        let pending_restart = self.inner.pending.reasons();
        let Some(record) = self.agent().await? else {
            let standing = self.inner.standing.lock().await;
            return Ok(PrimaryStatus {
                word: standing.word,
                agent_name: DEFAULT_NAME.to_owned(),
                model: None,
                started_at: standing.started_at,
                startup: Startup { phase: "idle", attempt: 0, last_error: None },
                pending_restart,
            });
        };
        let word = self.word(&record);
        let started_at = record.lifecycle.started_at;
        Ok(PrimaryStatus {
            word,
            agent_name: record.character.name.clone(),
            // Whoever was stopped has no model until it is started again, even if it is resumed.
            model: started_at.map(|_| self.model(&record.character)),
            started_at,
            startup: startup(word, &record),
            pending_restart,
        })
    }

    fn word(&self, record: &AgentRecord) -> StateWord {
        if self.inner.is_restarting.load(Ordering::Acquire) {
            return StateWord::Restarting;
        }
        match record.lifecycle.state() {
            State::Running if self.inner.registry.is_booting() => StateWord::Starting,
            State::Running => StateWord::Running,
            State::Starting => StateWord::Starting,
            State::Paused => StateWord::Paused,
            State::Stopped | State::Stopping => StateWord::Stopped,
            State::Failed => StateWord::Error,
        }
    }

    /// What answers for a character: what it names, or else the host's default.
    fn model(&self, character: &Character) -> String {
        let named = character.extra.get("model").and_then(Value::as_str);
        let setting = character.setting("model");
        let of_setting = setting.and_then(Value::as_str);
        let by_size = ["primary", "large", "small"].into_iter();
        let by_size = by_size.filter_map(|size| setting?.get(size)?.as_str());
        named
            .into_iter()
            .chain(of_setting)
            .chain(by_size)
            .map(str::trim)
            .find(|name| !is_placeholder(name))
            .unwrap_or(&self.inner.default_model)
            .to_owned()
    }
}

/// Whether a model's name stands for none.
fn is_placeholder(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    matches!(name.as_str(), "" | "n/a" | "na" | "unknown" | "provided")
}

fn startup(word: StateWord, record: &AgentRecord) -> Startup {
    let last_error = record.lifecycle.failure.as_deref().map(str::to_owned);
    let phase = match word {
        StateWord::Error => "runtime-error",
        StateWord::Starting => "starting",
        StateWord::Restarting => "runtime-restart",
        StateWord::NotStarted | StateWord::Running | StateWord::Paused | StateWord::Stopped => {
            "running"
        }
    };
    Startup { phase, attempt: u32::from(last_error.is_some()), last_error }
}
