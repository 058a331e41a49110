//! How many requests may be in flight, by what they are: none of the lanes can starve another.

use actix_web::http::Method;
use tokio::sync::SemaphorePermit;

use super::settings::ElizaosSettings;
use super::visit::{Area, OPERATORS, ends_with, is_under};
use crate::http::places::{CONTROL_MAX, Places};

/// What sort of request holds a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lane {
    /// Governs agents or the host, or tells how it does: it must get through when nothing else does.
    Control,
    /// Waits for an agent to speak, which may take minutes.
    Reply,
    /// Brings packets of a socket, or waits for some.
    Socket,
    /// Brings a file, or has to do with sound: it may take as long as the client's line is slow.
    Upload,
    /// Anything else.
    Common,
}

impl Lane {
    pub(super) fn of(area: Area, method: &Method, path: &str) -> Self {
        let is_ours = matches!(area, Area::Api | Area::Bare);
        let ends = |end| ends_with(path, end);
        let asks = method == Method::POST && (ends("/messages") || ends("/generate-title"));
        if is_ours && (ends("/message") || asks) {
            return Self::Reply;
        }
        if area == Area::Socket {
            return Self::Socket;
        }
        // A tool may wait for an agent's reply; which tool it is stands in the body.
        if area == Area::Mcp {
            return Self::Reply;
        }
        if is_ours && method == Method::POST && is_upload(path) {
            return Self::Upload;
        }
        let controls = match area {
            Area::Health | Area::Metrics => true,
            Area::Page | Area::Socket | Area::Mcp => false,
            Area::Api | Area::Bare if is_under(path, OPERATORS) => true,
            Area::Api | Area::Bare => {
                let is_of_agent = is_under(path, "/api/agents") || is_under(path, "/agents");
                let is_command = method == Method::POST && (ends("/start") || ends("/stop"));
                let is_removal = method == Method::DELETE && is_agent(path);
                let is_of_server = ["/ping", "/health", "/stop"].into_iter().any(|end| {
                    ends(end) && ["/api", "/api/server"].into_iter().any(|of| is_in(path, of, end))
                });
                is_of_agent && (is_command || is_removal) || is_of_server
            }
        };
        if controls { Self::Control } else { Self::Common }
    }
}

/// Whether a file may come to that path, or leave from it.
fn is_upload(path: &str) -> bool {
    let is_speech = path.rsplit_once('/').is_some_and(|(parent, _)| ends_with(parent, "/speech"));
    let is_named = ends_with(path, "/upload-media") || ends_with(path, "/upload");
    let is_agent =
        is_under(path, OPERATORS) && (ends_with(path, "/export") || ends_with(path, "/import"));
    is_named || is_agent || is_under(path, "/api/audio") || is_speech
}

/// Whether the path names an agent, and nothing that belongs to one.
fn is_agent(path: &str) -> bool {
    let (parent, _) = path.rsplit_once('/').unwrap_or_default();
    parent.eq_ignore_ascii_case("/api/agents") || parent.eq_ignore_ascii_case("/agents")
}

/// Whether the path is `end` directly in `folder`.
fn is_in(path: &str, folder: &str, end: &str) -> bool {
    is_under(path, folder) && path.len() == folder.len().saturating_add(end.len())
}

/// The places of each lane.
pub(super) struct Lanes {
    control: Places,
    reply: Places,
    socket: Places,
    upload: Places,
    common: Places,
}

impl Lanes {
    /// Lanes as the settings want them. That of sockets has two places for each, since one request
    /// waits for packets while another brings some.
    pub(super) fn new(settings: &ElizaosSettings) -> Self {
        Self {
            control: Places::new(CONTROL_MAX),
            reply: Places::new(settings.in_flight_max),
            socket: Places::new(settings.sockets_max.saturating_mul(2)),
            upload: Places::new(settings.uploads_in_flight_max),
            common: Places::new(settings.in_flight_max),
        }
    }

    /// A place, if one is free.
    pub(super) fn enter(&self, lane: Lane) -> Option<SemaphorePermit<'_>> {
        let places = match lane {
            Lane::Control => &self.control,
            Lane::Reply => &self.reply,
            Lane::Socket => &self.socket,
            Lane::Upload => &self.upload,
            Lane::Common => &self.common,
        };
        places.enter()
    }

    /// Places that are taken now: requests in flight.
    pub(super) fn taken(&self) -> usize {
        [&self.control, &self.reply, &self.socket, &self.upload, &self.common]
            .into_iter()
            .fold(0, |taken, places| places.taken().saturating_add(taken))
    }
}

#[cfg(test)]
mod tests {
    use super::super::visit::Visit;
    use super::*;

    #[test]
    fn each_request_has_its_lane() {
        let (get, post, delete) = (Method::GET, Method::POST, Method::DELETE);
        for (method, path, expected) in [
            (&post, "/agents/x/message", Lane::Reply),
            (&post, "/api/greenroom/agents/x/message", Lane::Reply),
            (&post, "/api/messaging/channels/x/generate-title", Lane::Reply),
            (&post, "/api/greenroom/halt", Lane::Control),
            (&get, "/api/Greenroom/agents", Lane::Control),
            (&post, "/api/agents/x/start", Lane::Control),
            (&post, "/api/agents/x/Stop/", Lane::Control),
            (&post, "/agents/x/stop", Lane::Control),
            (&get, "/agents/x/stop", Lane::Common),
            (&delete, "/api/agents/x", Lane::Control),
            (&delete, "/agents/x", Lane::Control),
            (&delete, "/api/agents/x/memories", Lane::Common),
            (&get, "/api/agents/x", Lane::Common),
            (&post, "/api/agents", Lane::Common),
            (&get, "/health", Lane::Control),
            (&get, "/healthz/", Lane::Control),
            (&get, "/metrics", Lane::Control),
            (&get, "/api/server/ping", Lane::Control),
            (&get, "/api/ping", Lane::Control),
            (&get, "/api/server/health", Lane::Control),
            (&post, "/api/server/stop", Lane::Control),
            (&post, "/api/server/logs", Lane::Common),
            (&get, "/api/system/x/ping", Lane::Common),
            (&get, "/chat/ping", Lane::Common),
            (&post, "/socket.io/", Lane::Socket),
            (&post, "/mcp", Lane::Reply),
            (&post, "/api/media/agents/x/upload-media", Lane::Upload),
            (&post, "/api/media/agents/x/Upload/", Lane::Upload),
            (&post, "/api/messaging/channels/x/upload-media", Lane::Upload),
            (&post, "/messaging/channels/x/upload-media", Lane::Upload),
            (&post, "/api/greenroom/import", Lane::Upload),
            (&post, "/api/greenroom/agents/x/export", Lane::Upload),
            (&get, "/api/greenroom/agents/x/export", Lane::Control),
            (&post, "/api/audio/x/speech/generate", Lane::Upload),
            (&post, "/api/agents/x/speech/transcribe", Lane::Upload),
            (&get, "/api/media/agents/x/upload-media", Lane::Common),
            (&get, "/media/uploads/agents/x/y.png", Lane::Common),
        ] {
            assert_eq!(Visit::of(method, path).lane, expected, "{method} {path}");
        }
    }
}
