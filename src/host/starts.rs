//! How agents start: whatever is pending of one comes into force first. All starts and restarts that
//! people ask for of an agent go this way.

use greenroom_actors::agent::Change;
use greenroom_actors::error::CoreError;
use greenroom_actors::ids::AgentId;
use greenroom_actors::lifecycle::Command;

use super::Host;
use crate::credentials::{Injection, OwnServer};
use crate::templates::TemplateError;

/// Why an agent was not started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Its workspace could not be made ready.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// It refused, or the store failed.
    #[error(transparent)]
    Core(#[from] CoreError),
}

impl Host {
    /// Stops an agent if it runs, and starts it; also where the caller leaves in between.
    ///
    /// # Errors
    /// [`StartError`]. Where its workspace could not be made ready it runs all the same, as it did before.
    pub async fn start_anew(&self, agent: AgentId) -> Result<Injection, StartError> {
        let host = self.clone();
        let started = tokio::spawn(async move {
            host.registry.ask(agent, Change::insisting(Command::Stop)).await?;
            let ready = host.make_ready(agent).await;
            host.registry.ask(agent, Change::insisting(Command::Start)).await?;
            ready
        });
        // Nobody tells where the process ends.
        started.await.unwrap_or(Err(StartError::Core(CoreError::ShuttingDown)))
    }

    /// Puts into force what is pending of an agent that does not run: its workspace, its shared folders,
    /// its limits, its credentials.
    ///
    /// # Errors
    /// [`StartError`].
    pub async fn make_ready(&self, agent: AgentId) -> Result<Injection, StartError> {
        self.furnish(agent, None).await?;
        self.put_limits_in_force(agent).await?;
        let own = self.own_server(agent);
        Ok(self.credentials.at_start(agent, own.as_ref()).await)
    }

    async fn put_limits_in_force(&self, agent: AgentId) -> Result<(), CoreError> {
        let entry = self.roster.entry(agent);
        if entry.limits == entry.limits_in_force {
            return Ok(());
        }
        let put = |entry: &mut crate::roster::Entry| {
            entry.limits_in_force = entry.limits.clone();
            Ok(())
        };
        self.roster.amend(agent, put).await
    }

    /// The host's own MCP server as an agent reaches it, if there is one and the agent has a key.
    #[must_use]
    pub fn own_server(&self, agent: AgentId) -> Option<OwnServer> {
        let url = self.credentials.mcp_url()?.to_owned();
        let key = self.accounts.agent_secret(agent)?.reveal().to_owned();
        Some(OwnServer { url, key })
    }
}
