//! Letters: how messages come to an agent, and how its replies come back.
//!
//! A letter is durable before its sender is told so. It waits while the agent is paused or stopped,
//! and outlives crashes and restarts; what cannot be dealt with becomes a dead letter that is seen.

use std::sync::Arc;
use std::time::Duration;

use actix::prelude::*;
use serde_json::json;
use tokio::sync::oneshot;

use super::correspondence::meeting;
use super::delivery::{Delivered, Delivery, Reply};
use super::journal::Journal;
use super::run::Occasion;
use super::{Agent, hearing};
use crate::error::CoreError;
use crate::facts::{EventKind, Fact};
use crate::ids::{ApprovalId, LetterId, MemoryId, RoomId};
use crate::letters::{DoubleTexting, Heard, Letter, LetterEnd, LetterStatus, Settled};
use crate::records::{MESSAGES, Memory, Room, World};
use crate::runs::RunStatus;
use crate::time::UnixMillis;

/// Somebody who waits for the reply to a letter.
pub(super) struct Waiter {
    pub(super) letter: LetterId,
    /// Where the letter was said, if others heard it.
    heard: Option<Heard>,
    is_beside: bool,
    reply: oneshot::Sender<Result<Option<Memory>, CoreError>>,
}

/// Why a letter is given up that was not begun in the time that it was given.
pub(super) const OVERDUE: &str = "it waited too long";

/// A letter that is on its way to the store.
pub(super) struct Filed {
    pub(super) letter: LetterId,
    pub(super) memory: Memory,
    pub(super) reply: Option<Reply>,
    pub(super) wait_max: Option<Duration>,
    pub(super) facts: Vec<Fact>,
}

impl Handler<Delivery> for Agent {
    type Result = ResponseActFuture<Self, Result<Delivered, CoreError>>;

    fn handle(&mut self, delivery: Delivery, _: &mut Context<Self>) -> Self::Result {
        if delivery.terms.as_ref().is_some_and(|terms| terms.is_beside) {
            return self.take_beside(delivery);
        }
        if let Err(refused) = self.accepts(&delivery).and_then(|()| self.has_room(&delivery)) {
            return Box::pin(fut::err(refused));
        }
        let interrupts = delivery.double_texting == DoubleTexting::Interrupt;
        let room = delivery.room.id;
        let Filed { letter, memory, reply, wait_max, facts } = self.file(delivery);
        let ahead = self.letters_waiting;
        self.letters_waiting = self.letters_waiting.saturating_add(1);
        let committed = self.runtime.commit(facts);
        Box::pin(committed.into_actor(self).map(move |committed, agent, ctx| {
            if let Err(error) = committed {
                agent.forget_waiter(letter);
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
            agent.bound_wait(letter, wait_max, ctx);
            Ok(Delivered { letter_id: letter, memory, ahead, reply })
        }))
    }
}

impl Agent {
    pub(super) fn accepts(&mut self, delivery: &Delivery) -> Result<(), CoreError> {
        if let Some(terms) = &delivery.terms {
            terms.check()?;
        }
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
        Ok(())
    }

    /// Whether the conversation takes another letter.
    fn has_room(&self, delivery: &Delivery) -> Result<(), CoreError> {
        if self.letters_waiting >= self.runtime.settings.letters_waiting_max {
            return Err(CoreError::Overloaded);
        }
        // One of them is dealt with, or about to be.
        let waiting = self.letters_waiting.saturating_sub(1);
        if delivery.waiting_max.is_some_and(|most| self.letters_waiting > most) {
            return Err(CoreError::AtCapacity { id: self.id, waiting });
        }
        Ok(())
    }

    /// The letter that is being answered, its room and where it was heard.
    pub(super) fn answering(&self) -> Option<(LetterId, RoomId, Option<Heard>)> {
        self.flight.as_ref()?.progress.answering()
    }

    /// Has what was said before in the room of a new letter answered with it: cuts off the reply in
    /// flight there, and settles what waits, as all of it is in the prompt of the next run. Whoever
    /// waits for a reply of its own hears that there is none.
    fn interrupt(&mut self, by: LetterId, room: RoomId, ctx: &mut Context<Self>) {
        if self.is_changing || !self.is_running() || self.letters_waiting < 2 {
            return;
        }
        let is_of_before = move |letter, in_room| letter != by && in_room == room;
        let (status, reason) = (RunStatus::Cancelled, "more was said meanwhile");
        let mut facts = match self.answering() {
            Some((letter, in_room, _)) if is_of_before(letter, in_room) => self.cut(status, reason),
            _ => Vec::new(),
        };
        self.holds_on(reason);
        let closing = self.flight.as_ref().and_then(|flight| flight.progress.closing_letter());
        let (id, runtime) = (self.id, Arc::clone(&self.runtime));
        let settled = async move {
            let (now, most) = (runtime.now(), runtime.settings.letters_waiting_max);
            let waiting = runtime.ports.store.waiting_letters(id, most).await;
            let waiting = waiting.unwrap_or_else(|error| {
                // Then they are answered by themselves.
                tracing::error!(agent = %id, %error, "what is interrupted cannot be found");
                Vec::new()
            });
            let place = waiting.iter().position(|letter| letter.id == by).unwrap_or(0);
            let before = waiting.into_iter().take(place).filter(|letter| {
                is_of_before(letter.id, letter.room_id)
                    && letter.terms.is_none()
                    && Some(letter.id) != closing
            });
            let mut letters = Vec::new();
            for letter in before {
                facts.push(answered(letter.id, None, now));
                facts.extend(letter.heard.map(|heard| hearing::done(heard, id, now)));
                letters.push(letter.id);
            }
            runtime.commit(facts).await.map(|_| letters)
        };
        ctx.wait(settled.into_actor(self).map(|settled, agent, ctx| {
            match settled {
                Ok(letters) => {
                    letters.into_iter().for_each(|letter| agent.letter_answered(letter, None));
                }
                Err(error) => {
                    tracing::error!(agent = %agent.id, %error, "an interruption is not recorded");
                }
            }
            agent.goes_on(ctx);
        }));
    }

    /// The letter, what the agent remembers of it, and all that is to be kept.
    pub(super) fn file(&mut self, delivery: Delivery) -> Filed {
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
            content: delivery.remembered.unwrap_or_else(|| delivery.content.clone()),
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
            content: delivery.content,
            expects_reply: delivery.expects_reply,
            may_be_ignored: delivery.may_be_ignored,
            heard: delivery.heard,
            askers: delivery.askers,
            in_reply_to: None,
            status: LetterStatus::Waiting,
            attempts: 0,
            sent_at: now,
            terms: delivery.terms,
            settled: None,
        };
        let reply = letter.expects_reply.then(|| {
            // Before the letter can be seen: it may be answered before this handler goes on.
            let (reply, answer) = oneshot::channel();
            let (is_beside, heard) = (letter.is_beside(), letter.heard);
            self.waiters.push(Waiter { letter: letter.id, heard, is_beside, reply });
            Reply { answer, agent: self.id }
        });
        let wait_max = letter.terms.as_ref().and_then(|terms| terms.wait_max());
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
        Filed { letter: letter_id, memory, reply, wait_max, facts }
    }

    /// Takes up what waits, if something waits and the agent is free: a parked run that may go on
    /// before the letter that waits longest, since somebody has answered just now.
    pub(super) fn next_letter(&mut self, ctx: &mut Context<Self>) {
        self.resume_parked(false, ctx);
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

    /// A letter was set aside with its run: whoever waits hears that it takes a person's yes.
    pub(super) fn letter_parked(&mut self, letter: LetterId, approval: ApprovalId) {
        self.letters_waiting = self.letters_waiting.saturating_sub(1);
        self.tell_waiter(letter, Err(CoreError::Parked(approval)));
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
        if !self.is_awaited(letter) {
            return;
        }
        self.letters_waiting = self.letters_waiting.saturating_sub(1);
        let reason = error.to_string();
        let mut facts = Vec::from(given_up(&self.journal(), letter, LetterStatus::Dead, &reason));
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

    /// A letter that somebody was to wait for was not kept.
    pub(super) fn forget_waiter(&mut self, letter: LetterId) {
        self.waiters.retain(|waiter| waiter.letter != letter);
    }

    /// Whether somebody waits for the reply to a letter.
    pub(super) fn is_awaited(&self, letter: LetterId) -> bool {
        self.waiters.iter().any(|waiter| waiter.letter == letter && !waiter.reply.is_closed())
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
    /// whoever waits for an answer that is on its way to the store waits on.
    pub(super) fn dismiss_waiters(&mut self, error: &CoreError) -> Vec<Fact> {
        let closing = self.flights().filter_map(|it| it.progress.closing_letter()).collect();
        self.dismiss_waiters_but(closing, error)
    }

    /// The same, but for whoever waits for the reply to one of these letters.
    pub(super) fn dismiss_waiters_but(
        &mut self,
        spared: Vec<LetterId>,
        error: &CoreError,
    ) -> Vec<Fact> {
        let waiters = self.waiters.iter().map(|waiter| waiter.letter);
        let letters: Vec<_> = waiters.filter(|letter| !spared.contains(letter)).collect();
        letters.into_iter().flat_map(|letter| self.dismiss_waiter(letter, error)).collect()
    }

    /// The same for whoever waits for the reply to one letter.
    pub(super) fn dismiss_waiter(&mut self, letter: LetterId, error: &CoreError) -> Vec<Fact> {
        let Some(place) = self.waiters.iter().position(|waiter| waiter.letter == letter) else {
            return Vec::new();
        };
        let Waiter { heard, is_beside, reply, .. } = self.waiters.swap_remove(place);
        if reply.send(Err(error.clone())).is_err() {
            // Nobody waits any more, so that the letter may be answered later.
            return Vec::new();
        }
        self.waits_no_more(letter, is_beside);
        let (journal, reason) = (self.journal(), error.to_string());
        let failed = heard.map(|heard| hearing::failed(heard, self.id, &reason, journal.now));
        let given_up = given_up(&journal, letter, LetterStatus::Dead, &reason);
        given_up.into_iter().chain(failed).collect()
    }
}

/// That a letter is not tried again: given up, or called off.
pub(super) fn given_up(
    journal: &Journal,
    id: LetterId,
    status: LetterStatus,
    reason: &str,
) -> [Fact; 2] {
    let data = json!({"letterId": id, "reason": reason, "status": status});
    let settled = Settled { at: journal.now, reason: Some(reason.to_owned()), reply: None };
    [
        Fact::LetterSettled(Box::new(LetterEnd { id, status, settled })),
        journal.event(EventKind::LetterDead, data),
    ]
}

/// That a letter was dealt with, and what was said to it.
pub(super) fn answered(id: LetterId, reply: Option<MemoryId>, at: UnixMillis) -> Fact {
    let settled = Settled { at, reason: None, reply };
    Fact::LetterSettled(Box::new(LetterEnd { id, status: LetterStatus::Answered, settled }))
}
