//! What is said to the agent, and its answer as it comes.

use std::sync::Arc;
use std::time::Duration;

use greenroom_actors::agent::{Delivery, Reply};
use greenroom_actors::error::CoreError;
use greenroom_actors::ids::{AgentId, EntityId, RoomId, WorldId, derived};
use greenroom_actors::pieces::Piece;
use greenroom_actors::records::{Memory, Room, World};
use greenroom_actors::time::UnixMillis;
use serde_json::{Map, Value};
use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tokio::sync::{broadcast, oneshot};

use crate::messaging::{Messaging, Rest, Unfolding};

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
        let (tell, whole) = oneshot::channel();
        let told = Unfolding::of(delivered.letter_id);
        // A task, so that waiting for a piece and for the whole does not hold the two together.
        tokio::spawn(async move { drop(tell.send(heard(delivered.reply).await)) });
        Ok(Answer { told, pieces, are_pieces_over: false, whole: Some(whole) })
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

/// What comes next of an answer.
#[derive(Debug)]
pub(super) enum Coming {
    /// Further words.
    Words(String),
    /// The end.
    End,
}

/// An answer as it comes.
pub(super) struct Answer {
    told: Unfolding,
    pieces: broadcast::Receiver<Arc<Piece>>,
    are_pieces_over: bool,
    /// Gone once it has come.
    whole: Option<oneshot::Receiver<Result<String, CoreError>>>,
}

impl Answer {
    /// What comes next. May be dropped while it waits, and asked again.
    ///
    /// # Errors
    /// Why no answer comes; see [`Reply::within`].
    pub(super) async fn next(&mut self) -> Result<Coming, CoreError> {
        loop {
            let Some(whole) = self.whole.as_mut() else { return Ok(Coming::End) };
            tokio::select! {
                piece = self.pieces.recv(), if !self.are_pieces_over => match piece {
                    Ok(piece) => {
                        if let Some(words) = self.told.take(&piece) {
                            return Ok(Coming::Words(words.to_owned()));
                        }
                    }
                    // What is missed comes with the whole answer.
                    Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => self.are_pieces_over = true,
                },
                whole = whole => {
                    self.whole = None;
                    // Nobody tells where the process ends.
                    let whole = whole.unwrap_or(Err(CoreError::ShuttingDown))?;
                    return Ok(Coming::Words(self.last(&whole)));
                }
            }
        }
    }

    /// What was not told of the whole.
    fn last(&mut self, whole: &str) -> String {
        let mut words = String::new();
        loop {
            match self.pieces.try_recv() {
                Ok(piece) => words.extend(self.told.take(&piece)),
                Err(TryRecvError::Lagged(_)) => {}
                Err(TryRecvError::Empty | TryRecvError::Closed) => break,
            }
        }
        match self.told.rest(whole) {
            Rest::Nothing if whole.trim().is_empty() => words + NOTHING,
            Rest::Nothing => words,
            Rest::More(more) => words + &more,
            // What was shown cannot be taken back.
            Rest::Other => format!("{words}\n{whole}"),
        }
    }
}
