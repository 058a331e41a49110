//! `Idempotency-Key`: a request that is sent again is not carried out again.
//!
//! After the IETF's draft-ietf-httpapi-idempotency-key-header: whoever sends a `POST` that creates or
//! sends something may give it a key of their own making, and send it again under that key until an
//! answer comes. That it was begun is durable before the work, its answer before it is sent. What a
//! repeated request meets:
//!
//! | the first one | it gets |
//! |---|---|
//! | was answered, and was the same | that answer, and `Idempotent-Replayed: true` |
//! | was answered, and was another | [`Reused`](IdempotencyError::Reused) |
//! | is in flight | [`InFlight`](IdempotencyError::InFlight) |
//! | was cut off by a fault or the end of the process | [`Unknown`](IdempotencyError::Unknown), unless its route finds what it made |
//! | was refused before anything was done (429, 503, 507) | carried out, as if it were the first |
//!
//! A key belongs to its caller, method and path; two requests are the same if their query, the type of
//! their body and its content are. Bodies are never held for it: they are hashed as the handler reads
//! them. The work goes on if its client leaves, so that the answer is there when it asks again.
//! An answer that is a stream or too long to be kept is remembered by its status and `Location`
//! alone. Requests without a key cost one look for the header.

mod answer;
mod body;
mod digest;
mod error;
mod key;
mod memory;
mod settings;
mod work;

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{Service, ServiceRequest, ServiceResponse};
use greenroom_actors::error::StoreError;
use greenroom_actors::ports::Clock;
use greenroom_actors::time::UnixMillis;

pub use answer::{Answer, Answers, Found};
pub use error::IdempotencyError;
pub use key::{Keyed, Scope};
pub use memory::MemoryAnswers;
pub use settings::IdempotencySettings;

use body::Body;
use work::Work;

/// Requests with a key in flight, at most: more than the lanes of a listener let in, since the work of
/// some goes on after their client was told that it takes too long.
const IN_FLIGHT_MAX: usize = 10_000;

/// Bytes of a repeated request that are read to compare it: more than any route takes.
const COMPARED_MAX_BYTES: u64 = 128 * 1024 * 1024;

/// How long a repeated request may take to arrive.
const COMPARED_WITHIN: Duration = Duration::from_secs(60);

/// That something was done before a request was refused, so that it may not be carried out again;
/// put into the extensions of an answer whose status would say otherwise.
#[derive(Clone, Copy, Debug)]
pub struct Happened;

/// What only a dialect can say of requests with a key.
pub trait Wording: 'static {
    /// The answer to a request that is not carried out.
    fn refusal(&self, error: IdempotencyError) -> HttpResponse;

    /// What will be sent in place of an answer, if something will.
    fn in_place_of(&self, answer: &HttpResponse) -> Option<HttpResponse>;

    /// Whether the request, carried out again with the ids of its [key](Keyed), finds what it made the
    /// first time.
    fn finds_again(&self, request: &ServiceRequest) -> bool;
}

/// Carries each request with a key out once. Clones share what they know.
#[derive(Clone)]
pub struct Idempotency {
    inner: Arc<Inner>,
}

struct Inner {
    answers: Arc<dyn Answers>,
    clock: Arc<dyn Clock>,
    settings: IdempotencySettings,
    in_flight: Mutex<HashSet<Scope>>,
}

impl Idempotency {
    /// With answers kept there.
    #[must_use]
    pub fn new(
        answers: Arc<dyn Answers>,
        clock: Arc<dyn Clock>,
        settings: IdempotencySettings,
    ) -> Self {
        Self { inner: Arc::new(Inner { answers, clock, settings, in_flight: Mutex::default() }) }
    }

    /// Carries a request out, unless one of its key was before. To be awaited on an actix runtime.
    ///
    /// # Errors
    /// What the service fails with.
    ///
    /// # Panics
    /// If the service does.
    pub async fn serve<S, B>(
        &self,
        service: S,
        request: ServiceRequest,
        wording: impl Wording,
    ) -> Result<ServiceResponse<BoxBody>, actix_web::Error>
    where
        S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = actix_web::Error>
            + 'static,
        B: MessageBody + 'static,
    {
        match self.first(&request, wording.finds_again(&request)).await {
            Ok(First::Work(scope, place)) => {
                let work = Work { idempotency: self.clone(), scope, _place: place };
                work.carry_out(service, request, wording).await
            }
            Ok(First::Answered(answer)) => {
                let answer = repeated(request, *answer).await;
                Ok(answer.unwrap_or_else(|(request, error)| refused(request, error, &wording)))
            }
            Err(error) => Ok(refused(request, error, &wording)),
        }
    }

    /// Removes the answers that are past their time; how many.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn expire(&self) -> Result<u64, StoreError> {
        self.inner.answers.expire(self.since()).await
    }

    /// What a request is met with.
    async fn first(
        &self,
        request: &ServiceRequest,
        finds_again: bool,
    ) -> Result<First, IdempotencyError> {
        let scope = Scope::of(request)?;
        let place = self.enter(scope)?;
        let Some(place) = place else {
            // Whoever is in it may be about to leave.
            return match self.inner.answers.find(scope, self.since()).await? {
                Some(Found::Answered(answer)) => Ok(First::Answered(answer)),
                Some(Found::Begun) | None => Err(IdempotencyError::InFlight),
            };
        };
        let (now, kept_max) = (self.inner.clock.now(), u64::from(self.inner.settings.kept_max));
        match self.inner.answers.begin(scope, now, self.since(), kept_max).await? {
            None => Ok(First::Work(scope, place)),
            Some(Found::Answered(answer)) => Ok(First::Answered(answer)),
            Some(Found::Begun) if finds_again => Ok(First::Work(scope, place)),
            Some(Found::Begun) => Err(IdempotencyError::Unknown),
        }
    }

    /// A place for the work of that key; none if somebody is at it.
    fn enter(&self, scope: Scope) -> Result<Option<Place>, IdempotencyError> {
        let mut in_flight = self.inner.in_flight.lock().unwrap_or_else(PoisonError::into_inner);
        if in_flight.contains(&scope) {
            return Ok(None);
        }
        if in_flight.len() >= IN_FLIGHT_MAX {
            return Err(IdempotencyError::Busy);
        }
        in_flight.insert(scope);
        Ok(Some(Place { inner: Arc::clone(&self.inner), scope }))
    }

    /// What was begun before is forgotten.
    fn since(&self) -> UnixMillis {
        self.inner.clock.now().minus(self.inner.settings.kept())
    }
}

/// What a request is met with.
enum First {
    /// It is to be carried out.
    Work(Scope, Place),
    /// It was answered.
    Answered(Box<Answer>),
}

/// The place of a key whose work is in flight.
struct Place {
    inner: Arc<Inner>,
    scope: Scope,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut in_flight = self.inner.in_flight.lock().unwrap_or_else(PoisonError::into_inner);
        in_flight.remove(&self.scope);
    }
}

/// The answer to a request that is not carried out; it keeps the error, by which a dialect knows it.
fn refused(
    request: ServiceRequest,
    error: IdempotencyError,
    wording: &impl Wording,
) -> ServiceResponse<BoxBody> {
    let (request, _body) = request.into_parts();
    ServiceResponse::new(request, wording.refusal(error))
}

/// The kept answer, if the request is the one that it was given to.
async fn repeated(
    mut request: ServiceRequest,
    answer: Answer,
) -> Result<ServiceResponse<BoxBody>, (ServiceRequest, IdempotencyError)> {
    let body = Body::of(&mut request);
    let is_whole = body.read_on(COMPARED_MAX_BYTES, COMPARED_WITHIN).await;
    if !is_whole {
        return Err((request, IdempotencyError::BrokenOff));
    }
    if body.sum() != answer.request {
        return Err((request, IdempotencyError::Reused));
    }
    Ok(request.into_response(answer.again()))
}
