//! Speaking with an agent in the bare dialect: one request, one answer.

use std::collections::HashMap;

use futures::future::try_join_all;
use greenroom_actors::agent::Delivery;
use greenroom_actors::ids::{self, AgentId, EntityId, RoomId};
use greenroom_actors::ports::MemoryQuery;
use greenroom_actors::records::{MESSAGES, Memory, Room};
use greenroom_actors::time::UnixMillis;
use serde_json::{Map, Value, json};

use super::call::{Call, id_of, instant_of};
use super::error::ElizaError;
use super::input::{Body, Fields};
use super::refusal;
use super::wire::{Answer, ok};
use crate::media::with_urls;

/// Messages in a list, where the query does not say, and at most.
const PAGE: u32 = 50;
const PAGE_MAX: u32 = 100;

/// Who speaks where nobody says who it is.
const NOBODY: &str = "user";

/// `POST /agents/:agentId/message`.
pub(super) async fn say(call: Call, body: Body) -> Answer {
    let agent = call.agent()?;
    let said = Said::read(agent, body.fields()?)?;
    let room_id = said.room.id;
    let double_texting = call.messaging().double_texting();
    let delivery = Delivery { double_texting, ..said.delivery() };
    let delivered = call.registry().deliver(agent, delivery).await?;
    let message_id = delivered.memory.id;
    let reply = match delivered.reply {
        Some(reply) => reply.within(call.settings.reply_within()).await?,
        None => None,
    };
    let answered_at = reply.as_ref().map_or_else(|| call.now(), |reply| reply.created_at);
    let responses: Vec<_> = reply.iter().map(response).collect();
    ok(json!({
        "messageId": message_id,
        "roomId": room_id,
        "agentResponses": responses,
        "timestamp": answered_at,
    }))
}

/// What the body says, and where.
struct Said {
    from: EntityId,
    from_name: Option<String>,
    room: Room,
    content: Map<String, Value>,
    metadata: Map<String, Value>,
}

impl Said {
    fn read(agent: AgentId, mut fields: Fields) -> Result<Self, ElizaError> {
        let text = fields.words("text")?;
        let text = text.ok_or_else(|| ElizaError::field("text", "is required"))?;
        let user = fields.words("userId")?.unwrap_or_else(|| NOBODY.to_owned());
        let from_name = fields.words("userName")?;
        let room = fields.words("roomId")?;
        let attachments = fields.list("attachments")?;
        let metadata = fields.object("metadata")?.unwrap_or_default();
        let from = EntityId(ids::derived(&user));
        let mut content = Map::new();
        content.insert("text".to_owned(), Value::String(text));
        content.insert("source".to_owned(), json!("api"));
        if let Some(attachments) = attachments {
            if let Some(odd) = attachments.iter().position(|item| !item.is_object()) {
                return Err(ElizaError::field(&format!("attachments.{odd}"), "expected an object"));
            }
            content.insert("attachments".to_owned(), Value::Array(attachments));
        }
        // Without a room: the one that the two have for each other.
        let id = room
            .map_or_else(|| ids::seen_by(agent, &format!("dm:{from}")), |room| ids::derived(&room));
        let room = Room {
            id: RoomId(id),
            agent_id: agent,
            name: from_name
                .clone()
                .map_or_else(|| "Chat".to_owned(), |name| format!("Chat with {name}")),
            channel_id: Some(id.to_string()),
            message_server_id: None,
            world_id: None,
            kind: "DM".to_owned(),
            source: "api".to_owned(),
            metadata: None,
            // The agent dates it when it meets it.
            created_at: UnixMillis::default(),
        };
        Ok(Self { from, from_name, room, content, metadata })
    }

    fn delivery(self) -> Delivery {
        let Self { from, from_name, room, content, metadata } = self;
        Delivery { from_name, metadata, ..Delivery::asking(from, room, content) }
    }
}

/// One thing that the agent said.
fn response(reply: &Memory) -> Value {
    let mut response = Map::new();
    response.insert("text".to_owned(), json!(reply.text()));
    let actions = reply.content.get("actions").and_then(Value::as_array);
    if let Some(action) = actions.and_then(|actions| actions.first()) {
        response.insert("action".to_owned(), action.clone());
    }
    if let Some(attachments) = with_urls(&reply.content).get("attachments") {
        response.insert("attachments".to_owned(), attachments.clone());
    }
    Value::Object(response)
}

/// `GET /agents/:agentId/rooms/:roomId/messages`.
pub(super) async fn list(call: Call) -> Answer {
    let (agent, room): (_, RoomId) = call.ids("room", &refusal::AGENT_OR_ROOM_ID)?;
    let query = call.query();
    let (before, after) = (instant_of(&query, "before")?, instant_of(&query, "after")?);
    let user: Option<EntityId> = id_of(&query, "userId", &refusal::USER_ID)?;
    call.running(agent).await?;
    let found = call.store().room(agent, room).await?;
    let room = found.ok_or(ElizaError::Refused(&refusal::ROOM_NOT_FOUND))?.id;
    let page = call.page(&query, PAGE);
    let wanted = MemoryQuery {
        kind: Some(MESSAGES.to_owned()),
        room_id: Some(room),
        entity_id: user,
        before,
        after,
        offset: page.offset,
        ..MemoryQuery::of(agent, page.limit.clamp(1, PAGE_MAX))
    };
    let total = call.store().count_memories(wanted.clone()).await?;
    let offset = u64::from(wanted.offset);
    let memories = call.store().memories(wanted).await?;
    let names = names(&call, agent, &memories).await?;
    let messages: Vec<_> = memories.iter().map(|memory| message(memory, &names)).collect();
    let end = offset.saturating_add(u64::try_from(messages.len()).unwrap_or(0));
    ok(json!({"messages": messages, "hasMore": end < total, "total": total}))
}

/// What those who spoke go by.
async fn names(
    call: &Call,
    agent: AgentId,
    memories: &[Memory],
) -> Result<HashMap<EntityId, String>, ElizaError> {
    let mut speakers: Vec<_> = memories.iter().map(|memory| memory.entity_id).collect();
    speakers.sort_unstable();
    speakers.dedup();
    let entities = speakers.into_iter().map(|speaker| call.store().entity(agent, speaker));
    let entities = try_join_all(entities).await?;
    let named = entities.into_iter().flatten();
    Ok(named.filter_map(|entity| Some((entity.id, entity.names.into_iter().next()?))).collect())
}

fn message(memory: &Memory, names: &HashMap<EntityId, String>) -> Value {
    let none = json!([]);
    json!({
        "id": memory.id,
        "userId": memory.entity_id,
        "userName": names.get(&memory.entity_id),
        "agentId": memory.agent_id,
        "text": memory.text(),
        "roomId": memory.room_id,
        "timestamp": memory.created_at,
        "attachments": with_urls(&memory.content).get("attachments").unwrap_or(&none),
        "metadata": memory.metadata,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: Value) -> Result<Said, ElizaError> {
        Said::read(AgentId(ids::derived("Golden")), Body(Some(body)).fields().unwrap())
    }

    #[test]
    fn two_who_speak_without_a_room_have_one_and_keep_it() {
        let first = read(json!({"text": "hi", "userId": "ada", "userName": "Ada"})).unwrap();
        let again = read(json!({"text": "again", "userId": "ada"})).unwrap();
        let other = read(json!({"text": "hi", "userId": "bob"})).unwrap();
        assert_eq!((first.from, first.room.id), (again.from, again.room.id));
        assert_ne!(first.room.id, other.room.id);
        let named = read(json!({"text": "hi", "roomId": "lobby"})).unwrap();
        assert_eq!(named.room.id.0, ids::derived("lobby"));
    }

    #[test]
    fn what_cannot_be_said_is_refused_by_name() {
        for (body, name) in [
            (json!({}), "text"),
            (json!({"text": ""}), "text"),
            (json!({"text": 5}), "text"),
            (json!({"text": "x", "userId": 5}), "userId"),
            (json!({"text": "x", "attachments": {}}), "attachments"),
            (json!({"text": "x", "attachments": ["x"]}), "attachments.0"),
            (json!({"text": "x", "metadata": "x"}), "metadata"),
        ] {
            let words = read(body).err().unwrap().to_string();
            assert!(words.starts_with(&format!("{name}: ")), "{words}");
        }
    }
}
