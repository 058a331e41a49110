//! Agents under names that are theirs to the letter.

use std::sync::Arc;

use tokio::sync::broadcast;

use super::Registry;
use crate::agent::Rename;
use crate::character::{AgentRecord, Character, check_handle};
use crate::directory::{AgentChange, Directory};
use crate::error::CoreError;
use crate::ids::AgentId;

impl Registry {
    /// Creates an agent, stopped, with just that handle, which is never given a number; answers with
    /// its record once it is durable and hosted. Without an id of its own in the document it gets one
    /// that is not derived from its name, as its name may change and be another's then.
    ///
    /// # Errors
    /// [`CoreError::Invalid`] if it cannot be a handle, [`CoreError::HandleTaken`] if another agent has
    /// it, and as [`create`](Self::create).
    pub async fn create_as(
        &self,
        mut character: Character,
        handle: &str,
    ) -> Result<Arc<AgentRecord>, CoreError> {
        check_handle(handle)?;
        character.id = Some(character.id.unwrap_or_default());
        self.admit(character, Some(handle.to_owned())).await
    }

    /// Gives an agent that name, and just that handle; answers with its record. Its id stays, a run in
    /// flight goes on.
    ///
    /// # Errors
    /// [`CoreError::Invalid`] if it cannot be a handle, [`CoreError::HandleTaken`] if another agent has
    /// it, and as [`ask`](Self::ask).
    pub async fn rename(&self, id: AgentId, name: &str) -> Result<Arc<AgentRecord>, CoreError> {
        self.ask(id, Rename(name.to_owned())).await
    }

    /// Every agent of the host by id and by handle, also those that are not hosted yet. It is as the
    /// last commit left it before that was answered.
    #[must_use]
    pub fn directory(&self) -> &Directory {
        &self.inner.runtime.directory
    }

    /// What changes about all agents from now on. A watcher that lags is told so, and has to look into
    /// the [`directory`](Self::directory) anew.
    #[must_use]
    pub fn watch_agents(&self) -> broadcast::Receiver<AgentChange> {
        self.inner.runtime.directory.watch()
    }
}
