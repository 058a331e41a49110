//! The agents' homes: made ready before each start.

use greenroom_actors::error::CoreError;
use greenroom_actors::ids::AgentId;

use super::Host;
use crate::templates::{Fetched, TemplateError, picture};
use crate::workspace::WorkspaceError;

impl Host {
    /// Makes an agent's workspace ready for its start: what every workspace has, what its template has
    /// if it does not have that yet, and the folders that it shares. With a template at hand, that
    /// counts; otherwise the one of its roster's entry.
    ///
    /// # Errors
    /// [`TemplateError`].
    pub async fn furnish(
        &self,
        agent: AgentId,
        fetched: Option<&Fetched>,
    ) -> Result<(), TemplateError> {
        match fetched {
            Some(fetched) => self.templates.place(agent, fetched).await?,
            None => {
                let entry = self.roster.entry(agent);
                let token = self.github_token(Some(agent)).await;
                let token = token.as_ref().map(|token| token.as_str());
                self.templates.prepare(agent, entry.template.as_deref(), token).await?;
            }
        }
        // A program in the workspace may stand in the way of its folders, but not of the start.
        if let Err(error) = self.share_folders(agent).await {
            tracing::warn!(%agent, %error, "the folders of an agent are not shared");
        }
        self.note_picture(agent).await
    }

    /// Writes down when the agent's picture changed, so that lists tell of it without a look at the
    /// disk.
    async fn note_picture(&self, agent: AgentId) -> Result<(), TemplateError> {
        let found = picture(&self.workspaces.own(agent)).await?;
        let changed_at = found.map(|(entry, _)| entry.changed_at);
        let noted = self.roster.amend(agent, |entry| {
            entry.avatar_changed_at = changed_at;
            Ok::<_, CoreError>(())
        });
        noted.await.map_err(|error| TemplateError::Workspace(stored(error)))
    }

    /// Shares from now on what the roster says that an agent shares.
    ///
    /// # Errors
    /// [`WorkspaceError`].
    pub async fn share_folders(&self, agent: AgentId) -> Result<(), WorkspaceError> {
        let sharing = self.roster.sharing_of(agent).await.map_err(stored)?;
        let is_so = self.workspaces.sharing(agent);
        // Most agents share nothing, and have no folder for it either.
        if is_so.is_none() && sharing.is_none() {
            return Ok(());
        }
        self.workspaces.share(agent, sharing).await
    }

    /// Shares what is to be shared, of all agents: a start of the host is one of each.
    pub async fn share_all_folders(&self) {
        for agent in self.roster.sharing() {
            if let Err(error) = self.share_folders(agent).await {
                tracing::warn!(%agent, %error, "the folders of an agent are not shared");
            }
        }
    }
}

/// A failure of the roster, as one of the home.
fn stored(error: CoreError) -> WorkspaceError {
    match error {
        CoreError::Store(error) => WorkspaceError::Store(error),
        other => WorkspaceError::from(std::io::Error::other(other.to_string())),
    }
}
