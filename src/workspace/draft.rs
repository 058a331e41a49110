//! A file that is written piece by piece, in any order: whole in its place once it is kept, or not
//! there at all.

use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::time::SystemTime;

use cap_std::fs::OpenOptions;
use uuid::Uuid;

use super::error::WorkspaceError;
use super::files::{Files, kind, synced};
use super::folder::{Workspace, Written};
use super::opening;
use super::path::WorkPath;
use super::walk::Kind;
use super::workspaces::Workspaces;

/// What a draft begins with, and what has to be there for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Begin {
    /// Whether it begins with what the file holds; otherwise with nothing.
    pub with_content: bool,
    /// Whether there may be no such file yet.
    pub may_be_new: bool,
    /// Whether there must be no such file yet.
    pub must_be_new: bool,
}

/// A file that is being written. Nobody sees it before it is [kept](Self::keep); dropped, it is gone.
#[derive(Debug)]
pub struct Draft {
    workspace: Workspace,
    path: WorkPath,
    begin: Begin,
    file: Arc<std::fs::File>,
    spooled: Spooled,
    size: u64,
}

/// Where a draft lies until it is kept.
#[derive(Debug)]
struct Spooled {
    all: Workspaces,
    name: String,
    is_kept: bool,
}

impl Drop for Spooled {
    fn drop(&mut self) {
        if self.is_kept {
            return;
        }
        let (inner, name) = (Arc::clone(&self.all.inner), std::mem::take(&mut self.name));
        // What is left of it goes at the next start at the latest.
        let remove = move || drop(inner.spool.remove_file(name));
        match tokio::runtime::Handle::try_current() {
            Ok(threads) => drop(threads.spawn_blocking(remove)),
            Err(_) => remove(),
        }
    }
}

impl Workspace {
    /// Begins to write a file piece by piece. The folder that it lies in must be there.
    ///
    /// # Errors
    /// [`WorkspaceError`]: [`Taken`](WorkspaceError::Taken) and [`Missing`](WorkspaceError::Missing)
    /// as `begin` says.
    pub async fn draft(&self, path: WorkPath, begin: Begin) -> Result<Draft, WorkspaceError> {
        let name = Uuid::now_v7().to_string();
        let spooled = Spooled { all: self.all.clone(), name: name.clone(), is_kept: false };
        let at = path.clone();
        let opened = self.reading(move |files| files.begin(&at, &name, begin)).await;
        let (file, size) = opened?;
        let workspace = self.clone();
        Ok(Draft { workspace, path, begin, file: Arc::new(file), spooled, size })
    }
}

impl Draft {
    /// Where it will be.
    #[must_use]
    pub fn path(&self) -> &WorkPath {
        &self.path
    }

    /// Its bytes in number so far.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Writes bytes, the first of them as number `at`.
    ///
    /// # Errors
    /// [`WorkspaceError::TooLarge`], [`WorkspaceError::Store`].
    pub async fn write(&mut self, at: u64, bytes: Vec<u8>) -> Result<(), WorkspaceError> {
        let end = at.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        self.fits(end)?;
        self.with_file(move |file| file.write_all_at(&bytes, at)).await?;
        self.size = self.size.max(end);
        Ok(())
    }

    /// What it holds so far: at most `bytes_max` bytes, beginning with number `from`.
    ///
    /// # Errors
    /// [`WorkspaceError::Store`].
    pub async fn read(&self, from: u64, bytes_max: usize) -> Result<Vec<u8>, WorkspaceError> {
        let rest = usize::try_from(self.size.saturating_sub(from)).unwrap_or(usize::MAX);
        let mut bytes = vec![0; bytes_max.min(rest)];
        let read = move |file: &std::fs::File| {
            file.read_exact_at(&mut bytes, from)?;
            Ok(bytes)
        };
        self.with_file(read).await
    }

    /// Cuts it off, or fills it up with zeros.
    ///
    /// # Errors
    /// [`WorkspaceError::TooLarge`], [`WorkspaceError::Store`].
    pub async fn resize(&mut self, size: u64) -> Result<(), WorkspaceError> {
        self.fits(size)?;
        self.with_file(move |file| file.set_len(size)).await?;
        self.size = size;
        Ok(())
    }

    /// Dates it.
    ///
    /// # Errors
    /// [`WorkspaceError::Store`].
    pub async fn date(&mut self, changed_at: SystemTime) -> Result<(), WorkspaceError> {
        self.with_file(move |file| file.set_modified(changed_at)).await
    }

    /// Puts it in its place, whole and durable.
    ///
    /// # Errors
    /// [`WorkspaceError`]; then what was there is there still, and the draft is gone.
    pub async fn keep(self) -> Result<Written, WorkspaceError> {
        let Self { workspace, path, begin, file, mut spooled, size } = self;
        let name = spooled.name.clone();
        let placed = workspace.changing(path, move |files, path| {
            // The content first: a name must not outlive a crash that the content does not.
            file.sync_all()?;
            files.place(path, &name, size, begin)
        });
        let written = placed.await?;
        spooled.is_kept = true;
        Ok(written)
    }

    fn fits(&self, size: u64) -> Result<(), WorkspaceError> {
        let limit = self.workspace.all.settings().file_max_bytes;
        if size > limit { Err(WorkspaceError::TooLarge { limit }) } else { Ok(()) }
    }

    async fn with_file<T: Send + 'static>(
        &self,
        work: impl FnOnce(&std::fs::File) -> io::Result<T> + Send + 'static,
    ) -> Result<T, WorkspaceError> {
        let file = Arc::clone(&self.file);
        self.workspace.all.blocking(move |_| Ok(work(&file)?)).await
    }
}

impl Files<'_> {
    fn begin(
        &self,
        path: &WorkPath,
        spooled: &str,
        begin: Begin,
    ) -> Result<(std::fs::File, u64), WorkspaceError> {
        self.rule.check(path)?;
        let before = self.before(path, begin)?;
        let mut options = OpenOptions::new();
        let file =
            self.spool.open_with(spooled, options.read(true).write(true).create_new(true))?;
        let mut size = 0;
        if let Some(before) = before.filter(|_| begin.with_content) {
            let name = path.name().ok_or_else(|| WorkspaceError::NotAFile(path.clone()))?;
            let folder = self.folder(&path.parent())?;
            let folder = folder.ok_or_else(|| WorkspaceError::Missing(path.clone()))?;
            let limit = self.settings.file_max_bytes;
            if before > limit {
                return Err(WorkspaceError::TooLarge { limit });
            }
            size = io::copy(&mut io::Read::take(opening::file(&folder, name)?, limit), &mut &file)?;
        }
        Ok((file.into_std(), size))
    }

    fn place(
        &self,
        path: &WorkPath,
        spooled: &str,
        size: u64,
        begin: Begin,
    ) -> Result<Written, WorkspaceError> {
        let name = path.name().ok_or_else(|| WorkspaceError::NotAFile(path.clone()))?;
        self.rule.check(path)?;
        let before = self.before(path, Begin { may_be_new: true, ..begin })?;
        self.make_room(path, size, before)?;
        // Its folder was there when it was begun; of all that, only the workspace itself is made.
        let folder = match self.folder(&path.parent())? {
            Some(folder) => folder,
            None if path.parent().is_home() => self.make_folders(&WorkPath::HOME)?,
            None => return Err(WorkspaceError::Missing(path.parent())),
        };
        self.is_awaited()?;
        self.spool.rename(spooled, &folder, name)?;
        synced(&folder)?;
        let changed_at = self.about(path)?.changed_at;
        Ok(Written { size, is_new: before.is_none(), changed_at })
    }

    /// The size of the file that is there, if it may be.
    fn before(&self, path: &WorkPath, begin: Begin) -> Result<Option<u64>, WorkspaceError> {
        if self.sharing.needs(path) {
            return Err(WorkspaceError::NotAFile(path.clone()));
        }
        let name = path.name().ok_or_else(|| WorkspaceError::NotAFile(path.clone()))?;
        let parent = path.parent();
        let found = match self.folder(&parent)? {
            Some(folder) => match kind(&folder, name)? {
                Some(Kind::File) => Some(folder.symlink_metadata(name)?.len()),
                Some(Kind::Folder) => return Err(WorkspaceError::NotAFile(path.clone())),
                Some(Kind::Special) => return Err(WorkspaceError::Special(path.clone())),
                None => None,
            },
            None if parent.is_home() => None,
            None => return Err(WorkspaceError::Missing(parent)),
        };
        match found {
            Some(_) if begin.must_be_new => Err(WorkspaceError::Taken(path.clone())),
            None if !(begin.may_be_new || begin.must_be_new) => {
                Err(WorkspaceError::Missing(path.clone()))
            }
            found => Ok(found),
        }
    }
}
