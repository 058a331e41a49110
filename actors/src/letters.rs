//! Letters: messages on their way to an agent, kept until they are dealt with.

mod terms;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::ids::{AgentId, ChannelId, ChannelMessageId, EntityId, LetterId, MemoryId, RoomId};
use crate::time::UnixMillis;

pub use terms::{TaskBounds, Terms};

/// How far a letter has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LetterStatus {
    /// Waits to be dealt with.
    Waiting,
    /// Set aside: its run is parked until a person has answered.
    Parked,
    /// Dealt with.
    Answered,
    /// Given up: it could not be dealt with, or whoever waited for the reply was told that none comes.
    Dead,
    /// Called off by somebody who may: nobody wants it dealt with any more.
    Cancelled,
}

impl LetterStatus {
    /// Whether nothing more comes of it by itself.
    #[must_use]
    pub fn is_settled(self) -> bool {
        matches!(self, Self::Answered | Self::Dead | Self::Cancelled)
    }
}

/// What becomes of something said in a room while the agent's reply to something else said there is
/// in flight.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DoubleTexting {
    /// It waits, and is answered after that.
    #[default]
    Queue,
    /// The reply in flight is cut off, and it is answered together with all that waits in the room.
    Interrupt,
    /// It is refused, and nothing is kept.
    Reject,
}

impl DoubleTexting {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Queue, Self::Interrupt, Self::Reject];

    /// Its name, as written in configurations and requests.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queue => "queue",
            Self::Interrupt => "interrupt",
            Self::Reject => "reject",
        }
    }
}

/// Where a letter was said for others to hear.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heard {
    /// The channel; the reply is said there too.
    pub channel_id: ChannelId,
    /// The message in it.
    pub message_id: ChannelMessageId,
}

/// A message on its way to an agent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Letter {
    /// Its id.
    pub id: LetterId,
    /// The agent it is for.
    pub to: AgentId,
    /// Who wrote it: a person's entity, or an agent's.
    pub from: EntityId,
    /// The writer, if it is an agent of this host.
    pub from_agent: Option<AgentId>,
    /// Where it belongs, in the reader's eyes.
    pub room_id: RoomId,
    /// The memory that the reader has of it.
    pub memory_id: MemoryId,
    /// What it says: `text` and more.
    pub content: Map<String, Value>,
    /// Whether the reader shall answer it.
    pub expects_reply: bool,
    /// Whether the reader may decide that it is not for it, and say nothing.
    pub may_be_ignored: bool,
    /// Where it was said, if others heard it.
    pub heard: Option<Heard>,
    /// Agents that wait for what comes of it, the first asker first. One of them must not be asked for
    /// it: it would wait for itself.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub askers: Vec<AgentId>,
    /// The letter it answers.
    pub in_reply_to: Option<LetterId>,
    /// How far it has come.
    pub status: LetterStatus,
    /// How often it was begun to be dealt with.
    pub attempts: u32,
    /// When it was sent.
    pub sent_at: UnixMillis,
    /// How it is to be dealt with, where its writer says more than the words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub terms: Option<Box<Terms>>,
    /// How it ended, once it is settled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settled: Option<Box<Settled>>,
}

/// How a letter ended.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settled {
    /// When.
    pub at: UnixMillis,
    /// Why it was not answered.
    pub reason: Option<String>,
    /// What the reader said to it, if it said something.
    pub reply: Option<MemoryId>,
}

/// That a letter was settled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LetterEnd {
    /// Which letter.
    pub id: LetterId,
    /// How: one of those that [are settled](LetterStatus::is_settled).
    pub status: LetterStatus,
    /// When, why and with what.
    pub settled: Settled,
}

impl Letter {
    /// The text of it, empty if there is none.
    #[must_use]
    pub fn text(&self) -> &str {
        self.content.get("text").and_then(Value::as_str).unwrap_or_default()
    }
    /// Whether it is dealt with beside the conversation, at the same time as others.
    #[must_use]
    pub fn is_beside(&self) -> bool {
        self.terms.as_ref().is_some_and(|terms| terms.is_beside)
    }

    /// Whether it was not begun in the time that its writer gave it.
    #[must_use]
    pub fn is_overdue(&self, now: UnixMillis) -> bool {
        let waits = self.terms.as_ref().and_then(|terms| terms.wait_max());
        self.attempts == 0 && waits.is_some_and(|most| now.since(self.sent_at) >= most)
    }
}
