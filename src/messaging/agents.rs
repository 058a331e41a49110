//! What agents say in channels of their own accord, rather than in reply.
//!
//! It is said in one commit: the message, what the channel hears of it, and what the agent remembers
//! of it. Other agents are told as they are of what people say. Since they may do the same then, each
//! such message carries how many stand before it, and past a number of them no agent is told.

use greenroom_actors::agent::Keep;
use greenroom_actors::channels::{Channel, ChannelEventKind, ChannelMessage};
use greenroom_actors::character::AgentRecord;
use greenroom_actors::error::{CoreError, StoreError};
use greenroom_actors::facts::{EventKind, Fact, NewEvent};
use greenroom_actors::ids::{ChannelId, ChannelMessageId, MemoryId, RunId};
use greenroom_actors::records::{MESSAGES, Memory};
use serde_json::{Map, Value, json};

use super::Messaging;

/// Where an agent's message comes from, in elizaOS' words.
const SOURCE: &str = "agent_response";

/// The key in a message's metadata that says how many messages of agents follow upon one another up
/// to it.
const HOPS: &str = "hops";

/// Messages of agents that are told to agents, one because of the other.
pub const HOPS_MAX: u64 = 4;

/// Something that an agent says in a channel of its own accord.
#[derive(Clone, Copy, Debug)]
pub struct Speech<'a> {
    /// Its id: of two with the same, one is said.
    pub id: ChannelMessageId,
    /// Where.
    pub channel_id: ChannelId,
    /// Who says it.
    pub agent: &'a AgentRecord,
    /// The run in which it does.
    pub run_id: RunId,
    /// The words.
    pub text: &'a str,
    /// How many messages of agents it follows upon.
    pub hops: u64,
}

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spoken {
    /// Agents that were told.
    pub told: usize,
    /// Agents that could not be told.
    pub missed: usize,
    /// Whether no agent was to be told any more.
    pub is_last: bool,
}

impl Messaging {
    /// Lets an agent say something in a channel that it takes part in; answers once that is durable
    /// and the other agents there are told.
    ///
    /// What was said before under that id is not said again.
    ///
    /// # Errors
    /// [`CoreError::NotFound`] if the channel is not there, [`CoreError::Invalid`] if the agent takes
    /// no part in it, [`CoreError::NotRunning`], [`CoreError::Store`].
    pub async fn speak(&self, speech: Speech<'_>) -> Result<Spoken, CoreError> {
        let Speech { agent, text, .. } = speech;
        let channel = self.channel(speech.channel_id).await?;
        if !self.participants(channel.id).await?.contains(&agent.id.into()) {
            let reason = "you take no part in it".to_owned();
            return Err(CoreError::Invalid { field: "channel", reason });
        }
        let is_last = speech.hops >= HOPS_MAX;
        let recipients = match is_last {
            true => Vec::new(),
            false => self.recipients(&channel, agent.id.into()).await?,
        };
        let now = self.now();
        let name = agent.character.name.as_str();
        let metadata = json!({
            "agent_id": agent.id, "agentName": name, "channelType": channel.kind,
            "isDm": channel.kind == "DM", "runId": speech.run_id, HOPS: speech.hops.saturating_add(1),
        });
        let message = ChannelMessage {
            id: speech.id,
            channel_id: channel.id,
            author_id: agent.id.into(),
            content: text.to_owned(),
            raw_message: Some(json!({"text": text, "thought": "", "actions": []})),
            in_reply_to: None,
            source_type: Some(SOURCE.to_owned()),
            source_id: None,
            metadata: Some(object(metadata)),
            created_at: now,
            updated_at: now,
        };
        let ids: Vec<_> = recipients.iter().map(|recipient| recipient.id).collect();
        let mut facts = self.remembered(agent, &channel, &message, speech.run_id).await?;
        facts.push(Fact::MessageSet(Box::new(message.clone())));
        facts.push(self.about(
            &message,
            ChannelEventKind::Said,
            json!({"authorName": name, "agents": ids}),
        ));
        if ids.is_empty() {
            facts.push(self.about(&message, ChannelEventKind::Completed, json!({})));
        }
        let nothing = Spoken { told: 0, missed: 0, is_last };
        if self.registry.store().message(message.id).await?.is_some() {
            return Ok(nothing);
        }
        match self.registry.ask(agent.id, Keep { facts, while_running: true }).await {
            Ok(_) => {}
            Err(CoreError::Store(StoreError::Exists { .. })) => return Ok(nothing),
            Err(error) => return Err(error),
        }
        let mut spoken = nothing;
        for recipient in recipients {
            let delivery = recipient.delivery(&channel, &message, Some(name), None);
            match self.registry.deliver(recipient.id, delivery).await {
                Ok(_) => spoken.told += 1,
                Err(error) => {
                    spoken.missed += 1;
                    let data = json!({"agentId": recipient.id, "error": error.to_string()});
                    let failed = self.about(&message, ChannelEventKind::Failed, data);
                    self.registry.keep(vec![failed]).await?;
                }
            }
        }
        Ok(spoken)
    }

    /// That the agent remembers to have said it, in the room that it has for the channel.
    async fn remembered(
        &self,
        agent: &AgentRecord,
        channel: &Channel,
        message: &ChannelMessage,
        run_id: RunId,
    ) -> Result<Vec<Fact>, CoreError> {
        // As if it were told of it: the same room, in the same world.
        let own = self.recipient(agent.id).await?;
        let place = own.delivery(channel, message, Some(&agent.character.name), None);
        // What it said has the message's id, as its replies have.
        let id = MemoryId(message.id.0);
        let room_id = place.room.id;
        let memory = Memory {
            id,
            agent_id: agent.id,
            kind: MESSAGES.to_owned(),
            room_id,
            world_id: place.room.world_id,
            entity_id: agent.id.into(),
            content: object(json!({"text": message.content, "source": SOURCE, "actions": []})),
            metadata: object(json!({"runId": run_id})),
            unique: true,
            created_at: message.created_at,
            updated_at: message.created_at,
        };
        let said = NewEvent {
            agent_id: agent.id,
            at: message.created_at,
            kind: EventKind::Said,
            data: object(json!({
                "runId": run_id, "memoryId": id, "roomId": room_id, "channelId": channel.id,
                "text": message.content,
            })),
        };
        let world = place.world.map(|world| Fact::WorldMet(Box::new(world)));
        let mut facts = vec![Fact::RoomMet(Box::new(place.room))];
        facts.extend(world);
        facts.push(Fact::Remembered(Box::new(memory)));
        facts.push(Fact::Happened(said));
        Ok(facts)
    }

    /// How many messages of agents a message follows upon, itself included if it is one.
    ///
    /// # Errors
    /// [`CoreError::Store`].
    pub async fn hops(&self, message: ChannelMessageId) -> Result<u64, CoreError> {
        let message = self.registry.store().message(message).await?;
        let hops = message.and_then(|message| message.metadata?.get(HOPS)?.as_u64());
        Ok(hops.unwrap_or(0))
    }
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}
