//! What is written aside, because it belongs further behind than the store gives it.
//!
//! It may be as large as all else, so that it goes to the disk; and as all else encrypted, under a key
//! that nobody but this process ever has.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

use crate::transfer::container::{Cipher, Key};
use crate::transfer::spool::Share;

/// Bytes that are encrypted at once.
const PIECE_BYTES: usize = 64 * 1024;

/// A nonce for a key that is used once.
const NONCE: [u8; 12] = [0; 12];

/// A text written aside, to be read once. Gone when this is dropped.
pub(in crate::transfer) struct Aside {
    file: File,
    share: Share,
    key: Key,
    cipher: Cipher,
    piece: Vec<u8>,
    bytes: u64,
}

impl Aside {
    /// An empty one, in that folder.
    pub(in crate::transfer) fn begin(folder: &Path, share: Share) -> io::Result<Self> {
        let key = Key::random();
        let cipher = Cipher::new(&key, &NONCE);
        let file = tempfile::tempfile_in(folder)?;
        let piece = Vec::with_capacity(PIECE_BYTES);
        Ok(Self { file, share, key, cipher, piece, bytes: 0 })
    }

    /// Bytes of it.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Copies all of it.
    pub(super) fn replay(mut self, out: &mut impl Write) -> io::Result<()> {
        self.flush()?;
        self.file.seek(SeekFrom::Start(0))?;
        let mut cipher = Cipher::new(&self.key, &NONCE);
        let mut piece = vec![0; PIECE_BYTES];
        loop {
            let count = self.file.read(&mut piece)?;
            let Some(bytes) = piece.get_mut(..count).filter(|bytes| !bytes.is_empty()) else {
                return Ok(());
            };
            cipher.apply(bytes)?;
            out.write_all(bytes)?;
        }
    }
}

impl Write for Aside {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = PIECE_BYTES.saturating_sub(self.piece.len());
        let taken = bytes.get(..room).unwrap_or(bytes);
        self.piece.extend_from_slice(taken);
        self.bytes = self.bytes.saturating_add(u64::try_from(taken.len()).unwrap_or(u64::MAX));
        if self.piece.len() >= PIECE_BYTES {
            self.flush()?;
        }
        Ok(taken.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.share.grow(self.piece.len()).map_err(io::Error::other)?;
        self.cipher.apply(&mut self.piece)?;
        self.file.write_all(&self.piece)?;
        self.piece.clear();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transfer::spool::Spool;

    #[test]
    fn what_was_written_aside_comes_back_and_is_not_plain_on_the_disk() {
        let folder = tempfile::tempdir().unwrap();
        let mut aside = {
            let spool = Spool::open(folder.path(), u64::MAX).unwrap();
            Aside::begin(folder.path(), spool.share()).unwrap()
        };
        let line = b"something that nobody shall read. ".repeat(10);
        for _ in 0..500 {
            aside.write_all(&line).unwrap();
        }
        let mut raw = Vec::new();
        aside.file.seek(SeekFrom::Start(0)).unwrap();
        aside.file.read_to_end(&mut raw).unwrap();
        assert!(raw.len() > 100_000);
        assert!(!raw.windows(9).any(|window| window == b"something"));
        let mut back = Vec::new();
        aside.replay(&mut back).unwrap();
        assert_eq!(back, line.repeat(500));
    }
}
