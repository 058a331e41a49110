//! Parked runs: an approval is decided, and the run that waits for it goes on.

use std::sync::Arc;

use actix::prelude::*;
use serde_json::json;

use super::Agent;
use super::run::Occasion;
use crate::approvals::{Approval, ApprovalEnd, ApprovalStatus, Decision};
use crate::error::CoreError;
use crate::facts::{EventKind, Fact};
use crate::ids::ApprovalId;

/// Decides about an approval of the agent; answers with the approval after it, in every state.
///
/// The answer is sent once the decision is durable. The run that waits goes on when the agent runs
/// and is free. The first decision stands: the same once more is answered as the first was, another
/// one fails with [`CoreError::Decided`]. Fails with [`CoreError::NotFound`] if the agent has no such
/// approval, and with [`CoreError::Store`].
#[derive(Clone, Debug, Message)]
#[rtype(result = "Result<Approval, CoreError>")]
pub(crate) struct Decide {
    pub(crate) approval: ApprovalId,
    /// What a person said; `None`: nobody answered in time.
    pub(crate) decision: Option<Decision>,
}

impl Handler<Decide> for Agent {
    type Result = AtomicResponse<Self, Result<Approval, CoreError>>;

    fn handle(&mut self, wanted: Decide, _: &mut Context<Self>) -> Self::Result {
        let (runtime, journal) = (Arc::clone(&self.runtime), self.journal());
        let (status, by, comment) = match wanted.decision {
            Some(decision) => (decision.status(), Some(decision.by), decision.comment),
            None => (ApprovalStatus::Expired, None, None),
        };
        let end = ApprovalEnd { id: wanted.approval, status, at: journal.now, by, comment };
        // Atomic: all that decides about this agent's approvals comes through here, so that between the
        // look and the commit nothing else does.
        let decided = async move {
            let found = runtime.ports.store.approval(end.id).await?;
            let Some(approval) = found.filter(|approval| approval.agent_id == journal.agent) else {
                return Err(CoreError::NotFound { what: "approval", id: end.id.0 });
            };
            match approval.status {
                ApprovalStatus::Waiting => {}
                status if status == end.status => return Ok(approval),
                status => return Err(CoreError::Decided { id: end.id, status }),
            }
            let data = json!({
                "approvalId": end.id, "runId": approval.run_id, "tool": approval.tool,
                "status": end.status, "by": end.by, "comment": end.comment,
            });
            let facts = vec![
                Fact::ApprovalDecided(Box::new(end.clone())),
                journal.event(EventKind::ApprovalDecided, data),
            ];
            runtime.commit(facts).await?;
            Ok(approval.ended(end))
        };
        AtomicResponse::new(Box::pin(decided.into_actor(self).map(|decided, agent, ctx| {
            if decided.is_ok() {
                agent.has_resumable = true;
                agent.next_letter(ctx);
                agent.resume_beside(ctx);
            }
            decided
        })))
    }
}

impl Agent {
    /// Lets a parked run that may go on do so, if there is one and the agent is free.
    pub(super) fn resume_parked(&mut self, is_tick: bool, ctx: &mut Context<Self>) {
        if !self.has_resumable || !self.is_free() {
            return;
        }
        // Told anew by what is decided meanwhile, and by the run itself.
        self.has_resumable = false;
        self.begin(Occasion::Parked, is_tick, ctx);
    }
}
