//! What only Greenroom has: goals, embeddings and files of the workspace.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use greenroom_actors::facts::Fact;
use greenroom_actors::goals::{Goal, GoalStatus};
use greenroom_actors::ids::MemoryId;
use greenroom_actors::records::Embedding;
use serde_json::{Value, json};

use super::Read;
use super::fields::Fields;

/// Bytes of an embedder's name, and numbers of a vector.
const EMBEDDER_MAX_BYTES: usize = 200;
const VECTOR_MAX: usize = 8_192;

/// A goal as it is written.
pub(in super::super) fn goal(goal: &Goal) -> Value {
    json!({
        "kind": "goal", "id": goal.id, "text": goal.text, "status": goal.status,
        "outcome": goal.outcome, "restsUntil": goal.rests_until, "createdAt": goal.created_at,
        "updatedAt": goal.updated_at
    })
}

/// An embedding as it is written.
pub(in super::super) fn embedding(memory: MemoryId, embedding: &Embedding) -> Value {
    let vector: Vec<u8> = embedding.vector.iter().flat_map(|part| part.to_le_bytes()).collect();
    json!({
        "kind": "embedding", "memoryId": memory, "embedder": embedding.embedder,
        "vector": BASE64_STANDARD.encode(vector)
    })
}

/// A file as it is written.
pub(in super::super) fn file(path: &str, content: &[u8]) -> Value {
    json!({"kind": "file", "path": path, "content": BASE64_STANDARD.encode(content)})
}

/// What one of these becomes. What a later version may have put there is passed over.
pub(super) fn read(mut fields: Fields<'_>, open_goals: &mut usize) -> Read {
    let read = match fields.text("kind").as_deref() {
        Some("goal") => read_goal(fields, open_goals).map(Read::Fact),
        Some("embedding") => read_embedding(fields).map(Read::Fact),
        Some("file") => read_file(fields),
        _ => None,
    };
    read.unwrap_or(Read::Nothing)
}

fn read_goal(mut fields: Fields<'_>, open: &mut usize) -> Option<Fact> {
    let status: GoalStatus = serde_json::from_value(fields.take("status")?).ok()?;
    if status == GoalStatus::Open {
        *open += 1;
        (*open <= Goal::OPEN_MAX).then_some(())?;
    }
    let made_at = fields.made_at();
    let goal = Goal::new(fields.agent(), &fields.text("text")?, made_at).ok()?;
    let outcome = fields.text("outcome");
    Some(Fact::GoalSet(Box::new(Goal {
        id: fields.own_id(),
        status,
        outcome: outcome.filter(|outcome| outcome.len() <= Goal::TEXT_MAX_BYTES),
        rests_until: fields.time(&["restsUntil"]),
        updated_at: fields.time(&["updatedAt"]).unwrap_or(made_at),
        ..goal
    })))
}

fn read_embedding(mut fields: Fields<'_>) -> Option<Fact> {
    let embedder = fields.word("embedder").filter(|name| name.len() <= EMBEDDER_MAX_BYTES)?;
    let bytes = BASE64_STANDARD.decode(fields.text("vector")?).ok()?;
    let (parts, rest) = bytes.as_chunks::<4>();
    let vector: Vec<f32> = parts.iter().copied().map(f32::from_le_bytes).collect();
    let is_fit = rest.is_empty()
        && (1..=VECTOR_MAX).contains(&vector.len())
        && vector.iter().all(|part| part.is_finite());
    is_fit.then_some(())?;
    Some(Fact::Embedded {
        agent_id: fields.agent(),
        memory_id: fields.id(&["memoryId"])?,
        embedding: Embedding { embedder, vector },
    })
}

fn read_file(mut fields: Fields<'_>) -> Option<Read> {
    let path = fields.word("path")?;
    Some(Read::File { path, content: BASE64_STANDARD.decode(fields.text("content")?).ok()? })
}
