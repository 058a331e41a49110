//! Tools to write to other agents: `list_agents`, `send_message`, `ask_agents`.

use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use serde::Deserialize;
use serde_json::json;

use super::{BuiltIn, boxed, read};
use crate::agent::Delivery;
use crate::agent::correspondence::shared_room;
use crate::character::AgentRecord;
use crate::error::{CoreError, StoreError};
use crate::ids::{self, LetterId, MemoryId};
use crate::letters::LetterStatus;
use crate::ports::{AgentQuery, Effect, Invocation, MemoryQuery, ToolError, ToolOutput};
use crate::records::MESSAGES;
use crate::texts::bounded;

/// Bytes of a message.
const TEXT_MAX_BYTES: usize = 16_384;

/// Agents that one call asks at most.
const ASKED_MAX: usize = 16;

/// Agents that wait for one another at most, one behind the other.
const CHAIN_MAX: usize = 8;

/// Agents that are listed at most.
const LISTED_MAX: u32 = 200;

/// Kept of a deadline to word what was answered in time.
const WORDING: Duration = Duration::from_secs(1);

pub(super) fn tools() -> Vec<BuiltIn> {
    let text = json!({"type": "string"});
    vec![
        BuiltIn::new(
            (
                "list_agents",
                "Lists the agents of this host that you may write to, with their handles.",
            ),
            Effect::Reads,
            (json!({}), &[]),
            |call| boxed(list_agents(call)),
        ),
        BuiltIn::new(
            (
                "send_message",
                "Sends a message to another agent, by its handle, and does not wait. It is kept until \
                 that agent reads it.",
            ),
            Effect::Keyed,
            (json!({"to": text, "text": text}), &["to", "text"]),
            |call| boxed(send_message(call)),
        ),
        BuiltIn::new(
            (
                "ask_agents",
                "Asks one or several other agents, by their handles, and waits for their replies: the \
                 way to delegate work and gather what came of it.",
            ),
            Effect::Keyed,
            (
                json!({
                    "to": {"type": "array", "items": text, "minItems": 1, "maxItems": ASKED_MAX},
                    "text": text,
                }),
                &["to", "text"],
            ),
            |call| boxed(ask_agents(call)),
        ),
    ]
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}

async fn list_agents(call: Invocation) -> Result<ToolOutput, ToolError> {
    let Nothing {} = read(call.arguments.clone())?;
    let agents = known(&call).await?;
    let lines: Vec<_> = agents
        .iter()
        .map(|agent| {
            let about = agent.character.bio.sentences().first().map_or("", String::as_str);
            let name = &agent.character.name;
            format!("- {} ({name}, {}) {about}", agent.handle, agent.lifecycle.state())
        })
        .collect();
    Ok(ToolOutput::text(match lines.as_slice() {
        [] => "There is no other agent.".to_owned(),
        lines => lines.join("\n"),
    }))
}

/// The agents that the caller may write to.
async fn known(call: &Invocation) -> Result<Vec<Arc<AgentRecord>>, ToolError> {
    let permits = call.registry.permits();
    let mut known = Vec::new();
    if let Some(permitted) = permits.to(call.agent.id) {
        for id in permitted {
            match call.registry.record(id).await {
                Ok(record) => known.push(record),
                // Removed in between.
                Err(CoreError::AgentNotFound(_)) => {}
                Err(error) => return Err(error.into()),
            }
            if known.len() >= usize::try_from(LISTED_MAX).unwrap_or(usize::MAX) {
                break;
            }
        }
        return Ok(known);
    }
    let query = AgentQuery { limit: LISTED_MAX, ..AgentQuery::default() };
    let agents = call.registry.store().agents(query).await?;
    let others = agents.into_iter().filter(|agent| agent.id != call.agent.id);
    Ok(others.filter(|agent| permits.may_write(&call.agent, agent)).map(Arc::new).collect())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SendMessage {
    to: String,
    text: String,
}

async fn send_message(call: Invocation) -> Result<ToolOutput, ToolError> {
    let SendMessage { to, text } = read(call.arguments.clone())?;
    let text = bounded("text", &text, TEXT_MAX_BYTES)?;
    let to = reader(&call, &to).await?;
    let letter = Letter { to: &to, text, expects_reply: false };
    letter.send(&call).await?;
    Ok(ToolOutput::text(format!("Sent to {}.", to.handle)))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AskAgents {
    to: Vec<String>,
    text: String,
}

async fn ask_agents(call: Invocation) -> Result<ToolOutput, ToolError> {
    let AskAgents { to, text } = read(call.arguments.clone())?;
    let text = bounded("text", &text, TEXT_MAX_BYTES)?;
    if to.is_empty() || to.len() > ASKED_MAX {
        return Err(ToolError::invalid("to", format!("must name 1 to {ASKED_MAX} agents")));
    }
    let mut readers = Vec::with_capacity(to.len());
    for handle in &to {
        let reader = reader(&call, handle).await?;
        if !readers.iter().any(|other: &AgentRecord| other.id == reader.id) {
            readers.push(reader);
        }
    }
    let asked = readers.iter().map(|to| {
        let letter = Letter { to, text, expects_reply: true };
        let call = &call;
        async move {
            let answer = match letter.ask(call).await {
                Ok(text) => text,
                Err(error) => format!("({error})"),
            };
            format!("{}: {answer}", to.handle)
        }
    });
    Ok(ToolOutput::text(join_all(asked).await.join("\n\n")))
}

/// The agent of that handle, if the caller may write to it.
async fn reader(call: &Invocation, handle: &str) -> Result<AgentRecord, ToolError> {
    let handle = handle.trim();
    let found = call.registry.store().agent_by_handle(handle).await?;
    let permits = call.registry.permits();
    let Some(found) = found.filter(|found| permits.may_write(&call.agent, found)) else {
        return Err(ToolError::invalid("to", format!("you know no agent {handle}")));
    };
    if found.id == call.agent.id {
        return Err(ToolError::invalid("to", "is yourself"));
    }
    Ok(found)
}

/// A letter to be sent by a call.
struct Letter<'a> {
    to: &'a AgentRecord,
    text: &'a str,
    expects_reply: bool,
}

impl Letter<'_> {
    /// Its id: the call's own, so that the same call sends one letter.
    fn id(&self, call: &Invocation) -> MemoryId {
        MemoryId(ids::derived(&format!("letter:{}:{}", call.key, self.to.id)))
    }

    fn delivery(&self, call: &Invocation) -> Delivery {
        let between = Delivery::between(call.agent.id, self.to.id, self.text, self.expects_reply);
        Delivery {
            memory_id: Some(self.id(call)),
            from_name: Some(call.agent.character.name.clone()),
            askers: call.askers.clone(),
            ..between
        }
    }

    async fn send(&self, call: &Invocation) -> Result<(), ToolError> {
        match call.registry.deliver(self.to.id, self.delivery(call)).await {
            Ok(_) | Err(CoreError::Store(StoreError::Exists { .. })) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    async fn ask(&self, call: &Invocation) -> Result<String, ToolError> {
        if call.askers.contains(&self.to.id) {
            return Err(ToolError::Refused("it waits for you already".to_owned()));
        }
        if call.askers.len() >= CHAIN_MAX {
            let reason = format!("{CHAIN_MAX} agents wait for one another already");
            return Err(ToolError::Refused(reason));
        }
        let delivered = match call.registry.deliver(self.to.id, self.delivery(call)).await {
            Ok(delivered) => delivered,
            Err(CoreError::Store(StoreError::Exists { .. })) => return self.answered(call).await,
            Err(error) => return Err(error.into()),
        };
        let Some(reply) = delivered.reply else { return Ok(String::new()) };
        let deadline = call.deadline.saturating_sub(WORDING);
        let said = reply.within(deadline).await?;
        Ok(said.map(|memory| memory.text().to_owned()).unwrap_or_default())
    }

    /// What was answered to a letter that was sent before, by the same call.
    async fn answered(&self, call: &Invocation) -> Result<String, ToolError> {
        let store = call.registry.store();
        let letter = store.letter(LetterId(self.id(call).0)).await?;
        let Some(letter) = letter.filter(|letter| letter.status == LetterStatus::Answered) else {
            return Err(ToolError::Unknown("it was asked and has not answered yet".to_owned()));
        };
        let room = shared_room(call.agent.id, self.to.id, letter.sent_at);
        let since = MemoryQuery {
            kind: Some(MESSAGES.to_owned()),
            room_id: Some(room.id),
            entity_id: Some(self.to.id.into()),
            ..MemoryQuery::of(call.agent.id, 1)
        };
        let said = store.memories(since).await?;
        Ok(said.first().map(|memory| memory.text().to_owned()).unwrap_or_default())
    }
}
