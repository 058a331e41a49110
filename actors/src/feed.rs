//! Live views of a sequence of events, an agent's or a channel's: without gaps, whoever is slow.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

use crate::channels::ChannelEvent;
use crate::error::CoreError;
use crate::facts::Event;
use crate::ids::{AgentId, ChannelId};
use crate::ports::{Store, StoreFuture};

/// How many events are read from the store at once.
const PAGE: u32 = 256;

/// How many events one that watches all sequences may lag behind before it misses the oldest.
const WATCH_MAX: usize = 4_096;

/// An event with a number in a durable sequence.
pub trait Numbered: Clone + Send + Sync + 'static {
    /// Whose sequence it is.
    type Owner: Copy + Eq + Hash + Send + Sync;

    /// Whose sequence this one is in.
    fn owner(&self) -> Self::Owner;

    /// Its number: from 1, without gaps.
    fn seq(&self) -> u64;

    /// Those of a sequence with a number greater than `after`, ascending.
    fn read(
        store: &dyn Store,
        owner: Self::Owner,
        after: u64,
        limit: u32,
    ) -> StoreFuture<Vec<Self>>;
}

impl Numbered for Event {
    type Owner = AgentId;

    fn owner(&self) -> AgentId {
        self.agent_id
    }

    fn seq(&self) -> u64 {
        self.seq
    }

    fn read(store: &dyn Store, owner: AgentId, after: u64, limit: u32) -> StoreFuture<Vec<Self>> {
        store.events(owner, after, limit)
    }
}

impl Numbered for ChannelEvent {
    type Owner = ChannelId;

    fn owner(&self) -> ChannelId {
        self.channel_id
    }

    fn seq(&self) -> u64 {
        self.seq
    }

    fn read(store: &dyn Store, owner: ChannelId, after: u64, limit: u32) -> StoreFuture<Vec<Self>> {
        store.channel_events(owner, after, limit)
    }
}

type Senders<E> = HashMap<<E as Numbered>::Owner, broadcast::Sender<Arc<E>>>;

/// Hands committed events to those who listen now. What they miss they read from the store.
pub(crate) struct Hub<E: Numbered> {
    listened: AtomicUsize,
    senders: Mutex<Senders<E>>,
    /// For those who watch all sequences; there once the first does.
    all: OnceLock<broadcast::Sender<Arc<E>>>,
}

impl<E: Numbered> Default for Hub<E> {
    fn default() -> Self {
        Self { listened: AtomicUsize::new(0), senders: Mutex::default(), all: OnceLock::new() }
    }
}

impl<E: Numbered> Hub<E> {
    pub(crate) fn publish(&self, events: &[E]) {
        if let Some(all) = self.all.get().filter(|all| all.receiver_count() > 0) {
            for event in events {
                // Nobody minds if the last watcher has gone meanwhile.
                drop(all.send(Arc::new(event.clone())));
            }
        }
        if events.is_empty() || self.listened.load(Ordering::Acquire) == 0 {
            return;
        }
        let mut senders = self.lock();
        for event in events {
            if let Some(sender) = senders.get(&event.owner())
                && sender.send(Arc::new(event.clone())).is_err()
            {
                senders.remove(&event.owner());
                self.listened.store(senders.len(), Ordering::Release);
            }
        }
    }

    /// The events of all sequences from now on.
    pub(crate) fn watch(&self) -> broadcast::Receiver<Arc<E>> {
        self.all.get_or_init(|| broadcast::channel(WATCH_MAX).0).subscribe()
    }

    /// The events of a sequence from a number on, each as it happens.
    pub(crate) fn follow(
        &self,
        owner: E::Owner,
        after: u64,
        store: &Arc<dyn Store>,
        lag_max: u32,
    ) -> Feed<E> {
        let live = self.listen(owner, lag_max);
        let store = Arc::clone(store);
        Feed { owner, seen: after, store, live, read: VecDeque::new(), is_behind: true }
    }

    fn listen(&self, owner: E::Owner, lag_max: u32) -> broadcast::Receiver<Arc<E>> {
        let capacity = usize::try_from(lag_max).unwrap_or(usize::MAX).max(1);
        let mut senders = self.lock();
        senders.retain(|_, sender| sender.receiver_count() > 0);
        let receiver =
            senders.entry(owner).or_insert_with(|| broadcast::channel(capacity).0).subscribe();
        self.listened.store(senders.len(), Ordering::Release);
        receiver
    }

    fn lock(&self) -> MutexGuard<'_, Senders<E>> {
        self.senders.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a [`Feed`] gives.
#[derive(Clone, Debug, PartialEq)]
pub enum Fed<E = Event> {
    /// The next event.
    Event(Arc<E>),
    /// The events up to and including this number are no longer kept; the next one follows it.
    Gap {
        /// The last number that is missing.
        through: u64,
    },
}

/// The events of a sequence from a number on: first those that are kept, then each as it happens.
///
/// Every number comes once and in order. A reader that is slow is not waited for: what it missed is
/// read from the store.
pub struct Feed<E: Numbered> {
    owner: E::Owner,
    seen: u64,
    store: Arc<dyn Store>,
    live: broadcast::Receiver<Arc<E>>,
    read: VecDeque<Arc<E>>,
    is_behind: bool,
}

/// An agent's events from a number on.
pub type EventStream = Feed<Event>;

/// A channel's events from a number on.
pub type ChannelEventStream = Feed<ChannelEvent>;

impl<E: Numbered> Feed<E> {
    /// Waits for the next.
    ///
    /// # Errors
    /// [`CoreError::Store`] if it could not be read (asking again may succeed), and
    /// [`CoreError::ShuttingDown`] when nothing comes any more.
    pub async fn next(&mut self) -> Result<Fed<E>, CoreError> {
        loop {
            if let Some(event) = self.read.pop_front() {
                let before = event.seq().saturating_sub(1);
                if before > self.seen {
                    self.seen = before;
                    self.read.push_front(event);
                    return Ok(Fed::Gap { through: before });
                }
                self.seen = event.seq();
                return Ok(Fed::Event(event));
            }
            if self.is_behind {
                let page = E::read(&*self.store, self.owner, self.seen, PAGE).await?;
                self.is_behind = u32::try_from(page.len()).is_ok_and(|read| read == PAGE);
                self.read.extend(page.into_iter().map(Arc::new));
                continue;
            }
            match self.live.recv().await {
                Ok(event) if event.seq() == self.seen + 1 => {
                    self.seen = event.seq();
                    return Ok(Fed::Event(event));
                }
                Ok(event) => self.is_behind = event.seq() > self.seen,
                Err(RecvError::Lagged(_)) => self.is_behind = true,
                Err(RecvError::Closed) => return Err(CoreError::ShuttingDown),
            }
        }
    }
}
