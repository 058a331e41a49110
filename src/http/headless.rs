//! Answers to `HEAD`.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use actix_web::HttpResponse;
use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::web::Bytes;

/// The answer to `HEAD` where `GET` would get this one: the same but for its body, whose length is told.
#[must_use]
pub fn headless(answer: HttpResponse) -> HttpResponse {
    answer.map_body(|_, body| {
        let size = body.size();
        BoxBody::new(Headless(size))
    })
}

/// The size of what `GET` would get, and nothing of it.
struct Headless(BodySize);

impl MessageBody for Headless {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        self.0
    }

    fn poll_next(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        Poll::Ready(None)
    }
}
