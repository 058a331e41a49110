//! Letters: how messages come to an agent, and how its replies come back.
//!
//! A letter is durable before its sender is told so. It waits while the agent is paused or stopped,
//! and outlives crashes and restarts; what cannot be dealt with becomes a dead letter that is seen.

use std::time::Duration;

use actix::prelude::*;
use serde_json::{Map, Value, json};
use tokio::sync::oneshot;

use super::journal::Journal;
use super::run::Occasion;
use super::{Agent, hearing};
use crate::error::CoreError;
use crate::facts::{EventKind, Fact};
use crate::ids::{self, AgentId, EntityId, LetterId, MemoryId, RoomId};
use crate::letters::{DoubleTexting, Heard, Letter, LetterStatus};
use crate::records::{Entity, MESSAGES, Memory, Participant, Room, World};
use crate::runs::RunStatus;
use crate::time::UnixMillis;

/// Brings an agent a letter.
///
/// The answer is sent once the letter is durable; the reply to it comes later, through
/// [`Delivered::reply`]. Fails with [`CoreError::Overloaded`] if too many letters wait already, with
/// [`CoreError::NotRunning`] or [`CoreError::Failed`] where `refuse_unless_running` says so, with
/// [`CoreError::Busy`] where `double_texting` says so, and with [`CoreError::Store`] if it could not be made durable, of which
/// [`Exists`](crate::error::StoreError::Exists) means that there is a letter of that id.
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

/// Somebody who waits for the reply to a letter.
pub(crate) struct Waiter {
    letter: LetterId,
    /// Where the letter was said, if others heard it.
    heard: Option<Heard>,
    reply: oneshot::Sender<Result<Option<Memory>, CoreError>>,
}

impl Handler<Delivery> for Agent {
    type Result = ResponseActFuture<Self, Result<Delivered, CoreError>>;

    fn handle(&mut self, delivery: Delivery, _: &mut Context<Self>) -> Self::Result {
        if let Err(refused) = self.accepts(&delivery) {
            return Box::pin(fut::err(refused));
        }
        let (expects_reply, heard) = (delivery.expects_reply, delivery.heard);
        let interrupts = delivery.double_texting == DoubleTexting::Interrupt;
        let room = delivery.room.id;
        let (letter, memory, facts) = self.file(delivery);
        let reply = expects_reply.then(|| {
            // Before the letter can be seen: it may be answered before this handler goes on.
            let (reply, answer) = oneshot::channel();
            self.waiters.push(Waiter { letter, heard, reply });
            Reply { answer, agent: self.id }
        });
        self.letters_waiting = self.letters_waiting.saturating_add(1);
        let committed = self.runtime.commit(facts);
        Box::pin(committed.into_actor(self).map(move |committed, agent, ctx| {
            if let Err(error) = committed {
                agent.waiters.retain(|waiter| waiter.letter != letter);
                agent.letters_waiting = agent.letters_waiting.saturating_sub(1);
                return Err(error.into());
            }
            // A run that looked before the commit found nothing, and said so.
            agent.letters_waiting = agent.letters_waiting.max(1);
            agent.has_news = true;
            if interrupts {
                agent.interrupt(letter, room, ctx);
            }
            agent.next_letter(ctx);
            Ok(Delivered { letter_id: letter, memory, reply })
        }))
    }
}

impl Agent {
    fn accepts(&mut self, delivery: &Delivery) -> Result<(), CoreError> {
        if delivery.refuse_unless_running {
            self.must_run()?;
            self.runtime.may_work()?;
        }
        if delivery.room.agent_id != self.id {
            let reason = format!("the room belongs to agent {}", delivery.room.agent_id);
            return Err(CoreError::Invalid { field: "room", reason });
        }
        if delivery.double_texting == DoubleTexting::Reject
            && self.answering().is_some_and(|(_, room, _)| room == delivery.room.id)
        {
            return Err(CoreError::Busy(self.id));
        }
        self.waiters.retain(|waiter| !waiter.reply.is_closed());
        if self.letters_waiting >= self.runtime.settings.letters_waiting_max {
            return Err(CoreError::Overloaded);
        }
        Ok(())
    }

    /// The letter that is being answered, its room and where it was heard.
    pub(super) fn answering(&self) -> Option<(LetterId, RoomId, Option<Heard>)> {
        self.flight.as_ref()?.progress.answering()
    }

    /// Cuts off the reply in flight in the room of a new letter. What it was to answer is in the
    /// prompt of the next run as well, and counts as answered with it; whoever waits for a reply of
    /// its own hears that there is none.
    fn interrupt(&mut self, by: LetterId, room: RoomId, ctx: &mut Context<Self>) {
        let Some((letter, in_room, heard)) = self.answering() else { return };
        if letter == by || in_room != room || self.is_changing || !self.is_running() {
            return;
        }
        let mut facts = self.cut(RunStatus::Cancelled, "more was said meanwhile");
        facts.push(Fact::LetterSettled { id: letter, status: LetterStatus::Answered });
        let now = self.runtime.now();
        facts.extend(heard.map(|heard| hearing::done(heard, self.id, now)));
        self.is_changing = true;
        let committed = self.runtime.commit(facts).into_actor(self);
        ctx.wait(committed.map(move |committed, agent, ctx| {
            agent.is_changing = false;
            match committed {
                Ok(_) => agent.letter_answered(letter, None),
                // Then it is answered by itself.
                Err(error) => {
                    tracing::error!(agent = %agent.id, %error, "an interruption is not recorded");
                }
            }
            agent.next_letter(ctx);
        }));
    }

    /// The letter, what the agent remembers of it, and all that is to be kept.
    fn file(&self, delivery: Delivery) -> (LetterId, Memory, Vec<Fact>) {
        let now = self.runtime.now();
        let id = delivery.memory_id.unwrap_or_default();
        let room = Room { created_at: now, ..delivery.room };
        let memory = Memory {
            id,
            agent_id: self.id,
            kind: MESSAGES.to_owned(),
            room_id: room.id,
            world_id: room.world_id,
            entity_id: delivery.from,
            content: delivery.content,
            metadata: delivery.metadata,
            unique: true,
            created_at: now,
            updated_at: now,
        };
        let letter = Letter {
            id: LetterId(id.0),
            to: self.id,
            from: delivery.from,
            from_agent: delivery.from_agent,
            room_id: room.id,
            memory_id: id,
            content: memory.content.clone(),
            expects_reply: delivery.expects_reply,
            may_be_ignored: delivery.may_be_ignored,
            heard: delivery.heard,
            askers: delivery.askers,
            in_reply_to: None,
            status: LetterStatus::Waiting,
            attempts: 0,
            sent_at: now,
        };
        let data = json!({"letterId": letter.id, "from": letter.from, "roomId": room.id});
        let event = self.journal().event(EventKind::LetterReceived, data);
        let letter_id = letter.id;
        let mut facts = meeting(self.id, delivery.from, delivery.from_name.as_deref(), room, now);
        let world =
            delivery.world.map(|world| World { agent_id: self.id, created_at: now, ..world });
        facts.extend(world.map(|world| Fact::WorldMet(Box::new(world))));
        let heard = letter.heard;
        facts.push(Fact::LetterSent(Box::new(letter)));
        facts.push(Fact::Remembered(Box::new(memory.clone())));
        facts.push(event);
        let agent_id = self.id;
        facts.extend(heard.map(|Heard { message_id, .. }| Fact::Reached { message_id, agent_id }));
        (letter_id, memory, facts)
    }

    /// Takes up the letter that waits longest, or else the firing, if one waits and the agent is free.
    pub(super) fn next_letter(&mut self, ctx: &mut Context<Self>) {
        if self.letters_waiting > 0 {
            self.begin(Occasion::Letter, false, ctx);
        } else {
            self.next_firing(false, ctx);
        }
    }

    pub(super) fn letter_answered(&mut self, letter: LetterId, said: Option<Memory>) {
        self.letters_waiting = self.letters_waiting.saturating_sub(1);
        self.tell_waiter(letter, Ok(said));
    }

    /// A letter was given up: nobody waits for it any more.
    pub(super) fn letter_given_up(&mut self, letter: LetterId, error: CoreError) {
        self.letters_waiting = self.letters_waiting.saturating_sub(1);
        self.tell_waiter(letter, Err(error));
    }

    /// With somebody who waits for the reply, a failure is final. Otherwise the letter waits for
    /// another attempt.
    pub(super) fn letter_failed(
        &mut self,
        letter: LetterId,
        heard: Option<Heard>,
        error: CoreError,
        ctx: &mut Context<Self>,
    ) {
        let is_awaited =
            self.waiters.iter().any(|waiter| waiter.letter == letter && !waiter.reply.is_closed());
        if !is_awaited {
            return;
        }
        self.letters_waiting = self.letters_waiting.saturating_sub(1);
        let reason = error.to_string();
        let mut facts = Vec::from(given_up(&self.journal(), letter, &reason));
        let now = self.runtime.now();
        facts.extend(heard.map(|heard| hearing::failed(heard, self.id, &reason, now)));
        let settled = self.runtime.commit(facts);
        ctx.spawn(settled.into_actor(self).map(move |settled, agent, _| {
            if let Err(error) = settled {
                tracing::error!(agent = %agent.id, %error, "a dead letter is not recorded");
            }
            agent.tell_waiter(letter, Err(error));
        }));
    }

    pub(super) fn tell_waiter(
        &mut self,
        letter: LetterId,
        answer: Result<Option<Memory>, CoreError>,
    ) {
        if let Some(place) = self.waiters.iter().position(|waiter| waiter.letter == letter) {
            let waiter = self.waiters.swap_remove(place);
            // Nobody minds if the asker has gone away: the reply is kept.
            drop(waiter.reply.send(answer));
        }
    }

    /// Tells everybody who waits for a reply that there will be none, and gives their letters up: one
    /// that was answered later all the same would be answered twice to a client that asks again. Only
    /// whoever waits for `answered`, which is in flight, waits on.
    pub(super) fn dismiss_waiters(
        &mut self,
        answered: Option<LetterId>,
        error: &CoreError,
    ) -> Vec<Fact> {
        let waiters = self.waiters.iter().map(|waiter| waiter.letter);
        let letters: Vec<_> = waiters.filter(|letter| Some(*letter) != answered).collect();
        letters.into_iter().flat_map(|letter| self.dismiss_waiter(letter, error)).collect()
    }

    /// The same for whoever waits for the reply to one letter.
    pub(super) fn dismiss_waiter(&mut self, letter: LetterId, error: &CoreError) -> Vec<Fact> {
        let Some(place) = self.waiters.iter().position(|waiter| waiter.letter == letter) else {
            return Vec::new();
        };
        let Waiter { heard, reply, .. } = self.waiters.swap_remove(place);
        if reply.send(Err(error.clone())).is_err() {
            // Nobody waits any more, so that the letter may be answered later.
            return Vec::new();
        }
        self.letters_waiting = self.letters_waiting.saturating_sub(1);
        let (journal, reason) = (self.journal(), error.to_string());
        let failed = heard.map(|heard| hearing::failed(heard, self.id, &reason, journal.now));
        given_up(&journal, letter, &reason).into_iter().chain(failed).collect()
    }
}

/// That a letter is not tried again.
pub(super) fn given_up(journal: &Journal, letter: LetterId, reason: &str) -> [Fact; 2] {
    let data = json!({"letterId": letter, "reason": reason});
    [
        Fact::LetterSettled { id: letter, status: LetterStatus::Dead },
        journal.event(EventKind::LetterDead, data),
    ]
}

/// That an agent meets somebody in a room; what it knows already stays as it is.
fn meeting(
    agent: AgentId,
    other: EntityId,
    name: Option<&str>,
    room: Room,
    now: UnixMillis,
) -> Vec<Fact> {
    let room_id = room.id;
    let name = name.map_or_else(|| unknown_name(other), str::to_owned);
    let joined = |entity_id| {
        Fact::Joined(Participant {
            agent_id: agent,
            room_id,
            entity_id,
            state: None,
            created_at: now,
        })
    };
    vec![
        Fact::EntityMet(Box::new(Entity {
            id: other,
            agent_id: agent,
            names: vec![name],
            metadata: Map::new(),
            created_at: now,
        })),
        Fact::RoomMet(Box::new(room)),
        joined(other),
        joined(agent.into()),
    ]
}

/// What elizaOS calls somebody whose name it does not know.
fn unknown_name(entity: EntityId) -> String {
    format!("User-{}", entity.to_string().get(..8).unwrap_or_default())
}

/// The room that `agent` has for its letters with `other`.
pub(crate) fn shared_room(agent: AgentId, other: AgentId, now: UnixMillis) -> Room {
    let channel = ids::derived(&format!("letters:{}:{}", agent.min(other), agent.max(other)));
    Room {
        id: RoomId(ids::seen_by(agent, &channel.to_string())),
        agent_id: agent,
        name: format!("Letters with {other}"),
        channel_id: Some(channel.to_string()),
        message_server_id: None,
        world_id: None,
        kind: "DM".to_owned(),
        source: "agent".to_owned(),
        metadata: None,
        created_at: now,
    }
}

/// The reply to an agent's letter, on its way back: filed with the asker in the same commit as it
/// is made, so that neither is ever without the other.
pub(super) fn answer(letter: &Letter, asker: AgentId, said: &Memory, now: UnixMillis) -> Vec<Fact> {
    let room = shared_room(asker, letter.to, now);
    let id = MemoryId::new();
    let memory = Memory {
        id,
        agent_id: asker,
        room_id: room.id,
        entity_id: letter.to.into(),
        ..said.clone()
    };
    let reply = Letter {
        id: LetterId(id.0),
        to: asker,
        from: letter.to.into(),
        from_agent: Some(letter.to),
        room_id: room.id,
        memory_id: id,
        content: said.content.clone(),
        expects_reply: false,
        may_be_ignored: false,
        heard: None,
        askers: Vec::new(),
        in_reply_to: Some(letter.id),
        status: LetterStatus::Answered,
        attempts: 0,
        sent_at: now,
    };
    let data = json!({
        "letterId": reply.id, "from": reply.from, "roomId": room.id, "inReplyTo": letter.id,
    });
    let event = Journal { agent: asker, now }.event(EventKind::LetterReceived, data);
    let mut facts = meeting(asker, letter.to.into(), None, room, now);
    facts.extend([Fact::LetterSent(Box::new(reply)), Fact::Remembered(Box::new(memory)), event]);
    facts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_agents_share_one_channel_and_have_a_room_each() {
        let (a, b) = (AgentId::new(), AgentId::new());
        let (ours, theirs) = (shared_room(a, b, UnixMillis(0)), shared_room(b, a, UnixMillis(0)));
        assert_eq!(ours.channel_id, theirs.channel_id);
        assert_ne!(ours.id, theirs.id);
    }

    #[test]
    fn nameless_people_are_called_as_elizaos_calls_them() {
        let id: EntityId = "aaaaaaaa-0021-4000-8000-000000000021".parse().unwrap();
        assert_eq!(unknown_name(id), "User-aaaaaaaa");
    }
}
