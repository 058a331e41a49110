//! What can go wrong with accounts.

use std::time::Duration;

use greenroom_actors::error::{CoreError, StoreError};

use super::password::Weakness;

/// Why something about accounts was not done.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum AccountsError {
    /// The core did not keep or find it.
    #[error(transparent)]
    Core(#[from] CoreError),
    /// The administrator has no password yet.
    #[error("the administrator's password is not set yet")]
    SetupRequired,
    /// The administrator has a password already.
    #[error("the first setup is already completed")]
    SetupCompleted,
    /// The one-time token is not that of the log.
    #[error("wrong setup token")]
    WrongSetupToken,
    /// The password is too easy to guess.
    #[error("{0}")]
    WeakPassword(Weakness),
    /// No user has that name and password.
    #[error("incorrect username or password")]
    WrongPassword,
    /// Too much was tried from there; the time is what is left to wait.
    #[error("too many attempts, try again in {} seconds", .0.as_secs().max(1))]
    TooManyTries(Duration),
    /// Nobody may log in by e-mail.
    #[error("login by e-mail is disabled")]
    EmailLoginDisabled,
    /// It is no e-mail address.
    #[error("not an e-mail address")]
    NotAnAddress,
    /// The code is not the one that was sent, or is over.
    #[error("invalid or expired code")]
    WrongCode,
    /// There is no such user.
    #[error("no such user")]
    UnknownUser,
    /// Nobody changes their own role.
    #[error("nobody changes their own role")]
    OwnRole,
    /// The host's own administrator, and the last one, stay what they are.
    #[error("the host's own administrator, and the last one, keep their role")]
    NeededAdmin,
    /// There is no such key.
    #[error("no such key")]
    UnknownKey,
    /// There are as many keys of one user as may be.
    #[error("at most {0} keys for one user")]
    TooManyKeys(usize),
    /// The address may log in already.
    #[error("{0} is on the list already")]
    Listed(String),
    /// The address is not on the list of those that may log in.
    #[error("{0} is not on the list")]
    NotListed(String),
    /// There are as many of those as may be.
    #[error("at most {0} of them")]
    TooMany(usize),
    /// A person may not own that many agents.
    #[error("{current} of {limit} agents")]
    Quota {
        /// How many they own.
        current: u64,
        /// How many they may.
        limit: u64,
    },
    /// So many passwords wait to be checked that this one was not. Nothing happened.
    #[error("too busy, try again")]
    Busy,
    /// What the machine's random numbers or cryptography are needed for failed.
    #[error("a password or token could not be made")]
    Failed,
}

impl From<StoreError> for AccountsError {
    fn from(error: StoreError) -> Self {
        Self::Core(error.into())
    }
}
