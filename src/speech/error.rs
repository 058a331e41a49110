//! What can go wrong with speech, as facts.

use std::time::Duration;

use greenroom_actors::error::{CoreError, ModelError};

use super::sound::DecodeError;

/// Why nothing was said or understood.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum SpeechError {
    /// There is nothing that speaks: no provider is configured and no program is installed.
    #[error("nothing here can speak")]
    NoSynthesizer,
    /// There is nothing that listens.
    #[error("nothing here can listen")]
    NoRecognizer,
    /// Too much is spoken and listened to already. Nothing happened.
    #[error("too much is spoken and listened to already")]
    Busy,
    /// It took too long.
    #[error("not done within {0:?}")]
    TimedOut(Duration),
    /// There is nothing to say.
    #[error("there is nothing to say")]
    NothingToSay,
    /// The text is longer than that many characters.
    #[error("the text is longer than {0} characters")]
    TextTooLong(usize),
    /// The file is no sound that can be listened to.
    #[error(transparent)]
    Undecoded(#[from] DecodeError),
    /// No words were heard.
    #[error("no words were heard")]
    NothingHeard,
    /// A program of this machine failed.
    #[error("{program}: {reason}")]
    Program {
        /// Which.
        program: &'static str,
        /// Why, as a lower-case fragment.
        reason: String,
    },
    /// The provider failed.
    #[error(transparent)]
    Provider(#[from] ModelError),
    /// The core refused or failed.
    #[error(transparent)]
    Core(#[from] CoreError),
}

impl SpeechError {
    /// A program that failed.
    pub(super) fn program(program: &'static str, reason: impl ToString) -> Self {
        Self::Program { program, reason: reason.to_string() }
    }
}
