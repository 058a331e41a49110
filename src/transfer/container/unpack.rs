//! Unpacking: gzip, one member or several, and no more of it than may be.

use std::io::{self, BufRead, Read};

use flate2::bufread::GzDecoder;

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

/// Members of a file at most. Each costs some work however little it holds, so that a file of nothing
/// else would take long.
const MEMBERS_MAX: u64 = 4_096;

/// Unpacks what is read from it.
pub(super) struct Unpacked<R> {
    /// The member that is being unpacked; none after the last.
    member: Option<GzDecoder<R>>,
    members: u64,
    bytes: u64,
    max_bytes: u64,
}

impl<R: BufRead> Unpacked<R> {
    pub(super) fn of(packed: R, max_bytes: u64) -> Self {
        Self { member: Some(GzDecoder::new(packed)), members: 1, bytes: 0, max_bytes }
    }

    /// Goes on to the next member, if there is one.
    fn next_member(&mut self) -> io::Result<()> {
        let Some(ended) = self.member.take() else { return Ok(()) };
        let mut packed = ended.into_inner();
        if packed.fill_buf()?.is_empty() {
            return Ok(());
        }
        self.members = self.members.saturating_add(1);
        if self.members > MEMBERS_MAX {
            return Err(Fault::TooLarge { what: "gzip members", limit: MEMBERS_MAX }.io());
        }
        self.member = Some(GzDecoder::new(packed));
        Ok(())
    }
}

impl<R: BufRead> Read for Unpacked<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let mut count = 0;
        while let Some(member) = &mut self.member {
            count = member.read(into).map_err(|error| {
                // What the system says has a number; what the decoder says has none.
                if error.raw_os_error().is_some() { error } else { Fault::NotGzip.io() }
            })?;
            if count > 0 || into.is_empty() {
                break;
            }
            self.next_member()?;
        }
        self.bytes = self.bytes.saturating_add(u64::try_from(count).unwrap_or(u64::MAX));
        if self.bytes > self.max_bytes {
            return Err(Fault::TooLarge { what: "bytes unpacked", limit: self.max_bytes }.io());
        }
        Ok(count)
    }
}
