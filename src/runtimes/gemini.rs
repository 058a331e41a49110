//! What the Gemini CLI says: one JSON object, over many lines.

use greenroom_actors::ports::ToolCall;
use greenroom_actors::runs::Usage;
use serde_json::{Value, json};

use super::answer::Heard;

/// Reads one answer.
#[derive(Default)]
pub(super) struct Gemini {
    all: Vec<u8>,
}

impl Gemini {
    /// Takes a line. What stands before the object is talk of the program.
    pub(super) fn take(&mut self, line: &[u8]) {
        if !self.all.is_empty() || line.trim_ascii_start().starts_with(b"{") {
            self.all.extend_from_slice(line);
        }
    }

    /// There are no more lines.
    pub(super) fn finish(&mut self, heard: &mut Vec<Heard>) {
        let all = std::mem::take(&mut self.all);
        // What stands behind the object is talk of the program as well.
        let mut found = serde_json::Deserializer::from_slice(&all).into_iter::<Value>();
        let Some(Ok(answer)) = found.next() else { return };
        let usage = usage(&answer);
        let tools = answer.pointer("/stats/tools/byName").and_then(Value::as_object);
        for (name, about) in tools.into_iter().flatten() {
            let count = about.get("count").and_then(Value::as_u64).unwrap_or(1);
            heard.push(Heard::Acted(ToolCall {
                id: String::new(),
                name: name.clone(),
                arguments: json!({"count": count}),
            }));
        }
        if let Some(error) = answer.get("error").filter(|error| !error.is_null()) {
            let text = error.get("message").and_then(Value::as_str).unwrap_or("an error");
            heard.push(Heard::Failed(text.to_owned(), usage));
            return;
        }
        let text = answer.get("response").and_then(Value::as_str).unwrap_or_default();
        if !text.is_empty() {
            heard.push(Heard::Said(text.to_owned()));
        }
        heard.push(Heard::Done(usage));
    }
}

/// The tokens of all models that it asked.
fn usage(answer: &Value) -> Usage {
    let models = answer.pointer("/stats/models").and_then(Value::as_object);
    let mut all = Usage::default();
    for (name, about) in models.into_iter().flatten() {
        let count =
            |field| about.pointer(&format!("/tokens/{field}")).and_then(Value::as_u64).unwrap_or(0);
        all.add(&Usage {
            model: Some(name.clone()),
            input_tokens: count("prompt"),
            output_tokens: count("candidates").saturating_add(count("thoughts")),
            cost_micros: None,
        });
    }
    all
}
