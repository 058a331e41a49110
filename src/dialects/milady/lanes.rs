//! How many requests may be in flight, by what they are: none of the lanes can starve another.

use actix_web::http::Method;
use tokio::sync::SemaphorePermit;

use super::settings::MiladySettings;
use crate::http::places::{CONTROL_MAX, Places};

/// What sort of request holds a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lane {
    /// Governs the agent, or tells how it does: it must get through when nothing else does.
    Control,
    /// Waits for the agent to speak, which may take minutes.
    Reply,
    /// Makes a file, and takes it away.
    File,
    /// Brings a file, as slowly as the client's line is.
    Upload,
    /// Wants a token for a code: whoever does has none yet.
    Pairing,
    /// Anything else.
    Common,
}

/// What governs the agent, or tells how it does.
const CONTROLS: [&str; 9] = [
    "/api/status",
    "/api/agent/start",
    "/api/agent/stop",
    "/api/agent/pause",
    "/api/agent/resume",
    "/api/agent/restart",
    "/api/agent/reset",
    "/api/agent/autonomy",
    "/api/auth/status",
];

/// What an agent's reply is waited for at.
const REPLIES: [&str; 4] =
    ["/api/chat", "/api/chat/stream", "/v1/chat/completions", "/v1/messages"];

/// The one question that the agent answers to a `GET`.
const QUESTION: &str = "/api/context/quick";

impl Lane {
    pub(super) fn of(method: &Method, path: &str) -> Self {
        if CONTROLS.contains(&path) {
            return Self::Control;
        }
        if path == "/api/auth/pair" {
            return Self::Pairing;
        }
        if path == QUESTION {
            return Self::Reply;
        }
        if method != Method::POST {
            return Self::Common;
        }
        let is_talk = path.starts_with("/api/conversations/")
            && (path.ends_with("/messages") || path.ends_with("/messages/stream"));
        let is_run = path.starts_with("/api/triggers/") && path.ends_with("/execute");
        if is_talk || is_run || REPLIES.contains(&path) {
            return Self::Reply;
        }
        match path {
            "/api/agent/export" => Self::File,
            "/api/agent/import" => Self::Upload,
            _ => Self::Common,
        }
    }
}

/// The places of each lane.
pub(super) struct Lanes {
    control: Places,
    reply: Places,
    file: Places,
    upload: Places,
    pairing: Places,
    common: Places,
}

/// Clients that are being paired at once.
const PAIRING_MAX: u32 = 16;

/// Files that are made at once, or wait for that; each takes some disk.
const FILES_MAX: u32 = 8;

/// Files that arrive at once. Their room on the disk has a bound of its own.
const UPLOADS_MAX: u32 = 64;

impl Lanes {
    pub(super) fn new(settings: &MiladySettings) -> Self {
        Self {
            control: Places::new(CONTROL_MAX),
            reply: Places::new(settings.in_flight_max),
            file: Places::new(FILES_MAX),
            upload: Places::new(UPLOADS_MAX),
            pairing: Places::new(PAIRING_MAX),
            common: Places::new(settings.in_flight_max),
        }
    }

    /// A place, if one is free.
    pub(super) fn enter(&self, lane: Lane) -> Option<SemaphorePermit<'_>> {
        match lane {
            Lane::Control => self.control.enter(),
            Lane::Reply => self.reply.enter(),
            Lane::File => self.file.enter(),
            Lane::Upload => self.upload.enter(),
            Lane::Pairing => self.pairing.enter(),
            Lane::Common => self.common.enter(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_request_has_its_lane() {
        let (get, post) = (Method::GET, Method::POST);
        for (method, path, expected) in [
            (&get, "/api/status", Lane::Control),
            (&post, "/api/agent/pause", Lane::Control),
            (&get, "/api/agent/autonomy", Lane::Control),
            (&post, "/api/conversations/x/messages/stream", Lane::Reply),
            (&get, "/api/conversations/x/messages", Lane::Common),
            (&post, "/api/conversations", Lane::Common),
            (&post, "/v1/messages", Lane::Reply),
            (&get, "/api/context/quick", Lane::Reply),
            (&post, "/api/triggers/x/execute", Lane::Reply),
            (&post, "/api/agent/import", Lane::Upload),
            (&post, "/api/auth/pair", Lane::Pairing),
            (&get, "/api/agent/export/estimate", Lane::Common),
        ] {
            assert_eq!(Lane::of(method, path), expected, "{method} {path}");
        }
    }
}
