//! What goes wrong, and its answer: `{"error": <text>}` and nothing else.

use std::borrow::Cow;
use std::fmt;

use actix_web::body::BoxBody;
use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use actix_web::{HttpResponse, ResponseError};
use greenroom_actors::error::{CoreError, ModelError, StoreError};
use serde_json::json;

use crate::http::body::BodyError;

/// Why a request was not carried out.
#[derive(Clone, Debug)]
pub(super) enum MiladyError {
    /// The core refused or failed.
    Core(CoreError),
    /// This dialect refused.
    Refused(StatusCode, Cow<'static, str>),
    /// The body cannot be read.
    Body(BodyError),
    /// A handler panicked; what it did by then is unknown.
    Panicked,
}

/// Seconds after which it is worth asking again.
const RETRY_AFTER_S: u32 = 1;

impl MiladyError {
    /// What is asked for is not there.
    pub(super) const NOT_FOUND: Self =
        Self::Refused(StatusCode::NOT_FOUND, Cow::Borrowed("Not found"));

    /// There is no agent that it could be done by.
    pub(super) const NO_AGENT: Self =
        Self::Refused(StatusCode::SERVICE_UNAVAILABLE, Cow::Borrowed("Agent is not running"));

    /// A request that cannot be, and why.
    pub(super) fn bad(reason: impl Into<Cow<'static, str>>) -> Self {
        Self::Refused(StatusCode::BAD_REQUEST, reason.into())
    }

    /// A refusal in the words of the contract.
    pub(super) fn refused(status: StatusCode, reason: impl Into<Cow<'static, str>>) -> Self {
        Self::Refused(status, reason.into())
    }

    /// What is to be logged: the inside of a 5xx, which the answer does not tell.
    pub(super) fn cause(&self) -> Option<String> {
        match self {
            Self::Core(error) if self.status().is_server_error() => Some(error.to_string()),
            Self::Panicked => Some("a handler panicked".to_owned()),
            Self::Core(_) | Self::Refused(..) | Self::Body(_) => None,
        }
    }

    /// The status of its answer.
    pub(super) fn status(&self) -> StatusCode {
        self.said().0
    }

    /// The words of its answer.
    pub(super) fn words(&self) -> Cow<'_, str> {
        self.said().1
    }

    fn said(&self) -> (StatusCode, Cow<'_, str>) {
        match self {
            Self::Core(error) => of_core(error),
            Self::Refused(status, reason) => (*status, Cow::Borrowed(reason)),
            Self::Body(error) => (of_body(error), Cow::Owned(error.to_string())),
            Self::Panicked => (StatusCode::INTERNAL_SERVER_ERROR, "Internal server error".into()),
        }
    }
}

fn of_body(error: &BodyError) -> StatusCode {
    match error {
        BodyError::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
        BodyError::TooSlow(_) => StatusCode::REQUEST_TIMEOUT,
        BodyError::Malformed(_)
        | BodyError::NotAnObject(_)
        | BodyError::Encoding(_)
        | BodyError::Charset(_)
        | BodyError::Packed(_)
        | BodyError::BrokenOff => StatusCode::BAD_REQUEST,
    }
}

/// How this dialect words what the core says. Each inside of the host is told in general words alone.
fn of_core(error: &CoreError) -> (StatusCode, Cow<'_, str>) {
    use StatusCode as S;
    let said = |status, text: &'static str| (status, Cow::Borrowed(text));
    match error {
        CoreError::AgentNotFound(_) => said(S::SERVICE_UNAVAILABLE, "Agent is not running"),
        CoreError::NotFound { .. } => said(S::NOT_FOUND, "Not found"),
        CoreError::AlreadyExists(_) | CoreError::HandleTaken(_) => {
            said(S::CONFLICT, "It exists already")
        }
        CoreError::WrongState { .. } | CoreError::Busy(_) | CoreError::Decided { .. } => {
            (S::CONFLICT, error.to_string().into())
        }
        CoreError::NotRunning { state, .. } => {
            (S::SERVICE_UNAVAILABLE, format!("Agent is not running: it is {state}").into())
        }
        CoreError::Failed { .. } => {
            said(S::SERVICE_UNAVAILABLE, "Agent is not running: it has failed")
        }
        CoreError::Invalid { .. } => (S::BAD_REQUEST, error.to_string().into()),
        CoreError::Overloaded | CoreError::AtCapacity { .. } => {
            said(S::SERVICE_UNAVAILABLE, "Too busy, please try again")
        }
        CoreError::Starting => said(S::SERVICE_UNAVAILABLE, "Agent is not running yet"),
        CoreError::ShuttingDown => said(S::SERVICE_UNAVAILABLE, "Shutting down"),
        CoreError::Halted => said(S::SERVICE_UNAVAILABLE, "All agents are halted"),
        CoreError::Crashed(_) => {
            said(S::INTERNAL_SERVER_ERROR, "The agent crashed; what it had done by then is unknown")
        }
        CoreError::DeadlineExceeded(_) => {
            said(S::GATEWAY_TIMEOUT, "No answer in time; whether it was done is unknown")
        }
        CoreError::Parked(_) => {
            said(S::ACCEPTED, "The agent waits for a person's approval; its answer comes later")
        }
        CoreError::Cancelled(_) => said(S::CONFLICT, "The work was cancelled before it ended"),
        CoreError::Budget(exceeded) => (S::PAYMENT_REQUIRED, exceeded.to_string().into()),
        CoreError::Model(ModelError::RateLimited { .. }) => {
            said(S::SERVICE_UNAVAILABLE, "The model's provider asks to wait")
        }
        CoreError::Model(_) => said(S::INTERNAL_SERVER_ERROR, "The model did not answer"),
        CoreError::Store(error) => of_store(error),
    }
}

fn of_store(error: &StoreError) -> (StatusCode, Cow<'_, str>) {
    use StatusCode as S;
    match error {
        StoreError::Exceeded(exceeded) => (S::PAYMENT_REQUIRED, exceeded.to_string().into()),
        StoreError::Exists { .. } => (S::CONFLICT, "It exists already".into()),
        StoreError::Missing { .. } => (S::NOT_FOUND, "Not found".into()),
        StoreError::Busy => (S::SERVICE_UNAVAILABLE, "Too busy, please try again".into()),
        StoreError::Fenced | StoreError::Closed => (S::SERVICE_UNAVAILABLE, "Shutting down".into()),
        StoreError::Full(_) => (S::INSUFFICIENT_STORAGE, "No space is left".into()),
        StoreError::Failed(_) => (S::INTERNAL_SERVER_ERROR, "Storage failed".into()),
    }
}

impl From<CoreError> for MiladyError {
    fn from(error: CoreError) -> Self {
        Self::Core(error)
    }
}

impl From<StoreError> for MiladyError {
    fn from(error: StoreError) -> Self {
        Self::Core(error.into())
    }
}

impl From<BodyError> for MiladyError {
    fn from(error: BodyError) -> Self {
        Self::Body(error)
    }
}

impl fmt::Display for MiladyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words())
    }
}

impl ResponseError for MiladyError {
    fn status_code(&self) -> StatusCode {
        self.status()
    }

    fn error_response(&self) -> HttpResponse<BoxBody> {
        let (status, words) = self.said();
        let mut answer = HttpResponse::build(status);
        if status == StatusCode::SERVICE_UNAVAILABLE {
            answer.insert_header((RETRY_AFTER, HeaderValue::from(RETRY_AFTER_S)));
        }
        answer.insert_header((CONTENT_TYPE, "application/json"));
        answer.body(json!({"error": words}).to_string())
    }
}
