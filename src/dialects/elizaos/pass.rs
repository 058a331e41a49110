//! What is done to one request and its answer on their way through the gate.

use std::net::IpAddr;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::error::InternalError;
use actix_web::http::StatusCode;
use actix_web::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, ETAG, HeaderMap, HeaderName, HeaderValue,
    IF_NONE_MATCH, ORIGIN, VARY,
};
use actix_web::web::Bytes;
use actix_web::{Error, HttpRequest, HttpResponse};
use greenroom_actors::ids::ChannelId;

use super::error::ElizaError;
use super::refusal;
use super::said::Dialect;
use super::shared::Shared;
use super::visit::{Area, Visit};
use super::words::Words;
use crate::http::cors::Cors;
use crate::http::headless::headless;
use crate::http::idempotency::Wording;
use crate::http::rate::Verdict;
use crate::http::{etag, security, site};

/// Tells a caller of a failed request by what to find it in the log.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Headers that an answer usually has.
const HEADERS_USUAL: usize = 24;

/// What pages send that speak the Model Context Protocol.
const MCP_HEADERS: &str = "Content-Type,Authorization,X-API-KEY,Accept,Mcp-Protocol-Version,\
                           Mcp-Session-Id,Mcp-Method,Mcp-Name,Last-Event-ID";

/// What is known of one request on its way.
pub(super) struct Pass {
    pub(super) id: u64,
    pub(super) visit: Visit,
    /// What the client sent that the answer depends on: `Origin`, `If-None-Match`, …
    asked: Asked,
    /// Whether it may come from where it does: pages of other sites may not govern the host.
    is_welcome: bool,
    client: Option<IpAddr>,
    verdict: Option<Verdict>,
    /// What the limiter said that elizaOS lets speak in the older way.
    old_verdict: Option<Verdict>,
}

/// Headers of the request that the answer depends on, kept because the request is given away.
#[derive(Default)]
struct Asked(HeaderMap);

impl Asked {
    const NAMES: [HeaderName; 3] = [ORIGIN, IF_NONE_MATCH, CACHE_CONTROL];

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
    pub(super) fn of(shared: &Shared, request: &ServiceRequest) -> Self {
        // The path as the routes will see it, decoded: `/%61pi` must not pass for anything but `/api`.
        let visit = shared.pages.visit(request);
        let headers = request.headers();
        Self {
            id: shared.next_request(),
            visit,
            asked: Asked::of(headers),
            is_welcome: !visit.is_operators
                || site::is_welcome(headers, shared.cors.origin.as_ref()),
            client: request.peer_addr().map(|address| address.ip()),
            verdict: None,
            old_verdict: None,
        }
    }

    /// Whether the request may go on, in the order that elizaOS asks: credentials, quota, type.
    pub(super) fn admit(
        &mut self,
        shared: &Shared,
        request: &ServiceRequest,
    ) -> Result<(), ElizaError> {
        if let Some(token) = &shared.settings.auth_token
            && self.visit.is_guarded()
            && !token.is_in(request.headers())
            && !shared.tickets.admit(&self.visit, request)
        {
            return Err((&refusal::UNAUTHORIZED).into());
        }
        if self.visit.is_operators {
            if !self.is_welcome {
                return Err((&refusal::FOREIGN_ORIGIN).into());
            }
            let settings = &shared.settings;
            if settings.auth_token.is_none() && !site::is_for(request.head(), settings.bind.ip()) {
                return Err((&refusal::FOREIGN_HOST).into());
            }
        }
        for (limiter, refusal) in shared.limits.of(&self.visit, self.client) {
            let verdict = limiter.count_now(shared, self.client);
            if std::ptr::eq(refusal, &refusal::CHANNEL_UPLOAD_RATE) {
                self.old_verdict = Some(verdict);
            } else {
                self.verdict = Some(verdict);
            }
            if verdict.is_refused {
                let is_health = self.visit.area == Area::Health;
                return Err(if is_health {
                    ElizaError::Plain(refusal, "text/html; charset=utf-8")
                } else {
                    refusal.into()
                });
            }
        }
        if self.visit.names_channel
            && let Some((limiter, client)) = shared.limits.of_wrong_channels(self.client)
        {
            let verdict = limiter.foresee(client, shared.now());
            if verdict.is_refused {
                self.verdict = Some(verdict);
                return Err((&refusal::RATE).into());
            }
        }
        let headers = request.headers();
        if self.visit.needs_type && has_body(headers) && !has_known_type(headers) {
            return Err((&refusal::CONTENT_TYPE).into());
        }
        Ok(())
    }

    /// How this dialect words what becomes of a request with a key.
    pub(super) fn wording(&self) -> Words {
        Words(self.dialect())
    }

    fn dialect(&self) -> Dialect {
        if self.visit.area == Area::Bare { Dialect::Bare } else { Dialect::Api }
    }

    pub(super) fn preflight(&self, shared: &Shared, mut answer: HttpResponse) -> HttpResponse {
        security::tell(false, answer.headers_mut());
        self.tell_origin(shared, answer.headers_mut());
        shared.cors.tell_preflight(answer.headers_mut());
        if self.visit.area == Area::Socket {
            let methods = HeaderValue::from_static("GET,POST");
            answer.headers_mut().insert(ACCESS_CONTROL_ALLOW_METHODS, methods);
        }
        if self.visit.area == Area::Mcp {
            let headers = HeaderValue::from_static(MCP_HEADERS);
            answer.headers_mut().insert(ACCESS_CONTROL_ALLOW_HEADERS, headers);
        }
        answer
    }

    pub(super) fn refuse(&self, shared: &Shared, error: &ElizaError) -> HttpResponse {
        let answer = error.answer(self.dialect());
        self.log(answer.status(), Some(error));
        self.dress(shared, answer)
    }

    pub(super) fn cut_off(&self, shared: &Shared, error: &ElizaError) -> Error {
        let answer = self.refuse(shared, error);
        InternalError::from_response(error.to_string(), answer).into()
    }

    pub(super) fn finish(
        &self,
        shared: &Shared,
        answer: ServiceResponse<BoxBody>,
    ) -> ServiceResponse<BoxBody> {
        let (request, mut answer) = answer.into_parts();
        let error = answer.error().and_then(|error| error.as_error::<ElizaError>());
        self.log(answer.status(), error);
        if self.visit.names_channel && is_wrong_channel(&request, answer.status()) {
            self.count_wrong_channel(shared);
        }
        if let Some(sent) = self.wording().in_place_of(&answer) {
            answer = sent;
        }
        ServiceResponse::new(request, self.dress(shared, answer))
    }

    fn count_wrong_channel(&self, shared: &Shared) {
        if let Some((limiter, client)) = shared.limits.of_wrong_channels(self.client) {
            limiter.count(client, shared.now());
        }
    }

    /// Says which pages may read the answer.
    fn tell_origin(&self, shared: &Shared, headers: &mut HeaderMap) {
        if !self.visit.is_operators {
            if self.visit.area == Area::Socket {
                // What elizaOS says to programs; a page has an origin.
                headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
            }
            shared.cors.tell(&self.asked.0, headers);
        } else if self.is_welcome {
            // Its own origin, and no other: not even the configured one is told to the rest.
            Cors::default().tell(&self.asked.0, headers);
        } else {
            headers.insert(VARY, HeaderValue::from_static("Origin"));
        }
    }

    /// Puts the headers on that every answer has.
    fn dress(&self, shared: &Shared, mut answer: HttpResponse) -> HttpResponse {
        let is_api = self.visit.area == Area::Api;
        let is_fault = answer.status().is_server_error();
        let headers = answer.headers_mut();
        // At once, so that the map does not grow three times over.
        headers.reserve(HEADERS_USUAL);
        security::tell(is_api, headers);
        self.tell_origin(shared, headers);
        if is_api {
            shared.cors.tell_api(headers);
        }
        if let Some(verdict) = &self.verdict {
            verdict.tell(headers);
        }
        if let Some(verdict) = &self.old_verdict {
            verdict.tell_as_of_old(headers);
        }
        if is_fault && let Ok(id) = HeaderValue::from_str(&format!("{:016x}", self.id)) {
            headers.insert(REQUEST_ID, id);
        }
        // Packets are not to be had a second time.
        let answer = if self.visit.area == Area::Socket { answer } else { self.tag(answer) };
        if !self.visit.is_head {
            return answer;
        }
        headless(answer)
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

    fn log(&self, status: StatusCode, error: Option<&ElizaError>) {
        let (id, status) = (format_args!("{:016x}", self.id), status.as_u16());
        match error.and_then(|error| Some((error.cause()?, error.is_expected()))) {
            Some((cause, false)) => {
                tracing::error!(request = %id, status, cause, "a request failed");
            }
            Some((cause, true)) => {
                tracing::debug!(request = %id, status, cause, "a request was refused");
            }
            // A line for each poll would bring about the next one, for who polls for the log.
            None if self.visit.area == Area::Socket => {}
            None => tracing::debug!(status, "answered"),
        }
    }
}

/// Whether a request named a channel that is none, or not there.
fn is_wrong_channel(request: &HttpRequest, status: StatusCode) -> bool {
    let Some(named) = request.match_info().get("channel") else { return false };
    let is_id = named.parse::<ChannelId>().is_ok();
    status.is_client_error() && !is_id || status == StatusCode::NOT_FOUND
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
