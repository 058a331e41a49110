//! The store: one SQLite file behind the core's port.
//!
//! Writes go to one thread that commits whatever waits (group commit, `sqlite.rs`); questions go to a
//! small pool of threads that read beside it (write-ahead log). Each group of tables has a file of
//! its own; `apply` says which fact is whose.

mod addressed;
mod agent_sizes;
mod agents;
mod apply;
mod approvals;
mod backup;
mod budgets;
mod channel_events;
mod channels;
mod columns;
mod documents;
mod events;
mod fault;
mod filter;
mod firings;
mod goals;
mod idempotency;
mod imports;
mod jobs;
mod letters;
mod lines;
mod logs;
mod memories;
mod messages;
mod open;
mod people;
mod places;
mod port;
mod readers;
mod retention;
mod runs;
mod search;
mod sequences;
mod servers;
mod sessions;
mod settings;
mod sizes;
mod snapshot;
mod sqlite;
mod tasks;
mod triggers;
mod vector;
mod words;

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::thread::JoinHandle;

use futures::FutureExt;
use greenroom_actors::error::StoreError;
use greenroom_actors::ports::StoreFuture;
use rusqlite::Connection;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, oneshot};

pub use backup::{Report, copy, verify};
pub use settings::{StoreSettings, Synchronous};
pub use sizes::Sizes;

use fault::Fault;
use readers::Readers;
use sizes::Counters;
use snapshot::Snapshots;
use sqlite::{Job, Task, Writer, Writing};

/// The store in one SQLite file. Clones share it; the last one to go closes it.
#[derive(Clone)]
pub struct SqliteStore {
    inner: Arc<Inner>,
}

struct Inner {
    file: Arc<Path>,
    queue: RwLock<Option<mpsc::Sender<Box<dyn Job>>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
    readers: Readers,
    snapshots: Snapshots,
    counters: Arc<Counters>,
    /// Whether the full-text indexes lack rows that were written.
    is_behind: Arc<AtomicBool>,
}

impl SqliteStore {
    /// Opens the database in the folder that `settings` name, and makes it if there is none.
    ///
    /// # Errors
    /// [`StoreError::Failed`], naming the file, if another process holds the folder, if the file is
    /// damaged, another program's or written by a newer version, or if it cannot be read and
    /// written. Nothing is changed then.
    pub fn open(settings: &StoreSettings) -> Result<Self, StoreError> {
        let lock = open::lock(&settings.data_dir)?;
        let connection = open::writer(settings)?;
        let file = settings.file();
        let readers = (0..settings.readers.max(1))
            .map(|_| open::reader(&file, settings.reader_cache_kib))
            .collect::<Result<Vec<_>, _>>()?;
        let questions_max = usize::try_from(settings.questions_max.max(1)).unwrap_or(usize::MAX);
        let readers = Readers::start(readers, questions_max)
            .map_err(|error| open::failed(&settings.data_dir, &error))?;

        let counters = Arc::new(Counters::default());
        let max = usize::try_from(settings.queue_max.max(1)).unwrap_or(usize::MAX);
        let (queue, waiting) = mpsc::channel(max.min(tokio::sync::Semaphore::MAX_PERMITS));
        let is_behind = Arc::new(AtomicBool::new(false));
        let writer = Writer::new(
            connection,
            file.clone(),
            settings.wal_max_bytes,
            Arc::clone(&counters),
            Arc::clone(&is_behind),
        );
        let writer = writer.map_err(|error| Fault::from(error).told(&file))?;
        let thread = std::thread::Builder::new().name("store-writer".to_owned());
        let thread = thread.spawn(move || {
            writer.serve(waiting);
            // Only now may another process have the folder.
            drop(lock);
        });
        let thread = thread.map_err(|error| open::failed(&settings.data_dir, &error))?;
        let inner = Inner {
            file: file.into(),
            queue: RwLock::new(Some(queue)),
            thread: Mutex::new(Some(thread)),
            readers,
            snapshots: Snapshots::default(),
            counters,
            is_behind,
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Carries out what waits, moves the write-ahead log into the database, and lets go of the
    /// folder. Blocks meanwhile. What comes later is refused as [`StoreError::Closed`].
    pub fn close(&self) {
        self.inner.close();
    }

    /// Copies the store as it is at one moment into a new file, while it is in use.
    ///
    /// # Errors
    /// [`StoreError::Failed`] if there is a file of that name already or it cannot be written, and
    /// [`StoreError::Full`] if there is no space. No part of a copy is left then.
    pub fn backup(&self, to: &Path) -> StoreFuture<()> {
        let (file, to) = (Arc::clone(&self.inner.file), to.to_owned());
        let (answer, outcome) = oneshot::channel();
        // A thread of its own: a copy of gigabytes must not hold up the readers.
        let thread = std::thread::Builder::new().name("store-backup".to_owned());
        let begun = thread.spawn(move || {
            // Nobody may be waiting any more; the copy is made all the same.
            let _unheard = answer.send(backup::copy(&file, &to));
        });
        if let Err(error) = begun {
            return futures::future::err(open::failed(&self.inner.file, &error)).boxed();
        }
        answered(outcome)
    }

    /// How large the store is and how busy.
    #[must_use]
    pub fn sizes(&self) -> Sizes {
        let queue = self.inner.queue.read().unwrap_or_else(PoisonError::into_inner);
        let waiting = queue.as_ref().map_or(0, |queue| queue.max_capacity() - queue.capacity());
        let (writes, groups) = self.inner.counters.read();
        Sizes {
            database_bytes: sizes::length(&self.inner.file),
            wal_bytes: sizes::length(&sizes::wal_of(&self.inner.file)),
            waiting_writes: columns::rows(waiting),
            writes,
            groups,
        }
    }

    /// The database's file.
    #[must_use]
    pub fn file(&self) -> PathBuf {
        self.inner.file.to_path_buf()
    }

    /// Hands `work` to the writer, at once and in the order of these calls.
    fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Writing<'_>) -> Result<T, Fault> + Send + 'static,
    ) -> StoreFuture<T> {
        let (answer, outcome) = oneshot::channel();
        match self.inner.hand_over(Box::new(Task::new(work, answer))) {
            Ok(()) => answered(outcome),
            Err(refused) => futures::future::err(refused).boxed(),
        }
    }

    /// Hands a search to a reader, once the indexes hold all that was written before it.
    fn search_words<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> StoreFuture<T> {
        if !self.inner.is_behind.load(Ordering::Acquire) {
            return self.read(question);
        }
        let caught_up = self.write(|writing| {
            writing.words.want();
            Ok(())
        });
        let store = self.clone();
        async move {
            // A disk that is full, say, is no reason not to find what is indexed.
            if let Err(error) = caught_up.await {
                tracing::debug!(%error, "a search without the newest rows");
            }
            store.read(question).await
        }
        .boxed()
    }

    /// Hands `question` to a reader.
    fn read<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> StoreFuture<T> {
        let (answer, outcome) = oneshot::channel::<Result<T, StoreError>>();
        let file = Arc::clone(&self.inner.file);
        let asked = self.inner.readers.ask(Box::new(move |connection| {
            if !answer.is_closed() {
                let found = question(connection).map_err(|error| Fault::from(error).told(&file));
                // Whoever asked may have left meanwhile.
                let _unheard = answer.send(found);
            }
        }));
        match asked {
            Ok(()) => answered(outcome),
            Err(refused) => futures::future::err(refused).boxed(),
        }
    }
}

fn answered<T: Send + 'static>(
    outcome: oneshot::Receiver<Result<T, StoreError>>,
) -> StoreFuture<T> {
    let lost = || StoreError::Failed("an internal fault of the store".to_owned());
    outcome.map(move |outcome| outcome.unwrap_or_else(|_| Err(lost()))).boxed()
}

impl Inner {
    fn hand_over(&self, job: Box<dyn Job>) -> Result<(), StoreError> {
        let queue = self.queue.read().unwrap_or_else(PoisonError::into_inner);
        let Some(queue) = queue.as_ref() else { return Err(StoreError::Closed) };
        queue.try_send(job).map_err(|refused| match refused {
            TrySendError::Full(_) => StoreError::Busy,
            TrySendError::Closed(_) => StoreError::Closed,
        })
    }

    fn close(&self) {
        // Readers first: the log can be cut to nothing only if nobody reads in it.
        self.snapshots.close();
        self.readers.close();
        drop(self.queue.write().unwrap_or_else(PoisonError::into_inner).take());
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            // All that waited is answered; a panic was reported where it happened.
            let _ended = thread.join();
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.close();
    }
}
