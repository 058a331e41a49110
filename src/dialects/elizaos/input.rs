//! Bodies of requests, field by field: what has the wrong type is refused by name.

use std::str::FromStr;

use actix_web::dev::Payload;
use actix_web::web::{self, Data};
use actix_web::{FromRequest, HttpRequest};
use futures::FutureExt;
use futures::future::LocalBoxFuture;
use greenroom_actors::ids::NotAnId;
use serde_json::{Map, Value};

use super::error::ElizaError;
use super::refusal;
use super::shared::Shared;
use crate::http::body::{self, BodyError, kind};

/// The body of a request; absent if there is none.
#[derive(Clone, Debug, Default)]
pub(super) struct Body(pub(super) Option<Value>);

impl FromRequest for Body {
    type Error = ElizaError;
    type Future = LocalBoxFuture<'static, Result<Self, ElizaError>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, mut payload) = (request.clone(), payload.take());
        async move {
            let shared = request.app_data::<Data<Shared>>();
            let shared = shared.ok_or(ElizaError::Refused(&refusal::INTERNAL))?;
            let (limit, within) = (shared.settings.body_max(), shared.settings.body_within());
            let mut payload = web::Payload::from_request(&request, &mut payload)
                .await
                .map_err(|_unreadable| BodyError::BrokenOff)?;
            Ok(Self(body::json(request.headers(), &mut payload, limit, within).await?))
        }
        .boxed_local()
    }
}

impl Body {
    /// The fields of the body; none if there is no body.
    pub(super) fn fields(self) -> Result<Fields, ElizaError> {
        match self.0 {
            None => Ok(Fields::default()),
            Some(Value::Object(fields)) => Ok(Fields(fields)),
            Some(other) => Err(BodyError::NotAnObject(kind(&other)).into()),
        }
    }
}

/// The fields of a body. Null counts as absent.
#[derive(Clone, Debug, Default)]
pub(super) struct Fields(pub(super) Map<String, Value>);

impl Fields {
    fn take(&mut self, name: &str) -> Option<Value> {
        self.0.shift_remove(name).filter(|value| !value.is_null())
    }

    /// Whether the field is there, and not null.
    pub(super) fn has(&self, name: &str) -> bool {
        self.0.get(name).is_some_and(|value| !value.is_null())
    }

    pub(super) fn text(&mut self, name: &str) -> Result<Option<String>, ElizaError> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(other) => Err(wrong(name, "a string", &other)),
        }
    }

    /// A text that is not empty.
    pub(super) fn words(&mut self, name: &str) -> Result<Option<String>, ElizaError> {
        Ok(self.text(name)?.filter(|text| !text.is_empty()))
    }

    pub(super) fn flag(&mut self, name: &str) -> Result<Option<bool>, ElizaError> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(flag)),
            Some(other) => Err(wrong(name, "a boolean", &other)),
        }
    }

    pub(super) fn number(&mut self, name: &str) -> Result<Option<f64>, ElizaError> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::Number(number)) => Ok(number.as_f64()),
            Some(other) => Err(wrong(name, "a number", &other)),
        }
    }

    pub(super) fn object(&mut self, name: &str) -> Result<Option<Map<String, Value>>, ElizaError> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::Object(object)) => Ok(Some(object)),
            Some(other) => Err(wrong(name, "an object", &other)),
        }
    }

    pub(super) fn list(&mut self, name: &str) -> Result<Option<Vec<Value>>, ElizaError> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::Array(list)) => Ok(Some(list)),
            Some(other) => Err(wrong(name, "an array", &other)),
        }
    }

    pub(super) fn id<T: FromStr<Err = NotAnId>>(
        &mut self,
        name: &str,
    ) -> Result<Option<T>, ElizaError> {
        self.text(name)?.map(|text| id(name, &text)).transpose()
    }
}

/// An id that stands in a field.
pub(super) fn id<T: FromStr<Err = NotAnId>>(name: &str, text: &str) -> Result<T, ElizaError> {
    text.parse().map_err(|not_an_id: NotAnId| ElizaError::field(name, not_an_id))
}

/// A field of the wrong type.
pub(super) fn wrong(name: &str, expected: &str, received: &Value) -> ElizaError {
    ElizaError::field(name, format_args!("expected {expected}, received {}", kind(received)))
}

#[cfg(test)]
mod tests {
    use greenroom_actors::ids::AgentId;
    use serde_json::json;

    use super::*;

    fn fields(value: Value) -> Fields {
        Body(Some(value)).fields().unwrap()
    }

    #[test]
    fn a_field_of_the_wrong_type_is_named() {
        let mut fields = fields(json!({
            "name": 5, "on": "yes", "n": "1", "map": [], "list": {}, "id": "x", "other": null
        }));
        for (refused, words) in [
            (fields.text("name").map(drop), "name: expected a string, received a number"),
            (fields.flag("on").map(drop), "on: expected a boolean, received a string"),
            (fields.number("n").map(drop), "n: expected a number, received a string"),
            (fields.object("map").map(drop), "map: expected an object, received an array"),
            (fields.list("list").map(drop), "list: expected an array, received an object"),
            (
                fields.id::<AgentId>("id").map(drop),
                "id: not an id: expected 8-4-4-4-12 hexadecimal digits",
            ),
        ] {
            assert_eq!(refused.unwrap_err().to_string(), words);
        }
        assert!(!fields.has("other"));
        assert_eq!(fields.text("other").unwrap(), None);
    }

    #[test]
    fn no_body_has_no_fields_and_a_list_is_none() {
        assert!(Body(None).fields().unwrap().0.is_empty());
        assert!(Body(Some(json!([]))).fields().is_err());
    }
}
