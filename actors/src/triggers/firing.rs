//! Firings: the record of each slot, and what came of it.

use serde::{Deserialize, Serialize};

use super::Wake;
use crate::ids::{AgentId, FiringId, RunId, TriggerId};
use crate::time::UnixMillis;

/// What came of a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FiringStatus {
    /// It waits for its agent.
    Waiting,
    /// A run was begun for it. If the host or the agent went down since, it waits for another.
    Running,
    /// A run has done it.
    Ran,
    /// It could not fire in time, and was not made up for.
    Missed,
    /// It came while an earlier one was not done, or was replaced before it was begun.
    Skipped,
    /// Its run failed, was cut off, or was begun too often.
    Failed,
}

impl FiringStatus {
    /// Whether something is still to come of it.
    #[must_use]
    pub fn is_open(self) -> bool {
        match self {
            Self::Waiting | Self::Running => true,
            Self::Ran | Self::Missed | Self::Skipped | Self::Failed => false,
        }
    }

    /// Whether a run was begun for it and is over.
    #[must_use]
    pub fn was_run(self) -> bool {
        matches!(self, Self::Ran | Self::Failed)
    }
}

/// Who made a trigger fire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FiringSource {
    /// Its schedule.
    Scheduler,
    /// Somebody, by hand.
    Manual,
}

/// One slot of a trigger that came due.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Firing {
    /// Its id.
    pub id: FiringId,
    /// The trigger.
    pub trigger_id: TriggerId,
    /// The trigger's agent.
    pub agent_id: AgentId,
    /// When it was due; the first of them where it stands for many.
    pub due_at: UnixMillis,
    /// What came of it.
    pub status: FiringStatus,
    /// Its last run.
    pub run_id: Option<RunId>,
    /// Why it did not run, or how its run failed.
    pub reason: Option<String>,
    /// Who made it fire.
    pub source: FiringSource,
    /// When the agent takes it up.
    pub wake: Wake,
    /// How many slots it stands for: more than one only where more were missed at once than are
    /// recorded one by one.
    pub count: u64,
    /// How often a run was begun for it.
    pub attempts: u32,
    /// When its last run was begun.
    pub started_at: Option<UnixMillis>,
    /// Since when nothing more is to come of it.
    pub ended_at: Option<UnixMillis>,
}

/// That nothing more is to come of a firing.
#[derive(Clone, Debug, PartialEq)]
pub struct FiringEnd {
    /// Which firing.
    pub id: FiringId,
    /// Whose.
    pub agent_id: AgentId,
    /// What came of it: anything that is not [open](FiringStatus::is_open).
    pub status: FiringStatus,
    /// Why it did not run, or how its run failed.
    pub reason: Option<String>,
    /// When.
    pub at: UnixMillis,
}

/// That the slots of a trigger up to now were taken.
#[derive(Clone, Debug, PartialEq)]
pub struct TriggerFired {
    /// Which trigger.
    pub trigger_id: TriggerId,
    /// Whose.
    pub agent_id: AgentId,
    /// The slot that it was due at.
    pub from: UnixMillis,
    /// Its next slot; with `None` it ends.
    pub next_due_at: Option<UnixMillis>,
    /// A record for each slot that was taken.
    pub firings: Vec<Firing>,
}
