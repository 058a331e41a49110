//! Why something with credentials was not done.

use greenroom_actors::error::CoreError;

use super::bundle::{BundleError, KEY_VARIABLE};
use super::found::{BYTES_MAX, SECRETS_MAX};
use crate::workspace::{CREDENTIAL_FILES, WorkspaceError};

/// Why something with credentials was not done.
#[derive(Debug, thiserror::Error)]
pub enum CredentialError {
    /// There is nothing to be written.
    #[error("No files provided")]
    NoFiles,
    /// Some files are none of the four.
    #[error("Disallowed file path(s): {}. Allowed: {}", .0.join(", "), CREDENTIAL_FILES.join(", "))]
    Foreign(Vec<String>),
    /// There is nothing to make a bundle of.
    #[error("No credential files found to export")]
    NothingToExport,
    /// A file is not text, which a bundle holds alone.
    #[error("{0} is not UTF-8 text")]
    NoText(&'static str),
    /// A file is longer than one that is looked through for secrets.
    #[error("{file} is larger than {most} bytes")]
    TooLarge {
        /// Which.
        file: &'static str,
        /// How many it may have.
        most: u64,
    },
    /// The files hold more secrets than can be kept out of what is written down.
    #[error(
        "the files hold more secrets than can be masked: {SECRETS_MAX} of {BYTES_MAX} bytes in all"
    )]
    TooMany,
    /// There is no bundle.
    #[error("No .credentials.enc file found")]
    NoBundle,
    /// The bundle cannot be read.
    #[error("{0}")]
    Bundle(#[from] BundleError),
    /// No key is configured.
    #[error("Encryption is not configured: set {KEY_VARIABLE}")]
    NoKey,
    /// The folder does not take it.
    #[error(transparent)]
    Workspace(#[from] WorkspaceError),
    /// What is known of secrets cannot be kept.
    #[error(transparent)]
    Core(#[from] CoreError),
}
