//! Why an agent was not taken out of the host, or not taken in.

use greenroom_actors::error::{CoreError, StoreError};
use greenroom_actors::ids::AgentId;

use super::container::ITERATIONS_MAX;
use super::password::{PASSWORD_MAX_BYTES, PASSWORD_MIN_UNITS};

/// Why an agent was not exported or imported. Nothing of it was kept then.
///
/// The words are those that clients of the original look for.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum TransferError {
    /// The password is too short; its length is counted as the original counts it.
    #[error("the password must have at least {PASSWORD_MIN_UNITS} characters")]
    PasswordTooShort,
    /// The password is too long.
    #[error("the password is too long: it may have {PASSWORD_MAX_BYTES} bytes")]
    PasswordTooLong,
    /// The upload is larger than may be.
    #[error("the upload is larger than {limit} bytes")]
    BodyTooLarge {
        /// Bytes that are allowed.
        limit: u64,
    },
    /// The upload cannot even say how long its password is.
    #[error("the upload is too small: it must hold a password and a file")]
    BodyTooSmall,
    /// The upload ends before its file begins.
    #[error("the upload is incomplete: it must hold a password and a file")]
    BodyIncomplete,
    /// The file is shorter than its header.
    #[error("the file is too small to hold an agent")]
    FileTooSmall,
    /// The file is none of this format.
    #[error("invalid file format: this is no .eliza-agent file")]
    NotAnAgentFile,
    /// The file asks for a key that takes too long to derive, or for none.
    #[error("the iteration count is {0}, and must be 1 to {ITERATIONS_MAX}")]
    Iterations(u32),
    /// The file is nothing but a header.
    #[error("the file holds no encrypted data")]
    NoContent,
    /// The tag does not fit the content under this password.
    #[error("decryption failed: the password is wrong, or the file is damaged")]
    Decryption,
    /// What was sealed is not compressed as it should be.
    #[error("decompression failed: the content is not gzip, or damaged")]
    Decompression,
    /// There is more in the file than may be.
    #[error("the content exceeds import limit: more than {limit} {what}")]
    ContentTooLarge {
        /// Of what.
        what: &'static str,
        /// How much of it is allowed.
        limit: u64,
    },
    /// The content is not JSON.
    #[error("JSON parse error: {0}")]
    Json(String),
    /// The content is not what it should be.
    #[error("schema validation failed: {0}")]
    Schema(String),
    /// The file is from a later generation.
    #[error("unsupported export version {0}: update your software")]
    Version(u64),
    /// The agent of the file cannot be.
    #[error("failed to create agent: {0}")]
    Agent(String),
    /// A file of the agent's workspace cannot be kept.
    #[error("a file of the workspace cannot be kept: {0}")]
    Workspace(String),
    /// There is no such agent.
    #[error("agent {0} not found")]
    AgentNotFound(AgentId),
    /// Too many transfers wait, or their files take too much room.
    #[error("too many transfers at once, try again")]
    Overloaded,
    /// The host is going down.
    #[error("shutting down")]
    ShuttingDown,
    /// The agent could not be kept.
    #[error("Import failed: the store did not take it")]
    Import(#[source] CoreError),
    /// The agent could not be read.
    #[error("export failed: the store did not give it")]
    Export(#[source] CoreError),
    /// A file on its way could not be written or read.
    #[error("the transfer's file could not be written or read")]
    File(#[source] StoreError),
}

/// What sort of failure it is, as far as whoever asked has to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TransferErrorKind {
    /// What was sent cannot be.
    Invalid,
    /// What was sent is too large.
    TooLarge,
    /// There is no such agent.
    NotFound,
    /// Not now; perhaps later.
    Unavailable,
    /// No space is left.
    Full,
    /// The host failed.
    Failed,
}

impl TransferError {
    /// What sort of failure it is.
    #[must_use]
    pub fn kind(&self) -> TransferErrorKind {
        match self {
            Self::PasswordTooShort
            | Self::PasswordTooLong
            | Self::BodyTooSmall
            | Self::BodyIncomplete
            | Self::FileTooSmall
            | Self::NotAnAgentFile
            | Self::Iterations(_)
            | Self::NoContent
            | Self::Decryption
            | Self::Decompression
            | Self::ContentTooLarge { .. }
            | Self::Json(_)
            | Self::Schema(_)
            | Self::Version(_)
            | Self::Agent(_)
            | Self::Workspace(_) => TransferErrorKind::Invalid,
            Self::BodyTooLarge { .. } => TransferErrorKind::TooLarge,
            Self::AgentNotFound(_) => TransferErrorKind::NotFound,
            Self::Overloaded | Self::ShuttingDown => TransferErrorKind::Unavailable,
            Self::Import(error) | Self::Export(error) => match error {
                CoreError::Store(StoreError::Full(_)) => TransferErrorKind::Full,
                CoreError::Overloaded
                | CoreError::Starting
                | CoreError::ShuttingDown
                | CoreError::Store(StoreError::Busy) => TransferErrorKind::Unavailable,
                _ => TransferErrorKind::Failed,
            },
            Self::File(StoreError::Full(_)) => TransferErrorKind::Full,
            Self::File(_) => TransferErrorKind::Failed,
        }
    }
}

impl TransferError {
    /// Why an agent could not be read.
    pub(super) fn of_export(error: CoreError) -> Self {
        match error {
            CoreError::AgentNotFound(agent) => Self::AgentNotFound(agent),
            CoreError::Store(StoreError::Busy) | CoreError::Overloaded => Self::Overloaded,
            CoreError::Store(StoreError::Closed) | CoreError::ShuttingDown => Self::ShuttingDown,
            error => Self::Export(error),
        }
    }

    /// Why an agent could not be kept.
    pub(super) fn of_import(error: CoreError) -> Self {
        match error {
            CoreError::Store(StoreError::Busy) | CoreError::Overloaded => Self::Overloaded,
            CoreError::Store(StoreError::Closed) | CoreError::ShuttingDown => Self::ShuttingDown,
            CoreError::Invalid { field, reason } => Self::Agent(format!("{field}: {reason}")),
            error => Self::Import(error),
        }
    }
}

impl From<std::io::Error> for TransferError {
    fn from(error: std::io::Error) -> Self {
        match error.downcast::<Self>() {
            // What a writer of ours has refused.
            Ok(refused) => refused,
            Err(error) => Self::File(crate::media::failed(error)),
        }
    }
}
