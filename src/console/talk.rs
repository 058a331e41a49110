//! What is said to the agent, and its answer as it comes.

use std::time::Duration;

use greenroom_actors::agent::{CallOff, Delivery, Reply};
use greenroom_actors::error::CoreError;
use greenroom_actors::ids::{AgentId, EntityId, LetterId, RoomId, WorldId, derived};
use greenroom_actors::records::{Memory, Room, World};
use greenroom_actors::time::UnixMillis;
use serde_json::{Map, Value};

use crate::messaging::{Came, Coming, Messaging, Rest, Unfolding};

/// How long an answer is waited for. Whoever has enough of it earlier cuts it off.
const REPLY_WITHIN: Duration = Duration::from_secs(15 * 60);

/// Where what is said comes from.
const SOURCE: &str = "console";

/// What stands where the agent said nothing.
const NOTHING: &str = "(no answer)";

/// Who talks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// Whom the agent knows.
    pub id: EntityId,
    /// What the person goes by.
    pub name: String,
}

impl Person {
    /// The person of that name on this host.
    #[must_use]
    pub fn named(name: &str) -> Self {
        Self { id: EntityId(derived(&format!("user-{name}"))), name: name.to_owned() }
    }
}

/// A person's talk with an agent: what was said in it before, the agent remembers.
#[derive(Clone)]
pub struct Talk {
    messaging: Messaging,
    agent: AgentId,
    person: Person,
}

impl Talk {
    /// The talk of that person with that agent.
    #[must_use]
    pub fn new(messaging: Messaging, agent: AgentId, person: Person) -> Self {
        Self { messaging, agent, person }
    }

    /// The agent.
    #[must_use]
    pub fn agent(&self) -> AgentId {
        self.agent
    }

    pub(super) fn messaging(&self) -> &Messaging {
        &self.messaging
    }

    /// Says something; answers once it is durable.
    ///
    /// # Errors
    /// [`CoreError::NotRunning`] at once where the agent does not run, and whatever else keeps a
    /// letter from it.
    pub(super) async fn say(&self, text: &str) -> Result<Answer, CoreError> {
        let registry = self.messaging.registry();
        // Before the letter is there, or its first words would be missed.
        let pieces = registry.watch_pieces();
        let mut content = Map::new();
        content.insert("text".to_owned(), Value::from(text));
        content.insert("source".to_owned(), Value::from(SOURCE));
        content.insert("channelType".to_owned(), Value::from("DM"));
        let (room, world) = self.place();
        let delivery = Delivery {
            from_name: Some(self.person.name.clone()),
            world: Some(world),
            double_texting: self.messaging.double_texting(),
            ..Delivery::asking(self.person.id, room, content)
        };
        let delivered = registry.deliver(self.agent, delivery).await?;
        let told = Unfolding::of(delivered.letter_id);
        let coming = Coming::of(delivered.letter_id, pieces, heard(delivered.reply));
        Ok(Answer { letter: delivered.letter_id, told, coming })
    }

    /// Has the agent stop what it does for an answer, if it is not done yet.
    ///
    /// # Errors
    /// As of [`Registry::ask`](greenroom_actors::registry::Registry::ask).
    pub(super) async fn call_off(&self, letter: LetterId) -> Result<(), CoreError> {
        let reason = "the person had enough of it".to_owned();
        self.messaging.registry().ask(self.agent, CallOff { letter, reason }).await.map(drop)
    }

    /// The room of the two, in the agent's eyes.
    fn place(&self) -> (Room, World) {
        let Self { agent, person, .. } = self;
        let world_id = WorldId(derived(&format!("{agent}-console")));
        let channel = format!("{agent}-console-{}", person.id);
        // The agent dates both when it meets them.
        let created_at = UnixMillis::default();
        let world = World {
            id: world_id,
            agent_id: *agent,
            name: "Console".to_owned(),
            message_server_id: None,
            metadata: None,
            created_at,
        };
        let room = Room {
            id: RoomId(derived(&channel)),
            agent_id: *agent,
            name: format!("Console of {}", person.name),
            channel_id: Some(channel),
            message_server_id: None,
            world_id: Some(world_id),
            kind: "DM".to_owned(),
            source: SOURCE.to_owned(),
            metadata: None,
            created_at,
        };
        (room, world)
    }
}

async fn heard(reply: Option<Reply>) -> Result<String, CoreError> {
    let said = match reply {
        Some(reply) => reply.within(REPLY_WITHIN).await?,
        None => None,
    };
    Ok(said.as_ref().map(Memory::text).unwrap_or_default().to_owned())
}

/// An answer as it comes.
pub(super) struct Answer {
    /// What it is to.
    pub(super) letter: LetterId,
    told: Unfolding,
    coming: Coming<Result<String, CoreError>>,
}

impl Answer {
    /// The next words; `None` when all of them were told. May be dropped while it waits, and asked
    /// again.
    ///
    /// # Errors
    /// Why no answer comes; see [`Reply::within`].
    pub(super) async fn next(&mut self) -> Result<Option<String>, CoreError> {
        while let Some(came) = self.coming.next().await {
            match came {
                Came::Piece(piece) => {
                    if let Some(words) = self.told.take(&piece) {
                        return Ok(Some(words.to_owned()));
                    }
                }
                Came::Whole(whole) => return whole.map(|whole| Some(self.rest(&whole))),
            }
        }
        Ok(None)
    }

    /// What was not told of the whole.
    fn rest(&self, whole: &str) -> String {
        match self.told.rest(whole) {
            _ if whole.trim().is_empty() => NOTHING.to_owned(),
            Rest::Nothing => String::new(),
            Rest::More(more) => more,
            // What was shown cannot be taken back.
            Rest::Other => format!("\n{whole}"),
        }
    }
}
