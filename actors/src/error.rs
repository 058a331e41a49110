//! What can go wrong, as facts. Each dialect words them in one exhaustive `match`.

use std::time::Duration;

use uuid::Uuid;

use crate::approvals::ApprovalStatus;
use crate::budget::Exceeded;
use crate::ids::{AgentId, ApprovalId};
use crate::lifecycle::{Command, State};

/// Why the core did not do what was asked.
///
/// Exhaustive on purpose: a new variant does not compile until each dialect has decided how to say
/// it. Each variant says whether anything happened.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum CoreError {
    /// No such agent. Nothing happened.
    #[error("agent {0} not found")]
    AgentNotFound(AgentId),
    /// Nothing of that sort has that id. Nothing happened.
    #[error("{what} {id} not found")]
    NotFound {
        /// What was looked for, in one word.
        what: &'static str,
        /// Its id.
        id: Uuid,
    },
    /// There is an agent of that id already. Nothing happened.
    #[error("agent {0} exists already")]
    AlreadyExists(AgentId),
    /// Another agent has just that handle. Nothing happened.
    #[error("an agent is called {0} already")]
    HandleTaken(String),
    /// The lifecycle has no such edge. Nothing happened.
    #[error("cannot {command} an agent that is {state}")]
    WrongState {
        /// What was asked.
        command: Command,
        /// What the agent is.
        state: State,
    },
    /// The agent does not run, and what was asked needs it to. Nothing happened.
    #[error("agent {id} is {state}")]
    NotRunning {
        /// The agent.
        id: AgentId,
        /// What it is instead.
        state: State,
    },
    /// The agent crashed too often and waits for an operator. Nothing happened.
    #[error("agent {id} has failed: {reason}")]
    Failed {
        /// The agent.
        id: AgentId,
        /// Why it failed.
        reason: String,
    },
    /// A value that cannot be. Nothing happened.
    #[error("{field}: {reason}")]
    Invalid {
        /// The field at fault.
        field: &'static str,
        /// What is wrong with it, as a lower-case fragment.
        reason: String,
    },
    /// A mailbox or queue is full. Nothing happened; try again later.
    #[error("too busy, try again")]
    Overloaded,
    /// The agent's reply in the same room is in flight, and nothing more is to be said meanwhile.
    /// Nothing happened; try again once it has answered.
    #[error("agent {0} is still answering")]
    Busy(AgentId),
    /// The agent does as much as it may at the same time, and no more may wait for it. Nothing happened;
    /// try again later.
    #[error("agent {id} is at capacity, and {waiting} wait")]
    AtCapacity {
        /// The agent.
        id: AgentId,
        /// How many wait for it already.
        waiting: u32,
    },
    /// The agent is not hosted yet: the host is still starting. Nothing happened; try again soon.
    #[error("still starting, try again")]
    Starting,
    /// The host is going down. Nothing happened.
    #[error("shutting down")]
    ShuttingDown,
    /// The whole fleet is halted. Nothing happened.
    #[error("the fleet is halted")]
    Halted,
    /// The agent crashed on this message. What it had done by then is unknown.
    #[error("agent {0} crashed")]
    Crashed(AgentId),
    /// No answer within the time allowed. Whether it was done is unknown.
    #[error("no answer within {0:?}")]
    DeadlineExceeded(Duration),
    /// The run was cancelled before it ended. Its outcome is recorded.
    #[error("the run was cancelled: {0}")]
    Cancelled(String),
    /// A budget has no room for another call of a model. The call was not made.
    #[error("{0}")]
    Budget(Exceeded),
    /// The run waits until a person has allowed a call. It goes on by itself when somebody has answered.
    #[error("waits for a person to decide about approval {0}")]
    Parked(ApprovalId),
    /// The approval was decided otherwise before. Nothing happened.
    #[error("approval {id} is {} already", .status.as_str())]
    Decided {
        /// The approval.
        id: ApprovalId,
        /// How it was decided.
        status: ApprovalStatus,
    },
    /// The model did not answer. The run's failure is recorded.
    #[error("model: {0}")]
    Model(#[from] ModelError),
    /// The store did not take or give the data.
    #[error("store: {0}")]
    Store(#[from] StoreError),
}

impl CoreError {
    /// What a failed commit means, in which this handle was claimed.
    pub(crate) fn of_claim(error: StoreError, handle: &str) -> Self {
        match error {
            StoreError::Exists { what: StoreError::HANDLE, .. } => {
                Self::HandleTaken(handle.to_owned())
            }
            error => error.into(),
        }
    }
}

/// Why the store did not do what was asked. A failed commit has changed nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// Something of that id exists already.
    #[error("{what} {id} exists already")]
    Exists {
        /// What it is, in one word.
        what: &'static str,
        /// Its id.
        id: Uuid,
    },
    /// Something the write refers to does not exist.
    #[error("{what} {id} not found")]
    Missing {
        /// What it is, in one word.
        what: &'static str,
        /// Its id.
        id: Uuid,
    },
    /// A budget has no room for a call.
    #[error("{0}")]
    Exceeded(Exceeded),
    /// A newer process has taken over; this one must not write any more.
    #[error("written by an older process of this host")]
    Fenced,
    /// The queue of writes is full.
    #[error("too many writes are waiting")]
    Busy,
    /// No space is left.
    #[error("no space left: {0}")]
    Full(String),
    /// The store has been closed.
    #[error("closed")]
    Closed,
    /// Anything else: damage, permissions, input and output.
    #[error("{0}")]
    Failed(String),
}

impl StoreError {
    /// What [`Exists`](Self::Exists) speaks of where a handle was claimed that another agent has; the
    /// id is that agent's.
    pub const HANDLE: &str = "handle";
}

/// Why a model did not answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ModelError {
    /// The provider asks to wait.
    #[error("rate limited by the provider")]
    RateLimited {
        /// How long, if it said so.
        retry_after: Option<Duration>,
    },
    /// The provider refused the request; asking again gives the same.
    #[error("refused by the provider: {0}")]
    Refused(String),
    /// The provider could not be reached or failed.
    #[error("provider failed: {0}")]
    Unavailable(String),
    /// No answer within the time allowed.
    #[error("no answer within {0:?}")]
    TimedOut(Duration),
    /// There is no model of that name, or it cannot do this.
    #[error("{0}")]
    Unsupported(String),
}

impl ModelError {
    /// Whether asking again may succeed.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::RateLimited { .. } | Self::Unavailable(_) | Self::TimedOut(_) => true,
            Self::Refused(_) | Self::Unsupported(_) => false,
        }
    }
}
