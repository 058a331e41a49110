//! What a model's client sends: a whole talk, of which only the end is new to the agent.

use std::sync::Arc;

use actix_web::HttpRequest;
use actix_web::web::Payload;
use greenroom_actors::character::AgentRecord;
use greenroom_actors::ids::derived;
use serde_json::{Map, Value};

use crate::dialects::milady::body;
use crate::dialects::milady::chat::{Place, Said, Turn, Web, Wish};
use crate::dialects::milady::error::MiladyError;
use crate::dialects::milady::shared::Shared;

/// What a client asks, and of whom.
pub(super) struct Asked {
    /// The whole of it.
    pub(super) body: Map<String, Value>,
    /// What was said.
    pub(super) talk: Talk,
    /// Who is to answer.
    pub(super) agent: Arc<AgentRecord>,
}

impl Asked {
    /// Reads a request.
    ///
    /// # Errors
    /// What is wrong with it; that there is no agent.
    pub(super) async fn read(
        shared: &Shared,
        request: &HttpRequest,
        payload: Payload,
    ) -> Result<Self, MiladyError> {
        let body = body::talk(shared, request, payload).await?;
        let talk = Talk::read(&body)?;
        let agent = shared.host.primary.agent().await?.ok_or(MiladyError::NO_AGENT)?;
        Ok(Self { body, talk, agent })
    }
}

/// A talk as a client sends it.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Talk {
    /// What the client wants to be heeded whatever is said.
    system: Vec<String>,
    /// What was said, and whether the agent said it, oldest first.
    turns: Vec<(bool, String)>,
    /// What the client calls the talk.
    key: Option<String>,
}

impl Talk {
    /// The talk of a body in either shape.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn read(body: &Map<String, Value>) -> Result<Self, MiladyError> {
        let mut talk = Self { key: key(body), ..Self::default() };
        if let Some(system) = body.get("system") {
            talk.system.extend(words(system)?);
        }
        let messages = body.get("messages").and_then(Value::as_array);
        let messages = messages.ok_or(MiladyError::bad("messages is required"))?;
        for message in messages {
            let role = message.get("role").and_then(Value::as_str).unwrap_or_default();
            let words = words(message.get("content").unwrap_or(&Value::Null))?;
            match (role, words) {
                // A call of a tool has no words; what tools of the client's say is not for the agent,
                // which has its own.
                (_, None) | ("tool" | "function", _) => {}
                ("system" | "developer", Some(words)) => talk.system.push(words),
                ("assistant", Some(words)) => talk.turns.push((true, words)),
                ("user", Some(words)) => talk.turns.push((false, words)),
                _ => return Err(MiladyError::bad("messages: each needs a role that is known")),
            }
        }
        if talk.turns.iter().all(|(is_own, _)| *is_own) {
            return Err(MiladyError::bad("messages must contain what the user says"));
        }
        Ok(talk)
    }

    /// Says what is new to the agent.
    ///
    /// # Errors
    /// As [`Turn::begin`].
    pub(super) async fn begin(
        self,
        shared: &Arc<Shared>,
        agent: &AgentRecord,
    ) -> Result<Turn, MiladyError> {
        let place = Place::of(shared, agent, Web::Compatible(&self.key())).await?;
        let known = shared.host.registry.store().room(agent.id, place.room.id).await?;
        let said = Said::words(self.words(known.is_some()))?;
        let wish = Wish { place, said, following: None, is_counted: true };
        Turn::begin(shared, agent, wish).await
    }

    /// What tells the talk from others: what the client calls it, or else how it began, since a client
    /// sends that again with each request.
    fn key(&self) -> String {
        let key = match &self.key {
            Some(key) => format!("key {key}"),
            None => {
                let first = self.turns.first().map(|(_, words)| words.as_str());
                format!("talk {} {}", self.system.join("\n"), first.unwrap_or_default())
            }
        };
        derived(&key).to_string()
    }

    /// What is said to the agent. What was said before is told too where the agent was not there.
    fn words(self, knows_the_talk: bool) -> String {
        let Self { system, mut turns, .. } = self;
        let end = turns.iter().rposition(|(is_own, _)| !is_own).map_or(0, |last| last + 1);
        turns.truncate(end);
        let begin = turns.iter().rposition(|(is_own, _)| *is_own).map_or(0, |last| last + 1);
        let new = turns.split_off(begin);
        let mut parts = system;
        if !knows_the_talk && !turns.is_empty() {
            let lines = turns
                .into_iter()
                .map(|(is_own, words)| format!("{}: {words}", if is_own { "You" } else { "User" }));
            let lines: Vec<_> = lines.collect();
            parts.push(format!("What was said before:\n{}", lines.join("\n")));
        }
        parts.extend(new.into_iter().map(|(_, words)| words));
        parts.join("\n\n")
    }
}

/// What the client calls the talk, in the first of the fields that say so.
fn key(body: &Map<String, Value>) -> Option<String> {
    let in_metadata = |key: &str| body.get("metadata")?.get(key);
    let mut named = ["conversation_id", "conversationId"].into_iter().filter_map(in_metadata);
    let named = named.next().or_else(|| body.get("user")).or_else(|| in_metadata("user_id"));
    named.and_then(Value::as_str).map(str::trim).filter(|key| !key.is_empty()).map(str::to_owned)
}

/// The words of a content: a text, or parts of which some are texts. `None` if there are none.
fn words(content: &Value) -> Result<Option<String>, MiladyError> {
    let parts = match content {
        Value::Null => return Ok(None),
        Value::String(text) => vec![text.as_str()],
        Value::Array(parts) => parts.iter().map(part).collect::<Result<Vec<_>, _>>()?,
        _ => return Err(MiladyError::bad("content must be a text or an array of parts")),
    };
    let words = parts.into_iter().filter(|text| !text.trim().is_empty());
    let words = words.collect::<Vec<_>>().join("\n");
    Ok(Some(words).filter(|words| !words.is_empty()))
}

fn part(part: &Value) -> Result<&str, MiladyError> {
    let sort = part.get("type").and_then(Value::as_str).unwrap_or_default();
    match sort {
        "text" | "input_text" | "output_text" => {
            let text = part.get("text").and_then(Value::as_str);
            text.ok_or(MiladyError::bad("content: a part of type text needs a text"))
        }
        // What a model thought, refused or called is not what was said.
        "thinking" | "redacted_thinking" | "refusal" | "tool_use" | "tool_result" => Ok(""),
        sort => Err(MiladyError::bad(format!(
            "content: only text is understood, not a part of type {sort:?}"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(body: Value) -> Result<Talk, String> {
        Talk::read(body.as_object().unwrap()).map_err(|error| error.to_string())
    }

    #[test]
    fn only_what_is_new_is_said_where_the_agent_was_there() {
        let user = |text: &str| json!({"role": "user", "content": text});
        let own = json!({"role": "assistant", "content": [{"type": "text", "text": "hello"}]});
        for (body, fresh, known) in [
            (json!({"messages": [user("hi")]}), "hi", "hi"),
            (
                json!({"messages": [{"role": "system", "content": "Be brief."}, user("hi")]}),
                "Be brief.\n\nhi",
                "Be brief.\n\nhi",
            ),
            (
                json!({"system": [{"type": "text", "text": "Be brief."}], "messages": [user("hi")]}),
                "Be brief.\n\nhi",
                "Be brief.\n\nhi",
            ),
            (
                json!({"messages": [user("hi"), own, user("a"), user("b")]}),
                "What was said before:\nUser: hi\nYou: hello\n\na\n\nb",
                "a\n\nb",
            ),
            (json!({"messages": [user("hi"), own]}), "hi", "hi"),
            (
                json!({"messages": [
                    user("hi"), {"role": "assistant", "content": null, "tool_calls": []},
                    {"role": "tool", "content": "5"},
                ]}),
                "hi",
                "hi",
            ),
        ] {
            assert_eq!(read(body.clone()).unwrap().words(false), fresh, "{body}");
            assert_eq!(read(body.clone()).unwrap().words(true), known, "{body}");
        }
    }

    #[test]
    fn a_talk_is_known_by_its_name_or_its_beginning() {
        let talk = |messages: Value, more: Value| {
            let mut body = json!({"messages": messages});
            body.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap());
            read(body).unwrap().key()
        };
        let hi = json!([{"role": "user", "content": "hi"}]);
        let on = json!([
            {"role": "user", "content": "hi"}, {"role": "assistant", "content": "hello"},
            {"role": "user", "content": "more"},
        ]);
        let other = json!([{"role": "user", "content": "more"}]);
        assert_eq!(talk(hi.clone(), json!({})), talk(on.clone(), json!({})));
        assert_ne!(talk(hi.clone(), json!({})), talk(other.clone(), json!({})));
        assert_eq!(talk(hi.clone(), json!({"user": "u"})), talk(other, json!({"user": "u"})));
        let named = json!({"metadata": {"conversation_id": "c", "user_id": "u"}, "user": "u"});
        assert_ne!(talk(hi.clone(), named), talk(hi, json!({"user": "u"})));
    }

    #[test]
    fn what_cannot_be_understood_is_refused() {
        for (body, words) in [
            (json!({}), "messages is required"),
            (json!({"messages": []}), "messages must contain"),
            (json!({"messages": [{"role": "user", "content": " "}]}), "messages must contain"),
            (json!({"messages": [{"content": "hi"}]}), "messages: each needs a role"),
            (json!({"messages": [{"role": "user", "content": 5}]}), "content must be"),
            (
                json!({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}),
                "content: only text is understood, not a part of type \"image_url\"",
            ),
        ] {
            let refused = read(body).unwrap_err();
            assert!(refused.starts_with(words), "{refused}");
        }
    }
}
