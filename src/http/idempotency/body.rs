//! The body of a request, which is hashed as it is read, whoever reads it.

use std::cell::RefCell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use actix_web::HttpMessage;
use actix_web::dev::{Payload, ServiceRequest};
use actix_web::error::PayloadError;
use actix_web::web::Bytes;
use futures::{Stream, StreamExt};

use super::digest::Fingerprint;

/// The body of a request. Clones read on where another stopped.
#[derive(Clone)]
pub(super) struct Body(Rc<RefCell<Reading>>);

struct Reading {
    payload: Payload,
    fingerprint: Fingerprint,
    end: End,
}

/// How far a body was read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    NotYet,
    Whole,
    BrokenOff,
}

impl Body {
    /// Takes the body out of a request.
    pub(super) fn of(request: &mut ServiceRequest) -> Self {
        let fingerprint = Fingerprint::of(request);
        let payload = request.take_payload();
        Self(Rc::new(RefCell::new(Reading { payload, fingerprint, end: End::NotYet })))
    }

    /// The same body, for a handler to read.
    pub(super) fn payload(&self) -> Payload {
        Payload::Stream { payload: Box::pin(self.clone()) }
    }

    /// Reads what nobody has read, up to so many bytes; whether the body is whole.
    pub(super) async fn read_on(&self, max_bytes: u64, within: Duration) -> bool {
        let mut rest = self.clone();
        let all = async move {
            let mut read = 0_u64;
            while let Some(Ok(chunk)) = rest.next().await {
                read = read.saturating_add(u64::try_from(chunk.len()).unwrap_or(u64::MAX));
                if read > max_bytes {
                    return;
                }
            }
        };
        let _in_time = tokio::time::timeout(within, all).await;
        self.0.borrow().end == End::Whole
    }

    /// The digest of the request, as far as its body was read.
    pub(super) fn sum(&self) -> [u8; 32] {
        self.0.borrow().fingerprint.sum()
    }
}

impl Stream for Body {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut reading = self.0.borrow_mut();
        if reading.end != End::NotYet {
            return Poll::Ready(None);
        }
        let polled = reading.payload.poll_next_unpin(context);
        match &polled {
            Poll::Ready(Some(Ok(chunk))) => reading.fingerprint.take(chunk),
            Poll::Ready(Some(Err(_))) => reading.end = End::BrokenOff,
            Poll::Ready(None) => reading.end = End::Whole,
            Poll::Pending => {}
        }
        polled
    }
}
