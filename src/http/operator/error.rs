//! How an operator's routes word what went wrong.

use actix_web::http::StatusCode;
use actix_web::http::header::RETRY_AFTER;
use actix_web::{HttpResponse, ResponseError};
use greenroom_actors::error::{CoreError, StoreError};
use greenroom_actors::ids::AgentId;
use serde_json::json;

use crate::http::body::BodyError;
use crate::transfer::{TransferError, TransferErrorKind};

/// Characters of what a request said that an answer repeats.
const ECHO_MAX: usize = 100;

/// Agents of one name that an answer lists.
const IDS_MAX: usize = 20;

/// Why an operator's request was not carried out.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OperatorError {
    /// The core did not do it.
    #[error(transparent)]
    Core(#[from] CoreError),
    /// No agent has that id, handle or name.
    #[error("no agent is called `{}`", shown(.0))]
    Nobody(String),
    /// Several agents have that name.
    #[error("{} agents are called `{}`; name one by its id: {}", .ids.len(), shown(.who), listed(.ids))]
    Several {
        /// The name.
        who: String,
        /// The agents.
        ids: Vec<AgentId>,
    },
    /// The body cannot be read.
    #[error(transparent)]
    Body(#[from] BodyError),
    /// A field of the request cannot be.
    #[error("{field}: {reason}")]
    Invalid {
        /// The field.
        field: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// The agent was not exported, or not imported.
    #[error(transparent)]
    Transfer(#[from] TransferError),
    /// There is a backup of that name, and it is kept.
    #[error("there is a backup `{0}` already; choose another name")]
    Taken(String),
    /// No password was handed over, or it cannot be taken.
    #[error("{0}")]
    Handover(String),
    /// This host keeps its data where no backup can be made of it.
    #[error("this host's store makes no backups")]
    NoBackups,
}

/// The beginning of what a request said.
fn shown(text: &str) -> String {
    text.chars().take(ECHO_MAX).collect()
}

/// The first of them.
fn listed(ids: &[AgentId]) -> String {
    let first: Vec<_> = ids.iter().take(IDS_MAX).map(ToString::to_string).collect();
    let rest = if ids.len() > IDS_MAX { ", ..." } else { "" };
    first.join(", ") + rest
}

impl From<StoreError> for OperatorError {
    fn from(error: StoreError) -> Self {
        Self::Core(error.into())
    }
}

impl OperatorError {
    fn code(&self) -> (StatusCode, &'static str) {
        match self {
            Self::Nobody(_) => (StatusCode::NOT_FOUND, "NOT_FOUND"),
            Self::Body(BodyError::TooLarge(_)) => {
                (StatusCode::PAYLOAD_TOO_LARGE, "PAYLOAD_TOO_LARGE")
            }
            Self::Body(BodyError::TooSlow(_)) => (StatusCode::REQUEST_TIMEOUT, "TIMEOUT"),
            Self::Body(
                BodyError::Malformed(_)
                | BodyError::NotAnObject(_)
                | BodyError::Encoding(_)
                | BodyError::Charset(_)
                | BodyError::Packed(_)
                | BodyError::BrokenOff,
            )
            | Self::Invalid { .. } => (StatusCode::BAD_REQUEST, "BAD_REQUEST"),
            Self::Several { .. } | Self::Taken(_) | Self::Handover(_) => {
                (StatusCode::CONFLICT, "CONFLICT")
            }
            Self::Transfer(error) => match error.kind() {
                TransferErrorKind::Invalid => (StatusCode::BAD_REQUEST, "BAD_REQUEST"),
                TransferErrorKind::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "PAYLOAD_TOO_LARGE"),
                TransferErrorKind::NotFound => (StatusCode::NOT_FOUND, "NOT_FOUND"),
                TransferErrorKind::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, "OVERLOADED"),
                TransferErrorKind::Full => (StatusCode::INSUFFICIENT_STORAGE, "STORE_FULL"),
                TransferErrorKind::Failed => (StatusCode::INTERNAL_SERVER_ERROR, "TRANSFER_FAILED"),
            },
            Self::NoBackups => (StatusCode::NOT_IMPLEMENTED, "NOT_IMPLEMENTED"),
            Self::Core(core) => match core {
                CoreError::AgentNotFound(_) | CoreError::NotFound { .. } => {
                    (StatusCode::NOT_FOUND, "NOT_FOUND")
                }
                CoreError::AlreadyExists(_)
                | CoreError::HandleTaken(_)
                | CoreError::WrongState { .. }
                | CoreError::NotRunning { .. }
                | CoreError::Failed { .. }
                | CoreError::Halted
                | CoreError::Decided { .. }
                | CoreError::Busy(_)
                | CoreError::Cancelled(_) => (StatusCode::CONFLICT, "CONFLICT"),
                CoreError::Parked(_) => (StatusCode::ACCEPTED, "PARKED"),
                CoreError::Invalid { .. } => (StatusCode::BAD_REQUEST, "BAD_REQUEST"),
                CoreError::Overloaded | CoreError::AtCapacity { .. } => {
                    (StatusCode::SERVICE_UNAVAILABLE, "OVERLOADED")
                }
                CoreError::Starting => (StatusCode::SERVICE_UNAVAILABLE, "STARTING"),
                CoreError::ShuttingDown => (StatusCode::SERVICE_UNAVAILABLE, "SHUTTING_DOWN"),
                CoreError::DeadlineExceeded(_) => (StatusCode::REQUEST_TIMEOUT, "TIMEOUT"),
                CoreError::Crashed(_) => (StatusCode::INTERNAL_SERVER_ERROR, "AGENT_CRASHED"),
                CoreError::Budget(_) | CoreError::Store(StoreError::Exceeded(_)) => {
                    (StatusCode::PAYMENT_REQUIRED, "BUDGET_EXCEEDED")
                }
                CoreError::Model(_) => (StatusCode::BAD_GATEWAY, "MODEL_ERROR"),
                CoreError::Store(StoreError::Exists { .. }) => (StatusCode::CONFLICT, "CONFLICT"),
                CoreError::Store(StoreError::Missing { .. }) => {
                    (StatusCode::NOT_FOUND, "NOT_FOUND")
                }
                CoreError::Store(StoreError::Busy) => {
                    (StatusCode::SERVICE_UNAVAILABLE, "OVERLOADED")
                }
                CoreError::Store(StoreError::Full(_)) => {
                    (StatusCode::INSUFFICIENT_STORAGE, "STORE_FULL")
                }
                CoreError::Store(
                    StoreError::Fenced | StoreError::Closed | StoreError::Failed(_),
                ) => (StatusCode::INTERNAL_SERVER_ERROR, "STORE_FAILED"),
            },
        }
    }
}

impl ResponseError for OperatorError {
    fn status_code(&self) -> StatusCode {
        self.code().0
    }

    fn error_response(&self) -> HttpResponse {
        let (status, code) = self.code();
        let message = if status == StatusCode::INTERNAL_SERVER_ERROR {
            tracing::error!(error = %self, "an operator's request failed");
            "the host failed; its log says why".to_owned()
        } else {
            self.to_string()
        };
        let mut answer = HttpResponse::build(status);
        if status == StatusCode::SERVICE_UNAVAILABLE {
            answer.insert_header((RETRY_AFTER, "1"));
        }
        answer.json(json!({ "success": false, "error": { "code": code, "message": message } }))
    }
}
