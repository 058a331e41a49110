//! Another name for an agent, which keeps everything else.

use std::sync::Arc;

use actix::prelude::*;
use serde_json::json;

use super::Agent;
use crate::character::{AgentRecord, check_handle};
use crate::error::CoreError;
use crate::facts::{EventKind, Fact};

/// Gives an agent that name and just that handle, in any state; answers with its record.
///
/// In one commit. A run in flight goes on. Fails with [`CoreError::Invalid`] if it cannot be a handle,
/// and with [`CoreError::HandleTaken`] if another agent has it.
#[derive(Clone, Debug, Message)]
#[rtype(result = "Result<Arc<AgentRecord>, CoreError>")]
pub(crate) struct Rename(pub(crate) String);

impl Handler<Rename> for Agent {
    type Result = AtomicResponse<Self, Result<Arc<AgentRecord>, CoreError>>;

    fn handle(&mut self, Rename(name): Rename, _: &mut Context<Self>) -> Self::Result {
        if let Err(refused) = check_handle(&name) {
            return AtomicResponse::new(Box::pin(fut::err(refused)));
        }
        let (id, runtime) = (self.id, Arc::clone(&self.runtime));
        let journal = self.journal();
        let renamed = async move {
            let record = runtime.record(id).await?;
            if record.handle == name && record.character.name == name {
                return Ok(record);
            }
            let mut character = record.character.clone();
            character.name.clone_from(&name);
            // From another name another id would be derived.
            character.id = Some(id);
            let data = json!({"from": record.handle, "to": name});
            let committed = runtime
                .commit(vec![
                    Fact::HandleClaimed { agent_id: id, handle: name.clone() },
                    Fact::AgentRevised {
                        id,
                        character: Box::new(character),
                        handle: Some(name.clone()),
                        at: journal.now,
                    },
                    journal.event(EventKind::Revised, data),
                ])
                .await;
            runtime.record_changed(id);
            committed.map_err(|error| CoreError::of_claim(error, &name))?;
            runtime.record(id).await
        };
        AtomicResponse::new(Box::pin(renamed.into_actor(self)))
    }
}
