//! The container: the bytes of an `.eliza-agent` file, whatever is in it.
//!
//! A header, then AES-256-GCM over gzip. The key is derived from a password. Files are sealed and
//! opened as streams, so that their size does not matter; plain text never reaches the disk, and is
//! not looked at before the tag has been verified over all of it.

mod gcm;
mod key;
mod open;
#[cfg(any(test, fuzzing))]
mod raw;
mod seal;
mod unpack;

pub(super) use open::Opened;
#[cfg(any(test, fuzzing))]
pub(super) use raw::sealed_raw;
pub(super) use seal::Sealing;
pub(super) use unpack::Fault;

#[cfg(not(test))]
pub(super) use gcm::Cipher;
#[cfg(test)]
pub(super) use gcm::{Authenticator, Cipher};
pub(super) use key::Key;

use std::io::{self, Read, Seek, SeekFrom};

use super::error::TransferError;

/// What a file begins with.
const MAGIC: [u8; 15] = *b"ELIZA_AGENT_V1\n";

/// Whether a file begins as one with an agent does. It is then read from its beginning. Blocks.
///
/// # Errors
/// What the file system says.
pub fn is_agent_file<F: Read + Seek>(file: &mut F) -> io::Result<bool> {
    let mut begins = Vec::with_capacity(MAGIC.len());
    let length = u64::try_from(MAGIC.len()).unwrap_or(u64::MAX);
    file.by_ref().take(length).read_to_end(&mut begins)?;
    file.seek(SeekFrom::Start(0))?;
    Ok(begins == MAGIC)
}

/// Bytes of a header.
pub(super) const HEADER_BYTES: usize = 79;

/// Rounds of key derivation that a file may ask for at most.
pub(super) const ITERATIONS_MAX: u32 = 1_200_000;

/// Rounds of key derivation of the files that are written.
pub(super) const ITERATIONS: u32 = 600_000;

/// What stands before the content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Header {
    iterations: u32,
    salt: [u8; 32],
    nonce: [u8; 12],
    tag: [u8; 16],
}

impl Header {
    /// A header with a salt and a nonce that no other has, and no tag yet.
    fn fresh(iterations: u32) -> Self {
        Self { iterations, salt: rand::random(), nonce: rand::random(), tag: [0; 16] }
    }

    fn bytes(&self) -> Vec<u8> {
        let iterations = self.iterations.to_be_bytes();
        [&MAGIC[..], &iterations, &self.salt, &self.nonce, &self.tag].concat()
    }

    /// The header that those bytes begin with.
    fn read(bytes: &[u8]) -> Result<Self, TransferError> {
        let mut rest = bytes;
        let magic: [u8; 15] = next(&mut rest)?;
        let iterations = next(&mut rest)?;
        let (salt, nonce, tag) = (next(&mut rest)?, next(&mut rest)?, next(&mut rest)?);
        if magic != MAGIC {
            return Err(TransferError::NotAnAgentFile);
        }
        let iterations = u32::from_be_bytes(iterations);
        if !(1..=ITERATIONS_MAX).contains(&iterations) {
            return Err(TransferError::Iterations(iterations));
        }
        Ok(Self { iterations, salt, nonce, tag })
    }
}

fn next<const N: usize>(bytes: &mut &[u8]) -> Result<[u8; N], TransferError> {
    let (taken, rest) = bytes.split_first_chunk().ok_or(TransferError::FileTooSmall)?;
    *bytes = rest;
    Ok(*taken)
}

#[cfg(test)]
#[path = "container/tests.rs"]
pub(super) mod tests;
