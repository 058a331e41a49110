//! Doing what is asked for, with the tools that are offered, and telling what came of it.
//!
//! How far it has come is read off the turns after the request: the calls made so far and what came
//! of them.

use greenroom_actors::ports::{Prompt, Role, ToolCall, Turn};
use serde_json::{Map, Value, json};

use super::deeds::{
    Deed, NOT_FOUND, NOTED, NOTHING, RECALLED, Want, asked, described, says_something,
};
use super::phrase::id_in;
use super::timing;

/// Bytes of an outcome that are told on.
const TOLD_MAX_BYTES: usize = 1_500;

/// What an outcome begins with that is none.
pub(super) const FAILED: &str = "Error: ";

/// What is to be done next.
#[derive(Debug, PartialEq)]
pub(super) enum Act {
    /// To call a tool.
    Call(ToolCall),
    /// To say something.
    Say(String),
}

/// What to do about the last thing that was said; `None` if it asks for nothing that a tool does.
pub(super) fn next(prompt: &Prompt, turns: &[Turn]) -> Option<Act> {
    if prompt.tools.is_empty() {
        return None;
    }
    let at = turns.iter().rposition(|turn| turn.role == Role::User)?;
    let (request, since) = (turns.get(at)?, turns.get(at + 1..)?);
    // Something was said since: the request is dealt with.
    if since.iter().any(|turn| turn.role == Role::Assistant && turn.tool_calls.is_empty()) {
        return None;
    }
    let deed = asked(&request.text, &prompt.character.name)?;
    let outcomes: Vec<&Turn> = since.iter().filter(|turn| turn.role == Role::Tool).collect();
    Some(carry_on(prompt, deed, &outcomes))
}

/// What to do for a request, after calls with these outcomes.
pub(super) fn carry_on(prompt: &Prompt, deed: Deed, outcomes: &[&Turn]) -> Act {
    Hand { prompt, deed, calls: outcomes.len() }.act(outcomes.last().copied())
}

/// A request that is being dealt with.
struct Hand<'a> {
    prompt: &'a Prompt,
    deed: Deed,
    /// Calls made for it so far.
    calls: usize,
}

impl Hand<'_> {
    fn act(&self, outcome: Option<&Turn>) -> Act {
        let arguments = match (&self.deed.want, outcome) {
            (_, Some(outcome)) if outcome.text.starts_with(FAILED) => {
                return Act::Say(failure(&outcome.text));
            }
            (Want::Given(arguments), None) => arguments.clone(),
            (Want::Timed(when, what), None) => {
                let Some(schema) = self.schema(self.deed.tool) else { return self.not_offered() };
                match timing::arguments(*when, what, schema) {
                    Some(arguments) => arguments,
                    None => return Act::Say("The tool that I have cannot be set so.".to_owned()),
                }
            }
            (Want::Described(words), None) => match id_in(words) {
                Some(id) => self.by_id(&id.to_string()),
                // First to find out what is meant.
                None if self.deed.tool == "forget" => {
                    return self.call("recall", object(json!({"query": words})));
                }
                None => return self.call("list_triggers", Map::new()),
            },
            (Want::Described(words), Some(outcome))
                if self.calls == 1 && id_in(words).is_none() =>
            {
                match described(words, &outcome.text, &self.prompt.character.name) {
                    Some(id) => self.by_id(&id),
                    None => return Act::Say(format!("{NOT_FOUND}: {words}.")),
                }
            }
            (_, Some(outcome)) => return Act::Say(self.told(&outcome.text)),
        };
        self.call(self.deed.tool, arguments)
    }

    fn call(&self, tool: &str, arguments: Map<String, Value>) -> Act {
        if self.schema(tool).is_none() {
            return self.not_offered();
        }
        let id = format!("doctor-{}", self.calls + 1);
        Act::Call(ToolCall { id, name: tool.to_owned(), arguments: Value::Object(arguments) })
    }

    fn not_offered(&self) -> Act {
        let tool = self.deed.tool;
        Act::Say(format!("That would take the tool {tool}, which I am not given here."))
    }

    fn schema(&self, tool: &str) -> Option<&Value> {
        let offered = self.prompt.tools.iter().find(|offered| offered.name == tool)?;
        Some(&offered.parameters)
    }

    /// An id as the argument that the tool takes it as.
    fn by_id(&self, id: &str) -> Map<String, Value> {
        let places = self.schema(self.deed.tool).and_then(|schema| schema.get("properties"));
        let has = |name: &str| places.is_some_and(|places| places.get(name).is_some());
        let name = if has("trigger_id") && !has("id") { "trigger_id" } else { "id" };
        object(json!({name: id}))
    }

    /// What came of it, in words.
    fn told(&self, outcome: &str) -> String {
        let given = |name: &str| match &self.deed.want {
            Want::Given(arguments) => arguments.get(name).and_then(Value::as_str).unwrap_or(""),
            Want::Described(_) | Want::Timed(..) => "",
        };
        let found = shortened(outcome);
        match self.deed.tool {
            "remember" => format!("{NOTED}: {}", given("text")),
            "recall" => self.recalled(outcome, given("query")),
            "set_goal" => format!("That is my goal now: {}.", given("text")),
            "write_file" => format!("I wrote it to {}.", given("path")),
            "append_to_file" => format!("I added it to {}.", given("path")),
            "delete_file" => format!("I deleted {}.", given("path")),
            "read_file" if found.is_empty() => format!("{} is empty.", given("path")),
            "read_file" => format!("{} says: {found}", given("path")),
            "list_files" if found == "nothing" => "I have no files there.".to_owned(),
            "list_files" => format!("I have these files:\n{found}"),
            "fetch_url" => format!("This is what I found at {}: {found}", given("url")),
            "ask_agents" => format!("I asked, and this came back.\n{found}"),
            "list_agents" | "list_channels" | "list_triggers" => format!("There are:\n{found}"),
            "cancel_trigger" => "I cancelled it.".to_owned(),
            "schedule_trigger" => format!("It is set. {found}"),
            _ => found.to_owned(),
        }
    }

    /// What was found in memory, without the ids, and without requests such as this one.
    fn recalled(&self, outcome: &str, about: &str) -> String {
        let name = &self.prompt.character.name;
        let texts = outcome.lines().filter_map(|line| {
            let text = line.strip_prefix("- ")?;
            let text = text.rsplit_once(" (id ").map_or(text, |(text, _)| text).trim();
            (!text.is_empty() && says_something(text, name)).then_some(text)
        });
        let texts: Vec<&str> = texts.collect();
        match texts.as_slice() {
            [] => format!("{NOTHING} {about}."),
            texts => format!("{RECALLED}:\n{}", shortened(&texts.join("\n"))),
        }
    }
}

fn failure(outcome: &str) -> String {
    let reason = shortened(outcome.strip_prefix(FAILED).unwrap_or(outcome));
    format!("That did not work: {}.", reason.trim_end_matches('.'))
}

fn shortened(text: &str) -> &str {
    let text = text.trim();
    text.get(..text.floor_char_boundary(TOLD_MAX_BYTES)).unwrap_or_default().trim_end()
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

#[cfg(test)]
#[path = "acting_tests.rs"]
mod tests;
