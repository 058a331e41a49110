//! The vault: makes backups of the store while it is in use.

use std::path::PathBuf;

use greenroom_actors::error::StoreError;

use crate::store::{Sizes, SqliteStore};

/// Makes backups, all in one folder.
#[derive(Clone)]
pub struct Vault {
    store: SqliteStore,
    folder: PathBuf,
}

impl Vault {
    /// A vault that keeps backups of `store` in `folder`, which is made when it is needed.
    #[must_use]
    pub fn new(store: SqliteStore, folder: PathBuf) -> Self {
        Self { store, folder }
    }

    /// How large the store is and how busy.
    #[must_use]
    pub fn sizes(&self) -> Sizes {
        self.store.sizes()
    }

    /// Whether there is a backup of that name.
    pub(crate) fn holds(&self, name: &str) -> bool {
        self.folder.join(name).exists()
    }

    /// Copies the store into a new file of that name, and answers with its place.
    ///
    /// # Errors
    /// A file of that name that exists, no space, whatever else the store says.
    pub(crate) async fn backup(&self, name: &str) -> Result<PathBuf, StoreError> {
        std::fs::create_dir_all(&self.folder)
            .map_err(|error| StoreError::Failed(format!("{}: {error}", self.folder.display())))?;
        // Whoever takes it away need not know where the host was started.
        let folder = std::path::absolute(&self.folder);
        let file = folder.unwrap_or_else(|_| self.folder.clone()).join(name);
        self.store.backup(&file).await?;
        Ok(file)
    }
}
