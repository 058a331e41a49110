//! The vault: makes backups of the store while it is in use.

use std::path::PathBuf;
use std::sync::Arc;

use greenroom_actors::error::StoreError;

use crate::store::SqliteStore;

/// Makes backups, all in one folder.
#[derive(Clone)]
pub struct Vault {
    store: Arc<SqliteStore>,
    folder: PathBuf,
}

impl Vault {
    /// A vault that keeps backups of `store` in `folder`, which is made when it is needed.
    #[must_use]
    pub fn new(store: Arc<SqliteStore>, folder: PathBuf) -> Self {
        Self { store, folder }
    }

    /// Copies the store into a new file of that name, and answers with its place.
    ///
    /// # Errors
    /// A file of that name that exists, no space, whatever else the store says.
    pub(crate) async fn backup(&self, name: &str) -> Result<PathBuf, StoreError> {
        let file = self.folder.join(name);
        tokio::fs::create_dir_all(&self.folder)
            .await
            .map_err(|error| StoreError::Failed(format!("{}: {error}", self.folder.display())))?;
        self.store.backup(&file).await?;
        Ok(file)
    }
}
