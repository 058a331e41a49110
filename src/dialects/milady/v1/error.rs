//! What goes wrong, in the shape that these clients read: `{"error": {"type", "message"}}`.

use std::fmt;

use actix_web::body::BoxBody;
use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderValue, RETRY_AFTER};
use actix_web::{HttpResponse, ResponseError};
use serde_json::{Value, json};

use crate::dialects::milady::error::MiladyError;

/// Seconds after which it is worth asking again.
const RETRY_AFTER_S: u32 = 1;

/// Why a request was not carried out.
#[derive(Debug)]
pub(super) struct CompatError(MiladyError);

/// What these handlers answer.
pub(super) type CompatAnswer = Result<HttpResponse, CompatError>;

impl<E: Into<MiladyError>> From<E> for CompatError {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

/// As it is told.
pub(super) fn told(error: &MiladyError) -> Value {
    json!({"type": sort(error.status()), "message": error.words()})
}

/// The word for a status that these clients know.
fn sort(status: StatusCode) -> &'static str {
    match status {
        StatusCode::UNAUTHORIZED => "authentication_error",
        StatusCode::PAYMENT_REQUIRED => "insufficient_quota",
        StatusCode::NOT_FOUND => "not_found_error",
        StatusCode::SERVICE_UNAVAILABLE => "service_unavailable",
        status if status.is_server_error() => "server_error",
        _ => "invalid_request_error",
    }
}

impl fmt::Display for CompatError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl ResponseError for CompatError {
    fn status_code(&self) -> StatusCode {
        self.0.status()
    }

    fn error_response(&self) -> HttpResponse<BoxBody> {
        if let Some(cause) = self.0.cause() {
            tracing::error!(cause, "a request of a model's client failed");
        }
        let status = self.0.status();
        let mut answer = HttpResponse::build(status);
        if status == StatusCode::SERVICE_UNAVAILABLE {
            answer.insert_header((RETRY_AFTER, HeaderValue::from(RETRY_AFTER_S)));
        }
        answer.json(json!({"error": told(&self.0)}))
    }
}
