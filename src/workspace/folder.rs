//! The workspace of one agent.

use std::sync::Arc;

use cap_std::fs::Dir;
use greenroom_actors::ids::AgentId;
use greenroom_actors::time::UnixMillis;

use super::error::WorkspaceError;
use super::files::fill::{Filled, Layout};
use super::files::{Files, holder};
use super::path::WorkPath;
use super::read_only::ReadOnly;
use super::reading::Opened;
use super::sharing::Sharing;
use super::tree::{Tree, View};
use super::walk::{Entry, Kind, Listing};
use super::watch::Marks;
use super::workspaces::{Inner, Workspaces};

/// Part of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// The bytes asked for, as far as there are so many.
    pub bytes: Vec<u8>,
    /// Bytes of the whole file in number.
    pub size: u64,
}

/// What came of writing a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Written {
    /// Its bytes in number.
    pub size: u64,
    /// Whether there was none before.
    pub is_new: bool,
    /// When it was written, as the file system says.
    pub changed_at: UnixMillis,
}

/// What was removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Removed {
    /// What it was.
    pub kind: Kind,
    /// Files and folders that it held in number, in the folders of it as well.
    pub entries: u64,
}

/// The workspace of one agent, under a rule. Made when something is first written to it.
///
/// What is called here runs on a thread of its own and changes nothing once its future was dropped,
/// except where that comes in the very moment of the change.
#[derive(Clone, Debug)]
pub struct Workspace {
    pub(super) all: Workspaces,
    agent: AgentId,
    rule: Arc<ReadOnly>,
    /// What is shared, where that is not what the table says at each moment.
    sharing: Option<Arc<Sharing>>,
}

impl Workspace {
    pub(super) fn new(all: Workspaces, agent: AgentId, rule: ReadOnly) -> Self {
        Self { all, agent, rule: Arc::new(rule), sharing: None }
    }

    /// The same, with that being shared, whatever the table says.
    pub(super) fn sharing(self, sharing: Sharing) -> Self {
        Self { sharing: Some(Arc::new(sharing)), ..self }
    }

    /// Reads from a file: at most `bytes_max` bytes, beginning with number `from`.
    ///
    /// # Errors
    /// [`WorkspaceError::Missing`], [`WorkspaceError::NotAFile`], [`WorkspaceError::Special`],
    /// [`WorkspaceError::Store`].
    pub async fn read(
        &self,
        path: WorkPath,
        from: u64,
        bytes_max: u64,
    ) -> Result<Part, WorkspaceError> {
        self.reading(move |files| files.read(&path, from, bytes_max)).await
    }

    /// Opens a file of at most `bytes_max` bytes, to be read piece by piece, after all of it was
    /// looked through.
    ///
    /// # Errors
    /// As of [`read`](Self::read), and [`WorkspaceError::TooLarge`].
    pub async fn open(&self, path: WorkPath, bytes_max: u64) -> Result<Opened, WorkspaceError> {
        self.reading(move |files| files.open(&path, bytes_max)).await
    }

    /// Says what lies at a path.
    ///
    /// # Errors
    /// [`WorkspaceError::Missing`], [`WorkspaceError::Store`].
    pub async fn about(&self, path: WorkPath) -> Result<Entry, WorkspaceError> {
        self.reading(move |files| files.about(&path)).await
    }

    /// Lists a folder and what lies in the folders of it, as many `depth` times; at most
    /// `entries_max` entries.
    ///
    /// # Errors
    /// [`WorkspaceError::Missing`], [`WorkspaceError::NotAFolder`], [`WorkspaceError::Special`],
    /// [`WorkspaceError::Store`].
    pub async fn list(
        &self,
        path: WorkPath,
        depth: usize,
        entries_max: usize,
    ) -> Result<Listing, WorkspaceError> {
        self.reading(move |files| files.list(&path, depth, entries_max)).await
    }

    /// Shows a folder with all that lies in it.
    ///
    /// # Errors
    /// As of [`list`](Self::list).
    pub async fn tree(&self, path: WorkPath, view: View) -> Result<Tree, WorkspaceError> {
        self.reading(move |files| files.tree(&path, view)).await
    }

    /// Writes a whole file, in place of what was there; makes the folders that it lies in.
    ///
    /// # Errors
    /// [`WorkspaceError`]; then what was there is there still.
    pub async fn write(&self, path: WorkPath, content: Vec<u8>) -> Result<Written, WorkspaceError> {
        self.changing(path, move |files, path| files.write(path, &content, false)).await
    }

    /// Writes behind what a file holds; makes it where it is not there.
    ///
    /// # Errors
    /// As of [`write`](Self::write).
    pub async fn append(
        &self,
        path: WorkPath,
        content: Vec<u8>,
    ) -> Result<Written, WorkspaceError> {
        self.changing(path, move |files, path| files.write(path, &content, true)).await
    }

    /// Puts a file in the place of a small one, made of what that held; whether `change` wanted one.
    /// Nobody changes the workspace through here in between.
    ///
    /// # Errors
    /// As of [`read`](Self::read), [`WorkspaceError::TooLarge`] for one of more bytes than `bytes_max`,
    /// and as of [`write`](Self::write).
    pub async fn revise(
        &self,
        path: WorkPath,
        bytes_max: u64,
        change: impl FnOnce(&[u8]) -> Option<Vec<u8>> + Send + 'static,
    ) -> Result<bool, WorkspaceError> {
        let revised = self.changing(path, move |files, path| {
            let held = files.read(path, 0, bytes_max)?;
            if held.size > bytes_max {
                return Err(WorkspaceError::TooLarge { limit: bytes_max });
            }
            let Some(content) = change(&held.bytes) else { return Ok(false) };
            files.write(path, &content, false)?;
            Ok(true)
        });
        revised.await
    }

    /// Makes a folder and those that it lies in. One that is there stays.
    ///
    /// # Errors
    /// [`WorkspaceError`].
    pub async fn make_folder(&self, path: WorkPath) -> Result<(), WorkspaceError> {
        self.changing(path, |files, path| files.make_folder(path)).await
    }

    /// Removes a file or an empty folder; with `with_all` also one that holds something.
    ///
    /// # Errors
    /// [`WorkspaceError`].
    pub async fn remove(&self, path: WorkPath, with_all: bool) -> Result<Removed, WorkspaceError> {
        self.changing(path, move |files, path| files.remove(path, with_all)).await
    }

    /// Makes what every workspace has at its beginning, as far as it is not there.
    ///
    /// # Errors
    /// [`WorkspaceError`].
    pub async fn lay_out(&self, layout: Layout) -> Result<(), WorkspaceError> {
        self.reading(move |files| files.lay_out(layout)).await
    }

    /// Copies what lies in a folder, without what has one of these names right in it. What is there
    /// stays, so that a copy that was cut short is gone on with by another. No rule binds this, and
    /// links are not followed.
    ///
    /// # Errors
    /// [`WorkspaceError`]; then some of it may have been copied.
    pub async fn fill(
        &self,
        from: Dir,
        without: &'static [&'static str],
    ) -> Result<Filled, WorkspaceError> {
        // It takes no turn, which it would have for long: nothing that is there is changed.
        let filled = self.reading(move |files| files.fill(&from, without)).await;
        // Also where only some of it was copied.
        self.all.credentials_changed(self.agent).await?;
        filled
    }

    /// Makes the folders and links that sharing needs.
    pub(super) async fn share(&self) -> Result<(), WorkspaceError> {
        self.changing(WorkPath::HOME, |files, _| files.share()).await
    }

    pub(super) async fn reading<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Files<'_>) -> Result<T, WorkspaceError> + Send + 'static,
    ) -> Result<T, WorkspaceError> {
        self.within(None, |files, _| work(files)).await
    }

    pub(super) async fn changing<T: Send + 'static>(
        &self,
        path: WorkPath,
        work: impl FnOnce(&Files<'_>, &WorkPath) -> Result<T, WorkspaceError> + Send + 'static,
    ) -> Result<T, WorkspaceError> {
        self.within(Some(path), work).await
    }

    /// Whose folder a path leads to now.
    pub(super) fn holder(&self, all: &Inner, path: &WorkPath) -> AgentId {
        match &self.sharing {
            Some(fixed) => holder(self.agent, fixed, path),
            None => holder(self.agent, &all.sharing(self.agent), path),
        }
    }

    /// Files and folders that may be in it.
    #[must_use]
    pub fn entries_max(&self) -> u32 {
        self.all.settings().entries_max
    }

    pub(super) async fn within<T: Send + 'static>(
        &self,
        changed: Option<WorkPath>,
        work: impl FnOnce(&Files<'_>, &WorkPath) -> Result<T, WorkspaceError> + Send + 'static,
    ) -> Result<T, WorkspaceError> {
        let asker = Arc::new(());
        let (asked, rule) = (Arc::downgrade(&asker), Arc::clone(&self.rule));
        let (agent, fixed) = (self.agent, self.sharing.clone());
        let done = self.all.blocking(move |all| {
            let shared = || fixed.clone().unwrap_or_else(|| all.sharing(agent));
            let whose = |sharing: &Sharing| {
                changed.as_ref().map_or(agent, |path| holder(agent, sharing, path))
            };
            let asked_of = whose(&shared());
            let turn = changed.as_ref().and_then(|_| all.turn(asked_of));
            // What was shared before the turn came may be so no longer.
            let sharing = shared();
            if let Some(path) = changed.as_ref().filter(|_| whose(&sharing) != asked_of) {
                return Err(WorkspaceError::Missing(path.clone()));
            }
            let before = changed.as_ref().map(|_| Marks::of(&all.folder, agent));
            let files = Files {
                all: &all.folder,
                spool: &all.spool,
                agent,
                sharing: &sharing,
                rule: &rule,
                settings: &all.settings,
                asker: &asked,
            };
            let done = work(&files, &changed.unwrap_or_default());
            let has_changed = before.is_some_and(|marks| marks != Marks::of(&all.folder, agent));
            drop(turn);
            Ok((done, has_changed))
        });
        let (done, has_changed) = done.await?;
        drop(asker);
        if has_changed {
            self.all.credentials_changed(agent).await?;
        }
        done
    }
}
