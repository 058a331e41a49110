//! Files with agents in requests and answers.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::http::header::{CONTENT_LENGTH, HeaderMap, HeaderName, HeaderValue};
use actix_web::web::{self, Bytes, Payload};
use futures::StreamExt;

use super::body::{BodyError, text_of};
use super::served::ServedFile;
use crate::transfer::{
    ExportFile, REFERENCE_MAX_BYTES, Receiving, Transfer, TransferError, Upload,
};

/// Tells that other readers of the format will refuse the file.
pub(crate) const WARNING: HeaderName = HeaderName::from_static("x-greenroom-warning");

/// How long nothing of an upload may arrive.
const IDLE: Duration = Duration::from_secs(15);

/// Bytes of the file's content, unpacked.
const UNPACKED: HeaderName = HeaderName::from_static("x-greenroom-unpacked-bytes");

/// Why an upload was not taken.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ReceiveError {
    /// It cannot be what it should.
    #[error(transparent)]
    Transfer(#[from] TransferError),
    /// It did not arrive.
    #[error(transparent)]
    Body(#[from] BodyError),
}

/// Takes an upload: a password and a file, in the envelope of the original.
///
/// # Errors
/// [`ReceiveError`]; nothing of it is left then.
pub async fn receive(
    transfer: &Transfer,
    headers: &HeaderMap,
    payload: &mut Payload,
    within: Duration,
) -> Result<Upload, ReceiveError> {
    let receiving = transfer.receive(text_of(headers, &CONTENT_LENGTH).parse().ok())?;
    let received = tokio::time::timeout(within, collect(receiving, payload)).await;
    received.unwrap_or(Err(BodyError::TooSlow(within).into()))
}

async fn collect(mut receiving: Receiving, payload: &mut Payload) -> Result<Upload, ReceiveError> {
    loop {
        let next = tokio::time::timeout(IDLE, payload.next()).await;
        let Some(chunk) = next.map_err(|_late| BodyError::TooSlow(IDLE))? else { break };
        receiving.push(&chunk.map_err(|_broken_off| BodyError::BrokenOff)?).await?;
    }
    Ok(receiving.finish().await?)
}

/// The file as an answer, to be saved under its name.
///
/// # Errors
/// [`TransferError::File`].
pub async fn answer(file: ExportFile) -> Result<HttpResponse, TransferError> {
    let (unpacked, exceeds) = (file.unpacked_bytes, file.exceeds_reference());
    let opened = web::block(move || {
        let opened = ServedFile::new(file.open()?, "application/octet-stream")?;
        Ok((opened.cached("no-store").saved_as(&file.name), file))
    });
    let opened = opened.await.unwrap_or_else(|blocked| Err(std::io::Error::other(blocked)));
    let (opened, file) = opened?;
    // No headers of the request: the file is made for this answer, and there is no part of it to be had
    // later.
    let mut answer = opened.answer(&HeaderMap::new());
    answer.headers_mut().insert(UNPACKED, HeaderValue::from(unpacked));
    if exceeds {
        let words = format!(
            "the content has more than {REFERENCE_MAX_BYTES} bytes: other readers refuse the file"
        );
        if let Ok(words) = HeaderValue::from_str(&words) {
            answer.headers_mut().insert(WARNING, words);
        }
    }
    Ok(answer.map_body(|_, body| BoxBody::new(Held { body, _file: file })))
}

/// A file that is sent, and takes its room until it was.
struct Held {
    body: BoxBody,
    _file: ExportFile,
}

impl MessageBody for Held {
    type Error = <BoxBody as MessageBody>::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        Pin::new(&mut self.get_mut().body).poll_next(context)
    }
}
