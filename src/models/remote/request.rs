//! From a prompt to the crate's request.

use genai::adapter::AdapterKind;
use genai::chat::{
    ChatMessage, ChatOptions, ChatRequest, ContentPart, MessageContent, ReasoningEffort, Tool,
    ToolResponse,
};
use greenroom_actors::ports::{Prompt, Purpose, Role, ToolSpec, Turn};
use serde_json::{Map, Value, json};

/// Tokens of an answer where nobody says it and the provider insists on a number: the most that all
/// of its models take.
const ANTHROPIC_MAX_TOKENS: u32 = 4_096;

/// Stop sequences; providers take four or five.
const STOPS_MAX: usize = 4;

/// The conversation, the tools and the instructions.
pub(super) fn request(prompt: &Prompt) -> ChatRequest {
    let mut request = ChatRequest::new(messages(prompt));
    if !prompt.system.trim().is_empty() {
        request = request.with_system(prompt.system.clone());
    }
    if !prompt.tools.is_empty() {
        request = request.with_tools(prompt.tools.iter().map(tool));
    }
    request
}

fn tool(spec: &ToolSpec) -> Tool {
    Tool::new(spec.name.as_str())
        .with_description(spec.description.clone())
        .with_schema(spec.parameters.clone())
}

/// The turns as every provider takes them: user first and last, no two in a row of one role, none
/// empty. Chat templates of open models fail on anything else.
fn messages(prompt: &Prompt) -> Vec<ChatMessage> {
    let mut said: Vec<Turn> = Vec::with_capacity(prompt.turns.len() + 2);
    let words = |role, text: &str| Turn::new(role, text);
    for turn in &prompt.turns {
        let turn = match turn.role {
            // What a tool says without a call to answer is something that was heard.
            Role::Tool if turn.answers.is_none() => words(Role::User, &turn.text),
            _ => turn.clone(),
        };
        if turn.text.trim().is_empty() && turn.tool_calls.is_empty() && turn.role != Role::Tool {
            continue;
        }
        if said.is_empty() && turn.role == Role::Assistant {
            said.push(words(Role::User, "(Earlier.)"));
        }
        match said.last_mut() {
            Some(last) if last.role == turn.role && turn.role != Role::Tool => {
                last.text = [last.text.trim_end(), turn.text.as_str()].join("\n\n");
                last.text.truncate(last.text.trim_end().len());
                last.tool_calls.extend(turn.tool_calls);
            }
            _ => said.push(turn),
        }
    }
    if said.last().is_none_or(|last| last.role == Role::Assistant) {
        let nudge = match prompt.purpose {
            Purpose::Reflect => "(Nobody is waiting for an answer. Take a moment to think.)",
            Purpose::Reply => "(Go on.)",
            Purpose::Work => {
                "(Nobody is waiting for an answer. Do the next thing that is to be done.)"
            }
            Purpose::Title | Purpose::Summarise => "(Nothing was said.)",
        };
        said.push(words(Role::User, nudge));
    }
    let mut messages: Vec<ChatMessage> = Vec::with_capacity(said.len());
    let mut heard: Vec<ContentPart> = Vec::new();
    for turn in said {
        match (turn.role, turn.answers) {
            // All answers to one turn's calls are one message, as Anthropic wants it.
            (Role::Tool, Some(call)) => {
                heard.push(ContentPart::ToolResponse(ToolResponse::new(call, turn.text)));
                continue;
            }
            (role, _) => {
                hear(&mut messages, &mut heard);
                messages.push(match role {
                    Role::Assistant => assistant(turn.text, turn.tool_calls),
                    Role::User | Role::Tool => ChatMessage::user(turn.text),
                });
            }
        }
    }
    hear(&mut messages, &mut heard);
    messages
}

fn hear(messages: &mut Vec<ChatMessage>, heard: &mut Vec<ContentPart>) {
    if !heard.is_empty() {
        messages.push(ChatMessage::tool(MessageContent::from_parts(std::mem::take(heard))));
    }
}

fn assistant(text: String, calls: Vec<greenroom_actors::ports::ToolCall>) -> ChatMessage {
    let words = Some(text).filter(|text| !text.trim().is_empty()).map(ContentPart::Text);
    let calls = calls.into_iter().map(|call| {
        ContentPart::ToolCall(genai::chat::ToolCall {
            call_id: call.id,
            fn_name: call.name,
            fn_arguments: call.arguments,
            thought_signatures: None,
        })
    });
    ChatMessage::assistant(MessageContent::from_parts(
        words.into_iter().chain(calls).collect::<Vec<_>>(),
    ))
}

/// The settings by elizaOS' names; what has the wrong type is left out.
pub(super) fn options(
    prompt: &Prompt,
    adapter: AdapterKind,
    model: &str,
    max_tokens: Option<u32>,
) -> ChatOptions {
    let settings = &prompt.settings;
    let number = |key: &str| settings.get(key).and_then(Value::as_f64);
    let count = |key: &str| settings.get(key).and_then(Value::as_u64);
    let asked = count("maxTokens").and_then(|count| u32::try_from(count).ok());
    let needed = (adapter == AdapterKind::Anthropic).then_some(ANTHROPIC_MAX_TOKENS);
    let effort = settings.get("reasoningEffort").and_then(Value::as_str);
    ChatOptions {
        temperature: number("temperature"),
        top_p: number("topP"),
        max_tokens: asked.filter(|count| *count > 0).or(max_tokens).or(needed),
        stop_sequences: stops(settings),
        seed: count("seed"),
        reasoning_effort: effort
            .and_then(|effort| effort.parse().ok())
            .or_else(|| no_effort_by_name(adapter, model)),
        capture_usage: Some(true),
        extra_body: penalties(settings, adapter),
        ..ChatOptions::default()
    }
}

fn stops(settings: &Map<String, Value>) -> Vec<String> {
    let found = settings.get("stop").or_else(|| settings.get("stopSequences"));
    let stops = match found {
        Some(Value::String(stop)) => vec![stop.clone()],
        Some(Value::Array(stops)) => {
            stops.iter().filter_map(Value::as_str).map(str::to_owned).collect()
        }
        _ => Vec::new(),
    };
    stops.into_iter().filter(|stop| !stop.is_empty()).take(STOPS_MAX).collect()
}

/// The crate takes `-max` or `-high` at the end of a name for a wish, and cuts it off. A budget is
/// the one wish that says nothing in OpenAI's way of speaking.
fn no_effort_by_name(adapter: AdapterKind, model: &str) -> Option<ReasoningEffort> {
    let is_plain = matches!(
        adapter,
        AdapterKind::OpenAI | AdapterKind::OpenRouter | AdapterKind::Groq | AdapterKind::Together
    );
    (is_plain && ReasoningEffort::from_model_name(model).0.is_some())
        .then_some(ReasoningEffort::Budget(0))
}

fn penalties(settings: &Map<String, Value>, adapter: AdapterKind) -> Option<Value> {
    if matches!(adapter, AdapterKind::Anthropic | AdapterKind::Gemini) {
        return None;
    }
    let mut body = Map::new();
    for (ours, theirs) in
        [("frequencyPenalty", "frequency_penalty"), ("presencePenalty", "presence_penalty")]
    {
        if let Some(value) = settings.get(ours).and_then(Value::as_f64) {
            body.insert(theirs.to_owned(), json!(value));
        }
    }
    (!body.is_empty()).then_some(Value::Object(body))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use greenroom_actors::character::Character;
    use greenroom_actors::figures::Tally;
    use greenroom_actors::ports::{Bounds, ToolCall};

    use super::*;

    fn prompt(purpose: Purpose, turns: Vec<Turn>) -> Prompt {
        Prompt {
            model: None,
            purpose,
            may_ignore: false,
            is_single_attempt: false,
            character: Arc::new(Character::named("Ada")),
            system: "You are Ada.".to_owned(),
            turns,
            tools: Vec::new(),
            settings: Map::new(),
            tally: Tally::default(),
            bounds: Bounds::default(),
        }
    }

    fn roles(purpose: Purpose, turns: Vec<Turn>) -> String {
        let messages = messages(&prompt(purpose, turns));
        messages.iter().map(|message| message.role.to_string().to_lowercase() + " ").collect()
    }

    #[test]
    fn turns_alternate_and_begin_and_end_with_the_user() {
        let (user, agent) = (Role::User, Role::Assistant);
        let turn = Turn::new;
        for (turns, expected) in [
            (vec![], "user "),
            (vec![turn(agent, "a")], "user assistant user "),
            (vec![turn(user, "a"), turn(user, "b")], "user "),
            (vec![turn(user, "a"), turn(agent, " "), turn(user, "b")], "user "),
            (vec![turn(user, "a"), turn(agent, "b"), turn(user, "c")], "user assistant user "),
            (vec![turn(Role::Tool, "news")], "user "),
        ] {
            assert_eq!(roles(Purpose::Reflect, turns), expected);
        }
    }

    #[test]
    fn answers_to_calls_of_one_turn_are_one_message() {
        let call = |id: &str| ToolCall { id: id.into(), name: "look".into(), arguments: json!({}) };
        let answer = |id: &str| Turn { answers: Some(id.into()), ..Turn::new(Role::Tool, "dark") };
        let asks =
            Turn { tool_calls: vec![call("1"), call("2")], ..Turn::new(Role::Assistant, "") };
        let turns = vec![Turn::new(Role::User, "look"), asks, answer("1"), answer("2")];
        let messages = messages(&prompt(Purpose::Reply, turns));
        assert_eq!(messages.len(), 3);
        assert_eq!(messages[1].content.tool_calls().len(), 2);
        assert_eq!(messages[2].content.tool_responses().len(), 2);
    }

    #[test]
    fn settings_are_taken_by_their_names_and_types() {
        let mut asked = prompt(Purpose::Reply, Vec::new());
        asked.settings = json!({
            "temperature": 0.5, "maxTokens": 20, "topP": "high", "stop": ["a", "", 3, "b"],
            "seed": 7, "presencePenalty": 1
        })
        .as_object()
        .unwrap()
        .clone();
        let found = options(&asked, AdapterKind::OpenAI, "qwen-max", Some(9));
        assert_eq!(found.temperature, Some(0.5));
        assert_eq!(found.max_tokens, Some(20));
        assert_eq!(found.top_p, None);
        assert_eq!(found.stop_sequences, ["a", "b"]);
        assert_eq!(found.seed, Some(7));
        assert_eq!(found.extra_body, Some(json!({"presence_penalty": 1.0})));
        assert!(matches!(found.reasoning_effort, Some(ReasoningEffort::Budget(0))));

        asked.settings.clear();
        let found = options(&asked, AdapterKind::Anthropic, "claude", None);
        assert_eq!(found.max_tokens, Some(ANTHROPIC_MAX_TOKENS));
        assert!(found.reasoning_effort.is_none());
        assert_eq!(options(&asked, AdapterKind::OpenAI, "m", Some(9)).max_tokens, Some(9));
    }
}
