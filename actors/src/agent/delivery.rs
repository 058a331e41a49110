//! A letter on its way to an agent, and the reply on its way back, as its sender sees them.

use std::time::Duration;

use actix::Message;
use serde_json::{Map, Value, json};
use tokio::sync::oneshot;

use super::correspondence::shared_room;
use crate::error::CoreError;
use crate::ids::{AgentId, EntityId, LetterId, MemoryId};
use crate::letters::{DoubleTexting, Heard, Terms};
use crate::records::{Memory, Room, World};
use crate::time::UnixMillis;

/// Brings an agent a letter.
///
/// The answer is sent once the letter is durable; the reply to it comes later, through
/// [`Delivered::reply`]. Fails with [`CoreError::Overloaded`] if too many letters wait already, with
/// [`CoreError::NotRunning`] or [`CoreError::Failed`] where `refuse_unless_running` says so, with
/// [`CoreError::Busy`] where `double_texting` says so, with [`CoreError::AtCapacity`] where
/// `waiting_max` or `refuse_unless_at_once` say so, with [`CoreError::Invalid`] if its terms are out of
/// their bounds, and with [`CoreError::Store`] if it could not be
/// made durable, of which [`Exists`](crate::error::StoreError::Exists) means that there is a letter of
/// that id.
#[derive(Clone, Debug, Message)]
#[rtype(result = "Result<Delivered, CoreError>")]
pub struct Delivery {
    /// Who wrote it.
    pub from: EntityId,
    /// What the writer goes by; kept if the agent has not met it.
    pub from_name: Option<String>,
    /// The writer, if it is an agent of this host.
    pub from_agent: Option<AgentId>,
    /// Where it was said, in the agent's eyes; kept if the agent does not know the room.
    pub room: Room,
    /// The world of that room; kept if the agent does not know it.
    pub world: Option<World>,
    /// What it says: `text` and more.
    pub content: Map<String, Value>,
    /// Where it came from; kept with the memory of it.
    pub metadata: Map<String, Value>,
    /// The id of the memory and the letter; a new one if absent.
    pub memory_id: Option<MemoryId>,
    /// Whether the agent shall answer it.
    pub expects_reply: bool,
    /// Whether the agent may decide that it is not for it, and say nothing.
    pub may_be_ignored: bool,
    /// Where it was said, if others heard it; the reply is said there too.
    pub heard: Option<Heard>,
    /// Whether it is refused, instead of kept, while the agent does not run.
    pub refuse_unless_running: bool,
    /// What becomes of it while a reply in the same room is in flight.
    pub double_texting: DoubleTexting,
    /// Agents that wait for what comes of it, the first asker first.
    pub askers: Vec<AgentId>,
    /// How it is to be dealt with, where that is more than answering it.
    pub terms: Option<Box<Terms>>,
    /// Letters that may wait already, without the one that is dealt with; beside the conversation no
    /// more than the agent's [own bound](crate::letters::TaskBounds). As many as the host's bound if
    /// absent.
    pub waiting_max: Option<u32>,
    /// Whether it is refused where it could not be begun at once beside the conversation.
    pub refuse_unless_at_once: bool,
    /// What the agent remembers of it, where that is not what it says.
    pub remembered: Option<Map<String, Value>>,
}

impl Delivery {
    /// Something said whose writer waits for the answer; refused where the agent does not run.
    #[must_use]
    pub fn asking(from: EntityId, room: Room, content: Map<String, Value>) -> Self {
        Self {
            from,
            from_name: None,
            from_agent: None,
            room,
            world: None,
            content,
            metadata: Map::new(),
            memory_id: None,
            expects_reply: true,
            may_be_ignored: false,
            heard: None,
            refuse_unless_running: true,
            double_texting: DoubleTexting::Queue,
            askers: Vec::new(),
            terms: None,
            waiting_max: None,
            refuse_unless_at_once: false,
            remembered: None,
        }
    }

    /// A text from one agent to another, in the room that the two have for each other.
    #[must_use]
    pub fn between(from: AgentId, to: AgentId, text: &str, expects_reply: bool) -> Self {
        let mut content = Map::new();
        content.insert("text".to_owned(), json!(text));
        content.insert("source".to_owned(), json!("agent"));
        Self {
            from: from.into(),
            from_name: None,
            from_agent: Some(from),
            room: shared_room(to, from, UnixMillis::default()),
            world: None,
            content,
            metadata: Map::new(),
            memory_id: None,
            expects_reply,
            may_be_ignored: false,
            heard: None,
            refuse_unless_running: false,
            double_texting: DoubleTexting::Queue,
            askers: Vec::new(),
            terms: None,
            waiting_max: None,
            refuse_unless_at_once: false,
            remembered: None,
        }
    }
}

/// A letter that is kept, and what the agent remembers of it.
#[derive(Debug)]
pub struct Delivered {
    /// The letter.
    pub letter_id: LetterId,
    /// The memory of it.
    pub memory: Memory,
    /// How many letters come before it is begun; 0: it is begun at once, if the agent runs.
    pub ahead: u32,
    /// The reply to come; `None` where none is expected.
    pub reply: Option<Reply>,
}

/// A reply to come: to a letter what is said, if anything is. Dropping it changes nothing: a letter
/// is answered all the same.
#[derive(Debug)]
pub struct Reply<T = Option<Memory>> {
    pub(super) answer: oneshot::Receiver<Result<T, CoreError>>,
    pub(super) agent: AgentId,
}

impl<T> Reply<T> {
    /// Waits for it; `None` if the agent dealt with the letter and said nothing.
    ///
    /// # Errors
    /// [`CoreError::Parked`] if the run waits for a person, whose answer lets it go on;
    /// [`CoreError::Model`] if the run failed and [`CoreError::Cancelled`] if it was cut off (the letter
    /// is dead then); [`CoreError::Crashed`] if the agent crashed, and
    /// [`CoreError::DeadlineExceeded`] after `deadline` (the letter waits on then).
    pub async fn within(self, deadline: Duration) -> Result<T, CoreError> {
        match tokio::time::timeout(deadline, self.answer).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err(CoreError::Crashed(self.agent)),
            Err(_) => Err(CoreError::DeadlineExceeded(deadline)),
        }
    }
}
