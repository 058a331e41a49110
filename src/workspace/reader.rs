//! A file that is open to be read, piece by piece.

use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use super::error::WorkspaceError;
use super::files::{Files, kind};
use super::folder::Workspace;
use super::path::WorkPath;
use super::walk::{Entry, Kind};
use super::workspaces::Workspaces;

/// A file that is open to be read. What is read is what it held when it was opened, also if another was written in its
/// place meanwhile.
#[derive(Debug)]
pub struct Reader {
    all: Workspaces,
    file: Arc<std::fs::File>,
    about: Entry,
}

impl Workspace {
    /// Opens a file to be read.
    ///
    /// # Errors
    /// [`WorkspaceError::Missing`], [`WorkspaceError::NotAFile`], [`WorkspaceError::Special`],
    /// [`WorkspaceError::Store`].
    pub async fn open(&self, path: WorkPath) -> Result<Reader, WorkspaceError> {
        let (file, about) = self.within(false, move |files| files.open(&path)).await?;
        Ok(Reader { all: self.all.clone(), file: Arc::new(file), about })
    }
}

impl Reader {
    /// What it was when it was opened.
    #[must_use]
    pub fn about(&self) -> &Entry {
        &self.about
    }

    /// At most `bytes_max` bytes, beginning with number `from`; none behind the end.
    ///
    /// # Errors
    /// [`WorkspaceError::Store`].
    pub async fn read(&self, from: u64, bytes_max: usize) -> Result<Vec<u8>, WorkspaceError> {
        let file = Arc::clone(&self.file);
        let read = move || {
            let mut bytes = vec![0; bytes_max];
            let mut filled = 0;
            while let Some(rest) = bytes.get_mut(filled..).filter(|rest| !rest.is_empty()) {
                let at = from.saturating_add(u64::try_from(filled).unwrap_or(u64::MAX));
                match file.read_at(rest, at) {
                    Ok(0) => break,
                    Ok(read) => filled += read,
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) => return Err(error.into()),
                }
            }
            bytes.truncate(filled);
            Ok(bytes)
        };
        self.all.blocking(move |_| read()).await
    }
}

impl Files<'_> {
    fn open(&self, path: &WorkPath) -> Result<(std::fs::File, Entry), WorkspaceError> {
        let missing = || WorkspaceError::Missing(path.clone());
        let name = path.name().ok_or_else(|| WorkspaceError::NotAFile(path.clone()))?;
        let folder = self.folder(&path.parent())?.ok_or_else(missing)?;
        match kind(&folder, name)? {
            Some(Kind::File) => {}
            Some(Kind::Folder) => return Err(WorkspaceError::NotAFile(path.clone())),
            Some(Kind::Special) => return Err(WorkspaceError::Special(path.clone())),
            None => return Err(missing()),
        }
        let file = folder.open(name)?;
        let about = file.metadata()?;
        // It may have become something else since it was looked at.
        if !about.is_file() {
            return Err(WorkspaceError::Special(path.clone()));
        }
        Ok((file.into_std(), Entry::new(path.clone(), &about)))
    }
}
