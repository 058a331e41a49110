//! A connection that becomes a websocket: its bytes go to Engine.IO and come from it.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, ready};

use actix_web::http::StatusCode;
use actix_web::http::header::{
    HeaderMap, HeaderName, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use actix_web::web::{Bytes, Payload};
use actix_web::{HttpRequest, HttpResponse};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures::{Stream, StreamExt, stream};
use tokio::io::{AsyncRead, AsyncWriteExt, DuplexStream, ReadBuf, ReadHalf, WriteHalf};
use tower::Service as _;

use super::Core;
use super::bridge::handed_over;
use super::fault::Fault;
use super::session::Session;

/// Bytes on their way between a connection and Engine.IO at most, each way.
const PIPE_MAX_BYTES: usize = 16 * 1024;

/// Bytes taken from the pipe at once.
const READ_MAX_BYTES: usize = 4 * 1024;

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
    let tap = Arc::new(Tap(Mutex::new(Some(reader))));
    actix_web::rt::spawn(bring(payload, writer, Arc::clone(&tap), Arc::clone(&session)));
    Ok(HttpResponse::build(StatusCode::SWITCHING_PROTOCOLS)
        .upgrade("websocket")
        .insert_header((SEC_WEBSOCKET_ACCEPT, proof_of(key)))
        .streaming(received(tap, session)))
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

/// The end of the pipe that packets for the client come out of.
///
/// It can be closed from beside: a connection whose client takes nothing is not asked for more, and
/// Engine.IO would try for ever to send what is in the pipe.
struct Tap(Mutex<Option<ReadHalf<DuplexStream>>>);

impl Tap {
    fn close(&self) {
        self.lock().take();
    }

    /// Bytes for the client; none at the end.
    async fn read(&self) -> io::Result<Bytes> {
        poll_fn(|context| match &mut *self.lock() {
            Some(reader) => {
                let mut chunk = [0; READ_MAX_BYTES];
                let mut read = ReadBuf::new(&mut chunk);
                ready!(Pin::new(reader).poll_read(context, &mut read))?;
                Poll::Ready(Ok(Bytes::copy_from_slice(read.filled())))
            }
            None => Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into())),
        })
        .await
    }

    fn lock(&self) -> MutexGuard<'_, Option<ReadHalf<DuplexStream>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Hands over what the client sends, until it ends or the session is cut off.
async fn bring(
    mut payload: Payload,
    mut writer: WriteHalf<DuplexStream>,
    tap: Arc<Tap>,
    session: Arc<Session>,
) {
    let sending = async {
        while let Some(Ok(bytes)) = payload.next().await {
            if writer.write_all(&bytes).await.is_err() {
                return;
            }
        }
        // A pipe that is closed already needs no closing.
        drop(writer.shutdown().await);
    };
    tokio::select! {
        () = sending => {}
        () = session.cut.notified() => {
            session.cut.notify_one();
            tap.close();
        }
    }
}

/// What the client is sent, until the session is cut off.
fn received(tap: Arc<Tap>, session: Arc<Session>) -> impl Stream<Item = io::Result<Bytes>> {
    let start = Some((tap, session));
    stream::unfold(start, |state| async move {
        let (tap, session) = state?;
        let read = tokio::select! {
            read = tap.read() => read,
            () = session.cut.notified() => {
                session.cut.notify_one();
                Err(io::ErrorKind::ConnectionAborted.into())
            }
        };
        match read {
            Ok(bytes) if bytes.is_empty() => None,
            Ok(bytes) => {
                session.left(bytes.len());
                Some((Ok(bytes), Some((tap, session))))
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

    #[tokio::test]
    async fn a_tap_that_is_closed_lets_the_other_end_go() {
        let (ours, mut theirs) = tokio::io::duplex(4);
        let (reader, writer) = tokio::io::split(ours);
        let tap = Tap(Mutex::new(Some(reader)));
        theirs.write_all(b"some").await.unwrap();
        assert_eq!(tap.read().await.unwrap(), "some");
        theirs.write_all(b"more").await.unwrap();
        tap.close();
        drop(writer);
        assert!(theirs.write_all(b"!").await.is_err(), "it would wait for ever");
        assert!(tap.read().await.is_err());
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
