//! The gate: everything that happens to a request before and after its handler, in one middleware.
//!
//! One, because each middleware of its own costs a future on the heap and a pass over the headers,
//! and a request here is about as cheap as five of those.

use std::future::{Ready, ready};
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::{Service, ServiceRequest, ServiceResponse, Transform};
use actix_web::error::InternalError;
use actix_web::http::header::{
    CONTENT_LENGTH, CONTENT_TYPE, ETAG, HeaderMap, HeaderName, HeaderValue,
};
use actix_web::http::{Method, StatusCode};
use actix_web::web::Bytes;
use actix_web::{Error, HttpResponse};
use futures::FutureExt;
use futures::future::LocalBoxFuture;
use tracing::Instrument;

use super::error::{Dialect, ElizaError};
use super::refusal;
use super::shared::Shared;
use super::visit::{Area, Visit};
use crate::http::rate::Verdict;
use crate::http::{etag, security};

/// Tells a caller of a failed request by what to find it in the log.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The middleware.
pub(super) struct Gate(pub(super) Arc<Shared>);

/// The middleware around one service.
pub(super) struct Gated<S> {
    service: Rc<S>,
    shared: Arc<Shared>,
}

impl<S, B> Transform<S, ServiceRequest> for Gate
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    type Response = ServiceResponse<BoxBody>;
    type Error = Error;
    type Transform = Gated<S>;
    type InitError = ();
    type Future = Ready<Result<Gated<S>, ()>>;

    fn new_transform(&self, service: S) -> Self::Future {
        ready(Ok(Gated { service: Rc::new(service), shared: Arc::clone(&self.0) }))
    }
}

impl<S, B> Service<ServiceRequest> for Gated<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    type Response = ServiceResponse<BoxBody>;
    type Error = Error;
    type Future = LocalBoxFuture<'static, Result<Self::Response, Error>>;

    fn poll_ready(&self, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.service.poll_ready(context)
    }

    fn call(&self, mut request: ServiceRequest) -> Self::Future {
        let (service, shared) = (Rc::clone(&self.service), Arc::clone(&self.shared));
        let mut pass = Pass::of(&shared, &request);
        let span = tracing::debug_span!(
            "request", id = pass.id, method = %request.method(), path = request.path()
        );
        let passing = async move {
            if request.method() == Method::OPTIONS {
                let preflight = HttpResponse::NoContent().finish();
                return Ok(request.into_response(pass.preflight(&shared, preflight)));
            }
            if let Err(error) = pass.admit(&shared, &request) {
                let refused = pass.refuse(&shared, &error);
                return Ok(request.into_response(refused));
            }
            pass.visit.fold(&mut request);
            let Ok(_permit) = shared.in_flight.try_acquire() else {
                let refused = pass.refuse(&shared, &ElizaError::from(&refusal::BUSY));
                return Ok(request.into_response(refused));
            };
            let deadline = shared.settings.deadline(pass.visit.waits_for_reply);
            let handled = AssertUnwindSafe(async move { service.call(request).await });
            // The request went with the handler, so what cuts it off is told as an error.
            let answer = match tokio::time::timeout(deadline, handled.catch_unwind()).await {
                Ok(Ok(answer)) => answer?,
                Ok(Err(_panic)) => return Err(pass.cut_off(&shared, &ElizaError::Panicked)),
                Err(_late) => {
                    return Err(pass.cut_off(&shared, &ElizaError::from(&refusal::TOO_SLOW)));
                }
            };
            Ok(pass.finish(&shared, answer.map_into_boxed_body()))
        };
        Box::pin(passing.instrument(span))
    }
}

/// What is known of one request on its way.
struct Pass {
    id: u64,
    visit: Visit,
    /// What the client sent that the answer depends on: `Origin`, `If-None-Match`, …
    asked: Asked,
    verdict: Option<Verdict>,
}

/// Headers of the request that the answer depends on, kept because the request is given away.
#[derive(Default)]
struct Asked(HeaderMap);

impl Asked {
    const NAMES: [HeaderName; 3] = [
        actix_web::http::header::ORIGIN,
        actix_web::http::header::IF_NONE_MATCH,
        actix_web::http::header::CACHE_CONTROL,
    ];

    fn of(headers: &HeaderMap) -> Self {
        let mut asked = HeaderMap::new();
        for name in Self::NAMES {
            if let Some(value) = headers.get(&name) {
                asked.insert(name, value.clone());
            }
        }
        Self(asked)
    }
}

impl Pass {
    fn of(shared: &Shared, request: &ServiceRequest) -> Self {
        Self {
            id: shared.next_request(),
            visit: Visit::of(request.method(), request.path()),
            asked: Asked::of(request.headers()),
            verdict: None,
        }
    }

    /// Whether the request may go on, in the order that elizaOS asks: credentials, quota, type.
    fn admit(&mut self, shared: &Shared, request: &ServiceRequest) -> Result<(), ElizaError> {
        if let Some(token) = &shared.settings.auth_token
            && self.visit.is_guarded()
            && !token.is_in(request.headers())
        {
            return Err((&refusal::UNAUTHORIZED).into());
        }
        let client = request.peer_addr().map(|address| address.ip());
        for (limiter, refusal) in shared.limits.of(&self.visit, client) {
            let verdict = limiter.count_now(shared, client);
            self.verdict = Some(verdict);
            if verdict.is_refused {
                let is_health = self.visit.area == Area::Health;
                return Err(if is_health {
                    ElizaError::Plain(refusal, "text/html; charset=utf-8")
                } else {
                    refusal.into()
                });
            }
        }
        let headers = request.headers();
        if self.visit.needs_type && has_body(headers) && !has_known_type(headers) {
            return Err((&refusal::CONTENT_TYPE).into());
        }
        Ok(())
    }

    fn dialect(&self) -> Dialect {
        if self.visit.area == Area::Bare { Dialect::Bare } else { Dialect::Api }
    }

    fn preflight(&self, shared: &Shared, mut answer: HttpResponse) -> HttpResponse {
        security::tell(false, answer.headers_mut());
        shared.cors.tell(&self.asked.0, answer.headers_mut());
        shared.cors.tell_preflight(answer.headers_mut());
        answer
    }

    fn refuse(&self, shared: &Shared, error: &ElizaError) -> HttpResponse {
        let answer = error.answer(self.dialect());
        self.log(answer.status(), error.cause());
        self.dress(shared, answer)
    }

    fn cut_off(&self, shared: &Shared, error: &ElizaError) -> Error {
        let answer = self.refuse(shared, error);
        InternalError::from_response(error.to_string(), answer).into()
    }

    fn finish(
        &self,
        shared: &Shared,
        answer: ServiceResponse<BoxBody>,
    ) -> ServiceResponse<BoxBody> {
        let (request, mut answer) = answer.into_parts();
        let mut cause = None;
        if let Some(error) = answer.error().and_then(|error| error.as_error::<ElizaError>()) {
            cause = error.cause();
            // Handlers answer in the envelope of /api.
            if self.dialect() == Dialect::Bare {
                answer = error.answer(Dialect::Bare);
            }
        }
        self.log(answer.status(), cause);
        ServiceResponse::new(request, self.dress(shared, answer))
    }

    /// Puts the headers on that every answer has.
    fn dress(&self, shared: &Shared, mut answer: HttpResponse) -> HttpResponse {
        let is_api = self.visit.area == Area::Api;
        let is_fault = answer.status().is_server_error();
        let headers = answer.headers_mut();
        security::tell(is_api, headers);
        shared.cors.tell(&self.asked.0, headers);
        if is_api {
            shared.cors.tell_api(headers);
        }
        if let Some(verdict) = &self.verdict {
            verdict.tell(headers);
        }
        if is_fault && let Ok(id) = HeaderValue::from_str(&format!("{:016x}", self.id)) {
            headers.insert(REQUEST_ID, id);
        }
        let answer = self.tag(answer);
        if !self.visit.is_head {
            return answer;
        }
        answer.map_body(|_, body| {
            let size = body.size();
            BoxBody::new(Headless(size))
        })
    }

    /// Tags a body that is at hand, and leaves it out if the client has it already.
    fn tag(&self, answer: HttpResponse) -> HttpResponse {
        answer.map_body(|head, body| {
            let body = match body.try_into_bytes() {
                Ok(body) => body,
                Err(streamed) => return streamed,
            };
            if body.is_empty() {
                return BoxBody::new(body);
            }
            let tag = match head.headers.get(ETAG) {
                Some(tag) => Some(tag.clone()),
                None => etag::weak(&body),
            };
            let Some(tag) = tag else { return BoxBody::new(body) };
            let is_held = self.visit.is_read
                && head.status.is_success()
                && etag::is_held(&self.asked.0, &tag);
            head.headers.insert(ETAG, tag);
            if is_held {
                head.status = StatusCode::NOT_MODIFIED;
                head.headers.remove(CONTENT_TYPE);
                return BoxBody::new(Bytes::new());
            }
            BoxBody::new(body)
        })
    }

    fn log(&self, status: StatusCode, cause: Option<String>) {
        let (id, status) = (format_args!("{:016x}", self.id), status.as_u16());
        match cause {
            Some(cause) => tracing::error!(request = %id, status, cause, "a request failed"),
            None => tracing::debug!(status, "answered"),
        }
    }
}

fn has_body(headers: &HeaderMap) -> bool {
    headers.get(CONTENT_LENGTH).is_some_and(|length| length.as_bytes() != b"0")
}

fn has_known_type(headers: &HeaderMap) -> bool {
    let known = ["application/json", "multipart/form-data", "application/x-www-form-urlencoded"];
    headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).is_some_and(|sort| {
        let sort = sort.to_ascii_lowercase();
        known.iter().any(|known| sort.contains(known))
    })
}

/// The body of an answer to `HEAD`: the size of what `GET` would get, and nothing of it.
struct Headless(BodySize);

impl MessageBody for Headless {
    type Error = std::convert::Infallible;

    fn size(&self) -> BodySize {
        self.0
    }

    fn poll_next(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        Poll::Ready(None)
    }
}
