//! What is said in a conversation: listed, and said.

use std::collections::HashMap;
use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse};
use futures::future::try_join_all;
use greenroom_actors::character::AgentRecord;
use greenroom_actors::error::{CoreError, StoreError};
use greenroom_actors::ids::{EntityId, MemoryId};
use greenroom_actors::ports::MemoryQuery;
use greenroom_actors::records::{MESSAGES, Memory};
use greenroom_actors::time::UnixMillis;
use serde::Serialize;
use serde_json::{Value, json};

use super::titles::Following;
use super::{Conversation, found};
use crate::dialects::milady::chat::{self, Place, SOURCE, Said, Sse, Turn, Web, Wish};
use crate::dialects::milady::error::MiladyError;
use crate::dialects::milady::shared::Shared;
use crate::dialects::milady::{Answer, body};

/// Messages in a list at most, the newest.
const MESSAGES_MAX: u32 = 200;

/// A message as clients get it.
#[derive(Serialize)]
struct MessageView {
    id: MemoryId,
    role: &'static str,
    text: String,
    timestamp: UnixMillis,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<String>,
}

/// `GET /api/conversations/:id/messages`: oldest first; without an agent, none.
pub(super) async fn list(id: Path<String>, shared: Data<Shared>) -> Answer {
    let conversation = found(&shared, &id).await?;
    match listed(&shared, &conversation).await {
        Ok(messages) => Ok(HttpResponse::Ok().json(json!({"messages": messages}))),
        Err(cause) => {
            tracing::error!(%cause, "the messages of a conversation could not be read");
            let error = MiladyError::from(cause);
            let words = json!({"messages": [], "error": error.words()});
            Ok(HttpResponse::build(StatusCode::INTERNAL_SERVER_ERROR).json(words))
        }
    }
}

async fn listed(
    shared: &Shared,
    conversation: &Conversation,
) -> Result<Vec<MessageView>, CoreError> {
    let Some(agent) = shared.host.primary.agent().await? else { return Ok(Vec::new()) };
    let store = shared.host.registry.store();
    let query = MemoryQuery {
        kind: Some(MESSAGES.to_owned()),
        room_id: Some(conversation.room_id),
        ..MemoryQuery::of(agent.id, MESSAGES_MAX)
    };
    let memories = store.memories(query).await?;
    let names = names(shared, &agent, &memories).await?;
    let views = memories.iter().rev().map(|memory| {
        let is_own = memory.entity_id == agent.id.into();
        let source = memory.content.get("source").and_then(Value::as_str);
        MessageView {
            id: memory.id,
            role: if is_own { "assistant" } else { "user" },
            text: memory.text().to_owned(),
            timestamp: memory.created_at,
            source: source.filter(|source| *source != SOURCE).map(str::to_owned),
            from: names.get(&memory.entity_id).cloned(),
        }
    });
    Ok(views.collect())
}

/// What those go by who came here by another way than this dialect.
async fn names(
    shared: &Shared,
    agent: &AgentRecord,
    memories: &[Memory],
) -> Result<HashMap<EntityId, String>, StoreError> {
    let is_other = |memory: &&Memory| {
        memory.entity_id != agent.id.into()
            && memory.content.get("source").and_then(Value::as_str) != Some(SOURCE)
    };
    let mut speakers: Vec<_> =
        memories.iter().filter(is_other).map(|memory| memory.entity_id).collect();
    speakers.sort_unstable();
    speakers.dedup();
    let store = shared.host.registry.store();
    let met = try_join_all(speakers.into_iter().map(|id| store.entity(agent.id, id))).await?;
    let named = met.into_iter().flatten();
    Ok(named.filter_map(|entity| Some((entity.id, entity.names.into_iter().next()?))).collect())
}

/// `POST /api/conversations/:id/messages`.
pub(super) async fn say(
    id: Path<String>,
    shared: Data<Shared>,
    request: HttpRequest,
    payload: Payload,
) -> Answer {
    let turn = begun(&id, &shared.into_inner(), &request, payload, false).await?;
    let agent_name = turn.agent_name.clone();
    let text = turn.whole().await?.text;
    Ok(HttpResponse::Ok().json(json!({"text": text, "agentName": agent_name})))
}

/// `POST /api/conversations/:id/messages/stream`.
pub(super) async fn stream(
    id: Path<String>,
    shared: Data<Shared>,
    request: HttpRequest,
    payload: Payload,
) -> Answer {
    let turn = begun(&id, &shared.into_inner(), &request, payload, true).await?;
    let wording = Sse::of(&turn);
    Ok(chat::stream(turn, wording))
}

/// A turn in a conversation, which gets a title after it if `is_streamed`.
async fn begun(
    id: &str,
    shared: &Arc<Shared>,
    request: &HttpRequest,
    payload: Payload,
    is_streamed: bool,
) -> Result<Turn, MiladyError> {
    let conversation = found(shared, id).await?;
    let mut asked = body::talk(shared, request, payload).await?;
    let said = Said::read(&mut asked)?;
    let agent = shared.host.primary.agent().await?.ok_or(MiladyError::NO_AGENT)?;
    let web = Web::Conversation(conversation.id, &conversation.title);
    let place = Place::of(shared, &agent, web).await?;
    let mut following = Following::of(Arc::clone(shared), conversation);
    if is_streamed {
        following = following.entitling(agent.id, &place, said.text());
    }
    let wish = Wish { place, said, following: Some(following), is_counted: false };
    Turn::begin(shared, &agent, wish).await
}
