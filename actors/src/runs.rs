//! Runs and steps: what an agent did, with an outcome for everything that was begun.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::ids::{AgentId, EntityId, FiringId, LetterId, RoomId, RunId};
use crate::time::UnixMillis;

/// Why a run was begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunKind {
    /// The agent woke up by itself.
    Tick,
    /// Somebody spoke to it.
    Reply,
    /// Somebody gave it a job.
    Job,
    /// A trigger fired.
    Trigger,
}

/// How far a run has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunStatus {
    /// Begun, and not ended.
    Started,
    /// Begun, and set aside until a person has answered; not ended.
    Parked,
    /// Ended as it should.
    Completed,
    /// Ended by an error.
    Failed,
    /// Cut off: by a stop or a halt, by more that was said meanwhile, by a later firing.
    Cancelled,
    /// Cut off because it took too long, or made no progress.
    TimedOut,
    /// The process ended before it did.
    Interrupted,
}

/// What a run or a step cost.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// The model that answered, as its provider calls it.
    pub model: Option<String>,
    /// Tokens read.
    pub input_tokens: u64,
    /// Tokens written.
    pub output_tokens: u64,
    /// What it cost, in millionths of a US dollar; `None` where the price is not known.
    pub cost_micros: Option<u64>,
}

impl Usage {
    /// Adds what a further call cost.
    pub fn add(&mut self, other: &Self) {
        if other.model.is_some() {
            self.model.clone_from(&other.model);
        }
        self.input_tokens = self.input_tokens.saturating_add(other.input_tokens);
        self.output_tokens = self.output_tokens.saturating_add(other.output_tokens);
        self.cost_micros = match (self.cost_micros, other.cost_micros) {
            (None, None) => None,
            (one, two) => Some(one.unwrap_or(0).saturating_add(two.unwrap_or(0))),
        };
    }
}

/// One unit of work with an outcome.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// Its id.
    pub id: RunId,
    /// Whose run it is.
    pub agent_id: AgentId,
    /// Why it was begun.
    pub kind: RunKind,
    /// How far it has come.
    pub status: RunStatus,
    /// Where it takes place.
    pub room_id: RoomId,
    /// Who caused it.
    pub entity_id: EntityId,
    /// The letter it answers.
    pub letter_id: Option<LetterId>,
    /// The firing of a trigger that it carries out.
    pub firing_id: Option<FiringId>,
    /// The run that it goes on from, which ended before its work was done: what that one has done is
    /// not done again.
    pub resumes: Option<RunId>,
    /// When it was begun.
    pub started_at: UnixMillis,
    /// When it ended.
    pub ended_at: Option<UnixMillis>,
    /// Why it did not complete.
    pub error: Option<String>,
    /// What it cost.
    pub usage: Usage,
}

impl RunStatus {
    /// Whether the run has ended.
    #[must_use]
    pub fn is_ended(self) -> bool {
        !matches!(self, Self::Started | Self::Parked)
    }
}

/// That a run is set aside.
#[derive(Clone, Debug, PartialEq)]
pub struct RunPark {
    /// Which run.
    pub run_id: RunId,
    /// Whose run.
    pub agent_id: AgentId,
    /// What it cost so far.
    pub usage: Usage,
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq)]
pub struct RunEnd {
    /// Which run.
    pub run_id: RunId,
    /// Whose run.
    pub agent_id: AgentId,
    /// How: one of those that [have ended](RunStatus::is_ended).
    pub status: RunStatus,
    /// When.
    pub ended_at: UnixMillis,
    /// Why, where it did not complete.
    pub error: Option<String>,
    /// What it cost in all.
    pub usage: Usage,
}

/// What sort of call a step is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepKind {
    /// A call of a model.
    Model,
    /// A call of a tool.
    Tool,
}

/// How far a step has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepStatus {
    /// About to be made; recorded before the call.
    Intended,
    /// Made, with success.
    Succeeded,
    /// Made, without success.
    Failed,
    /// It was cut off between intent and outcome, or its answer did not come: nobody knows whether it
    /// happened.
    OutcomeUnknown,
}

/// One call inside a run that leaves the process.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// The run it belongs to.
    pub run_id: RunId,
    /// Whose run.
    pub agent_id: AgentId,
    /// Its place in the run, from 0.
    pub index: u32,
    /// What sort of call.
    pub kind: StepKind,
    /// Which model or tool.
    pub name: String,
    /// How far it has come.
    pub status: StepStatus,
    /// What is asked.
    pub intent: Value,
    /// What came of it.
    pub outcome: Option<Value>,
    /// When it was begun.
    pub started_at: UnixMillis,
    /// When it ended.
    pub ended_at: Option<UnixMillis>,
    /// What it cost.
    pub usage: Usage,
}

/// How a step ended.
#[derive(Clone, Debug, PartialEq)]
pub struct StepEnd {
    /// The run it belongs to.
    pub run_id: RunId,
    /// Its place in the run.
    pub index: u32,
    /// How: anything but [`StepStatus::Intended`].
    pub status: StepStatus,
    /// What came of it.
    pub outcome: Value,
    /// When.
    pub ended_at: UnixMillis,
    /// What it cost.
    pub usage: Usage,
}
