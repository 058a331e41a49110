//! Triggers: what makes an agent act when its time comes, and the record of every time that came.
//!
//! A trigger's schedule names *slots*: instants at which it is due. Each slot becomes a [`Firing`],
//! which says what came of it; none passes in silence.

mod draft;
mod firing;
mod schedule;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use draft::{NewTrigger, TriggerPatch};
pub use firing::{Firing, FiringEnd, FiringSource, FiringStatus, TriggerFired};
pub use schedule::{EVERY_MAX_MS, EVERY_MIN_MS, Schedule, Slots};

use crate::ids::{AgentId, TriggerId};
use crate::time::UnixMillis;

/// What becomes of slots that could not fire in time: because the host was down, the fleet halted,
/// or the agent paused, stopped or failed. It is decided when that is over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Misfire {
    /// They are missed.
    #[default]
    Skip,
    /// The latest of them runs; the others are missed.
    RunOnce,
    /// The latest so many of them run, one after the other; the others are missed.
    RunAll {
        /// How many at most: 1 to [`Misfire::RUN_ALL_MAX`].
        max: u32,
    },
}

impl Misfire {
    /// Slots that are made up for at once at most.
    pub const RUN_ALL_MAX: u32 = 100;

    /// How many late slots run.
    #[must_use]
    pub fn made_up(self) -> u32 {
        match self {
            Self::Skip => 0,
            Self::RunOnce => 1,
            Self::RunAll { max } => max,
        }
    }
}

/// What becomes of a slot that comes in time while an earlier firing of its trigger is not done.
///
/// Slots that [`Misfire`] makes up for are no overlap: they wait for one another and run in turn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Overlap {
    /// It is skipped.
    #[default]
    Skip,
    /// It waits until the earlier one is done; if one waits already, it is skipped.
    QueueOne,
    /// It takes the place of those before it: one that runs is cut off, one that waits is skipped.
    CancelPrevious,
}

/// When the agent takes up a firing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wake {
    /// As soon as it is free.
    #[default]
    Now,
    /// With its next tick; as soon as it is free if it is not autonomous.
    NextTick,
}

/// A cause of runs of one agent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Trigger {
    /// Its id.
    pub id: TriggerId,
    /// Whose trigger.
    pub agent_id: AgentId,
    /// What people call it.
    pub name: String,
    /// What the agent is told when it fires.
    pub instructions: String,
    /// When it is due.
    pub schedule: Schedule,
    /// What becomes of slots that could not fire in time.
    pub misfire: Misfire,
    /// Seconds by which a slot may be late and still counts as in time.
    pub grace_s: u32,
    /// What becomes of a slot that comes while an earlier one is not done.
    pub overlap: Overlap,
    /// When the agent takes a firing up.
    pub wake: Wake,
    /// Whether it fires only while its agent is autonomous.
    pub needs_autonomy: bool,
    /// Whether it fires by itself. One with no slot to come is not enabled.
    pub is_enabled: bool,
    /// After how many runs it ends; `None`: never.
    pub max_runs: Option<u32>,
    /// How many of its firings were run, whatever came of it.
    pub run_count: u32,
    /// Who made it: a person, an API, the agent itself.
    pub created_by: String,
    /// The model that answers in its runs; the agent's own if absent.
    pub model: Option<String>,
    /// The only tools that its runs may use; whatever the agent may use if absent.
    pub allowed_tools: Option<Vec<String>>,
    /// Seconds that one of its runs may take; as long as any run if absent.
    pub timeout_s: Option<u32>,
    /// How often a run that fails is made again, if its schedule made it fire.
    #[serde(default)]
    pub retries_max: u32,
    /// Seconds after which that is done.
    #[serde(default)]
    pub retry_after_s: u32,
    /// What else a dialect keeps with it.
    pub metadata: Map<String, Value>,
    /// When it was made.
    pub created_at: UnixMillis,
    /// When it was last changed by somebody.
    pub updated_at: UnixMillis,
    /// Its next slot; `None` while it is not enabled. In the past while it cannot fire.
    pub next_due_at: Option<UnixMillis>,
    /// When a firing of it was last begun and done.
    pub last_fired_at: Option<UnixMillis>,
    /// What came of that.
    pub last_status: Option<FiringStatus>,
    /// Why that failed.
    pub last_error: Option<String>,
}

impl Trigger {
    /// How often it may still run when so many firings of it that are open are done.
    #[must_use]
    pub fn runs_left(&self, open: usize) -> u64 {
        let open = u64::try_from(open).unwrap_or(u64::MAX);
        self.max_runs.map_or(u64::MAX, |most| {
            u64::from(most).saturating_sub(u64::from(self.run_count)).saturating_sub(open)
        })
    }
}
