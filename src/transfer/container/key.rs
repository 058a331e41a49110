//! Keys.

use pbkdf2::pbkdf2_hmac;
use sha2::Sha256;
use zeroize::Zeroizing;

use super::Header;
use crate::transfer::password::Password;

/// A key, forgotten when it is dropped.
pub(in crate::transfer) struct Key(Zeroizing<[u8; 32]>);

impl Key {
    /// The key of a password under that header's salt. Takes long, on purpose.
    pub(super) fn derived(password: &Password, header: &Header) -> Self {
        let mut key = Zeroizing::new([0; 32]);
        pbkdf2_hmac::<Sha256>(password.bytes(), &header.salt, header.iterations, &mut *key);
        Self(key)
    }

    /// A key that nobody else has.
    pub(in crate::transfer) fn random() -> Self {
        Self(Zeroizing::new(rand::random()))
    }

    pub(in crate::transfer) fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}
