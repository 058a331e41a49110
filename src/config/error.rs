//! What can be wrong with a configuration, and where.

use std::io;
use std::path::PathBuf;

use super::origin::Origin;

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("{}: {source}", file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Something in a source is unknown or of the wrong type.
    #[error("{origin}: {reason}")]
    Misread {
        /// Where it stands.
        origin: Origin,
        /// What is wrong, as a lower-case fragment.
        reason: String,
    },
    /// A value is of the right type and cannot be all the same.
    #[error("{origin}: {key}: {reason}")]
    Refused {
        /// Where it stands.
        origin: Origin,
        /// The key, with its section.
        key: String,
        /// What is wrong, as a lower-case fragment.
        reason: String,
    },
}
