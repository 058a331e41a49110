//! Letters that are called off before they are dealt with, or while they are; and those that were given
//! a time to wait, which is over.

use std::sync::Arc;
use std::time::Duration;

use actix::prelude::*;
use serde_json::json;

use super::Agent;
use super::beside::Cut;
use super::firing::settled;
use super::letters::{OVERDUE, given_up};
use super::{Journal, hearing};
use crate::approvals::{ApprovalEnd, ApprovalStatus};
use crate::error::CoreError;
use crate::facts::{EventKind, Fact};
use crate::ids::{AgentId, FiringId, LetterId};
use crate::letters::{Letter, LetterStatus};
use crate::ports::{ApprovalQuery, RunQuery};
use crate::runs::RunStatus;
use crate::runtime::Runtime;
use crate::triggers::FiringStatus;

/// Letters of each sort that are looked at to be called off.
const WAITING_MAX: u32 = 1_024;

/// Calls a letter off, in every state of the agent: its run is cut off if it is in flight, and it is not
/// dealt with any more; answers with what that came to, once it is durable.
///
/// Whoever waits for the reply hears [`CoreError::Cancelled`]. Fails with [`CoreError::NotFound`] if the
/// agent has no such letter, and with [`CoreError::Store`].
#[derive(Clone, Debug, Message)]
#[rtype(result = "Result<CalledOff, CoreError>")]
pub struct CallOff {
    /// Which letter.
    pub letter: LetterId,
    /// Why, in words for whoever looks at it later.
    pub reason: String,
}

/// What calling a letter off came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CalledOff {
    /// Its run was in flight, and was cut off.
    CutOff,
    /// It waited, or was set aside, and is not dealt with any more.
    BeforeItsTurn,
    /// It was settled already, or is just being: nothing happened.
    Over(LetterStatus),
}

/// Calls off all letters that wait and were not begun; answers with how many these were, once that is
/// durable.
///
/// What is in flight or set aside goes on. Fails with [`CoreError::Store`].
#[derive(Clone, Debug, Message)]
#[rtype(result = "Result<u64, CoreError>")]
pub struct CallOffWaiting {
    /// Whether those for the conversation are called off.
    pub conversation: bool,
    /// Whether those beside it are.
    pub beside: bool,
    /// Why, in words for whoever looks at them later.
    pub reason: String,
}

impl Handler<CallOff> for Agent {
    type Result = AtomicResponse<Self, Result<CalledOff, CoreError>>;

    fn handle(
        &mut self,
        CallOff { letter, reason }: CallOff,
        _: &mut Context<Self>,
    ) -> Self::Result {
        if self.flights().any(|flight| flight.progress.closing_letter() == Some(letter)) {
            return AtomicResponse::new(Box::pin(fut::ok(CalledOff::Over(LetterStatus::Answered))));
        }
        let begun = self.cut_letter(letter, &reason);
        self.holds_on(&reason);
        let (runtime, journal) = (Arc::clone(&self.runtime), self.journal());
        let done = async move {
            if !begun.is_empty() {
                runtime.commit(begun).await?;
                return Ok((CalledOff::CutOff, None));
            }
            let found = runtime.ports.store.letter(letter).await?;
            let found = found.filter(|found| found.to == journal.agent);
            let letter = found.ok_or(CoreError::NotFound { what: "letter", id: letter.0 })?;
            let facts = match letter.status {
                LetterStatus::Waiting => {
                    called_off(&journal, &letter, LetterStatus::Cancelled, &reason)
                }
                LetterStatus::Parked => {
                    parked_called_off(&runtime, &journal, &letter, &reason).await?
                }
                status => return Ok((CalledOff::Over(status), None)),
            };
            runtime.commit(facts).await?;
            Ok((CalledOff::BeforeItsTurn, Some((letter, reason))))
        };
        AtomicResponse::new(Box::pin(done.into_actor(self).map(
            |done: Result<_, CoreError>, agent: &mut Self, ctx| {
                let done = done.map(|(outcome, waited): (_, Option<(Letter, String)>)| {
                    if let Some((letter, reason)) = waited {
                        agent.was_called_off(&letter, &reason);
                    }
                    outcome
                });
                agent.goes_on(ctx);
                done
            },
        )))
    }
}

/// Calls a firing of a trigger off, in every state of the agent: its run is cut off if it is in flight,
/// and nothing more comes of it; answers with what that came to, once it is durable.
///
/// Fails with [`CoreError::NotFound`] if the agent has no such firing, and with [`CoreError::Store`].
#[derive(Clone, Debug, Message)]
#[rtype(result = "Result<CalledOff, CoreError>")]
pub struct CallOffFiring {
    /// Which firing.
    pub firing: FiringId,
    /// Why, in words for whoever looks at it later.
    pub reason: String,
}

impl Handler<CallOffFiring> for Agent {
    type Result = AtomicResponse<Self, Result<CalledOff, CoreError>>;

    fn handle(&mut self, wanted: CallOffFiring, _: &mut Context<Self>) -> Self::Result {
        let CallOffFiring { firing: id, reason } = wanted;
        let cut = self.cut_firings(&[id], &reason);
        self.holds_on(&reason);
        let (runtime, journal) = (Arc::clone(&self.runtime), self.journal());
        let done = async move {
            if !cut.is_empty() {
                runtime.commit(cut).await?;
                return Ok(CalledOff::CutOff);
            }
            let found = runtime.ports.store.firing(journal.agent, id).await?;
            let firing = found.ok_or(CoreError::NotFound { what: "firing", id: id.0 })?;
            if !firing.status.is_open() {
                return Ok(CalledOff::Over(LetterStatus::Answered));
            }
            let end = (FiringStatus::Skipped, Some(reason.as_str()));
            runtime.commit(settled(&journal, id, Some(firing.trigger_id), end).into()).await?;
            Ok(CalledOff::BeforeItsTurn)
        };
        AtomicResponse::new(Box::pin(done.into_actor(self).map(|done, agent: &mut Self, ctx| {
            agent.goes_on(ctx);
            done
        })))
    }
}

impl Handler<CallOffWaiting> for Agent {
    type Result = AtomicResponse<Self, Result<u64, CoreError>>;

    fn handle(&mut self, wanted: CallOffWaiting, _: &mut Context<Self>) -> Self::Result {
        let CallOffWaiting { conversation, beside, reason } = wanted;
        self.holds_on(&reason);
        let in_flight: Vec<_> = self.flights().filter_map(|it| it.progress.letter()).collect();
        let (runtime, journal) = (Arc::clone(&self.runtime), self.journal());
        let called_off = async move {
            let store = &runtime.ports.store;
            let mut letters = Vec::new();
            if conversation {
                letters.extend(store.waiting_letters(journal.agent, WAITING_MAX).await?);
            }
            if beside {
                letters.extend(store.waiting_beside(journal.agent, WAITING_MAX).await?);
            }
            letters.retain(|letter| !in_flight.contains(&letter.id));
            let facts = letters
                .iter()
                .flat_map(|letter| called_off(&journal, letter, LetterStatus::Cancelled, &reason));
            runtime.commit(facts.collect()).await?;
            Ok((letters, reason))
        };
        let called_off = called_off.into_actor(self);
        AtomicResponse::new(Box::pin(called_off.map(
            |done: Result<_, CoreError>, agent: &mut Self, ctx| {
                let done = done.map(|(letters, reason): (Vec<Letter>, String)| {
                    for letter in &letters {
                        agent.was_called_off(letter, &reason);
                    }
                    u64::try_from(letters.len()).unwrap_or(u64::MAX)
                });
                agent.goes_on(ctx);
                done
            },
        )))
    }
}

impl Agent {
    /// Cuts off the run that deals with a letter, if one does; nothing if none has begun.
    fn cut_letter(&mut self, letter: LetterId, reason: &str) -> Vec<Fact> {
        let status = RunStatus::Cancelled;
        if self.flight.as_ref().is_some_and(|flight| flight.progress.letter() == Some(letter)) {
            let (heard, now) = (self.answering().and_then(|(.., heard)| heard), self.runtime.now());
            let mut facts = self.cut(status, reason);
            facts.extend(heard.map(|heard| hearing::failed(heard, self.id, reason, now)));
            self.waits_no_more(letter, false);
            facts.extend(given_up(&self.journal(), letter, LetterStatus::Cancelled, reason));
            self.tell_waiter(letter, Err(CoreError::Cancelled(reason.to_owned())));
            return facts;
        }
        let cut = Cut { status, reason, settles: Some(LetterStatus::Cancelled) };
        self.cut_beside(|flight| flight.beside == Some(letter), &cut)
    }

    /// Begins nothing until [`goes_on`](Self::goes_on), and lets go of a run that looks for work and
    /// has not begun: it may have found one that is settled meanwhile.
    pub(super) fn holds_on(&mut self, reason: &str) {
        self.is_changing = true;
        let is_looking =
            |flight: &super::errand::Flight| flight.is_seeking && !flight.progress.has_begun();
        if self.flight.as_deref().is_some_and(is_looking) {
            drop(self.cut(RunStatus::Cancelled, reason));
        }
    }

    pub(super) fn goes_on(&mut self, ctx: &mut Context<Self>) {
        self.is_changing = false;
        self.next_letter(ctx);
        self.next_asked(ctx);
        self.next_beside(ctx);
    }

    /// A letter that was not in flight is not dealt with any more.
    fn was_called_off(&mut self, letter: &Letter, reason: &str) {
        if letter.status == LetterStatus::Waiting {
            self.waits_no_more(letter.id, letter.is_beside());
        }
        self.tell_waiter(letter.id, Err(CoreError::Cancelled(reason.to_owned())));
    }

    /// Gives a letter up that is not begun in the time that it was given.
    pub(super) fn bound_wait(
        &mut self,
        letter: LetterId,
        most: Option<Duration>,
        ctx: &mut Context<Self>,
    ) {
        let Some(most) = most else { return };
        let over = self.runtime.sleep(most).into_actor(self);
        ctx.spawn(over.map(move |(), agent, ctx| agent.wait_is_over(letter, ctx)));
    }

    fn wait_is_over(&mut self, letter: LetterId, ctx: &mut Context<Self>) {
        if self.flights().any(|flight| flight.progress.letter() == Some(letter)) {
            return;
        }
        let found = self.runtime.ports.store.letter(letter).into_actor(self);
        ctx.spawn(found.map(move |found, agent, ctx| {
            // If the store does not answer, a run that finds the letter gives it up.
            let Some(letter) = found.ok().flatten() else { return };
            let is_begun = agent.flights().any(|it| it.progress.letter() == Some(letter.id));
            match letter.status {
                LetterStatus::Waiting if !is_begun && letter.attempts == 0 && !agent.is_changing => {
                    agent.holds_on(OVERDUE);
                    let facts = called_off(&agent.journal(), &letter, LetterStatus::Dead, OVERDUE);
                    let committed = agent.runtime.commit(facts).into_actor(agent);
                    ctx.wait(committed.map(move |committed, agent, ctx| {
                        match committed {
                            Ok(_) => agent.was_called_off(&letter, OVERDUE),
                            // A run that finds the letter gives it up.
                            Err(error) => {
                                tracing::error!(agent = %agent.id, %error, "a dead letter is not recorded");
                            }
                        }
                        agent.goes_on(ctx);
                    }));
                }
                // A run that looked for something to do has found it so.
                LetterStatus::Dead => agent.was_called_off(&letter, OVERDUE),
                _ => {}
            }
        }));
    }
}

/// That a letter that waits is not dealt with any more, and what others hear of that.
fn called_off(journal: &Journal, letter: &Letter, status: LetterStatus, reason: &str) -> Vec<Fact> {
    let failed =
        letter.heard.map(|heard| hearing::failed(heard, journal.agent, reason, journal.now));
    given_up(journal, letter.id, status, reason).into_iter().chain(failed).collect()
}

/// The same for one that was set aside with its run, which ends, and what that has asked.
async fn parked_called_off(
    runtime: &Runtime,
    journal: &Journal,
    letter: &Letter,
    reason: &str,
) -> Result<Vec<Fact>, CoreError> {
    let store = &runtime.ports.store;
    let agent: AgentId = journal.agent;
    let parked = RunQuery {
        letter_id: Some(letter.id),
        statuses: vec![RunStatus::Parked],
        ..RunQuery::of(agent, 1)
    };
    let mut facts = Vec::new();
    if let Some(run) = store.runs(parked).await?.pop() {
        let asked = ApprovalQuery {
            run_ids: vec![run.id],
            ..ApprovalQuery::waiting(Some(agent), WAITING_MAX)
        };
        for approval in store.approvals(asked).await? {
            let (status, comment) = (ApprovalStatus::Denied, Some(reason.to_owned()));
            let data = json!({
                "approvalId": approval.id, "runId": run.id, "tool": approval.tool,
                "status": status, "comment": comment,
            });
            let end = ApprovalEnd { id: approval.id, status, at: journal.now, by: None, comment };
            facts.push(Fact::ApprovalDecided(Box::new(end)));
            facts.push(journal.event(EventKind::ApprovalDecided, data));
        }
        facts.push(Fact::RunResumed { agent_id: agent, run_id: run.id });
        let (status, usage) = (RunStatus::Cancelled, run.usage.clone());
        facts.extend(journal.run_ended(&run, status, Some(reason), journal.now, usage));
    }
    facts.push(Fact::LetterUnparked(letter.id));
    facts.extend(called_off(journal, letter, LetterStatus::Cancelled, reason));
    Ok(facts)
}
