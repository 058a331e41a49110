//! What an operator may say about media.

use serde::{Deserialize, Serialize};

/// The `[media]` section of the configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MediaSettings {
    /// Bytes of all files that are kept, at most; a file beyond that is refused. 0: none is kept.
    pub kept_max_bytes: u64,
}

impl Default for MediaSettings {
    fn default() -> Self {
        Self { kept_max_bytes: 10 * 1024 * 1024 * 1024 }
    }
}
