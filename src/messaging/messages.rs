//! What is said in channels: kept, told to the agents, changed and removed.

use greenroom_actors::agent::{Keep, Reply};
use greenroom_actors::channels::{Addressed, ChannelEventKind, ChannelMessage};
use greenroom_actors::error::{CoreError, StoreError};
use greenroom_actors::facts::Fact;
use greenroom_actors::ids::{
    self, AgentId, ChannelId, ChannelMessageId, EntityId, LetterId, MemoryId, RoomId,
};
use greenroom_actors::ports::MessageQuery;
use serde_json::{Map, Value, json};

use super::Messaging;
use super::telling::Beside;

/// A message to be said.
#[derive(Clone, Debug, PartialEq)]
pub struct NewMessage {
    /// Its id; a new one if absent.
    pub id: Option<ChannelMessageId>,
    /// Where.
    pub channel_id: ChannelId,
    /// Who says it.
    pub author_id: EntityId,
    /// What the author goes by.
    pub author_name: Option<String>,
    /// The words.
    pub content: String,
    /// What the author's program sent.
    pub raw_message: Option<Value>,
    /// The message it answers.
    pub in_reply_to: Option<ChannelMessageId>,
    /// Where it comes from.
    pub source_type: String,
    /// Its id there.
    pub source_id: Option<String>,
    /// Anything else.
    pub metadata: Map<String, Value>,
}

/// What changes about a message; absent fields stay.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MessagePatch {
    /// The words.
    pub content: Option<String>,
    /// What the author's program sent.
    pub raw_message: Option<Value>,
    /// Where it comes from.
    pub source_type: Option<String>,
    /// The message it answers.
    pub in_reply_to: Option<ChannelMessageId>,
    /// Who said it.
    pub author_id: Option<EntityId>,
    /// Anything else, in place of what was before.
    pub metadata: Option<Map<String, Value>>,
}

/// A message that is kept, and the agents that were told.
#[derive(Debug)]
pub struct Said {
    /// The message.
    pub message: ChannelMessage,
    /// The agents that were told, in the order of the channel.
    pub told: Vec<Told>,
}

/// An agent that was told of a message.
#[derive(Debug)]
pub struct Told {
    /// The agent.
    pub agent_id: AgentId,
    /// The letter that told it, or why there is none; the message is kept all the same.
    pub outcome: Result<Letter, CoreError>,
}

/// A letter that brought an agent a message.
#[derive(Debug)]
pub struct Letter {
    /// Its id.
    pub id: LetterId,
    /// What the agent answers; dropping it changes nothing.
    pub reply: Option<Reply>,
}

impl Messaging {
    /// Keeps a message and tells those who follow the channel, but no agent.
    ///
    /// # Errors
    /// [`CoreError::NotFound`] if the channel is not there, [`CoreError::Store`].
    pub async fn post(&self, new: NewMessage) -> Result<ChannelMessage, CoreError> {
        self.keep_message(new, &[], Vec::new()).await
    }

    /// Keeps a message that will not be answered, and tells those who follow the channel that: by an
    /// agent that cannot answer for this reason, or since there is none.
    ///
    /// # Errors
    /// As [`post`](Self::post).
    pub async fn post_unanswered(
        &self,
        new: NewMessage,
        by: Option<(AgentId, &str)>,
    ) -> Result<ChannelMessage, CoreError> {
        let agents: Vec<_> = by.iter().map(|(agent, _)| *agent).collect();
        let end = match by {
            Some((agent, why)) => Beside::failed(agent, why),
            None => Beside::End(ChannelEventKind::Completed, json!({})),
        };
        self.keep_message(new, &agents, vec![end]).await
    }

    /// Keeps a message, tells those who follow the channel, and brings it to the agents in it.
    /// Answers once all of that is durable.
    ///
    /// An agent that could not be told does not keep the others from hearing it.
    ///
    /// # Errors
    /// As [`post`](Self::post); [`CoreError::Busy`] where the channel refuses what is said while a
    /// reply is in flight, and one of each agent in it is.
    pub async fn say(&self, new: NewMessage) -> Result<Said, CoreError> {
        let channel = self.channel(new.channel_id).await?;
        let agents = self.recipients(&channel, new.author_id).await?;
        self.tell(channel, new, agents).await
    }

    /// The same, but brought to one agent alone, whether or not it is in the channel.
    ///
    /// # Errors
    /// As [`say`](Self::say); [`CoreError::NotRunning`] if the agent does not run.
    pub async fn say_to(&self, new: NewMessage, agent: AgentId) -> Result<Said, CoreError> {
        let channel = self.channel(new.channel_id).await?;
        let recipient = self.recipient(agent).await?;
        self.tell(channel, new, vec![recipient]).await
    }

    /// Keeps a message for these agents, and in the same batch what is to be kept beside it.
    pub(super) async fn keep_message(
        &self,
        new: NewMessage,
        agents: &[AgentId],
        beside: Vec<Beside>,
    ) -> Result<ChannelMessage, CoreError> {
        let now = self.now();
        if let Some(id) = new.id
            && self.registry.store().message(id).await?.is_some()
        {
            return Err(StoreError::Exists { what: "message", id: id.0 }.into());
        }
        let data = json!({"authorName": new.author_name, "agents": agents});
        let message = ChannelMessage {
            id: new.id.unwrap_or_default(),
            channel_id: new.channel_id,
            author_id: new.author_id,
            content: new.content,
            raw_message: new.raw_message,
            in_reply_to: new.in_reply_to,
            source_type: Some(new.source_type),
            source_id: new.source_id,
            metadata: Some(new.metadata),
            created_at: now,
            updated_at: now,
        };
        let said = self.about(&message, ChannelEventKind::Said, data);
        let mut facts = vec![Fact::MessageSet(Box::new(message.clone())), said];
        facts.extend(beside.into_iter().map(|beside| match beside {
            Beside::End(kind, data) => self.about(&message, kind, data),
            Beside::OnItsWay { agent_id, author_name, is_one_of_several } => {
                Fact::Addressed(Box::new(Addressed {
                    message_id: message.id,
                    channel_id: message.channel_id,
                    agent_id,
                    author_name,
                    is_one_of_several,
                }))
            }
        }));
        self.registry.keep(facts).await.map_err(|error| match error {
            CoreError::Store(StoreError::Missing { id, .. }) => {
                CoreError::NotFound { what: "channel", id }
            }
            error => error,
        })?;
        Ok(message)
    }

    /// An event about a message, with its id and author in it.
    pub(super) fn about(
        &self,
        message: &ChannelMessage,
        kind: ChannelEventKind,
        mut data: Value,
    ) -> Fact {
        if let Some(data) = data.as_object_mut() {
            data.insert("messageId".to_owned(), json!(message.id));
            data.insert("authorId".to_owned(), json!(message.author_id));
        }
        self.channel_event(message.channel_id, kind, data)
    }

    /// One message.
    ///
    /// # Errors
    /// [`CoreError::NotFound`], [`CoreError::Store`].
    pub async fn message(&self, id: ChannelMessageId) -> Result<ChannelMessage, CoreError> {
        let message = self.registry.store().message(id).await?;
        message.ok_or(CoreError::NotFound { what: "message", id: id.0 })
    }

    /// Messages by channel, author, words and time.
    ///
    /// # Errors
    /// [`CoreError::Store`].
    pub async fn messages(&self, query: MessageQuery) -> Result<Vec<ChannelMessage>, CoreError> {
        Ok(self.registry.store().messages(query).await?)
    }

    /// Changes a message; those who follow the channel are told.
    ///
    /// # Errors
    /// [`CoreError::NotFound`], [`CoreError::Store`].
    pub async fn amend_message(
        &self,
        id: ChannelMessageId,
        patch: MessagePatch,
    ) -> Result<ChannelMessage, CoreError> {
        let before = self.message(id).await?;
        let message = ChannelMessage {
            content: patch.content.unwrap_or(before.content),
            raw_message: patch.raw_message.or(before.raw_message),
            source_type: patch.source_type.or(before.source_type),
            in_reply_to: patch.in_reply_to.or(before.in_reply_to),
            author_id: patch.author_id.unwrap_or(before.author_id),
            metadata: patch.metadata.or(before.metadata),
            updated_at: self.now(),
            ..before
        };
        let amended = self.about(&message, ChannelEventKind::Amended, json!({}));
        self.registry.keep(vec![Fact::MessageSet(Box::new(message.clone())), amended]).await?;
        Ok(message)
    }

    /// Removes a message, and what the agents of the channel remember of it.
    ///
    /// # Errors
    /// [`CoreError::Store`].
    pub async fn remove_message(
        &self,
        channel_id: ChannelId,
        id: ChannelMessageId,
    ) -> Result<(), CoreError> {
        if self.registry.store().channel(channel_id).await?.is_none() {
            return Ok(());
        }
        let data = json!({"messageId": id});
        let event = self.channel_event(channel_id, ChannelEventKind::Removed, data);
        self.registry.keep(vec![Fact::MessageRemoved { channel_id, id }, event]).await?;
        for agent_id in self.agents_in(channel_id).await? {
            // What it was told under an id of its own, what it said under the message's.
            let facts = [memory_of(agent_id, id), MemoryId(id.0)]
                .map(|memory_id| Fact::Forgot { agent_id, memory_id });
            self.forget(agent_id, facts.into()).await?;
        }
        Ok(())
    }

    /// Removes all messages of a channel, and what its agents remember of it.
    ///
    /// # Errors
    /// [`CoreError::Store`].
    pub async fn clear_channel(&self, id: ChannelId) -> Result<u64, CoreError> {
        if self.registry.store().channel(id).await?.is_none() {
            return Ok(0);
        }
        let event = self.channel_event(id, ChannelEventKind::Cleared, json!({}));
        let kept = self.registry.keep(vec![Fact::ChannelCleared(id), event]).await?;
        let agents = self.agents_in(id).await?;
        self.forget_channel(id, agents).await?;
        Ok(kept.affected.first().copied().unwrap_or_default())
    }

    /// Lets agents forget all that was said in a channel.
    pub(super) async fn forget_channel(
        &self,
        id: ChannelId,
        agents: Vec<AgentId>,
    ) -> Result<(), CoreError> {
        for agent_id in agents {
            let room_id = Some(room_of(agent_id, id));
            self.forget(agent_id, vec![Fact::ForgotAll { agent_id, kind: None, room_id }]).await?;
        }
        Ok(())
    }

    async fn forget(&self, agent: AgentId, facts: Vec<Fact>) -> Result<(), CoreError> {
        match self.registry.ask(agent, Keep { facts, while_running: false }).await {
            // Gone meanwhile, and its memories with it.
            Ok(_) | Err(CoreError::AgentNotFound(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

/// The room that an agent has for a channel.
pub(super) fn room_of(agent: AgentId, channel: ChannelId) -> RoomId {
    RoomId(ids::seen_by(agent, &channel.to_string()))
}

/// The memory that an agent has of a message that it was told.
pub(super) fn memory_of(agent: AgentId, message: ChannelMessageId) -> MemoryId {
    MemoryId(ids::seen_by(agent, &format!("{message}-{agent}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_agent_files_a_message_under_the_recorded_ids() {
        let agent = AgentId(ids::derived("Golden"));
        let channel = "29aa35f6-da28-414a-86df-d2f246db8bb8".parse().unwrap();
        let message = "b4023c89-233b-4555-88e4-8e7e1cfaf2de".parse().unwrap();
        let memory = memory_of(agent, message).to_string();
        assert_eq!(memory, "aa2a6c7d-1261-0540-b10b-4d26ddadf916");
        let room = room_of(agent, channel).to_string();
        assert_eq!(room, "653db6e9-54e7-08de-9041-0fdb47ead3c2");
        let answered = ids::seen_by(agent, &memory).to_string();
        assert_eq!(answered, "5a970ac5-a28e-0183-ad22-4f7bb1ebac24");
    }
}
