//! Bodies of requests: JSON objects, whatever their content type says.

use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::web::Payload;
use serde_json::{Map, Value};

use super::error::MiladyError;
use super::shared::Shared;
use crate::http::body;

/// Bytes of a body from a client that has shown nothing yet, and how long they may take.
const BRIEF_MAX: usize = 1_024;
const BRIEF_WITHIN: Duration = Duration::from_secs(2);

/// Reads the object that a request brings.
///
/// # Errors
/// 413 past the bound, and 400 where it is not JSON, or JSON and no object.
pub(super) async fn object(
    shared: &Shared,
    request: &HttpRequest,
    mut payload: Payload,
) -> Result<Map<String, Value>, MiladyError> {
    bounded(shared, request, &mut payload, shared.settings.json_max()).await
}

/// Reads the object that a request may bring; without a body it is empty.
///
/// # Errors
/// As [`object`].
pub(super) async fn optional(
    shared: &Shared,
    request: &HttpRequest,
    payload: &mut Payload,
) -> Result<Map<String, Value>, MiladyError> {
    let within = shared.settings.body_within();
    let limit = shared.settings.json_max();
    let sent = body::whole(request.headers(), payload, limit, within).await?;
    if sent.is_empty() { Ok(Map::new()) } else { read(&sent) }
}

/// As [`object`], where pictures may come with it.
///
/// # Errors
/// As [`object`].
pub(super) async fn talk(
    shared: &Shared,
    request: &HttpRequest,
    mut payload: Payload,
) -> Result<Map<String, Value>, MiladyError> {
    bounded(shared, request, &mut payload, shared.settings.chat_max()).await
}

/// The same of a client that has shown nothing yet: small, and at once.
///
/// # Errors
/// As [`object`].
pub(super) async fn brief(
    request: &HttpRequest,
    mut payload: Payload,
) -> Result<Map<String, Value>, MiladyError> {
    read(&body::whole(request.headers(), &mut payload, BRIEF_MAX, BRIEF_WITHIN).await?)
}

async fn bounded(
    shared: &Shared,
    request: &HttpRequest,
    payload: &mut Payload,
    limit: usize,
) -> Result<Map<String, Value>, MiladyError> {
    let within = shared.settings.body_within();
    let sent = body::whole(request.headers(), payload, limit, within).await?;
    read(&sent)
}

fn read(sent: &[u8]) -> Result<Map<String, Value>, MiladyError> {
    match serde_json::from_slice(sent) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err(MiladyError::bad("Request body must be a JSON object")),
        Err(_) => Err(MiladyError::bad("Invalid JSON in request body")),
    }
}
