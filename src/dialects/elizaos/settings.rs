//! What an operator may say about the elizaOS listener.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use actix_web::http::header::HeaderValue;
use serde::{Deserialize, Serialize};

use super::lanes::Lane;
use super::socket::LONGEST_POLL;
use crate::http::auth::Token;
use crate::messaging::SessionRules;

/// The `[elizaos]` section of the configuration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ElizaosSettings {
    /// Whether there is such a listener.
    pub enabled: bool,
    /// Where it listens.
    pub bind: SocketAddr,
    /// What callers must present, as `X-API-KEY` or as a bearer token; absent: anyone may call.
    #[serde(skip_serializing)]
    pub auth_token: Option<Token>,
    /// What sockets may present instead; where neither is set, anyone may connect.
    #[serde(skip_serializing)]
    pub socket_token: Option<Token>,
    /// The one origin whose pages may call; absent: any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cors_origin: Option<String>,
    /// Bytes of a JSON body at most, as sent and when unpacked.
    pub json_max_bytes: u32,
    /// Whether requests of one client are limited in number.
    pub is_rate_limited: bool,
    /// Whether that holds for clients on this machine too. The "actions" tab of the real web
    /// client asks once a second, which alone would exhaust its quota.
    pub is_loopback_rate_limited: bool,
    /// Seconds that a request may take.
    pub request_timeout_s: u32,
    /// Seconds that an agent has for its reply to a request that waits for it.
    pub reply_timeout_s: u32,
    /// Requests in flight at most that wait for a reply, and as many others; further ones are
    /// refused at once. What governs agents or the host, and probes, have places of their own.
    pub in_flight_max: u32,
    /// Sockets open at once at most; further ones are refused at once.
    pub sockets_max: u32,
    /// Packets that wait for one socket at most; one whose client does not keep up is closed.
    pub socket_buffer_max: u32,
    /// Channels that one socket may join.
    pub socket_channels_max: u32,
    /// Uploads in flight at most, and whatever has to do with sound; further ones are refused at
    /// once.
    pub uploads_in_flight_max: u32,
    /// Seconds that an upload may take to arrive; one that stands still for half of
    /// [`request_timeout_s`](Self::request_timeout_s) is given up earlier.
    pub upload_timeout_s: u32,
    /// Clients that follow channels at most, by streams of events; further ones are refused at once.
    pub streams_max: u32,
    /// The folder that `characterPath` may name files of; absent: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub character_dir: Option<PathBuf>,
    /// Whether `characterPath` may name an address to fetch from.
    pub fetches_characters: bool,
    /// The file that the environment routes read and write.
    pub env_file: PathBuf,
    /// Whether those routes are there at all: they show and change secrets of that file.
    pub shows_environment: bool,
    /// Whether there are pages at all; if not, each is forbidden.
    pub ui: bool,
    /// The folder of the web client's pages; absent: there is no such client.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ui_dir: Option<PathBuf>,
    /// Entries of a list at most, where the request does not ask for fewer.
    pub list_max: u32,
    /// The version that the health routes tell.
    pub app_version: String,
    /// How long sessions last.
    pub sessions: SessionRules,
}

impl Default for ElizaosSettings {
    fn default() -> Self {
        Self {
            enabled: true,
            bind: SocketAddr::from((Ipv4Addr::LOCALHOST, 3000)),
            auth_token: None,
            socket_token: None,
            cors_origin: None,
            json_max_bytes: 2 * 1024 * 1024,
            is_rate_limited: true,
            is_loopback_rate_limited: false,
            request_timeout_s: 30,
            reply_timeout_s: 120,
            in_flight_max: 1_024,
            sockets_max: 10_000,
            socket_buffer_max: 512,
            socket_channels_max: 256,
            uploads_in_flight_max: 64,
            upload_timeout_s: 600,
            streams_max: 1_024,
            character_dir: None,
            fetches_characters: true,
            env_file: PathBuf::from(".env"),
            shows_environment: false,
            ui: true,
            ui_dir: None,
            list_max: 10_000,
            app_version: "unknown".to_owned(),
            sessions: SessionRules::default(),
        }
    }
}

impl ElizaosSettings {
    /// Whether the values can be.
    ///
    /// # Errors
    /// The name of the key at fault and what is wrong with it.
    pub fn check(&self) -> Result<(), String> {
        for (key, value) in [
            ("json_max_bytes", self.json_max_bytes),
            ("request_timeout_s", self.request_timeout_s),
            ("reply_timeout_s", self.reply_timeout_s),
            ("in_flight_max", self.in_flight_max),
            ("sockets_max", self.sockets_max),
            ("socket_buffer_max", self.socket_buffer_max),
            ("socket_channels_max", self.socket_channels_max),
            ("uploads_in_flight_max", self.uploads_in_flight_max),
            ("upload_timeout_s", self.upload_timeout_s),
            ("streams_max", self.streams_max),
            ("list_max", self.list_max),
        ] {
            if value == 0 {
                return Err(format!("{key} is 0, and must be at least 1"));
            }
        }
        self.sessions.check().map_err(|at_fault| format!("sessions.{at_fault}"))?;
        let origin = self.cors_origin.as_deref().unwrap_or_default();
        if HeaderValue::from_str(origin).is_err() {
            return Err("cors_origin is not fit for a header".to_owned());
        }
        if self.enabled && !self.bind.ip().is_loopback() && self.auth_token.is_none() {
            return Err("bind is open to other machines, but no token is asked for: set the \
                        environment variable ELIZA_SERVER_AUTH_TOKEN, or bind to 127.0.0.1"
                .to_owned());
        }
        Ok(())
    }

    /// The time that a request may take: what waits for a reply, or for packets of a socket, has its
    /// own time beside that, and so has what brings a file, to which an agent may reply as well.
    pub(super) fn deadline(&self, lane: Lane) -> Duration {
        let own = Duration::from_secs(u64::from(self.request_timeout_s));
        match lane {
            Lane::Control | Lane::Common => own,
            Lane::Reply => own.saturating_add(self.reply_within()),
            Lane::Socket => own.saturating_add(LONGEST_POLL),
            Lane::Upload => {
                own.saturating_add(self.reply_within()).saturating_add(self.upload_within())
            }
        }
    }

    /// The time that an upload may take to arrive.
    pub(super) fn upload_within(&self) -> Duration {
        Duration::from_secs(u64::from(self.upload_timeout_s))
    }

    /// The time that a client has to send a body: half of the request's, so that it is told what was
    /// too slow, and the handler has the rest.
    pub(super) fn body_within(&self) -> Duration {
        Duration::from_secs(u64::from(self.request_timeout_s)) / 2
    }

    /// The time that an agent has for its reply.
    pub(super) fn reply_within(&self) -> Duration {
        Duration::from_secs(u64::from(self.reply_timeout_s))
    }

    /// [`json_max_bytes`](Self::json_max_bytes) as a length.
    pub(super) fn body_max(&self) -> usize {
        usize::try_from(self.json_max_bytes).unwrap_or(usize::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_open_door_without_a_token_is_refused() {
        let open = ElizaosSettings { bind: ([0, 0, 0, 0], 3000).into(), ..Default::default() };
        assert!(open.check().unwrap_err().starts_with("bind "));
        let guarded = ElizaosSettings { auth_token: Token::new("t"), ..open };
        assert_eq!(guarded.check(), Ok(()));
        assert_eq!(ElizaosSettings::default().check(), Ok(()));
    }

    #[test]
    fn the_token_is_read_and_never_written() {
        let settings: ElizaosSettings =
            toml::from_str("auth_token = \"s3cret\"\njson_max_bytes = 5").unwrap();
        assert_eq!(settings.auth_token, Token::new("s3cret"));
        assert!(!toml::to_string(&settings).unwrap().contains("s3cret"));
        assert!(toml::from_str::<ElizaosSettings>("jsn_max_bytes = 5").is_err());
    }
}
