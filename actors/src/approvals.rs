//! Approvals: calls that are made only when a person has said yes.
//!
//! A run that wants such a call is parked until somebody answers, and then goes on where it was.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::error::CoreError;
use crate::ids::{AgentId, ApprovalId, RunId};
use crate::texts::bounded;
use crate::time::UnixMillis;

/// How far an approval has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ApprovalStatus {
    /// Nobody has answered yet.
    Waiting,
    /// Somebody said yes: the call is made.
    Granted,
    /// Somebody said no: the call is not made.
    Denied,
    /// Nobody answered in time: the call is not made.
    Expired,
}

impl ApprovalStatus {
    /// Its name, as stored and sent.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Granted => "granted",
            Self::Denied => "denied",
            Self::Expired => "expired",
        }
    }
}

/// A call that waits, or waited, for a person's yes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Approval {
    /// Its id.
    pub id: ApprovalId,
    /// Who wants to call.
    pub agent_id: AgentId,
    /// The run that is parked for it.
    pub run_id: RunId,
    /// Which tool.
    pub tool: String,
    /// With what.
    pub arguments: Value,
    /// What the model calls the call. Models may use one id again for another call.
    pub call_id: String,
    /// The call's own key: the one it is made with, once it is granted.
    pub key: Uuid,
    /// When it was asked for.
    pub asked_at: UnixMillis,
    /// When nobody's answer counts as a no.
    pub expires_at: UnixMillis,
    /// How far it has come.
    pub status: ApprovalStatus,
    /// When it was answered, or expired.
    pub decided_at: Option<UnixMillis>,
    /// Who answered, as they call themselves.
    pub decided_by: Option<String>,
    /// What they had to say about it; the agent is told.
    pub comment: Option<String>,
}

/// How an approval was decided.
#[derive(Clone, Debug, PartialEq)]
pub struct ApprovalEnd {
    /// Which approval.
    pub id: ApprovalId,
    /// Anything but [`ApprovalStatus::Waiting`].
    pub status: ApprovalStatus,
    /// When.
    pub at: UnixMillis,
    /// Who answered.
    pub by: Option<String>,
    /// What they had to say.
    pub comment: Option<String>,
}

impl Approval {
    /// Why the call is not made; `None` where it may be, or nobody has answered.
    pub(crate) fn refusal(&self) -> Option<String> {
        let comment = self.comment.as_deref().map_or_else(String::new, |text| format!(": {text}"));
        match self.status {
            ApprovalStatus::Waiting | ApprovalStatus::Granted => None,
            ApprovalStatus::Denied => {
                let by = self.decided_by.as_deref().unwrap_or("a person");
                Some(format!("denied by {by}{comment}"))
            }
            ApprovalStatus::Expired => Some("nobody allowed it in time".to_owned()),
        }
    }

    /// The approval as it is after that.
    #[must_use]
    pub fn ended(self, end: ApprovalEnd) -> Self {
        let ApprovalEnd { id: _, status, at, by, comment } = end;
        Self { status, decided_at: Some(at), decided_by: by, comment, ..self }
    }
}

/// A person's answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Whether the call may be made.
    pub is_granted: bool,
    /// Who says so, as they call themselves.
    pub by: String,
    /// What they have to say about it.
    pub comment: Option<String>,
}

impl Decision {
    /// Bytes of a name.
    pub const BY_MAX: usize = 200;

    /// Bytes of a comment.
    pub const COMMENT_MAX: usize = 2_000;

    /// The decision, trimmed, if it is within its bounds; a comment of nothing is none.
    ///
    /// # Errors
    /// [`CoreError::Invalid`] with the field at fault.
    pub fn checked(self) -> Result<Self, CoreError> {
        let by = bounded("by", &self.by, Self::BY_MAX)?;
        let comment = self.comment.as_deref().map(str::trim).filter(|comment| !comment.is_empty());
        if comment.is_some_and(|comment| comment.len() > Self::COMMENT_MAX) {
            let reason = format!("must have at most {} bytes", Self::COMMENT_MAX);
            return Err(CoreError::Invalid { field: "comment", reason });
        }
        let (by, comment) = (by.to_owned(), comment.map(str::to_owned));
        Ok(Self { is_granted: self.is_granted, by, comment })
    }

    pub(crate) fn status(&self) -> ApprovalStatus {
        if self.is_granted { ApprovalStatus::Granted } else { ApprovalStatus::Denied }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decision_has_a_name_and_is_not_endless() {
        let long = "x".repeat(3_000);
        for (by, comment, fault) in [
            ("Eve", None, None),
            (" Eve ", Some("  "), None),
            ("", None, Some("by")),
            (long.as_str(), None, Some("by")),
            ("Eve", Some(long.as_str()), Some("comment")),
        ] {
            let comment = comment.map(str::to_owned);
            let decision = Decision { is_granted: true, by: by.to_owned(), comment };
            match decision.checked() {
                Ok(decision) => assert_eq!((decision.by.as_str(), decision.comment), ("Eve", None)),
                Err(CoreError::Invalid { field, .. }) => assert_eq!(Some(field), fault),
                Err(error) => panic!("{error}"),
            }
        }
    }
}
