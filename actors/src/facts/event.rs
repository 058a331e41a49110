//! Events: what happened to an agent, as a sequence for whoever follows it.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::ids::AgentId;
use crate::time::UnixMillis;

/// One entry in an agent's durable sequence.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Whose event.
    pub agent_id: AgentId,
    /// Its number in the agent's sequence: from 1, without gaps.
    pub seq: u64,
    /// When it happened.
    pub at: UnixMillis,
    /// What sort.
    pub kind: EventKind,
    /// What it says.
    pub data: Map<String, Value>,
}

/// An event before it has its number.
#[derive(Clone, Debug, PartialEq)]
pub struct NewEvent {
    /// Whose event.
    pub agent_id: AgentId,
    /// When it happened.
    pub at: UnixMillis,
    /// What sort.
    pub kind: EventKind,
    /// What it says.
    pub data: Map<String, Value>,
}

/// What sort of thing happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    /// The agent was created.
    Created,
    /// Its character changed.
    Revised,
    /// It was started.
    Started,
    /// It was paused.
    Paused,
    /// It was resumed.
    Resumed,
    /// It was stopped.
    Stopped,
    /// It was restarted by an operator.
    Restarted,
    /// Its autonomy was set.
    AutonomySet,
    /// It crashed and was rebuilt.
    Crashed,
    /// It crashed too often and was left.
    Failed,
    /// It woke up.
    Ticked,
    /// A run was begun.
    RunStarted,
    /// A run ended.
    RunEnded,
    /// A letter came.
    LetterReceived,
    /// A letter was given up.
    LetterDead,
    /// An operator had a letter that was given up wait again.
    LetterRequeued,
    /// It called a tool.
    ToolCalled,
    /// A call of a tool may have happened or not: an earlier run was cut off while it was made.
    OutcomeUnknown,
    /// It wants to call a tool that a person has to allow first.
    ApprovalAsked,
    /// A person has answered, or nobody in time.
    ApprovalDecided,
    /// A run that was parked went on.
    RunResumed,
    /// A goal of its own was set or changed.
    GoalSet,
    /// It said something.
    Said,
    /// It thought something.
    Thought,
    /// Something was wrong with it, and was mended as far as it can be; see
    /// [`Finding`](crate::liveness::Finding).
    Remedied,
    /// A budget that it spends from has come to its soft mark.
    BudgetMarked,
    /// A trigger of its own was made or changed.
    TriggerSet,
    /// A trigger of its own was removed.
    TriggerRemoved,
    /// A trigger of its own fired, and that is over.
    TriggerFired,
    /// Slots of a trigger of its own were missed or skipped.
    TriggerMissed,
}

impl EventKind {
    /// All of them.
    pub const ALL: [Self; 30] = [
        Self::Created,
        Self::Revised,
        Self::Started,
        Self::Paused,
        Self::Resumed,
        Self::Stopped,
        Self::Restarted,
        Self::AutonomySet,
        Self::Crashed,
        Self::Failed,
        Self::Ticked,
        Self::RunStarted,
        Self::RunEnded,
        Self::LetterReceived,
        Self::LetterDead,
        Self::LetterRequeued,
        Self::ToolCalled,
        Self::OutcomeUnknown,
        Self::ApprovalAsked,
        Self::ApprovalDecided,
        Self::RunResumed,
        Self::GoalSet,
        Self::Said,
        Self::Thought,
        Self::Remedied,
        Self::BudgetMarked,
        Self::TriggerSet,
        Self::TriggerRemoved,
        Self::TriggerFired,
        Self::TriggerMissed,
    ];

    /// Its name, as stored and sent.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Revised => "revised",
            Self::Started => "started",
            Self::Paused => "paused",
            Self::Resumed => "resumed",
            Self::Stopped => "stopped",
            Self::Restarted => "restarted",
            Self::AutonomySet => "autonomy_set",
            Self::Crashed => "crashed",
            Self::Failed => "failed",
            Self::Ticked => "ticked",
            Self::RunStarted => "run_started",
            Self::RunEnded => "run_ended",
            Self::LetterReceived => "letter_received",
            Self::LetterDead => "letter_dead",
            Self::LetterRequeued => "letter_requeued",
            Self::ToolCalled => "tool_called",
            Self::OutcomeUnknown => "outcome_unknown",
            Self::ApprovalAsked => "approval_asked",
            Self::ApprovalDecided => "approval_decided",
            Self::RunResumed => "run_resumed",
            Self::GoalSet => "goal_set",
            Self::Said => "said",
            Self::Thought => "thought",
            Self::Remedied => "remedied",
            Self::BudgetMarked => "budget_marked",
            Self::TriggerSet => "trigger_set",
            Self::TriggerRemoved => "trigger_removed",
            Self::TriggerFired => "trigger_fired",
            Self::TriggerMissed => "trigger_missed",
        }
    }

    /// The kind of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}
