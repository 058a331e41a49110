//! Requests that Engine.IO refuses, in its own numbers and words.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use serde_json::json;

/// Why a request for a socket was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// The transport is neither polling nor websocket.
    Transport,
    /// There is no such session.
    Session,
    /// A session does not begin so.
    Method,
    /// Anything else that cannot be.
    Request,
    /// A page of another origin.
    Origin,
    /// Another version of the protocol.
    Version,
    /// More bytes than a packet may have.
    TooLarge,
    /// No place for another socket.
    Full,
}

impl Fault {
    pub(super) fn answer(self) -> HttpResponse {
        let bad = StatusCode::BAD_REQUEST;
        let (status, code, message) = match self {
            Self::Transport => (bad, 0, "Transport unknown"),
            Self::Session => (bad, 1, "Session ID unknown"),
            Self::Method => (bad, 2, "Bad handshake method"),
            Self::Request => (bad, 3, "Bad request"),
            Self::Origin => (StatusCode::FORBIDDEN, 4, "Forbidden"),
            Self::Version => (bad, 5, "Unsupported protocol version"),
            Self::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, 3, "Payload too large"),
            Self::Full => (StatusCode::SERVICE_UNAVAILABLE, 3, "Too many sockets"),
        };
        HttpResponse::build(status).json(json!({"code": code, "message": message}))
    }

    /// What the number of a refusal stands for.
    pub(super) fn of(code: &str) -> Self {
        match code {
            "0" => Self::Transport,
            "1" => Self::Session,
            "2" => Self::Method,
            "5" => Self::Version,
            _ => Self::Request,
        }
    }
}
