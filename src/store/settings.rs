//! What an operator can set about the store.

use std::path::PathBuf;
use std::time::Duration;

use greenroom_actors::ports::Retention;
use serde::{Deserialize, Serialize};

/// The section `[store]` of the configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StoreSettings {
    /// The folder that holds the database, its lock and everything else that is kept.
    pub data_dir: PathBuf,
    /// Threads that answer questions; at least 1.
    pub readers: u32,
    /// Whether an answered write also survives the loss of power.
    pub synchronous: Synchronous,
    /// Writes that may wait; one more is refused as busy.
    pub queue_max: u32,
    /// Questions that may wait; one more is refused as busy.
    pub questions_max: u32,
    /// Memory for pages of the writer, in KiB.
    pub writer_cache_kib: u32,
    /// Memory for pages of each reader, in KiB.
    pub reader_cache_kib: u32,
    /// How much may stand in the write-ahead log before it is moved into the database.
    pub wal_checkpoint_bytes: u64,
    /// The size to which the write-ahead log is cut back whenever it has grown beyond.
    pub wal_max_bytes: u64,
    /// Days that events are kept; 0: for ever.
    pub events_kept_days: u32,
    /// Newest events kept of each agent; 0: all.
    pub events_kept_per_agent: u64,
    /// Days that ended runs and their steps are kept; 0: for ever.
    pub runs_kept_days: u32,
    /// Days that log entries are kept; 0: for ever.
    pub logs_kept_days: u32,
    /// Days that settled letters are kept; 0: for ever.
    pub letters_kept_days: u32,
    /// Days that the records of triggers' firings are kept, once they are over; 0: for ever.
    pub firings_kept_days: u32,
    /// Newest events kept of each channel; 0: all.
    pub events_kept_per_channel: u64,
    /// Days that ended jobs are kept; 0: for ever.
    pub jobs_kept_days: u32,
    /// Days that it is kept who used how much of which model on which day; 0: for ever. What agents
    /// and owners have spent in all is kept anyhow.
    pub usage_kept_days: u32,
    /// Seconds from one removal of what is past its time to the next.
    pub prune_every_s: u32,
}

impl Default for StoreSettings {
    fn default() -> Self {
        Self {
            data_dir: PathBuf::from("./data"),
            readers: 2,
            synchronous: Synchronous::Full,
            queue_max: 8192,
            questions_max: 8192,
            writer_cache_kib: 64 * 1024,
            reader_cache_kib: 8 * 1024,
            wal_checkpoint_bytes: 8 * 1024 * 1024,
            wal_max_bytes: 64 * 1024 * 1024,
            events_kept_days: 30,
            events_kept_per_agent: 1000,
            runs_kept_days: 30,
            logs_kept_days: 30,
            letters_kept_days: 30,
            firings_kept_days: 30,
            events_kept_per_channel: 1000,
            jobs_kept_days: 1,
            usage_kept_days: 400,
            prune_every_s: 600,
        }
    }
}

impl StoreSettings {
    /// The default settings for a database in that folder.
    #[must_use]
    pub fn within(data_dir: impl Into<PathBuf>) -> Self {
        Self { data_dir: data_dir.into(), ..Self::default() }
    }

    /// The database's file.
    #[must_use]
    pub fn file(&self) -> PathBuf {
        self.data_dir.join("greenroom.db")
    }

    /// The time from one removal of what is past its time to the next.
    #[must_use]
    pub fn prune_every(&self) -> Duration {
        Duration::from_secs(u64::from(self.prune_every_s.max(1)))
    }

    /// How long what grows is kept.
    #[must_use]
    pub fn retention(&self) -> Retention {
        Retention {
            events_for: days(self.events_kept_days),
            events_per_agent: self.events_kept_per_agent,
            runs_for: days(self.runs_kept_days),
            logs_for: days(self.logs_kept_days),
            letters_for: days(self.letters_kept_days),
            firings_for: days(self.firings_kept_days),
            events_per_channel: self.events_kept_per_channel,
            jobs_for: days(self.jobs_kept_days),
            usage_for: days(self.usage_kept_days),
        }
    }
}

fn days(days: u32) -> Option<Duration> {
    (days > 0).then(|| Duration::from_secs(u64::from(days) * 24 * 60 * 60))
}

/// When an answered write has reached the disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Synchronous {
    /// Before the answer: it survives the loss of power.
    #[default]
    Full,
    /// Soon after: it survives the end of the process, not the loss of power.
    Normal,
}
