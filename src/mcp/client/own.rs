//! Servers that characters name: connected when their agent runs, and for it alone.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use greenroom_actors::ids::AgentId;

use crate::http::outbound::Reach;
use crate::mcp::settings::McpSettings;

use super::connection::{Connection, Patience, State};
use super::spec::Wish;

/// What a variable of the environment holds.
type Env = Box<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// The servers that characters name, by agent and name.
pub(super) struct OwnServers {
    max: usize,
    reach: Reach,
    patience: Patience,
    env: Env,
    connections: Mutex<HashMap<(AgentId, String), Connection>>,
}

impl OwnServers {
    pub(super) fn new(max: u32, reach: Reach, patience: Patience, env: Env) -> Self {
        let max = usize::try_from(max).unwrap_or(usize::MAX);
        Self { max, reach, patience, env, connections: Mutex::default() }
    }

    /// The servers of an agent's own, as its character names them now. What it names no longer, or
    /// otherwise, is ended.
    pub(super) fn of(
        &self,
        agent: AgentId,
        wish: &Wish,
        settings: &McpSettings,
    ) -> Vec<Connection> {
        let specs = wish.servers(settings, self.reach, &*self.env);
        let mut all = self.connections.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|(owner, _), connection| {
            *owner != agent || specs.iter().any(|spec| spec == connection.spec())
        });
        let mut own = Vec::with_capacity(specs.len());
        for spec in specs {
            let key = (agent, spec.name.clone());
            if let Some(connection) = all.get(&key) {
                own.push(connection.clone());
                continue;
            }
            if all.len() >= self.max {
                // One that nobody uses makes room; its agent may have it again.
                all.retain(|_, connection| !matches!(connection.state(), State::Idle));
            }
            if all.len() >= self.max {
                tracing::warn!(%agent, server = spec.name, "too many MCP servers of characters");
                continue;
            }
            let connection = Connection::of(spec, self.patience);
            all.insert(key, connection.clone());
            own.push(connection);
        }
        own
    }

    /// All of them.
    pub(super) fn all(&self) -> Vec<Connection> {
        let all = self.connections.lock().unwrap_or_else(PoisonError::into_inner);
        all.values().cloned().collect()
    }
}
