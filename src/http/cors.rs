//! Which pages of other origins may read the answers (CORS).

use actix_web::http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, HeaderMap,
    HeaderValue, ORIGIN, VARY,
};

/// Which origins are let in, as elizaOS does it.
///
/// Not `actix-cors`: that crate answers only requests that carry an origin, chooses what to list by
/// the request, and has no form for "reflect, and say so in every answer", which clients rely on.
#[derive(Clone, Debug, Default)]
pub struct Cors {
    /// The one origin let in; where it is absent, the origin of each request is.
    pub origin: Option<HeaderValue>,
}

impl Cors {
    /// What every answer carries.
    pub fn tell(&self, request: &HeaderMap, answer: &mut HeaderMap) {
        if let Some(origin) = self.origin.as_ref().or_else(|| request.get(ORIGIN)) {
            answer.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        }
        answer.append(VARY, HeaderValue::from_static("Origin"));
        answer.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
    }

    /// What answers of the API carry besides.
    pub fn tell_api(&self, answer: &mut HeaderMap) {
        if self.origin.is_some() {
            answer.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("X-Total-Count"));
            answer.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("86400"));
        }
    }

    /// What the answer to a pre-flight carries besides.
    pub fn tell_preflight(&self, answer: &mut HeaderMap) {
        answer.insert(
            ACCESS_CONTROL_ALLOW_METHODS,
            HeaderValue::from_static("GET,POST,PUT,DELETE,PATCH,OPTIONS"),
        );
        answer.insert(
            ACCESS_CONTROL_ALLOW_HEADERS,
            HeaderValue::from_static(
                "Content-Type,Authorization,X-API-KEY,X-Entity-Id,Idempotency-Key",
            ),
        );
    }
}
