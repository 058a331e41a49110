//! How many requests may be in flight, by what they are: none of the lanes can starve another.

use actix_web::http::Method;
use tokio::sync::{Semaphore, SemaphorePermit};

use super::visit::{Area, OPERATORS, ends_with, is_under};

/// Requests in flight that govern the host or tell how it does. A constant, because whoever lowers
/// the limit of the others must not lock themselves out; and far more than operators and probes
/// have under way at once.
pub(super) const CONTROL_MAX: usize = 256;

/// What sort of request holds a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lane {
    /// Governs agents or the host, or tells how it does: it must get through when nothing else does.
    Control,
    /// Waits for an agent to speak, which may take minutes.
    Reply,
    /// Brings packets of a socket, or waits for some.
    Socket,
    /// Anything else.
    Common,
}

impl Lane {
    pub(super) fn of(area: Area, method: &Method, path: &str) -> Self {
        let is_ours = matches!(area, Area::Api | Area::Bare);
        let ends = |end| ends_with(path, end);
        if is_ours && (ends("/message") || method == Method::POST && ends("/messages")) {
            return Self::Reply;
        }
        if area == Area::Socket {
            return Self::Socket;
        }
        let controls = match area {
            Area::Health | Area::Metrics => true,
            Area::Page | Area::Socket => false,
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
    control: Semaphore,
    reply: Semaphore,
    socket: Semaphore,
    common: Semaphore,
}

impl Lanes {
    /// Lanes of which those that wait, and those that neither wait nor govern, have `max` places;
    /// that of sockets has two for each, since one request waits for packets while another brings
    /// some.
    pub(super) fn new(max: u32, sockets_max: u32) -> Self {
        let places = |max| usize::try_from(max).unwrap_or(usize::MAX).min(Semaphore::MAX_PERMITS);
        Self {
            control: Semaphore::new(CONTROL_MAX),
            reply: Semaphore::new(places(max)),
            socket: Semaphore::new(places(sockets_max.saturating_mul(2))),
            common: Semaphore::new(places(max)),
        }
    }

    /// A place, if one is free.
    pub(super) fn enter(&self, lane: Lane) -> Option<SemaphorePermit<'_>> {
        let places = match lane {
            Lane::Control => &self.control,
            Lane::Reply => &self.reply,
            Lane::Socket => &self.socket,
            Lane::Common => &self.common,
        };
        places.try_acquire().ok()
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
        ] {
            assert_eq!(Visit::of(method, path).lane, expected, "{method} {path}");
        }
    }
}
