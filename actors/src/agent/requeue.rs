//! Dead letters that an operator has wait again.

use std::sync::Arc;

use actix::prelude::*;
use serde_json::json;

use super::Agent;
use crate::error::CoreError;
use crate::facts::{EventKind, Fact};
use crate::ids::LetterId;
use crate::letters::{Letter, LetterStatus};

/// Has a letter that was given up wait again, with at least one attempt left; answers with it, in any
/// state of the agent. What earlier attempts have done is not done again.
///
/// Fails with [`CoreError::NotFound`] if there is no such letter to this agent, with
/// [`CoreError::Invalid`] if it is not dead, with [`CoreError::Overloaded`] if too many letters wait
/// already, and with [`CoreError::Store`].
#[derive(Clone, Copy, Debug, Message)]
#[rtype(result = "Result<Letter, CoreError>")]
pub struct Requeue(pub LetterId);

impl Handler<Requeue> for Agent {
    type Result = AtomicResponse<Self, Result<Letter, CoreError>>;

    fn handle(&mut self, Requeue(id): Requeue, _: &mut Context<Self>) -> Self::Result {
        if self.letters_waiting >= self.runtime.settings.letters_waiting_max {
            return AtomicResponse::new(Box::pin(fut::err(CoreError::Overloaded)));
        }
        let (runtime, journal) = (Arc::clone(&self.runtime), self.journal());
        let requeued = async move {
            let found = runtime.ports.store.letter(id).await?;
            let found = found.filter(|letter| letter.to == journal.agent);
            let letter = found.ok_or(CoreError::NotFound { what: "letter", id: id.0 })?;
            if letter.status != LetterStatus::Dead {
                let reason = "names a letter that is not dead".to_owned();
                return Err(CoreError::Invalid { field: "letter", reason });
            }
            let most = runtime.settings.letter_attempts_max.saturating_sub(1);
            let attempts = letter.attempts.min(most);
            let data = json!({"letterId": id, "from": letter.from, "attempts": letter.attempts});
            let event = journal.event(EventKind::LetterRequeued, data);
            let requeued = Fact::LetterRequeued { id, to: letter.to, attempts };
            runtime.commit(vec![requeued, event]).await?;
            Ok(Letter { status: LetterStatus::Waiting, attempts, ..letter })
        };
        // Atomic: of two that want the same, the second finds it waiting.
        AtomicResponse::new(Box::pin(requeued.into_actor(self).map(|requeued, agent, ctx| {
            if requeued.is_ok() {
                agent.letters_waiting = agent.letters_waiting.saturating_add(1);
                agent.next_letter(ctx);
            }
            requeued
        })))
    }
}
