//! Reset: the primary agent is gone, with what is kept for it in files. No other agent is touched.

use std::io;

use greenroom_actors::error::CoreError;
use greenroom_actors::ids::AgentId;

use super::Primary;
use super::state_dir::{UnsafeFolder, home};
use super::status::StateWord;

/// Why nothing, or not all, was reset.
#[derive(Debug, thiserror::Error)]
pub enum ResetError {
    /// The folder may not be deleted. Nothing happened.
    #[error(transparent)]
    Unsafe(#[from] UnsafeFolder),
    /// The agent could not be removed.
    #[error(transparent)]
    Core(#[from] CoreError),
    /// The agent is gone, and the folder could not be deleted.
    #[error("the state folder could not be deleted: {0}")]
    Folder(#[from] io::Error),
}

impl Primary {
    /// Removes the primary agent, its memories too, and deletes the state folder. From then on there is
    /// none, also after a boot, until a restart, onboarding or [`adopt`](Self::adopt). Answers with who was
    /// the primary agent, so that its files can be forgotten too.
    ///
    /// # Errors
    /// Each [`ResetError`]; whether the folder may be deleted is checked before anything is touched.
    pub async fn reset(&self) -> Result<Option<AgentId>, ResetError> {
        let folder = self.inner.state_dir.clone();
        folder.check(home().as_deref())?;
        let _turn = self.inner.succession.lock().await;
        let was = *self.inner.agent.borrow();
        if let Some(record) = self.agent().await? {
            match self.inner.registry.remove(record.id, false).await {
                // Somebody else was faster.
                Err(CoreError::AgentNotFound(_)) | Ok(()) => {}
                Err(error) => return Err(error.into()),
            }
        }
        self.stand(|standing| {
            standing.agent = None;
            standing.is_reset = true;
            standing.word = StateWord::Stopped;
            standing.started_at = None;
            standing.autonomy = None;
        })
        .await?;
        self.inner.pending.clear();
        let deleted = tokio::task::spawn_blocking(move || folder.delete()).await;
        deleted.unwrap_or_else(|error| Err(io::Error::other(error)))?;
        Ok(was)
    }
}
