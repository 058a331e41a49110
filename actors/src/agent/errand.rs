//! The run in flight, as the agent sees it: begun, cut off, landed.

use std::panic::resume_unwind;
use std::rc::Rc;
use std::sync::Arc;

use actix::prelude::*;
use tokio::task::{AbortHandle, JoinError};

use super::Agent;
use super::asked::Asker;
use super::run::{Errand, Landing, Occasion, Progress};
use crate::error::CoreError;
use crate::facts::Fact;
use crate::figures::metered;
use crate::ids::{LetterId, MemoryId, RunId};
use crate::liveness::handled;
use crate::runs::RunStatus;
use crate::runtime::Runtime;
use crate::vitals::Counters;

/// A run in flight. Dropped, it is cut off: no byte leaves the process for it any more.
pub(crate) struct Flight {
    pub(crate) run: RunId,
    pub(crate) progress: Rc<Progress>,
    /// Whoever asked for it, if it is not told by a letter.
    pub(super) asker: Option<Asker>,
    /// Whether it is a parked run that goes on.
    pub(super) is_resumption: bool,
    /// What cuts it off when its grace is over, if it was given one.
    pub(super) cutoff: Option<SpawnHandle>,
    is_for_firing: bool,
    /// Whether what it is about is for it to find.
    pub(super) is_seeking: bool,
    /// The letter that it deals with beside the conversation.
    pub(super) beside: Option<LetterId>,
    task: AbortHandle,
    runtime: Arc<Runtime>,
}

impl Flight {
    /// The run, which is another than was begun where a parked one goes on.
    pub(super) fn run_id(&self) -> RunId {
        self.progress.open_run().map_or(self.run, |run| run.id)
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        self.task.abort();
        self.runtime.landed(self.run);
    }
}

impl Agent {
    /// Whether runs may begin at all.
    pub(super) fn may_begin(&self) -> bool {
        self.is_running() && !self.is_changing && self.runtime.may_work().is_ok()
    }

    /// Whether a run may begin that is not beside another.
    pub(super) fn is_free(&self) -> bool {
        self.flight.is_none() && self.may_begin()
    }

    /// Begins a run, unless one is in flight or the agent must not work.
    pub(super) fn begin(&mut self, occasion: Occasion, is_tick: bool, ctx: &mut Context<Self>) {
        if !self.is_free() {
            return;
        }
        if matches!(occasion, Occasion::Reflection) {
            // What happens from now on is not in its prompt any more.
            self.has_news = false;
        }
        self.flight = Some(Box::new(self.take_off(occasion, is_tick, ctx)));
    }

    /// Begins a run, whatever is in flight.
    pub(super) fn take_off(
        &self,
        occasion: Occasion,
        is_tick: bool,
        ctx: &mut Context<Self>,
    ) -> Flight {
        let is_resumption = occasion.is_resumption();
        let beside = match occasion {
            Occasion::Task { letter, .. } => Some(letter),
            _ => None,
        };
        let is_seeking =
            matches!(occasion, Occasion::Letter | Occasion::Parked | Occasion::Firing { .. });
        let run = RunId::new();
        let is_for_firing = matches!(occasion, Occasion::Firing { .. });
        let progress = Rc::new(Progress::beginning(self.runtime.now()));
        let tally = self.runtime.tallies.of(self.id);
        let clock = Arc::clone(&self.runtime.ports.clock);
        let task = actix::spawn(handled::noting(
            self.id,
            metered(
                tally,
                clock,
                Errand {
                    runtime: Arc::clone(&self.runtime),
                    agent: self.id,
                    run,
                    said: MemoryId::new(),
                    occasion,
                    has_goals: self.goal_work.is_any(),
                    is_tick,
                    overrides: self.lifecycle.overrides.as_deref().cloned(),
                    progress: Rc::clone(&progress),
                }
                .carry_out(),
            ),
        ));
        self.runtime.took_off(run, self.id, beside, task.abort_handle());
        let runtime = Arc::clone(&self.runtime);
        let task_handle = task.abort_handle();
        let flight = Flight {
            run,
            progress,
            asker: None,
            is_resumption,
            cutoff: None,
            is_for_firing,
            is_seeking,
            beside,
            task: task_handle,
            runtime,
        };
        ctx.spawn(task.into_actor(self).map(move |landed, agent, ctx| {
            agent.landed(run, landed, ctx);
        }));
        flight
    }

    /// Cuts off the run in flight and says how it ended; nothing if there was none, or if its end is
    /// on its way to the store already.
    pub(super) fn cut(&mut self, status: RunStatus, reason: &str) -> Vec<Fact> {
        let Some(mut flight) = self.flight.take_if(|flight| !flight.progress.is_closing()) else {
            return Vec::new();
        };
        if let Some(asker) = flight.asker.take() {
            drop(asker.send(Err(CoreError::Cancelled(reason.to_owned()))));
        } else {
            self.has_news = true;
        }
        self.firings.now |= flight.is_for_firing;
        self.looks_again(&flight);
        Counters::add(&self.runtime.counters.runs_failed, 1);
        self.end_of(&flight, status, reason)
    }

    /// After a parked run that went on was cut off: it is parked still, or its letter waits again.
    fn looks_again(&mut self, flight: &Flight) {
        if flight.is_resumption {
            self.has_resumable = true;
            self.letters_waiting = self.letters_waiting.max(1);
        }
    }

    /// How a run that was cut off ended.
    pub(super) fn end_of(&self, flight: &Flight, status: RunStatus, reason: &str) -> Vec<Fact> {
        let Some(run) = flight.progress.open_run() else { return Vec::new() };
        let journal = self.journal();
        let usage = run.usage.clone();
        let mut facts =
            Vec::from(journal.run_ended(&run, status, Some(reason), journal.now, usage));
        facts.extend(self.firing_cut(&run, status, reason));
        facts
    }

    fn landed(&mut self, run: RunId, landed: Result<Landing, JoinError>, ctx: &mut Context<Self>) {
        let is_current = self.flight.as_ref().is_some_and(|flight| flight.run == run);
        let is_beside = self.is_in_flight_beside(run);
        match landed {
            Ok(landing) if is_beside => self.landed_beside(run, landing, ctx),
            Ok(landing) if is_current => {
                let asker = self.flight.take().and_then(|mut flight| flight.asker.take());
                // First, so that nothing else is begun.
                self.rest(landing.error.as_ref(), ctx);
                match asker {
                    Some(asker) => self.take_to(asker, landing, ctx),
                    None => self.take_in(landing, ctx),
                }
            }
            // The run's panic is the agent's: it counts against the restart intensity, and the agent
            // is rebuilt. `restarting` records how the run ended.
            Err(error) if error.is_panic() => resume_unwind(error.into_panic()),
            Err(_) if is_beside => self.cut_from_outside_beside(run, ctx),
            Err(_) if is_current => self.cut_from_outside(ctx),
            // Cut off by the agent itself, which has recorded it.
            Ok(_) | Err(_) => {}
        }
    }

    /// Why runs are cut off by nobody who asked the agent.
    pub(super) fn outside_reason(&self) -> (RunStatus, &'static str) {
        if self.runtime.is_draining() {
            (RunStatus::Interrupted, "the host went down")
        } else {
            (RunStatus::Cancelled, "the fleet was halted")
        }
    }

    /// Records that the fleet was halted or the host goes down.
    fn cut_from_outside(&mut self, ctx: &mut Context<Self>) {
        let (status, reason) = self.outside_reason();
        let cancelled = CoreError::Cancelled(reason.to_owned());
        // With the flight still here, so that a letter that is being answered is not given up.
        let dismissed = self.dismiss_waiters(&cancelled);
        self.dismiss_askers(&cancelled);
        let Some(mut flight) = self.flight.take() else { return };
        self.firings.now |= flight.is_for_firing;
        if let Some(asker) = flight.asker.take() {
            drop(asker.send(Err(cancelled.clone())));
        } else {
            self.has_news = true;
        }
        if let Some(letter) = flight.progress.closing_letter() {
            self.tell_waiter(letter, Err(cancelled));
        }
        self.looks_again(&flight);
        Counters::add(&self.runtime.counters.runs_failed, 1);
        let mut facts = self.end_of(&flight, status, reason);
        facts.extend(dismissed);
        self.record_end(*flight, facts, ctx);
    }

    /// Records how a flight ended that is kept until then, so that whoever drains the host waits for it.
    pub(super) fn record_end(&self, flight: Flight, facts: Vec<Fact>, ctx: &mut Context<Self>) {
        let recorded = self.runtime.commit(facts);
        ctx.spawn(recorded.into_actor(self).map(move |recorded, agent, _| {
            drop(flight);
            if let Err(error) = recorded {
                tracing::error!(agent = %agent.id, %error, "the end of a run is not recorded");
            }
        }));
    }

    /// Hands what an errand found to whoever asked for it. How it went says nothing of the agent's own
    /// work, so its backoff stays as it is.
    fn take_to(&mut self, asker: Asker, landing: Landing, ctx: &mut Context<Self>) {
        let counters = &self.runtime.counters;
        let found = match landing.error {
            None => {
                Counters::add(&counters.runs_completed, 1);
                Ok(landing.found.unwrap_or_default())
            }
            Some(error) => {
                Counters::add(&counters.runs_failed, 1);
                tracing::warn!(agent = %self.id, %error, "an errand failed");
                Err(error)
            }
        };
        // Nobody minds if the asker has gone away: the run is recorded.
        drop(asker.send(found));
        self.next_letter(ctx);
        self.next_asked(ctx);
    }

    fn take_in(&mut self, landing: Landing, ctx: &mut Context<Self>) {
        let Landing {
            status,
            error,
            letter,
            heard,
            is_given_up,
            has_more_letters,
            said,
            reflected_at,
            firings_left,
            parked,
            is_resumption,
            has_more_resumable,
            goal_work,
            ..
        } = landing;
        self.goal_work = match goal_work {
            Some(work) => work,
            // What was said may be of use.
            None => self.goal_work.woken(),
        };
        self.reflected_at = reflected_at.or(self.reflected_at);
        let is_for_firing = firings_left.is_some();
        if let Some(left) = firings_left {
            self.firings_left(left, ctx);
        }
        if status.is_none() && error.is_none() {
            if !is_resumption && goal_work.is_none() && !is_for_firing {
                self.letters_waiting = 0;
            }
            self.next_asked(ctx);
            return self.next_letter(ctx);
        }
        if is_resumption {
            // Its letter waits again since it went on.
            self.letters_waiting = self.letters_waiting.saturating_add(u32::from(letter.is_some()));
            self.has_resumable |= has_more_resumable || error.is_some();
        }
        // Whatever it did is something to think about, but for a thought that it finished.
        self.has_news |= reflected_at.is_none();
        if let Some(error) = error {
            Counters::add(&self.runtime.counters.runs_failed, 1);
            self.failures = self.failures.saturating_add(1);
            let failures = self.failures;
            tracing::warn!(agent = %self.id, %error, failures, "a run failed");
            match letter {
                Some(letter) if is_given_up => self.letter_given_up(letter, error),
                Some(letter) => self.letter_failed(letter, heard, error, ctx),
                None => {}
            }
            // After a boot it is known that letters wait, and not how many.
            self.letters_waiting = self.letters_waiting.max(u32::from(has_more_letters));
            if self.letters_waiting > 0 || self.has_resumable || self.firings.now {
                self.retry_later(ctx);
            }
            self.next_asked(ctx);
        } else {
            self.failures = 0;
            self.crashes_in_a_row = 0;
            match (parked, letter) {
                (Some(approval), Some(letter)) => self.letter_parked(letter, approval),
                (Some(_), None) => {}
                (None, letter) => {
                    Counters::add(&self.runtime.counters.runs_completed, 1);
                    if let Some(letter) = letter {
                        self.letter_answered(letter, said);
                    }
                }
            }
            self.letters_waiting = self.letters_waiting.max(u32::from(has_more_letters));
            self.next_asked(ctx);
            self.next_letter(ctx);
        }
    }
}
