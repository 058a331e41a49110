//! Why there is no access.

use std::io;

use greenroom_actors::error::{CoreError, StoreError};

/// Why access by SSH was not given. Nothing changed then.
#[derive(Debug, thiserror::Error)]
pub enum SshError {
    /// There is no SSH here.
    #[error(
        "SSH is not enabled on this host: set `enabled` in the section [ssh] of its configuration"
    )]
    Disabled,
    /// It is not a public key, or one that no signature can be checked against here.
    #[error("the public key {0}")]
    Key(String),
    /// There are as many of them as there may be.
    #[error("there are {limit} {what} already, and must not be more")]
    TooMany {
        /// What there is too much of.
        what: &'static str,
        /// How many there may be.
        limit: usize,
    },
    /// Nobody can listen at the port.
    #[error("nothing can listen at port {port}: {source}")]
    Port {
        /// The port.
        port: u16,
        /// What the system says.
        source: io::Error,
    },
    /// The host's own key cannot be read or kept.
    #[error("the host key: {0}")]
    HostKey(String),
    /// The agent, or the store.
    #[error(transparent)]
    Core(#[from] CoreError),
}

impl From<StoreError> for SshError {
    fn from(error: StoreError) -> Self {
        Self::Core(error.into())
    }
}
