//! AES-256-GCM as a stream (NIST SP 800-38D), without associated data.
//!
//! The crates offer it for a text in memory alone. Its two halves are theirs: the counter mode, and
//! GHASH. A test holds this to theirs.

use std::io;

use aes::Aes256;
use aes::cipher::{BlockCipherEncrypt, KeyInit, KeyIvInit};
use ctr::cipher::StreamCipher;
use ghash::GHash;
use ghash::universal_hash::UniversalHash;

use super::key::Key;

/// Bytes of a block.
const BLOCK: usize = 16;

/// Encrypts or decrypts: to do so twice gives what was there.
pub(in crate::transfer) struct Cipher(ctr::Ctr32BE<Aes256>);

impl Cipher {
    /// The cipher at the beginning of the text.
    pub(in crate::transfer) fn new(key: &Key, nonce: &[u8; 12]) -> Self {
        Self(ctr::Ctr32BE::new(key.bytes().into(), &counter(nonce, 2).into()))
    }

    /// Goes on over the next bytes.
    ///
    /// # Errors
    /// After some 64 GiB, which is all that one nonce is good for.
    pub(in crate::transfer) fn apply(&mut self, bytes: &mut [u8]) -> io::Result<()> {
        self.0.try_apply_keystream(bytes).map_err(io::Error::other)
    }
}

/// Makes the tag of a ciphertext.
pub(in crate::transfer) struct Authenticator {
    hash: GHash,
    mask: [u8; BLOCK],
    /// The beginning of a block that is not whole yet.
    begun: [u8; BLOCK],
    begun_bytes: usize,
    bytes: u64,
}

impl Authenticator {
    /// The authenticator at the beginning of the ciphertext.
    pub(in crate::transfer) fn new(key: &Key, nonce: &[u8; 12]) -> Self {
        let cipher = Aes256::new(key.bytes().into());
        let mut subkey = [0; BLOCK].into();
        cipher.encrypt_block(&mut subkey);
        let mut mask = counter(nonce, 1).into();
        cipher.encrypt_block(&mut mask);
        Self {
            hash: GHash::new(&subkey),
            mask: mask.into(),
            begun: [0; BLOCK],
            begun_bytes: 0,
            bytes: 0,
        }
    }

    /// Goes on over the next bytes of the ciphertext.
    pub(in crate::transfer) fn update(&mut self, mut bytes: &[u8]) {
        self.bytes = self.bytes.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        if self.begun_bytes > 0 {
            let missing = BLOCK.saturating_sub(self.begun_bytes);
            let (head, rest) = bytes.split_at_checked(missing).unwrap_or((bytes, &[]));
            self.keep(head);
            bytes = rest;
            if self.begun_bytes < BLOCK {
                return;
            }
            self.hash.update_padded(&self.begun);
            self.begun_bytes = 0;
        }
        let (whole, rest) = bytes.split_at(bytes.len() - bytes.len() % BLOCK);
        self.hash.update_padded(whole);
        self.keep(rest);
    }

    fn keep(&mut self, bytes: &[u8]) {
        for (place, byte) in self.begun.iter_mut().skip(self.begun_bytes).zip(bytes) {
            *place = *byte;
        }
        self.begun_bytes += bytes.len();
    }

    /// The tag of all that was given.
    pub(in crate::transfer) fn tag(mut self) -> [u8; BLOCK] {
        let rest = self.begun.get(..self.begun_bytes).unwrap_or_default();
        self.hash.update_padded(rest);
        // Bits of the associated data, of which there is none, and of the ciphertext.
        let bits = self.bytes.saturating_mul(8);
        self.hash.update(&[u128::from(bits).to_be_bytes().into()]);
        let hashed: [u8; BLOCK] = self.hash.finalize().into();
        for (byte, hashed) in self.mask.iter_mut().zip(hashed) {
            *byte ^= hashed;
        }
        self.mask
    }
}

/// The counter block of that number.
fn counter(nonce: &[u8; 12], number: u32) -> [u8; BLOCK] {
    let mut block = [0; BLOCK];
    let bytes = nonce.iter().copied().chain(number.to_be_bytes());
    for (place, byte) in block.iter_mut().zip(bytes) {
        *place = byte;
    }
    block
}
