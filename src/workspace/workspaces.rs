//! All workspaces of a host.

use std::array::from_fn;
use std::collections::HashMap;
use std::fmt;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock, Weak};

use cap_std::ambient_authority;
use cap_std::fs::Dir;
use greenroom_actors::error::StoreError;
use greenroom_actors::ids::AgentId;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use uuid::Uuid;

use super::error::WorkspaceError;
use super::files::synced;
use super::folder::Workspace;
use super::read_only::ReadOnly;
use super::settings::WorkspaceSettings;
use super::sharing::{Lending, Sharing};
use super::watch::{self, Marks, Watcher};

/// Threads that wait for the disk for workspaces at once; the others wait without one.
const THREADS_MAX: usize = 8;

/// Turns to change a workspace. Agents that share one wait for one another, which at so many is
/// rare; a lock for each would have to be forgotten again.
const TURNS: usize = 64;

/// Where files are written before they are moved to their place, beside the agents' folders.
const SPOOL: &str = ".spool";

/// The workspaces of a host. Clones share everything.
#[derive(Clone)]
pub struct Workspaces {
    pub(super) inner: Arc<Inner>,
}

pub(super) struct Inner {
    pub(super) folder: Dir,
    pub(super) spool: Dir,
    pub(super) settings: WorkspaceSettings,
    threads: Arc<Semaphore>,
    turns: [Mutex<()>; TURNS],
    /// What agents share that share something.
    shared: RwLock<HashMap<AgentId, Arc<Sharing>>>,
    lending: OnceLock<Weak<dyn Lending>>,
    watcher: OnceLock<Weak<dyn Watcher>>,
}

impl fmt::Debug for Workspaces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Workspaces").field("settings", &self.inner.settings).finish_non_exhaustive()
    }
}

impl Workspaces {
    /// The workspaces in that folder, which is made if it is not there.
    ///
    /// # Errors
    /// What the file system says.
    pub fn open(folder: &Path, settings: &WorkspaceSettings) -> io::Result<Self> {
        std::fs::create_dir_all(folder)?;
        let folder = Dir::open_ambient_dir(folder, ambient_authority())?;
        // What was being written when the host last ended.
        match folder.remove_dir_all(SPOOL) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => folder.create_dir(SPOOL)?,
        }
        let spool = folder.open_dir(SPOOL)?;
        let inner = Inner {
            folder,
            spool,
            settings: settings.clone(),
            threads: Arc::new(Semaphore::new(THREADS_MAX)),
            turns: from_fn(|_| Mutex::new(())),
            shared: RwLock::default(),
            lending: OnceLock::new(),
            watcher: OnceLock::new(),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// The workspace of an agent for its own hands, which its read-only rule binds.
    #[must_use]
    pub fn bound(&self, agent: AgentId, rule: ReadOnly) -> Workspace {
        Workspace::new(self.clone(), agent, rule)
    }

    /// The workspace of an agent for whoever acts for a person: no rule binds those.
    #[must_use]
    pub fn free(&self, agent: AgentId) -> Workspace {
        self.bound(agent, ReadOnly::default())
    }

    /// The workspace of an agent, without what others share with it.
    #[must_use]
    pub fn own(&self, agent: AgentId) -> Workspace {
        self.free(agent).sharing(Sharing::default())
    }

    /// Shares from now on what is said here, and nothing else. Makes the folder that others see, and
    /// links for programs.
    ///
    /// # Errors
    /// [`WorkspaceError`]; then what was shared before is shared still.
    pub async fn share(&self, agent: AgentId, sharing: Sharing) -> Result<(), WorkspaceError> {
        let sharing = sharing.clean(agent);
        self.free(agent).sharing(sharing.clone()).share().await?;
        self.recall(agent, sharing);
        Ok(())
    }

    /// Takes up what was shared before the host was started anew: nothing is made on the disk.
    pub fn recall(&self, agent: AgentId, sharing: Sharing) {
        let mut shared = self.inner.shared.write().unwrap_or_else(PoisonError::into_inner);
        match sharing.clean(agent) {
            none if none.is_none() => shared.remove(&agent),
            some => shared.insert(agent, Arc::new(some)),
        };
    }

    /// From now on, nothing is shared that this one does not lend. Only the first is asked.
    pub fn lent_by(&self, lending: Weak<dyn Lending>) {
        drop(self.inner.lending.set(lending));
    }

    /// Takes from the disk what an agent may not see any longer: programs that run in a workspace go
    /// by the links there.
    ///
    /// # Errors
    /// [`WorkspaceError`]; this layer lets nobody see it all the same.
    pub async fn withdraw(&self, agent: AgentId) -> Result<(), WorkspaceError> {
        let lent = self.inner.sharing(agent);
        match self.inner.table(agent) {
            Some(set) if set != lent => self.share(agent, Sharing::clone(&lent)).await,
            _ => Ok(()),
        }
    }

    /// What an agent shares now.
    #[must_use]
    pub fn sharing(&self, agent: AgentId) -> Arc<Sharing> {
        self.inner.sharing(agent)
    }

    /// An agent has another name: whoever sees its folder finds it under that from now on.
    ///
    /// # Errors
    /// [`WorkspaceError`]; then some find it under its old name still.
    pub async fn follow_name(&self, source: AgentId, name: &str) -> Result<(), WorkspaceError> {
        for agent in self.consumers_of(source) {
            let mut sharing = Sharing::clone(&self.sharing(agent));
            let before = sharing.sources.len();
            sharing.sources.retain(|called, other| *other != source || called == name);
            if sharing.sources.len() < before {
                sharing.sources.insert(name.to_owned(), source);
                self.share(agent, sharing).await?;
            }
        }
        Ok(())
    }

    /// Who sees an agent's folder now.
    fn consumers_of(&self, source: AgentId) -> Vec<AgentId> {
        let shared = self.inner.shared.read().unwrap_or_else(PoisonError::into_inner);
        let sees = |sharing: &Sharing| sharing.sources.values().any(|other| *other == source);
        shared.iter().filter(|(_, sharing)| sees(sharing)).map(|(agent, _)| *agent).collect()
    }

    /// From now on, that one is told of files with credentials that change. Only the first is.
    pub fn watched_by(&self, watcher: Weak<dyn Watcher>) {
        drop(self.inner.watcher.set(watcher));
    }

    /// Closes an agent's files with credentials to others, and tells whoever masks what stands in them
    /// that they have changed.
    ///
    /// # Errors
    /// [`StoreError`], if that is not durable.
    pub async fn credentials_changed(&self, agent: AgentId) -> Result<(), StoreError> {
        let close = move |all: &Inner| Ok(watch::close_to_others(&all.folder, agent)?);
        if let Err(error) = self.blocking(close).await {
            tracing::warn!(%agent, %error, "files with credentials may be read by others");
        }
        match self.inner.watcher.get().and_then(Weak::upgrade) {
            Some(watcher) => watcher.changed(agent).await,
            None => Ok(()),
        }
    }

    /// The agents that have files with credentials.
    ///
    /// # Errors
    /// [`WorkspaceError::Store`].
    pub async fn with_credentials(&self) -> Result<Vec<AgentId>, WorkspaceError> {
        let look = |all: &Inner| {
            let mut agents = Vec::new();
            for entry in all.folder.entries()? {
                let name = entry?.file_name();
                let agent = name.to_str().and_then(|name| name.parse::<AgentId>().ok());
                let has_any = |agent: &AgentId| Marks::of(&all.folder, *agent) != Marks::default();
                agents.extend(agent.filter(has_any));
            }
            Ok(agents)
        };
        self.blocking(look).await
    }

    /// The agents whose workspace has a file there.
    ///
    /// # Errors
    /// [`WorkspaceError::Store`].
    pub async fn with_file(&self, path: &'static str) -> Result<Vec<AgentId>, WorkspaceError> {
        self.blocking(move |all| {
            let mut agents = Vec::new();
            for entry in all.folder.entries()? {
                let entry = entry?;
                let agent = entry.file_name().to_str().and_then(|name| name.parse().ok());
                let Some(agent) = agent.map(AgentId) else { continue };
                let has_it = entry
                    .open_dir()
                    .and_then(|home| home.symlink_metadata(path))
                    .is_ok_and(|about| about.is_file());
                agents.extend(has_it.then_some(agent));
            }
            Ok(agents)
        })
        .await
    }

    /// What holds for all of them.
    #[must_use]
    pub fn settings(&self) -> &WorkspaceSettings {
        &self.inner.settings
    }

    /// Removes the workspace of an agent that is no more.
    ///
    /// # Errors
    /// [`StoreError`]; then it may be gone in part.
    pub async fn forget(&self, agent: AgentId) -> Result<(), StoreError> {
        self.recall(agent, Sharing::default());
        let forgotten = self.blocking(move |all| {
            let turn = all.turn(agent);
            // Out of the way in one step, so that no half of it is ever seen.
            let gone = Uuid::now_v7().to_string();
            match all.folder.rename(agent.to_string(), &all.spool, &gone) {
                Ok(()) => synced(&all.folder)?,
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
                Err(error) => return Err(error.into()),
            }
            drop(turn);
            Ok(all.spool.remove_dir_all(&gone)?)
        });
        forgotten.await.map_err(|error| match error {
            WorkspaceError::Store(error) => error,
            error => StoreError::Failed(error.to_string()),
        })
    }

    /// Does what may wait for the disk, on a thread where that is allowed.
    pub(super) async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Inner) -> Result<T, WorkspaceError> + Send + 'static,
    ) -> Result<T, WorkspaceError> {
        let threads = Arc::clone(&self.inner.threads);
        let permit = threads.acquire_owned().await.map_err(io::Error::other)?;
        let inner = Arc::clone(&self.inner);
        let done = spawn_blocking(move || {
            let done = work(&inner);
            // Not before: whoever asked may be gone, and the thread is busy all the same.
            drop(permit);
            done
        });
        done.await.map_err(|error| StoreError::Failed(format!("workspace: {error}")))?
    }
}

impl Inner {
    pub(super) fn sharing(&self, agent: AgentId) -> Arc<Sharing> {
        let Some(set) = self.table(agent) else { return Arc::default() };
        let Some(lending) = self.lending.get().map(Weak::upgrade) else { return set };
        set.as_lent(agent, lending.as_deref()).map_or(set, Arc::new)
    }

    /// What an agent was said to share, whether or not it is lent still.
    fn table(&self, agent: AgentId) -> Option<Arc<Sharing>> {
        let shared = self.shared.read().unwrap_or_else(PoisonError::into_inner);
        shared.get(&agent).map(Arc::clone)
    }

    /// Waits for the turn to change an agent's workspace, and holds it.
    pub(super) fn turn(&self, agent: AgentId) -> Option<MutexGuard<'_, ()>> {
        let turns = u128::try_from(TURNS).unwrap_or(1);
        let nth = usize::try_from(agent.0.as_u128() % turns).unwrap_or(0);
        Some(self.turns.get(nth)?.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
