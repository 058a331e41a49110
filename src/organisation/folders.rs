//! Folders that agents share: what is allowed anew is there from the next start, what is taken back ends
//! at once.

use greenroom_actors::ids::AgentId;

use super::Organisation;
use super::error::OrganisationError;
use crate::roster::Folders;

impl Organisation {
    /// Says what an agent shares with others; `None`: as it is.
    ///
    /// # Errors
    /// [`OrganisationError::Core`].
    pub async fn set_folders(
        &self,
        agent: AgentId,
        exposes: Option<bool>,
        consumes: Option<bool>,
    ) -> Result<Folders, OrganisationError> {
        let this = self.clone();
        self.whole(async move {
            let amended = this.roster().amend(agent, |entry| {
                let folders = &mut entry.folders;
                folders.exposes = exposes.unwrap_or(folders.exposes);
                folders.consumes = consumes.unwrap_or(folders.consumes);
                Ok::<_, OrganisationError>(*folders)
            });
            let set = amended.await?;
            this.withdraw(agent).await;
            if !set.exposes {
                for reader in this.roster().callers_of(agent) {
                    this.withdraw(reader).await;
                }
            }
            Ok(set)
        })
        .await
    }

    /// Takes from an agent's disk what it may not see any longer.
    pub(super) async fn withdraw(&self, agent: AgentId) {
        if let Err(error) = self.inner.resources.workspaces.withdraw(agent).await {
            // Its tools and people see nothing of it all the same; the links go with its next start.
            tracing::warn!(%agent, %error, "links to folders of others are left");
        }
    }
}
