//! What an agent does beside its conversation: letters that know nothing of what was said before, some
//! of them at the same time, the others in turn.
//!
//! The store has those that wait; here is their order, once it was asked. A letter in flight waits no
//! more as far as is known here, though for the store it does until it is settled.

use std::collections::VecDeque;
use std::sync::Arc;

use actix::prelude::*;

use super::Agent;
use super::delivery::{Delivered, Delivery};
use super::errand::Flight;
use super::letters::{Filed, given_up};
use super::run::{Landing, Occasion, RESUMABLE_MAX};
use crate::error::{CoreError, ModelError};
use crate::facts::Fact;
use crate::ids::{AgentId, LetterId, RunId};
use crate::letters::{LetterStatus, TaskBounds};
use crate::lifecycle::Command;
use crate::runs::{Run, RunKind, RunStatus};
use crate::runtime::Runtime;
use crate::vitals::Counters;

/// Letters that are asked for when it is not known which wait: all that can.
const KNOWN_MAX: u32 = 1_024;

/// What an agent does beside its conversation, and what waits for that.
#[derive(Default)]
pub(super) struct Beside {
    flights: Vec<Flight>,
    /// Those that wait, in their order.
    waiting: VecDeque<LetterId>,
    /// Whether these are not all, since the store was not asked.
    is_unknown: bool,
    /// Letters on their way to the store.
    filing: usize,
    /// Whether parked runs may go on, as far as is known here.
    has_resumable: bool,
    /// Whether it is being looked what is to be begun.
    is_looking: bool,
    /// Whether something failed that is tried again a little later.
    is_resting: bool,
}

/// How runs beside the conversation are cut off.
pub(super) struct Cut<'a> {
    pub(super) status: RunStatus,
    pub(super) reason: &'a str,
    /// How their letters are settled; absent: they wait again.
    pub(super) settles: Option<LetterStatus>,
}

/// What is to be begun.
struct Looked {
    bounds: TaskBounds,
    /// Those that wait, if that was asked.
    waiting: Vec<LetterId>,
    /// Parked runs that may go on, and their letters.
    parked: VecDeque<(LetterId, RunId)>,
}

impl Beside {
    /// What is known of an agent that comes up.
    pub(super) fn seeded(has_tasks: bool, has_resumable: bool) -> Option<Box<Self>> {
        let seeded = Self { is_unknown: has_tasks, has_resumable, ..Self::default() };
        (has_tasks || has_resumable).then(|| Box::new(seeded))
    }

    fn has_work(&self) -> bool {
        self.is_unknown || self.has_resumable || !self.waiting.is_empty()
    }

    fn is_idle(&self) -> bool {
        !self.has_work() && self.flights.is_empty() && self.filing == 0 && !self.is_looking
    }

    /// What waits is this, as the store has it, if it was not known before.
    fn know(&mut self, waiting: Vec<LetterId>) {
        if std::mem::take(&mut self.is_unknown) {
            let is_in_flight =
                |letter| self.flights.iter().any(|flight| flight.beside == Some(letter));
            self.waiting = waiting.into_iter().filter(|letter| !is_in_flight(*letter)).collect();
        }
    }

    fn take(&mut self, run: RunId) -> Option<Flight> {
        let place = self.flights.iter().position(|flight| flight.run == run)?;
        Some(self.flights.remove(place))
    }

    /// How many are in flight, or will be as soon as there is room.
    fn in_hand(&self) -> u32 {
        let in_hand = self.flights.len() + self.waiting.len() + self.filing;
        u32::try_from(in_hand).unwrap_or(u32::MAX)
    }
}

impl Agent {
    /// Takes a letter that is dealt with beside the conversation.
    pub(super) fn take_beside(
        &mut self,
        delivery: Delivery,
    ) -> ResponseActFuture<Self, Result<Delivered, CoreError>> {
        let is_unknown = self.beside.as_ref().is_some_and(|beside| beside.is_unknown);
        let looked = look(Arc::clone(&self.runtime), self.id, is_unknown, false);
        Box::pin(looked.into_actor(self).then(move |looked, agent, _| {
            match looked.and_then(|looked| agent.file_beside(delivery, looked)) {
                Ok((filed, ahead)) => agent.commit_beside(filed, ahead),
                Err(refused) => {
                    agent.tidy_beside();
                    Box::pin(fut::err(refused))
                }
            }
        }))
    }

    fn file_beside(
        &mut self,
        delivery: Delivery,
        Looked { bounds, waiting, .. }: Looked,
    ) -> Result<(Filed, u32), CoreError> {
        self.accepts(&delivery)?;
        let id = self.id;
        let beside = self.besides();
        beside.know(waiting);
        let ahead = (beside.in_hand() + 1).saturating_sub(bounds.parallel_max);
        let most = delivery.waiting_max.unwrap_or(u32::MAX).min(bounds.waiting_max);
        let most = if delivery.refuse_unless_at_once { 0 } else { most };
        if ahead > most {
            return Err(CoreError::AtCapacity { id, waiting: ahead.saturating_sub(1) });
        }
        beside.filing += 1;
        Ok((self.file(delivery), ahead))
    }

    fn commit_beside(
        &mut self,
        filed: Filed,
        ahead: u32,
    ) -> ResponseActFuture<Self, Result<Delivered, CoreError>> {
        let Filed { letter, memory, reply, wait_max, facts } = filed;
        let committed = self.runtime.commit(facts).into_actor(self);
        Box::pin(committed.map(move |committed, agent, ctx| {
            let beside = agent.besides();
            beside.filing = beside.filing.saturating_sub(1);
            if let Err(error) = committed {
                agent.forget_waiter(letter);
                agent.tidy_beside();
                return Err(error.into());
            }
            beside.waiting.push_back(letter);
            agent.has_news = true;
            agent.next_beside(ctx);
            agent.bound_wait(letter, wait_max, ctx);
            Ok(Delivered { letter_id: letter, memory, ahead, reply })
        }))
    }

    /// Begins what waits, as far as there is room.
    pub(super) fn next_beside(&mut self, ctx: &mut Context<Self>) {
        self.tidy_beside();
        let may_begin = self.may_begin();
        let (id, runtime) = (self.id, Arc::clone(&self.runtime));
        let Some(beside) = &mut self.beside else { return };
        if !may_begin || beside.is_looking || beside.is_resting || !beside.has_work() {
            return;
        }
        beside.is_looking = true;
        let resumes = std::mem::take(&mut beside.has_resumable);
        let looked = look(runtime, id, beside.is_unknown, resumes);
        ctx.spawn(looked.into_actor(self).map(move |looked, agent, ctx| {
            agent.besides().is_looking = false;
            match looked {
                Ok(looked) => agent.begin_beside(looked, ctx),
                Err(error) => {
                    tracing::error!(agent = %agent.id, %error, "what waits is not known");
                    let beside = agent.besides();
                    beside.has_resumable |= resumes;
                    beside.is_resting = true;
                    agent.retry_later(ctx);
                }
            }
        }));
    }

    fn begin_beside(&mut self, looked: Looked, ctx: &mut Context<Self>) {
        let Looked { bounds, waiting, mut parked } = looked;
        let may_begin = self.may_begin();
        let beside = self.besides();
        beside.know(waiting);
        parked.retain(|(letter, _)| {
            beside.flights.iter().all(|flight| flight.beside != Some(*letter))
        });
        let told_meanwhile = beside.has_resumable;
        beside.has_resumable |= !parked.is_empty();
        if !may_begin {
            return;
        }
        let parallel_max = usize::try_from(bounds.parallel_max).unwrap_or(usize::MAX);
        while self.besides().flights.len() < parallel_max {
            let beside = self.besides();
            let next = match parked.pop_front() {
                Some((letter, run)) => Some((letter, Some(run))),
                None => beside.waiting.pop_front().map(|letter| (letter, None)),
            };
            let Some((letter, parked)) = next else { break };
            let flight = self.take_off(Occasion::Task { letter, parked }, false, ctx);
            self.besides().flights.push(flight);
        }
        let beside = self.besides();
        beside.has_resumable = told_meanwhile || !parked.is_empty();
        if told_meanwhile && beside.flights.len() < parallel_max {
            self.next_beside(ctx);
        } else {
            self.tidy_beside();
        }
    }

    /// A call was allowed or denied: a parked run may go on.
    pub(super) fn resume_beside(&mut self, ctx: &mut Context<Self>) {
        self.besides().has_resumable = true;
        self.next_beside(ctx);
    }

    /// Begins again what has rested after a failure.
    pub(super) fn tries_again_beside(&mut self, ctx: &mut Context<Self>) {
        if let Some(beside) = &mut self.beside {
            beside.is_resting = false;
            self.next_beside(ctx);
        }
    }

    /// After a crash: what waits is asked anew, and what is on its way to the store lands.
    pub(super) fn rebuilt_beside(&mut self, has_tasks: bool, has_resumable: bool) {
        let before = self.beside.take();
        self.beside = Beside::seeded(has_tasks, has_resumable);
        if let Some(before) = before.filter(|before| !before.flights.is_empty()) {
            self.besides().flights = before.flights;
        }
    }

    /// All that is in flight.
    pub(super) fn flights(&self) -> impl Iterator<Item = &Flight> {
        let beside = self.beside.iter().flat_map(|beside| &beside.flights);
        self.flight.as_deref().into_iter().chain(beside)
    }

    pub(super) fn flights_mut(&mut self) -> impl Iterator<Item = &mut Flight> {
        let beside = self.beside.iter_mut().flat_map(|beside| &mut beside.flights);
        self.flight.as_deref_mut().into_iter().chain(beside)
    }

    pub(super) fn is_in_flight_beside(&self, run: RunId) -> bool {
        self.beside.iter().flat_map(|beside| &beside.flights).any(|flight| flight.run == run)
    }

    /// A letter does not wait any more.
    pub(super) fn waits_no_more(&mut self, letter: LetterId, is_beside: bool) {
        if !is_beside {
            self.letters_waiting = self.letters_waiting.saturating_sub(1);
        } else if let Some(beside) = &mut self.beside {
            beside.waiting.retain(|waiting| *waiting != letter);
        }
    }

    /// Cuts off what is beside the conversation at an operator's command: what was begun is over with a
    /// stop, and waits again with a pause.
    pub(super) fn end_beside(
        &mut self,
        command: Command,
        reason: &str,
        goes: impl Fn(&Flight) -> bool,
    ) -> Vec<Fact> {
        let settles = (command != Command::Pause).then_some(LetterStatus::Cancelled);
        let cut = Cut { status: RunStatus::Cancelled, reason, settles };
        self.cut_beside(goes, &cut)
    }

    /// Cuts off those of the runs beside the conversation, and says how they ended and what becomes of
    /// their letters. Those whose end is on its way to the store stay. A letter whose run was not begun
    /// waits again in any case.
    pub(super) fn cut_beside(
        &mut self,
        goes: impl Fn(&Flight) -> bool,
        cut: &Cut<'_>,
    ) -> Vec<Fact> {
        let Some(beside) = &mut self.beside else { return Vec::new() };
        let goes = |flight: &mut Flight| !flight.progress.is_closing() && goes(flight);
        let gone: Vec<_> = beside.flights.extract_if(.., goes).collect();
        let mut facts = Vec::new();
        // From the last to the first, so that those that wait again do so in their order.
        for flight in gone.into_iter().rev() {
            facts.extend(self.cut_one_beside(flight, cut));
        }
        facts
    }

    fn cut_one_beside(&mut self, flight: Flight, cut: &Cut<'_>) -> Vec<Fact> {
        let Cut { status, reason, settles } = *cut;
        self.has_news = true;
        Counters::add(&self.runtime.counters.runs_failed, 1);
        let mut facts = self.end_of(&flight, status, reason);
        let Some(letter) = flight.beside else { return facts };
        match settles {
            Some(settled) if flight.progress.has_begun() => {
                facts.extend(given_up(&self.journal(), letter, settled, reason));
                let error = match status {
                    RunStatus::TimedOut => {
                        let still = self.runtime.now().since(flight.progress.moved_at());
                        CoreError::Model(ModelError::TimedOut(still))
                    }
                    _ => CoreError::Cancelled(reason.to_owned()),
                };
                self.tell_waiter(letter, Err(error));
            }
            _ => self.waits_again(&flight),
        }
        facts
    }

    /// The letter of a run that was cut off waits again, or is still set aside with its parked run.
    fn waits_again(&mut self, flight: &Flight) {
        let beside = self.besides();
        if flight.is_resumption && !flight.progress.has_begun() {
            beside.has_resumable = true;
        } else if let (Some(letter), false) = (flight.beside, beside.is_unknown) {
            beside.waiting.push_front(letter);
        }
    }

    /// A run beside the conversation is over.
    pub(super) fn landed_beside(&mut self, run: RunId, landing: Landing, ctx: &mut Context<Self>) {
        let Some(flight) = self.besides().take(run) else { return };
        let Some(letter) = flight.beside else { return };
        // First, so that nothing else is begun.
        self.rest(landing.error.as_ref(), ctx);
        self.goal_work = self.goal_work.woken();
        self.has_news |= landing.status.is_some();
        let counters = &self.runtime.counters;
        match (landing.error, landing.parked) {
            (Some(error), _) => {
                Counters::add(&counters.runs_failed, 1);
                tracing::warn!(agent = %self.id, %error, "a task failed");
                if landing.is_given_up {
                    self.tell_waiter(letter, Err(error));
                } else if self.is_awaited(letter) {
                    self.give_up_beside(letter, error, ctx);
                } else {
                    self.waits_again(&flight);
                    self.besides().is_resting = true;
                    self.retry_later(ctx);
                }
            }
            (None, Some(approval)) => self.tell_waiter(letter, Err(CoreError::Parked(approval))),
            (None, None) if landing.status.is_some() => {
                Counters::add(&counters.runs_completed, 1);
                self.crashes_in_a_row = 0;
                self.tell_waiter(letter, Ok(landing.said));
            }
            // It was settled meanwhile, by somebody who has told whoever waits.
            (None, None) => {}
        }
        drop(flight);
        self.next_beside(ctx);
    }

    /// With somebody who waits for the reply, a failure is final.
    fn give_up_beside(&mut self, letter: LetterId, error: CoreError, ctx: &mut Context<Self>) {
        let reason = error.to_string();
        let facts = given_up(&self.journal(), letter, LetterStatus::Dead, &reason);
        let settled = self.runtime.commit(facts.into());
        ctx.spawn(settled.into_actor(self).map(move |settled, agent, _| {
            if let Err(error) = settled {
                tracing::error!(agent = %agent.id, %error, "a dead letter is not recorded");
            }
            agent.tell_waiter(letter, Err(error));
        }));
    }

    /// Records that the fleet was halted or the host goes down, for one run.
    pub(super) fn cut_from_outside_beside(&mut self, run: RunId, ctx: &mut Context<Self>) {
        let (status, reason) = self.outside_reason();
        let cancelled = CoreError::Cancelled(reason.to_owned());
        let Some(flight) = self.besides().take(run) else { return };
        self.has_news = true;
        Counters::add(&self.runtime.counters.runs_failed, 1);
        let mut facts = self.end_of(&flight, status, reason);
        match (flight.progress.closing_letter(), flight.beside) {
            (Some(letter), _) => self.tell_waiter(letter, Err(cancelled.clone())),
            (None, Some(letter)) if self.is_awaited(letter) => {
                facts.extend(self.dismiss_waiter(letter, &cancelled));
            }
            (None, _) => self.waits_again(&flight),
        }
        facts.extend(self.dismiss_waiters(&cancelled));
        self.dismiss_askers(&cancelled);
        self.record_end(flight, facts, ctx);
    }

    fn besides(&mut self) -> &mut Beside {
        self.beside.get_or_insert_default()
    }

    /// An agent with nothing to do beside its conversation holds nothing for it.
    fn tidy_beside(&mut self) {
        if self.beside.as_ref().is_some_and(|beside| beside.is_idle()) {
            self.beside = None;
        }
    }
}

/// Finds out what is to be begun, as far as that is asked.
async fn look(
    runtime: Arc<Runtime>,
    agent: AgentId,
    is_unknown: bool,
    resumes: bool,
) -> Result<Looked, CoreError> {
    let record = runtime.record(agent).await?;
    let store = &runtime.ports.store;
    let waiting = match is_unknown {
        true => store.waiting_beside(agent, KNOWN_MAX).await?,
        false => Vec::new(),
    };
    let parked = match resumes {
        true => store.resumable_runs(agent, RESUMABLE_MAX).await?,
        false => Vec::new(),
    };
    let of_task = |run: Run| Some((run.letter_id.filter(|_| run.kind == RunKind::Job)?, run.id));
    Ok(Looked {
        bounds: TaskBounds::of(&record.character),
        waiting: waiting.into_iter().map(|letter| letter.id).collect(),
        parked: parked.into_iter().filter_map(of_task).collect(),
    })
}
