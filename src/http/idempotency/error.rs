//! Why a request with a key is not carried out.

use greenroom_actors::error::StoreError;

/// Why a request with a key is not carried out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdempotencyError {
    /// The key cannot be one.
    #[error("Idempotency-Key must be given once and be 1 to {0} visible ASCII characters")]
    Key(usize),
    /// Another request was answered under this key.
    #[error("Idempotency-Key was used for another request; a new request needs a new key")]
    Reused,
    /// A request of this key is being carried out.
    #[error("a request with this Idempotency-Key is being carried out; ask again for its answer")]
    InFlight,
    /// A request of this key was begun, and nobody knows what became of it.
    #[error(
        "a request with this Idempotency-Key was begun and cut off; whether it was done is unknown, \
         and it is not repeated: look whether it was, and use a new key if not"
    )]
    Unknown,
    /// The body of a repeated request was not all there.
    #[error("the body broke off, so it could not be compared with the first one of this key")]
    BrokenOff,
    /// Too many requests with a key are in flight.
    #[error("too many requests with an Idempotency-Key are in flight")]
    Busy,
    /// What was begun could not be noted, so nothing was.
    #[error(transparent)]
    Store(#[from] StoreError),
}
