//! How many bytes are kept, and how many may be.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Bytes that are kept, of those that may be. Clones share the count.
#[derive(Clone, Debug)]
pub(super) struct Ledger {
    kept: Arc<AtomicU64>,
    max: u64,
}

impl Ledger {
    /// A ledger over what those folders hold already.
    pub(super) fn open(folders: &[PathBuf], max: u64) -> io::Result<Self> {
        let kept = folders.iter().map(|folder| size(folder)).sum::<io::Result<u64>>()?;
        Ok(Self { kept: Arc::new(AtomicU64::new(kept)), max })
    }

    /// Books so many bytes; `None` if that is too many.
    pub(super) fn book(&self, bytes: u64) -> Option<Booked<'_>> {
        let book = |kept: u64| kept.checked_add(bytes).filter(|kept| *kept <= self.max);
        let booked = self.kept.fetch_update(Ordering::Relaxed, Ordering::Relaxed, book);
        booked.is_ok().then(|| Booked { ledger: self, bytes })
    }

    /// Strikes so many bytes out again.
    pub(super) fn strike(&self, bytes: u64) {
        let strike = |kept: u64| Some(kept.saturating_sub(bytes));
        // It never declines.
        let _ = self.kept.fetch_update(Ordering::Relaxed, Ordering::Relaxed, strike);
    }
}

/// Bytes that are booked, and struck out again when this is dropped before they are kept.
pub(super) struct Booked<'a> {
    ledger: &'a Ledger,
    bytes: u64,
}

impl Booked<'_> {
    /// They are kept.
    pub(super) fn settle(mut self) {
        self.bytes = 0;
    }
}

impl Drop for Booked<'_> {
    fn drop(&mut self) {
        self.ledger.strike(self.bytes);
    }
}

/// Bytes of all files below a folder; none if it is not there.
pub(super) fn size(folder: &Path) -> io::Result<u64> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        Err(error) => return Err(error),
    };
    let mut total = 0_u64;
    for entry in entries {
        let entry = entry?;
        // Of a link this is about the link: it does not lead out of the folder.
        let about = entry.metadata()?;
        let bytes = if about.is_dir() { size(&entry.path())? } else { about.len() };
        total = total.saturating_add(bytes);
    }
    Ok(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_is_booked_than_may_be_kept() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("a")).unwrap();
        fs::write(folder.path().join("a/b"), "1234").unwrap();
        let ledger =
            Ledger::open(&[folder.path().to_owned(), PathBuf::from("/nowhere")], 10).unwrap();
        assert!(ledger.book(7).is_none());
        drop(ledger.book(6).unwrap());
        ledger.book(6).unwrap().settle();
        assert!(ledger.book(1).is_none());
        ledger.strike(4);
        ledger.book(4).unwrap().settle();
        assert!(ledger.book(u64::MAX).is_none());
    }
}
