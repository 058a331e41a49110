//! Autonomy: the timer of an agent, and what it does when it wakes up.
//!
//! One timer at a time, armed anew after each tick: an interval would replay missed ticks in a burst
//! and wake all agents together.

use std::time::Duration;

use actix::prelude::*;
use serde_json::{Value, json};

use super::Agent;
use super::run::Occasion;
use crate::facts::EventKind;
use crate::liveness::handled;
use crate::time::UnixMillis;
use crate::vitals::Counters;

/// The timer that an agent wakes up by.
pub(crate) struct Timer {
    handle: SpawnHandle,
    pub(crate) due: UnixMillis,
}

/// `period`, off by at most so many per cent either way.
pub(crate) fn jittered(period: Duration, percent: u32) -> Duration {
    if percent == 0 {
        return period;
    }
    let hundredths = 100_u32.saturating_sub(percent) * 100;
    let off = fastrand::u32(0..=percent.saturating_mul(200));
    period.saturating_mul(hundredths.saturating_add(off)) / 10_000
}

impl Agent {
    /// Arms the timer, in place of the one that was armed before.
    pub(super) fn arm(&mut self, ctx: &mut Context<Self>, after: Duration) {
        self.disarm(ctx);
        let due = self.runtime.now().plus(after);
        let sleep = self.runtime.sleep(after);
        let handle = ctx.spawn(sleep.into_actor(self).map(|(), agent, ctx| agent.wake(ctx)));
        self.timer = Some(Timer { handle, due });
    }

    pub(super) fn disarm(&mut self, ctx: &mut Context<Self>) {
        if let Some(timer) = self.timer.take() {
            ctx.cancel_future(timer.handle);
        }
    }

    /// Arms the timer of an agent that comes up with the host: at a point of its period that its id
    /// gives, so that a fleet does not wake up together.
    pub(super) fn arm_first(&mut self, ctx: &mut Context<Self>) {
        self.arm_rest(ctx);
        let Some(autonomy) = self.lifecycle.autonomy.filter(|_| self.is_running()) else { return };
        let phase = self.id.0.as_u128() % autonomy.period().as_millis().max(1);
        self.arm(ctx, Duration::from_millis(u64::try_from(phase).unwrap_or(0)));
    }

    /// Arms the timer for the next tick, counted from when the last was due.
    pub(super) fn arm_next(&mut self, ctx: &mut Context<Self>, last_due: UnixMillis) {
        let Some(autonomy) = self.lifecycle.autonomy.filter(|_| self.is_running()) else { return };
        let settings = &self.runtime.settings;
        let period = settings.tick_backoff(autonomy.period(), self.failures);
        let next = last_due.plus(jittered(period, settings.tick_jitter_percent));
        let now = self.runtime.now();
        // A tick that was missed is not made up for.
        let after = if next > now { next.since(now) } else { period };
        self.arm(ctx, after);
    }

    /// Looks for letters again before long, after a run that failed. Ticks do so anyhow.
    pub(super) fn retry_later(&mut self, ctx: &mut Context<Self>) {
        if self.timer.is_none() {
            let backoff = self.runtime.settings.restart_backoff(self.failures);
            self.arm(ctx, jittered(backoff, self.runtime.settings.tick_jitter_percent));
        }
    }

    fn wake(&mut self, ctx: &mut Context<Self>) {
        handled::note(self.id);
        let Some(Timer { due, .. }) = self.timer.take() else { return };
        if !self.is_running() {
            return self.wake_from_rest(ctx);
        }
        if self.is_changing {
            // For the end of the change: while actix waits for its commit it polls no timer, so that
            // this does not spin.
            return self.arm(ctx, Duration::ZERO);
        }
        self.tries_again_beside(ctx);
        if self.lifecycle.autonomy.is_none() {
            self.next_letter(ctx);
            return;
        }
        if self.runtime.may_work().is_ok() {
            self.tick(ctx, due);
        }
        if self.timer.is_none() {
            self.arm_next(ctx, due);
        }
    }

    /// One tick: work if there is some, otherwise the note that there was none.
    fn tick(&mut self, ctx: &mut Context<Self>, due: UnixMillis) {
        let counters = &self.runtime.counters;
        if self.flight.is_some() {
            self.ticks_skipped = self.ticks_skipped.saturating_add(1);
            Counters::add(&counters.ticks_skipped, 1);
            return;
        }
        Counters::add(&counters.ticks, 1);
        counters.lateness.note(self.runtime.now().since(due));
        if self.has_resumable {
            self.resume_parked(true, ctx);
        } else if self.letters_waiting > 0 {
            self.begin(Occasion::Letter, true, ctx);
        } else if self.next_firing(true, ctx) {
            // Firings have a time of their own, goals have not.
        } else if self.goal_work.is_due(self.runtime.now()) {
            self.begin(Occasion::Goals, true, ctx);
        } else if self.is_reflection_due() {
            self.begin(Occasion::Reflection, true, ctx);
        } else {
            self.note_idle_tick(ctx);
        }
    }

    /// Whether it is time to think about what has happened, and something has.
    fn is_reflection_due(&self) -> bool {
        let every = u64::from(self.runtime.settings.reflect_every_s);
        every > 0
            && self.has_news
            && self
                .reflected_at
                .is_none_or(|last| self.runtime.now().since(last) >= Duration::from_secs(every))
    }

    fn note_idle_tick(&mut self, ctx: &mut Context<Self>) {
        let data = match self.ticks_skipped {
            0 => Value::Null,
            skipped => json!({"skipped": skipped}),
        };
        let noted = self.runtime.commit(vec![self.journal().event(EventKind::Ticked, data)]);
        ctx.spawn(noted.into_actor(self).map(|noted, agent, _| {
            if let Err(error) = noted {
                tracing::error!(agent = %agent.id, %error, "a tick is not recorded");
            }
        }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jitter_stays_within_its_bounds() {
        let period = Duration::from_secs(60);
        for _ in 0..1_000 {
            let off = jittered(period, 5);
            assert!((Duration::from_secs(57)..=Duration::from_secs(63)).contains(&off), "{off:?}");
        }
        assert_eq!(jittered(period, 0), period);
    }
}
