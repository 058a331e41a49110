//! What goes wrong, and its answer in the envelope of a dialect.

use std::borrow::Cow;
use std::fmt;

use actix_web::body::BoxBody;
use actix_web::http::StatusCode;
use actix_web::http::header::{ALLOW, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use actix_web::{HttpResponse, ResponseError};
use greenroom_actors::error::{CoreError, ModelError, StoreError};
use serde_json::{Map, Value, json};

use super::groups::NotJoined;
use super::messaging::SessionFault;
use super::refusal::{self, Refusal};
use super::said::{Dialect, Said, of_body, of_core, of_repeated, of_speech, of_upload};
use crate::http::body::BodyError;
use crate::http::idempotency::{Happened, IdempotencyError};
use crate::http::upload::UploadError;
use crate::secrets::NotASecret;
use crate::speech::SpeechError;

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
    /// The form cannot be taken.
    Upload(UploadError),
    /// This dialect refused, with no envelope: the words, and their media type.
    Plain(&'static Refusal, &'static str),
    /// A file that is not served: the words alone.
    File(&'static Refusal),
    /// A group that none of its members could be given a room of.
    NobodyJoined(Vec<NotJoined>),
    /// It was sent under a key, and is not carried out.
    Repeated(IdempotencyError),
    /// A session did not do what was asked.
    Session(Box<SessionFault>),
    /// Nothing was said or understood; `doing` words a fault of the inside on this route.
    Speech { error: SpeechError, doing: &'static Refusal },
    /// A handler panicked; what it did by then is unknown.
    Panicked,
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

    /// What is to be logged: the inside of a 5xx, which the answer does not tell. A fault unless it
    /// [is expected](Self::is_expected).
    pub(super) fn cause(&self) -> Option<String> {
        match self {
            Self::Core { error, .. } => {
                self.said(Dialect::Api).status.is_server_error().then(|| error.to_string())
            }
            Self::Speech { error, .. } => {
                self.said(Dialect::Api).status.is_server_error().then(|| error.to_string())
            }
            Self::Panicked => Some("a handler panicked".to_owned()),
            Self::Upload(error) => {
                matches!(error, UploadError::Storage(_)).then(|| error.to_string())
            }
            Self::Session(fault) => fault.cause(),
            Self::Repeated(IdempotencyError::Store(error)) => Some(error.to_string()),
            Self::Repeated(_)
            | Self::NobodyJoined(_)
            | Self::Refused(_)
            | Self::Refusing(..)
            | Self::Body(_)
            | Self::File(_)
            | Self::Plain(..) => None,
        }
    }

    /// Whether it is a refusal to be expected of a host that works: too busy, or not serving now.
    pub(super) fn is_expected(&self) -> bool {
        match self {
            Self::Core { error, .. } => is_expected_of_core(error),
            Self::Speech { error, .. } => is_expected_of_speech(error),
            Self::Panicked => false,
            Self::Upload(UploadError::Storage(error)) => matches!(error, StoreError::Full(_)),
            Self::Upload(_) => true,
            Self::Session(fault) => fault.is_expected(),
            Self::Repeated(IdempotencyError::Store(error)) => {
                is_expected_of_core(&CoreError::Store(error.clone()))
            }
            Self::Repeated(_)
            | Self::NobodyJoined(_)
            | Self::Refused(_)
            | Self::Refusing(..)
            | Self::Body(_)
            | Self::File(_)
            | Self::Plain(..) => true,
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
        if said.status == StatusCode::METHOD_NOT_ALLOWED {
            answer.insert_header((ALLOW, "GET, HEAD"));
        }
        if let Self::Plain(refusal, media_type) = self {
            answer.insert_header((CONTENT_TYPE, *media_type));
            return answer.body(refusal.message);
        }
        answer.insert_header((CONTENT_TYPE, "application/json; charset=utf-8"));
        answer.body(self.envelope(&said, dialect).to_string())
    }

    fn envelope(&self, said: &Said, dialect: Dialect) -> Value {
        if let Self::File(refusal) = self {
            return json!({"error": refusal.message});
        }
        if dialect == Dialect::Bare {
            return json!({"success": false, "error": said.message});
        }
        if let Self::Session(fault) = self {
            return fault.envelope();
        }
        if let Self::NobodyJoined(members) = self {
            return json!({"success": false, "error": members});
        }
        let mut inner = Map::new();
        let code = said.code.map_or_else(|| json!(said.status.as_u16()), Value::from);
        inner.insert("code".to_owned(), code);
        inner.insert("message".to_owned(), json!(said.message));
        if let Self::Refusing(Refusal { repeats: true, .. }, _) = self {
            inner.insert("details".to_owned(), json!(said.message));
        }
        let mut outer = json!({"success": false, "error": inner});
        if let (Self::Refused(Refusal { aside: Some(aside), .. }), Some(outer)) =
            (self, outer.as_object_mut())
        {
            outer.insert("message".to_owned(), json!(aside));
        }
        outer
    }

    /// How it is said in a dialect.
    pub(super) fn said(&self, dialect: Dialect) -> Said {
        match self {
            Self::Core { error, doing } => of_core(error, *doing, dialect),
            Self::Refused(refusal) | Self::Plain(refusal, _) | Self::File(refusal) => {
                Said::of(refusal)
            }
            Self::Refusing(refusal, words) => {
                Said { message: Cow::Owned(words.clone()), ..Said::of(refusal) }
            }
            Self::Body(error) => of_body(error),
            Self::Upload(error) => of_upload(error),
            Self::NobodyJoined(_) => Said::of(&refusal::GROUP_CREATE),
            Self::Session(fault) => fault.said(),
            Self::Repeated(error) => of_repeated(error, dialect),
            Self::Speech { error, doing } => of_speech(error, doing, dialect),
            Self::Panicked => Said::of(&refusal::INTERNAL),
        }
    }
}

pub(super) fn is_expected_of_core(error: &CoreError) -> bool {
    matches!(
        error,
        CoreError::Overloaded
            | CoreError::AtCapacity { .. }
            | CoreError::Starting
            | CoreError::ShuttingDown
            | CoreError::Halted
            | CoreError::Model(ModelError::RateLimited { .. })
            | CoreError::Store(StoreError::Busy | StoreError::Closed)
    )
}

fn is_expected_of_speech(error: &SpeechError) -> bool {
    match error {
        SpeechError::Core(error) => is_expected_of_core(error),
        SpeechError::Provider(error) => matches!(error, ModelError::RateLimited { .. }),
        SpeechError::Program { .. } | SpeechError::TimedOut(_) => false,
        SpeechError::NoSynthesizer
        | SpeechError::NoRecognizer
        | SpeechError::Busy
        | SpeechError::NothingToSay
        | SpeechError::TextTooLong(_)
        | SpeechError::Undecoded(_)
        | SpeechError::NothingHeard => true,
    }
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

impl From<UploadError> for ElizaError {
    fn from(error: UploadError) -> Self {
        Self::Upload(error)
    }
}

impl From<NotASecret> for ElizaError {
    fn from(NotASecret { place, reason }: NotASecret) -> Self {
        Self::field(&place, reason)
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
        let mut answer = self.answer(Dialect::Api);
        // The model is asked once a message is kept, so that saying it again would say it twice.
        if let Self::Core { error: CoreError::Model(_), .. } = self {
            answer.extensions_mut().insert(Happened);
        }
        answer
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use actix_web::body::MessageBody;
    use greenroom_actors::ids::AgentId;
    use greenroom_actors::lifecycle::{Command, State};
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
    fn a_host_that_is_busy_or_halted_is_not_at_fault() {
        for (error, is_expected) in [
            (CoreError::Overloaded, true),
            (CoreError::Starting, true),
            (CoreError::ShuttingDown, true),
            (CoreError::Halted, true),
            (CoreError::Store(StoreError::Busy), true),
            (CoreError::Store(StoreError::Fenced), false),
            (CoreError::Store(StoreError::Full("/".into())), false),
            (CoreError::Store(StoreError::Failed("x".into())), false),
            (CoreError::Crashed(AgentId(Uuid::nil())), false),
        ] {
            let error = ElizaError::from(error);
            assert_eq!(error.is_expected(), is_expected, "{error:?}");
            assert!(error.cause().is_some());
        }
        for error in [ElizaError::from(&refusal::BUSY), ElizaError::from(&refusal::RATE)] {
            assert!(error.is_expected() && error.cause().is_none());
        }
        assert!(!ElizaError::Panicked.is_expected());
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
            (BodyError::TooSlow(Duration::from_secs(15)), 408),
        ] {
            assert_eq!(body(&ElizaError::from(error), Dialect::Api).0, status);
        }
        for (error, status, code) in [
            (UploadError::NotAForm, 400, "INVALID_REQUEST"),
            (UploadError::Malformed("x".into()), 400, "BAD_REQUEST"),
            (UploadError::BrokenOff, 400, "BAD_REQUEST"),
            (UploadError::Stalled(Duration::from_secs(15)), 408, "TIMEOUT"),
            (UploadError::TooSlow(Duration::from_secs(600)), 408, "TIMEOUT"),
            (UploadError::FileTooLarge(5), 413, "FILE_TOO_LARGE"),
            (UploadError::TextsTooLarge, 413, "PAYLOAD_TOO_LARGE"),
            (UploadError::TooManyParts, 400, "BAD_REQUEST"),
            (UploadError::UnexpectedFile("x".into()), 400, "INVALID_REQUEST"),
            (UploadError::TooManyFiles, 400, "INVALID_REQUEST"),
            (UploadError::Type("text/html".into()), 400, "INVALID_FILE_TYPE"),
            (UploadError::Storage(StoreError::Full("x".into())), 507, "STORAGE_FULL"),
        ] {
            let (told, said) = body(&ElizaError::from(error), Dialect::Api);
            assert_eq!((told, &said["error"]["code"]), (status, &json!(code)));
        }
        let broken = UploadError::Storage(StoreError::Failed("/dev/sda broke".into()));
        let (status, said) = body(&ElizaError::from(broken), Dialect::Api);
        assert_eq!(status, 500);
        assert!(!said.to_string().contains("sda"));
    }
}
