//! How large the store is and how busy, for metrics.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// Figures of the store at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sizes {
    /// The database, in bytes.
    pub database_bytes: u64,
    /// The write-ahead log, in bytes.
    pub wal_bytes: u64,
    /// Writes that wait.
    pub waiting_writes: u64,
    /// Writes answered since the store was opened.
    pub writes: u64,
    /// Transactions that carried them.
    pub groups: u64,
}

/// What the writer has done so far.
#[derive(Debug, Default)]
pub(super) struct Counters {
    writes: AtomicU64,
    groups: AtomicU64,
}

impl Counters {
    /// Counts one transaction of so many writes.
    pub(super) fn count(&self, writes: u64) {
        self.groups.fetch_add(1, Ordering::Relaxed);
        self.writes.fetch_add(writes, Ordering::Relaxed);
    }

    /// Writes and transactions so far.
    pub(super) fn read(&self) -> (u64, u64) {
        (self.writes.load(Ordering::Relaxed), self.groups.load(Ordering::Relaxed))
    }
}

/// The write-ahead log beside a database.
pub(super) fn wal_of(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push("-wal");
    PathBuf::from(name)
}

/// The length of a file, 0 if it cannot be told.
pub(super) fn length(file: &Path) -> u64 {
    std::fs::metadata(file).map_or(0, |metadata| metadata.len())
}
