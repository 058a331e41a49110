//! Why something about the organisation was not done.

use std::time::Duration;

use greenroom_actors::error::{CoreError, StoreError};

use crate::workspace::WorkspaceError;

/// Why something was not done. Nothing changed then.
#[derive(Debug, thiserror::Error)]
pub enum OrganisationError {
    /// It is no e-mail address.
    #[error("an e-mail address has one @ with something on both sides, and at most 254 characters")]
    NotAnAddress,
    /// Nobody needs to share an agent with themselves.
    #[error("cannot share an agent with yourself")]
    Yourself,
    /// It is shared with them already.
    #[error("already shared with {0}")]
    Shared(String),
    /// It is not shared with them.
    #[error("no sharing found for {0}")]
    NotShared(String),
    /// A tag without a letter.
    #[error("a tag cannot be empty")]
    TagEmpty,
    /// A tag that is too long.
    #[error("the tag {0} is too long")]
    TagLong(String),
    /// A tag of other characters than may be.
    #[error("the tag {0} has characters that none has")]
    TagOdd(String),
    /// An agent needs no permission to call itself.
    #[error("an agent cannot be permitted to call itself")]
    Itself,
    /// One agent may not call the other.
    #[error("the one may not call the other")]
    NotPermitted,
    /// There is one like it.
    #[error("there is one like it")]
    Exists,
    /// There is none.
    #[error("there is no such {0}")]
    Missing(&'static str),
    /// It is in no state for that.
    #[error("it is {0} already")]
    Settled(&'static str),
    /// A field cannot be so.
    #[error("{field}: {reason}")]
    Invalid {
        /// Which field.
        field: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// There are as many as may be.
    #[error("there are {limit} {what} already, and no more may be")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// How many.
        limit: usize,
    },
    /// It is done too often.
    #[error("too often; wait {} s", .0.as_secs().max(1))]
    TooOften(Duration),
    /// Agents have called one another up by events too long, one because of another.
    #[error("this follows upon {0} events already, one because of another")]
    TooFar(u64),
    /// The core refused it.
    #[error(transparent)]
    Core(#[from] CoreError),
}

impl OrganisationError {
    pub(super) fn invalid(field: &'static str, reason: impl Into<String>) -> Self {
        Self::Invalid { field, reason: reason.into() }
    }
}

impl From<StoreError> for OrganisationError {
    fn from(error: StoreError) -> Self {
        Self::Core(error.into())
    }
}

impl From<WorkspaceError> for OrganisationError {
    fn from(error: WorkspaceError) -> Self {
        match error {
            WorkspaceError::Store(error) => error.into(),
            error => StoreError::Failed(error.to_string()).into(),
        }
    }
}
