//! The tools: what agents can do beside speaking.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::ToolSpec;
use crate::character::AgentRecord;
use crate::error::{CoreError, StoreError};
use crate::figures::Tally;
use crate::ids::{AgentId, RoomId, RunId};
use crate::masks::Left;
use crate::registry::Registry;

/// Offers tools to agents and calls them.
///
/// A call is cancelled by dropping what [`call`](Self::call) returned. A tool may panic: the run it
/// was called in fails, and nothing else does.
pub trait Tools: Send + Sync + 'static {
    /// The tools that an agent may be offered now. Whether it is, the agent's own settings say too;
    /// of two tools of one name the first counts.
    fn offered(&self, agent: Arc<AgentRecord>) -> BoxFuture<'static, Vec<Tool>>;

    /// Makes a call.
    ///
    /// Its intent is durable already; its outcome will be. Nothing is tried again behind it.
    fn call(&self, call: Invocation) -> BoxFuture<'static, Result<ToolOutput, ToolError>>;
}

/// What it means to make a call a second time, where nobody knows how the first one went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// Nothing changes by it.
    Reads,
    /// Twice is as once.
    Idempotent,
    /// The tool takes our key, and does what has that key once.
    Keyed,
    /// It happens again. Such a call is made at most once.
    Once,
}

impl Effect {
    /// Whether a call whose outcome is not known may be made again, with the same key.
    #[must_use]
    pub fn may_be_repeated(self) -> bool {
        match self {
            Self::Reads | Self::Idempotent | Self::Keyed => true,
            Self::Once => false,
        }
    }
}

/// A tool that is offered.
#[derive(Clone, Debug, PartialEq)]
pub struct Tool {
    /// Its name, what it does and what it takes, for the model.
    pub spec: ToolSpec,
    /// What a second call would mean.
    pub effect: Effect,
    /// Whether a person has to allow each call.
    pub asks_first: bool,
}

/// A call of a tool, as it is made.
#[derive(Clone)]
pub struct Invocation {
    /// Who calls.
    pub agent: Arc<AgentRecord>,
    /// The way to the agents of this host.
    pub registry: Registry,
    /// The run it is made in.
    pub run_id: RunId,
    /// Where that run takes place.
    pub room_id: RoomId,
    /// Agents that wait for what this run does, the first asker first: to ask one of them would
    /// be to wait for oneself.
    pub askers: Vec<AgentId>,
    /// Which tool.
    pub name: String,
    /// With what.
    pub arguments: Map<String, Value>,
    /// The call's own key: the same each time the call is made, and no other call's.
    pub key: Uuid,
    /// How long it may take.
    pub deadline: Duration,
    /// Where the bytes are counted that are sent and received for it.
    pub tally: Tally,
}

/// What came of a call.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ToolOutput {
    /// What the model is told.
    pub text: String,
    /// More about it, for whoever reads the run's steps.
    pub details: Option<Value>,
    /// What of a longer text it is.
    pub left: Left,
    /// What the model is told of what is left out.
    pub note: Option<String>,
}

impl ToolOutput {
    /// An output of words alone.
    #[must_use]
    pub fn text(text: impl Into<String>) -> Self {
        Self { text: text.into(), ..Self::default() }
    }
}

/// Why a call did not give what was asked for.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ToolError {
    /// An argument cannot be. Nothing happened.
    #[error("{field}: {reason}")]
    Invalid {
        /// The argument at fault.
        field: String,
        /// What is wrong with it, as a lower-case fragment.
        reason: String,
    },
    /// It is not allowed, or there is no such tool. Nothing happened.
    #[error("refused: {0}")]
    Refused(String),
    /// It failed, and did nothing.
    #[error("failed: {0}")]
    Failed(String),
    /// Nobody knows whether it happened: the answer did not come, or broke off.
    #[error("the outcome is not known: {0}")]
    Unknown(String),
}

impl ToolError {
    /// That an argument cannot be.
    #[must_use]
    pub fn invalid(field: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Invalid { field: field.into(), reason: reason.into() }
    }
}

impl From<CoreError> for ToolError {
    /// What a failure of the core means to a call: whether it may have happened all the same.
    fn from(error: CoreError) -> Self {
        match error {
            CoreError::Invalid { field, reason } => Self::invalid(field, reason),
            CoreError::Crashed(_) | CoreError::DeadlineExceeded(_) => {
                Self::Unknown(error.to_string())
            }
            error => Self::Failed(error.to_string()),
        }
    }
}

impl From<StoreError> for ToolError {
    fn from(error: StoreError) -> Self {
        Self::Failed(error.to_string())
    }
}

/// No tools beside the built-in ones.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoTools;

impl Tools for NoTools {
    fn offered(&self, _: Arc<AgentRecord>) -> BoxFuture<'static, Vec<Tool>> {
        std::future::ready(Vec::new()).boxed()
    }

    fn call(&self, call: Invocation) -> BoxFuture<'static, Result<ToolOutput, ToolError>> {
        let refused = ToolError::Refused(format!("there is no tool {}", call.name));
        std::future::ready(Err(refused)).boxed()
    }
}
