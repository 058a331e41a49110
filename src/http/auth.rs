//! Credentials of requests: a token, in either of two headers, compared in constant time.

use std::fmt;
use std::ops::Deref;

use actix_web::http::header::{AUTHORIZATION, HeaderMap};
use serde::{Deserialize, Serialize, Serializer};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// A token that callers must present. Never shown: neither by `Debug` nor by `Serialize`.
#[derive(Clone)]
pub struct Token(Zeroizing<[u8; 32]>);

impl Token {
    /// The token of that text; `None` if it is empty.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        (!text.is_empty()).then(|| Self(Zeroizing::new(digest(text.as_bytes()))))
    }

    /// Whether `presented` is this token. Takes the same time wherever they differ, and whatever
    /// their lengths are, because digests are compared.
    #[must_use]
    pub fn is(&self, presented: &[u8]) -> bool {
        digest(presented).ct_eq(&*self.0).into()
    }

    /// Whether the headers carry this token: as `X-API-KEY`, or as `Authorization: Bearer`.
    #[must_use]
    pub fn is_in(&self, headers: &HeaderMap) -> bool {
        let key = headers.get("x-api-key").is_some_and(|value| self.is(value.as_bytes()));
        key || bearer(headers).is_some_and(|token| self.is(token))
    }
}

/// What a request presents, in either header, whether or not it is right.
#[must_use]
pub(super) fn presented(headers: &HeaderMap) -> Option<&[u8]> {
    headers.get("x-api-key").map(|value| value.as_bytes()).or_else(|| bearer(headers))
}

/// The bearer token of the headers. The scheme's case does not matter (RFC 9110, section 11.1).
fn bearer(headers: &HeaderMap) -> Option<&[u8]> {
    let value = headers.get(AUTHORIZATION)?.as_bytes();
    let (scheme, token) = value.split_at_checked(7)?;
    scheme.eq_ignore_ascii_case(b"bearer ").then(|| token.trim_ascii())
}

fn digest(text: &[u8]) -> [u8; 32] {
    Sha256::digest(text).into()
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(hidden)")
    }
}

impl PartialEq for Token {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&*other.0).into()
    }
}

impl Eq for Token {}

impl Serialize for Token {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str("(hidden)")
    }
}

impl<'de> Deserialize<'de> for Token {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Zeroizing::new(String::deserialize(deserializer)?);
        Self::new(&text).ok_or_else(|| serde::de::Error::custom("a token must not be empty"))
    }
}

/// A token together with its text, for a listener that hands it to clients which are paired. Shown as
/// little as a [`Token`], which it is everywhere else.
#[derive(Clone, PartialEq, Eq)]
pub struct PairingToken {
    token: Token,
    text: Zeroizing<String>,
}

impl PairingToken {
    /// The token of that text, without the white space around it; `None` if nothing is left.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let text = text.trim();
        Some(Self { token: Token::new(text)?, text: Zeroizing::new(text.to_owned()) })
    }

    /// The text, for a client that has proved that it may have it.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.text
    }
}

impl Deref for PairingToken {
    type Target = Token;

    fn deref(&self) -> &Token {
        &self.token
    }
}

impl fmt::Debug for PairingToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.token.fmt(f)
    }
}

impl Serialize for PairingToken {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.token.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for PairingToken {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Zeroizing::new(String::deserialize(deserializer)?);
        Self::new(&text).ok_or_else(|| serde::de::Error::custom("a token must not be empty"))
    }
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::{HeaderName, HeaderValue};

    use super::*;

    #[test]
    fn either_header_carries_the_token_and_nothing_else_does() {
        let token = Token::new("s3cret").unwrap();
        for (name, value, expected) in [
            ("x-api-key", "s3cret", true),
            ("authorization", "Bearer s3cret", true),
            ("authorization", "bearer  s3cret", true),
            ("x-api-key", "S3cret", false),
            ("x-api-key", "s3cret2", false),
            ("x-api-key", "", false),
            ("authorization", "s3cret", false),
            ("authorization", "Basic s3cret", false),
            ("authorization", "Bearer ", false),
            ("x-token", "s3cret", false),
        ] {
            let mut headers = HeaderMap::new();
            headers
                .insert(name.parse::<HeaderName>().unwrap(), HeaderValue::from_str(value).unwrap());
            assert_eq!(token.is_in(&headers), expected, "{name}: {value}");
        }
        assert!(!token.is_in(&HeaderMap::new()));
    }

    #[test]
    fn a_token_is_never_shown() {
        let token = Token::new("s3cret").unwrap();
        assert!(!format!("{token:?}").contains("s3cret"));
        assert!(!serde_json::to_string(&token).unwrap().contains("s3cret"));
        assert!(Token::new("").is_none());
        let token = PairingToken::new(" s3cret\n").unwrap();
        assert!(!format!("{token:?}").contains("s3cret"));
        assert!(!serde_json::to_string(&token).unwrap().contains("s3cret"));
        assert!(token.is(b"s3cret") && token.reveal() == "s3cret");
        assert!(PairingToken::new(" ").is_none());
    }
}
