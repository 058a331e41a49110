//! The sessions of Engine.IO as far as the bridge must know them: how many there are, which of them
//! may be upgraded, and how to break one off.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

use crate::http::places::places;
use crate::telemetry;

/// Bytes that wait for one client, above which it counts as one that does not keep up. What comes on
/// top is a single event.
pub(super) const WAITING_MAX_BYTES: usize = 8 * 1024 * 1024;

/// The sessions that there are.
pub(super) struct Sessions {
    places: Arc<Semaphore>,
    named: Mutex<HashMap<String, Weak<Session>>>,
}

/// One session. It lives in the request that began it, which Engine.IO keeps for as long.
pub(super) struct Session {
    _place: OwnedSemaphorePermit,
    /// Breaks off its connection, if it has one of its own.
    pub(super) cut: Notify,
    /// Bytes that were sent and have not left yet, more or less: of what goes around them, such as
    /// pings, only the leaving is counted.
    waiting: AtomicUsize,
    is_given_up: AtomicBool,
    name: OnceLock<String>,
    all: Weak<Sessions>,
}

impl Sessions {
    pub(super) fn new(max: u32) -> Arc<Self> {
        Arc::new(Self { places: Arc::new(Semaphore::new(places(max))), named: Mutex::default() })
    }

    /// A new session, if there is a place for it.
    pub(super) fn begin(self: &Arc<Self>) -> Option<Arc<Session>> {
        let place = Arc::clone(&self.places).try_acquire_owned().ok()?;
        telemetry::count_sockets(true);
        Some(Arc::new(Session {
            _place: place,
            cut: Notify::new(),
            waiting: AtomicUsize::new(0),
            is_given_up: AtomicBool::new(false),
            name: OnceLock::new(),
            all: Arc::downgrade(self),
        }))
    }

    /// Gives a session the id that Engine.IO has told its client.
    pub(super) fn name(&self, session: &Arc<Session>, name: &str) {
        if session.name.set(name.to_owned()).is_ok() {
            self.named().insert(name.to_owned(), Arc::downgrade(session));
        }
    }

    /// The session of that id.
    pub(super) fn find(&self, name: &str) -> Option<Arc<Session>> {
        self.named().get(name)?.upgrade()
    }

    fn named(&self) -> std::sync::MutexGuard<'_, HashMap<String, Weak<Session>>> {
        self.named.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Session {
    /// Notes that so many bytes are about to be sent; whether the client keeps up.
    pub(super) fn send(&self, bytes: usize) -> bool {
        self.waiting.fetch_add(bytes, Ordering::Relaxed) <= WAITING_MAX_BYTES
    }

    /// Notes that so many bytes have left for the client.
    pub(super) fn left(&self, bytes: usize) {
        let less = |waiting: usize| Some(waiting.saturating_sub(bytes));
        let _ = self.waiting.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
    }

    /// Notes that the client is given up; whether it was not before.
    pub(super) fn give_up(&self) -> bool {
        !self.is_given_up.swap(true, Ordering::Relaxed)
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        telemetry::count_sockets(false);
        if let (Some(name), Some(all)) = (self.name.get(), self.all.upgrade()) {
            all.named().remove(name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_has_a_place_and_a_name_until_it_ends() {
        let sessions = Sessions::new(1);
        let session = sessions.begin().unwrap();
        assert!(sessions.begin().is_none());
        sessions.name(&session, "abc");
        assert!(sessions.find("abc").is_some());
        assert!(sessions.find("abd").is_none());
        drop(session);
        assert!(sessions.find("abc").is_none());
        assert!(sessions.begin().is_some());
    }

    #[test]
    fn a_client_keeps_up_while_not_too_many_bytes_wait() {
        let session = Sessions::new(1).begin().unwrap();
        session.left(100);
        assert!(session.send(WAITING_MAX_BYTES), "nothing waits");
        assert!(session.send(1), "not more than may wait");
        assert!(!session.send(1));
        session.left(2);
        assert!(session.send(0));
        assert!(session.give_up());
        assert!(!session.give_up());
    }
}
