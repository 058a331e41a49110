//! Fields as elizaOS' messaging looks at them: what is empty counts as absent.

use std::str::FromStr;

use greenroom_actors::ids::{EntityId, NotAnId, ServerId};
use serde_json::{Map, Value};

use super::super::input::Fields;

/// A text that is not empty; what is none counts as absent.
pub(super) fn text(fields: &Fields, name: &str) -> Option<String> {
    let text = fields.0.get(name)?.as_str()?;
    (!text.is_empty()).then(|| text.to_owned())
}

/// An object; what is none counts as absent.
pub(super) fn object(fields: &Fields, name: &str) -> Option<Map<String, Value>> {
    fields.0.get(name)?.as_object().cloned()
}

/// Whatever stands there, but null.
pub(super) fn any(fields: &Fields, name: &str) -> Option<Value> {
    fields.0.get(name).filter(|value| !value.is_null()).cloned()
}

/// An id; null and the empty text count as absent.
pub(super) fn id<T: FromStr<Err = NotAnId>>(
    fields: &Fields,
    name: &str,
) -> Result<Option<T>, NotAnId> {
    match fields.0.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if text.is_empty() => Ok(None),
        Some(Value::String(text)) => text.parse().map(Some),
        Some(_) => Err(NotAnId),
    }
}

/// The message server, under its name or the older one.
pub(super) fn server(fields: &Fields) -> Result<Option<ServerId>, NotAnId> {
    match id(fields, "message_server_id")? {
        Some(server) => Ok(Some(server)),
        None => id(fields, "server_id"),
    }
}

/// A list of ids; nothing if any of them is none.
pub(super) fn ids(list: &Value) -> Option<Vec<EntityId>> {
    list.as_array()?.iter().map(|item| item.as_str()?.parse().ok()).collect()
}
