//! Messaging: message servers, the channels on them, what is said there, and the two ways to talk
//! with one agent alone (sessions and jobs).
//!
//! The shapes and their meaning are those of elizaOS. A channel is what people and agents share; each
//! agent has a room of its own for it (see [`records`](crate::records)).

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::ids::{AgentId, ChannelId, ChannelMessageId, EntityId, JobId, ServerId, SessionId};
use crate::time::UnixMillis;

/// A group of channels.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MessageServer {
    /// Its id.
    pub id: ServerId,
    /// Its name.
    pub name: String,
    /// What it stands for: `eliza_default`, …
    pub source_type: String,
    /// Its id where it comes from.
    pub source_id: Option<String>,
    /// Anything else.
    pub metadata: Option<Map<String, Value>>,
    /// When it was made.
    pub created_at: UnixMillis,
    /// When it last changed.
    pub updated_at: UnixMillis,
}

impl MessageServer {
    /// The server that is there from the start: its id is all zeros.
    pub const DEFAULT: ServerId = ServerId(Uuid::nil());
}

/// A place where people and agents talk.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Channel {
    /// Its id.
    pub id: ChannelId,
    /// The server it lies on.
    pub server_id: ServerId,
    /// Its name.
    pub name: String,
    /// What elizaOS calls the channel type: `DM`, `GROUP`, …
    pub kind: String,
    /// Where it comes from.
    pub source_type: Option<String>,
    /// Its id there.
    pub source_id: Option<String>,
    /// What it is about.
    pub topic: Option<String>,
    /// Anything else, kept to the letter.
    pub metadata: Option<Map<String, Value>>,
    /// When it was made.
    pub created_at: UnixMillis,
    /// When it last changed.
    pub updated_at: UnixMillis,
}

/// Something said in a channel.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ChannelMessage {
    /// Its id.
    pub id: ChannelMessageId,
    /// Where it was said.
    pub channel_id: ChannelId,
    /// Who said it: a person, or an agent.
    pub author_id: EntityId,
    /// The words.
    pub content: String,
    /// What the author's program sent, as it sent it.
    pub raw_message: Option<Value>,
    /// The message it answers.
    pub in_reply_to: Option<ChannelMessageId>,
    /// Where it comes from: `agent_response`, `eliza_gui`, …
    pub source_type: Option<String>,
    /// Its id there.
    pub source_id: Option<String>,
    /// Anything else.
    pub metadata: Option<Map<String, Value>>,
    /// When it was said.
    pub created_at: UnixMillis,
    /// When it last changed.
    pub updated_at: UnixMillis,
}

/// A message on its way to an agent: kept together with the message, until the agent has the letter
/// that brings it, or those who follow the channel were told that it will not get one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Addressed {
    /// The message.
    pub message_id: ChannelMessageId,
    /// The channel it was said in.
    pub channel_id: ChannelId,
    /// The agent.
    pub agent_id: AgentId,
    /// What the author goes by.
    pub author_name: Option<String>,
    /// Whether somebody else than the agent and the author hears it.
    pub is_one_of_several: bool,
}

/// How long a session lasts.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionTimeout {
    /// Minutes from the last activity (from its beginning, if it does not renew itself) to its end.
    pub timeout_minutes: f64,
    /// Whether activity renews it.
    pub auto_renew: bool,
    /// Minutes from its beginning to its end at the latest.
    pub max_duration_minutes: f64,
    /// Minutes before its end from which it counts as about to end.
    pub warning_threshold_minutes: f64,
}

/// A talk of one person with one agent, in a channel of its own, that ends after a while.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Session {
    /// Its id.
    pub id: SessionId,
    /// The agent.
    pub agent_id: AgentId,
    /// The channel of its own.
    pub channel_id: ChannelId,
    /// The person.
    pub user_id: EntityId,
    /// Anything else.
    pub metadata: Map<String, Value>,
    /// How long it lasts.
    pub timeout: SessionTimeout,
    /// How often it was renewed.
    pub renewals: u32,
    /// When it began.
    pub created_at: UnixMillis,
    /// When something last happened in it.
    pub last_activity_at: UnixMillis,
    /// When it ends.
    pub expires_at: UnixMillis,
}

/// How far a job has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobStatus {
    /// Accepted.
    Pending,
    /// With the agent.
    Processing,
    /// Answered.
    Completed,
    /// Ended by an error.
    Failed,
    /// Not answered in time.
    Timeout,
}

impl JobStatus {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Pending, Self::Processing, Self::Completed, Self::Failed, Self::Timeout];

    /// Whether it changes no more.
    #[must_use]
    pub fn is_ended(self) -> bool {
        match self {
            Self::Pending | Self::Processing => false,
            Self::Completed | Self::Failed | Self::Timeout => true,
        }
    }
}

/// A question to an agent whose answer is fetched later.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Job {
    /// Its id.
    pub id: JobId,
    /// The agent.
    pub agent_id: AgentId,
    /// Who asks.
    pub user_id: EntityId,
    /// The channel of its own.
    pub channel_id: ChannelId,
    /// What is asked.
    pub prompt: String,
    /// Anything else.
    pub metadata: Map<String, Value>,
    /// How far it has come.
    pub status: JobStatus,
    /// The agent's answer.
    pub answer_id: Option<ChannelMessageId>,
    /// Why there is none.
    pub error: Option<String>,
    /// When it was given.
    pub created_at: UnixMillis,
    /// When it is given up.
    pub expires_at: UnixMillis,
    /// When it ended.
    pub ended_at: Option<UnixMillis>,
}

/// One entry in a channel's durable sequence, which feeds every live transport.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChannelEvent {
    /// Which channel.
    pub channel_id: ChannelId,
    /// Its number in the channel's sequence: from 1, without gaps.
    pub seq: u64,
    /// When it happened.
    pub at: UnixMillis,
    /// What sort.
    pub kind: ChannelEventKind,
    /// What it says.
    pub data: Map<String, Value>,
}

/// A channel's event before it has its number.
#[derive(Clone, Debug, PartialEq)]
pub struct NewChannelEvent {
    /// Which channel.
    pub channel_id: ChannelId,
    /// When it happened.
    pub at: UnixMillis,
    /// What sort.
    pub kind: ChannelEventKind,
    /// What it says.
    pub data: Map<String, Value>,
}

/// What sort of thing happened in a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChannelEventKind {
    /// Something was said.
    Said,
    /// Something said was changed.
    Amended,
    /// Something said was removed.
    Removed,
    /// Everything said was removed.
    Cleared,
    /// The channel was changed.
    Updated,
    /// The channel was removed.
    Deleted,
    /// All agents are done with a message.
    Completed,
    /// An agent could not answer.
    Failed,
}

impl ChannelEventKind {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Said,
        Self::Amended,
        Self::Removed,
        Self::Cleared,
        Self::Updated,
        Self::Deleted,
        Self::Completed,
        Self::Failed,
    ];
}
