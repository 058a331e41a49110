//! Streams of events as they are written (`text/event-stream`).

use std::convert::Infallible;

use actix_web::HttpResponse;
use actix_web::http::header::{CACHE_CONTROL, CONNECTION, CONTENT_TYPE};
use actix_web::web::Bytes;
use futures::Stream;
use serde_json::Value;

/// An event; JSON on one line has no line break in it.
pub(super) fn event(name: &str, data: &Value) -> Bytes {
    Bytes::from(format!("event: {name}\ndata: {data}\n\n"))
}

/// An event after which a client goes on from that number, should it be cut off.
pub(super) fn numbered(name: &str, data: &Value, number: u64) -> Bytes {
    Bytes::from(format!("event: {name}\ndata: {data}\nid: {number}\n\n"))
}

/// Nothing but the number to go on from.
pub(super) fn place(number: u64) -> Bytes {
    Bytes::from(format!("id: {number}\n\n"))
}

/// Nothing: it keeps the connection, and shows whether there still is one.
pub(super) fn breath() -> Bytes {
    Bytes::from_static(b":\n\n")
}

/// The answer that these make up.
pub(super) fn answer(
    frames: impl Stream<Item = Result<Bytes, Infallible>> + 'static,
) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, "text/event-stream"))
        .insert_header((CACHE_CONTROL, "no-cache"))
        .insert_header((CONNECTION, "keep-alive"))
        .streaming(frames)
}
