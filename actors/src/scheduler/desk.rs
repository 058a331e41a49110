//! Where the scheduler is told of changes, and where it says how it is doing.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use super::health::SchedulerHealth;
use crate::time::UnixMillis;

/// What the scheduler and the rest of the host know of one another.
#[derive(Debug, Default)]
pub(crate) struct Desk {
    changed: Notify,
    state: Mutex<Seen>,
}

/// How far the scheduler has come.
#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    /// When it last came round.
    seen_at: Option<UnixMillis>,
    /// The slot that has been due longest, and since when it is that one.
    overdue: Option<(UnixMillis, UnixMillis)>,
}

impl Desk {
    /// Something has changed that triggers depend on: one of them, or whether its agent is to run.
    pub(crate) fn tell(&self) {
        self.changed.notify_one();
    }

    /// Is ready once something has changed.
    pub(super) async fn told(&self) {
        self.changed.notified().await;
    }

    /// Nothing is due that can fire.
    pub(super) fn rested(&self, now: UnixMillis) {
        *self.lock() = Seen { seen_at: Some(now), overdue: None };
    }

    /// That slot has been due longest, and has not fired yet.
    pub(super) fn is_behind(&self, slot: UnixMillis, now: UnixMillis) {
        let mut seen = self.lock();
        seen.seen_at = Some(now);
        seen.overdue = match seen.overdue {
            Some((known, since)) if known == slot => Some((known, since)),
            _ => Some((slot, now)),
        };
    }

    /// When the scheduler last came round.
    pub(crate) fn seen_at(&self) -> Option<UnixMillis> {
        self.lock().seen_at
    }

    /// How the scheduler is doing, if it may be behind by so much. `began` is when the host began.
    pub(crate) fn health(
        &self,
        began: UnixMillis,
        now: UnixMillis,
        allowed: Duration,
    ) -> SchedulerHealth {
        let Seen { seen_at, overdue } = *self.lock();
        let silent = now.since(seen_at.unwrap_or(began));
        if silent > allowed {
            return SchedulerHealth::Silent { since: seen_at.unwrap_or(began) };
        }
        match overdue {
            Some((due_at, since)) if now.since(since) > allowed => {
                SchedulerHealth::Overdue { due_at }
            }
            _ => SchedulerHealth::Well,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALLOWED: Duration = Duration::from_millis(100);

    #[test]
    fn it_is_not_well_when_one_slot_stays_due_or_nothing_is_heard_of_it() {
        let (desk, at) = (Desk::default(), UnixMillis);
        let health = |desk: &Desk, now| desk.health(at(0), at(now), ALLOWED);
        assert_eq!(health(&desk, 100), SchedulerHealth::Well);
        assert_eq!(health(&desk, 101), SchedulerHealth::Silent { since: at(0) });
        desk.is_behind(at(7), at(200));
        desk.is_behind(at(8), at(290));
        desk.is_behind(at(8), at(380));
        assert_eq!(health(&desk, 390), SchedulerHealth::Well, "it gets on");
        assert_eq!(health(&desk, 391), SchedulerHealth::Overdue { due_at: at(8) });
        desk.rested(at(400));
        assert_eq!(health(&desk, 500), SchedulerHealth::Well);
        assert_eq!(health(&desk, 501), SchedulerHealth::Silent { since: at(400) });
    }
}
