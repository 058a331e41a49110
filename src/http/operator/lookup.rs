//! Who is meant: an agent by its id, its handle or its name.

use std::sync::Arc;

use greenroom_actors::character::{AgentRecord, slug};
use greenroom_actors::error::CoreError;
use greenroom_actors::ids::{AgentId, derived};
use greenroom_actors::registry::Registry;
use serde::Deserialize;

use super::error::OperatorError;

/// How a request names an agent.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub(super) struct Who(String);

impl Who {
    /// The agent: that of the id, else of the handle, else of the name.
    ///
    /// A name finds the agent whose id elizaOS would derive from it, or whose handle is made of it.
    pub(super) async fn find(
        &self,
        registry: &Registry,
    ) -> Result<Arc<AgentRecord>, OperatorError> {
        let Self(who) = self;
        if let Ok(id) = who.parse::<AgentId>() {
            return Ok(registry.record(id).await?);
        }
        for handle in [who.clone(), slug(who)] {
            if let Some(record) = registry.store().agent_by_handle(&handle).await? {
                return Ok(Arc::new(record));
            }
        }
        match registry.record(AgentId(derived(who))).await {
            Err(CoreError::AgentNotFound(_)) => Err(OperatorError::Nobody(who.clone())),
            found => Ok(found?),
        }
    }
}
