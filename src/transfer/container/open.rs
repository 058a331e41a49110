//! Opening: a sealed file in, plain text out, as often as it is wanted.

use std::io::{self, BufReader, ErrorKind, Read, Seek, SeekFrom};

use subtle::ConstantTimeEq;

use super::gcm::{Authenticator, Cipher};
use super::key::Key;
use super::unpack::Unpacked;
use super::{HEADER_BYTES, Header};
use crate::transfer::error::TransferError;
use crate::transfer::password::Password;

/// Bytes that are read at once.
const PIECE_BYTES: usize = 64 * 1024;

/// A sealed file whose tag fits.
pub(in crate::transfer) struct Opened<F> {
    file: F,
    key: Key,
    nonce: [u8; 12],
}

impl<F: Read + Seek> Opened<F> {
    /// Opens a file. Derives the key, which takes long, and reads the whole file once.
    ///
    /// # Errors
    /// What is wrong with its header; [`TransferError::Decryption`] where its tag does not fit.
    pub(in crate::transfer) fn open(
        mut file: F,
        password: &Password,
    ) -> Result<Self, TransferError> {
        file.seek(SeekFrom::Start(0))?;
        let mut head = Vec::with_capacity(HEADER_BYTES);
        let limit = u64::try_from(HEADER_BYTES).unwrap_or(u64::MAX);
        file.by_ref().take(limit).read_to_end(&mut head)?;
        let header = Header::read(&head)?;
        let mut piece = vec![0; PIECE_BYTES];
        let mut count = read(&mut file, &mut piece)?;
        if count == 0 {
            return Err(TransferError::NoContent);
        }
        let key = Key::derived(password, &header);
        let mut authenticator = Authenticator::new(&key, &header.nonce);
        while count > 0 {
            authenticator.update(piece.get(..count).unwrap_or_default());
            count = read(&mut file, &mut piece)?;
        }
        if !bool::from(authenticator.tag().ct_eq(&header.tag)) {
            return Err(TransferError::Decryption);
        }
        Ok(Self { file, key, nonce: header.nonce })
    }

    /// The plain text from its beginning; an error where there is more than `max_bytes` of it.
    pub(in crate::transfer) fn unpacked(
        &mut self,
        max_bytes: u64,
    ) -> io::Result<impl Read + use<'_, F>> {
        let start = u64::try_from(HEADER_BYTES).unwrap_or(u64::MAX);
        self.file.seek(SeekFrom::Start(start))?;
        let cipher = Cipher::new(&self.key, &self.nonce);
        let decrypting = Decrypting { file: &mut self.file, cipher };
        Ok(Unpacked::of(BufReader::with_capacity(PIECE_BYTES, decrypting), max_bytes))
    }
}

/// Decrypts what is read from it.
struct Decrypting<'a, F> {
    file: &'a mut F,
    cipher: Cipher,
}

impl<F: Read> Read for Decrypting<'_, F> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read(into)?;
        self.cipher.apply(into.get_mut(..count).unwrap_or_default())?;
        Ok(count)
    }
}

/// Reads again where it was interrupted.
fn read(file: &mut impl Read, into: &mut [u8]) -> io::Result<usize> {
    loop {
        match file.read(into) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            outcome => return outcome,
        }
    }
}
