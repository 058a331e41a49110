//! What an operator may say about workspaces.

use serde::{Deserialize, Serialize};

/// The `[workspace]` section of the configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WorkspaceSettings {
    /// Bytes of all files of one agent, at most. 0: nothing can be written.
    pub max_bytes: u64,
    /// Bytes of one file, at most.
    pub file_max_bytes: u64,
    /// Files and folders of one agent, at most.
    pub entries_max: u32,
}

impl Default for WorkspaceSettings {
    fn default() -> Self {
        Self {
            max_bytes: 256 * 1024 * 1024,
            file_max_bytes: 8 * 1024 * 1024,
            // All are counted at each write, which at so many takes some milliseconds.
            entries_max: 10_000,
        }
    }
}
