//! What the agent says without being asked reaches the person: in the conversation that they look at,
//! or else in the one that was last spoken in.

use greenroom_actors::error::CoreError;
use serde_json::Value;
use uuid::Uuid;

use super::chat::{Place, SOURCE, Web};
use super::conversations::Conversation;
use super::events::{Draft, Room, Sort, Stream};
use super::shared::Shared;
use super::socket::{Frame, Told};

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
        // Whoever asked for an answer has it already.
        if source == Some(SOURCE) || (source.is_none() && draft.room.is_none()) {
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
        let conversations = shared.conversations.all().await?;
        let is_there = |one: &Conversation| room.as_ref().is_some_and(|room| room.is(one.room_id));
        if conversations.iter().any(is_there) {
            return Ok(());
        }
        let active = shared.sockets.active_conversation();
        let active = active.and_then(|id| id.parse::<Uuid>().ok());
        let active = conversations.iter().find(|one| Some(one.id) == active);
        // The first is the one that was last spoken in.
        let Some(found) = active.or(conversations.first()) else { return Ok(()) };
        let place = Place::of(shared, &agent, Web::Conversation(found.id, &found.title)).await?;
        let said = place.speak(shared, &text, &source).await?;
        let timestamp = said.created_at;
        let message = Told { id: said.id, role: "assistant", text, timestamp, source };
        shared.sockets.tell(&Frame::ProactiveMessage { conversation_id: found.id, message });
        shared.conversations.touch(found.id).await
    }
}
