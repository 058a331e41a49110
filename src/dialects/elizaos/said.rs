//! How facts are said in the dialect: the status, the code and the message of each.

use std::borrow::Cow;

use actix_web::http::StatusCode;
use greenroom_actors::error::{CoreError, ModelError, StoreError};
use greenroom_actors::lifecycle::{Command, State};

use super::refusal::{self, Refusal};
use crate::http::body::BodyError;
use crate::http::idempotency::IdempotencyError;
use crate::http::upload::UploadError;
use crate::speech::SpeechError;
use crate::speech::sound::DecodeError;

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

/// How an error is said.
#[derive(Debug)]
pub(super) struct Said {
    pub(super) status: StatusCode,
    /// Absent: the status is the code.
    pub(super) code: Option<&'static str>,
    pub(super) message: Cow<'static, str>,
    pub(super) retry_after_s: Option<u32>,
}

impl Said {
    pub(super) fn of(refusal: &Refusal) -> Self {
        Self {
            status: refusal.status,
            code: refusal.code,
            message: Cow::Borrowed(refusal.message),
            retry_after_s: (refusal.status == StatusCode::SERVICE_UNAVAILABLE)
                .then_some(TRY_AGAIN_S),
        }
    }

    fn new(status: StatusCode, code: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        Self { status, code: Some(code), message: message.into(), retry_after_s: None }
    }

    fn later(code: &'static str, message: &'static str) -> Self {
        let said = Self::new(StatusCode::SERVICE_UNAVAILABLE, code, message);
        Self { retry_after_s: Some(TRY_AGAIN_S), ..said }
    }
}

/// That an agent's reply is in flight where nothing more is to be said meanwhile.
pub(super) const AGENT_BUSY: &str = "AGENT_BUSY";

/// How the dialect says what the core says.
pub(super) fn of_core(
    error: &CoreError,
    doing: Option<&'static Refusal>,
    dialect: Dialect,
) -> Said {
    use StatusCode as S;
    let fault = || doing.map_or_else(|| Said::of(&refusal::INTERNAL), Said::of);
    match error {
        CoreError::AgentNotFound(_) => Said::of(&refusal::AGENT_NOT_FOUND),
        CoreError::NotFound { what, .. } => Said::new(S::NOT_FOUND, "NOT_FOUND", missing(what)),
        CoreError::HandleTaken(_) => {
            Said::new(S::CONFLICT, "CONFLICT", "An agent of that name already exists")
        }
        CoreError::AlreadyExists(_) => Said::new(S::CONFLICT, "CONFLICT", "Agent already exists"),
        CoreError::WrongState { command, state } => wrong_state(*command, *state, dialect),
        // An agent that does not run has no instance, which this contract words as not being there.
        CoreError::NotRunning { .. } | CoreError::Failed { .. } => not_running(dialect),
        CoreError::Invalid { field, reason } => {
            Said::new(S::BAD_REQUEST, "BAD_REQUEST", format!("{field}: {reason}"))
        }
        CoreError::Busy(_) => {
            Said::new(S::CONFLICT, AGENT_BUSY, "The agent is still answering; try again then")
        }
        CoreError::Overloaded | CoreError::AtCapacity { .. } => {
            Said::later("OVERLOADED", "Too busy, please try again")
        }
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
        CoreError::Parked(_) => {
            let message = "The agent waits for a person's approval; its answer comes later";
            Said::new(S::ACCEPTED, "PARKED", message)
        }
        CoreError::Decided { .. } => {
            Said::new(S::CONFLICT, "CONFLICT", "It was decided otherwise already")
        }
        CoreError::Cancelled(_) => {
            Said::new(S::CONFLICT, "CANCELLED", "The work was cancelled before it ended")
        }
        CoreError::Budget(exceeded) => {
            Said::new(S::PAYMENT_REQUIRED, "BUDGET_EXCEEDED", exceeded.to_string())
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
            StoreError::Exceeded(exceeded) => {
                Said::new(S::PAYMENT_REQUIRED, "BUDGET_EXCEEDED", exceeded.to_string())
            }
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

pub(super) fn of_body(error: &BodyError) -> Said {
    let (status, code) = match error {
        BodyError::TooLarge(_) => (StatusCode::PAYLOAD_TOO_LARGE, "PAYLOAD_TOO_LARGE"),
        BodyError::Encoding(_) | BodyError::Charset(_) => {
            (StatusCode::UNSUPPORTED_MEDIA_TYPE, "UNSUPPORTED_MEDIA_TYPE")
        }
        BodyError::TooSlow(_) => (StatusCode::REQUEST_TIMEOUT, "TIMEOUT"),
        BodyError::Malformed(_)
        | BodyError::NotAnObject(_)
        | BodyError::Packed(_)
        | BodyError::BrokenOff => (StatusCode::BAD_REQUEST, "BAD_REQUEST"),
    };
    Said::new(status, code, error.to_string())
}

/// How the dialect says what becomes of a request that was sent under a key.
pub(super) fn of_repeated(error: &IdempotencyError, dialect: Dialect) -> Said {
    use StatusCode as S;
    let (status, code) = match error {
        IdempotencyError::Key(_) => (S::BAD_REQUEST, "INVALID_IDEMPOTENCY_KEY"),
        IdempotencyError::Reused => (S::UNPROCESSABLE_ENTITY, "IDEMPOTENCY_KEY_REUSED"),
        IdempotencyError::InFlight => {
            let said = Said::new(S::CONFLICT, "IDEMPOTENCY_IN_FLIGHT", error.to_string());
            return Said { retry_after_s: Some(TRY_AGAIN_S), ..said };
        }
        IdempotencyError::Unknown => (S::CONFLICT, "IDEMPOTENCY_OUTCOME_UNKNOWN"),
        IdempotencyError::BrokenOff => (S::BAD_REQUEST, "BAD_REQUEST"),
        IdempotencyError::Busy => return of_core(&CoreError::Overloaded, None, dialect),
        IdempotencyError::Store(error) => return of_core(&error.clone().into(), None, dialect),
    };
    Said::new(status, code, error.to_string())
}

/// How the dialect says why nothing was said or understood.
pub(super) fn of_speech(error: &SpeechError, doing: &'static Refusal, dialect: Dialect) -> Said {
    use StatusCode as S;
    // Trying again does not help: somebody has to do something first.
    let lacking = |what: &'static str| Said::new(S::SERVICE_UNAVAILABLE, "PROCESSING_ERROR", what);
    let (status, code) = match error {
        SpeechError::NoSynthesizer => {
            return lacking(
                "Nothing here can speak: name a provider's model as speech.synthesizer in the \
                 configuration, such as \"openai:tts-1\", or install flite",
            );
        }
        SpeechError::NoRecognizer => {
            return lacking(
                "Nothing here can listen: name a provider's model as speech.recognizer in the \
                 configuration, such as \"openai:whisper-1\", or install pocketsphinx and \
                 pocketsphinx-en-us",
            );
        }
        SpeechError::Busy | SpeechError::Provider(ModelError::RateLimited { .. }) => {
            return Said::later("OVERLOADED", "Too much is spoken and listened to, try again");
        }
        SpeechError::NothingToSay => return Said::of(&refusal::SPEECH_TEXT),
        SpeechError::NothingHeard => return Said::of(&refusal::NOTHING_HEARD),
        SpeechError::TextTooLong(_) => (S::BAD_REQUEST, "INVALID_REQUEST"),
        SpeechError::Undecoded(DecodeError::NotSound(_)) => (S::BAD_REQUEST, "INVALID_FILE_TYPE"),
        SpeechError::Undecoded(DecodeError::Unsupported(container)) => {
            let message = format!(
                "No decoder for this audio in {}: install ffmpeg, or send another format",
                container.extension()
            );
            return Said::new(S::BAD_REQUEST, "INVALID_FILE_TYPE", message);
        }
        SpeechError::Undecoded(DecodeError::TooLong(_)) => (S::PAYLOAD_TOO_LARGE, "FILE_TOO_LARGE"),
        SpeechError::Core(error) => return of_core(error, Some(doing), dialect),
        SpeechError::Undecoded(DecodeError::TooSlow)
        | SpeechError::TimedOut(_)
        | SpeechError::Program { .. }
        | SpeechError::Provider(
            ModelError::Refused(_)
            | ModelError::Unavailable(_)
            | ModelError::TimedOut(_)
            | ModelError::Unsupported(_),
        ) => return Said::of(doing),
    };
    Said::new(status, code, error.to_string())
}

/// How the dialect says why it did not take a form.
pub(super) fn of_upload(error: &UploadError) -> Said {
    use StatusCode as S;
    let (status, code) = match error {
        UploadError::NotAForm => (S::BAD_REQUEST, "INVALID_REQUEST"),
        UploadError::Malformed(_) | UploadError::BrokenOff | UploadError::TooManyParts => {
            (S::BAD_REQUEST, "BAD_REQUEST")
        }
        UploadError::Stalled(_) | UploadError::TooSlow(_) => (S::REQUEST_TIMEOUT, "TIMEOUT"),
        UploadError::FileTooLarge(_) => {
            return Said::new(S::PAYLOAD_TOO_LARGE, "FILE_TOO_LARGE", "File too large");
        }
        UploadError::TextsTooLarge => (S::PAYLOAD_TOO_LARGE, "PAYLOAD_TOO_LARGE"),
        UploadError::UnexpectedFile(_) => {
            return Said::new(S::BAD_REQUEST, "INVALID_REQUEST", "Unexpected file field");
        }
        UploadError::TooManyFiles => {
            return Said::new(S::BAD_REQUEST, "INVALID_REQUEST", "Too many files");
        }
        UploadError::Type(_) => {
            return Said::new(S::BAD_REQUEST, "INVALID_FILE_TYPE", "Invalid file type");
        }
        UploadError::Storage(StoreError::Full(_)) => {
            return Said::new(S::INSUFFICIENT_STORAGE, "STORAGE_FULL", "No space is left");
        }
        UploadError::Storage(_) => return Said::of(&refusal::INTERNAL),
    };
    Said::new(status, code, error.to_string())
}
