//! One turn: what is said to the agent, and its answer.
//!
//! It goes on if the client goes away: what was accepted is answered, and the answer is kept.

use std::sync::Arc;
use std::time::Duration;

use greenroom_actors::agent::{Delivery, Reply};
use greenroom_actors::character::AgentRecord;
use greenroom_actors::error::CoreError;
use greenroom_actors::ids::{AgentId, LetterId};
use greenroom_actors::pieces::Piece;
use greenroom_actors::ports::RunQuery;
use greenroom_actors::records::Memory;
use greenroom_actors::runs::Usage;
use tokio::sync::{OwnedSemaphorePermit, broadcast, oneshot};

use super::{Place, Said};
use crate::dialects::milady::conversations::Following;
use crate::dialects::milady::error::MiladyError;
use crate::dialects::milady::shared::Shared;

/// What stands where the agent said nothing.
const APOLOGY: &str = "Sorry, I have no answer to that right now. Please try again.";

/// What models say that say nothing.
const NO_RESPONSE: &str = "(no response)";

/// What stands where a person has to allow a call before there is an answer.
const PARKED: &str = "I have to wait for a person's approval before I go on. My answer comes into this conversation \
     after that.";

/// What is to be said, where, and what follows from it.
pub(in crate::dialects::milady) struct Wish {
    /// Where, and by whom.
    pub(in crate::dialects::milady) place: Place,
    /// What.
    pub(in crate::dialects::milady) said: Said,
    /// The conversation that it belongs to.
    pub(in crate::dialects::milady) following: Option<Following>,
    /// Whether the client wants to know how many tokens it took.
    pub(in crate::dialects::milady) is_counted: bool,
}

/// What the agent answered.
#[derive(Debug)]
pub(in crate::dialects::milady) struct Answered {
    /// Its words; never blank.
    pub(in crate::dialects::milady) text: String,
    /// What it took, where that is wanted.
    pub(in crate::dialects::milady) usage: Usage,
}

/// A turn that the agent has accepted.
pub(in crate::dialects::milady) struct Turn {
    /// Who answers.
    pub(in crate::dialects::milady) agent_name: String,
    /// What was said is kept under this id.
    pub(super) letter: LetterId,
    /// What agents say from now on.
    pub(super) pieces: broadcast::Receiver<Arc<Piece>>,
    /// The answer to come.
    pub(super) answer: oneshot::Receiver<Result<Answered, CoreError>>,
    /// Its place among the turns in flight: a stream goes on when its request is answered.
    pub(super) place: OwnedSemaphorePermit,
}

impl Turn {
    /// Says it to the agent; answers once it is durable.
    ///
    /// # Errors
    /// [`CoreError::NotRunning`] at once where the agent does not run, paused or stopped: nobody is
    /// to wait for minutes. [`CoreError::Overloaded`] if too many turns are in flight. Whatever else keeps a letter from it.
    pub(in crate::dialects::milady) async fn begin(
        shared: &Arc<Shared>,
        agent: &AgentRecord,
        wish: Wish,
    ) -> Result<Self, MiladyError> {
        let Wish { place, said, following, is_counted } = wish;
        let Place { room, world, admin } = place;
        let turn = Arc::clone(&shared.turns).try_acquire_owned();
        let turn = turn.map_err(|_full| MiladyError::from(CoreError::Overloaded))?;
        let registry = &shared.host.registry;
        // Before the letter is there, or its first words would be missed.
        let pieces = registry.watch_pieces();
        let delivery = Delivery {
            from_name: Some(Place::user_name()),
            world: Some(world),
            double_texting: shared.host.messaging.double_texting(),
            ..Delivery::asking(admin, room, said.content())
        };
        let delivered = registry.deliver(agent.id, delivery).await?;
        let (tell, answer) = oneshot::channel();
        let waiting = Waiting {
            shared: Arc::clone(shared),
            agent: agent.id,
            letter: delivered.letter_id,
            is_counted,
        };
        tokio::spawn(waiting.through(delivered.reply, following, tell));
        let agent_name = agent.character.name.clone();
        Ok(Self { agent_name, letter: delivered.letter_id, pieces, answer, place: turn })
    }

    /// The whole answer.
    ///
    /// # Errors
    /// As [`Reply::within`].
    pub(in crate::dialects::milady) async fn whole(self) -> Result<Answered, MiladyError> {
        // Nobody tells where the process ends.
        let answer = self.answer.await.unwrap_or(Err(CoreError::ShuttingDown));
        Ok(answer?)
    }
}

/// Whoever waits for the answer, in place of a client that may go away.
struct Waiting {
    shared: Arc<Shared>,
    agent: AgentId,
    letter: LetterId,
    is_counted: bool,
}

impl Waiting {
    async fn through(
        self,
        reply: Option<Reply>,
        following: Option<Following>,
        tell: oneshot::Sender<Result<Answered, CoreError>>,
    ) {
        let answer = self.answer(reply).await;
        if let Some(following) = &following {
            following.answered().await;
        }
        let said = answer.as_ref().ok().map(|answer| answer.text.clone());
        // Nobody minds if the client has gone away.
        drop(tell.send(answer));
        if let (Some(following), Some(said)) = (following, said) {
            following.told(&said).await;
        }
    }

    async fn answer(&self, reply: Option<Reply>) -> Result<Answered, CoreError> {
        let within: Duration = self.shared.settings.reply_within();
        let said = match reply {
            Some(reply) => reply.within(within).await,
            None => Ok(None),
        };
        let text = worded(said)?;
        let usage = if self.is_counted { self.usage().await? } else { Usage::default() };
        Ok(Answered { text, usage })
    }

    /// What the runs took that answered it.
    async fn usage(&self) -> Result<Usage, CoreError> {
        /// Attempts that are counted at most.
        const RUNS_MAX: u32 = 16;
        let query = RunQuery { letter_id: Some(self.letter), ..RunQuery::of(self.agent, RUNS_MAX) };
        let runs = self.shared.host.registry.store().runs(query).await?;
        let mut usage = Usage::default();
        runs.iter().for_each(|run| usage.add(&run.usage));
        Ok(usage)
    }
}

/// What a client is told of what the agent said.
fn worded(said: Result<Option<Memory>, CoreError>) -> Result<String, CoreError> {
    match said {
        Ok(said) => {
            let text = said.as_ref().map(Memory::text).unwrap_or_default();
            let is_nothing =
                text.trim().is_empty() || text.trim().eq_ignore_ascii_case(NO_RESPONSE);
            Ok(if is_nothing { APOLOGY } else { text }.to_owned())
        }
        // An answer will come, so that this is no failure.
        Err(CoreError::Parked(_)) => Ok(PARKED.to_owned()),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use greenroom_actors::error::ModelError;
    use greenroom_actors::ids::{ApprovalId, EntityId, MemoryId, RoomId};
    use greenroom_actors::records::MESSAGES;
    use greenroom_actors::time::UnixMillis;
    use serde_json::{Map, json};

    use super::*;

    fn said(text: &str) -> Result<Option<Memory>, CoreError> {
        Ok(Some(Memory {
            id: MemoryId::new(),
            agent_id: AgentId::new(),
            kind: MESSAGES.to_owned(),
            room_id: RoomId::new(),
            world_id: None,
            entity_id: EntityId::new(),
            content: Map::from_iter([("text".to_owned(), json!(text))]),
            metadata: Map::new(),
            unique: true,
            created_at: UnixMillis(0),
            updated_at: UnixMillis(0),
        }))
    }

    #[test]
    fn a_client_is_always_told_something() {
        let refused = CoreError::Model(ModelError::Refused("no".to_owned()));
        for (answer, expected) in [
            (said(" Hi! "), Ok(" Hi! ")),
            (said(" \n"), Ok(APOLOGY)),
            (said("(No response) "), Ok(APOLOGY)),
            (Ok(None), Ok(APOLOGY)),
            (Err(CoreError::Parked(ApprovalId::new())), Ok(PARKED)),
            (Err(refused.clone()), Err(refused)),
        ] {
            assert_eq!(worded(answer), expected.map(str::to_owned));
        }
    }
}
