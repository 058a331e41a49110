//! Unpacking: gzip, one member or several, and no more of it than may be.

use std::io::{self, BufRead, Read};

use flate2::bufread::MultiGzDecoder;

use crate::transfer::error::TransferError;

/// What is wrong with the content of a file, as an [`io::Error`] carries it through readers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(in crate::transfer) enum Fault {
    /// It is not gzip.
    #[error("not gzip")]
    NotGzip,
    /// It is nested deeper than may be.
    #[error("nested too deep")]
    TooDeep,
    /// There is more of it than may be.
    #[error("more than {limit} {what}")]
    TooLarge {
        /// Of what.
        what: &'static str,
        /// How much may be.
        limit: u64,
    },
}

impl Fault {
    /// The same, for a reader to fail with.
    pub(in crate::transfer) fn io(self) -> io::Error {
        io::Error::other(self)
    }

    /// What a reader failed with, in the words of a transfer.
    pub(in crate::transfer) fn reported(error: io::Error) -> TransferError {
        match error.get_ref().and_then(|inner| inner.downcast_ref::<Self>()) {
            Some(Self::NotGzip) => TransferError::Decompression,
            Some(Self::TooDeep) => TransferError::Json("nested too deep".to_owned()),
            Some(Self::TooLarge { what, limit }) => {
                TransferError::ContentTooLarge { what, limit: *limit }
            }
            None => error.into(),
        }
    }
}

/// Unpacks what is read from it.
pub(super) struct Unpacked<R> {
    packed: MultiGzDecoder<R>,
    bytes: u64,
    max_bytes: u64,
}

impl<R: BufRead> Unpacked<R> {
    pub(super) fn of(packed: R, max_bytes: u64) -> Self {
        Self { packed: MultiGzDecoder::new(packed), bytes: 0, max_bytes }
    }
}

impl<R: BufRead> Read for Unpacked<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.packed.read(into).map_err(|error| {
            // What the system says has a number; what the decoder says has none.
            if error.raw_os_error().is_some() { error } else { Fault::NotGzip.io() }
        })?;
        self.bytes = self.bytes.saturating_add(u64::try_from(count).unwrap_or(u64::MAX));
        if self.bytes > self.max_bytes {
            return Err(Fault::TooLarge { what: "bytes unpacked", limit: self.max_bytes }.io());
        }
        Ok(count)
    }
}
