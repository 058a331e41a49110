//! A file that is open to be read, piece by piece.

use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use greenroom_actors::ids::AgentId;

use super::error::WorkspaceError;
use super::files::holder;
use super::folder::Workspace;
use super::path::WorkPath;
use super::walk::Entry;
use super::workspaces::Inner;

/// A file that is open to be read. What is read is what it held when it was opened, also if another was written in its
/// place meanwhile; nothing any more once it is another agent's that shares it no longer.
#[derive(Debug)]
pub struct Reader {
    workspace: Workspace,
    /// Whose it was when it was opened.
    holder: AgentId,
    file: Arc<std::fs::File>,
    about: Entry,
}

impl Workspace {
    /// Opens a file to be read.
    ///
    /// # Errors
    /// [`WorkspaceError::Missing`], [`WorkspaceError::NotAFile`], [`WorkspaceError::Special`],
    /// [`WorkspaceError::Store`].
    pub async fn reader(&self, path: WorkPath) -> Result<Reader, WorkspaceError> {
        let opened = self.reading(move |files| {
            let (file, about) = files.open_file(&path)?;
            Ok((file, about, holder(files.agent, files.sharing, &path)))
        });
        let (file, about, holder) = opened.await?;
        let file = Arc::new(file.into_std());
        Ok(Reader { workspace: self.clone(), holder, file, about })
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
    /// [`WorkspaceError::Missing`] once it is shared no longer, [`WorkspaceError::Store`].
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
        let (workspace, path) = (self.workspace.clone(), self.about.path.clone());
        let holder = self.holder;
        let work = move |all: &Inner| match workspace.holder(all, &path) == holder {
            true => read(),
            false => Err(WorkspaceError::Missing(path)),
        };
        self.workspace.all.blocking(work).await
    }
}
