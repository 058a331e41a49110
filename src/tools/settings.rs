//! What an operator may say about tools.

use serde::{Deserialize, Serialize};

use crate::http::outbound::{Guard, Hosts, Reach};

/// The `[tools]` section of the configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ToolsSettings {
    /// Whether agents are offered the files of their workspaces.
    pub files: bool,
    /// Whether agents are offered to speak in channels that they take part in.
    pub channels: bool,
    /// Hosts that agents may fetch from: `example.org`, `*.example.org` for all below it, `*` for
    /// every one. Empty: fetching is not offered.
    pub fetch_allow: Vec<String>,
    /// Whether fetching may also reach this machine and private networks.
    pub fetch_allows_private: bool,
    /// Bytes of an answer that are taken, once it is unpacked.
    pub fetch_max_bytes: u64,
    /// Seconds that an answer may take in all.
    pub fetch_timeout_s: u32,
    /// Fetches in flight at most; further ones wait.
    pub fetches_in_flight_max: u32,
}

/// Why tools cannot be set up.
#[derive(Debug, thiserror::Error)]
#[error("{key}: {reason}")]
pub struct ToolsError {
    /// The key at fault, within its section.
    pub key: &'static str,
    /// What is wrong with it.
    pub reason: String,
}

impl Default for ToolsSettings {
    fn default() -> Self {
        Self {
            files: true,
            channels: true,
            fetch_allow: Vec::new(),
            fetch_allows_private: false,
            fetch_max_bytes: 1024 * 1024,
            fetch_timeout_s: 20,
            fetches_in_flight_max: 32,
        }
    }
}

impl ToolsSettings {
    /// Checks what no single value's type can say.
    ///
    /// # Errors
    /// The key at fault.
    pub fn check(&self) -> Result<(), ToolsError> {
        self.guard()?;
        if self.fetches_in_flight_max == 0 {
            let reason = "must not be 0".to_owned();
            return Err(ToolsError { key: "fetches_in_flight_max", reason });
        }
        Ok(())
    }

    /// What may be fetched; `None` if nothing may.
    ///
    /// # Errors
    /// The key at fault.
    pub fn guard(&self) -> Result<Option<Guard>, ToolsError> {
        let hosts = Hosts::read(&self.fetch_allow)
            .map_err(|reason| ToolsError { key: "fetch_allow", reason })?;
        Ok((!hosts.is_empty()).then(|| Guard::new(hosts, self.reach())))
    }

    /// How far requests on behalf of agents may reach.
    #[must_use]
    pub fn reach(&self) -> Reach {
        if self.fetch_allows_private { Reach::Anywhere } else { Reach::Public }
    }
}
