//! What goes wrong, in the words of the dialect. Every status code of an error is in this file.

use std::borrow::Cow;
use std::fmt;

use actix_web::body::BoxBody;
use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use actix_web::{HttpResponse, ResponseError};
use greenroom_actors::error::{CoreError, ModelError, StoreError};
use greenroom_actors::lifecycle::{Command, State};
use serde_json::{Map, Value, json};

use super::groups::NotJoined;
use super::refusal::{self, Refusal};
use crate::http::body::BodyError;
use crate::secrets::NotASecret;

/// Seconds after which a refused request may be tried again: queues drain in well under one.
const TRY_AGAIN_S: u32 = 1;

/// Which family of paths an answer is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    /// Under `/api`: an error is an object.
    Api,
    /// `/agents` without a prefix: an error is a text.
    Bare,
}

/// Why a request was not carried out.
#[derive(Clone, Debug)]
pub(super) enum ElizaError {
    /// The core refused or failed; `doing` words a fault of the inside on this route.
    Core { error: CoreError, doing: Option<&'static Refusal> },
    /// This dialect refused.
    Refused(&'static Refusal),
    /// This dialect refused, in words of their own.
    Refusing(&'static Refusal, String),
    /// The body cannot be read.
    Body(BodyError),
    /// This dialect refused, with no envelope: the words, and their media type.
    Plain(&'static Refusal, &'static str),
    /// A group that none of its members could be given a room of.
    NobodyJoined(Vec<NotJoined>),
    /// A handler panicked; what it did by then is unknown.
    Panicked,
}

/// How an error is said.
#[derive(Debug)]
struct Said {
    status: StatusCode,
    /// Absent: the status is the code.
    code: Option<&'static str>,
    message: Cow<'static, str>,
    retry_after_s: Option<u32>,
}

impl ElizaError {
    /// A field of the body or the query that cannot be, and why.
    pub(super) fn field(name: &str, reason: impl fmt::Display) -> Self {
        Self::Refusing(&refusal::BAD_REQUEST, format!("{name}: {reason}"))
    }

    /// An agent that cannot be made, and why.
    pub(super) fn create(reason: impl Into<String>) -> Self {
        Self::Refusing(&refusal::CREATE, reason.into())
    }

    /// What is to be logged: the inside of a 5xx, which the answer does not tell.
    pub(super) fn cause(&self) -> Option<String> {
        match self {
            Self::Core { error, .. } => {
                self.said(Dialect::Api).status.is_server_error().then(|| error.to_string())
            }
            Self::Panicked => Some("a handler panicked".to_owned()),
            Self::NobodyJoined(_)
            | Self::Refused(_)
            | Self::Refusing(..)
            | Self::Body(_)
            | Self::Plain(..) => None,
        }
    }

    /// The message of the answer.
    pub(super) fn words(&self, dialect: Dialect) -> String {
        self.said(dialect).message.into_owned()
    }

    /// The answer in a dialect's envelope.
    pub(super) fn answer(&self, dialect: Dialect) -> HttpResponse {
        let said = self.said(dialect);
        let mut answer = HttpResponse::build(said.status);
        if let Some(seconds) = said.retry_after_s {
            answer.insert_header((RETRY_AFTER, HeaderValue::from(seconds)));
        }
        if let Self::Plain(refusal, media_type) = self {
            answer.insert_header((CONTENT_TYPE, *media_type));
            return answer.body(refusal.message);
        }
        answer.insert_header((CONTENT_TYPE, "application/json; charset=utf-8"));
        answer.body(said.envelope(self, dialect).to_string())
    }

    fn said(&self, dialect: Dialect) -> Said {
        match self {
            Self::Core { error, doing } => of_core(error, *doing, dialect),
            Self::Refused(refusal) | Self::Plain(refusal, _) => Said::of(refusal),
            Self::Refusing(refusal, words) => {
                Said { message: Cow::Owned(words.clone()), ..Said::of(refusal) }
            }
            Self::Body(error) => of_body(error),
            Self::NobodyJoined(_) => Said::of(&refusal::GROUP_CREATE),
            Self::Panicked => Said::of(&refusal::INTERNAL),
        }
    }
}

impl Said {
    fn of(refusal: &Refusal) -> Self {
        Self {
            status: refusal.status,
            code: refusal.code,
            message: Cow::Borrowed(refusal.message),
            retry_after_s: None,
        }
    }

    fn new(status: StatusCode, code: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        Self { status, code: Some(code), message: message.into(), retry_after_s: None }
    }

    fn later(code: &'static str, message: &'static str) -> Self {
        let said = Self::new(StatusCode::SERVICE_UNAVAILABLE, code, message);
        Self { retry_after_s: Some(TRY_AGAIN_S), ..said }
    }

    fn envelope(&self, error: &ElizaError, dialect: Dialect) -> Value {
        if dialect == Dialect::Bare {
            return json!({"success": false, "error": self.message});
        }
        if let ElizaError::NobodyJoined(members) = error {
            return json!({"success": false, "error": members});
        }
        let mut inner = Map::new();
        let code = self.code.map_or_else(|| json!(self.status.as_u16()), Value::from);
        inner.insert("code".to_owned(), code);
        inner.insert("message".to_owned(), json!(self.message));
        if let ElizaError::Refusing(Refusal { repeats: true, .. }, _) = error {
            inner.insert("details".to_owned(), json!(self.message));
        }
        let mut outer = json!({"success": false, "error": inner});
        if let (ElizaError::Refused(Refusal { aside: Some(aside), .. }), Some(outer)) =
            (error, outer.as_object_mut())
        {
            outer.insert("message".to_owned(), json!(aside));
        }
        outer
    }
}

/// How the dialect says what the core says.
fn of_core(error: &CoreError, doing: Option<&'static Refusal>, dialect: Dialect) -> Said {
    use StatusCode as S;
    let fault = || doing.map_or_else(|| Said::of(&refusal::INTERNAL), Said::of);
    match error {
        CoreError::AgentNotFound(_) => Said::of(&refusal::AGENT_NOT_FOUND),
        CoreError::NotFound { what, .. } => Said::new(S::NOT_FOUND, "NOT_FOUND", missing(what)),
        CoreError::AlreadyExists(_) => Said::new(S::CONFLICT, "CONFLICT", "Agent already exists"),
        CoreError::WrongState { command, state } => wrong_state(*command, *state, dialect),
        // An agent that does not run has no instance, which this contract words as not being there.
        CoreError::NotRunning { .. } | CoreError::Failed { .. } => not_running(dialect),
        CoreError::Invalid { field, reason } => {
            Said::new(S::BAD_REQUEST, "BAD_REQUEST", format!("{field}: {reason}"))
        }
        CoreError::Overloaded => Said::later("OVERLOADED", "Too busy, please try again"),
        CoreError::Starting => Said::later("STARTING", "Still starting, please try again"),
        CoreError::ShuttingDown => Said::later("SHUTTING_DOWN", "Shutting down"),
        CoreError::Halted => Said::new(S::SERVICE_UNAVAILABLE, "HALTED", "All agents are halted"),
        CoreError::Crashed(_) => {
            let message = "The agent crashed; what it had done by then is unknown";
            Said::new(S::INTERNAL_SERVER_ERROR, "AGENT_CRASHED", message)
        }
        CoreError::DeadlineExceeded(_) => {
            let message = "No answer in time; whether it was done is unknown";
            Said::new(S::REQUEST_TIMEOUT, "TIMEOUT", message)
        }
        CoreError::Cancelled(_) => {
            Said::new(S::CONFLICT, "CANCELLED", "The work was cancelled before it ended")
        }
        CoreError::Model(ModelError::RateLimited { .. }) => {
            Said::later("MODEL_ERROR", "The model's provider asks to wait")
        }
        CoreError::Model(
            ModelError::Refused(_)
            | ModelError::Unavailable(_)
            | ModelError::TimedOut(_)
            | ModelError::Unsupported(_),
        ) => Said::new(S::INTERNAL_SERVER_ERROR, "MODEL_ERROR", "The model did not answer"),
        CoreError::Store(error) => match error {
            StoreError::Exists { .. } => Said::new(S::CONFLICT, "CONFLICT", "It exists already"),
            StoreError::Missing { what, .. } => Said::new(S::NOT_FOUND, "NOT_FOUND", missing(what)),
            StoreError::Busy => Said::later("OVERLOADED", "Too busy, please try again"),
            StoreError::Fenced | StoreError::Closed => {
                Said::later("SHUTTING_DOWN", "Shutting down")
            }
            StoreError::Full(_) => {
                Said::new(S::INSUFFICIENT_STORAGE, "STORAGE_FULL", "No space is left")
            }
            StoreError::Failed(_) => fault(),
        },
    }
}

fn wrong_state(command: Command, state: State, dialect: Dialect) -> Said {
    let message: Cow<'static, str> = match (command, state) {
        // Under /api, what does not run is not there.
        (Command::Stop, _) if dialect == Dialect::Api => return not_running(dialect),
        (Command::Stop, _) => "Agent is not running".into(),
        (Command::Start, State::Running) => "Agent is already running".into(),
        (command, state) => format!("Cannot {command} an agent that is {state}").into(),
    };
    Said::new(StatusCode::CONFLICT, "CONFLICT", message)
}

fn not_running(dialect: Dialect) -> Said {
    match dialect {
        Dialect::Api => Said::of(&refusal::AGENT_NOT_FOUND),
        Dialect::Bare => Said::new(StatusCode::NOT_FOUND, "NOT_FOUND", "Agent is not running"),
    }
}

/// «World not found» of `world`.
fn missing(what: &str) -> String {
    let mut letters = what.chars();
    let first = letters.next().map(|first| first.to_uppercase().to_string());
    format!("{}{} not found", first.unwrap_or_default(), letters.as_str())
}

fn of_body(error: &BodyError) -> Said {
    let (status, code) = match error {
        BodyError::TooLarge(_) => (StatusCode::PAYLOAD_TOO_LARGE, "PAYLOAD_TOO_LARGE"),
        BodyError::Encoding(_) | BodyError::Charset(_) => {
            (StatusCode::UNSUPPORTED_MEDIA_TYPE, "UNSUPPORTED_MEDIA_TYPE")
        }
        BodyError::Malformed(_)
        | BodyError::NotAnObject(_)
        | BodyError::Packed(_)
        | BodyError::BrokenOff => (StatusCode::BAD_REQUEST, "BAD_REQUEST"),
    };
    Said::new(status, code, error.to_string())
}

/// Words a fault of the inside as a route calls it.
pub(super) trait Doing<T> {
    /// The same, with a fault of the inside called `what`.
    fn doing(self, what: &'static Refusal) -> Result<T, ElizaError>;
}

impl<T, E: Into<CoreError>> Doing<T> for Result<T, E> {
    fn doing(self, what: &'static Refusal) -> Result<T, ElizaError> {
        self.map_err(|error| ElizaError::Core { error: error.into(), doing: Some(what) })
    }
}

impl From<CoreError> for ElizaError {
    fn from(error: CoreError) -> Self {
        Self::Core { error, doing: None }
    }
}

impl From<StoreError> for ElizaError {
    fn from(error: StoreError) -> Self {
        CoreError::from(error).into()
    }
}

impl From<BodyError> for ElizaError {
    fn from(error: BodyError) -> Self {
        Self::Body(error)
    }
}

impl From<NotASecret> for ElizaError {
    fn from(NotASecret(place): NotASecret) -> Self {
        Self::field(&place, "a secret must be a string, a number or a boolean")
    }
}

impl From<&'static Refusal> for ElizaError {
    fn from(refusal: &'static Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl fmt::Display for ElizaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.said(Dialect::Api).message)
    }
}

impl ResponseError for ElizaError {
    fn status_code(&self) -> StatusCode {
        self.said(Dialect::Api).status
    }

    /// The envelope of `/api`; the gate puts another around it elsewhere.
    fn error_response(&self) -> HttpResponse<BoxBody> {
        self.answer(Dialect::Api)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use actix_web::body::MessageBody;
    use greenroom_actors::ids::AgentId;
    use uuid::Uuid;

    use super::*;

    fn body(error: &ElizaError, dialect: Dialect) -> (u16, Value) {
        let answer = error.answer(dialect);
        let status = answer.status().as_u16();
        let body = answer.into_body().try_into_bytes().unwrap();
        (status, serde_json::from_slice(&body).unwrap())
    }

    #[test]
    fn each_fact_has_its_status_in_each_dialect() {
        let id = AgentId(Uuid::nil());
        let wrong = |command, state| CoreError::WrongState { command, state };
        let table = [
            (CoreError::AgentNotFound(id), (404, "Agent not found"), (404, "Agent not found")),
            (
                CoreError::NotFound { what: "world", id: Uuid::nil() },
                (404, "World not found"),
                (404, "World not found"),
            ),
            (
                wrong(Command::Stop, State::Stopped),
                (404, "Agent not found"),
                (409, "Agent is not running"),
            ),
            (
                wrong(Command::Start, State::Running),
                (409, "Agent is already running"),
                (409, "Agent is already running"),
            ),
            (
                wrong(Command::Pause, State::Stopped),
                (409, "Cannot pause an agent that is stopped"),
                (409, "Cannot pause an agent that is stopped"),
            ),
            (
                CoreError::NotRunning { id, state: State::Paused },
                (404, "Agent not found"),
                (404, "Agent is not running"),
            ),
            (
                CoreError::Overloaded,
                (503, "Too busy, please try again"),
                (503, "Too busy, please try again"),
            ),
            (
                CoreError::Store(StoreError::Failed("disk /dev/sda broke".into())),
                (500, "Internal server error"),
                (500, "Internal server error"),
            ),
            (
                CoreError::DeadlineExceeded(Duration::from_secs(1)),
                (408, "No answer in time; whether it was done is unknown"),
                (408, "No answer in time; whether it was done is unknown"),
            ),
        ];
        for (error, api, bare) in table {
            let error = ElizaError::from(error);
            let (status, said) = body(&error, Dialect::Api);
            assert_eq!((status, said["error"]["message"].as_str().unwrap()), api);
            assert_eq!(said["success"], false);
            let (status, said) = body(&error, Dialect::Bare);
            assert_eq!((status, said), (bare.0, json!({"success": false, "error": bare.1})));
        }
    }

    #[test]
    fn the_recorded_envelopes() {
        for (error, expected) in [
            (
                ElizaError::from(&refusal::UNKNOWN_ENDPOINT),
                json!({"success": false, "error": {"message": "API endpoint not found", "code": 404}}),
            ),
            (
                ElizaError::from(&refusal::UNAUTHORIZED),
                json!({"success": false,
                    "error": {"code": "UNAUTHORIZED", "message": "API key required"},
                    "message": "Missing or invalid X-API-KEY header"}),
            ),
            (
                ElizaError::create("No character configuration provided"),
                json!({"success": false, "error": {"code": "CREATE_ERROR",
                    "message": "No character configuration provided",
                    "details": "No character configuration provided"}}),
            ),
            (
                ElizaError::Panicked,
                json!({"success": false, "error": {"message": "Internal server error", "code": 500}}),
            ),
        ] {
            assert_eq!(body(&error, Dialect::Api).1, expected);
        }
        let bare = body(&ElizaError::from(&refusal::UNAUTHORIZED), Dialect::Bare);
        assert_eq!(bare, (401, json!({"success": false, "error": "API key required"})));
    }

    #[test]
    fn a_fault_of_the_inside_is_named_by_the_route_and_told_to_the_log_alone() {
        let failed: Result<(), _> = Err(StoreError::Failed("disk /dev/sda broke".into()));
        let error = failed.doing(&refusal::MEMORIES).unwrap_err();
        let (status, said) = body(&error, Dialect::Api);
        assert_eq!((status, &said["error"]["code"]), (500, &json!("MEMORY_ERROR")));
        assert!(!said.to_string().contains("sda"));
        assert!(error.cause().unwrap().contains("sda"));
        let missing: Result<(), _> = Err(StoreError::Missing { what: "room", id: Uuid::nil() });
        let error = missing.doing(&refusal::MEMORIES).unwrap_err();
        assert_eq!(body(&error, Dialect::Api).1["error"]["message"], "Room not found");
        assert_eq!(error.cause(), None);
    }

    #[test]
    fn bodies_that_cannot_be_read_are_the_clients_fault() {
        for (error, status) in [
            (BodyError::TooLarge(5), 413),
            (BodyError::Malformed("x".into()), 400),
            (BodyError::NotAnObject("null"), 400),
            (BodyError::Encoding("zip".into()), 415),
            (BodyError::Charset("klingon".into()), 415),
            (BodyError::Packed("gzip"), 400),
            (BodyError::BrokenOff, 400),
        ] {
            assert_eq!(body(&ElizaError::from(error), Dialect::Api).0, status);
        }
    }
}
