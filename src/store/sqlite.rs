//! The writer: one thread, one connection, and a commit for everything that waits.
//!
//! Natural group commit: the thread takes all jobs that wait, up to [`GROUP_MAX`], carries each out
//! in a savepoint of its own inside one transaction, commits once, and then answers them all. While
//! it commits, the next group gathers; there is no timer and nothing to tune.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use greenroom_actors::error::StoreError;
use rusqlite::Connection;
use tokio::runtime::Runtime;
use tokio::sync::{mpsc, oneshot};

use super::columns::rows;
use super::fault::Fault;
use super::open::BUSY_TIMEOUT;
use super::sequences::Sequences;
use super::sizes::{Counters, length, wal_of};
use super::words::Words;

/// Jobs in one transaction at most, so that none waits long for its neighbours: at 256 rows to a
/// commit the disk's share of a write is already small beside the processor's.
const GROUP_MAX: usize = 256;

/// How long nothing is written before the full-text indexes are brought up to date.
const IDLE: Duration = Duration::from_millis(20);

/// What a job may touch while it is carried out.
pub(super) struct Writing<'a> {
    /// The connection, inside the job's savepoint.
    pub(super) connection: &'a Connection,
    /// The last event numbers.
    pub(super) sequences: &'a mut Sequences,
    /// The full-text indexes. They are written at the end of the group: SQLite has an index write out
    /// what it gathered at each savepoint, which would cost a segment for each text.
    pub(super) words: &'a mut Words,
}

/// Something for the writer to do, with its own way to answer.
pub(super) trait Job: Send {
    /// Carries it out; called once.
    fn apply(&mut self, writing: &mut Writing<'_>) -> Result<(), Fault>;

    /// Answers whoever waits: with what was done, or why it was not.
    fn answer(self: Box<Self>, committed: Result<(), StoreError>);
}

/// A job from a function.
pub(super) struct Task<T, F> {
    work: Option<F>,
    done: Option<T>,
    answer: oneshot::Sender<Result<T, StoreError>>,
}

impl<T, F> Task<T, F>
where
    T: Send,
    F: FnOnce(&mut Writing<'_>) -> Result<T, Fault> + Send,
{
    /// The job that does `work` and sends what it returns once that is durable.
    pub(super) fn new(work: F, answer: oneshot::Sender<Result<T, StoreError>>) -> Self {
        Self { work: Some(work), done: None, answer }
    }
}

impl<T, F> Job for Task<T, F>
where
    T: Send,
    F: FnOnce(&mut Writing<'_>) -> Result<T, Fault> + Send,
{
    fn apply(&mut self, writing: &mut Writing<'_>) -> Result<(), Fault> {
        if let Some(work) = self.work.take() {
            self.done = Some(work(writing)?);
        }
        Ok(())
    }

    fn answer(self: Box<Self>, committed: Result<(), StoreError>) {
        let lost = || StoreError::Failed("the write was not carried out".to_owned());
        let Self { done, answer, .. } = *self;
        // Nobody may be waiting any more; the write is kept all the same.
        let _unheard = answer.send(committed.and_then(|()| done.ok_or_else(lost)));
    }
}

/// What measures how long the queue is empty.
fn timer() -> Option<Runtime> {
    let timer = tokio::runtime::Builder::new_current_thread().enable_time().build();
    timer
        .inspect_err(
            |error| tracing::warn!(%error, "words are indexed by the next write or search"),
        )
        .ok()
}

/// The writer's thread: the connection and what it knows.
pub(super) struct Writer {
    connection: Connection,
    file: PathBuf,
    wal_max_bytes: u64,
    /// The length of the log at which cutting it back is tried next.
    wal_cut_at: u64,
    counters: Arc<Counters>,
    sequences: Sequences,
    words: Words,
    is_behind: Arc<AtomicBool>,
}

impl Writer {
    /// A writer over an opened database.
    pub(super) fn new(
        connection: Connection,
        file: PathBuf,
        wal_max_bytes: u64,
        counters: Arc<Counters>,
        is_behind: Arc<AtomicBool>,
    ) -> rusqlite::Result<Self> {
        let words = Words::load(&connection)?;
        is_behind.store(words.behind() > 0, Ordering::Release);
        Ok(Self {
            connection,
            file,
            wal_max_bytes,
            wal_cut_at: wal_max_bytes,
            counters,
            sequences: Sequences::default(),
            words,
            is_behind,
        })
    }

    /// Serves the queue until every sender of it is gone and it is empty.
    pub(super) fn serve(mut self, mut queue: mpsc::Receiver<Box<dyn Job>>) {
        let mut group = Vec::new();
        let timer = timer();
        while self.receive(timer.as_ref(), &mut queue, &mut group) > 0 {
            let outcomes = self.commit(&mut group);
            self.counters.count(rows(outcomes.len()));
            for (job, outcome) in group.drain(..).zip(outcomes) {
                job.answer(outcome);
            }
            self.cap_wal();
        }
        if let Err(error) = self.checkpoint(BUSY_TIMEOUT) {
            tracing::warn!(file = %self.file.display(), %error, "not checkpointed at the end");
        }
    }

    /// Waits for jobs; how many came, none when there will be no more. Brings the indexes up to date
    /// when none comes for a while.
    fn receive(
        &mut self,
        timer: Option<&Runtime>,
        queue: &mut mpsc::Receiver<Box<dyn Job>>,
        group: &mut Vec<Box<dyn Job>>,
    ) -> usize {
        if self.words.behind() > 0
            && let Some(timer) = timer
        {
            let soon =
                async { tokio::time::timeout(IDLE, queue.recv_many(group, GROUP_MAX)).await };
            match timer.block_on(soon) {
                Ok(came) => return came,
                Err(_idle) => self.index(),
            }
        }
        queue.blocking_recv_many(group, GROUP_MAX)
    }

    /// Brings the full-text indexes up to date, in a transaction of its own.
    fn index(&mut self) {
        let indexed = self.execute("BEGIN IMMEDIATE").and_then(|()| {
            self.words.catch_up(&self.connection)?;
            self.execute("COMMIT")
        });
        match indexed {
            Ok(()) => self.words.committed(),
            // They are tried again with the next group, and by whoever searches.
            Err(error) => {
                tracing::warn!(file = %self.file.display(), %error, "words are not indexed");
                self.roll_back();
            }
        }
        self.tell_whether_behind();
    }

    fn tell_whether_behind(&self) {
        self.is_behind.store(self.words.behind() > 0, Ordering::Release);
    }

    /// Carries out a group; for each job, in order, whether it is durable.
    fn commit(&mut self, group: &mut [Box<dyn Job>]) -> Vec<Result<(), StoreError>> {
        let mut outcomes = Vec::with_capacity(group.len());
        // A panic here is a fault of ours; it must cost neither the thread nor the file.
        let whole = catch_unwind(AssertUnwindSafe(|| self.transact(group, &mut outcomes)));
        let fault = match whole {
            Ok(Ok(())) => return outcomes,
            Ok(Err(fault)) => fault.told(&self.file),
            Err(_) => StoreError::Failed("an internal fault of the store".to_owned()),
        };
        tracing::error!(file = %self.file.display(), error = %fault, jobs = group.len(), "writes failed");
        self.roll_back();
        // What was refused on its own account stays refused; everything else is undone.
        outcomes.resize(group.len(), Ok(()));
        outcomes.into_iter().map(|outcome| outcome.and(Err(fault.clone()))).collect()
    }

    /// One transaction over all of `group`.
    fn transact(
        &mut self,
        group: &mut [Box<dyn Job>],
        outcomes: &mut Vec<Result<(), StoreError>>,
    ) -> Result<(), Fault> {
        self.execute("BEGIN IMMEDIATE")?;
        for job in group {
            let outcome = self.apply(job.as_mut());
            match outcome {
                Ok(()) => outcomes.push(Ok(())),
                // A full disk and the like may have ended the whole transaction already.
                Err(fault) if fault.is_of_the_file() || self.connection.is_autocommit() => {
                    return Err(fault);
                }
                Err(fault) => outcomes.push(Err(fault.told(&self.file))),
            }
        }
        self.words.write(&self.connection)?;
        self.execute("COMMIT")?;
        self.words.committed();
        // Before anybody is answered who might search for what it wrote.
        self.tell_whether_behind();
        Ok(())
    }

    /// One job in a savepoint, whole or not at all.
    fn apply(&mut self, job: &mut dyn Job) -> Result<(), Fault> {
        self.execute("SAVEPOINT job")?;
        let changes = self.words.changes();
        self.sequences.begin();
        let mut writing = Writing {
            connection: &self.connection,
            sequences: &mut self.sequences,
            words: &mut self.words,
        };
        let applied = job.apply(&mut writing);
        if applied.is_err() && !self.connection.is_autocommit() {
            self.words.undo(changes);
            self.sequences.undo();
            self.execute("ROLLBACK TO job")?;
        }
        if !self.connection.is_autocommit() {
            self.execute("RELEASE job")?;
        }
        applied
    }

    /// Undoes the transaction, if it is still there, and forgets what was learnt in it.
    fn roll_back(&mut self) {
        self.sequences.clear();
        self.words.rolled_back();
        if !self.connection.is_autocommit()
            && let Err(error) = self.execute("ROLLBACK")
        {
            tracing::error!(file = %self.file.display(), %error, "not rolled back");
        }
    }

    fn execute(&self, sql: &str) -> rusqlite::Result<()> {
        self.connection.prepare_cached(sql)?.execute([]).map(drop)
    }

    /// Cuts the write-ahead log back where readers have let it outgrow its bound.
    fn cap_wal(&mut self) {
        let wal = length(&wal_of(&self.file));
        if wal <= self.wal_cut_at {
            return;
        }
        // A reader that is still in the log, such as a copy under way, must not hold up writers:
        // then it is tried again when the log has grown by another quarter of its bound.
        let is_cut = match self.checkpoint(Duration::ZERO) {
            Ok(is_cut) => is_cut,
            Err(error) => {
                tracing::warn!(file = %self.file.display(), %error, "write-ahead log not cut back");
                false
            }
        };
        let bound = self.wal_max_bytes;
        self.wal_cut_at = if is_cut { bound } else { wal.saturating_add(bound / 4) };
    }

    /// Moves the write-ahead log into the database and cuts it to nothing; whether it could be.
    fn checkpoint(&self, patience: Duration) -> rusqlite::Result<bool> {
        self.connection.busy_timeout(patience)?;
        let busy = self
            .connection
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, i64>(0));
        self.connection.busy_timeout(BUSY_TIMEOUT)?;
        Ok(busy? == 0)
    }
}
