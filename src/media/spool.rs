//! The spool: files on their way in, which nobody has accepted yet.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tempfile::TempPath;
use tokio::fs::File;
use tokio::io::AsyncWriteExt;
use tokio::task::spawn_blocking;

use super::judge::{Unfit, judge};
use super::kind::Kind;

/// Bytes that are handed to the disk at once.
const WRITE_BYTES: usize = 256 * 1024;

/// A folder of files on their way in. Clones share it.
#[derive(Clone, Debug)]
pub struct Spool {
    folder: Arc<Path>,
}

impl Spool {
    /// The spool in that folder, which is made, and emptied: what a process left there that was
    /// killed was never accepted.
    ///
    /// # Errors
    /// What the file system says.
    pub fn open(folder: &Path) -> io::Result<Self> {
        make(folder)?;
        for left in fs::read_dir(folder)? {
            let left = left?;
            if left.file_type()?.is_dir() {
                fs::remove_dir_all(left.path())?;
            } else {
                fs::remove_file(left.path())?;
            }
        }
        Ok(Self { folder: folder.into() })
    }

    /// Begins a file.
    ///
    /// # Errors
    /// What the file system says.
    pub async fn begin(&self) -> io::Result<Writing> {
        let folder = Arc::clone(&self.folder);
        let made = spawn_blocking(move || tempfile::NamedTempFile::new_in(folder)).await;
        let (file, path) = made.map_err(io::Error::other)??.into_parts();
        let mut file = File::from_std(file);
        file.set_max_buf_size(WRITE_BYTES);
        Ok(Writing { file, path, size: 0 })
    }
}

/// A file being written, removed when this is dropped.
#[derive(Debug)]
pub struct Writing {
    file: File,
    path: TempPath,
    size: u64,
}

impl Writing {
    /// Appends to it. At most one piece waits for the disk, so whoever writes is held up by it.
    ///
    /// # Errors
    /// What the file system says.
    pub async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes).await?;
        self.size = self.size.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        Ok(())
    }

    /// Bytes so far.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The whole file.
    ///
    /// # Errors
    /// What the file system says.
    pub async fn finish(mut self) -> io::Result<Spooled> {
        self.file.flush().await?;
        Ok(Spooled { path: self.path, size: self.size })
    }
}

/// A whole file in the spool, removed when this is dropped.
#[derive(Debug)]
pub struct Spooled {
    path: TempPath,
    size: u64,
}

impl Spooled {
    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its bytes in number.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Moves it where it is to stay, unless there is something already.
    ///
    /// # Errors
    /// What the file system says, and the file, which is where it was.
    pub(super) fn persist(self, to: &Path) -> Result<(), (Self, io::Error)> {
        let size = self.size;
        self.path
            .persist_noclobber(to)
            .map_err(|failed| (Self { path: failed.path, size }, failed.error))
    }

    /// What it is, where its client says that it is `declared`.
    ///
    /// # Errors
    /// [`Unfit`] where the content does not agree.
    pub async fn judged(&self, declared: &str) -> Result<&'static Kind, Unfit> {
        let (path, declared) = (self.path.to_path_buf(), declared.to_owned());
        let judged = spawn_blocking(move || judge(&path, &declared)).await;
        judged.map_err(|error| Unfit::Io(io::Error::other(error)))?
    }
}

/// Makes a folder and those above it, for their owner alone.
pub(super) fn make(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// The spool within a folder of media.
pub(super) fn within(folder: &Path) -> PathBuf {
    folder.join("spool")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(folder: &Path) -> usize {
        fs::read_dir(folder).unwrap().count()
    }

    #[tokio::test]
    async fn what_is_dropped_is_gone_and_what_is_kept_is_whole() {
        let folder = tempfile::tempdir().unwrap();
        let spool = Spool::open(&folder.path().join("spool")).unwrap();
        let place = folder.path().join("spool");

        let mut begun = spool.begin().await.unwrap();
        begun.write(b"half").await.unwrap();
        assert_eq!((begun.size(), count(&place)), (4, 1));
        drop(begun);
        assert_eq!(count(&place), 0);

        let mut begun = spool.begin().await.unwrap();
        for _ in 0..3 {
            begun.write(&vec![b'x'; WRITE_BYTES]).await.unwrap();
        }
        let whole = begun.finish().await.unwrap();
        let size = u64::try_from(3 * WRITE_BYTES).unwrap();
        assert_eq!((whole.size(), fs::metadata(whole.path()).unwrap().len()), (size, size));
        let kept = folder.path().join("kept");
        whole.persist(&kept).unwrap();
        assert!(fs::read(&kept).unwrap().iter().all(|byte| *byte == b'x'));
        assert_eq!((count(&place), fs::metadata(kept).unwrap().len()), (0, size));
    }

    #[test]
    fn what_a_killed_process_left_is_gone_at_the_next_start() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("left"), "x").unwrap();
        fs::create_dir(folder.path().join("folder")).unwrap();
        Spool::open(folder.path()).unwrap();
        assert_eq!(count(folder.path()), 0);
    }
}
