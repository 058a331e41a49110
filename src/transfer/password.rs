//! The password of a file.

use std::fmt;

use zeroize::Zeroizing;

use super::error::TransferError;

/// The least length of a password, in UTF-16 code units: so the original counts, where one emoji is two.
pub(super) const PASSWORD_MIN_UNITS: usize = 4;

/// The greatest length of a password in an upload, in bytes.
pub(super) const PASSWORD_MAX_BYTES: usize = 1_024;

/// A password; forgotten when it is dropped, and never shown. Neither trimmed nor normalised.
#[derive(Clone)]
pub struct Password(Zeroizing<String>);

impl Password {
    /// That text as a password.
    ///
    /// # Errors
    /// [`TransferError::PasswordTooShort`] under four UTF-16 code units.
    pub fn new(text: impl Into<Zeroizing<String>>) -> Result<Self, TransferError> {
        let text = text.into();
        if text.encode_utf16().count() < PASSWORD_MIN_UNITS {
            return Err(TransferError::PasswordTooShort);
        }
        Ok(Self(text))
    }

    /// The password that those bytes spell; what is no UTF-8 becomes U+FFFD, as in the original.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub(super) fn of_bytes(bytes: &[u8]) -> Result<Self, TransferError> {
        Self::new(Zeroizing::new(String::from_utf8_lossy(bytes).into_owned()))
    }

    /// The bytes that the key is derived from.
    pub(super) fn bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(hidden)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_units_are_enough_and_are_counted_as_javascript_does() {
        for (text, is_fit) in [
            ("", false),
            ("abc", false),
            ("abcd", true),
            ("    ", true),
            ("🔒", false),
            ("🔒🔒", true),
        ] {
            assert_eq!(Password::new(text.to_owned()).is_ok(), is_fit, "{text:?}");
        }
        assert_eq!(
            Password::of_bytes(&[0xff; 4]).unwrap().bytes(),
            "\u{fffd}".repeat(4).as_bytes()
        );
        assert_eq!(
            format!("{:?}", Password::new("secret".to_owned()).unwrap()),
            "Password(hidden)"
        );
    }
}
