//! The primary agent: the one agent that a client means which knows only one.
//!
//! Which agent that is, and what was asked for while there was none, is durable. Everything about the
//! agent itself is the agent's: it is started, paused and stopped as every other, and whoever does so
//! over another API sees the same here.

mod autonomy;
mod choice;
pub(crate) mod confidential;
mod config_file;
mod default;
mod reset;
mod restarts;
mod standing;
mod state_dir;
mod status;
mod verbs;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use greenroom_actors::character::{AgentRecord, Character};
use greenroom_actors::error::CoreError;
use greenroom_actors::ids::AgentId;
use greenroom_actors::registry::Registry;
use tokio::sync::{Mutex, watch};

pub use autonomy::{AutonomyState, PERIOD_MAX, PERIOD_MIN};
pub use choice::{Choice, recall};
pub use config_file::{ConfigFile, ConfigFileError};
pub use default::default_character;
pub use reset::ResetError;
pub use restarts::REASONS_MAX;
pub use state_dir::{StateDir, UnsafeFolder};
pub use status::{PrimaryStatus, Startup, StateWord};
pub use verbs::RestartError;

use restarts::PendingRestart;
use standing::Standing;

/// Reaches the primary agent. Clones reach the same.
#[derive(Clone)]
pub struct Primary {
    inner: Arc<Inner>,
}

struct Inner {
    registry: Registry,
    /// The handle that the configuration names; empty: none.
    handle: String,
    /// What agents whose character names no model are answered by.
    default_model: String,
    state_dir: StateDir,
    /// Held while something about the standing changes, so that changes follow one another.
    standing: Mutex<Standing>,
    agent: watch::Sender<Option<AgentId>>,
    /// Held while another agent becomes the primary one, or none is any more.
    succession: Mutex<()>,
    is_restarting: AtomicBool,
    pending: PendingRestart,
}

/// What the primary agent is made of.
pub struct PrimarySettings {
    /// The handle that the configuration names; empty: there is no agent until onboarding.
    pub handle: String,
    /// The model that answers where a character names none.
    pub default_model: String,
    /// The folder that a reset deletes.
    pub state_dir: StateDir,
}

impl Primary {
    /// Finds the primary agent: the one that was last so, or the one of the configured handle, which
    /// is made and started if this host has never had one.
    ///
    /// # Errors
    /// [`CoreError::Store`], and whatever keeps the agent from being made.
    pub async fn open(registry: Registry, settings: PrimarySettings) -> Result<Self, CoreError> {
        let PrimarySettings { handle, default_model, state_dir } = settings;
        let kept = Standing::read(&registry).await?;
        let is_known = kept.as_ref().is_some_and(|kept| kept.configured == handle);
        let mut standing = kept.unwrap_or_default();
        let chosen = standing.agent.filter(|_| is_known);
        // A boot that serves no such clients names none, and forgets nothing.
        if !handle.is_empty() {
            standing.configured.clone_from(&handle);
        }
        standing.agent = match chosen {
            Some(chosen) => Some(chosen),
            // A reset leaves no agent, and a boot does not bring it back.
            None if is_known && standing.is_reset => None,
            None if handle.is_empty() => standing.agent,
            None => registry.store().agent_by_handle(&handle).await?.map(|found| found.id),
        };
        let is_new = standing.agent.is_none() && !standing.is_reset && !handle.is_empty();
        let (agent, _) = watch::channel(standing.agent);
        let inner = Inner {
            registry,
            handle,
            default_model,
            state_dir,
            standing: Mutex::new(standing),
            agent,
            succession: Mutex::default(),
            is_restarting: AtomicBool::new(false),
            pending: PendingRestart::default(),
        };
        let primary = Self { inner: Arc::new(inner) };
        if is_new {
            match primary.make_default().await {
                // The agent is there, and stays stopped until somebody starts it.
                Ok(_) | Err(CoreError::Halted) => {}
                Err(error) => return Err(error),
            }
        } else {
            let standing = primary.inner.standing.lock().await;
            standing.keep(&primary.inner.registry).await?;
        }
        Ok(primary)
    }

    /// The same where there is no agent, nor one to be made.
    #[cfg(test)]
    pub(crate) async fn none(registry: Registry) -> Result<Self, CoreError> {
        let folder = std::path::Path::new("/nowhere");
        let state_dir = StateDir::new(None, folder, None);
        let handle = String::new();
        Self::open(registry, PrimarySettings { handle, default_model: "echo".into(), state_dir })
            .await
    }

    /// Who the primary agent is; `None` if there is none.
    ///
    /// # Errors
    /// [`CoreError::Store`].
    pub async fn agent(&self) -> Result<Option<Arc<AgentRecord>>, CoreError> {
        let Some(id) = *self.inner.agent.borrow() else { return Ok(None) };
        match self.inner.registry.record(id).await {
            Ok(record) => Ok(Some(record)),
            // It was removed over another API.
            Err(CoreError::AgentNotFound(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Which agent is the primary one, and each change of that.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<Option<AgentId>> {
        self.inner.agent.subscribe()
    }

    /// The folder that a reset deletes.
    #[must_use]
    pub fn state_dir(&self) -> &StateDir {
        &self.inner.state_dir
    }

    /// Makes an agent the primary one; it stays what it is.
    ///
    /// # Errors
    /// [`CoreError::AgentNotFound`], [`CoreError::Store`].
    pub async fn adopt(&self, id: AgentId) -> Result<Arc<AgentRecord>, CoreError> {
        let _turn = self.inner.succession.lock().await;
        self.appoint(id).await
    }

    /// Makes an agent of that character, starts it as [`start`](Self::start) does, and makes it the
    /// primary one.
    ///
    /// # Errors
    /// As [`Registry::create`], and as [`start`](Self::start).
    pub async fn create(&self, character: Character) -> Result<Arc<AgentRecord>, CoreError> {
        let _turn = self.inner.succession.lock().await;
        self.make(character).await
    }

    async fn appoint(&self, id: AgentId) -> Result<Arc<AgentRecord>, CoreError> {
        let record = self.inner.registry.record(id).await?;
        let was = *self.inner.agent.borrow();
        self.stand(|standing| {
            standing.agent = Some(id);
            standing.is_reset = false;
        })
        .await?;
        if was == Some(id) {
            // One of that id may have been made anew.
            self.inner.agent.send_replace(Some(id));
        }
        Ok(record)
    }

    async fn make(&self, character: Character) -> Result<Arc<AgentRecord>, CoreError> {
        let record = self.inner.registry.create(character).await?;
        self.appoint(record.id).await?;
        self.start().await?;
        self.inner.registry.record(record.id).await
    }

    /// The agent that the configuration names, made of a default character, or the one of that name.
    async fn make_default(&self) -> Result<Arc<AgentRecord>, CoreError> {
        match self.make(default_character(&self.inner.handle)).await {
            Err(CoreError::AlreadyExists(id)) => {
                self.appoint(id).await?;
                self.start().await?;
                self.inner.registry.record(id).await
            }
            made => made,
        }
    }

    /// Changes the standing; the change is durable before it is seen.
    async fn stand<T>(&self, change: impl FnOnce(&mut Standing) -> T) -> Result<T, CoreError> {
        let mut standing = self.inner.standing.lock().await;
        let mut next = standing.clone();
        let told = change(&mut next);
        next.keep(&self.inner.registry).await?;
        *standing = next;
        self.inner.agent.send_if_modified(|agent| {
            let is_other = *agent != standing.agent;
            *agent = standing.agent;
            is_other
        });
        Ok(told)
    }
}
