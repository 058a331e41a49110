//! Files around something that need not be gzip, sealed by the cipher of the crate: for tests.

use aes_gcm::aead::{Aead, KeyInit};
use aes_gcm::{Aes256Gcm, Nonce};

use super::Header;
use super::key::Key;
use crate::transfer::password::Password;

/// A file around those bytes.
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "only tests come here")]
pub(in crate::transfer) fn sealed_raw(plain: &[u8], password: &Password) -> Vec<u8> {
    let mut header = Header::fresh(1);
    let key = Key::derived(password, &header);
    let cipher = Aes256Gcm::new(key.bytes().into());
    let both = cipher.encrypt(&Nonce::from(header.nonce), plain).unwrap();
    let (text, tag) = both.split_at(plain.len());
    header.tag = tag.try_into().unwrap();
    [header.bytes(), text.to_vec()].concat()
}
