//! What an operator may say about the Milady listener.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::lanes::Lane;
use crate::http::auth::PairingToken;

/// The `[milady]` section of the configuration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MiladySettings {
    /// Whether there is such a listener.
    pub enabled: bool,
    /// Where it listens.
    pub bind: SocketAddr,
    /// The handle of the primary agent, the one that this API speaks of. It is made at the first boot
    /// if there is none of that handle. Empty: there is none until onboarding makes one.
    pub agent: String,
    /// What callers must present; absent: anyone on this machine may call.
    #[serde(skip_serializing)]
    pub auth_token: Option<PairingToken>,
    /// Whether a browser may get the token for a code that stands in the log.
    pub pairing: bool,
    /// Whether a socket may present the token in its address, as browsers have to.
    pub allows_query_token: bool,
    /// Origins, beside those of this machine, whose pages may call.
    pub allowed_origins: Vec<String>,
    /// Whether pages without an origin (`null`) may call.
    pub allows_null_origin: bool,
    /// Names, beside those of this machine, that callers may know this listener by.
    pub allowed_hosts: Vec<String>,
    /// The folder of this dialect's own configuration, which a reset deletes; absent: `milady` in the
    /// data folder.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state_dir: Option<PathBuf>,
    /// The folder of the dashboard's pages; absent: there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ui_dir: Option<PathBuf>,
    /// Whether clients may see and make triggers. What others have made fires all the same.
    pub triggers_enabled: bool,
    /// Triggers that fire at most, of one creator.
    pub triggers_active_max: u32,
    /// Bytes of a JSON body at most, as sent and when unpacked.
    pub json_max_bytes: u32,
    /// The same where pictures may come with it.
    pub chat_max_bytes: u32,
    /// Seconds that a request may take.
    pub request_timeout_s: u32,
    /// Seconds that an agent has for its reply to a request that waits for it.
    pub reply_timeout_s: u32,
    /// Seconds that a file may take to arrive.
    pub upload_timeout_s: u32,
    /// Requests in flight at most that wait for a reply, and as many others; further ones are refused
    /// at once. What governs the agent has places of its own.
    pub in_flight_max: u32,
    /// Sockets open at once at most; further ones are refused at once.
    pub sockets_max: u32,
    /// Frames that wait for one socket at most; one whose client does not keep up is closed.
    pub socket_buffer_max: u32,
}

impl Default for MiladySettings {
    fn default() -> Self {
        Self {
            enabled: true,
            bind: SocketAddr::from((Ipv4Addr::LOCALHOST, 2138)),
            agent: "milady".to_owned(),
            auth_token: None,
            pairing: true,
            allows_query_token: false,
            allowed_origins: Vec::new(),
            allows_null_origin: false,
            allowed_hosts: Vec::new(),
            state_dir: None,
            ui_dir: None,
            triggers_enabled: true,
            triggers_active_max: 100,
            json_max_bytes: 1024 * 1024,
            chat_max_bytes: 20 * 1024 * 1024,
            request_timeout_s: 30,
            reply_timeout_s: 120,
            upload_timeout_s: 600,
            in_flight_max: 256,
            sockets_max: 1_024,
            socket_buffer_max: 512,
        }
    }
}

impl MiladySettings {
    /// Whether the values can be.
    ///
    /// # Errors
    /// The name of the key at fault and what is wrong with it.
    pub fn check(&self) -> Result<(), String> {
        for (key, value) in [
            ("triggers_active_max", self.triggers_active_max),
            ("json_max_bytes", self.json_max_bytes),
            ("chat_max_bytes", self.chat_max_bytes),
            ("request_timeout_s", self.request_timeout_s),
            ("reply_timeout_s", self.reply_timeout_s),
            ("upload_timeout_s", self.upload_timeout_s),
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

    /// The time that a request may take.
    pub(super) fn deadline(&self, lane: Lane) -> Duration {
        let own = seconds(self.request_timeout_s);
        match lane {
            Lane::Control | Lane::Pairing | Lane::Common => own,
            Lane::Reply => own.saturating_add(self.reply_within()),
            Lane::File | Lane::Upload => own.saturating_add(self.upload_within()),
        }
    }

    /// The time that a client has to send a body: half of the request's, so that it is told what was
    /// too slow, and the handler has the rest.
    pub(super) fn body_within(&self) -> Duration {
        seconds(self.request_timeout_s) / 2
    }

    /// The time that an agent has for its reply.
    pub(super) fn reply_within(&self) -> Duration {
        seconds(self.reply_timeout_s)
    }

    /// The time that a file may take to arrive.
    pub(super) fn upload_within(&self) -> Duration {
        seconds(self.upload_timeout_s)
    }

    /// [`json_max_bytes`](Self::json_max_bytes) as a length.
    pub(super) fn json_max(&self) -> usize {
        usize::try_from(self.json_max_bytes).unwrap_or(usize::MAX)
    }

    /// [`chat_max_bytes`](Self::chat_max_bytes) as a length.
    pub(super) fn chat_max(&self) -> usize {
        usize::try_from(self.chat_max_bytes).unwrap_or(usize::MAX)
    }
}

fn seconds(number: u32) -> Duration {
    Duration::from_secs(u64::from(number))
}
