//! Putting tool calls together from their pieces.

use genai::adapter::AdapterKind;
use genai::chat;
use greenroom_actors::error::ModelError;
use greenroom_actors::ports::ToolCall;
use serde_json::Value;

use crate::models::provider::Failure;

/// Calls in one answer; more is a model gone astray.
const CALLS_MAX: usize = 64;

/// Bytes of all arguments in one answer.
const ARGUMENTS_MAX_BYTES: usize = 1024 * 1024;

/// The calls of one answer so far.
///
/// The crate could collect them, but trusts the places that a server gives them: one call in place
/// four billion would take all memory.
pub(super) struct ToolCalls {
    /// Whether each piece is what is new, or all so far.
    is_incremental: bool,
    calls: Vec<Call>,
    bytes: usize,
}

struct Call {
    id: String,
    name: String,
    arguments: String,
}

impl ToolCalls {
    /// None yet, of a provider that speaks like this.
    pub(super) fn of(adapter: AdapterKind) -> Self {
        let is_cumulative = matches!(adapter, AdapterKind::Anthropic | AdapterKind::Gemini);
        Self { is_incremental: !is_cumulative, calls: Vec::new(), bytes: 0 }
    }

    /// Takes a piece.
    ///
    /// # Errors
    /// If they became too many or too long.
    pub(super) fn take(&mut self, piece: chat::ToolCall) -> Result<(), Failure> {
        let arguments = match piece.fn_arguments {
            Value::String(text) => text,
            Value::Null => String::new(),
            whole => whole.to_string(),
        };
        self.bytes = self.bytes.saturating_add(arguments.len());
        if self.bytes > ARGUMENTS_MAX_BYTES || self.calls.len() >= CALLS_MAX {
            let reason = "too many or too long calls of tools".to_owned();
            return Err(Failure::lasting(ModelError::Unavailable(reason)));
        }
        let is_incremental = self.is_incremental;
        match self.find(&piece.call_id, &piece.fn_name) {
            Some(call) if is_incremental => call.arguments.push_str(&arguments),
            Some(call) => {
                let before = std::mem::replace(&mut call.arguments, arguments).len();
                self.bytes = self.bytes.saturating_sub(before);
            }
            None => self.calls.push(Call { id: piece.call_id, name: piece.fn_name, arguments }),
        }
        Ok(())
    }

    /// The call that a piece continues.
    fn find(&mut self, id: &str, name: &str) -> Option<&mut Call> {
        let place = if name.is_empty() {
            // Later pieces have no id; the crate puts their place there: `call_0`, `call_1`, …
            let place = id.strip_prefix("call_").and_then(|place| place.parse::<usize>().ok());
            place
                .filter(|place| *place < self.calls.len())
                .or_else(|| self.calls.iter().position(|call| call.id == id))
                .or_else(|| self.calls.len().checked_sub(1))
        } else {
            self.calls.iter().position(|call| call.id == id)
        };
        self.calls.get_mut(place?)
    }

    /// The calls, whole. Arguments that are no JSON stay the text they are.
    pub(super) fn whole(&mut self) -> Vec<ToolCall> {
        let whole = |call: Call| {
            let text = call.arguments;
            let arguments = match text.trim() {
                "" => Value::Object(serde_json::Map::new()),
                json => serde_json::from_str(json).unwrap_or(Value::String(text)),
            };
            ToolCall { id: call.id, name: call.name, arguments }
        };
        std::mem::take(&mut self.calls).into_iter().map(whole).collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn piece(id: &str, name: &str, arguments: Value) -> chat::ToolCall {
        chat::ToolCall {
            call_id: id.to_owned(),
            fn_name: name.to_owned(),
            fn_arguments: arguments,
            thought_signatures: None,
        }
    }

    fn call(id: &str, name: &str, arguments: Value) -> ToolCall {
        ToolCall { id: id.to_owned(), name: name.to_owned(), arguments }
    }

    #[test]
    fn pieces_become_calls_by_place_and_id() {
        let mut calls = ToolCalls::of(AdapterKind::OpenAI);
        for (id, name, arguments) in [
            ("abc", "look", "{\"at\":"),
            ("def", "wait", ""),
            ("call_0", "", "\"door\"}"),
            ("call_1", "", "nonsense"),
        ] {
            calls.take(piece(id, name, json!(arguments))).unwrap();
        }
        let expected =
            [call("abc", "look", json!({"at": "door"})), call("def", "wait", json!("nonsense"))];
        assert_eq!(calls.whole(), expected);
    }

    #[test]
    fn cumulative_pieces_replace_what_was_there() {
        let mut calls = ToolCalls::of(AdapterKind::Anthropic);
        for arguments in ["", "{\"a\"", "{\"a\":1}"] {
            calls.take(piece("t1", "look", json!(arguments))).unwrap();
        }
        calls.take(piece("t2", "wait", json!({}))).unwrap();
        let expected = [call("t1", "look", json!({"a": 1})), call("t2", "wait", json!({}))];
        assert_eq!(calls.whole(), expected);
    }

    #[test]
    fn calls_without_end_are_refused() {
        let mut calls = ToolCalls::of(AdapterKind::OpenAI);
        let taken = (0..1_000).map(|n| calls.take(piece(&format!("id{n}"), "f", json!("{}"))));
        assert_eq!(taken.take_while(Result::is_ok).count(), CALLS_MAX);

        let mut calls = ToolCalls::of(AdapterKind::OpenAI);
        let long = "x".repeat(ARGUMENTS_MAX_BYTES);
        assert!(calls.take(piece("a", "f", json!(long))).is_ok());
        assert!(calls.take(piece("call_0", "", json!("x"))).is_err());
    }
}
