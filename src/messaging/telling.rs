//! How what is said in a channel comes to its agents, whatever happens to the process meanwhile.
//!
//! A message and the letters that bring it to agents are kept one after the other. So the message is
//! kept together with a note for each agent that it is on its way to; the letter takes the note away,
//! and so does telling those who follow the channel that the agent will not answer. Notes that an
//! earlier process left are seen to by the next one.

use greenroom_actors::agent::Delivery;
use greenroom_actors::channels::{Addressed, Channel, ChannelEventKind, ChannelMessage};
use greenroom_actors::error::{CoreError, StoreError};
use greenroom_actors::facts::Fact;
use greenroom_actors::ids::{AgentId, ChannelId, ChannelMessageId, EntityId};
use greenroom_actors::letters::DoubleTexting;
use serde_json::{Value, json};

use super::Messaging;
use super::messages::{Letter, NewMessage, Said, Told, room_of};
use super::recipients::Recipient;

/// Messages that are seen to in one round.
const AT_ONCE: u32 = 100;

/// What is kept together with a message.
pub(super) enum Beside {
    /// How it ended, where that is clear from the start.
    End(ChannelEventKind, Value),
    /// That it is on its way to an agent.
    OnItsWay { agent_id: AgentId, author_name: Option<String>, is_one_of_several: bool },
}

impl Beside {
    /// That an agent cannot answer.
    pub(super) fn failed(agent: AgentId, why: &str) -> Self {
        Self::End(ChannelEventKind::Failed, json!({"agentId": agent, "error": why}))
    }
}

impl Messaging {
    /// Keeps a message and brings it to these agents.
    pub(super) async fn tell(
        &self,
        channel: Channel,
        new: NewMessage,
        agents: Vec<Recipient>,
    ) -> Result<Said, CoreError> {
        // On its own, as the caller may leave: the agents are told all the same.
        let messaging = self.clone();
        let told = tokio::spawn(async move { messaging.tell_all(&channel, new, agents).await });
        told.await.unwrap_or(Err(StoreError::Closed.into()))
    }

    async fn tell_all(
        &self,
        channel: &Channel,
        new: NewMessage,
        agents: Vec<Recipient>,
    ) -> Result<Said, CoreError> {
        let double_texting = self.settings.double_texting_in(channel);
        if double_texting == DoubleTexting::Reject {
            self.refuse_if_busy(channel.id, &agents).await?;
        }
        let name = new.author_name.clone();
        let ids: Vec<_> = agents.iter().map(|agent| agent.id).collect();
        let answered = self.author_of_answered(new.in_reply_to).await?;
        let beside = if agents.is_empty() {
            vec![Beside::End(ChannelEventKind::Completed, json!({}))]
        } else {
            agents.iter().map(|agent| agent.on_its_way(name.clone())).collect()
        };
        let message = self.keep_message(new, &ids, beside).await?;
        let mut told = Vec::with_capacity(agents.len());
        let mut ends = Vec::new();
        for agent in agents {
            let delivery = Delivery {
                double_texting,
                ..agent.delivery(channel, &message, name.as_deref(), answered)
            };
            let outcome = match self.registry.deliver(agent.id, delivery).await {
                Ok(delivered) => Ok(Letter { id: delivered.letter_id, reply: delivered.reply }),
                Err(error) => {
                    ends.extend(self.not_told(&message, agent.id, &error));
                    Err(error)
                }
            };
            told.push(Told { agent_id: agent.id, outcome });
        }
        if !ends.is_empty() {
            self.registry.keep(ends).await?;
        }
        Ok(Said { message, told })
    }

    /// Refuses a message that nobody could take up, since a reply of each agent there is in flight.
    /// Where some could, it is said, and the others fail it.
    async fn refuse_if_busy(
        &self,
        channel: ChannelId,
        agents: &[Recipient],
    ) -> Result<(), CoreError> {
        for agent in agents {
            let status = self.registry.status(agent.id).await;
            if !status.is_ok_and(|status| status.answering == Some(room_of(agent.id, channel))) {
                return Ok(());
            }
        }
        agents.first().map_or(Ok(()), |agent| Err(CoreError::Busy(agent.id)))
    }

    /// Brings agents some of the messages that an earlier process left on their way, or tells those who
    /// follow the channel that they will not be answered; how many were left. To be asked again until
    /// none is, once every agent is hosted.
    ///
    /// # Errors
    /// [`CoreError::Store`] and [`CoreError::ShuttingDown`]; what is left is left to the next time.
    pub async fn deliver_left(&self) -> Result<usize, CoreError> {
        let left = self.registry.store().undelivered(AT_ONCE).await?;
        for addressed in &left {
            let ends = self.deliver_again(addressed).await?;
            if !ends.is_empty() {
                self.registry.keep(ends).await?;
            }
        }
        Ok(left.len())
    }

    /// Brings an agent one message; what is to be kept where it gets none.
    async fn deliver_again(&self, addressed: &Addressed) -> Result<Vec<Fact>, CoreError> {
        let Addressed { message_id, agent_id, author_name, .. } = addressed;
        let (message_id, agent_id) = (*message_id, *agent_id);
        let reached = || vec![Fact::Reached { message_id, agent_id }];
        // Removed meanwhile: nobody waits for it any more.
        let Some(message) = self.registry.store().message(message_id).await? else {
            return Ok(reached());
        };
        let Some(channel) = self.registry.store().channel(message.channel_id).await? else {
            return Ok(reached());
        };
        let answered = self.author_of_answered(message.in_reply_to).await?;
        let told = match self.recipient(agent_id).await {
            Ok(mut recipient) => {
                recipient.is_one_of_several = addressed.is_one_of_several;
                let name = author_name.as_deref();
                let delivery = Delivery {
                    double_texting: self.settings.double_texting_in(&channel),
                    ..recipient.delivery(&channel, &message, name, answered)
                };
                self.registry.deliver(agent_id, delivery).await.map(drop)
            }
            Err(error) => Err(error),
        };
        match told {
            Ok(()) => Ok(Vec::new()),
            // It has the letter already.
            Err(CoreError::Store(StoreError::Exists { .. })) => Ok(reached()),
            Err(error @ (CoreError::Store(_) | CoreError::ShuttingDown)) => Err(error),
            Err(error) => Ok(self.not_told(&message, agent_id, &error).into()),
        }
    }

    /// That an agent will not hear of a message.
    fn not_told(&self, message: &ChannelMessage, agent: AgentId, error: &CoreError) -> [Fact; 2] {
        let data = json!({"agentId": agent, "error": error.to_string()});
        let failed = self.about(message, ChannelEventKind::Failed, data);
        [failed, Fact::Reached { message_id: message.id, agent_id: agent }]
    }

    /// Who said what a message answers.
    async fn author_of_answered(
        &self,
        answered: Option<ChannelMessageId>,
    ) -> Result<Option<EntityId>, CoreError> {
        match answered {
            Some(id) => {
                let answered = self.registry.store().message(id).await?;
                Ok(answered.map(|message| message.author_id))
            }
            None => Ok(None),
        }
    }
}

impl Recipient {
    fn on_its_way(&self, author_name: Option<String>) -> Beside {
        let is_one_of_several = self.is_one_of_several;
        Beside::OnItsWay { agent_id: self.id, author_name, is_one_of_several }
    }
}
