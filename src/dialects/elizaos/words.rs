//! How the dialect words what becomes of requests that are sent again under one key.

use actix_web::HttpResponse;
use actix_web::dev::ServiceRequest;

use super::error::ElizaError;
use super::said::Dialect;
use crate::http::idempotency::{IdempotencyError, Wording};

/// The words of one of the dialect's families of paths.
#[derive(Clone, Copy, Debug)]
pub(super) struct Words(pub(super) Dialect);

impl Wording for Words {
    fn refusal(&self, error: IdempotencyError) -> HttpResponse {
        // Its envelope is chosen where that of every refusal is.
        HttpResponse::from_error(ElizaError::Repeated(error))
    }

    fn in_place_of(&self, answer: &HttpResponse) -> Option<HttpResponse> {
        // Handlers answer in the envelope of /api.
        let error = answer.error()?.as_error::<ElizaError>()?;
        (self.0 == Dialect::Bare).then(|| error.answer(Dialect::Bare))
    }

    fn finds_again(&self, _request: &ServiceRequest) -> bool {
        false
    }
}
