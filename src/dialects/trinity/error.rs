//! What goes wrong, and its answer: `{"detail": <what>}` and nothing else.

use std::fmt;
use std::time::Duration;

use actix_web::body::BoxBody;
use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use actix_web::{HttpResponse, ResponseError};
use greenroom_actors::error::{CoreError, ModelError, StoreError};
use serde::Serialize;
use serde_json::Value;

use super::shape::Fault;
use crate::http::body::BodyError;

/// Why a request was not carried out.
#[derive(Clone, Debug)]
pub(super) struct TrinityError {
    status: StatusCode,
    detail: Value,
    /// What is worth a line in the log, and is not told.
    cause: Option<String>,
    /// When it is worth asking again.
    retry_after: Option<Duration>,
}

/// When it is worth asking again where nothing says better.
const SOON: Duration = Duration::from_secs(1);

/// When it is worth asking an agent again that has its hands full: runs take their time.
const CAPACITY_WAIT: Duration = Duration::from_secs(30);

impl TrinityError {
    /// A refusal in the words of the contract.
    pub(super) fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self::object(status, Value::String(detail.into()))
    }

    /// A refusal that says more than words.
    pub(super) fn object(status: StatusCode, detail: Value) -> Self {
        Self { status, detail, cause: None, retry_after: None }
    }

    /// 400.
    pub(super) fn bad(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, detail)
    }

    /// 401: who calls is not known.
    pub(super) fn unauthorized(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, detail)
    }

    /// 403.
    pub(super) fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, detail)
    }

    /// 404.
    pub(super) fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, detail)
    }

    /// 404 for an agent.
    pub(super) fn no_agent() -> Self {
        Self::not_found("Agent not found")
    }

    /// 409.
    pub(super) fn conflict(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, detail)
    }

    /// 429, and when to come again.
    pub(super) fn too_many(detail: impl Into<String>, retry_after: Duration) -> Self {
        let told = Self::new(StatusCode::TOO_MANY_REQUESTS, detail);
        Self { retry_after: Some(retry_after), ..told }
    }

    /// 503, and to come again soon.
    pub(super) fn unavailable(detail: impl Into<String>) -> Self {
        let told = Self::new(StatusCode::SERVICE_UNAVAILABLE, detail);
        Self { retry_after: Some(SOON), ..told }
    }

    /// 501, with the reason.
    pub(super) fn not_here(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_IMPLEMENTED, detail)
    }

    /// 422: the shape of the request is wrong.
    pub(super) fn shape(faults: &[Fault]) -> Self {
        let faults = serde_json::to_value(faults).unwrap_or_default();
        Self::object(StatusCode::UNPROCESSABLE_ENTITY, faults)
    }

    /// 500: the inside of the host is logged, and not told.
    pub(super) fn inside(cause: impl fmt::Display) -> Self {
        let told = Self::new(StatusCode::INTERNAL_SERVER_ERROR, "Internal server error");
        Self { cause: Some(cause.to_string()), ..told }
    }

    /// The same with other words, where the contract has some for just this route.
    pub(super) fn worded(self, detail: impl Into<String>) -> Self {
        Self { detail: Value::String(detail.into()), ..self }
    }

    /// The same with other words, if it is the host's own fault.
    pub(super) fn failing(self, detail: &str) -> Self {
        if self.status == StatusCode::INTERNAL_SERVER_ERROR { self.worded(detail) } else { self }
    }

    /// The same as a refusal with a code, where it says that something is too large.
    pub(super) fn coded_if_too_large(self, coded: impl FnOnce(&str) -> Self) -> Self {
        match (self.status, &self.detail) {
            (StatusCode::PAYLOAD_TOO_LARGE, Value::String(detail)) => coded(detail),
            _ => self,
        }
    }

    /// What is to be logged.
    pub(super) fn cause(&self) -> Option<&str> {
        self.cause.as_deref()
    }

    #[cfg(test)]
    pub(super) fn status(&self) -> StatusCode {
        self.status
    }

    /// What it says, as text.
    pub(super) fn words(&self) -> String {
        match &self.detail {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        }
    }
}

impl From<CoreError> for TrinityError {
    /// How this dialect words what the core says, one exhaustive match. Each inside of the host is told in
    /// general words alone.
    fn from(error: CoreError) -> Self {
        use StatusCode as S;
        match error {
            CoreError::AgentNotFound(_) => Self::no_agent(),
            CoreError::NotFound { what, .. } => Self::not_found(format!("{what} not found")),

            CoreError::AlreadyExists(_) | CoreError::HandleTaken(_) => {
                Self::conflict("Agent already exists")
            }
            CoreError::WrongState { .. }
            | CoreError::Busy(_)
            | CoreError::Decided { .. }
            | CoreError::Cancelled(_) => Self::conflict(error.to_string()),
            CoreError::NotRunning { .. } | CoreError::Failed { .. } => {
                Self::unavailable("Agent is not running")
            }
            CoreError::Invalid { .. } => Self::bad(error.to_string()),
            CoreError::AtCapacity { .. } => Self::too_many("Agent is at capacity", CAPACITY_WAIT),
            CoreError::Overloaded => Self::unavailable("Too busy, please try again"),
            CoreError::Starting => Self::unavailable("The host is still starting"),
            CoreError::ShuttingDown => Self::unavailable("The host is shutting down"),
            CoreError::Halted => Self::unavailable("All agents are halted"),
            CoreError::Crashed(_) => Self {
                cause: Some(error.to_string()),
                ..Self::unavailable(
                    "Failed to communicate with agent: it crashed; what it had done is unknown",
                )
            },
            CoreError::DeadlineExceeded(_) => {
                Self::new(S::GATEWAY_TIMEOUT, "No answer in time; whether it was done is unknown")
            }
            CoreError::Parked(_) => Self::new(
                S::ACCEPTED,
                "The agent waits for a person's approval; its answer comes later",
            ),
            CoreError::Budget(exceeded) => Self::new(S::PAYMENT_REQUIRED, exceeded.to_string()),
            CoreError::Model(ModelError::RateLimited { retry_after }) => {
                let wait = retry_after.unwrap_or(SOON);
                Self::too_many("The model's provider asks to wait", wait)
            }
            CoreError::Model(ModelError::TimedOut(_)) => {
                Self::new(S::GATEWAY_TIMEOUT, "The model did not answer in time")
            }
            CoreError::Model(error) => Self {
                cause: Some(error.to_string()),
                ..Self::unavailable("Failed to communicate with agent: the model did not answer")
            },
            CoreError::Store(error) => error.into(),
        }
    }
}

impl From<StoreError> for TrinityError {
    fn from(error: StoreError) -> Self {
        use StatusCode as S;
        match error {
            StoreError::Exceeded(exceeded) => Self::new(S::PAYMENT_REQUIRED, exceeded.to_string()),
            StoreError::Exists { what, .. } => Self::conflict(format!("{what} already exists")),
            StoreError::Missing { what, .. } => Self::not_found(format!("{what} not found")),
            StoreError::Busy => Self::unavailable("Too busy, please try again"),
            StoreError::Fenced | StoreError::Closed => {
                Self::unavailable("The host is shutting down")
            }
            StoreError::Full(_) => Self::new(S::INSUFFICIENT_STORAGE, "No space is left"),
            StoreError::Failed(cause) => Self::inside(cause).worded("Storage failed"),
        }
    }
}

impl From<BodyError> for TrinityError {
    fn from(error: BodyError) -> Self {
        let status = match error {
            BodyError::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            BodyError::TooSlow(_) => StatusCode::REQUEST_TIMEOUT,
            BodyError::Malformed(_)
            | BodyError::NotAnObject(_)
            | BodyError::Encoding(_)
            | BodyError::Charset(_)
            | BodyError::Packed(_)
            | BodyError::BrokenOff => StatusCode::BAD_REQUEST,
        };
        Self::new(status, error.to_string())
    }
}

impl fmt::Display for TrinityError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words())
    }
}

impl ResponseError for TrinityError {
    fn status_code(&self) -> StatusCode {
        self.status
    }

    fn error_response(&self) -> HttpResponse<BoxBody> {
        #[derive(Serialize)]
        struct Told<'a> {
            detail: &'a Value,
        }
        let mut answer = HttpResponse::build(self.status);
        if self.status == StatusCode::UNAUTHORIZED {
            answer.insert_header((WWW_AUTHENTICATE, HeaderValue::from_static("Bearer")));
        }
        if let Some(wait) = self.retry_after {
            answer.insert_header((RETRY_AFTER, wait.as_secs().max(1)));
        }
        answer.json(Told { detail: &self.detail })
    }
}

/// The form of every error, for the description of the API.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(example = json!({"detail": "Agent not found"}))]
pub(super) struct ErrorBody {
    /// What is wrong: words, a list of faults (422), or an object (429 of a quota).
    pub(super) detail: Value,
}

/// 401 for a token that says nothing.
pub(super) fn unauthenticated() -> TrinityError {
    TrinityError::unauthorized("Could not validate credentials")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_inside_of_the_host_is_not_told() {
        let error = TrinityError::from(StoreError::Failed("disk /dev/sda at sector 7".into()));
        assert_eq!(error.words(), "Storage failed");
        assert_eq!(error.cause(), Some("disk /dev/sda at sector 7"));
        assert_eq!(error.status(), StatusCode::INTERNAL_SERVER_ERROR);
        let told = TrinityError::object(StatusCode::TOO_MANY_REQUESTS, json!({"code": "Q"}));
        assert_eq!(told.words(), r#"{"code":"Q"}"#);
    }
}
