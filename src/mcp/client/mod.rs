//! Tools of MCP servers for the agents: programs of this machine, spoken with over their standard
//! input and output, and servers reached over streamable HTTP.
//!
//! Each server has a connection of its own, supervised by itself: one that hangs, floods, talks
//! nonsense or dies harms nobody but the calls that it has in hand.

mod calling;
mod catalog;
mod connection;
mod fault;
mod guarded;
mod opening;
mod own;
mod pipe;
mod process;
mod spec;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::{BoxFuture, join_all};
use greenroom_actors::character::AgentRecord;
use greenroom_actors::ports::{Invocation, Tool, ToolError, ToolOutput, Tools};
use serde::Serialize;

use super::settings::McpSettings;
use crate::http::outbound::Reach;
use calling::Asked;
use connection::{Connection, Patience, State};
use own::OwnServers;
use spec::{Spec, Wish};

pub(crate) use spec::is_name;

/// How long an agent that is to be offered tools waits for a server that starts. Less than the core
/// waits for all tools together, so that it need not go without the others.
const OFFERS_WITHIN: Duration = Duration::from_secs(8);

/// Characters of what a server said that are told on.
const WORDS_MAX: usize = 500;

/// The tools of MCP servers. Clones are the same.
#[derive(Clone)]
pub struct McpTools {
    shared: Arc<Shared>,
}

struct Shared {
    settings: McpSettings,
    /// Those of the configuration, by name.
    configured: BTreeMap<String, Connection>,
    /// Those that characters name.
    own: OwnServers,
}

/// How a server is doing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct McpServerStatus {
    /// Its name.
    pub name: String,
    /// `idle`, `starting`, `ready`, `waiting`, `failed` or `ended`.
    pub state: &'static str,
    /// Why it broke, where it did.
    pub reason: Option<String>,
    /// How many tools it offers now.
    pub tools: usize,
}

impl McpTools {
    /// The servers of the configuration; those that are to be there from the start begin to start.
    /// What characters name lies within `reach`. Needs a tokio runtime.
    ///
    /// # Errors
    /// The key at fault and why, where a server needs what is not there.
    pub fn start(
        settings: McpSettings,
        reach: Reach,
        env: impl Fn(&str) -> Option<String> + Send + Sync + 'static,
    ) -> Result<Self, String> {
        let patience = Patience {
            intensity: settings.restart_intensity,
            retry_after: Duration::from_secs(settings.retry_after_s.into()),
        };
        let specs = settings.servers.iter().map(|(name, server)| {
            Spec::configured(name, server, &env).map_err(|why| format!("mcp.servers.{name}: {why}"))
        });
        // All of them before the first is run.
        let specs = specs.collect::<Result<Vec<_>, _>>()?;
        let connected =
            specs.into_iter().map(|spec| (spec.name.clone(), Connection::of(spec, patience)));
        let configured = connected.collect();
        let own = OwnServers::new(settings.character_servers_max, reach, patience, Box::new(env));
        Ok(Self { shared: Arc::new(Shared { settings, configured, own }) })
    }

    /// No servers at all.
    #[must_use]
    pub fn none() -> Self {
        let patience = Patience { intensity: Default::default(), retry_after: Duration::ZERO };
        let own = OwnServers::new(0, Reach::Public, patience, Box::new(|_| None));
        let (settings, configured) = (McpSettings::default(), BTreeMap::new());
        Self { shared: Arc::new(Shared { settings, configured, own }) }
    }

    /// How the servers of the configuration are doing, by name.
    #[must_use]
    pub fn servers(&self) -> Vec<McpServerStatus> {
        self.shared.configured.values().map(status).collect()
    }

    /// Ends all servers, and whatever they run with them.
    pub async fn end(&self) {
        let own = self.shared.own.all();
        join_all(self.shared.configured.values().chain(&own).map(Connection::end)).await;
    }

    /// The servers that an agent may use.
    fn of(&self, agent: &AgentRecord, wish: &Wish) -> Vec<Connection> {
        let may_use = |connection: &&Connection| {
            let agents = &connection.spec().settings.agents;
            let id = agent.id.to_string();
            agents.is_empty()
                || agents.iter().any(|named| *named == id || *named == agent.character.name)
        };
        let configured = self.shared.configured.values().filter(may_use).cloned();
        let mut all: Vec<_> = configured.collect();
        for connection in self.shared.own.of(agent.id, wish, &self.shared.settings) {
            // A name of the operator's is not to be had by a character.
            if !self.shared.configured.contains_key(&connection.spec().name) {
                all.push(connection);
            }
        }
        all
    }

    async fn offers(&self, agent: &AgentRecord) -> Vec<Tool> {
        let wish = Wish::of(agent);
        let servers = self.of(agent, &wish);
        let ready = servers.iter().map(|server| server.ready(OFFERS_WITHIN));
        let ready = join_all(ready).await;
        let mut tools = Vec::new();
        for (server, ready) in servers.iter().zip(ready) {
            let name = &server.spec().name;
            match ready {
                Ok(ready) => {
                    let offered = ready.offers.iter().map(|offer| &offer.tool);
                    let used = offered.filter(|tool| wish.uses(name, &tool.spec.name));
                    tools.extend(used.cloned());
                }
                Err(reason) => tracing::debug!(server = name, reason, "offers no tools"),
            }
        }
        tools
    }

    async fn make(&self, call: Invocation) -> Result<ToolOutput, ToolError> {
        let wish = Wish::of(&call.agent);
        let no_such = || ToolError::Refused(format!("there is no tool {}", call.name));
        let begins = |connection: &&Connection| {
            let rest = call.name.strip_prefix(&connection.spec().name);
            rest.is_some_and(|rest| rest.starts_with(catalog::SEPARATOR))
        };
        let servers = self.of(&call.agent, &wish);
        let server = servers.iter().find(begins).ok_or_else(no_such)?;
        let name = &server.spec().name;
        if !wish.uses(name, &call.name) {
            return Err(no_such());
        }
        let within = call.deadline.min(server.spec().settings.start_timeout());
        let ready = server.ready(within).await;
        let ready = ready.map_err(|why| ToolError::Failed(format!("the server {name}: {why}")))?;
        let offer = ready.offers.iter().find(|offer| offer.tool.spec.name == call.name);
        let offer = offer.ok_or_else(no_such)?;
        let Invocation { arguments, key, deadline, tally, .. } = call;
        calling::call(server, &ready, &offer.told_name, Asked { arguments, key, deadline, tally })
            .await
    }
}

impl Tools for McpTools {
    fn offered(&self, agent: Arc<AgentRecord>) -> BoxFuture<'static, Vec<Tool>> {
        let tools = self.clone();
        async move { tools.offers(&agent).await }.boxed()
    }

    fn call(&self, call: Invocation) -> BoxFuture<'static, Result<ToolOutput, ToolError>> {
        let tools = self.clone();
        async move { tools.make(call).await }.boxed()
    }
}

fn status(connection: &Connection) -> McpServerStatus {
    let (state, reason, tools) = match connection.state() {
        State::Idle => ("idle", None, 0),
        State::Starting { .. } => ("starting", None, 0),
        State::Ready(ready) => ("ready", None, ready.offers.len()),
        State::Waiting(reason) => ("waiting", Some(reason), 0),
        State::Failed(reason) => ("failed", Some(reason), 0),
        State::Ended => ("ended", None, 0),
    };
    McpServerStatus { name: connection.spec().name.clone(), state, reason, tools }
}

/// What another party said, as one may repeat it.
fn words(said: &(impl Display + ?Sized)) -> String {
    said.to_string().chars().filter(|sign| !sign.is_control()).take(WORDS_MAX).collect()
}
