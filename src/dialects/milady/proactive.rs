//! What the agent says without being asked reaches the person: in the conversation that they look at,
//! or else in the one that was last spoken in.

use greenroom_actors::agent::Keep;
use greenroom_actors::error::{CoreError, StoreError};
use greenroom_actors::facts::Fact;
use greenroom_actors::ids::{MemoryId, RoomId};
use greenroom_actors::records::{MESSAGES, Memory};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::events::{Draft, Room, Sort, Stream};
use super::shared::Shared;
use super::socket::{Frame, Told};

/// Where what is said comes from that is an answer: whoever asked has it already.
const ASKED_FOR: &str = "client_chat";

/// What words come from that nobody says more about.
const BY_ITSELF: &str = "autonomy";

/// Something that the agent said without being asked.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Proactive {
    room: Option<Room>,
    text: String,
    source: String,
}

impl Proactive {
    /// What an event says to a person, if it does.
    pub(super) fn of(draft: &Draft) -> Option<Self> {
        if draft.sort != Sort::AgentEvent || draft.stream != Some(Stream::Assistant) {
            return None;
        }
        let word = |key: &str| {
            let word = draft.payload.get(key).and_then(Value::as_str).map(str::trim);
            word.filter(|word| !word.is_empty())
        };
        let (text, source) = (word("text")?, word("source"));
        if source == Some(ASKED_FOR) || (source.is_none() && draft.room.is_none()) {
            return None;
        }
        let source = source.unwrap_or(BY_ITSELF).to_owned();
        Some(Self { room: draft.room.clone(), text: text.to_owned(), source })
    }

    /// Brings it to the person, unless it was said in a conversation anyhow. Without an agent or a
    /// conversation it is nowhere to be brought.
    ///
    /// # Errors
    /// [`CoreError::Store`], and what keeps a message from the agent.
    pub(super) async fn bring(self, shared: &Shared) -> Result<(), CoreError> {
        let Self { room, text, source } = self;
        let Some(agent) = shared.host.primary.agent().await? else { return Ok(()) };
        let conversations = conversations(shared).await?;
        if conversations.iter().any(|one| Some(one.room_id.to_string()) == room_name(&room)) {
            return Ok(());
        }
        let active = shared.sockets.active_conversation();
        let active = conversations.iter().find(|one| Some(&one.id) == active.as_ref());
        let latest =
            conversations.iter().max_by(|one, other| one.updated_at.cmp(&other.updated_at));
        let Some(found) = active.or(latest) else { return Ok(()) };
        let now = shared.now();
        let content = match json!({"text": text, "source": source, "channelType": "DM"}) {
            Value::Object(content) => content,
            _ => Map::new(),
        };
        let id = MemoryId::new();
        let said = Memory {
            id,
            agent_id: agent.id,
            kind: MESSAGES.to_owned(),
            room_id: found.room_id,
            world_id: None,
            entity_id: agent.id.into(),
            content,
            metadata: Map::new(),
            unique: true,
            created_at: now,
            updated_at: now,
        };
        let facts = vec![Fact::Remembered(Box::new(said))];
        shared.host.registry.ask(agent.id, Keep { facts, while_running: false }).await?;
        let message = Told { id, role: "assistant", text, timestamp: now, source };
        let conversation_id = found.id.clone();
        shared.sockets.tell(&Frame::ProactiveMessage { conversation_id, message });
        Ok(())
    }
}

/// Whether a room is that of a conversation.
pub(super) async fn is_conversation(shared: &Shared, room: RoomId) -> Result<bool, CoreError> {
    Ok(conversations(shared).await?.iter().any(|one| one.room_id == room))
}

fn room_name(room: &Option<Room>) -> Option<String> {
    match room {
        Some(Room::Known(id)) => Some(id.to_string()),
        Some(Room::Named(name)) => Some(name.clone()),
        None => None,
    }
}

/// What has to be known of a conversation here.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Conversation {
    id: String,
    room_id: RoomId,
    updated_at: String,
}

async fn conversations(shared: &Shared) -> Result<Vec<Conversation>, CoreError> {
    let kept = shared.host.registry.store().documents("milady", "conversation/", 0, 1_000).await?;
    let read = kept.into_iter().map(|kept| serde_json::from_value(kept.value));
    let read = read.collect::<Result<_, _>>();
    Ok(read
        .map_err(|error| StoreError::Failed(format!("a conversation cannot be read: {error}")))?)
}
