//! Why a connection ended: whoever sees it first notes it for whoever has to tell.

use std::sync::{Arc, Mutex, PoisonError};

/// The first reason that was noted. Clones are the same.
#[derive(Clone, Debug, Default)]
pub(super) struct Fault(Arc<Mutex<Option<String>>>);

impl Fault {
    /// Notes a reason, unless there is one already.
    pub(super) fn note(&self, reason: String) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(reason);
    }

    /// The reason, or else these words.
    pub(super) fn or(&self, words: &str) -> String {
        let noted = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        noted.unwrap_or_else(|| words.to_owned())
    }
}
