//! Goals: what an agent works for by itself, tick by tick, until it is reached or given up.

use serde::{Deserialize, Serialize};

use crate::error::CoreError;
use crate::ids::{AgentId, GoalId};
use crate::texts::bounded;
use crate::time::UnixMillis;

/// How far a goal has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GoalStatus {
    /// Worked for.
    Open,
    /// Reached.
    Reached,
    /// Given up.
    Dropped,
}

/// Something that an agent works for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Goal {
    /// Its id.
    pub id: GoalId,
    /// Whose it is.
    pub agent_id: AgentId,
    /// What is to be reached, in words.
    pub text: String,
    /// How far it has come.
    pub status: GoalStatus,
    /// What came of it, once it is not open any more.
    pub outcome: Option<String>,
    /// Nothing is done for it before this.
    pub rests_until: Option<UnixMillis>,
    /// When it was set.
    pub created_at: UnixMillis,
    /// When it last changed.
    pub updated_at: UnixMillis,
}

impl Goal {
    /// Bytes of a goal's text and of its outcome.
    pub const TEXT_MAX_BYTES: usize = 4_096;

    /// Open goals that an agent has at most: all of them are in the prompt.
    pub const OPEN_MAX: usize = 32;

    /// A goal to be worked for from now on.
    ///
    /// # Errors
    /// [`CoreError::Invalid`] for a text that is empty or too long.
    pub fn new(agent_id: AgentId, text: &str, now: UnixMillis) -> Result<Self, CoreError> {
        Ok(Self {
            id: GoalId::new(),
            agent_id,
            text: bounded("text", text, Self::TEXT_MAX_BYTES)?.to_owned(),
            status: GoalStatus::Open,
            outcome: None,
            rests_until: None,
            created_at: now,
            updated_at: now,
        })
    }

    /// Whether something may be done for it at `now`.
    #[must_use]
    pub fn is_due(&self, now: UnixMillis) -> bool {
        self.status == GoalStatus::Open && self.rests_until.is_none_or(|until| until <= now)
    }
}

/// What changes about a goal; absent fields stay.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GoalPatch {
    /// What is to be reached.
    pub text: Option<String>,
    /// How far it has come.
    pub status: Option<GoalStatus>,
    /// What came of it.
    pub outcome: Option<String>,
    /// Until when nothing is done for it; `Some(None)`: it is worked for at once.
    pub rests_until: Option<Option<UnixMillis>>,
}

impl GoalPatch {
    /// The goal with the patch laid over it.
    ///
    /// # Errors
    /// [`CoreError::Invalid`] for a text that is empty or too long.
    pub(crate) fn on(self, goal: Goal, now: UnixMillis) -> Result<Goal, CoreError> {
        let bounded = |field, text: Option<String>| {
            let text =
                text.map(|text| bounded(field, &text, Goal::TEXT_MAX_BYTES).map(str::to_owned));
            text.transpose()
        };
        let (text, outcome) = (bounded("text", self.text)?, bounded("outcome", self.outcome)?);
        Ok(Goal {
            text: text.unwrap_or(goal.text),
            status: self.status.unwrap_or(goal.status),
            outcome: outcome.or(goal.outcome),
            rests_until: self.rests_until.unwrap_or(goal.rests_until),
            updated_at: now,
            ..goal
        })
    }
}
