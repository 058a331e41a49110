//! The arguments of a call, as the model gave them.

use greenroom_actors::ports::ToolError;
use serde_json::{Map, Value};

/// Reads arguments by name.
pub(super) struct Arguments<'a>(pub(super) &'a Map<String, Value>);

impl<'a> Arguments<'a> {
    /// A text that must be there.
    pub(super) fn text(&self, name: &str) -> Result<&'a str, ToolError> {
        self.optional_text(name)?.ok_or_else(|| ToolError::invalid(name, "is missing"))
    }

    /// A text that may be there.
    pub(super) fn optional_text(&self, name: &str) -> Result<Option<&'a str>, ToolError> {
        match self.0.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(ToolError::invalid(name, "must be a text")),
        }
    }

    /// A whole number, `otherwise` if it is not there. Models also write them as text.
    pub(super) fn number(&self, name: &str, otherwise: u64) -> Result<u64, ToolError> {
        let number = match self.0.get(name) {
            None | Some(Value::Null) => return Ok(otherwise),
            Some(Value::String(text)) => text.trim().parse().ok(),
            Some(value) => value.as_u64(),
        };
        number.ok_or_else(|| ToolError::invalid(name, "must be a whole number, 0 or more"))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn arguments_are_read_and_what_is_wrong_is_named() {
        let given = json!({"text": "a", "number": 3, "written": " 4 ", "null": null, "minus": -1});
        let given = given.as_object().unwrap();
        let arguments = Arguments(given);
        assert_eq!(arguments.text("text"), Ok("a"));
        assert_eq!(arguments.optional_text("null"), Ok(None));
        assert_eq!(arguments.number("number", 0), Ok(3));
        assert_eq!(arguments.number("written", 0), Ok(4));
        assert_eq!(arguments.number("none", 7), Ok(7));
        for refused in [
            arguments.text("none").err(),
            arguments.text("number").err(),
            arguments.number("minus", 0).err(),
            arguments.number("text", 0).err(),
        ] {
            assert!(matches!(refused, Some(ToolError::Invalid { .. })), "{refused:?}");
        }
    }
}
