//! Who listens, and what was told of late: both in one, so that nobody misses anything or hears it
//! twice.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use greenroom_actors::facts::Event as Happened;
use greenroom_actors::ids::AgentId;
use greenroom_actors::time::UnixMillis;
use serde_json::Value;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{Semaphore, broadcast, mpsc, oneshot};

use super::event::Event;
use crate::dialects::trinity::settings::TrinitySettings;
use crate::host::Host;
use crate::roster::Entry;

/// Events that are kept for those who come again.
const KEPT_MAX: usize = 1_000;

/// Bytes of those at most.
const KEPT_MAX_BYTES: usize = 4 * 1024 * 1024;

/// Agents that are about to be removed whose entries are held until that is told.
const LEAVING_MAX: usize = 1_000;

/// Something that was told.
#[derive(Debug)]
pub(super) struct Told {
    /// As clients name it: `<ms>-<n>`.
    id: String,
    /// The agents that it is about. Of one that is gone, what was said of it at the end.
    pub(super) about: Vec<(AgentId, Option<Arc<Entry>>)>,
    pub(super) is_for_keys: bool,
    pub(super) text: String,
}

/// All who listen.
pub(in super::super) struct Hub {
    inner: Mutex<Inner>,
    buffer: usize,
}

struct Inner {
    kept: VecDeque<Arc<Told>>,
    kept_bytes: usize,
    /// How many were told since the host started.
    count: u64,
    listeners: HashMap<u64, mpsc::Sender<Arc<Told>>>,
    joined: u64,
    leaving: HashMap<AgentId, Arc<Entry>>,
    /// How credentials came to agents that are about to be started.
    injections: HashMap<AgentId, &'static str>,
    is_closed: bool,
    /// Whom it is told that somebody listens for the first time.
    first: Option<oneshot::Sender<Happenings>>,
}

/// What happens to all agents.
pub(super) type Happenings = broadcast::Receiver<Arc<Happened>>;

/// One who listens, until it is dropped.
pub(super) struct Seat {
    hub: Arc<Hub>,
    number: u64,
    /// Ends when the client does not keep up, or the host ends.
    pub(super) told: mpsc::Receiver<Arc<Told>>,
}

/// What somebody missed who was here before.
#[derive(Debug)]
pub(super) enum Missed {
    /// These.
    All(Vec<Arc<Told>>),
    /// More than is kept, or nobody knows what.
    Unknown,
}

impl Hub {
    pub(in super::super) fn new(settings: &TrinitySettings) -> Self {
        let buffer = usize::try_from(settings.socket_buffer_max).unwrap_or(usize::MAX);
        let inner = Inner {
            kept: VecDeque::new(),
            kept_bytes: 0,
            count: 0,
            listeners: HashMap::new(),
            joined: 0,
            leaving: HashMap::new(),
            injections: HashMap::new(),
            is_closed: false,
            first: None,
        };
        Self { inner: Mutex::new(inner), buffer: buffer.clamp(1, Semaphore::MAX_PERMITS) }
    }

    /// Keeps an event and tells it. Nobody waits: who does not keep up is let go.
    pub(in super::super) fn tell(&self, event: &Event, host: &Host, now: UnixMillis) {
        let mut inner = self.lock();
        let is_end = matches!(event, Event::Deleted { .. });
        let about = event.about().into_iter().map(|id| {
            let last = is_end.then(|| inner.leaving.remove(&id));
            (id, last.map(|last| last.unwrap_or_else(|| host.roster.entry(id))))
        });
        let about = about.collect();
        inner.count = inner.count.saturating_add(1);
        let id = format!("{}-{}", now.0, inner.count);
        let mut worded = event.worded();
        worded.insert("_eid".to_owned(), Value::from(id.as_str()));
        let text = Value::Object(worded).to_string();
        let told = Arc::new(Told { id, about, is_for_keys: event.is_for_keys(), text });
        inner.keep(Arc::clone(&told));
        inner.listeners.retain(|_, listener| match listener.try_send(Arc::clone(&told)) {
            Ok(()) => true,
            Err(TrySendError::Full(_) | TrySendError::Closed(_)) => false,
        });
    }

    /// Something was not told: lets everyone go, and come again with nothing that is known.
    pub(super) fn lose_track(&self) {
        let mut inner = self.lock();
        inner.kept.clear();
        inner.kept_bytes = 0;
        inner.listeners.clear();
    }

    /// Notes who may hear of the end of an agent that is about to be removed.
    pub(in super::super) fn leaving(&self, agent: AgentId, entry: Arc<Entry>) {
        let mut inner = self.lock();
        // One of which nobody ever tells that it is gone was not removed.
        if inner.leaving.len() >= LEAVING_MAX {
            inner.leaving.clear();
        }
        inner.leaving.insert(agent, entry);
    }

    /// Notes how credentials came to an agent that is about to be started.
    pub(in super::super) fn starting(&self, agent: AgentId, injection: &'static str) {
        let mut inner = self.lock();
        if inner.injections.len() >= LEAVING_MAX {
            inner.injections.clear();
        }
        inner.injections.insert(agent, injection);
    }

    /// It was not started after all.
    pub(in super::super) fn not_started(&self, agent: AgentId) {
        self.lock().injections.remove(&agent);
    }

    pub(super) fn injection(&self, agent: AgentId) -> &'static str {
        self.lock().injections.remove(&agent).unwrap_or("skipped")
    }

    /// What happens to agents once somebody listens: until then nobody can have missed anything.
    pub(super) fn awaited(&self) -> oneshot::Receiver<Happenings> {
        let (first, awaited) = oneshot::channel();
        self.lock().first = Some(first);
        awaited
    }

    /// Somebody is about to listen to what happens on that host.
    pub(super) fn expect(&self, host: &Host) {
        let Some(first) = self.lock().first.take() else { return };
        // Nobody follows any more where the host ends.
        drop(first.send(host.registry.watch_events()));
    }

    /// One more who listens, and what they missed since the event of that id; `None` where the host
    /// ends.
    pub(super) fn join(self: &Arc<Self>, after: Option<&str>) -> Option<(Seat, Missed)> {
        let mut inner = self.lock();
        if inner.is_closed {
            return None;
        }
        let missed = match after {
            None => Missed::All(Vec::new()),
            Some(after) => match inner.kept.iter().rposition(|told| told.id == after) {
                Some(at) => Missed::All(inner.kept.iter().skip(at + 1).cloned().collect()),
                None => Missed::Unknown,
            },
        };
        let (sender, told) = mpsc::channel(self.buffer);
        let number = inner.joined;
        inner.joined = inner.joined.wrapping_add(1);
        inner.listeners.insert(number, sender);
        drop(inner);
        Some((Seat { hub: Arc::clone(self), number, told }, missed))
    }

    /// Lets everyone go, and nobody in any more.
    pub(in super::super) fn close(&self) {
        let mut inner = self.lock();
        inner.is_closed = true;
        inner.listeners.clear();
    }

    /// Whether the host ends.
    pub(super) fn is_closed(&self) -> bool {
        self.lock().is_closed
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn keep(&mut self, told: Arc<Told>) {
        self.kept_bytes = self.kept_bytes.saturating_add(told.text.len());
        self.kept.push_back(told);
        while self.kept.len() > KEPT_MAX || self.kept_bytes > KEPT_MAX_BYTES {
            let Some(oldest) = self.kept.pop_front() else { break };
            self.kept_bytes = self.kept_bytes.saturating_sub(oldest.text.len());
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.hub.lock().listeners.remove(&self.number);
    }
}
