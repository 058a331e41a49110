//! Bodies of requests to sessions: what cannot be read is refused in the envelope of sessions.

use actix_web::dev::Payload;
use actix_web::web::Data;
use actix_web::{FromRequest, HttpRequest};
use futures::FutureExt;
use futures::future::LocalBoxFuture;
use greenroom_actors::time::UnixMillis;
use serde_json::Value;

use super::super::error::ElizaError;
use super::super::input::{Body, Fields};
use super::super::refusal;
use super::super::shared::Shared;
use super::fault::SessionFault;

/// The body of a request to a session; absent if there is none.
pub(super) struct SessionBody {
    body: Body,
    at: UnixMillis,
}

impl FromRequest for SessionBody {
    type Error = ElizaError;
    type Future = LocalBoxFuture<'static, Result<Self, ElizaError>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let shared = request.app_data::<Data<Shared>>().cloned();
        let reading = Body::from_request(request, payload);
        async move {
            let shared = shared.ok_or(ElizaError::Refused(&refusal::INTERNAL))?;
            let read = reading.await;
            let at = shared.now();
            Ok(Self { body: read.map_err(|error| SessionFault::refused(at, &error))?, at })
        }
        .boxed_local()
    }
}

impl SessionBody {
    /// The body as it is.
    pub(super) fn whole(self) -> Option<Value> {
        self.body.0
    }

    /// The fields of the body; none if there is no body.
    pub(super) fn fields(self) -> Result<Fields, ElizaError> {
        let at = self.at;
        Ok(self.body.fields().map_err(|error| SessionFault::refused(at, &error))?)
    }
}
