//! Uploads: the envelope in which a file arrives together with its password.
//!
//! Four bytes that say how long the password is, the password, the file. Taken apart while it arrives:
//! the password stays in memory, and the file, which is sealed, goes to the disk.

use zeroize::Zeroizing;

use super::error::TransferError;
use super::password::{PASSWORD_MAX_BYTES, PASSWORD_MIN_UNITS, Password};
use super::spool::{Share, Spool};
use crate::media::{Spooled, Writing};

/// Bytes that say how long the password is.
const LENGTH_BYTES: usize = 4;

/// An upload that arrives. What came is gone when this is dropped.
pub struct Receiving {
    spool: Spool,
    share: Share,
    limit: u64,
    bytes: u64,
    /// What stands before the file, as far as it is there.
    head: Zeroizing<Vec<u8>>,
    file: Option<(Password, Writing)>,
}

/// An upload that is all there.
pub struct Upload {
    pub(super) password: Password,
    pub(super) file: Spooled,
    /// Held for as long as the file is there.
    _share: Share,
}

impl std::fmt::Debug for Upload {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Upload").field("file", &self.file).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Receiving {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Receiving").field("bytes", &self.bytes).finish_non_exhaustive()
    }
}

impl Receiving {
    /// Begins to take an upload of at most `limit` bytes; `declared` is how long it says it is.
    ///
    /// # Errors
    /// [`TransferError::BodyTooLarge`].
    pub(super) fn begin(
        spool: &Spool,
        limit: u64,
        declared: Option<u64>,
    ) -> Result<Self, TransferError> {
        if declared.is_some_and(|bytes| bytes > limit) {
            return Err(TransferError::BodyTooLarge { limit });
        }
        Ok(Self {
            spool: spool.clone(),
            share: spool.share(),
            limit,
            bytes: 0,
            // Never more, so that no copy of the password stays behind.
            head: Zeroizing::new(Vec::with_capacity(LENGTH_BYTES + PASSWORD_MAX_BYTES)),
            file: None,
        })
    }

    /// Takes the next bytes, once the disk has those before.
    ///
    /// # Errors
    /// [`TransferError::BodyTooLarge`], and what is wrong with the password, as soon as it shows;
    /// [`TransferError::Overloaded`] where too much is on its way; [`TransferError::File`].
    pub async fn push(&mut self, bytes: &[u8]) -> Result<(), TransferError> {
        let count = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        self.bytes = self.bytes.saturating_add(count);
        if self.bytes > self.limit {
            return Err(TransferError::BodyTooLarge { limit: self.limit });
        }
        let mut rest = bytes;
        if self.file.is_none() {
            rest = self.take_head(rest).await?;
        }
        if let Some((_, writing)) = self.file.as_mut().filter(|_| !rest.is_empty()) {
            self.share.grow(rest.len())?;
            writing.write(rest).await?;
        }
        Ok(())
    }

    /// Takes what stands before the file; answers with what is left.
    async fn take_head<'a>(&mut self, bytes: &'a [u8]) -> Result<&'a [u8], TransferError> {
        let rest = self.fill(bytes, LENGTH_BYTES);
        let Some(length) = self.head.first_chunk().copied().map(u32::from_be_bytes) else {
            return Ok(rest);
        };
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        // Four bytes alone are too few, whatever they say.
        if rest.is_empty() && self.head.len() == LENGTH_BYTES {
            return Ok(rest);
        }
        if length < PASSWORD_MIN_UNITS {
            return Err(TransferError::PasswordTooShort);
        }
        if length > PASSWORD_MAX_BYTES {
            return Err(TransferError::PasswordTooLong);
        }
        let rest = self.fill(rest, LENGTH_BYTES + length);
        if !rest.is_empty() {
            let password = self.head.get(LENGTH_BYTES..).unwrap_or_default();
            let password = Password::of_bytes(password)?;
            self.file = Some((password, self.spool.arriving().await?));
        }
        Ok(rest)
    }

    /// Fills the head up to that length; answers with what is left.
    fn fill<'a>(&mut self, bytes: &'a [u8], length: usize) -> &'a [u8] {
        let missing = length.saturating_sub(self.head.len());
        let (taken, rest) = bytes.split_at_checked(missing).unwrap_or((bytes, &[]));
        self.head.extend_from_slice(taken);
        rest
    }

    /// The upload, now that all of it is there.
    ///
    /// # Errors
    /// [`TransferError::BodyTooSmall`], [`TransferError::BodyIncomplete`], [`TransferError::File`].
    pub async fn finish(self) -> Result<Upload, TransferError> {
        match self.file {
            Some((password, writing)) => {
                Ok(Upload { password, file: writing.finish().await?, _share: self.share })
            }
            None if self.head.len() <= LENGTH_BYTES => Err(TransferError::BodyTooSmall),
            None => Err(TransferError::BodyIncomplete),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn received(body: &[u8], piece: usize) -> Result<(String, Vec<u8>), TransferError> {
        let folder = tempfile::tempdir().unwrap();
        let spool = Spool::open(folder.path(), 1_000).unwrap();
        let mut receiving = Receiving::begin(&spool, 1_100, None)?;
        for piece in body.chunks(piece) {
            receiving.push(piece).await?;
        }
        let upload = receiving.finish().await?;
        let file = std::fs::read(upload.file.path()).unwrap();
        Ok((String::from_utf8(upload.password.bytes().to_vec()).unwrap(), file))
    }

    #[tokio::test]
    async fn each_row_of_the_table_holds_however_the_bytes_come() {
        let body = |length: u32, rest: &[u8]| [&length.to_be_bytes()[..], rest].concat();
        let long = vec![b'x'; 1_200];
        for (name, body, expected) in [
            ("nothing", Vec::new(), Err(TransferError::BodyTooSmall)),
            ("four bytes", body(2, b""), Err(TransferError::BodyTooSmall)),
            ("short", body(3, b"x"), Err(TransferError::PasswordTooShort)),
            ("long", body(1_025, b"x"), Err(TransferError::PasswordTooLong)),
            ("longest", body(u32::MAX, b"x"), Err(TransferError::PasswordTooLong)),
            ("cut password", body(5, b"abcd"), Err(TransferError::BodyIncomplete)),
            ("no file", body(4, b"abcd"), Err(TransferError::BodyIncomplete)),
            ("one emoji", body(4, "🔒x".as_bytes()), Err(TransferError::PasswordTooShort)),
            ("one emoji, no file", body(4, "🔒".as_bytes()), Err(TransferError::BodyIncomplete)),
            ("fine", body(4, b"abcdx"), Ok(("abcd".to_owned(), b"x".to_vec()))),
            ("odd", body(4, b"ab\xff\xffx"), Ok(("ab\u{fffd}\u{fffd}".to_owned(), b"x".to_vec()))),
            (
                "longest that may be",
                body(1_024, &long[..1_072]),
                Ok(("x".repeat(1_024), vec![b'x'; 48])),
            ),
            (
                "too much",
                body(1_024, &long[..1_097]),
                Err(TransferError::BodyTooLarge { limit: 1_100 }),
            ),
            ("no room", body(4, &long[..1_005]), Err(TransferError::Overloaded)),
        ] {
            for piece in [1, 3, 4, 5, 7, 5_000] {
                assert_eq!(received(&body, piece).await, expected, "{name} by {piece}");
            }
        }
        let folder = tempfile::tempdir().unwrap();
        let spool = Spool::open(folder.path(), 10).unwrap();
        let refused = Receiving::begin(&spool, 8, Some(9)).unwrap_err();
        assert_eq!(refused, TransferError::BodyTooLarge { limit: 8 });
    }
}
