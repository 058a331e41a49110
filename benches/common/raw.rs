//! The floor of the store: the same rows by bare SQLite, committed in groups by one thread.
//!
//! One table with its key and one index by time, nothing else: no search, no sequence, no fencing.

use std::path::Path;
use std::thread::JoinHandle;

use greenroom_actors::ports::{Clock, SystemClock};
use rusqlite::{Connection, params};
use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

/// Rows in one transaction at most, as the store has it.
const GROUP_MAX: usize = 256;

/// A row of a memory, or of an event where there is no content.
pub(crate) struct Row {
    id: Uuid,
    agent: Uuid,
    at: i64,
    kind: &'static str,
    content: String,
}

impl Row {
    /// A new row, of now.
    pub(crate) fn of(agent: Uuid, kind: &'static str, content: String) -> Self {
        Self { id: Uuid::now_v7(), agent, at: SystemClock.now().0, kind, content }
    }
}

/// Writes rows, each answered once it is durable.
pub(crate) struct RawWriter {
    queue: Option<mpsc::Sender<(Row, oneshot::Sender<()>)>>,
    thread: Option<JoinHandle<rusqlite::Result<()>>>,
}

impl RawWriter {
    /// Opens a new database, set as the store sets its own.
    ///
    /// # Errors
    /// What SQLite says.
    pub(crate) fn open(file: &Path) -> rusqlite::Result<Self> {
        let connection = Connection::open(file)?;
        connection.execute_batch(
            "PRAGMA journal_mode = WAL;
             PRAGMA synchronous = FULL;
             PRAGMA wal_autocheckpoint = 2048;
             PRAGMA cache_size = -65536;
             CREATE TABLE rows (
                 id BLOB NOT NULL PRIMARY KEY,
                 agent BLOB NOT NULL,
                 at INTEGER NOT NULL,
                 kind TEXT NOT NULL,
                 content TEXT NOT NULL
             ) STRICT;
             CREATE INDEX rows_by_time ON rows (agent, at, id);",
        )?;
        let (queue, waiting) = mpsc::channel(8_192);
        let thread = std::thread::spawn(move || serve(&connection, waiting));
        Ok(Self { queue: Some(queue), thread: Some(thread) })
    }

    /// Writes a row; is ready once it is durable. False if the thread is gone.
    pub(crate) async fn write(&self, row: Row) -> bool {
        let (answer, durable) = oneshot::channel();
        match &self.queue {
            Some(queue) => queue.send((row, answer)).await.is_ok() && durable.await.is_ok(),
            None => false,
        }
    }
}

impl Drop for RawWriter {
    fn drop(&mut self) {
        drop(self.queue.take());
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

fn serve(
    connection: &Connection,
    mut waiting: mpsc::Receiver<(Row, oneshot::Sender<()>)>,
) -> rusqlite::Result<()> {
    let mut group = Vec::new();
    while waiting.blocking_recv_many(&mut group, GROUP_MAX) > 0 {
        connection.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
        let mut insert = connection.prepare_cached(
            "INSERT INTO rows (id, agent, at, kind, content) VALUES (?1, ?2, ?3, ?4, ?5)",
        )?;
        for (row, _) in &group {
            insert.execute(params![row.id, row.agent, row.at, row.kind, row.content])?;
        }
        drop(insert);
        connection.prepare_cached("COMMIT")?.execute([])?;
        for (_, answer) in group.drain(..) {
            // Nobody may be waiting any more.
            let _unheard = answer.send(());
        }
    }
    Ok(())
}
