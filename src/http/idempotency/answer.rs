//! Answers that are kept, and where.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_TYPE, HeaderName, HeaderValue, LOCATION};
use actix_web::web::Bytes;
use greenroom_actors::ports::StoreFuture;
use greenroom_actors::time::UnixMillis;

use super::Scope;

/// Tells that an answer is that of an earlier request.
const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// What is said in place of an answer that was not kept.
const NOT_KEPT: &str =
    r#"{"success":true,"message":"done before; its answer was a stream, or too long to be kept"}"#;

/// The answer to a request with a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The digest of the request.
    pub request: [u8; 32],
    /// Its status.
    pub status: u16,
    /// What its body is, as its header says.
    pub content_type: Option<String>,
    /// Where what was made is to be found, as its header says.
    pub location: Option<String>,
    /// Its body; none if that was a stream or too long.
    pub body: Option<Bytes>,
}

impl Answer {
    /// The answer, for somebody who asked again.
    pub(super) fn again(self) -> HttpResponse {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::OK);
        let mut answer = HttpResponse::build(status);
        answer.insert_header((REPLAYED, "true"));
        if let Some(Ok(location)) = self.location.map(HeaderValue::try_from) {
            answer.insert_header((LOCATION, location));
        }
        let Some(body) = self.body else {
            return answer.content_type("application/json; charset=utf-8").body(NOT_KEPT);
        };
        if let Some(Ok(sort)) = self.content_type.map(HeaderValue::try_from) {
            answer.insert_header((CONTENT_TYPE, sort));
        }
        answer.body(body)
    }
}

/// What is known of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// Its request was begun.
    Begun,
    /// Its request was answered.
    Answered(Box<Answer>),
}

/// Keeps the answers. What is answered here is durable.
///
/// What was begun before `since` is as if it were not there.
pub trait Answers: Send + Sync {
    /// What is known of a key.
    fn find(&self, scope: Scope, since: UnixMillis) -> StoreFuture<Option<Found>>;

    /// Notes that a request was begun, unless something is known of its key, and answers what. Of more
    /// than `kept_max` keys the oldest are forgotten.
    fn begin(
        &self,
        scope: Scope,
        now: UnixMillis,
        since: UnixMillis,
        kept_max: u64,
    ) -> StoreFuture<Option<Found>>;

    /// Keeps the answer to a request that was begun.
    fn settle(&self, scope: Scope, answer: Answer) -> StoreFuture<()>;

    /// Forgets a key.
    fn release(&self, scope: Scope) -> StoreFuture<()>;

    /// Forgets what was begun before `since`; how much.
    fn expire(&self, since: UnixMillis) -> StoreFuture<u64>;
}
