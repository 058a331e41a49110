//! How the dialect words what becomes of requests that are sent again under one key.

use actix_web::HttpResponse;
use actix_web::dev::ServiceRequest;

use super::error::ElizaError;
use super::said::Dialect;
use crate::http::idempotency::{IdempotencyError, Wording};

/// Routes that, when they are carried out again, find what they made: by the ids that they take from
/// the key, or because doing it twice is doing it once. Those that say something are not among them.
const OF_THE_HOST: [&str; 9] = [
    "/api/agents",
    "/agents",
    "/api/messaging/channels",
    "/api/messaging/central-channels",
    "/messaging/channels",
    "/api/messaging/message-servers",
    "/api/messaging/servers",
    "/api/greenroom/halt",
    "/api/greenroom/lift",
];

/// The ends of such routes that belong to one agent.
const OF_AGENTS: [&str; 3] = ["/memories", "/rooms", "/worlds"];

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

    fn finds_again(&self, request: &ServiceRequest) -> bool {
        let path = request.path();
        OF_THE_HOST.contains(&path) || OF_AGENTS.iter().any(|end| path.ends_with(end))
    }
}
