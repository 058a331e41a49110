//! The work of a request with a key: carried out to its end, and its answer kept before it is sent.

use std::time::Duration;

use actix_web::body::{BodySize, BoxBody, MessageBody, to_bytes};
use actix_web::dev::{Service, ServiceRequest, ServiceResponse};
use actix_web::error::ErrorInternalServerError;
use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_TYPE, HeaderName, LOCATION};
use actix_web::{HttpMessage, HttpResponse, rt};
use greenroom_actors::error::StoreError;
use tracing::Instrument;

use super::body::Body;
use super::{Answer, Happened, Idempotency, Keyed, Place, Scope, Wording};

/// How long a work may take: longer than any listener lets a request take. What becomes of it after
/// that is unknown.
const WORK_WITHIN: Duration = Duration::from_secs(60 * 60);

/// What is read of a body after its handler has answered.
const REST_MAX_BYTES: u64 = 1024 * 1024;

/// How long that may take.
const REST_WITHIN: Duration = Duration::from_secs(5);

/// The work of a request with a key.
pub(super) struct Work {
    pub(super) idempotency: Idempotency,
    pub(super) scope: Scope,
    /// Held until the answer is kept.
    pub(super) _place: Place,
}

impl Work {
    /// Carries it out, to its end even if nobody waits for it any more.
    pub(super) async fn carry_out<S, B>(
        self,
        service: S,
        mut request: ServiceRequest,
        wording: impl Wording,
    ) -> Result<ServiceResponse<BoxBody>, actix_web::Error>
    where
        S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = actix_web::Error>
            + 'static,
        B: MessageBody + 'static,
    {
        let body = Body::of(&mut request);
        request.set_payload(body.payload());
        request.extensions_mut().insert(Keyed(self.scope));
        let work = async move {
            let answer = tokio::time::timeout(WORK_WITHIN, service.call(request)).await;
            let answer = answer.map_err(ErrorInternalServerError)??.map_into_boxed_body();
            Ok(self.keep(answer, &body, &wording).await)
        };
        let done = rt::spawn(work.in_current_span());
        match done.await {
            Ok(answered) => answered,
            Err(ended) if ended.is_panic() => std::panic::resume_unwind(ended.into_panic()),
            Err(ended) => Err(ErrorInternalServerError(ended)),
        }
    }

    /// Keeps an answer, or forgets the key where nothing was done.
    async fn keep(
        &self,
        answer: ServiceResponse<BoxBody>,
        body: &Body,
        wording: &impl Wording,
    ) -> ServiceResponse<BoxBody> {
        let is_whole = body.read_on(REST_MAX_BYTES, REST_WITHIN).await;
        let answers = &self.idempotency.inner.answers;
        if is_undone(&answer, is_whole) {
            self.tell(answers.release(self.scope).await);
            return answer;
        }
        let (request, answer) = answer.into_parts();
        let (answer, kept) = match wording.in_place_of(&answer) {
            Some(sent) => (answer, self.read(sent, body).await.1),
            None => self.read(answer, body).await,
        };
        self.tell(answers.settle(self.scope, kept).await);
        ServiceResponse::new(request, answer)
    }

    /// Reads an answer, unless it is too long: the answer for whoever waits, and what is kept of it.
    async fn read(&self, answer: HttpResponse, body: &Body) -> (HttpResponse, Answer) {
        let text = |name: HeaderName| {
            let value = answer.headers().get(name).and_then(|value| value.to_str().ok());
            value.map(str::to_owned)
        };
        let mut kept = Answer {
            request: body.sum(),
            status: answer.status().as_u16(),
            content_type: text(CONTENT_TYPE),
            location: text(LOCATION),
            body: None,
        };
        let (head, content) = answer.into_parts();
        let max = u64::from(self.idempotency.inner.settings.answer_max_bytes);
        let is_short = match content.size() {
            BodySize::None => true,
            BodySize::Sized(size) => size <= max,
            BodySize::Stream => false,
        };
        if !is_short {
            return (head.set_body(content), kept);
        }
        // Nothing is lost of an answer that breaks off: nobody could have been sent the rest of it.
        kept.body = to_bytes(content).await.ok();
        let content = BoxBody::new(kept.body.clone().unwrap_or_default());
        (head.set_body(content), kept)
    }

    /// What was done stays done, so the answer is sent all the same; who asks again is told that its
    /// outcome is unknown.
    fn tell(&self, kept: Result<(), StoreError>) {
        if let Err(error) = kept {
            tracing::warn!(%error, "the answer to a request with an Idempotency-Key is not kept");
        }
    }
}

/// Whether a request was refused before anything was done, so that it may be sent again.
fn is_undone(answer: &ServiceResponse<BoxBody>, is_whole: bool) -> bool {
    if answer.response().extensions().get::<Happened>().is_some() {
        return false;
    }
    match answer.status() {
        StatusCode::TOO_MANY_REQUESTS
        | StatusCode::SERVICE_UNAVAILABLE
        | StatusCode::INSUFFICIENT_STORAGE => true,
        // Without all of its body it can be told of no other request.
        status => status.is_client_error() && !is_whole,
    }
}
