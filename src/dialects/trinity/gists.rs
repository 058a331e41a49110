//! What lists tell of agents' characters, remembered, so that none is read for every list.

use futures::{StreamExt, TryStreamExt, stream};
use greenroom_actors::character::AgentRecord;
use greenroom_actors::error::CoreError;
use greenroom_actors::ids::AgentId;
use greenroom_actors::letters::TaskBounds;
use greenroom_actors::registry::Registry;
use greenroom_actors::time::UnixMillis;
use moka::sync::Cache;

use crate::roster::Known;
use crate::workspace::ReadOnly;

/// Agents of which it is remembered; some 100 bytes for each.
const REMEMBERED: u64 = 200_000;

/// Characters that are read side by side.
const SIDE_BY_SIDE: usize = 32;

/// Milliseconds without a change after which what was read is remembered.
const SETTLED_MS: i64 = 1_000;

/// What lists tell of an agent's character.
#[derive(Clone, Copy, Debug)]
pub(super) struct Gist {
    /// Whether its workspace is read-only for it.
    pub(super) is_read_only: bool,
    /// How many tasks it may do at once.
    pub(super) parallel_max: u32,
}

impl Gist {
    fn of(record: &AgentRecord) -> Self {
        Self {
            is_read_only: ReadOnly::of(&record.character).is_enabled,
            parallel_max: TaskBounds::of(&record.character).parallel_max,
        }
    }
}

/// What was read, for as long as the character stays as it was then.
pub(super) struct Gists {
    read: Cache<AgentId, (UnixMillis, Gist)>,
}

impl Default for Gists {
    fn default() -> Self {
        Self { read: Cache::new(REMEMBERED) }
    }
}

impl Gists {
    /// The same agents with theirs, in the same order; without those that are gone meanwhile.
    ///
    /// # Errors
    /// [`CoreError::Store`].
    pub(super) async fn of(
        &self,
        registry: &Registry,
        agents: Vec<Known>,
    ) -> Result<Vec<(Known, Gist)>, CoreError> {
        let each = agents.into_iter().map(|agent| self.of_one(registry, agent));
        let found = stream::iter(each).buffered(SIDE_BY_SIDE);
        found.try_filter_map(|found| async { Ok(found) }).try_collect().await
    }

    async fn of_one(
        &self,
        registry: &Registry,
        agent: Known,
    ) -> Result<Option<(Known, Gist)>, CoreError> {
        let known = self.read.get(&agent.id).filter(|(at, _)| *at == agent.updated_at);
        if let Some((_, gist)) = known {
            return Ok(Some((agent, gist)));
        }
        match registry.record(agent.id).await {
            Ok(record) => {
                let gist = Gist::of(&record);
                // Two changes may bear the same millisecond: what is young is read again.
                let is_settled = registry.clock().now().0 - record.updated_at.0 > SETTLED_MS;
                if is_settled {
                    self.read.insert(agent.id, (record.updated_at, gist));
                }
                Ok(Some((agent, gist)))
            }
            Err(CoreError::AgentNotFound(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }
}
