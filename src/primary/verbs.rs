//! What is asked of the primary agent. No state refuses any of it, but for a second restart.

use std::sync::atomic::Ordering;

use greenroom_actors::agent::Change;
use greenroom_actors::error::CoreError;
use greenroom_actors::lifecycle::{Autonomy, Command};

use super::status::{PrimaryStatus, StateWord};
use super::{Inner, Primary};

/// Why the primary agent was not restarted.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum RestartError {
    /// There is none, and none that could be made.
    #[error("restart is not supported: there is no agent")]
    NoAgent,
    /// It is being restarted already.
    #[error("the agent is already restarting")]
    AlreadyRestarting,
    /// It did not come up; it is what it was before.
    #[error(transparent)]
    Core(#[from] CoreError),
}

impl Primary {
    /// Starts the agent, which becomes autonomous: its first tick comes at once. One that runs already
    /// counts as started anew. Without an agent, only the state changes.
    ///
    /// # Errors
    /// [`CoreError::Halted`], [`CoreError::Store`], and what keeps a message from the agent.
    pub async fn start(&self) -> Result<PrimaryStatus, CoreError> {
        self.go(Command::Start).await
    }

    /// Stops the agent: silent at once.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub async fn stop(&self) -> Result<PrimaryStatus, CoreError> {
        self.go(Command::Stop).await
    }

    /// Pauses the agent, also one that is stopped.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub async fn pause(&self) -> Result<PrimaryStatus, CoreError> {
        self.go(Command::Pause).await
    }

    /// Has the agent go on, autonomous, as if it had been running since it was started.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub async fn resume(&self) -> Result<PrimaryStatus, CoreError> {
        self.go(Command::Resume).await
    }

    async fn go(&self, command: Command) -> Result<PrimaryStatus, CoreError> {
        match self.agent().await? {
            Some(record) => {
                let wakes = matches!(command, Command::Start | Command::Resume);
                let autonomy = match record.lifecycle.autonomy {
                    None if wakes => Some(Some(self.usual_autonomy().await)),
                    _ => None,
                };
                let change = Change { autonomy, ..Change::insisting(command) };
                self.inner.registry.ask(record.id, change).await?;
                self.stand(|standing| standing.autonomy = None).await?;
            }
            None => {
                let now = self.inner.registry.clock().now();
                self.stand(|standing| match command {
                    Command::Start => {
                        standing.word = StateWord::Running;
                        standing.started_at = Some(now);
                    }
                    Command::Stop => {
                        standing.word = StateWord::Stopped;
                        standing.started_at = None;
                    }
                    Command::Pause => standing.word = StateWord::Paused,
                    Command::Resume | Command::Restart => standing.word = StateWord::Running,
                })
                .await?;
            }
        }
        self.status().await
    }

    /// How often an agent ticks that does not say so itself.
    pub(super) async fn usual_autonomy(&self) -> Autonomy {
        Autonomy { every_ms: self.inner.standing.lock().await.tick_every_ms }
    }

    /// Restarts the agent: its work is cut off, and it comes up anew from what is kept. The agent that
    /// the configuration names is made if a reset has removed it.
    ///
    /// # Errors
    /// Each [`RestartError`].
    pub async fn restart(&self) -> Result<PrimaryStatus, RestartError> {
        if self.agent().await?.is_none() && self.inner.handle.is_empty() {
            return Err(RestartError::NoAgent);
        }
        let restarting = Restarting::begin(&self.inner).ok_or(RestartError::AlreadyRestarting)?;
        let _turn = self.inner.succession.lock().await;
        match self.agent().await? {
            Some(record) => {
                let change = Change::insisting(Command::Restart);
                self.inner.registry.ask(record.id, change).await?;
            }
            None => drop(self.make_default().await?),
        }
        self.inner.pending.clear();
        drop(restarting);
        Ok(self.status().await?)
    }
}

/// That a restart goes on; over when it is dropped.
struct Restarting<'a>(&'a Inner);

impl<'a> Restarting<'a> {
    fn begin(inner: &'a Inner) -> Option<Self> {
        (!inner.is_restarting.swap(true, Ordering::AcqRel)).then_some(Self(inner))
    }
}

impl Drop for Restarting<'_> {
    fn drop(&mut self) {
        self.0.is_restarting.store(false, Ordering::Release);
    }
}
