//! What can be told of a request by its method and path alone.

use actix_web::dev::ServiceRequest;
use actix_web::http::header::{HeaderValue, RANGE};
use actix_web::http::{Method, Uri};

use super::lanes::Lane;
use crate::mcp;

/// Where the operator's routes are.
pub(super) const OPERATORS: &str = "/api/greenroom";

/// Where bodies may be of any type.
const FILES: [&str; 2] = ["/api/media", "/api/greenroom/import"];

/// Where sockets are opened.
pub(super) const SOCKETS: &str = "/socket.io";

/// Where the routes of one channel are.
const CHANNELS: [&str; 6] = [
    "/api/messaging/channels",
    "/api/messaging/central-channels",
    "/api/media/channels",
    "/api/channels",
    "/messaging/channels",
    "/messaging/central-channels",
];

/// Which part of the listener a request is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Area {
    /// `/api/**`.
    Api,
    /// `/agents/**` and `/messaging/**` without a prefix, but for pages there.
    Bare,
    /// `/health` and `/healthz`.
    Health,
    /// `/metrics`.
    Metrics,
    /// `/socket.io`.
    Socket,
    /// `/mcp`.
    Mcp,
    /// Anything else: pages, which anyone may see.
    Page,
}

/// Routes that are limited more tightly than others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Upload {
    /// Not one of them.
    No,
    /// Sound, and files for a channel.
    File,
    /// Files for a channel by its older path.
    Channel,
}

/// What can be told of a request by its method and path alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Visit {
    pub(super) area: Area,
    pub(super) upload: Upload,
    /// Whether it was `HEAD`, which is carried out as `GET`.
    pub(super) is_head: bool,
    /// Whether it only reads.
    pub(super) is_read: bool,
    /// Whether a body must say what it is.
    pub(super) needs_type: bool,
    /// Whether it names a channel.
    pub(super) names_channel: bool,
    /// Whether it is for the operator's routes, `/api/greenroom/**`, or for `/mcp`, which does the
    /// same: pages of other sites may not govern the host.
    pub(super) is_operators: bool,
    /// Where it finds its place among those in flight.
    pub(super) lane: Lane,
    /// Whether keys are honoured that requests are sent again under. An export changes nothing, and its
    /// file is not kept for a second answer.
    pub(super) takes_keys: bool,
}

impl Visit {
    pub(super) fn of(method: &Method, path: &str) -> Self {
        let path = path.strip_suffix('/').unwrap_or(path);
        let area = area(path);
        let writes = matches!(*method, Method::POST | Method::PUT | Method::PATCH);
        let is_ours = matches!(area, Area::Api | Area::Bare);
        Self {
            area,
            upload: upload(area, method, path),
            // Engine.IO has a use for `GET` and `POST` alone.
            is_head: method == Method::HEAD && area != Area::Socket,
            is_read: method == Method::GET || method == Method::HEAD,
            needs_type: writes && is_ours && !FILES.iter().any(|files| is_under(path, files)),
            names_channel: CHANNELS.iter().any(|channels| is_under(path, channels)),
            is_operators: is_under(path, OPERATORS) || area == Area::Mcp,
            lane: Lane::of(area, method, path),
            takes_keys: is_ours && !(is_under(path, OPERATORS) && ends_with(path, "/export")),
        }
    }

    /// The same as a visit to a page.
    pub(super) fn to_page(self) -> Self {
        Self { area: Area::Page, lane: Lane::Common, ..self }
    }

    /// Whether a token is asked for, where one is configured.
    pub(super) fn is_guarded(&self) -> bool {
        matches!(self.area, Area::Api | Area::Bare | Area::Metrics | Area::Mcp)
    }

    /// Makes the request what the routes are written for: in lower case, without a slash at its
    /// end, and `GET` in place of `HEAD`.
    ///
    /// Ids are the same in any case; other parts of paths that are not are outside of these areas.
    pub(super) fn fold(&self, request: &mut ServiceRequest) {
        if self.is_head {
            request.head_mut().method = Method::GET;
        }
        // RFC 9110, section 14.2: a range is a matter of GET, and several may be ignored.
        let is_one = |range: &HeaderValue| !range.as_bytes().contains(&b',');
        if self.is_head || !request.headers().get(RANGE).is_none_or(is_one) {
            request.headers_mut().remove(RANGE);
        }
        if matches!(self.area, Area::Page | Area::Socket) {
            return;
        }
        let path = request.path();
        let has_slash = path.len() > 1 && path.ends_with('/');
        if !has_slash && !path.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return;
        }
        let mut folded = path.trim_end_matches('/').to_ascii_lowercase();
        if !request.query_string().is_empty() {
            folded.push('?');
            folded.push_str(request.query_string());
        }
        let mut parts = request.uri().clone().into_parts();
        parts.path_and_query = folded.parse().ok();
        if let Ok(uri) = Uri::from_parts(parts) {
            request.match_info_mut().get_mut().update(&uri);
            request.head_mut().uri = uri;
        }
    }
}

fn area(path: &str) -> Area {
    if is_under(path, "/api") {
        Area::Api
    } else if is_under(path, "/agents") || is_under(path, "/messaging") {
        Area::Bare
    } else if path.eq_ignore_ascii_case("/health") || path.eq_ignore_ascii_case("/healthz") {
        Area::Health
    } else if path.eq_ignore_ascii_case("/metrics") {
        Area::Metrics
    } else if is_under(path, SOCKETS) {
        Area::Socket
    } else if is_under(path, mcp::server::PATH) {
        Area::Mcp
    } else {
        Area::Page
    }
}

fn upload(area: Area, method: &Method, path: &str) -> Upload {
    if area != Area::Api {
        return Upload::No;
    }
    let is_upload = method == Method::POST && ends_with(path, "/upload-media");
    let is_of = |folder| is_under(path, folder);
    let channels = ["/api/messaging/channels", "/api/messaging/central-channels"];
    if is_of("/api/audio") || is_upload && channels.into_iter().any(is_of) {
        Upload::File
    } else if is_upload && is_under(path, "/api/media/channels") {
        Upload::Channel
    } else {
        Upload::No
    }
}

/// Whether `path` is `folder` or lies in it, in any case.
pub(super) fn is_under(path: &str, folder: &str) -> bool {
    let (path, folder) = (path.as_bytes(), folder.as_bytes());
    path.split_at_checked(folder.len()).is_some_and(|(start, rest)| {
        start.eq_ignore_ascii_case(folder) && matches!(rest.first(), None | Some(b'/'))
    })
}

pub(super) fn ends_with(path: &str, end: &str) -> bool {
    let (path, end) = (path.as_bytes(), end.as_bytes());
    path.split_at_checked(path.len().saturating_sub(end.len()))
        .is_some_and(|(_, rest)| rest.eq_ignore_ascii_case(end))
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn each_path_belongs_to_one_area() {
        for (path, expected) in [
            ("/api", Area::Api),
            ("/api/", Area::Api),
            ("/API/Agents", Area::Api),
            ("/apis", Area::Page),
            ("/agents", Area::Bare),
            ("/agents/x/start", Area::Bare),
            ("/messaging/sessions", Area::Bare),
            ("/agentsmith", Area::Page),
            ("/health", Area::Health),
            ("/Healthz/", Area::Health),
            ("/metrics", Area::Metrics),
            ("/socket.io", Area::Socket),
            ("/socket.io/", Area::Socket),
            ("/socket.iota", Area::Page),
            ("/mcp", Area::Mcp),
            ("/MCP/", Area::Mcp),
            ("/mcpx", Area::Page),
            ("/", Area::Page),
            ("/chat/x", Area::Page),
        ] {
            assert_eq!(Visit::of(&Method::GET, path).area, expected, "{path}");
        }
    }

    #[test]
    fn uploads_are_known_by_their_paths() {
        for (method, path, expected) in [
            (Method::POST, "/api/audio/x/speech", Upload::File),
            (Method::GET, "/api/audio", Upload::File),
            (Method::POST, "/api/messaging/channels/x/upload-media", Upload::File),
            (Method::POST, "/api/messaging/central-channels/x/upload-media", Upload::File),
            (Method::POST, "/api/media/channels/x/upload-media", Upload::Channel),
            (Method::GET, "/api/media/channels/x/upload-media", Upload::No),
            (Method::POST, "/api/agents", Upload::No),
            (Method::POST, "/audio/x", Upload::No),
        ] {
            assert_eq!(Visit::of(&method, path).upload, expected, "{method} {path}");
        }
    }

    #[test]
    fn what_waits_for_an_agent_has_more_time() {
        for (method, path, waits) in [
            (Method::POST, "/agents/x/message", true),
            (Method::POST, "/api/messaging/channels/x/messages", true),
            (Method::POST, "/messaging/sessions/x/messages/", true),
            (Method::GET, "/api/messaging/channels/x/messages", false),
            (Method::POST, "/api/messaging/jobs", false),
        ] {
            let lane = Visit::of(&method, path).lane;
            assert_eq!(lane == Lane::Reply, waits, "{method} {path}");
        }
    }

    #[test]
    fn paths_are_folded_and_their_queries_are_not() {
        for (sent, path, query) in [
            ("/API/Agents/?Name=Ada", "/api/agents", "Name=Ada"),
            ("/api/agents", "/api/agents", ""),
            ("/api/agents/A%2FB", "/api/agents/a%2fb", ""),
            ("/Assets/Main.js", "/Assets/Main.js", ""),
        ] {
            let mut request = TestRequest::get().uri(sent).to_srv_request();
            Visit::of(&Method::GET, request.path()).fold(&mut request);
            assert_eq!((request.path(), request.query_string()), (path, query), "{sent}");
            assert_eq!(request.uri().path(), path);
        }
    }
}
