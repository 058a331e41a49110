//! The gate: everything that happens to a request before and after its handler.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::error::InternalError;
use actix_web::http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD,
    CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, ORIGIN, PERMISSIONS_POLICY, REFERRER_POLICY,
    VARY, X_CONTENT_TYPE_OPTIONS,
};
use actix_web::http::{Method, StatusCode};
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{Error, HttpMessage, HttpResponse, ResponseError};
use futures::FutureExt;
use uuid::Uuid;

use super::audited;
use super::error::TrinityError;
use super::lanes::Lane;
use super::shared::Shared;

/// What every answer carries.
const SECURITY: [(HeaderName, HeaderValue); 4] = [
    (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (REFERRER_POLICY, HeaderValue::from_static("strict-origin-when-cross-origin")),
    (
        PERMISSIONS_POLICY,
        HeaderValue::from_static("camera=(), microphone=(), geolocation=(), payment=()"),
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        HeaderValue::from_static("same-origin"),
    ),
];

/// What answers to a pre-flight carry besides.
const PREFLIGHT: [(HeaderName, HeaderValue); 3] = [
    (ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, POST, PUT, DELETE, OPTIONS")),
    (
        ACCESS_CONTROL_ALLOW_HEADERS,
        HeaderValue::from_static(
            "Accept, Accept-Language, Authorization, Content-Language, Content-Type, X-Source-Agent",
        ),
    ),
    (ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600")),
];

/// Where Trinity's own pages come from on the user's machine.
const ORIGINS: [&str; 2] = ["http://localhost:3000", "http://localhost:8080"];

/// By what a request is called in its answer and in the audit log.
pub(super) struct RequestId(pub(super) HeaderValue);

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The way of a request through the gate.
pub(super) async fn pass<B>(
    shared: Data<Shared>,
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<BoxBody>, Error>
where
    B: MessageBody + 'static,
{
    let id = request_id(request.headers());
    request.extensions_mut().insert(RequestId(id.clone()));
    let origin = request.headers().get(ORIGIN).cloned();
    let is_known = origin.as_ref().is_some_and(|origin| is_known(&shared, origin));
    let dress = move |headers: &mut HeaderMap| {
        for (name, value) in SECURITY {
            headers.insert(name, value);
        }
        headers.insert(REQUEST_ID, id.clone());
        if let Some(origin) = &origin {
            headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
            if is_known {
                headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
            }
            headers.append(VARY, HeaderValue::from_static("Origin"));
        }
    };
    let (method, path) = (request.method().clone(), request.path().to_owned());
    match admitted(Arc::clone(&shared), request, next, is_known).await {
        Ok(mut answer) => {
            dress(answer.headers_mut());
            log(&method, &path, &answer);
            Ok(answer)
        }
        Err(Cut(error)) => {
            tracing::error!(%method, path, cause = error.cause(), "a request was cut off");
            let mut answer = error.error_response();
            dress(answer.headers_mut());
            Err(InternalError::from_response(error.to_string(), answer).into())
        }
    }
}

/// A handler was cut off with its request, so that the answer has to be told as an error.
struct Cut(TrinityError);

async fn admitted<B>(
    shared: Arc<Shared>,
    request: ServiceRequest,
    next: Next<B>,
    is_known: bool,
) -> Result<ServiceResponse<BoxBody>, Cut>
where
    B: MessageBody + 'static,
{
    if is_preflight(&request) {
        return Ok(request.into_response(preflight(is_known)));
    }
    let lane = Lane::of(request.method(), request.path());
    let Some(_place) = shared.in_flight.enter(lane) else {
        let busy = TrinityError::unavailable("Too many requests are in flight, please try again");
        return Ok(request.into_response(busy.error_response()));
    };
    let deadline = shared.settings.deadline(lane);
    let handled = AssertUnwindSafe(next.call(request)).catch_unwind();
    match tokio::time::timeout(deadline, handled).await {
        Ok(Ok(Ok(answer))) => {
            if answer.status().is_success() {
                audited::note(&shared, answer.request()).await;
            }
            Ok(answer.map_into_boxed_body())
        }
        Ok(Ok(Err(error))) => {
            let told = error.as_error::<TrinityError>().cloned();
            Err(Cut(told.unwrap_or_else(|| TrinityError::bad(error.to_string()))))
        }
        Ok(Err(_panic)) => Err(Cut(TrinityError::inside("a handler panicked"))),
        Err(_late) => Err(Cut(TrinityError::new(
            StatusCode::GATEWAY_TIMEOUT,
            "The request took too long; whether it was carried out is unknown",
        ))),
    }
}

fn is_preflight(request: &ServiceRequest) -> bool {
    let headers = request.headers();
    request.method() == Method::OPTIONS
        && headers.contains_key(ORIGIN)
        && headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD)
}

fn preflight(is_known: bool) -> HttpResponse {
    let status = if is_known { StatusCode::OK } else { StatusCode::BAD_REQUEST };
    let mut answer = HttpResponse::build(status);
    for header in PREFLIGHT {
        answer.insert_header(header);
    }
    answer.insert_header((CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8")));
    answer.body(if is_known { "OK" } else { "Disallowed CORS origin" })
}

fn is_known(shared: &Shared, origin: &HeaderValue) -> bool {
    let configured = shared.settings.allowed_origins.iter().map(String::as_str);
    ORIGINS.into_iter().chain(configured).any(|known| known.as_bytes() == origin.as_bytes())
}

/// The id that the caller gave its request, or a new one.
fn request_id(headers: &HeaderMap) -> HeaderValue {
    let given = headers.get(REQUEST_ID).filter(|id| !id.is_empty() && id.len() <= 128);
    let given = given.filter(|id| id.to_str().is_ok()).cloned();
    given.unwrap_or_else(|| {
        HeaderValue::from_str(&Uuid::new_v4().to_string())
            .unwrap_or(HeaderValue::from_static("unknown"))
    })
}

fn log(method: &Method, path: &str, answer: &ServiceResponse<BoxBody>) {
    if !answer.status().is_server_error() {
        return;
    }
    let error = answer.response().error().and_then(|error| error.as_error::<TrinityError>());
    let status = answer.status().as_u16();
    match error.and_then(TrinityError::cause) {
        Some(cause) => tracing::error!(%method, path, status, cause, "a request failed"),
        None => tracing::debug!(%method, path, status, "a request was refused"),
    }
}
