//! What an operator may say about requests that are sent again.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The `[idempotency]` section of the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct IdempotencySettings {
    /// Hours that a key is remembered with its answer.
    pub kept_hours: u32,
    /// Keys that are remembered; beyond that the oldest are forgotten earlier.
    pub kept_max: u32,
    /// Bytes of an answer that is kept as a whole; of a longer one, and of a stream, the status and the
    /// `Location` are.
    pub answer_max_bytes: u32,
}

impl Default for IdempotencySettings {
    fn default() -> Self {
        Self { kept_hours: 24, kept_max: 100_000, answer_max_bytes: 64 * 1024 }
    }
}

impl IdempotencySettings {
    /// How long a key is remembered.
    pub(super) fn kept(&self) -> Duration {
        Duration::from_secs(u64::from(self.kept_hours) * 60 * 60)
    }

    /// Whether the values can be.
    ///
    /// # Errors
    /// The name of the key at fault and what is wrong with it.
    pub fn check(&self) -> Result<(), String> {
        for (name, value) in [("kept_hours", self.kept_hours), ("kept_max", self.kept_max)] {
            if value == 0 {
                return Err(format!("{name} is 0, and must be at least 1"));
            }
        }
        Ok(())
    }
}
