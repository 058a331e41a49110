//! What Claude Code says: one JSON object on each line.

use greenroom_actors::ports::ToolCall;
use greenroom_actors::runs::Usage;
use serde_json::Value;

use super::answer::{Heard, micros};

/// Reads the lines of one answer.
#[derive(Default)]
pub(super) struct Claude {
    model: Option<String>,
    /// As far as it is told on the way.
    spent: Usage,
    has_spoken: bool,
}

impl Claude {
    /// Takes a line; what is no such object is passed over.
    pub(super) fn take(&mut self, line: &[u8], heard: &mut Vec<Heard>) {
        let Ok(line) = serde_json::from_slice::<Value>(line) else { return };
        match line.get("type").and_then(Value::as_str) {
            Some("system") => {
                let model = line.get("model").and_then(Value::as_str);
                self.model = model.map(str::to_owned).or(self.model.take());
            }
            Some("assistant") => self.said(&line, heard),
            Some("result") => self.result(&line, heard),
            _ => {}
        }
    }

    /// What it has used so far.
    pub(super) fn spent(&self) -> Usage {
        Usage { model: self.model.clone(), ..self.spent.clone() }
    }

    fn said(&mut self, line: &Value, heard: &mut Vec<Heard>) {
        let Some(message) = line.get("message") else { return };
        if let Some(usage) = message.get("usage") {
            self.spent.add(&tokens(usage));
        }
        // What helpers of its own say is no part of the answer.
        let is_own = line.get("parent_tool_use_id").is_none_or(Value::is_null);
        let parts = message.get("content").and_then(Value::as_array);
        for part in parts.into_iter().flatten() {
            let text = |field| part.get(field).and_then(Value::as_str).unwrap_or_default();
            match text("type") {
                "text" if is_own && !text("text").trim().is_empty() => {
                    self.say(text("text"), heard);
                }
                "tool_use" => heard.push(Heard::Acted(ToolCall {
                    id: text("id").to_owned(),
                    name: text("name").to_owned(),
                    arguments: part.get("input").cloned().unwrap_or_default(),
                })),
                _ => {}
            }
        }
    }

    fn say(&mut self, text: &str, heard: &mut Vec<Heard>) {
        let apart = if self.has_spoken { "\n\n" } else { "" };
        self.has_spoken = true;
        heard.push(Heard::Said(format!("{apart}{text}")));
    }

    fn result(&mut self, line: &Value, heard: &mut Vec<Heard>) {
        let text = line.get("result").and_then(Value::as_str).unwrap_or_default();
        let cost = line.get("total_cost_usd").and_then(Value::as_f64).map(micros);
        let used = line.get("usage").map_or_else(Usage::default, tokens);
        let named = line.get("modelUsage").and_then(Value::as_object);
        let named = named.and_then(|models| models.keys().next().cloned());
        let usage = Usage { model: self.model.clone().or(named), cost_micros: cost, ..used };
        if line.get("is_error").and_then(Value::as_bool) == Some(true) {
            let sort = line.get("subtype").and_then(Value::as_str).unwrap_or("an error");
            let reason = if text.is_empty() { sort } else { text };
            heard.push(Heard::Failed(reason.to_owned(), usage));
            return;
        }
        if !self.has_spoken && !text.is_empty() {
            self.say(text, heard);
        }
        heard.push(Heard::Done(usage));
    }
}

/// The tokens of such an object.
fn tokens(usage: &Value) -> Usage {
    let count = |field| usage.get(field).and_then(Value::as_u64).unwrap_or(0);
    let cached =
        count("cache_creation_input_tokens").saturating_add(count("cache_read_input_tokens"));
    Usage {
        input_tokens: count("input_tokens").saturating_add(cached),
        output_tokens: count("output_tokens"),
        ..Usage::default()
    }
}
