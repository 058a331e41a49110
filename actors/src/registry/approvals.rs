//! Approvals, as people reach them: by their id, whichever agent asks.

use super::Registry;
use crate::agent::Decide;
use crate::approvals::{Approval, Decision};
use crate::error::CoreError;
use crate::ids::ApprovalId;
use crate::ports::ApprovalQuery;

/// Approvals that one sweep lets expire: each is a message to an agent and a commit.
const EXPIRED_AT_ONCE: u32 = 100;

impl Registry {
    /// Decides about an approval; answers with it once that is durable. The run that waits for it goes
    /// on when its agent runs and is free. The same decision once more is answered as the first was.
    ///
    /// # Errors
    /// [`CoreError::Invalid`] if the decision is not within its bounds, [`CoreError::NotFound`],
    /// [`CoreError::Decided`] if it was decided otherwise before; as [`ask`](Self::ask).
    pub async fn decide(&self, id: ApprovalId, decision: Decision) -> Result<Approval, CoreError> {
        let decision = Some(decision.checked()?);
        let found = self.store().approval(id).await?;
        let approval = found.ok_or(CoreError::NotFound { what: "approval", id: id.0 })?;
        self.ask(approval.agent_id, Decide { approval: id, decision }).await
    }

    /// Lets approvals expire that nobody has decided about in time; answers with how many. To be called
    /// again and again.
    ///
    /// # Errors
    /// [`CoreError::Store`] if it cannot be told which they are.
    pub async fn expire_approvals(&self) -> Result<u32, CoreError> {
        let due = ApprovalQuery {
            expires_by: Some(self.clock().now()),
            ..ApprovalQuery::waiting(None, EXPIRED_AT_ONCE)
        };
        let mut expired = 0_u32;
        for approval in self.store().approvals(due).await? {
            let decide = Decide { approval: approval.id, decision: None };
            match self.ask(approval.agent_id, decide).await {
                Ok(_) => expired = expired.saturating_add(1),
                // Somebody was faster, or its agent is too busy: the next sweep looks again.
                Err(error) => {
                    tracing::debug!(approval = %approval.id, %error, "an approval does not expire yet");
                }
            }
        }
        Ok(expired)
    }
}
