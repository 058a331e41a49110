//! The workspace of one agent.

use std::sync::Arc;

use greenroom_actors::ids::AgentId;

use super::error::WorkspaceError;
use super::files::Files;
use super::path::WorkPath;
use super::read_only::ReadOnly;
use super::walk::{Entry, Listing};
use super::workspaces::Workspaces;

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
}

/// The workspace of one agent, under a rule. Made when something is first written to it.
///
/// What is called here runs on a thread of its own and changes nothing once its future was dropped,
/// except where that comes in the very moment of the change.
#[derive(Clone, Debug)]
pub struct Workspace {
    all: Workspaces,
    agent: AgentId,
    rule: Arc<ReadOnly>,
}

impl Workspace {
    pub(super) fn new(all: Workspaces, agent: AgentId, rule: ReadOnly) -> Self {
        Self { all, agent, rule: Arc::new(rule) }
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
        self.within(false, move |files| files.read(&path, from, bytes_max)).await
    }

    /// Says what lies at a path.
    ///
    /// # Errors
    /// [`WorkspaceError::Missing`], [`WorkspaceError::Store`].
    pub async fn about(&self, path: WorkPath) -> Result<Entry, WorkspaceError> {
        self.within(false, move |files| files.about(&path)).await
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
        self.within(false, move |files| files.list(&path, depth, entries_max)).await
    }

    /// Writes a whole file, in place of what was there; makes the folders that it lies in.
    ///
    /// # Errors
    /// [`WorkspaceError`]; then what was there is there still.
    pub async fn write(&self, path: WorkPath, content: Vec<u8>) -> Result<Written, WorkspaceError> {
        self.within(true, move |files| files.write(&path, &content, false)).await
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
        self.within(true, move |files| files.write(&path, &content, true)).await
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
        let revised = self.within(true, move |files| {
            let held = files.read(&path, 0, bytes_max)?;
            if held.size > bytes_max {
                return Err(WorkspaceError::TooLarge { limit: bytes_max });
            }
            let Some(content) = change(&held.bytes) else { return Ok(false) };
            files.write(&path, &content, false)?;
            Ok(true)
        });
        revised.await
    }

    /// Makes a folder and those that it lies in. One that is there stays.
    ///
    /// # Errors
    /// [`WorkspaceError`].
    pub async fn make_folder(&self, path: WorkPath) -> Result<(), WorkspaceError> {
        self.within(true, move |files| files.make_folder(&path)).await
    }

    /// Removes a file or an empty folder; with `with_all` also one that holds something.
    ///
    /// # Errors
    /// [`WorkspaceError`].
    pub async fn remove(&self, path: WorkPath, with_all: bool) -> Result<(), WorkspaceError> {
        self.within(true, move |files| files.remove(&path, with_all)).await
    }

    async fn within<T: Send + 'static>(
        &self,
        changes: bool,
        work: impl FnOnce(&Files<'_>) -> Result<T, WorkspaceError> + Send + 'static,
    ) -> Result<T, WorkspaceError> {
        let asker = Arc::new(());
        let (asked, rule) = (Arc::downgrade(&asker), Arc::clone(&self.rule));
        let agent = self.agent;
        let done = self.all.blocking(move |all| {
            let turn = if changes { all.turn(agent) } else { None };
            let name = agent.to_string();
            let files = Files {
                all: &all.folder,
                spool: &all.spool,
                name: &name,
                rule: &rule,
                settings: &all.settings,
                asker: &asked,
            };
            let done = work(&files);
            drop(turn);
            done
        });
        let done = done.await;
        drop(asker);
        done
    }
}
