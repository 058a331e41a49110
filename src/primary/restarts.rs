//! Why the agent should be restarted: what was changed that it heeds only then.

use std::sync::{Mutex, MutexGuard, PoisonError};

use greenroom_actors::texts::cut;

use super::Primary;

/// Reasons that are kept at most.
pub const REASONS_MAX: usize = 50;

/// Bytes of one: they go into every status that clients are told.
const REASON_MAX_BYTES: usize = 300;

/// The reasons, each once, oldest first. A start of the process is a restart too, so that they are not
/// kept longer than that.
#[derive(Default)]
pub(super) struct PendingRestart(Mutex<Vec<String>>);

impl PendingRestart {
    pub(super) fn reasons(&self) -> Vec<String> {
        self.lock().clone()
    }

    pub(super) fn clear(&self) {
        self.lock().clear();
    }

    fn add(&self, reason: &str) {
        let reason = cut(reason, REASON_MAX_BYTES);
        let mut reasons = self.lock();
        if reasons.len() < REASONS_MAX && !reasons.iter().any(|known| known == reason) {
            reasons.push(reason.to_owned());
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Primary {
    /// Notes that the agent should be restarted; answers with all the reasons there are.
    #[must_use = "clients are told of the reasons"]
    pub fn needs_restart(&self, reason: &str) -> Vec<String> {
        self.inner.pending.add(reason);
        self.inner.pending.reasons()
    }
}
