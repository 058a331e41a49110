//! Tokens that are given at a login: signed, and good for a week.

use std::fmt;
use std::time::Duration;

use greenroom_actors::time::UnixMillis;
use hmac::{Hmac, KeyInit, Mac};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use zeroize::Zeroizing;

use super::hs256;

/// How long a token is good for.
pub const TOKEN_LIFE: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// Bytes of a token at most; a longer text is not even looked at.
const TOKEN_MAX_BYTES: usize = 4096;

/// How a person logged in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// With the administrator's password.
    Admin,
    /// With a code that came by e-mail.
    Email,
}

/// What a token says.
#[derive(Debug, Serialize, Deserialize)]
struct Claims {
    /// The name of the user.
    sub: String,
    /// When it ends, in Unix seconds.
    exp: i64,
    #[serde(default)]
    mode: Option<Mode>,
}

/// Whom a token was given to, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Bearer {
    pub(super) username: String,
    /// In whole seconds, rounded down.
    pub(super) issued_at: UnixMillis,
}

/// Makes tokens and reads them.
pub(super) struct Signet {
    secret: Zeroizing<Vec<u8>>,
    encoding: EncodingKey,
    decoding: DecodingKey,
    validation: Validation,
}

impl fmt::Debug for Signet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Signet(hidden)")
    }
}

impl Signet {
    pub(super) fn new(secret: &[u8]) -> Self {
        hs256::install();
        let mut validation = Validation::new(Algorithm::HS256);
        // The crate would ask the machine for the time; the host has a clock of its own.
        validation.validate_exp = false;
        validation.validate_aud = false;
        validation.required_spec_claims.clear();
        Self {
            secret: Zeroizing::new(secret.to_vec()),
            encoding: EncodingKey::from_secret(secret),
            decoding: DecodingKey::from_secret(secret),
            validation,
        }
    }

    /// A token for that user; `None` if it could not be made.
    pub(super) fn sign(&self, username: &str, mode: Mode, now: UnixMillis) -> Option<String> {
        let exp = now.plus(TOKEN_LIFE).0.div_euclid(1000);
        let claims = Claims { sub: username.to_owned(), exp, mode: Some(mode) };
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &self.encoding).ok()
    }

    /// Whom the token was given to; `None` if it was not made here, was changed, or is over.
    pub(super) fn read(&self, token: &str, now: UnixMillis) -> Option<Bearer> {
        if token.len() > TOKEN_MAX_BYTES {
            return None;
        }
        let read = jsonwebtoken::decode::<Claims>(token, &self.decoding, &self.validation);
        let Claims { sub, exp, mode: _ } = read.ok()?.claims;
        let ends_at = UnixMillis(exp.checked_mul(1000)?);
        let issued_at = ends_at.minus(TOKEN_LIFE);
        (now < ends_at).then_some(Bearer { username: sub, issued_at })
    }

    /// 32 bytes that nobody can guess who does not know the secret: the same for the same purpose.
    pub(super) fn derive(&self, purpose: &[u8]) -> Option<Zeroizing<[u8; 32]>> {
        let mut code = Hmac::<Sha256>::new_from_slice(&self.secret).ok()?;
        code.update(b"greenroom ");
        code.update(purpose);
        Some(Zeroizing::new(code.finalize().into_bytes().into()))
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    const NOW: UnixMillis = UnixMillis(1_800_000_000_123);

    fn signet() -> Signet {
        Signet::new(b"a secret")
    }

    fn with_header(header: &serde_json::Value, token: &str) -> String {
        let (_, rest) = token.split_once('.').unwrap();
        format!("{}.{rest}", URL_SAFE_NO_PAD.encode(header.to_string()))
    }

    #[test]
    fn a_token_says_who_it_is_for_until_it_is_over() {
        let token = signet().sign("ada", Mode::Admin, NOW).unwrap();
        let issued_at = UnixMillis(1_800_000_000_000);
        let ada = Bearer { username: "ada".to_owned(), issued_at };
        assert_eq!(signet().read(&token, NOW), Some(ada.clone()));
        let last = issued_at.plus(TOKEN_LIFE);
        assert_eq!(signet().read(&token, UnixMillis(last.0 - 1)), Some(ada));
        assert_eq!(signet().read(&token, last), None);
        assert_eq!(Signet::new(b"another").read(&token, NOW), None);

        let claims = token.split('.').nth(1).unwrap();
        let claims: serde_json::Value =
            serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap();
        assert_eq!(claims, json!({"sub": "ada", "exp": 1_800_604_800, "mode": "admin"}));
    }

    #[test]
    fn a_token_made_elsewhere_with_the_same_secret_is_read() {
        // printf '%s.%s' "$(b64 '{"alg":"HS256","typ":"JWT"}')" "$(b64 '{"sub":"admin","exp":4102444800}')"
        // | openssl dgst -sha256 -hmac 'a secret' -binary | b64
        let (head, claims) =
            (r#"{"alg":"HS256","typ":"JWT"}"#, r#"{"sub":"admin","exp":4102444800}"#);
        let text = format!("{}.{}", URL_SAFE_NO_PAD.encode(head), URL_SAFE_NO_PAD.encode(claims));
        let mut code = Hmac::<Sha256>::new_from_slice(b"a secret").unwrap();
        code.update(text.as_bytes());
        let code = URL_SAFE_NO_PAD.encode(code.finalize().into_bytes());
        let read = signet().read(&format!("{text}.{code}"), NOW).unwrap();
        assert_eq!(read.username, "admin");
    }

    #[test]
    fn no_other_algorithm_is_taken() {
        let token = signet().sign("ada", Mode::Email, NOW).unwrap();
        for alg in ["none", "None", "HS384", "HS512", "RS256", "ES256", "EdDSA", "hs256", ""] {
            let forged = with_header(&json!({"alg": alg, "typ": "JWT"}), &token);
            assert_eq!(signet().read(&forged, NOW), None, "{alg}");
            let (unsigned, _) = forged.rsplit_once('.').unwrap();
            assert_eq!(signet().read(&format!("{unsigned}."), NOW), None, "{alg}");
            assert_eq!(signet().read(unsigned, NOW), None, "{alg}");
        }
    }

    #[test]
    fn claims_that_cannot_be_are_refused() {
        let key = EncodingKey::from_secret(b"a secret");
        hs256::install();
        for claims in [
            json!({"sub": "ada"}),
            json!({"exp": 4_102_444_800_i64}),
            json!({"sub": "ada", "exp": i64::MAX}),
            json!({"sub": "ada", "exp": i64::MIN}),
            json!({"sub": "ada", "exp": 0}),
            json!({"sub": "ada", "exp": -1}),
            json!({"sub": "ada", "exp": "4102444800"}),
            json!({"sub": 7, "exp": 4_102_444_800_i64}),
            json!([]),
        ] {
            let token = jsonwebtoken::encode(&Header::default(), &claims, &key).unwrap();
            assert_eq!(signet().read(&token, NOW), None, "{claims}");
        }
    }

    proptest! {
        #[test]
        fn a_changed_token_is_not_read(at in 0_usize..1000, bit in 0_u8..8, name in "[a-z@.]{1,40}") {
            let token = signet().sign(&name, Mode::Email, NOW).unwrap();
            let mut bytes = token.clone().into_bytes();
            let at = at % bytes.len();
            bytes[at] ^= 1 << bit;
            let Ok(changed) = String::from_utf8(bytes) else { return Ok(()) };
            let read = signet().read(&changed, NOW);
            prop_assert!(read.is_none(), "{}", changed);
        }

        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,300}") {
            prop_assert_eq!(signet().read(&text, NOW), None);
        }
    }
}
