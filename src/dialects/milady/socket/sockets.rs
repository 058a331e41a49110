//! Who is connected, and what happened lately: what is told is kept for those who come later, and
//! reaches those who are there, in one step, so that nobody misses anything or hears it twice.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use greenroom_actors::time::UnixMillis;
use serde::Serialize;
use tokio::sync::{Notify, mpsc, oneshot, watch};

use super::frame::written;
use crate::dialects::milady::events::{Draft, EventLog};
use crate::dialects::milady::settings::MiladySettings;
use crate::telemetry;

/// Envelopes that a socket is sent when it is opened, in the reference server's number.
const REPLAYED: usize = 120;

/// Bytes that wait for one socket at most.
const WAITING_MAX_BYTES: usize = 8 * 1024 * 1024;

/// The sockets of a listener, and the envelopes that are kept for them.
pub(in super::super) struct Sockets {
    inner: Mutex<Inner>,
    count: watch::Sender<usize>,
    /// Asks for a status before it is time for one.
    stale: Notify,
    sockets_max: usize,
    buffer: usize,
}

struct Inner {
    log: EventLog,
    listeners: HashMap<u64, Listener>,
    next: u64,
    active: Option<String>,
    is_closed: bool,
}

struct Listener {
    frames: mpsc::Sender<Arc<str>>,
    waiting: Arc<AtomicUsize>,
    end: oneshot::Sender<End>,
}

/// Why a socket is closed from this side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// Its client takes too little.
    Slow,
    /// The listener ends.
    Shutdown,
}

/// There are as many sockets as may be, or the listener ends.
#[derive(Debug)]
pub(in super::super) struct Full;

/// A socket among the others, until it is dropped.
pub(in super::super) struct Seat {
    sockets: Arc<Sockets>,
    number: u64,
    waiting: Arc<AtomicUsize>,
    frames: mpsc::Receiver<Arc<str>>,
}

/// What a new socket is given.
pub(in super::super) struct Joined {
    pub(in super::super) seat: Seat,
    /// Says so when it is to be closed.
    pub(super) end: oneshot::Receiver<End>,
    /// The newest envelopes from before, oldest first.
    pub(super) missed: Vec<Arc<str>>,
}

impl Sockets {
    /// Nobody yet, and nothing that has happened since that start.
    pub(in super::super) fn new(settings: &MiladySettings, start: UnixMillis) -> Self {
        let size = |setting: u32| usize::try_from(setting).unwrap_or(usize::MAX);
        let inner = Inner {
            log: EventLog::since(start),
            listeners: HashMap::new(),
            next: 0,
            active: None,
            is_closed: false,
        };
        Self {
            inner: Mutex::new(inner),
            count: watch::Sender::new(0),
            stale: Notify::new(),
            sockets_max: size(settings.sockets_max),
            buffer: size(settings.socket_buffer_max).clamp(1, tokio::sync::Semaphore::MAX_PERMITS),
        }
    }

    /// Tells everyone who is there. Nobody waits: who does not keep up is let go.
    pub(in super::super) fn tell<T: Serialize>(&self, frame: &T) {
        let frame = written(frame).into();
        self.lock().tell(&frame);
    }

    /// Keeps envelopes and tells everyone of them.
    pub(in super::super) fn publish(&self, drafts: Vec<Draft>) {
        let mut inner = self.lock();
        for draft in drafts {
            let envelope = inner.log.append(draft);
            inner.tell(&envelope.text);
        }
    }

    /// Reads what is kept.
    pub(in super::super) fn read<T>(&self, read: impl FnOnce(&EventLog) -> T) -> T {
        read(&self.lock().log)
    }

    /// The conversation that a client said last to be looking at.
    pub(in super::super) fn active_conversation(&self) -> Option<String> {
        self.lock().active.clone()
    }

    pub(in super::super) fn set_active_conversation(&self, id: Option<String>) {
        self.lock().active = id;
    }

    /// Has everyone told the status at once, where they would otherwise hear of a change only later.
    pub(in super::super) fn refresh(&self) {
        self.stale.notify_one();
    }

    /// Waits until the status is to be told at once.
    pub(super) async fn stale(&self) {
        self.stale.notified().await;
    }

    /// How many there are, and each change of that.
    pub(super) fn count(&self) -> watch::Receiver<usize> {
        self.count.subscribe()
    }

    /// One more.
    pub(in super::super) fn join(self: &Arc<Self>) -> Result<Joined, Full> {
        let mut inner = self.lock();
        if inner.is_closed || inner.listeners.len() >= self.sockets_max {
            return Err(Full);
        }
        let (sender, frames) = mpsc::channel(self.buffer);
        let (ends, end) = oneshot::channel();
        let waiting = Arc::new(AtomicUsize::new(0));
        let number = inner.next;
        inner.next = inner.next.wrapping_add(1);
        let listener = Listener { frames: sender, waiting: Arc::clone(&waiting), end: ends };
        inner.listeners.insert(number, listener);
        let missed = inner.log.newest(REPLAYED);
        drop(inner);
        self.count.send_modify(|count| *count = count.saturating_add(1));
        telemetry::count_sockets(true);
        let missed = missed.into_iter().map(|envelope| Arc::clone(&envelope.text)).collect();
        let seat = Seat { sockets: Arc::clone(self), number, waiting, frames };
        Ok(Joined { seat, end, missed })
    }

    /// Lets everyone go, and nobody in any more.
    pub(in super::super) fn close(&self) {
        let mut inner = self.lock();
        inner.is_closed = true;
        for (_, listener) in inner.listeners.drain() {
            listener.close(End::Shutdown);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn tell(&mut self, frame: &Arc<str>) {
        for (_, slow) in self.listeners.extract_if(|_, listener| !listener.takes(frame)) {
            slow.close(End::Slow);
        }
    }
}

impl Listener {
    /// Puts a frame to those that wait for the socket; whether it fits there.
    fn takes(&self, frame: &Arc<str>) -> bool {
        let waiting = self.waiting.fetch_add(frame.len(), Ordering::AcqRel);
        waiting.saturating_add(frame.len()) <= WAITING_MAX_BYTES
            && self.frames.try_send(Arc::clone(frame)).is_ok()
    }

    fn close(self, end: End) {
        // A socket that has ended by itself needs no end.
        if self.end.send(end).is_ok() && end == End::Slow {
            tracing::warn!("a socket is closed: its client is too slow");
            telemetry::count_slow_socket();
        }
    }
}

impl Seat {
    /// The next frame for this socket; `None` if there will be none.
    pub(in super::super) async fn next(&mut self) -> Option<Arc<str>> {
        let frame = self.frames.recv().await?;
        self.waiting.fetch_sub(frame.len(), Ordering::AcqRel);
        Some(frame)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.sockets.lock().listeners.remove(&self.number);
        self.sockets.count.send_modify(|count| *count = count.saturating_sub(1));
        telemetry::count_sockets(false);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn sockets(settings: MiladySettings) -> Arc<Sockets> {
        Arc::new(Sockets::new(&settings, UnixMillis(0)))
    }

    #[tokio::test]
    async fn everyone_hears_the_same_and_who_is_slow_is_let_go() {
        let few = MiladySettings { socket_buffer_max: 4, ..MiladySettings::default() };
        let sockets = sockets(few);
        let mut quick = sockets.join().unwrap();
        let mut slow = sockets.join().unwrap();
        for number in 0..10 {
            sockets.tell(&json!(number));
            assert_eq!(&*quick.seat.next().await.unwrap(), number.to_string());
        }
        assert_eq!(slow.end.try_recv(), Ok(End::Slow));
        assert!(quick.end.try_recv().is_err());
        let mut left = Vec::new();
        while let Some(frame) = slow.seat.next().await {
            left.push(frame.to_string());
        }
        assert_eq!(left, ["0", "1", "2", "3"], "what was in time, and no gap");
        drop(slow);
        assert_eq!(*sockets.count().borrow(), 1);
    }

    #[tokio::test]
    async fn few_large_frames_are_too_much_as_well() {
        let sockets = sockets(MiladySettings::default());
        let mut slow = sockets.join().unwrap();
        let large = "a".repeat(1024 * 1024);
        for _ in 0..9 {
            sockets.tell(&large);
        }
        assert_eq!(slow.end.try_recv(), Ok(End::Slow));
    }

    #[tokio::test]
    async fn there_are_no_more_than_may_be_and_none_after_the_end() {
        let two = MiladySettings { sockets_max: 2, ..MiladySettings::default() };
        let sockets = sockets(two);
        let mut first = sockets.join().unwrap();
        let second = sockets.join().unwrap();
        assert!(sockets.join().is_err());
        drop(second);
        let _third = sockets.join().unwrap();
        sockets.close();
        assert_eq!(first.end.try_recv(), Ok(End::Shutdown));
        drop(first);
        assert!(sockets.join().is_err());
    }
}
