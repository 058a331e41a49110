//! A key, and whose it is.

use actix_web::dev::ServiceRequest;
use actix_web::http::Method;
use actix_web::http::header::{HeaderMap, HeaderName};
use actix_web::{HttpMessage, HttpRequest};
use sha2::{Digest, Sha256};
use uuid::{Builder, Uuid};

use super::IdempotencyError;
use super::digest::part;
use crate::http::{auth, rate};

/// The header that carries a key.
pub(super) const KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// Characters of a key.
const KEY_MAX: usize = 255;

/// A key together with its caller, method and path, as a digest: neither keys nor credentials are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Scope(pub [u8; 32]);

impl super::Idempotency {
    /// Whether a request has a key that is honoured: one that `POST`s.
    #[must_use]
    pub fn concerns(request: &ServiceRequest) -> bool {
        request.method() == Method::POST && request.headers().contains_key(KEY)
    }
}

impl Scope {
    /// The scope of a request.
    pub(super) fn of(request: &ServiceRequest) -> Result<Self, IdempotencyError> {
        let key = key(request.headers())?;
        let mut scope = Sha256::new();
        match auth::presented(request.headers()) {
            Some(credential) => {
                part(&mut scope, b"credential");
                part(&mut scope, credential);
            }
            // Who presents nothing is known by where the request comes from.
            None => {
                part(&mut scope, b"address");
                let client = request.peer_addr().map(|address| address.ip());
                let client = client.filter(|client| !rate::is_loopback(*client));
                part(
                    &mut scope,
                    &client.map_or([0; 16], |client| rate::group(client).to_be_bytes()),
                );
            }
        }
        part(&mut scope, request.method().as_str().as_bytes());
        part(&mut scope, request.path().as_bytes());
        part(&mut scope, key);
        Ok(Self(scope.finalize().into()))
    }
}

/// The key of a request.
fn key(headers: &HeaderMap) -> Result<&[u8], IdempotencyError> {
    let mut keys = headers.get_all(KEY);
    match (keys.next(), keys.next()) {
        (Some(key), None) => {
            let key = key.as_bytes();
            let is_fit = (1..=KEY_MAX).contains(&key.len()) && key.iter().all(u8::is_ascii_graphic);
            is_fit.then_some(key).ok_or(IdempotencyError::Key(KEY_MAX))
        }
        _ => Err(IdempotencyError::Key(KEY_MAX)),
    }
}

/// A request with a key, as its handler finds it in the request's extensions: from the key come the
/// ids of what the handler makes, so that it makes the same things when it is done again.
#[derive(Clone, Copy, Debug)]
pub struct Keyed(pub(super) Scope);

impl Keyed {
    /// The key of a request, if it has one.
    #[must_use]
    pub fn of(request: &HttpRequest) -> Option<Self> {
        request.extensions().get::<Self>().copied()
    }

    /// The id of the `what` that the request makes.
    #[must_use]
    pub fn id(&self, what: &str) -> Uuid {
        let mut id = Sha256::new();
        part(&mut id, &self.0.0);
        part(&mut id, what.as_bytes());
        let id: [u8; 32] = id.finalize().into();
        let mut bytes = [0; 16];
        for (byte, digest) in bytes.iter_mut().zip(id) {
            *byte = digest;
        }
        Builder::from_custom_bytes(bytes).into_uuid()
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn scope(request: TestRequest) -> Result<Scope, IdempotencyError> {
        Scope::of(&request.to_srv_request())
    }

    fn request(key: &str) -> TestRequest {
        TestRequest::post().uri("/a").insert_header((KEY, key))
    }

    #[test]
    fn a_key_is_that_of_its_caller_and_route() {
        let first = scope(request("k")).unwrap();
        assert_eq!(scope(request("k")), Ok(first));
        assert_eq!(scope(request("k").peer_addr("127.0.0.1:9".parse().unwrap())), Ok(first));
        let others = [
            request("K"),
            request("k").uri("/b"),
            request("k").method(Method::PUT),
            request("k").peer_addr("10.0.0.1:9".parse().unwrap()),
            request("k").insert_header(("x-api-key", "secret")),
            request("k").insert_header(("x-api-key", "other")),
        ];
        let mut scopes = others.map(|other| scope(other).unwrap()).to_vec();
        scopes.push(first);
        let distinct = scopes.iter().collect::<std::collections::HashSet<_>>();
        assert_eq!(distinct.len(), scopes.len());
        let as_bearer = scope(request("k").insert_header(("authorization", "Bearer secret")));
        assert_eq!(as_bearer, Ok(scopes[4]), "the same credential");
    }

    #[test]
    fn a_key_that_cannot_be_is_refused() {
        let longest = "x".repeat(KEY_MAX);
        for (key, is_fit) in [
            ("\"8e03978e-40d5-43dd-bc93-6894a57f9324\"", true),
            ("~!", true),
            (longest.as_str(), true),
            ("", false),
            ("a b", false),
            ("a\tb", false),
            ("\u{e4}", false),
            (&format!("{longest}x"), false),
        ] {
            assert_eq!(scope(request(key)).is_ok(), is_fit, "{key:?}");
        }
        assert!(scope(request("a").append_header((KEY, "a"))).is_err(), "given twice");
    }

    #[test]
    fn the_ids_of_a_key_are_always_the_same() {
        let keyed = Keyed(scope(request("k")).unwrap());
        assert_eq!(keyed.id("memory"), keyed.id("memory"));
        assert_ne!(keyed.id("memory"), keyed.id("room"));
        assert_eq!(keyed.id("memory").get_version_num(), 8);
    }
}
