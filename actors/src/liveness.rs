//! Liveness: whether agents get on, and a remedy for each way in which they do not.
//!
//! What counts is progress: an agent that waits for a model within its deadline gets on. Each agent
//! is looked at once in a while, in pages over that time, by a message like any other, so that it
//! looks at itself and mends itself; what it cannot find is found by whether it answers at all, and
//! by what the store has open that nobody carries out. Every finding is an event of its agent, is
//! counted, and is shown for a while.

mod board;
pub(crate) mod handled;

use serde::{Deserialize, Serialize};

pub use board::{Blocked, Found, Report};

pub(crate) use board::Board;

/// What was wrong.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Finding {
    /// A run in flight made no progress for longer than it may take at all. It is cut off as timed
    /// out.
    #[default]
    StuckRun,
    /// An agent's mailbox did not answer, while others on its thread did. The agent is rebuilt from
    /// the store.
    DeafAgent,
    /// A letter waited though the agent was free. It is taken up.
    LetterPassedOver,
    /// A tick did not come. The timer is armed anew.
    TickPassedOver,
    /// A run was open in the store, and nobody carried it out. It is closed as failed.
    OrphanedRun,
    /// An agent's runs fail again and again. That is reported, once until one succeeds.
    FailingAgent,
    /// A thread did not answer: whatever was last handled on it blocks it. Nothing but the end of
    /// the process helps, which whoever watches its health decides.
    BlockedThread,
}

impl Finding {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::StuckRun,
        Self::DeafAgent,
        Self::LetterPassedOver,
        Self::TickPassedOver,
        Self::OrphanedRun,
        Self::FailingAgent,
        Self::BlockedThread,
    ];

    /// Its name, as kept and shown.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::StuckRun => "stuck_run",
            Self::DeafAgent => "deaf_agent",
            Self::LetterPassedOver => "letter_passed_over",
            Self::TickPassedOver => "tick_passed_over",
            Self::OrphanedRun => "orphaned_run",
            Self::FailingAgent => "failing_agent",
            Self::BlockedThread => "blocked_thread",
        }
    }

    /// What was done about it.
    #[must_use]
    pub fn remedy(self) -> &'static str {
        match self {
            Self::StuckRun => "cut_off",
            Self::DeafAgent => "rebuilt",
            Self::LetterPassedOver => "taken_up",
            Self::TickPassedOver => "timer_armed",
            Self::OrphanedRun => "closed",
            Self::FailingAgent | Self::BlockedThread => "reported",
        }
    }
}
