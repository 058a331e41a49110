//! What the store answers, where no record of the core says it.

use crate::channels::JobStatus;
use crate::facts::Epoch;
use crate::ids::AgentId;
use crate::lifecycle::Lifecycle;
use crate::records::Memory;
use crate::time::UnixMillis;

/// A new boot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Boot {
    /// Its number.
    pub epoch: Epoch,
    /// How many runs of earlier boots were ended as interrupted.
    pub interrupted_runs: u64,
    /// How many calls of earlier boots nobody knows the outcome of.
    pub unknown_calls: u64,
}

/// What an agent's actor has to know to begin.
#[derive(Clone, Debug, PartialEq)]
pub struct Seed {
    /// The agent.
    pub id: AgentId,
    /// Its lifecycle.
    pub lifecycle: Lifecycle,
    /// When it last thought about itself.
    pub reflected_at: Option<UnixMillis>,
    /// Whether letters wait for it.
    pub has_letters: bool,
    /// Whether it has parked runs that may go on.
    pub has_resumable: bool,
    /// Whether it has a memory that was made after it last thought about itself.
    pub has_news: bool,
    /// Whether something is still to come of firings of its triggers.
    pub has_firings: bool,
    /// Whether it has an open goal.
    pub has_goals: bool,
}

/// When an agent last worked, and what it read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastWork {
    /// The agent.
    pub agent_id: AgentId,
    /// When its latest run ended; when it began, if it has not ended.
    pub at: UnixMillis,
    /// The model of the last call in that run, by the name it was asked for with; empty: the default.
    pub model: Option<String>,
    /// Tokens that this call read, if it was answered.
    pub input_tokens: Option<u64>,
}

/// What an agent's runs that somebody or something asked for came to: no ticks, and no errands such as
/// titles.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunTotals {
    /// The agent.
    pub agent_id: AgentId,
    /// Those that completed.
    pub completed: u64,
    /// Those that ended otherwise.
    pub failed: u64,
    /// Those that have not ended.
    pub open: u64,
    /// What they cost, as far as the price is known, in millionths of a US dollar.
    pub cost_micros: u64,
    /// When the latest of them began.
    pub last_started_at: UnixMillis,
}

/// How many triggers an agent has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TriggerTotals {
    /// The agent.
    pub agent_id: AgentId,
    /// All of them.
    pub total: u64,
    /// Those that are enabled.
    pub enabled: u64,
}

/// How many agents there are, by state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Census {
    /// Running.
    pub running: u64,
    /// Paused.
    pub paused: u64,
    /// Stopped.
    pub stopped: u64,
    /// Failed.
    pub failed: u64,
}

impl Census {
    /// All of them.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.running + self.paused + self.stopped + self.failed
    }
}

/// A memory and how near it is; greater is nearer.
#[derive(Clone, Debug, PartialEq)]
pub struct Scored {
    /// The memory.
    pub memory: Memory,
    /// The sum of its [`fuse`](super::fuse) scores.
    pub score: f32,
}

/// How many jobs there are, by status.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JobCensus {
    /// By status.
    pub counts: Vec<(JobStatus, u64)>,
    /// How long the completed ones took, in milliseconds, in all.
    pub completed_took_ms: u64,
}
