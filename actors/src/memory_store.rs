//! A store in memory: for embedding, where nothing has to outlive the process, and for tests.

mod apply;
mod budgets;
mod check;
mod port;
mod queries;
mod retention;
mod search;
mod shared;
mod snapshot;
mod state;
mod table;
mod triggers;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::FutureExt;
use futures::future::ready;
use tokio::sync::oneshot;

use crate::error::StoreError;
use crate::facts::{Batch, Committed};
use crate::ports::StoreFuture;

use self::state::State;

/// A [`Store`](crate::ports::Store) that keeps everything in memory, for as long as one of its clones lives.
///
/// Clones share what is kept. A write is carried out before its future is returned, and each
/// future is ready at once, unless a switch below says otherwise.
#[derive(Clone, Debug, Default)]
pub struct MemoryStore {
    inner: Arc<Mutex<Inner>>,
}

#[derive(Debug, Default)]
struct Inner {
    state: State,
    panics_next: bool,
    fails_next: Option<StoreError>,
    /// `None`: commits are not held.
    held: Option<Vec<Held>>,
}

/// A write that waits to be released, and whoever waits for it.
#[derive(Debug)]
struct Held {
    batch: Batch,
    reply: oneshot::Sender<Result<Committed, StoreError>>,
}

impl MemoryStore {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Lets the next call of [`commit`](crate::ports::Store::commit) panic, before it changes anything.
    pub fn panic_on_next_commit(&self) {
        self.lock().panics_next = true;
    }

    /// Lets the next commit fail with `error`, before it changes anything.
    pub fn fail_next_commit(&self, error: StoreError) {
        self.lock().fails_next = Some(error);
    }

    /// Lets every commit from now on wait for [`release_commits`](Self::release_commits).
    ///
    /// Boots, prunings and reads go on meanwhile, and see nothing of what waits.
    pub fn hold_commits(&self) {
        self.lock().held.get_or_insert_default();
    }

    /// How many commits wait to be released.
    #[must_use]
    pub fn held_commits(&self) -> usize {
        self.lock().held.as_ref().map_or(0, Vec::len)
    }

    /// Carries out the commits that were held, in their order, also those whose future was dropped;
    /// later ones are no longer held.
    pub fn release_commits(&self) {
        let mut inner = self.lock();
        for Held { batch, reply } in inner.held.take().unwrap_or_default() {
            // Nobody may be waiting any more: the write is carried out all the same.
            let _ = reply.send(inner.state.commit(batch));
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // A batch is checked before it is applied, and applying cannot fail half-way.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read<T: Send + 'static>(&self, question: impl FnOnce(&State) -> T) -> StoreFuture<T> {
        answer(Ok(question(&self.lock().state)))
    }
}

fn answer<T: Send + 'static>(result: Result<T, StoreError>) -> StoreFuture<T> {
    ready(result).boxed()
}
