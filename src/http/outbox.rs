//! Frames of a websocket on their way to a client: one at a time, so that whoever does not read is soon noticed and
//! costs little. What comes with the handshake would take in several dozen first.

use actix_web::HttpResponse;
use actix_web::body::{BodyStream, BoxBody};
use actix_web::web::Bytes;
use actix_ws::CloseCode;
use futures::stream;
use tokio::sync::mpsc;

/// The last frame of a message, and what sort it is (RFC 6455, section 5.2).
const TEXT: u8 = 0x81;
const BINARY: u8 = 0x82;
const CLOSE: u8 = 0x88;
const PING: u8 = 0x89;
const PONG: u8 = 0x8a;

/// Bytes of a reason at most: a control frame has 125, and two are the code.
const REASON_MAX_BYTES: usize = 123;

/// The connection is gone.
#[derive(Debug)]
pub struct Gone;

/// Where frames for one client are put. Dropped, it ends the connection.
pub struct Outbox(mpsc::Sender<Bytes>);

impl Outbox {
    /// The outbox of the connection that this answer of a handshake opens.
    #[must_use]
    pub fn of(answer: HttpResponse) -> (Self, HttpResponse) {
        let (head, body) = answer.into_parts();
        let (sender, frames) = mpsc::channel(1);
        // The body that came with the handshake sends nothing; once it is dropped, nothing is read.
        let sending = stream::unfold((frames, body), |(mut frames, body)| async move {
            let frame = frames.recv().await?;
            Some((Ok::<_, actix_web::Error>(frame), (frames, body)))
        });
        (Self(sender), head.set_body(BoxBody::new(BodyStream::new(Box::pin(sending)))))
    }

    /// Sends a text, once there is room.
    ///
    /// # Errors
    /// [`Gone`], as of every other frame.
    pub async fn text(&self, text: &str) -> Result<(), Gone> {
        self.put(frame(TEXT, text.as_bytes())).await
    }

    /// Sends bytes, once there is room.
    ///
    /// # Errors
    /// [`Gone`].
    pub async fn binary(&self, bytes: &[u8]) -> Result<(), Gone> {
        self.put(frame(BINARY, bytes)).await
    }

    /// Asks whether the client is there.
    ///
    /// # Errors
    /// [`Gone`].
    pub async fn ping(&self) -> Result<(), Gone> {
        self.put(frame(PING, &[])).await
    }

    /// Answers a ping.
    ///
    /// # Errors
    /// [`Gone`].
    pub async fn pong(&self, payload: &[u8]) -> Result<(), Gone> {
        self.put(frame(PONG, payload)).await
    }

    /// Ends the connection with a word.
    ///
    /// # Errors
    /// [`Gone`].
    pub async fn close(self, code: CloseCode) -> Result<(), Gone> {
        self.close_because(code, "").await
    }

    /// Ends the connection with a word, and says why as far as that fits.
    ///
    /// # Errors
    /// [`Gone`].
    pub async fn close_because(self, code: CloseCode, reason: &str) -> Result<(), Gone> {
        let end = reason.floor_char_boundary(REASON_MAX_BYTES);
        let reason = reason.get(..end).unwrap_or_default();
        let payload = [&u16::from(code).to_be_bytes(), reason.as_bytes()].concat();
        self.put(frame(CLOSE, &payload)).await
    }

    async fn put(&self, frame: Bytes) -> Result<(), Gone> {
        self.0.send(frame).await.map_err(|_unsent| Gone)
    }
}

/// A frame of a server, which is not masked.
fn frame(sort: u8, payload: &[u8]) -> Bytes {
    let mut frame = Vec::with_capacity(payload.len().saturating_add(10));
    frame.push(sort);
    match (u8::try_from(payload.len()), u16::try_from(payload.len())) {
        (Ok(length @ ..=125), _) => frame.push(length),
        (_, Ok(length)) => {
            frame.push(126);
            frame.extend(length.to_be_bytes());
        }
        (_, Err(_longer)) => {
            frame.push(127);
            frame.extend(u64::try_from(payload.len()).unwrap_or(u64::MAX).to_be_bytes());
        }
    }
    frame.extend(payload);
    frame.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_says_how_long_it_is_in_three_ways() {
        for (length, head) in [
            (0, &[0x81, 0][..]),
            (125, &[0x81, 125]),
            (126, &[0x81, 126, 0, 126]),
            (65_535, &[0x81, 126, 255, 255]),
            (65_536, &[0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0]),
        ] {
            let payload = vec![b'a'; length];
            let frame = frame(TEXT, &payload);
            assert_eq!(frame.split_at(head.len()), (head, payload.as_slice()), "{length}");
        }
    }
}
