//! What an operator may say about transfers.

use serde::{Deserialize, Serialize};

/// The `[transfer]` section of the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TransferSettings {
    /// Bytes of an upload with a file, at most.
    pub body_max_bytes: u64,
    /// Bytes of what is in a file that is imported, once it is unpacked, at most.
    pub unpacked_max_bytes: u64,
    /// Bytes of all files on their way in and out, at most.
    pub spool_max_bytes: u64,
    /// Transfers that wait for their turn before further ones are refused.
    pub waiting_max: u32,
}

impl Default for TransferSettings {
    fn default() -> Self {
        Self {
            body_max_bytes: 512 * 1024 * 1024,
            unpacked_max_bytes: 1024 * 1024 * 1024,
            spool_max_bytes: 4 * 1024 * 1024 * 1024,
            waiting_max: 16,
        }
    }
}
