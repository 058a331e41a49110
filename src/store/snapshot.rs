//! Whole agents as they are at one moment: each snapshot has a thread and a connection of its own, so
//! that it holds up no other question, and is read as fast as whoever wants it takes it.

mod kept;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use futures::{StreamExt, stream};
use greenroom_actors::error::StoreError;
use greenroom_actors::ports::{Kept, SNAPSHOT_PAGE, Snapshot, SnapshotQuery};
use tokio::runtime::Runtime;
use tokio::sync::mpsc::error::SendTimeoutError;
use tokio::sync::{Semaphore, TryAcquireError, mpsc, oneshot, watch};

use super::fault::Fault;
use super::open;

/// Snapshots that are read at once: each holds a thread, and a place in the write-ahead log.
pub(super) const AT_ONCE: usize = 4;

/// Pages that wait to be taken.
const PAGES_AHEAD: usize = 2;

/// What the rows of a page may say together before it is sent, though it holds few.
const PAGE_BYTES: usize = 1024 * 1024;

/// How long a page waits to be taken. The log cannot be cut back past an open snapshot, so one that
/// nobody reads must end.
const PATIENCE: Duration = Duration::from_secs(60);

/// Memory for pages of the file, in KiB: they are read once, in order.
const CACHE_KIB: u32 = 2 * 1024;

/// Steps of SQLite between two looks at whether anybody still wants to know: some milliseconds.
const STEPS: i32 = 100_000;

/// The snapshots under way.
pub(super) struct Snapshots {
    pub(super) turns: Arc<Semaphore>,
    is_closed: watch::Sender<bool>,
    /// How long a page waits to be taken.
    patience: Duration,
}

impl Default for Snapshots {
    fn default() -> Self {
        Self::with(PATIENCE)
    }
}

impl Snapshots {
    /// None yet; each of their pages waits so long to be taken.
    pub(super) fn with(patience: Duration) -> Self {
        Self {
            turns: Arc::new(Semaphore::new(AT_ONCE)),
            is_closed: watch::Sender::new(false),
            patience,
        }
    }

    /// Begins to read an agent.
    pub(super) fn open(&self, file: Arc<Path>, query: SnapshotQuery) -> Snapshot {
        self.start(file, query).unwrap_or_else(|refused| stream::iter([Err(refused)]).boxed())
    }

    /// Ends those under way; later ones are refused.
    pub(super) fn close(&self) {
        self.turns.close();
        self.is_closed.send_replace(true);
    }

    fn start(&self, file: Arc<Path>, query: SnapshotQuery) -> Result<Snapshot, StoreError> {
        let turn =
            Arc::clone(&self.turns).try_acquire_owned().map_err(|refused| match refused {
                TryAcquireError::NoPermits => StoreError::Busy,
                TryAcquireError::Closed => StoreError::Closed,
            })?;
        let failed = |error: std::io::Error| open::failed(&file, &error);
        let timer = tokio::runtime::Builder::new_current_thread().enable_time().build();
        let timer = timer.map_err(failed)?;
        let (pages, taken) = mpsc::channel(PAGES_AHEAD);
        let (end, ended) = oneshot::channel();
        let (is_closed, patience) = (self.is_closed.subscribe(), self.patience);
        let thread = std::thread::Builder::new().name("store-snapshot".to_owned());
        let path = Arc::clone(&file);
        let begun = thread.spawn(move || {
            let mut pages = Pages { timer, pages, is_closed, patience, page: Vec::new(), bytes: 0 };
            // Nobody may be reading any more.
            let _unheard = end.send(read(&path, query, &mut pages));
            drop(turn);
        });
        begun.map_err(failed)?;
        Ok(stream::unfold(Some((taken, ended)), next).boxed())
    }
}

/// What a stream reads from: the pages, and how they end.
type Reading = (mpsc::Receiver<Vec<Kept>>, oneshot::Receiver<Result<(), StoreError>>);

async fn next(
    reading: Option<Reading>,
) -> Option<(Result<Vec<Kept>, StoreError>, Option<Reading>)> {
    let (mut taken, ended) = reading?;
    if let Some(page) = taken.recv().await {
        return Some((Ok(page), Some((taken, ended))));
    }
    // Only a thread that says so has come to the end: one that broke off has not.
    let lost = || StoreError::Failed("an internal fault of the store".to_owned());
    let end = ended.await.unwrap_or_else(|_gone| Err(lost()));
    end.err().map(|error| (Err(error), None))
}

/// The page under way, and where pages go.
struct Pages {
    timer: Runtime,
    pages: mpsc::Sender<Vec<Kept>>,
    is_closed: watch::Receiver<bool>,
    patience: Duration,
    page: Vec<Kept>,
    bytes: usize,
}

impl Pages {
    /// Adds something that says so many bytes.
    fn push(&mut self, kept: Kept, bytes: usize) -> Result<(), Fault> {
        self.page.push(kept);
        self.bytes = self.bytes.saturating_add(bytes);
        if self.page.len() >= SNAPSHOT_PAGE || self.bytes >= PAGE_BYTES {
            self.send()
        } else {
            Ok(())
        }
    }

    /// Sends the page, once there is room for it.
    fn send(&mut self) -> Result<(), Fault> {
        self.bytes = 0;
        let page = std::mem::take(&mut self.page);
        if page.is_empty() {
            return Ok(());
        }
        let (pages, is_closed) = (&self.pages, &mut self.is_closed);
        let sent = self.timer.block_on(async {
            tokio::select! {
                biased;
                // Also if the store is gone altogether.
                _ = is_closed.wait_for(|is_closed| *is_closed) => Err(StoreError::Closed),
                sent = pages.send_timeout(page, self.patience) => sent.map_err(|unsent| match unsent {
                    SendTimeoutError::Timeout(_) => {
                        StoreError::Failed("what is kept of the agent was not read on in time".to_owned())
                    }
                    // Nobody hears this.
                    SendTimeoutError::Closed(_) => StoreError::Closed,
                }),
            }
        });
        Ok(sent?)
    }
}

/// Reads an agent in one transaction, page by page.
fn read(file: &Path, query: SnapshotQuery, pages: &mut Pages) -> Result<(), StoreError> {
    let connection = open::reader(file, CACHE_KIB)?;
    let (wanted, is_closed) = (pages.pages.clone(), pages.is_closed.clone());
    let is_over = move || wanted.is_closed() || *is_closed.borrow();
    let read = connection
        .progress_handler(STEPS, Some(is_over))
        .map_err(Fault::from)
        .and_then(|()| kept::read(&connection, query, pages));
    // What was interrupted was so because nobody wants it, or the store closes.
    let is_closed = *pages.is_closed.borrow();
    read.map_err(|fault| if is_closed { StoreError::Closed } else { fault.told(file) })
}
