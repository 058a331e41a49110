//! How many requests may be in flight, by what they are: none of the lanes can starve another.

use std::sync::Arc;

use actix_web::http::Method;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit};

use super::settings::TrinitySettings;
use crate::http::places::{CONTROL_MAX, Places, places};

/// What sort of request holds a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lane {
    /// Governs an agent, or tells how the host does: it must get through when nothing else does.
    Control,
    /// The same, of an agent that may have to be fetched from afar first, which takes as long as a file.
    Start,
    /// Comes from somebody who is not known yet.
    Login,
    /// Waits for an agent to speak, which may take long.
    Reply,
    /// Brings a file, or takes one away, as slowly as the client's line is.
    File,
    /// Anything else.
    Common,
}

/// Requests at once of those who are not known yet; each may cost a password's hash.
const LOGINS_MAX: u32 = 64;

/// Files on their way at once.
const FILES_MAX: u32 = 64;

impl Lane {
    pub(super) fn of(method: &Method, path: &str) -> Self {
        let path = path.trim_end_matches('/');
        if path.ends_with("/health") || path.starts_with("/api/ops/") {
            return Self::Control;
        }
        if path == "/token"
            || ["/api/token", "/api/setup/", "/api/auth/", "/api/access/"]
                .iter()
                .any(|prefix| path.starts_with(prefix))
        {
            return Self::Login;
        }
        let last = path.rsplit('/').next().unwrap_or_default();
        match (method, last) {
            (&Method::POST, "start") => Self::Start,
            (&Method::POST, "restart") if path.starts_with("/api/systems/") => Self::Start,
            (&Method::POST, "stop" | "terminate" | "release") => Self::Control,
            (&Method::POST, "chat" | "task" | "fan-out" | "terminal") => Self::Reply,
            (&Method::POST, _) if path.starts_with("/api/public/chat/") => Self::Reply,
            // The agent introduces itself.
            (&Method::GET, _) if path.starts_with("/api/public/intro/") => Self::Reply,
            // What it is made from may have to be fetched.
            (&Method::POST, _) if path == "/api/agents" => Self::File,
            (&Method::POST, "deploy-local" | "deploy" | "sync" | "pull") => Self::File,
            (&Method::GET, "download" | "preview") => Self::File,
            _ => Self::Common,
        }
    }
}

/// The places of each lane.
pub(super) struct Lanes {
    control: Places,
    login: Places,
    reply: Places,
    file: Places,
    common: Places,
    /// Sockets and streams, which outlive the handler that opens them.
    streams: Arc<Semaphore>,
}

impl Lanes {
    pub(super) fn new(settings: &TrinitySettings) -> Self {
        Self {
            control: Places::new(CONTROL_MAX),
            login: Places::new(LOGINS_MAX),
            reply: Places::new(settings.in_flight_max),
            file: Places::new(FILES_MAX),
            common: Places::new(settings.in_flight_max),
            streams: Arc::new(Semaphore::new(places(settings.sockets_max))),
        }
    }

    /// A place, if one is free.
    pub(super) fn enter(&self, lane: Lane) -> Option<SemaphorePermit<'_>> {
        match lane {
            Lane::Control | Lane::Start => self.control.enter(),
            Lane::Login => self.login.enter(),
            Lane::Reply => self.reply.enter(),
            Lane::File => self.file.enter(),
            Lane::Common => self.common.enter(),
        }
    }

    /// A place for a socket or a stream, to be held until that ends.
    pub(super) fn stream(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.streams).try_acquire_owned().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_request_has_its_lane() {
        let (get, post) = (Method::GET, Method::POST);
        for (method, path, expected) in [
            (&get, "/health", Lane::Control),
            (&post, "/api/agents/a/stop", Lane::Control),
            (&post, "/api/agents/a/start/", Lane::Start),
            (&post, "/api/systems/a/restart", Lane::Start),
            (&post, "/api/systems/deploy", Lane::File),
            (&post, "/api/agents", Lane::File),
            (&post, "/api/agents/", Lane::File),
            (&get, "/api/agents", Lane::Common),
            (&post, "/api/token", Lane::Login),
            (&post, "/api/auth/email/verify", Lane::Login),
            (&post, "/api/agents/a/chat", Lane::Reply),
            (&get, "/api/agents/a/chat/history", Lane::Common),
            (&post, "/api/agents/a/task", Lane::Reply),
            (&get, "/api/agents/a/files/download", Lane::File),
            (&get, "/api/agents/a/files", Lane::Common),
            (&get, "/api/agents/stop", Lane::Common),
        ] {
            assert_eq!(Lane::of(method, path), expected, "{method} {path}");
        }
    }
}
