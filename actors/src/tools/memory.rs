//! Tools about what the agent remembers: `remember`, `recall`, `forget`.

use serde::Deserialize;
use serde_json::{Map, json};

use super::{BuiltIn, boxed, read};
use crate::agent::Keep;
use crate::agent::context::embedding;
use crate::facts::Fact;
use crate::ids::{MemoryId, RoomId};
use crate::ports::{Effect, Invocation, SearchQuery, ToolError, ToolOutput};
use crate::records::{FACTS, Memory};
use crate::texts::bounded;

/// Bytes of a text that is remembered or looked for.
const TEXT_MAX_BYTES: usize = 8_192;

/// Memories that a search finds at most, and where the call does not say how many.
const FOUND_MAX: u32 = 20;
const FOUND: u32 = 5;

pub(super) fn tools() -> Vec<BuiltIn> {
    let text = json!({"type": "string"});
    vec![
        BuiltIn::new(
            ("remember", "Keeps a fact in your long-term memory. Say it as one whole sentence."),
            Effect::Keyed,
            (json!({"text": text}), &["text"]),
            |call| boxed(remember(call)),
        ),
        BuiltIn::new(
            (
                "recall",
                "Searches your long-term memory and past conversations by words and meaning.",
            ),
            Effect::Reads,
            (
                json!({"query": text, "limit": {"type": "integer", "minimum": 1, "maximum": FOUND_MAX}}),
                &["query"],
            ),
            |call| boxed(recall(call)),
        ),
        BuiltIn::new(
            ("forget", "Removes one memory, by the id that `recall` or `remember` gave."),
            Effect::Idempotent,
            (json!({"id": text}), &["id"]),
            |call| boxed(forget(call)),
        ),
    ]
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Remember {
    text: String,
}

async fn remember(call: Invocation) -> Result<ToolOutput, ToolError> {
    let Remember { text } = read(call.arguments)?;
    let text = bounded("text", &text, TEXT_MAX_BYTES)?;
    let agent = call.agent.id;
    // With the call's own id, so that the same call remembers one thing.
    let id = MemoryId(call.key);
    let mut content = Map::new();
    content.insert("text".to_owned(), json!(text));
    content.insert("source".to_owned(), json!("remember"));
    let mut metadata = Map::new();
    metadata.insert("runId".to_owned(), json!(call.run_id));
    let now = call.registry.clock().now();
    let memory = Memory {
        id,
        agent_id: agent,
        kind: FACTS.to_owned(),
        room_id: RoomId(agent.0),
        world_id: None,
        entity_id: agent.into(),
        content,
        metadata,
        unique: true,
        created_at: now,
        updated_at: now,
    };
    let facts = vec![Fact::Remembered(Box::new(memory))];
    let keep = Keep { facts, while_running: false };
    call.registry.ask(agent, keep).await?;
    Ok(ToolOutput::text(format!("Remembered as {id}.")))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Recall {
    query: String,
    limit: Option<u32>,
}

async fn recall(call: Invocation) -> Result<ToolOutput, ToolError> {
    let Recall { query, limit } = read(call.arguments)?;
    let text = bounded("query", &query, TEXT_MAX_BYTES)?.to_owned();
    let embedding = embedding(call.registry.runtime(), &text).await;
    let limit = limit.unwrap_or(FOUND).clamp(1, FOUND_MAX);
    let query =
        SearchQuery { agent_id: call.agent.id, kind: None, room_id: None, text, embedding, limit };
    let found = call.registry.store().search(query).await?;
    let lines: Vec<_> = found
        .iter()
        .map(|found| format!("- {} (id {})", found.memory.text(), found.memory.id))
        .collect();
    Ok(ToolOutput::text(match lines.as_slice() {
        [] => "Nothing is remembered about that.".to_owned(),
        lines => lines.join("\n"),
    }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Forget {
    id: String,
}

async fn forget(call: Invocation) -> Result<ToolOutput, ToolError> {
    let Forget { id } = read(call.arguments)?;
    let not_an_id = |_| ToolError::invalid("id", "is not an id of a memory");
    let memory_id: MemoryId = id.trim().parse().map_err(not_an_id)?;
    let agent_id = call.agent.id;
    let facts = vec![Fact::Forgot { agent_id, memory_id }];
    let keep = Keep { facts, while_running: false };
    let kept = call.registry.ask(agent_id, keep).await?;
    Ok(ToolOutput::text(match kept.affected.first() {
        Some(0) | None => "There was no such memory.",
        Some(_) => "Forgotten.",
    }))
}
