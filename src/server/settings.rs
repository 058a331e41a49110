//! The process as a whole: threads, timers, the end.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The `[server]` section of the configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ServerSettings {
    /// Threads that serve each listener. 0: one for each core.
    pub workers: u16,
    /// Connections that each of them holds at once; further ones wait.
    pub connections_per_worker: u32,
    /// Seconds that runs and requests in flight are given when the process ends.
    pub drain_s: u32,
}

impl Default for ServerSettings {
    fn default() -> Self {
        Self { workers: 0, connections_per_worker: 10_000, drain_s: 20 }
    }
}

impl ServerSettings {
    /// The time that work in flight is given at the end.
    #[must_use]
    pub fn drain(&self) -> Duration {
        Duration::from_secs(u64::from(self.drain_s))
    }

    /// The threads that serve each listener.
    pub(super) fn workers(&self) -> usize {
        match self.workers {
            0 => std::thread::available_parallelism().map_or(1, usize::from),
            workers => usize::from(workers),
        }
    }

    pub(super) fn connections_per_worker(&self) -> usize {
        usize::try_from(self.connections_per_worker).unwrap_or(usize::MAX)
    }

    /// Whether the values can be.
    ///
    /// # Errors
    /// The name of the key at fault and what is wrong with it.
    pub fn check(&self) -> Result<(), String> {
        if self.connections_per_worker == 0 {
            return Err("connections_per_worker is 0, and must be at least 1".to_owned());
        }
        Ok(())
    }
}
