//! What a scripted model is asked, as it sees it, and what it does about it.
//!
//! A script sees nothing but the request. So it decides the same when a run goes on after a crash,
//! and cannot tell the first attempt from the second other than a real model could.

use std::sync::Arc;

use serde_json::{Value, json};

use super::model::{events, usage};
use super::serving::whole;

/// Decides what a model does about what it is asked.
pub(crate) type Script = Arc<dyn Fn(&Asked) -> Act + Send + Sync>;

/// What a model is asked.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    /// What it is told before anything is said.
    pub(crate) system: String,
    /// The conversation, as it came.
    pub(crate) messages: Vec<Value>,
    /// The names of the tools that it is offered.
    pub(crate) tools: Vec<String>,
}

/// What it does.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Act {
    /// Says that.
    Say(String),
    /// Says nothing and wants these calls: names and arguments.
    Call(Vec<(String, Value)>),
    /// Answers with that status.
    Refuse(u16),
}

/// What it was asked and what it did: a line of its ledger.
#[derive(Clone, Debug)]
pub(crate) struct Exchange {
    pub(crate) asked: Asked,
    pub(crate) act: Act,
}

impl Act {
    /// Says that.
    pub(crate) fn say(text: impl Into<String>) -> Self {
        Self::Say(text.into())
    }

    /// Wants that one call.
    pub(crate) fn call(name: &str, arguments: Value) -> Self {
        Self::Call(vec![(name.to_owned(), arguments)])
    }
}

impl Asked {
    pub(super) fn of(body: &Value) -> Self {
        let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
        let mut messages = list(&body["messages"]);
        let is_told = messages.first().is_some_and(|first| first["role"] == "system");
        let system = if is_told { words(&messages.remove(0)) } else { String::new() };
        let name = |tool: &Value| tool["function"]["name"].as_str().unwrap().to_owned();
        Self { system, messages, tools: list(&body["tools"]).iter().map(name).collect() }
    }

    /// Whom it speaks as: the name in `You are NAME.`
    pub(crate) fn agent(&self) -> &str {
        let rest = self.system.split("You are ").nth(1).unwrap_or_default();
        rest.split('.').next().unwrap_or_default()
    }

    /// What was said last, by anybody but itself and its tools. What was not answered before stands
    /// before it in the same message, and is left out.
    pub(crate) fn said(&self) -> String {
        let said = self.messages.iter().rfind(|message| message["role"] == "user");
        let said = said.map(words).unwrap_or_default();
        said.rsplit("\n\n").next().unwrap_or_default().to_owned()
    }

    /// What tools have answered since then, in order.
    pub(crate) fn told(&self) -> Vec<String> {
        self.since().filter(|message| message["role"] == "tool").map(words).collect()
    }

    /// How often it has wanted calls since then.
    pub(crate) fn round(&self) -> usize {
        let wants = |message: &&Value| message["tool_calls"].is_array();
        self.since().filter(wants).count()
    }

    fn since(&self) -> impl Iterator<Item = &Value> {
        let said = self.messages.iter().rposition(|message| message["role"] == "user");
        self.messages.iter().skip(said.map_or(0, |place| place + 1))
    }
}

/// The words of a message.
fn words(message: &Value) -> String {
    match &message["content"] {
        Value::String(text) => text.clone(),
        Value::Array(parts) => parts.iter().filter_map(|part| part["text"].as_str()).collect(),
        _ => String::new(),
    }
}

/// The answer that wants these calls, in pieces if they are asked for.
pub(super) fn calling(body: &Value, round: usize, calls: &[(String, Value)]) -> String {
    let calls = calls.iter().enumerate().map(|(place, (name, arguments))| {
        (place, format!("c{round}-{place}"), name, arguments.to_string())
    });
    let calls = calls.collect::<Vec<_>>();
    let wanted = calls.iter().map(|(_, id, name, arguments)| {
        json!({"id": id, "type": "function", "function": {"name": name, "arguments": arguments}})
    });
    let wanted = wanted.collect::<Vec<_>>();
    let usage = usage(&calls.iter().map(|(.., arguments)| arguments.as_str()).collect::<String>());
    if body["stream"] != json!(true) {
        let message = json!({"role": "assistant", "content": null, "tool_calls": wanted});
        return whole(
            200,
            &json!({
                "id": "stub", "object": "chat.completion", "created": 0, "model": "stub",
                "choices": [{"index": 0, "finish_reason": "tool_calls", "message": message}],
                "usage": usage,
            }),
        );
    }
    let mut deltas = Vec::new();
    for (place, id, name, arguments) in &calls {
        // As OpenAI does: the name first, the arguments in pieces that only have a place.
        let function = json!({"name": name, "arguments": ""});
        let begun = json!({"index": place, "id": id, "type": "function", "function": function});
        deltas.push(json!({"tool_calls": [begun]}));
        let half = arguments.floor_char_boundary(arguments.len() / 2);
        for piece in [&arguments[..half], &arguments[half..]] {
            let piece = json!({"index": place, "function": {"arguments": piece}});
            deltas.push(json!({"tool_calls": [piece]}));
        }
    }
    events(&deltas, "tool_calls", &usage)
}

#[tokio::test]
async fn a_script_decides_by_what_was_said_and_what_tools_answered() {
    use super::http::{Client, Request};
    use super::model::ModelServer;

    let model = ModelServer::scripted(|asked| match asked.told().as_slice() {
        [] => Act::call("look", json!({"at": asked.said()})),
        told => Act::say(format!("{} saw {}", asked.agent(), told.join(", "))),
    })
    .await;
    let client = Client::new(model.address());
    let mut messages = vec![
        json!({"role": "system", "content": "You are Ada. You look."}),
        json!({"role": "user", "content": "earlier\n\nthe sky"}),
    ];
    let send = async |messages: &[Value], stream: bool| {
        let body = json!({"messages": messages, "stream": stream, "tools": [
            {"type": "function", "function": {"name": "look"}}]});
        let request = Request::new("POST", "/v1/chat/completions").json(&body);
        client.first(&request).await.unwrap()
    };
    let wanted = send(&messages, false).await.parsed().unwrap()["choices"][0]["message"].clone();
    let call = &wanted["tool_calls"][0];
    assert_eq!(call["function"], json!({"name": "look", "arguments": r#"{"at":"the sky"}"#}));
    let pieces = send(&messages, true).await.text();
    assert!(pieces.contains(r#""finish_reason":"tool_calls""#), "{pieces}");
    messages.extend([wanted, json!({"role": "tool", "content": "blue", "tool_call_id": "c0-0"})]);
    let said = send(&messages, false).await.parsed().unwrap();
    assert_eq!(said["choices"][0]["message"]["content"], "Ada saw blue");
    let ledger = model.ledger();
    assert_eq!((ledger.len(), ledger[2].asked.round()), (3, 1));
    assert_eq!(ledger[0].asked.tools, ["look"]);
    assert_eq!(ledger[2].act, Act::say("Ada saw blue"));
}
