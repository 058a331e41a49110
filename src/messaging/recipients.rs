//! Who of the agents hears what is said in a channel, and how it is told them.

use std::sync::Arc;

use greenroom_actors::agent::Delivery;
use greenroom_actors::channels::{Channel, ChannelMessage};
use greenroom_actors::character::AgentRecord;
use greenroom_actors::error::CoreError;
use greenroom_actors::ids::{self, AgentId, ChannelId, EntityId, WorldId};
use greenroom_actors::letters::{DoubleTexting, Heard};
use greenroom_actors::lifecycle::State;
use greenroom_actors::records::{Room, World};
use serde_json::{Map, Value, json};

use super::Messaging;
use super::messages::{memory_of, room_of};

/// Channels in which every message is for every agent in it.
const DIRECT: [&str; 4] = ["DM", "VOICE_DM", "SELF", "API"];

/// An agent that is to be told of a message.
pub(super) struct Recipient {
    pub(super) id: AgentId,
    record: Arc<AgentRecord>,
    /// Whether somebody else than it and the author takes part.
    pub(super) is_one_of_several: bool,
}

impl Messaging {
    /// The agents that hear a message: those that take part in the channel and in its server, are
    /// not its author, and run or are paused.
    pub(super) async fn recipients(
        &self,
        channel: &Channel,
        author: EntityId,
    ) -> Result<Vec<Recipient>, CoreError> {
        let mut others = self.participants(channel.id).await?;
        others.retain(|user| *user != author);
        let is_one_of_several = others.len() > 1;
        let mut recipients = Vec::new();
        for user in others {
            let id = AgentId(user.0);
            match self.recipient(id).await {
                Ok(recipient) => {
                    let recipient = Recipient { is_one_of_several, ..recipient };
                    if self.servers_of(id).await?.contains(&channel.server_id) {
                        recipients.push(recipient);
                    }
                }
                Err(CoreError::AgentNotFound(_) | CoreError::NotRunning { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(recipients)
    }

    /// One agent, if it runs or is paused.
    pub(super) async fn recipient(&self, id: AgentId) -> Result<Recipient, CoreError> {
        let record = self.registry.record(id).await?;
        let state = record.lifecycle.state();
        match state {
            State::Running | State::Paused => {
                Ok(Recipient { id, record, is_one_of_several: false })
            }
            _ => Err(CoreError::NotRunning { id, state }),
        }
    }

    /// The agents of this host that take part in a channel.
    pub(super) async fn agents_in(&self, channel: ChannelId) -> Result<Vec<AgentId>, CoreError> {
        let mut agents = Vec::new();
        for user in self.participants(channel).await? {
            match self.registry.record(AgentId(user.0)).await {
                Ok(record) => agents.push(record.id),
                Err(CoreError::AgentNotFound(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(agents)
    }
}

impl Recipient {
    /// The message as a letter to this agent; `answered` is who said what it answers.
    pub(super) fn delivery(
        &self,
        channel: &Channel,
        message: &ChannelMessage,
        author_name: Option<&str>,
        answered: Option<EntityId>,
    ) -> Delivery {
        let metadata = message.metadata.clone().unwrap_or_default();
        let source = message.source_type.clone().unwrap_or_default();
        let word = |key: &str| metadata.get(key).and_then(Value::as_str).map(str::to_owned);
        let world = World {
            id: WorldId(ids::seen_by(self.id, &channel.server_id.to_string())),
            agent_id: self.id,
            name: word("serverName").unwrap_or_else(|| titled("Server", &channel.server_id)),
            message_server_id: Some(channel.server_id.0),
            metadata: Some(Map::new()),
            created_at: message.created_at,
        };
        let room = Room {
            id: room_of(self.id, channel.id),
            agent_id: self.id,
            name: word("channelName").unwrap_or_else(|| titled("Channel", &channel.id)),
            channel_id: Some(channel.id.to_string()),
            message_server_id: Some(channel.server_id.0),
            world_id: Some(world.id),
            kind: word("channelType").unwrap_or_else(|| channel.kind.clone()),
            source: source.clone(),
            metadata: None,
            created_at: message.created_at,
        };
        let is_addressed =
            answered == Some(self.id.into()) || self.is_addressed(channel, message, &source);
        let may_be_ignored = self.is_one_of_several && !is_addressed;
        Delivery {
            from: message.author_id,
            from_name: author_name.map(str::to_owned),
            from_agent: None,
            room,
            world: Some(world),
            content: content_of(message, &metadata, &source, self.id),
            metadata: provenance(message, &metadata, &source, author_name),
            memory_id: Some(memory_of(self.id, message.id)),
            expects_reply: true,
            may_be_ignored,
            heard: Some(Heard { channel_id: channel.id, message_id: message.id }),
            refuse_unless_running: false,
            double_texting: DoubleTexting::Queue,
            askers: Vec::new(),
            terms: None,
            waiting_max: None,
            refuse_unless_at_once: false,
            remembered: None,
        }
    }

    /// Whether the message is surely for this agent: said to it alone, by its name, or from a
    /// program that speaks with one agent.
    fn is_addressed(&self, channel: &Channel, message: &ChannelMessage, source: &str) -> bool {
        let name = self.record.character.name.to_lowercase();
        DIRECT.contains(&channel.kind.as_str())
            || source.contains("client_chat")
            || (!name.is_empty() && message.content.to_lowercase().contains(&name))
    }
}

fn titled(what: &str, id: &impl ToString) -> String {
    format!("{what} {}", id.to_string().get(..8).unwrap_or_default())
}

fn content_of(
    message: &ChannelMessage,
    metadata: &Map<String, Value>,
    source: &str,
    agent: AgentId,
) -> Map<String, Value> {
    let mut content = Map::new();
    content.insert("text".to_owned(), json!(message.content));
    content.insert("source".to_owned(), json!(source));
    if let Some(attachments) = metadata.get("attachments").filter(|value| value.is_array()) {
        content.insert("attachments".to_owned(), attachments.clone());
    }
    if let Some(answered) = message.in_reply_to {
        content.insert("inReplyTo".to_owned(), json!(memory_of(agent, answered)));
    }
    content
}

/// Where a memory of a message came from, as elizaOS keeps it.
fn provenance(
    message: &ChannelMessage,
    metadata: &Map<String, Value>,
    source: &str,
    author_name: Option<&str>,
) -> Map<String, Value> {
    let mut raw = match &message.raw_message {
        Some(Value::Object(raw)) => raw.clone(),
        _ => Map::new(),
    };
    let author = message.author_id.to_string();
    let unnamed = || format!("User-{}", author.get(..8).unwrap_or_default());
    let name = author_name.map_or_else(unnamed, str::to_owned);
    raw.insert("senderName".to_owned(), json!(name));
    raw.insert("senderId".to_owned(), json!(message.author_id));
    let mut all = metadata.clone();
    all.insert("type".to_owned(), json!("message"));
    all.insert("source".to_owned(), json!(source));
    all.insert("sourceId".to_owned(), json!(message.id));
    all.insert("raw".to_owned(), Value::Object(raw));
    all
}
