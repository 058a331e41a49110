//! The spool: sealed files on their way in and out, and how much room they take together.

use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tempfile::TempPath;

use super::error::TransferError;
use crate::media;

/// A folder of files on their way, for their owner alone. Clones share it.
#[derive(Clone)]
pub(super) struct Spool {
    folder: Arc<Path>,
    arriving: media::Spool,
    room: Arc<Room>,
}

struct Room {
    used: AtomicU64,
    max: u64,
}

impl Spool {
    /// The spool in that folder, which is made, and emptied of what a process left that was killed.
    pub(super) fn open(folder: &Path, max_bytes: u64) -> io::Result<Self> {
        Ok(Self {
            arriving: media::Spool::open(folder)?,
            folder: folder.into(),
            room: Arc::new(Room { used: AtomicU64::new(0), max: max_bytes }),
        })
    }

    /// Where the files are.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Begins a file that arrives.
    pub(super) async fn arriving(&self) -> io::Result<media::Writing> {
        self.arriving.begin().await
    }

    /// Room for a file that takes none yet.
    pub(super) fn share(&self) -> Share {
        Share { room: Arc::clone(&self.room), bytes: 0 }
    }

    /// Begins a file that leaves. Blocks.
    pub(super) fn leaving(&self) -> io::Result<Leaving> {
        let (file, path) = tempfile::NamedTempFile::new_in(&self.folder)?.into_parts();
        Ok(Leaving { file, path, share: self.share() })
    }
}

/// The room that a file takes, until this is dropped.
pub(super) struct Share {
    room: Arc<Room>,
    bytes: u64,
}

impl Share {
    /// Takes room for so many more bytes.
    ///
    /// # Errors
    /// [`TransferError::Overloaded`] where all files together would take too much.
    pub(super) fn grow(&mut self, bytes: usize) -> Result<(), TransferError> {
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        let take = |used: u64| used.checked_add(bytes).filter(|used| *used <= self.room.max);
        self.room
            .used
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, take)
            .map_err(|_used| TransferError::Overloaded)?;
        self.bytes = self.bytes.saturating_add(bytes);
        Ok(())
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let give = |used: u64| Some(used.saturating_sub(self.bytes));
        // It never declines.
        let _ = self.room.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, give);
    }
}

/// A file that leaves, being written.
pub(super) struct Leaving {
    file: File,
    path: TempPath,
    share: Share,
}

impl Leaving {
    /// The whole file, removed when this is dropped.
    pub(super) fn finish(self) -> Left {
        Left { path: self.path, _share: self.share }
    }
}

impl Write for Leaving {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.share.grow(bytes.len()).map_err(io::Error::other)?;
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Seek for Leaving {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.file.seek(to)
    }
}

/// A whole file that leaves.
pub(super) struct Left {
    path: TempPath,
    _share: Share,
}

impl Left {
    pub(super) fn path(&self) -> PathBuf {
        self.path.to_path_buf()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_files_together_take_no_more_room_than_there_is() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("left"), "x").unwrap();
        let spool = Spool::open(folder.path(), 10).unwrap();
        let count = || std::fs::read_dir(folder.path()).unwrap().count();
        assert_eq!(count(), 0);
        let mut leaving = spool.leaving().unwrap();
        leaving.write_all(b"123456").unwrap();
        let mut share = spool.share();
        assert_eq!(share.grow(5), Err(TransferError::Overloaded));
        share.grow(4).unwrap();
        assert!(leaving.write_all(b"7").is_err());
        drop(share);
        leaving.write_all(b"7890").unwrap();
        let left = leaving.finish();
        assert_eq!(std::fs::read(left.path()).unwrap(), b"1234567890");
        drop(left);
        assert_eq!(count(), 0);
        spool.share().grow(10).unwrap();
    }
}
