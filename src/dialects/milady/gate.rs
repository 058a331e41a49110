//! The gate: everything that happens to a request before and after its handler, in the order of the
//! reference server: host, origin, pages, token, preflight, routes.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::error::InternalError;
use actix_web::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, HeaderMap, HeaderName, HeaderValue, REFERRER_POLICY, VARY,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS, X_XSS_PROTECTION,
};
use actix_web::http::{Method, StatusCode};
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{Error, HttpResponse, ResponseError};
use futures::FutureExt;

use super::admission::{self, ForeignOrigin};
use super::error::MiladyError;
use super::lanes::Lane;
use super::shared::Shared;
use super::socket;

/// What every answer carries, but for those to a foreign host or origin.
const SECURITY: [(HeaderName, HeaderValue); 4] = [
    (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (X_XSS_PROTECTION, HeaderValue::from_static("1; mode=block")),
    (REFERRER_POLICY, HeaderValue::from_static("strict-origin-when-cross-origin")),
];

/// What answers to pages of another origin carry.
const CORS: [(HeaderName, HeaderValue); 3] = [
    (
        ACCESS_CONTROL_ALLOW_METHODS,
        HeaderValue::from_static("GET, POST, PUT, PATCH, DELETE, OPTIONS"),
    ),
    (
        ACCESS_CONTROL_ALLOW_HEADERS,
        HeaderValue::from_static(
            "Content-Type, Authorization, X-Milady-Token, X-Api-Key, X-Milady-Export-Token, \
             X-Milady-Client-Id, X-Milady-Terminal-Token, X-Milady-UI-Language",
        ),
    ),
    (ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("Content-Disposition")),
];

/// Where sockets are opened; who may is decided there.
const SOCKET: &str = "/ws";

/// Where a token can be got, and so is not asked for.
const PAIRING: &str = "/api/auth/";

/// The way of a request through the gate.
pub(super) async fn pass<B>(
    shared: Data<Shared>,
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<BoxBody>, Error>
where
    B: MessageBody + 'static,
{
    if socket::is_upgrade(request.headers()) {
        if request.path() != SOCKET {
            return Ok(request.into_response(socket::no_such_path()));
        }
        return Ok(next.call(request).await?.map_into_boxed_body());
    }
    let settings = &shared.settings;
    if !is_well_formed(request.path()) {
        return Ok(refuse(request, &MiladyError::bad("Malformed URL")));
    }
    if !admission::is_host_ours(request.head(), settings) {
        return Ok(refuse(request, &forbidden("Forbidden: Host not allowed")));
    }
    let origin = match admission::origin(request.headers(), settings) {
        Ok(origin) => origin.cloned(),
        Err(ForeignOrigin) => return Ok(refuse(request, &forbidden("Origin not allowed"))),
    };
    let (method, path) = (request.method().clone(), request.path().to_owned());
    let answer = admitted(Arc::clone(&shared), request, next).await;
    match answer {
        Ok(mut answer) => {
            dress(answer.headers_mut(), origin.as_ref());
            if answer.status().is_server_error() {
                log(&method, &path, &answer);
            }
            Ok(answer)
        }
        Err(Cut(error)) => {
            tracing::error!(%method, path, cause = ?error.cause(), "a request was cut off");
            let mut answer = error.error_response();
            dress(answer.headers_mut(), origin.as_ref());
            Err(InternalError::from_response(error.to_string(), answer).into())
        }
    }
}

/// A handler was cut off with its request, so that the answer has to be told as an error.
struct Cut(MiladyError);

async fn admitted<B>(
    shared: Arc<Shared>,
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<BoxBody>, Cut>
where
    B: MessageBody + 'static,
{
    let is_preflight = request.method() == Method::OPTIONS;
    if let Some(token) = &shared.token
        && !is_preflight
        && !request.path().starts_with(PAIRING)
        && !shared.pages.claims(&request)
        && !admission::presents(request.headers(), token)
    {
        let unauthorized = MiladyError::refused(StatusCode::UNAUTHORIZED, "Unauthorized");
        return Ok(refuse(request, &unauthorized));
    }
    if is_preflight {
        return Ok(request.into_response(HttpResponse::NoContent().finish()));
    }
    let lane = Lane::of(request.method(), request.path());
    let Some(_place) = shared.in_flight.enter(lane) else {
        let busy = MiladyError::refused(
            StatusCode::SERVICE_UNAVAILABLE,
            "Too many requests are in flight, please try again",
        );
        return Ok(refuse(request, &busy));
    };
    let deadline = shared.settings.deadline(lane);
    let handled = AssertUnwindSafe(next.call(request)).catch_unwind();
    match tokio::time::timeout(deadline, handled).await {
        Ok(Ok(Ok(answer))) => Ok(answer.map_into_boxed_body()),
        Ok(Ok(Err(error))) => {
            let told = error.as_error::<MiladyError>().cloned();
            Err(Cut(told.unwrap_or_else(|| MiladyError::bad(error.to_string()))))
        }
        Ok(Err(_panic)) => Err(Cut(MiladyError::Panicked)),
        Err(_late) => Err(Cut(MiladyError::refused(
            StatusCode::GATEWAY_TIMEOUT,
            "The request took too long; whether it was carried out is unknown",
        ))),
    }
}

/// Whether each per cent sign of a path begins an encoded byte.
fn is_well_formed(path: &str) -> bool {
    let mut parts = path.as_bytes().split(|byte| *byte == b'%');
    parts.next();
    parts.all(|part| matches!(part, [a, b, ..] if a.is_ascii_hexdigit() && b.is_ascii_hexdigit()))
}

fn forbidden(reason: &'static str) -> MiladyError {
    MiladyError::refused(StatusCode::FORBIDDEN, reason)
}

fn refuse(request: ServiceRequest, error: &MiladyError) -> ServiceResponse<BoxBody> {
    request.into_response(error.error_response())
}

/// Puts the headers on that every admitted answer has.
fn dress(headers: &mut HeaderMap, origin: Option<&HeaderValue>) {
    for (name, value) in SECURITY {
        headers.insert(name, value);
    }
    if let Some(origin) = origin {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        headers.append(VARY, HeaderValue::from_static("Origin"));
        for (name, value) in CORS {
            headers.insert(name, value);
        }
    }
}

fn log(method: &Method, path: &str, answer: &ServiceResponse<BoxBody>) {
    let error = answer.response().error().and_then(|error| error.as_error::<MiladyError>());
    let status = answer.status().as_u16();
    match error.and_then(MiladyError::cause) {
        // What cannot be done now is no fault of the host.
        Some(cause) if answer.status() != StatusCode::SERVICE_UNAVAILABLE => {
            tracing::error!(%method, path, status, cause, "a request failed");
        }
        Some(cause) => tracing::debug!(%method, path, status, cause, "a request was refused"),
        None => tracing::debug!(%method, path, status, "a request was refused"),
    }
}
