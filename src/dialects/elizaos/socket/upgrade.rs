//! A connection that becomes a websocket: its bytes go to Engine.IO and come from it.

use std::io;
use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::http::header::{
    HeaderMap, HeaderName, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use actix_web::web::{Bytes, BytesMut, Payload};
use actix_web::{HttpRequest, HttpResponse};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures::{Stream, StreamExt, stream};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, ReadHalf, WriteHalf};
use tower::Service as _;

use super::Core;
use super::bridge::handed_over;
use super::fault::Fault;
use super::session::Session;

/// Bytes on their way between a connection and Engine.IO at most, each way.
const PIPE_MAX_BYTES: usize = 16 * 1024;

/// Bytes taken from the pipe at once.
const READ_MAX_BYTES: usize = 8 * 1024;

/// What a key is proven with (RFC 6455, section 1.3).
const GUID: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// Makes a websocket of the request's connection. `asked` is the session that goes on there.
pub(super) fn accept(
    core: &Core,
    request: &HttpRequest,
    payload: Payload,
    asked: Option<&str>,
    session: Arc<Session>,
) -> Result<HttpResponse, Fault> {
    let key = key_of(request.headers()).ok_or(Fault::Request)?;
    let mut handed = handed_over(request, ())?;
    if asked.is_none() {
        handed.extensions_mut().insert(Arc::clone(&session));
    }
    let (ours, theirs) = tokio::io::duplex(PIPE_MAX_BYTES);
    let mut service = core.closer.service();
    {
        let _on = core.threads.enter();
        // Checked before, so that it is taken; and where it is not, the pipe has no other end.
        drop(service.call((theirs, handed)));
    }
    let (reader, writer) = tokio::io::split(ours);
    let ended = Arc::clone(&session);
    actix_web::rt::spawn(async move {
        tokio::select! {
            () = send(payload, writer) => {}
            () = ended.cut.notified() => ended.cut.notify_one(),
        }
    });
    Ok(HttpResponse::build(StatusCode::SWITCHING_PROTOCOLS)
        .upgrade("websocket")
        .insert_header((SEC_WEBSOCKET_ACCEPT, proof_of(key)))
        .streaming(received(reader, session)))
}

/// The key of a request that asks for a websocket.
fn key_of(headers: &HeaderMap) -> Option<&str> {
    let word = |name: HeaderName| headers.get(name)?.to_str().ok();
    let is_upgrade = word(UPGRADE)?.eq_ignore_ascii_case("websocket");
    let is_current = word(SEC_WEBSOCKET_VERSION)? == "13";
    word(SEC_WEBSOCKET_KEY).filter(|_| is_upgrade && is_current)
}

/// That a key was understood.
fn proof_of(key: &str) -> String {
    let mut digest = sha1_smol::Sha1::from(key);
    digest.update(GUID.as_bytes());
    STANDARD.encode(digest.digest().bytes())
}

/// Hands over what the client sends, to its end.
async fn send(mut payload: Payload, mut writer: WriteHalf<DuplexStream>) {
    while let Some(Ok(bytes)) = payload.next().await {
        if writer.write_all(&bytes).await.is_err() {
            return;
        }
    }
    // A pipe that is closed already needs no closing.
    drop(writer.shutdown().await);
}

/// What the client is sent, until the session is cut off.
fn received(
    reader: ReadHalf<DuplexStream>,
    session: Arc<Session>,
) -> impl Stream<Item = io::Result<Bytes>> {
    let start = Some((reader, session, BytesMut::new()));
    stream::unfold(start, |state| async move {
        let (mut reader, session, mut buffer) = state?;
        buffer.reserve(READ_MAX_BYTES);
        let mut taken = (&mut reader).take(u64::try_from(READ_MAX_BYTES).unwrap_or(u64::MAX));
        let read = tokio::select! {
            read = taken.read_buf(&mut buffer) => read,
            () = session.cut.notified() => {
                session.cut.notify_one();
                Err(io::ErrorKind::ConnectionAborted.into())
            }
        };
        match read {
            Ok(0) => None,
            Ok(_) => {
                let bytes = buffer.split().freeze();
                Some((Ok(bytes), Some((reader, session, buffer))))
            }
            Err(error) => Some((Err(error), None)),
        }
    })
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn a_key_is_proven_as_in_the_specification() {
        assert_eq!(proof_of("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }

    #[test]
    fn only_a_request_for_a_websocket_has_a_key() {
        for (upgrade, version, expected) in [
            ("websocket", "13", true),
            ("WebSocket", "13", true),
            ("h2c", "13", false),
            ("websocket", "8", false),
        ] {
            let request = TestRequest::get()
                .insert_header((UPGRADE, upgrade))
                .insert_header((SEC_WEBSOCKET_VERSION, version))
                .insert_header((SEC_WEBSOCKET_KEY, "k"))
                .to_http_request();
            assert_eq!(key_of(request.headers()).is_some(), expected, "{upgrade} {version}");
        }
        assert_eq!(key_of(TestRequest::get().to_http_request().headers()), None);
    }
}
