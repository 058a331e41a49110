//! Live views of an agent's sequence of events: without gaps, whoever is slow.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

use crate::error::CoreError;
use crate::facts::Event;
use crate::ids::AgentId;
use crate::ports::Store;

/// How many events are read from the store at once.
const PAGE: u32 = 256;

/// Hands committed events to those who listen now. What they miss they read from the store.
#[derive(Default)]
pub(crate) struct Hub {
    listened: AtomicUsize,
    channels: Mutex<HashMap<AgentId, broadcast::Sender<Arc<Event>>>>,
}

impl Hub {
    pub(crate) fn publish(&self, events: &[Event]) {
        if events.is_empty() || self.listened.load(Ordering::Acquire) == 0 {
            return;
        }
        let mut channels = self.lock();
        for event in events {
            if let Some(channel) = channels.get(&event.agent_id)
                && channel.send(Arc::new(event.clone())).is_err()
            {
                channels.remove(&event.agent_id);
                self.listened.store(channels.len(), Ordering::Release);
            }
        }
    }

    pub(crate) fn listen(&self, agent: AgentId, lag_max: u32) -> broadcast::Receiver<Arc<Event>> {
        let capacity = usize::try_from(lag_max).unwrap_or(usize::MAX).max(1);
        let mut channels = self.lock();
        channels.retain(|_, channel| channel.receiver_count() > 0);
        let receiver =
            channels.entry(agent).or_insert_with(|| broadcast::channel(capacity).0).subscribe();
        self.listened.store(channels.len(), Ordering::Release);
        receiver
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<AgentId, broadcast::Sender<Arc<Event>>>> {
        self.channels.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What an [`EventStream`] gives.
#[derive(Clone, Debug, PartialEq)]
pub enum Fed {
    /// The next event.
    Event(Arc<Event>),
    /// The events up to and including this number are no longer kept; the next one follows it.
    Gap {
        /// The last number that is missing.
        through: u64,
    },
}

/// An agent's events from a number on: first those that are kept, then each as it happens.
///
/// Every number comes once and in order. A reader that is slow is not waited for: what it missed is
/// read from the store.
pub struct EventStream {
    agent: AgentId,
    seen: u64,
    store: Arc<dyn Store>,
    live: broadcast::Receiver<Arc<Event>>,
    read: VecDeque<Arc<Event>>,
    is_behind: bool,
}

impl EventStream {
    pub(crate) fn new(
        agent: AgentId,
        after: u64,
        store: Arc<dyn Store>,
        live: broadcast::Receiver<Arc<Event>>,
    ) -> Self {
        Self { agent, seen: after, store, live, read: VecDeque::new(), is_behind: true }
    }

    /// Waits for the next.
    ///
    /// # Errors
    /// [`CoreError::Store`] if it could not be read (asking again may succeed), and
    /// [`CoreError::ShuttingDown`] when nothing comes any more.
    pub async fn next(&mut self) -> Result<Fed, CoreError> {
        loop {
            if let Some(event) = self.read.pop_front() {
                let before = event.seq.saturating_sub(1);
                if before > self.seen {
                    self.seen = before;
                    self.read.push_front(event);
                    return Ok(Fed::Gap { through: before });
                }
                self.seen = event.seq;
                return Ok(Fed::Event(event));
            }
            if self.is_behind {
                let page = self.store.events(self.agent, self.seen, PAGE).await?;
                self.is_behind = u32::try_from(page.len()).is_ok_and(|read| read == PAGE);
                self.read.extend(page.into_iter().map(Arc::new));
                continue;
            }
            match self.live.recv().await {
                Ok(event) if event.seq == self.seen + 1 => {
                    self.seen = event.seq;
                    return Ok(Fed::Event(event));
                }
                Ok(event) => self.is_behind = event.seq > self.seen,
                Err(RecvError::Lagged(_)) => self.is_behind = true,
                Err(RecvError::Closed) => return Err(CoreError::ShuttingDown),
            }
        }
    }
}
