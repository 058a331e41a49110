//! Takes a request's body in before anything else is done, so that a slow client is cut off.

use std::time::Duration;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_ENCODING, CONTENT_LENGTH};
use actix_web::middleware::Next;
use actix_web::{Error, HttpResponse, web};
use rmcp::model::ErrorCode;
use serde_json::json;

use crate::http::body::{self, BodyError};

/// What a body may be.
#[derive(Clone, Copy)]
pub(super) struct Arriving {
    pub(super) body_max: usize,
    pub(super) within: Duration,
}

impl Arriving {
    /// Goes on once the body is there as a whole; answers in the words of JSON-RPC if it never is.
    pub(super) async fn whole<B: MessageBody + 'static>(
        self,
        mut request: ServiceRequest,
        next: Next<B>,
    ) -> Result<ServiceResponse<BoxBody>, Error> {
        let mut payload = request.extract::<web::Payload>().await?;
        match body::whole(request.headers(), &mut payload, self.body_max, self.within).await {
            Ok(body) => {
                let headers = request.headers_mut();
                // It is unpacked now.
                headers.remove(CONTENT_ENCODING);
                headers.remove(CONTENT_LENGTH);
                request.set_payload(Payload::from(body));
                Ok(next.call(request).await?.map_into_boxed_body())
            }
            Err(error) => Ok(request.into_response(refusal(&error))),
        }
    }
}

fn refusal(error: &BodyError) -> HttpResponse {
    let status = match error {
        BodyError::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
        BodyError::TooSlow(_) => StatusCode::REQUEST_TIMEOUT,
        BodyError::Malformed(_)
        | BodyError::NotAnObject(_)
        | BodyError::Encoding(_)
        | BodyError::Charset(_)
        | BodyError::Packed(_)
        | BodyError::BrokenOff => StatusCode::BAD_REQUEST,
    };
    let fault = json!({"code": ErrorCode::INVALID_REQUEST, "message": error.to_string()});
    HttpResponse::build(status).json(json!({"jsonrpc": "2.0", "id": null, "error": fault}))
}
