//! What an operator may say about SSH.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The `[ssh]` section of the configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SshSettings {
    /// Whether there is SSH at all.
    pub enabled: bool,
    /// The address at which agents are reached, each at its own port.
    pub bind: IpAddr,
    /// Agents that may be reached at once.
    pub ports_max: u32,
    /// Sessions at once, over all agents: connections of somebody who has come in.
    pub sessions_max: u32,
    /// Seconds after which a session ends in which nothing happens.
    pub idle_timeout_s: u32,
}

impl Default for SshSettings {
    fn default() -> Self {
        Self {
            enabled: false,
            bind: IpAddr::V4(Ipv4Addr::LOCALHOST),
            ports_max: 256,
            sessions_max: 64,
            idle_timeout_s: 900,
        }
    }
}

impl SshSettings {
    pub(super) fn idle_timeout(&self) -> Duration {
        Duration::from_secs(u64::from(self.idle_timeout_s))
    }

    /// Whether the values can be.
    ///
    /// # Errors
    /// The name of the key at fault and what is wrong with it.
    pub fn check(&self) -> Result<(), String> {
        if self.idle_timeout_s == 0 {
            return Err("idle_timeout_s is 0, and must be at least 1".to_owned());
        }
        Ok(())
    }
}
