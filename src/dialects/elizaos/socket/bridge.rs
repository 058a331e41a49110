//! The bridge from actix-web to Engine.IO: requests of polling clients are handed over as they are,
//! connections of websocket clients as a stream of bytes.

use std::sync::Arc;

use actix_web::http::Method;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName};
use actix_web::web::{Bytes, BytesMut, Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use futures::StreamExt;
use http_body_util::{BodyExt, Full};
use serde_json::Value;
use tokio::task::JoinSet;
use tower::Service as _;

use super::super::shared::Shared;
use super::fault::Fault;
use super::session::Session;
use super::{Core, PACKET_MAX_BYTES, Sockets, upgrade};
use crate::http::site;

/// What the only version of the protocol is called.
const VERSION: &str = "4";

/// Headers that sockets are shown; the rest of a request need not be kept as long as they are.
const SHOWN: [HeaderName; 2] = [CONTENT_TYPE, HeaderName::from_static("x-api-key")];

/// How a client speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Transport {
    Polling,
    Websocket,
}

/// What a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Asked<'a> {
    transport: Transport,
    session: Option<&'a str>,
}

impl<'a> Asked<'a> {
    /// Reads a query, in the order in which Engine.IO finds fault.
    fn read(query: &'a str, method: &Method) -> Result<Self, Fault> {
        let value = |name: &str| {
            query.split('&').find_map(|pair| pair.split_once('=').filter(|(key, _)| *key == name))
        };
        let transport = match value("transport") {
            Some((_, "polling")) => Transport::Polling,
            Some((_, "websocket")) => Transport::Websocket,
            _ => return Err(Fault::Transport),
        };
        let session = value("sid").map(|(_, id)| id);
        if session.is_none() && method != Method::GET {
            return Err(Fault::Method);
        }
        if value("EIO").is_none_or(|(_, version)| version != VERSION) {
            return Err(Fault::Version);
        }
        if method != Method::GET && method != Method::POST {
            return Err(Fault::Request);
        }
        Ok(Self { transport, session })
    }
}

/// Everything at `/socket.io/`.
pub(in super::super) async fn serve(
    request: HttpRequest,
    body: Payload,
    sockets: Data<Sockets>,
) -> HttpResponse {
    let core = &sockets.core;
    match answered(core, &request, body).await {
        Ok(answer) => answer,
        Err(fault) => fault.answer(),
    }
}

async fn answered(
    core: &Core,
    request: &HttpRequest,
    body: Payload,
) -> Result<HttpResponse, Fault> {
    let shared = &core.shared;
    let let_in = shared.cors.origin.as_ref();
    if let_in.is_some() && !site::is_welcome(request.headers(), let_in) {
        return Err(Fault::Origin);
    }
    let asked = Asked::read(request.query_string(), request.method())?;
    let session = match asked.session {
        Some(id) => core.sessions.find(id).ok_or(Fault::Session)?,
        None => core.sessions.begin().ok_or(Fault::Full)?,
    };
    match asked.transport {
        Transport::Websocket => upgrade::accept(core, request, body, asked.session, session),
        Transport::Polling => {
            let bytes = match *request.method() {
                Method::POST => read(shared, body).await?,
                _ => Bytes::new(),
            };
            poll(core, request, bytes, asked.session, session).await
        }
    }
}

/// The body of a request, which has a size and a time.
async fn read(shared: &Shared, mut body: Payload) -> Result<Bytes, Fault> {
    let max = usize::try_from(PACKET_MAX_BYTES).unwrap_or(usize::MAX);
    let reading = async {
        let mut bytes = BytesMut::new();
        while let Some(chunk) = body.next().await {
            let Ok(chunk) = chunk else { return Err(Fault::Request) };
            if bytes.len().saturating_add(chunk.len()) > max {
                return Err(Fault::TooLarge);
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes.freeze())
    };
    let within = shared.settings.body_within();
    tokio::time::timeout(within, reading).await.unwrap_or(Err(Fault::Request))
}

/// Hands a polling client's request over. A session that it begins is kept with it.
async fn poll(
    core: &Core,
    request: &HttpRequest,
    body: Bytes,
    asked: Option<&str>,
    session: Arc<Session>,
) -> Result<HttpResponse, Fault> {
    let mut handed = handed_over(request, Full::new(body))?;
    let is_new = asked.is_none();
    if is_new {
        handed.extensions_mut().insert(Arc::clone(&session));
    }
    let is_post = request.method() == Method::POST;
    let mut service = core.closer.service();
    // It ends with this one: a client that goes away waits for packets no longer.
    let mut handing = JoinSet::new();
    let answering = async move {
        let Ok(answer) = service.call(handed).await;
        let (head, body) = answer.into_parts();
        (head, body.collect().await.map(|body| body.to_bytes()))
    };
    handing.spawn_on(answering, &core.threads);
    let Some(Ok((head, Ok(body)))) = handing.join_next().await else {
        return Err(Fault::Request);
    };
    match head.status.as_u16() {
        200 => {}
        413 => return Err(Fault::TooLarge),
        _ => return Err(fault_of(&body)),
    }
    if !is_post {
        session.left(body.len());
    }
    if is_new && let Some(name) = opened(&body) {
        core.sessions.name(&session, &name);
    }
    let sort = head.headers.get("content-type").and_then(|sort| sort.to_str().ok());
    let sort = if is_post { "text/html" } else { sort.unwrap_or("text/plain; charset=UTF-8") };
    Ok(HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, sort))
        .insert_header((CACHE_CONTROL, "no-store"))
        .body(body))
}

/// A request in the types of Engine.IO.
pub(super) fn handed_over<B>(request: &HttpRequest, body: B) -> Result<http::Request<B>, Fault> {
    let mut handed = http::Request::builder()
        .method(request.method().as_str())
        .uri(format!("/socket.io/?{}", request.query_string()));
    for name in SHOWN {
        if let Some(value) = request.headers().get(&name) {
            handed = handed.header(name.as_str(), value.as_bytes());
        }
    }
    handed.body(body).map_err(|_not_a_request| Fault::Request)
}

/// Why Engine.IO refused.
fn fault_of(body: &[u8]) -> Fault {
    let told: Option<Value> = serde_json::from_slice(body).ok();
    let code = told.as_ref().and_then(|told| told.get("code")?.as_str());
    code.map_or(Fault::Request, Fault::of)
}

/// The session that an answer has opened.
fn opened(body: &[u8]) -> Option<String> {
    let told: Value = serde_json::from_slice(body.strip_prefix(b"0")?).ok()?;
    Some(told.get("sid")?.as_str()?.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_read_or_faulted_in_engine_ios_order() {
        let polling = Asked { transport: Transport::Polling, session: None };
        for (method, query, expected) in [
            (Method::GET, "EIO=4&transport=polling&t=x", Ok(polling)),
            (
                Method::POST,
                "transport=polling&EIO=4&sid=abc",
                Ok(Asked { session: Some("abc"), ..polling }),
            ),
            (
                Method::GET,
                "EIO=4&transport=websocket",
                Ok(Asked { transport: Transport::Websocket, session: None }),
            ),
            (Method::GET, "", Err(Fault::Transport)),
            (Method::GET, "EIO=3&transport=pigeon", Err(Fault::Transport)),
            (Method::POST, "EIO=3&transport=polling", Err(Fault::Method)),
            (Method::GET, "EIO=3&transport=polling", Err(Fault::Version)),
            (Method::GET, "transport=polling", Err(Fault::Version)),
            (Method::PUT, "EIO=4&transport=polling&sid=abc", Err(Fault::Request)),
        ] {
            assert_eq!(Asked::read(query, &method), expected, "{method} {query}");
        }
    }

    #[test]
    fn what_engine_io_says_is_understood() {
        assert_eq!(opened(br#"0{"sid":"abc","upgrades":[]}"#).as_deref(), Some("abc"));
        assert_eq!(opened(b"6"), None);
        assert_eq!(fault_of(br#"{"code":"1","message":"Session ID unknown"}"#), Fault::Session);
        assert_eq!(fault_of(b""), Fault::Request);
    }
}
