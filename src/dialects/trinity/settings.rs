//! What an operator may say about the Trinity listener.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::lanes::Lane;

/// The `[trinity]` section of the configuration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TrinitySettings {
    /// Whether there is such a listener.
    pub enabled: bool,
    /// Where it listens.
    pub bind: SocketAddr,
    /// Whether there is the agent `trinity-system`, which clients expect to be there always.
    pub system_agent: bool,
    /// The name that clients reach this host by, for addresses that they are told; absent: the one that
    /// they have called.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub public_host: Option<String>,
    /// Origins, beside those of Trinity's own pages on this machine, whose pages may call.
    pub allowed_origins: Vec<String>,
    /// Bytes of a JSON body at most, as sent and when unpacked.
    pub body_max_bytes: u32,
    /// The same where an archive may come in it.
    pub archive_max_bytes: u32,
    /// Seconds that a request may take which waits for no agent and moves no file.
    pub request_timeout_s: u32,
    /// Seconds that a file may take to arrive or to leave, or what an agent is made of to be fetched.
    pub file_timeout_s: u32,
    /// Requests in flight at most that wait for a reply, and as many others; further ones are refused
    /// at once. What governs agents has places of its own.
    pub in_flight_max: u32,
    /// Sockets and streams open at once at most; further ones are refused at once.
    pub sockets_max: u32,
    /// Frames that wait for one socket at most; one whose client does not keep up is closed.
    pub socket_buffer_max: u32,
}

impl Default for TrinitySettings {
    fn default() -> Self {
        Self {
            enabled: true,
            bind: SocketAddr::from((Ipv4Addr::LOCALHOST, 8_000)),
            system_agent: true,
            public_host: None,
            allowed_origins: Vec::new(),
            body_max_bytes: 16 * 1024 * 1024,
            archive_max_bytes: 72 * 1024 * 1024,
            request_timeout_s: 30,
            file_timeout_s: 600,
            in_flight_max: 256,
            sockets_max: 1_024,
            socket_buffer_max: 512,
        }
    }
}

/// The longest that a run may be given by any of its clients.
const RUN_MAX: Duration = Duration::from_secs(7_200);

impl TrinitySettings {
    /// Whether the values can be.
    ///
    /// # Errors
    /// The name of the key at fault and what is wrong with it.
    pub fn check(&self) -> Result<(), String> {
        for (key, value) in [
            ("body_max_bytes", self.body_max_bytes),
            ("archive_max_bytes", self.archive_max_bytes),
            ("request_timeout_s", self.request_timeout_s),
            ("file_timeout_s", self.file_timeout_s),
            ("in_flight_max", self.in_flight_max),
            ("sockets_max", self.sockets_max),
            ("socket_buffer_max", self.socket_buffer_max),
        ] {
            if value == 0 {
                return Err(format!("{key} is 0, and must be at least 1"));
            }
        }
        Ok(())
    }

    /// The time that a request may take. One that waits for a run has that run's own deadline.
    pub(super) fn deadline(&self, lane: Lane) -> Duration {
        let own = seconds(self.request_timeout_s);
        match lane {
            Lane::Control | Lane::Login | Lane::Common => own,
            Lane::Reply => own.saturating_add(RUN_MAX),
            Lane::File | Lane::Start => own.saturating_add(seconds(self.file_timeout_s)),
        }
    }

    /// The time that a client has to send a body: half of the request's, so that it is told what was
    /// too slow, and the handler has the rest.
    pub(super) fn body_within(&self) -> Duration {
        seconds(self.request_timeout_s) / 2
    }

    /// [`archive_max_bytes`](Self::archive_max_bytes) as a length.
    pub(super) fn archive_max(&self) -> usize {
        usize::try_from(self.archive_max_bytes).unwrap_or(usize::MAX)
    }

    /// The time that a client has to send an archive.
    pub(super) fn file_within(&self) -> Duration {
        seconds(self.file_timeout_s) / 2
    }

    /// [`body_max_bytes`](Self::body_max_bytes) as a length.
    pub(super) fn body_max(&self) -> usize {
        usize::try_from(self.body_max_bytes).unwrap_or(usize::MAX)
    }
}

fn seconds(number: u32) -> Duration {
    Duration::from_secs(u64::from(number))
}
