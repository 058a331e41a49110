//! Who is meant: an agent by its id, its handle or its name.

use std::sync::Arc;

use greenroom_actors::character::{AgentRecord, slug};
use greenroom_actors::ids::AgentId;
use greenroom_actors::ports::AgentQuery;
use greenroom_actors::registry::Registry;
use rmcp::schemars::JsonSchema;
use serde::Deserialize;

use super::error::OperatorError;

/// Agents that are looked through at a time.
const PAGE: u32 = 500;

/// How a request names an agent.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars", transparent)]
#[serde(transparent)]
pub(crate) struct Who(String);

impl Who {
    /// The agent: that of the id, else of the handle, else of the name as it is written. Only where
    /// there is none of these, the one whose name or handle is the same but for case and signs.
    ///
    /// A name that several have is refused: a command must not reach an agent by chance.
    pub(crate) async fn find(
        &self,
        registry: &Registry,
    ) -> Result<Arc<AgentRecord>, OperatorError> {
        let Self(who) = self;
        if let Ok(id) = who.parse::<AgentId>() {
            return Ok(registry.record(id).await?);
        }
        if let Some(record) = registry.store().agent_by_handle(who).await? {
            return Ok(Arc::new(record));
        }
        let Namesakes { exact, alike } = Namesakes::of(who, registry).await?;
        let found = if exact.is_empty() { alike } else { exact };
        match found.as_slice() {
            [] => Err(OperatorError::Nobody(who.clone())),
            [one] => Ok(registry.record(*one).await?),
            several => Err(OperatorError::Several { who: who.clone(), ids: several.to_vec() }),
        }
    }
}

/// Agents that a name may mean.
#[derive(Default)]
struct Namesakes {
    /// Those of exactly that name.
    exact: Vec<AgentId>,
    /// Those whose name or handle is the same but for case and signs.
    alike: Vec<AgentId>,
}

impl Namesakes {
    /// Looks through all agents: that of the name's own id need not be the only one of the name.
    async fn of(who: &str, registry: &Registry) -> Result<Self, OperatorError> {
        let alike = slug(who);
        let mut found = Self::default();
        let mut query = AgentQuery { state: None, offset: 0, limit: PAGE };
        loop {
            let agents = registry.store().agents(query.clone()).await?;
            for agent in &agents {
                if agent.character.name == who {
                    found.exact.push(agent.id);
                }
                let is_alike = agent.handle == alike || slug(&agent.character.name) == alike;
                if is_alike && !alike.is_empty() {
                    found.alike.push(agent.id);
                }
            }
            if agents.len() < usize::try_from(PAGE).unwrap_or(usize::MAX) {
                return Ok(found);
            }
            query.offset = query.offset.saturating_add(PAGE);
        }
    }
}
