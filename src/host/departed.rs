//! What is left of agents that are gone: removed with them, whoever removed them, and after a crash in
//! between at the next start.

use std::collections::HashSet;
use std::time::Duration;

use greenroom_actors::directory::Changed;
use greenroom_actors::documents::Document;
use greenroom_actors::error::{CoreError, StoreError};
use greenroom_actors::facts::Fact;
use greenroom_actors::ids::AgentId;
use tokio::sync::broadcast::error::RecvError;

use super::Host;
use crate::accounts::AccountsError;
use crate::ssh::SshError;

/// Where it is kept which chat of a user with an agent is the active one: under the agent, then the user.
pub(crate) const SHELF: &str = "trinity";
pub(crate) const CHATS: &str = "chat/";

/// Documents that are read at once.
const PAGE: u32 = 500;

/// Between two looks at whether all agents are there.
const BOOT_LOOK: Duration = Duration::from_millis(50);

impl Host {
    /// Removes what people have said of an agent that is gone, and given to it: its entry, its key, its
    /// place among others, its files. Of an agent of which nothing is left it removes nothing.
    ///
    /// # Errors
    /// [`CoreError::Store`]; then it is to be called again.
    pub async fn forget_agent(&self, id: AgentId) -> Result<(), CoreError> {
        // The entry last: what is left is found by it.
        self.accounts.remove_agent_key(id).await.map_err(as_core)?;
        self.organisation.forget(id).await?;
        self.workspaces.forget(id).await?;
        self.media.forget_agent(id).await?;
        self.credentials.forget(id).await?;
        self.ssh.revoke(id).await.map_err(|error| match error {
            SshError::Core(error) => error,
            other => CoreError::Store(StoreError::Failed(other.to_string())),
        })?;
        self.forget_chats(id).await?;
        let readers = self.roster.callers_of(id);
        self.roster.forget(id).await?;
        for reader in readers {
            if let Err(error) = self.workspaces.withdraw(reader).await {
                tracing::warn!(agent = %reader, %error, "links to folders of others are left");
            }
        }
        Ok(())
    }

    /// Forgets which chat of each user was the active one.
    async fn forget_chats(&self, id: AgentId) -> Result<(), CoreError> {
        let prefix = format!("{CHATS}{id}/");
        loop {
            let kept = self.registry.store().documents(SHELF, &prefix, 0, PAGE).await?;
            if kept.is_empty() {
                return Ok(());
            }
            let gone = |document: Document| Fact::DocumentRemoved {
                shelf: SHELF.to_owned(),
                key: document.key,
            };
            self.registry.keep(kept.into_iter().map(gone).collect()).await?;
        }
    }

    /// The agents that somebody has chatted with, whether or not they are there.
    async fn chatted_with(&self) -> Result<HashSet<AgentId>, CoreError> {
        let (mut agents, mut offset) = (HashSet::new(), 0);
        loop {
            let page = self.registry.store().documents(SHELF, CHATS, offset, PAGE).await?;
            let count = u32::try_from(page.len()).unwrap_or(PAGE);
            agents.extend(page.iter().filter_map(|document| {
                let (agent, _) = document.key.strip_prefix(CHATS)?.split_once('/')?;
                agent.parse::<AgentId>().ok()
            }));
            if count < PAGE {
                return Ok(agents);
            }
            offset = offset.saturating_add(count);
        }
    }

    /// Sees to it that nothing is left of agents that are gone, and that keys and shared folders are
    /// called by the names that agents have; until it is dropped. `known` are those of which something was said when the
    /// host was started.
    pub async fn look_after_departed(self, known: Vec<AgentId>) {
        let mut changes = self.registry.watch_agents();
        while self.registry.is_booting() {
            self.registry.clock().sleep(BOOT_LOOK).await;
        }
        self.end_what_nobody_may().await;
        let chatted = self.chatted_with().await.unwrap_or_else(|error| {
            tracing::warn!(%error, "chats with agents that are gone are not looked for");
            HashSet::new()
        });
        let known: HashSet<_> = known.into_iter().chain(chatted).collect();
        for id in known {
            match self.registry.directory().get(id) {
                Some(listed) => self.name_key(id, &listed.handle).await,
                None => self.see_off(id).await,
            }
        }
        loop {
            match changes.recv().await {
                Ok(change) => match change.what {
                    Changed::Removed => self.see_off(change.id).await,
                    Changed::Renamed { new, .. } => {
                        self.name_key(change.id, &new).await;
                        self.name_folder(change.id, &new).await;
                    }
                    Changed::Created | Changed::Lifecycle { .. } | Changed::Revised => {}
                },
                // What was missed is found at the next start.
                Err(RecvError::Lagged(missed)) => {
                    tracing::warn!(missed, "changes of agents were missed");
                }
                Err(RecvError::Closed) => return,
            }
        }
    }

    async fn see_off(&self, id: AgentId) {
        if let Err(error) = self.forget_agent(id).await {
            tracing::warn!(agent = %id, %error, "something is left of an agent that is gone");
        }
    }

    async fn name_folder(&self, id: AgentId, name: &str) {
        if let Err(error) = self.workspaces.follow_name(id, name).await {
            tracing::warn!(agent = %id, %error, "the folder of an agent has its old name");
        }
    }

    async fn name_key(&self, id: AgentId, name: &str) {
        let key = self.accounts.agent_key(id);
        if key.is_none_or(|key| key.agent_name.as_deref() == Some(name)) {
            return;
        }
        if let Err(error) = self.accounts.rename_agent_key(id, name).await {
            tracing::warn!(agent = %id, %error, "the key of an agent has its old name");
        }
    }
}

/// A failure of the accounts, as one of the core.
fn as_core(error: AccountsError) -> CoreError {
    match error {
        AccountsError::Core(error) => error,
        other => CoreError::Store(StoreError::Failed(other.to_string())),
    }
}
