//! What the store answers, where no record of the core says it.

use crate::channels::JobStatus;
use crate::facts::Epoch;
use crate::ids::AgentId;
use crate::letters::Letter;
use crate::lifecycle::Lifecycle;
use crate::records::Memory;
use crate::runs::Run;
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
    /// Whether letters wait for its conversation.
    pub has_letters: bool,
    /// Whether letters wait for it beside its conversation.
    pub has_tasks: bool,
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

/// A letter, and the latest run that was begun for it.
#[derive(Clone, Debug, PartialEq)]
pub struct Dealt {
    /// The letter.
    pub letter: Letter,
    /// The run, if there was one and it is still kept.
    pub run: Option<Run>,
}

/// What one agent was asked to do and has begun in some time: its runs that are no ticks. Those that
/// were interrupted are tried again, and do not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WorkDone {
    /// The agent.
    pub agent_id: AgentId,
    /// How many.
    pub total: u64,
    /// How many ended as they should.
    pub completed: u64,
    /// How many failed or took too long.
    pub failed: u64,
    /// How many have not ended.
    pub open: u64,
    /// What they cost, in millionths of a US dollar, as far as that is known.
    pub cost_micros: u64,
    /// When the latest was begun.
    pub last_started_at: UnixMillis,
}

impl WorkDone {
    /// Nothing yet.
    #[must_use]
    pub fn none(agent_id: AgentId) -> Self {
        Self {
            agent_id,
            total: 0,
            completed: 0,
            failed: 0,
            open: 0,
            cost_micros: 0,
            last_started_at: UnixMillis(i64::MIN),
        }
    }
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
