//! Bodies of an operator's requests: small JSON objects, refused by the name of the field at fault.

use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::web::Payload;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::http::body;

use super::error::OperatorError;

/// Bytes of a body.
const BODY_MAX_BYTES: usize = 256 * 1024;

/// The time that a client has to send one. Half of what a request may take by default, so that the
/// client is told what was too slow.
const BODY_WITHIN: Duration = Duration::from_secs(15);

/// The fields of a body.
pub(super) struct Fields(Map<String, Value>);

impl Fields {
    /// Reads the body; no body has no fields.
    pub(super) async fn read(
        request: &HttpRequest,
        mut payload: Payload,
    ) -> Result<Self, OperatorError> {
        match body::json(request.headers(), &mut payload, BODY_MAX_BYTES, BODY_WITHIN).await? {
            None => Ok(Self(Map::new())),
            Some(Value::Object(fields)) => Ok(Self(fields)),
            Some(other) => Err(body::BodyError::NotAnObject(body::kind(&other)).into()),
        }
    }

    /// All of them, as what they are to be.
    pub(super) fn all<T: DeserializeOwned>(self) -> Result<T, OperatorError> {
        serde_json::from_value(Value::Object(self.0))
            .map_err(|error| OperatorError::Invalid { field: "body", reason: error.to_string() })
    }

    /// Refuses fields whose name has the `stem` of `name` in it and is another one: misspelt, it must not
    /// be passed over. Others may be there.
    pub(super) fn spelt(&self, stem: &str, name: &'static str) -> Result<(), OperatorError> {
        let is_misspelt = |field: &str| field != name && field.to_lowercase().contains(stem);
        if self.0.keys().any(|field| is_misspelt(field)) {
            let reason = "is the name of the field that is meant".to_owned();
            return Err(OperatorError::Invalid { field: name, reason });
        }
        Ok(())
    }

    /// A text, trimmed; `None` if it is absent or null.
    pub(super) fn text(&self, field: &'static str) -> Result<Option<&str>, OperatorError> {
        match self.0.get(field) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.trim())),
            Some(other) => Err(wrong(field, "a string", other)),
        }
    }

    /// A flag; `false` if it is absent or null.
    pub(super) fn flag(&self, field: &'static str) -> Result<bool, OperatorError> {
        match self.0.get(field) {
            None | Some(Value::Null) => Ok(false),
            Some(Value::Bool(flag)) => Ok(*flag),
            Some(other) => Err(wrong(field, "a boolean", other)),
        }
    }

    /// A number; `None` if it is absent or null.
    pub(super) fn number(&self, field: &'static str) -> Result<Option<f64>, OperatorError> {
        match self.0.get(field) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Number(number)) => Ok(number.as_f64()),
            Some(other) => Err(wrong(field, "a number", other)),
        }
    }

    /// A text of 1 to `max` bytes that must be there.
    pub(super) fn required(&self, field: &'static str, max: usize) -> Result<&str, OperatorError> {
        let text = self.text(field)?.unwrap_or_default();
        if text.is_empty() || text.len() > max {
            let reason = format!("must be a string of 1 to {max} bytes");
            return Err(OperatorError::Invalid { field, reason });
        }
        Ok(text)
    }
}

fn wrong(field: &'static str, expected: &str, given: &Value) -> OperatorError {
    let reason = format!("must be {expected}, not {}", body::kind(given));
    OperatorError::Invalid { field, reason }
}
