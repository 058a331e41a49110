//! Sealing: plain text in, a sealed file out.

use std::io::{self, BufWriter, Seek, SeekFrom, Write};

use flate2::Compression;
use flate2::write::GzEncoder;

use super::gcm::{Authenticator, Cipher};
use super::key::Key;
use super::{HEADER_BYTES, Header};
use crate::transfer::password::Password;

/// Bytes that are encrypted at once, and handed to the disk at once.
const PIECE_BYTES: usize = 64 * 1024;

/// A file being sealed. What is written to this is compressed, encrypted and written to the file.
pub(in crate::transfer) struct Sealing<F: Write + Seek> {
    packing: GzEncoder<Encrypting<BufWriter<F>>>,
    header: Header,
    unpacked_bytes: u64,
}

impl<F: Write + Seek> Sealing<F> {
    /// Begins to seal into an empty file. Derives the key, which takes long.
    pub(in crate::transfer) fn begin(
        file: F,
        password: &Password,
        iterations: u32,
    ) -> io::Result<Self> {
        let header = Header::fresh(iterations);
        let key = Key::derived(password, &header);
        let mut file = BufWriter::with_capacity(PIECE_BYTES, file);
        // Its tag is known at the end.
        file.write_all(&header.bytes())?;
        let encrypting = Encrypting {
            file,
            cipher: Cipher::new(&key, &header.nonce),
            authenticator: Authenticator::new(&key, &header.nonce),
            piece: Vec::with_capacity(PIECE_BYTES),
            bytes: 0,
        };
        let packing = GzEncoder::new(encrypting, Compression::default());
        Ok(Self { packing, header, unpacked_bytes: 0 })
    }

    /// Bytes of the plain text so far.
    pub(in crate::transfer) fn unpacked_bytes(&self) -> u64 {
        self.unpacked_bytes
    }

    /// Bytes of the file so far.
    pub(in crate::transfer) fn packed_bytes(&self) -> u64 {
        let header = u64::try_from(HEADER_BYTES).unwrap_or(u64::MAX);
        self.packing.get_ref().bytes.saturating_add(header)
    }

    /// Ends the file; answers with it and the number of its bytes.
    pub(in crate::transfer) fn finish(mut self) -> io::Result<(F, u64)> {
        self.packing.try_finish()?;
        let bytes = self.packed_bytes();
        let Encrypting { file, authenticator, .. } = self.packing.finish()?;
        self.header.tag = authenticator.tag();
        let mut file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.seek(SeekFrom::Start(0))?;
        file.write_all(&self.header.bytes())?;
        file.flush()?;
        Ok((file, bytes))
    }
}

impl<F: Write + Seek> Write for Sealing<F> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.packing.write(bytes)?;
        let count = u64::try_from(written).unwrap_or(u64::MAX);
        self.unpacked_bytes = self.unpacked_bytes.saturating_add(count);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        // To flush what is compressed would make it longer.
        Ok(())
    }
}

/// Encrypts what is written to it, and hashes the ciphertext.
struct Encrypting<F> {
    file: F,
    cipher: Cipher,
    authenticator: Authenticator,
    piece: Vec<u8>,
    bytes: u64,
}

impl<F: Write> Write for Encrypting<F> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let bytes = bytes.get(..PIECE_BYTES).unwrap_or(bytes);
        self.piece.clear();
        self.piece.extend_from_slice(bytes);
        self.cipher.apply(&mut self.piece)?;
        self.authenticator.update(&self.piece);
        self.file.write_all(&self.piece)?;
        let count = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        self.bytes = self.bytes.saturating_add(count);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
