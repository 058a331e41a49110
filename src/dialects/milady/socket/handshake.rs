//! The handshake of a socket. Refusals are one line of text, and end the connection.

use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderMap, UPGRADE};
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};

use super::connection::Connection;
use super::frame::written;
use crate::dialects::milady::admission;
use crate::dialects::milady::shared::Shared;
use crate::dialects::milady::status::StatusFrame;
use crate::http::auth::Token;
use crate::http::outbox::Outbox;
use crate::http::query::Query;

/// Bytes of a frame, and of a message in several, from a client at most.
const FRAME_MAX_BYTES: usize = 65_536;

/// What a token is called in an address.
const TOKEN_KEYS: [&str; 3] = ["token", "apiKey", "api_key"];

/// Characters of a client's name at most.
const CLIENT_MAX: usize = 128;

/// Why a socket is not opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Refused {
    Path,
    Origin,
    Token,
    NoHandshake,
    Full,
    Failed,
}

/// Whether a request asks for a socket.
pub(in super::super) fn is_upgrade(headers: &HeaderMap) -> bool {
    let asked = headers.get(UPGRADE).and_then(|value| value.to_str().ok());
    asked.is_some_and(|asked| asked.trim().eq_ignore_ascii_case("websocket"))
}

/// What is said to one at another path.
pub(in super::super) fn no_such_path() -> HttpResponse {
    Refused::Path.answer()
}

/// Opens a socket.
pub(super) async fn open(
    shared: Data<Shared>,
    request: HttpRequest,
    payload: Payload,
) -> HttpResponse {
    match opened(&shared, &request, payload).await {
        Ok(answer) => answer,
        Err(refused) => refused.answer(),
    }
}

async fn opened(
    shared: &Shared,
    request: &HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Refused> {
    let headers = request.headers();
    admission::origin(headers, &shared.settings).map_err(|_foreign| Refused::Origin)?;
    let query = Query::parse(request.query_string());
    if let Some(token) = &shared.token {
        let in_query = shared.settings.allows_query_token && is_in(&query, token);
        if !in_query && !admission::presents(headers, token) {
            return Err(Refused::Token);
        }
    }
    let (answer, _session, sent) =
        actix_ws::handle(request, payload).map_err(|_no_handshake| Refused::NoHandshake)?;
    let status = shared.host.primary.status().await.map_err(|error| {
        tracing::error!(%error, "a socket could not be told the status");
        Refused::Failed
    })?;
    let joined = shared.sockets.join().map_err(|_full| Refused::Full)?;
    let (outbox, answer) = Outbox::of(answer);
    tracing::debug!(client = client(&query), "a socket is open");
    let sent = sent
        .max_frame_size(FRAME_MAX_BYTES)
        .aggregate_continuations()
        .max_continuation_size(FRAME_MAX_BYTES);
    let status = written(&StatusFrame::of(status));
    let sockets = Arc::clone(&shared.sockets);
    actix_web::rt::spawn(Connection::run(sockets, joined, status, outbox, sent));
    Ok(answer)
}

/// Whether an address carries the token.
fn is_in(query: &Query, token: &Token) -> bool {
    let presented = TOKEN_KEYS.iter().find_map(|key| query.get(key));
    presented.is_some_and(|presented| token.is(presented.trim().as_bytes()))
}

/// What the client calls itself; nothing where that is no name.
fn client(query: &Query) -> &str {
    let is_name = |name: &&str| {
        let is_known = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        name.len() <= CLIENT_MAX && name.bytes().all(is_known)
    };
    query.get("clientId").map(str::trim).filter(is_name).unwrap_or_default()
}

impl Refused {
    fn answer(self) -> HttpResponse {
        let (status, words) = match self {
            Self::Path => (StatusCode::NOT_FOUND, "Not found"),
            Self::Origin => (StatusCode::FORBIDDEN, "Origin not allowed"),
            Self::Token => (StatusCode::UNAUTHORIZED, "Unauthorized"),
            Self::NoHandshake => (StatusCode::BAD_REQUEST, "Not a WebSocket handshake"),
            Self::Full => (StatusCode::SERVICE_UNAVAILABLE, "Too many sockets are open"),
            Self::Failed => (StatusCode::INTERNAL_SERVER_ERROR, "Internal server error"),
        };
        HttpResponse::build(status)
            .force_close()
            .content_type("text/plain; charset=utf-8")
            .body(format!("{words}\n"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_may_stand_in_the_address_under_three_names() {
        let token = Token::new("t0ken").unwrap();
        for (query, expected) in [
            ("token=t0ken", true),
            ("clientId=ui-1&apiKey=t0ken", true),
            ("api_key=t0ken", true),
            ("token=%74%30ken", true),
            ("token=&apiKey=t0ken", true),
            ("token=wrong&apiKey=t0ken", false),
            ("Token=t0ken", false),
            ("", false),
        ] {
            assert_eq!(is_in(&Query::parse(query), &token), expected, "{query}");
        }
    }

    #[test]
    fn a_client_is_called_what_it_says_if_that_is_a_name() {
        let long = format!("clientId={}", "a".repeat(129));
        for (query, expected) in [
            ("clientId=ui-1.a_B", "ui-1.a_B"),
            ("clientId=a%20b", ""),
            ("clientId=a%0Ab", ""),
            (long.as_str(), ""),
            ("", ""),
        ] {
            assert_eq!(client(&Query::parse(query)), expected, "{query}");
        }
    }
}
