//! How the answer to a message is to be brought back.

use serde_json::Value;

use super::super::error::ElizaError;
use super::super::input::Fields;
use super::super::refusal;

/// How the answer to a message is to be brought back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Transport {
    /// In the answer to the request.
    Http,
    /// As a stream of events.
    Sse,
    /// Later, to whoever follows the channel.
    Websocket,
}

impl Transport {
    /// What the fields ask for, or what is wrong with that.
    pub(super) fn of(fields: &Fields) -> Result<Self, String> {
        let asked = ["transport", "mode"]
            .into_iter()
            .find_map(|name| fields.0.get(name).filter(|value| !value.is_null()));
        let name = match asked {
            None => return Ok(Self::Websocket),
            Some(Value::String(name)) => name.as_str(),
            Some(other) => {
                return Err(format!(
                    "Invalid transport type \"{}\". Transport must be a string.",
                    type_of(other)
                ));
            }
        };
        match name {
            "http" | "sync" => Ok(Self::Http),
            "sse" | "stream" => Ok(Self::Sse),
            "websocket" | "" => Ok(Self::Websocket),
            _ => Err(format!(
                "Invalid transport \"{name}\". Must be one of: http, sse, websocket, sync, stream"
            )),
        }
    }

    /// The same, with what is wrong as a refusal.
    pub(super) fn read(fields: &Fields) -> Result<Self, ElizaError> {
        Self::of(fields).map_err(|words| ElizaError::Refusing(&refusal::BAD_REQUEST, words))
    }
}

/// What JavaScript calls the type of a value.
fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Null | Value::Array(_) | Value::Object(_) => "object",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::super::input::Body;
    use super::*;

    #[test]
    fn each_name_is_known_and_each_fault_is_named() {
        let wrong = |name: &str| {
            format!(
                "Invalid transport \"{name}\". Must be one of: http, sse, websocket, sync, stream"
            )
        };
        for (fields, expected) in [
            (json!({}), Ok(Transport::Websocket)),
            (json!({"transport": "http"}), Ok(Transport::Http)),
            (json!({"mode": "sync"}), Ok(Transport::Http)),
            (json!({"mode": "stream"}), Ok(Transport::Sse)),
            (json!({"transport": "sse", "mode": "sync"}), Ok(Transport::Sse)),
            (json!({"transport": null, "mode": "websocket"}), Ok(Transport::Websocket)),
            (json!({"transport": "pigeon"}), Err(wrong("pigeon"))),
            (
                json!({"transport": 5}),
                Err("Invalid transport type \"number\". Transport must be a string.".to_owned()),
            ),
            (
                json!({"mode": []}),
                Err("Invalid transport type \"object\". Transport must be a string.".to_owned()),
            ),
        ] {
            assert_eq!(Transport::of(&Body(Some(fields)).fields().unwrap()), expected);
        }
    }
}
