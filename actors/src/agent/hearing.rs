//! What others in a channel hear of an agent: what it says, that it is done, that it could not answer.

use serde_json::{Value, json};

use super::journal::object;
use crate::channels::{ChannelEventKind, ChannelMessage, NewChannelEvent};
use crate::facts::Fact;
use crate::ids::{AgentId, ChannelMessageId};
use crate::letters::Heard;
use crate::records::Memory;
use crate::time::UnixMillis;

/// Where an agent's message comes from, in elizaOS' words.
pub(crate) const SOURCE: &str = "agent_response";

/// One agent, heard in one channel at one time.
pub(super) struct Hearing<'a> {
    pub(super) heard: Heard,
    pub(super) agent: AgentId,
    pub(super) name: &'a str,
    /// What sort of channel the agent takes it for.
    pub(super) channel_type: String,
    pub(super) now: UnixMillis,
}

impl Hearing<'_> {
    /// That it says this. The message has the id of the memory, as elizaOS' clients expect.
    pub(super) fn said(&self, memory: &Memory) -> [Fact; 2] {
        let part = |key: &str| memory.content.get(key).cloned().unwrap_or(Value::Null);
        let raw = json!({
            "text": memory.text(), "thought": part("thought"), "actions": part("actions"),
        });
        let metadata = json!({
            "agent_id": self.agent, "agentName": self.name, "channelType": self.channel_type,
            "isDm": self.channel_type == "DM",
        });
        let message = ChannelMessage {
            id: ChannelMessageId(memory.id.0),
            channel_id: self.heard.channel_id,
            author_id: self.agent.into(),
            content: memory.text().to_owned(),
            raw_message: Some(raw),
            in_reply_to: Some(self.heard.message_id),
            source_type: Some(SOURCE.to_owned()),
            source_id: None,
            metadata: Some(object(metadata)),
            created_at: self.now,
            updated_at: self.now,
        };
        let data = json!({
            "messageId": message.id, "authorId": message.author_id, "authorName": self.name,
        });
        [Fact::MessageSet(Box::new(message)), self.event(ChannelEventKind::Said, data)]
    }

    /// That it is done with the message that it was told of.
    pub(super) fn is_done(&self) -> Fact {
        done(self.heard, self.agent, self.now)
    }

    /// That it could not answer.
    pub(super) fn failed(&self, error: &str) -> Fact {
        failed(self.heard, self.agent, error, self.now)
    }

    fn event(&self, kind: ChannelEventKind, data: Value) -> Fact {
        event(self.heard, kind, data, self.now)
    }
}

/// That an agent is done with what it was told.
pub(super) fn done(heard: Heard, agent: AgentId, now: UnixMillis) -> Fact {
    let data = json!({"messageId": heard.message_id, "agentId": agent});
    event(heard, ChannelEventKind::Completed, data, now)
}

/// That an agent will not answer what it was told.
pub(super) fn failed(heard: Heard, agent: AgentId, error: &str, now: UnixMillis) -> Fact {
    let data = json!({"messageId": heard.message_id, "agentId": agent, "error": error});
    event(heard, ChannelEventKind::Failed, data, now)
}

fn event(heard: Heard, kind: ChannelEventKind, data: Value, now: UnixMillis) -> Fact {
    Fact::ChannelHappened(NewChannelEvent {
        channel_id: heard.channel_id,
        at: now,
        kind,
        data: object(data),
    })
}
