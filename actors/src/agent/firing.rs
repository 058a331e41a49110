//! Firings of triggers: how an agent learns of them, and when it takes them up.
//!
//! A firing is durable before the agent is told of it. It waits while the agent does something else,
//! and outlives crashes and restarts; letters go before it.

use actix::prelude::*;
use serde_json::json;

use super::Agent;
use super::journal::Journal;
use super::run::Occasion;
use crate::error::CoreError;
use crate::facts::{EventKind, Fact};
use crate::ids::{FiringId, TriggerId};
use crate::liveness::handled;
use crate::runs::{Run, RunStatus};
use crate::time::UnixMillis;
use crate::triggers::{Firing, FiringEnd, FiringStatus, Wake};
use crate::vitals::Counters;

/// Why a run is cut off whose slot gave way to a later one.
pub(crate) const REPLACED: &str = "replaced by a later one";

/// Firings wait for the agent, which are durable; those that they replace are settled.
#[derive(Clone, Debug, Default, Message)]
#[rtype(result = "Result<(), CoreError>")]
pub(crate) struct Fire {
    /// Whether some are to be taken up at once.
    pub(crate) is_now: bool,
    /// Whether some are to be taken up with a tick.
    pub(crate) is_at_tick: bool,
    /// Those that were replaced: if one of them is being run, that is cut off.
    pub(crate) replaced: Vec<FiringId>,
}

/// Whether firings wait, as far as is known here; the store has the truth.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct FiringsWaiting {
    /// Some to be taken up as soon as the agent is free.
    pub(crate) now: bool,
    /// Some to be taken up with a tick.
    pub(crate) at_tick: bool,
    /// The agent has ticked, and not taken up all that waited for it.
    pub(crate) is_ticked: bool,
    /// The first of those whose run has failed, and is made again then.
    pub(crate) later: Option<UnixMillis>,
}

impl FiringsWaiting {
    /// What is known of an agent that comes up.
    pub(crate) fn found(has_firings: bool) -> Self {
        Self { now: has_firings, ..Self::default() }
    }

    /// And one more that waits until then, if it does.
    pub(crate) fn and_later(self, at: Option<UnixMillis>) -> Self {
        Self { later: self.later.into_iter().chain(at).min(), ..self }
    }
}

impl Handler<Fire> for Agent {
    type Result = Result<(), CoreError>;

    fn handle(&mut self, fire: Fire, ctx: &mut Context<Self>) -> Self::Result {
        self.firings.now |= fire.is_now;
        self.firings.at_tick |= fire.is_at_tick;
        let facts = self.cut_firings(&fire.replaced, REPLACED);
        if !facts.is_empty() {
            let recorded = self.runtime.commit(facts);
            ctx.spawn(recorded.into_actor(self).map(|recorded, agent, _| {
                if let Err(error) = recorded {
                    tracing::error!(agent = %agent.id, %error, "the end of a run is not recorded");
                }
            }));
        }
        self.next_letter(ctx);
        Ok(())
    }
}

impl Agent {
    /// Takes up the firing that waits longest, if one waits and the agent is free; whether it did.
    pub(super) fn next_firing(&mut self, is_tick: bool, ctx: &mut Context<Self>) -> bool {
        let FiringsWaiting { now, at_tick, is_ticked, later } = self.firings;
        let at_tick_too = is_tick || is_ticked || self.lifecycle.autonomy.is_none();
        if !self.is_free() || !(now || at_tick && at_tick_too) {
            return false;
        }
        // Whoever tells of further ones from here on is not forgotten when this one is done.
        let left = at_tick && !at_tick_too;
        let is_ticked = is_tick || is_ticked;
        self.firings = FiringsWaiting { now: false, at_tick: left, is_ticked, later };
        self.begin(Occasion::Firing { at_tick_too }, is_tick, ctx);
        true
    }

    /// What a run for a firing has found to wait behind it.
    pub(super) fn firings_left(&mut self, left: FiringsWaiting, ctx: &mut Context<Self>) {
        self.firings.now |= left.now;
        self.firings.at_tick |= left.at_tick;
        self.firings.is_ticked &= left.at_tick;
        let known = self.firings.later;
        let Some(at) = left.later.filter(|at| known.is_none_or(|known| *at < known)) else {
            return;
        };
        self.firings.later = Some(at);
        let sleep = self.runtime.sleep(at.since(self.runtime.now()));
        ctx.spawn(sleep.into_actor(self).map(move |(), agent, ctx| {
            handled::note(agent.id);
            agent.firings.later.take_if(|later| *later == at);
            // What else waits is told of by whoever looks.
            agent.firings.now = true;
            agent.next_letter(ctx);
        }));
    }

    /// Cuts off the run in flight if it is for one of these firings, and says how it ended.
    pub(super) fn cut_firings(&mut self, firings: &[FiringId], reason: &str) -> Vec<Fact> {
        let run = self.flight.as_ref().and_then(|flight| flight.progress.open_run());
        match run.and_then(|run| run.firing_id) {
            Some(firing) if firings.contains(&firing) => self.cut(RunStatus::Cancelled, reason),
            _ => Vec::new(),
        }
    }

    /// What becomes of the firing of a run that is cut off: after a crash, or when the host goes down,
    /// it is taken up again; what somebody cut off, or what got stuck, has failed.
    pub(super) fn firing_cut(&self, run: &Run, status: RunStatus, reason: &str) -> Vec<Fact> {
        match run.firing_id {
            Some(firing) if matches!(status, RunStatus::Cancelled | RunStatus::TimedOut) => {
                Counters::add(&self.runtime.counters.firings_failed, 1);
                let end = (FiringStatus::Failed, Some(reason));
                settled(&self.journal(), firing, None, end).into()
            }
            _ => Vec::new(),
        }
    }
}

/// That nothing more is to come of a firing.
pub(super) fn settled(
    journal: &Journal,
    id: FiringId,
    trigger: Option<TriggerId>,
    (status, reason): (FiringStatus, Option<&str>),
) -> [Fact; 2] {
    let data = json!({
        "firingId": id, "triggerId": trigger, "status": status, "reason": reason,
    });
    let (agent_id, at, reason) = (journal.agent, journal.now, reason.map(str::to_owned));
    [
        Fact::FiringSettled(Box::new(FiringEnd { id, agent_id, status, reason, at })),
        journal.event(EventKind::TriggerFired, data),
    ]
}

/// Whether the agent takes a firing up only with a tick.
pub(super) fn waits_for_a_tick(firing: &Firing) -> bool {
    firing.wake == Wake::NextTick
}
