//! How a command fails.

use std::io;
use std::process::ExitCode;

use crate::config::ConfigError;
use crate::server::ServeError;

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// It was called wrongly.
    #[error("{0}")]
    Usage(String),
    /// The host, or something else it needs, did not do its part.
    #[error("{0}")]
    Failed(String),
    /// The configuration is not one.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The host could not be run.
    #[error(transparent)]
    Serve(#[from] ServeError),
    /// Reading or writing failed.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl CliError {
    /// Whether whoever read the output has seen enough, as in `greenroom agents list | head`.
    pub(super) fn is_unread(&self) -> bool {
        matches!(self, Self::Io(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }

    /// The code that the process ends with.
    pub(super) fn code(&self) -> ExitCode {
        match self {
            Self::Usage(_) => ExitCode::from(2),
            Self::Failed(_) | Self::Config(_) | Self::Serve(_) | Self::Io(_) => ExitCode::from(1),
        }
    }
}
