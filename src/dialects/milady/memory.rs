//! What the agent is told to remember, and what it finds again.

use std::sync::Arc;

use actix_web::web::{Data, Payload, ServiceConfig, get, post};
use actix_web::{HttpRequest, HttpResponse};
use greenroom_actors::agent::Keep;
use greenroom_actors::character::AgentRecord;
use greenroom_actors::error::CoreError;
use greenroom_actors::facts::Fact;
use greenroom_actors::ids::{MemoryId, RoomId};
use greenroom_actors::ports::{Scored, SearchQuery};
use greenroom_actors::records::{FACTS, Memory};
use greenroom_actors::texts::cut;
use serde_json::{Map, Value, json};

use super::chat::{Place, Said, Turn, Web, Wish};
use super::error::MiladyError;
use super::routes::on;
use super::shared::Shared;
use super::{Answer, body};
use crate::http::query::Query;

/// Where such memories come from.
const SOURCE: &str = "remember";

/// Bytes of a text that is to be remembered, or looked for, at most.
const TEXT_MAX: usize = 64 * 1024;

/// The sorts of memories that are knowledge: pieces of documents, and documents.
const KNOWLEDGE: [&str; 2] = ["fragments", "documents"];

/// How many memories a search finds where it does not say, and at most.
const FOUND: (u32, u32) = (10, 50);

/// The same where they are told to the agent with a question.
const TOLD: (u32, u32) = (8, 20);

/// Bytes of each memory that are told with a question.
const LINE_MAX: usize = 2 * 1024;

/// The room where such questions are asked.
const QUESTIONS: &str = "quick-context";

pub(super) fn routes(at: &mut ServiceConfig) {
    at.service(on("/api/memory/remember").route(post().to(remember)))
        .service(on("/api/memory/search").route(get().to(search)))
        .service(on("/api/context/quick").route(get().to(quick)));
}

async fn agent(shared: &Shared) -> Result<Arc<AgentRecord>, MiladyError> {
    shared.host.primary.agent().await?.ok_or(MiladyError::NO_AGENT)
}

/// The agent keeps it as something that it knows, as if it had noted it itself.
async fn remember(shared: Data<Shared>, request: HttpRequest, payload: Payload) -> Answer {
    let asked = body::object(&shared, &request, payload).await?;
    let text = asked.get("text").and_then(Value::as_str).unwrap_or_default();
    let text = within(text, "text")?;
    let agent = agent(&shared).await?;
    let (id, now) = (MemoryId::new(), shared.now());
    let content = [("text", text), ("source", SOURCE)];
    let memory = Memory {
        id,
        agent_id: agent.id,
        kind: FACTS.to_owned(),
        room_id: RoomId(agent.id.0),
        world_id: None,
        entity_id: agent.id.into(),
        content: content.map(|(key, value)| (key.to_owned(), json!(value))).into_iter().collect(),
        metadata: Map::new(),
        unique: true,
        created_at: now,
        updated_at: now,
    };
    let facts = vec![Fact::Remembered(Box::new(memory))];
    shared.host.registry.ask(agent.id, Keep { facts, while_running: false }).await?;
    let answer = json!({"ok": true, "id": id, "text": text, "createdAt": now});
    Ok(HttpResponse::Ok().json(answer))
}

async fn search(shared: Data<Shared>, request: HttpRequest) -> Answer {
    let (text, limit) = wanted(&request, FOUND)?;
    let agent = agent(&shared).await?;
    let results = found(&shared, &agent, FACTS, &text, limit).await?;
    let results: Vec<_> = results.iter().map(result).collect();
    Ok(HttpResponse::Ok().json(json!({
        "query": text, "count": results.len(), "results": results, "limit": limit,
    })))
}

/// Asks the agent, and tells it what was found. It is a turn as every other, in a room for such questions.
async fn quick(shared: Data<Shared>, request: HttpRequest) -> Answer {
    let shared = shared.into_inner();
    let (text, limit) = wanted(&request, TOLD)?;
    let agent = agent(&shared).await?;
    let memories = found(&shared, &agent, FACTS, &text, limit).await?;
    let mut knowledge = Vec::new();
    for kind in KNOWLEDGE {
        knowledge.extend(found(&shared, &agent, kind, &text, limit).await?);
    }
    knowledge.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    let place = Place::of(&shared, &agent, Web::Compatible(QUESTIONS)).await?;
    let said = Said::words(question(&text, memories.iter().chain(&knowledge)))?;
    let wish = Wish { place, said, following: None, is_counted: false };
    let answer = Turn::begin(&shared, &agent, wish).await?.whole().await?.text;
    let memories: Vec<_> = memories.iter().map(result).collect();
    let knowledge: Vec<_> = knowledge.iter().map(known).collect();
    Ok(HttpResponse::Ok().json(json!({
        "query": text, "answer": answer, "memories": memories, "knowledge": knowledge,
    })))
}

/// A question with what may help to answer it.
fn question<'a>(text: &str, found: impl Iterator<Item = &'a Scored>) -> String {
    let lines: Vec<_> =
        found.map(|found| format!("- {}", cut(found.memory.text(), LINE_MAX))).collect();
    if lines.is_empty() {
        return text.to_owned();
    }
    format!("What you know that may matter:\n{}\n\n{text}", lines.join("\n"))
}

/// What a query looks for, and how many.
fn wanted(request: &HttpRequest, (usual, most): (u32, u32)) -> Result<(String, u32), MiladyError> {
    let query = Query::parse(request.query_string());
    let text = within(query.get("q").unwrap_or_default(), "q")?.to_owned();
    let limit = query.count(&["limit"]).filter(|limit| *limit > 0).unwrap_or(usual);
    Ok((text, limit.min(most)))
}

fn within<'a>(text: &'a str, name: &str) -> Result<&'a str, MiladyError> {
    let text = text.trim();
    if text.is_empty() {
        return Err(MiladyError::bad(format!("{name} is required")));
    }
    if text.len() > TEXT_MAX {
        return Err(MiladyError::bad(format!("{name} must have at most {TEXT_MAX} bytes")));
    }
    Ok(text)
}

/// The agent's memories of one kind that are nearest to a text, best first.
async fn found(
    shared: &Shared,
    agent: &AgentRecord,
    kind: &str,
    text: &str,
    limit: u32,
) -> Result<Vec<Scored>, CoreError> {
    let query = SearchQuery {
        agent_id: agent.id,
        kind: Some(kind.to_owned()),
        room_id: None,
        text: text.to_owned(),
        embedding: None,
        limit,
    };
    Ok(shared.host.registry.store().search(query).await?)
}

fn result(found: &Scored) -> Value {
    let Scored { memory, score } = found;
    json!({
        "id": memory.id, "text": memory.text(), "createdAt": memory.created_at, "score": score,
    })
}

fn known(found: &Scored) -> Value {
    let Scored { memory, score } = found;
    let mut known = json!({"id": memory.id, "text": memory.text(), "similarity": score});
    if let Some(known) = known.as_object_mut() {
        for (key, of) in
            [("documentId", "documentId"), ("documentTitle", "title"), ("position", "position")]
        {
            known.extend(memory.metadata.get(of).map(|value| (key.to_owned(), value.clone())));
        }
    }
    known
}
