//! What is kept of the primary agent beside the agent itself.

use greenroom_actors::documents::Document;
use greenroom_actors::error::CoreError;
use greenroom_actors::facts::Fact;
use greenroom_actors::ids::AgentId;
use greenroom_actors::registry::Registry;
use greenroom_actors::time::UnixMillis;
use serde::{Deserialize, Serialize};

use super::status::StateWord;

/// Where it is kept.
const SHELF: &str = "primary";
const KEY: &str = "standing";

/// What is kept of the primary agent beside the agent itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Standing {
    /// Which agent it is.
    pub(super) agent: Option<AgentId>,
    /// The handle that the configuration named then: one that names another since counts for more.
    pub(super) configured: String,
    /// Whether it was removed by a reset, so that a boot does not make it anew.
    pub(super) is_reset: bool,
    /// The state while there is no agent.
    pub(super) word: StateWord,
    /// When it was started without an agent.
    pub(super) started_at: Option<UnixMillis>,
    /// Whether autonomy was switched by itself since the last change of the lifecycle.
    pub(super) autonomy: Option<bool>,
    /// Milliseconds between two ticks where the agent says nothing else.
    pub(super) tick_every_ms: u32,
}

impl Default for Standing {
    fn default() -> Self {
        Self {
            agent: None,
            configured: String::new(),
            is_reset: false,
            word: StateWord::NotStarted,
            started_at: None,
            autonomy: None,
            tick_every_ms: 30_000,
        }
    }
}

impl Standing {
    /// What was kept last; `None` if this host has never had any.
    pub(super) async fn read(registry: &Registry) -> Result<Option<Self>, CoreError> {
        let Some(kept) = registry.store().document(SHELF, KEY).await? else { return Ok(None) };
        match serde_json::from_value(kept.value) {
            Ok(standing) => Ok(Some(standing)),
            Err(error) => {
                let reason = format!("the primary agent's record cannot be read: {error}");
                Err(greenroom_actors::error::StoreError::Failed(reason).into())
            }
        }
    }

    pub(super) async fn keep(&self, registry: &Registry) -> Result<(), CoreError> {
        let value = serde_json::to_value(self).map_err(|error| {
            let reason = format!("the primary agent's record cannot be written: {error}");
            greenroom_actors::error::StoreError::Failed(reason)
        })?;
        let document = Document {
            shelf: SHELF.to_owned(),
            key: KEY.to_owned(),
            value,
            updated_at: registry.clock().now(),
        };
        registry.keep(vec![Fact::DocumentSet(Box::new(document))]).await?;
        Ok(())
    }
}
