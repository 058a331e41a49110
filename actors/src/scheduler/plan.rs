//! What is to become of the slots of one trigger: decided on values alone.

use std::collections::VecDeque;

use crate::ids::FiringId;
use crate::time::UnixMillis;
use crate::triggers::{
    Firing, FiringSource, FiringStatus, Misfire, Overlap, Schedule, Slots, Trigger,
};

/// The walk along the slots that are due.
pub(super) struct Walk {
    slots: Slots,
    now: UnixMillis,
    taken: Taken,
    kept_max: usize,
}

/// The slots that are due, and the one after them.
#[derive(Debug, Default)]
pub(super) struct Taken {
    /// The first of those that are too many to be told one by one, and their number.
    older: Option<(UnixMillis, u64)>,
    /// The others, in order.
    slots: VecDeque<UnixMillis>,
    next: Option<UnixMillis>,
}

impl Taken {
    fn pass_over(&mut self, first: UnixMillis, count: u64) {
        let (first, before) = self.older.unwrap_or((first, 0));
        self.older = Some((first, before.saturating_add(count)));
    }
}

impl Walk {
    /// From the slot `from`, which is due, to `now`; the newest `kept_max` are told one by one.
    pub(super) fn new(
        schedule: &Schedule,
        from: UnixMillis,
        now: UnixMillis,
        kept_max: usize,
    ) -> Self {
        let mut taken = Taken::default();
        let mut first = from;
        if let Schedule::Interval { every_ms, .. } = schedule {
            // As many as there are seconds in a year need not be walked.
            let kept = u64::try_from(kept_max).unwrap_or(u64::MAX);
            let passed = u64::try_from(now.0.saturating_sub(from.0)).unwrap_or(0);
            let surplus = (passed / (*every_ms).max(1)).saturating_add(1).saturating_sub(kept);
            if surplus > 0 {
                taken.pass_over(from, surplus);
                let ahead = i64::try_from(surplus.saturating_mul(*every_ms)).unwrap_or(i64::MAX);
                first = UnixMillis(from.0.saturating_add(ahead));
            }
        }
        taken.slots.push_back(first);
        Self { slots: schedule.slots_after(first), now, taken, kept_max: kept_max.max(1) }
    }

    /// Walks on by at most so many slots; whether it is at its end.
    pub(super) fn goes_on(&mut self, most: usize) -> bool {
        for _ in 0..most {
            match self.slots.next() {
                Some(slot) if slot <= self.now => {
                    self.taken.slots.push_back(slot);
                    if self.taken.slots.len() > self.kept_max
                        && let Some(oldest) = self.taken.slots.pop_front()
                    {
                        self.taken.pass_over(oldest, 1);
                    }
                }
                next => {
                    self.taken.next = next;
                    return true;
                }
            }
        }
        false
    }

    /// What was found.
    pub(super) fn taken(self) -> Taken {
        self.taken
    }
}

/// What is to become of the slots.
#[derive(Debug)]
pub(super) struct Plan {
    /// A record for each of them.
    pub(super) firings: Vec<Firing>,
    /// Earlier firings that give way to them, and what becomes of these.
    pub(super) replaced: Vec<(FiringId, FiringStatus)>,
    pub(super) next_due_at: Option<UnixMillis>,
}

/// Why a slot does not run.
const TOO_LATE: &str = "it could not fire in time";
const MADE_UP: &str = "it could not fire in time, and a later one is made up for";
const OVERLAPS: &str = "an earlier one was not done";
const WAITS: &str = "another one waits already";
const ENOUGH: &str = "the trigger has run as often as it may";

impl Plan {
    /// Decides at `now`, while those firings of the trigger are open.
    pub(super) fn of(trigger: &Trigger, taken: Taken, open: &[Firing], now: UnixMillis) -> Self {
        let Taken { older, slots, next } = taken;
        let draft = Draft {
            trigger,
            now,
            runs_left: trigger.runs_left(open.len()),
            open: open.iter().map(|firing| (firing.id, firing.status)).collect(),
            firings: Vec::with_capacity(slots.len() + 1),
            replaced: Vec::new(),
        };
        draft.decided(older, &slots, next)
    }

    /// Whether some of the slots are to run.
    pub(super) fn runs(&self) -> bool {
        self.firings.iter().any(|firing| firing.status.is_open())
    }

    /// How many slots become that.
    pub(super) fn count(&self, status: FiringStatus) -> u64 {
        let of = self.firings.iter().filter(|firing| firing.status == status);
        of.map(|firing| firing.count).sum()
    }
}

struct Draft<'a> {
    trigger: &'a Trigger,
    now: UnixMillis,
    runs_left: u64,
    /// Firings that are not done.
    open: Vec<(FiringId, FiringStatus)>,
    firings: Vec<Firing>,
    replaced: Vec<(FiringId, FiringStatus)>,
}

impl Draft<'_> {
    fn decided(
        mut self,
        older: Option<(UnixMillis, u64)>,
        slots: &VecDeque<UnixMillis>,
        next_due_at: Option<UnixMillis>,
    ) -> Plan {
        if let Some((first, count)) = older {
            let firing = self.recorded(first, FiringStatus::Missed, Some(TOO_LATE));
            self.firings.push(Firing { count, ..firing });
        }
        let grace = std::time::Duration::from_secs(u64::from(self.trigger.grace_s));
        let late = slots.iter().take_while(|slot| slot.plus(grace) < self.now).count();
        let made_up = usize::try_from(self.trigger.misfire.made_up()).unwrap_or(usize::MAX);
        let missed = late.saturating_sub(made_up);
        let why = if self.trigger.misfire == Misfire::Skip { TOO_LATE } else { MADE_UP };
        for (index, slot) in slots.iter().enumerate() {
            if index < missed {
                self.leave(*slot, FiringStatus::Missed, why);
            } else if index < late {
                self.run(*slot);
            } else {
                self.come(*slot);
            }
        }
        Plan { firings: self.firings, replaced: self.replaced, next_due_at }
    }

    /// A slot that comes in time: what is not done may stand in its way.
    fn come(&mut self, slot: UnixMillis) {
        match self.trigger.overlap {
            Overlap::Skip if !self.open.is_empty() => {
                return self.leave(slot, FiringStatus::Skipped, OVERLAPS);
            }
            Overlap::QueueOne
                if self.open.iter().any(|(_, status)| *status == FiringStatus::Waiting) =>
            {
                return self.leave(slot, FiringStatus::Skipped, WAITS);
            }
            Overlap::CancelPrevious if self.runs_left > 0 => self.replace(),
            Overlap::Skip | Overlap::QueueOne | Overlap::CancelPrevious => {}
        }
        self.run(slot);
    }

    /// All that is not done gives way.
    fn replace(&mut self) {
        for (id, status) in std::mem::take(&mut self.open) {
            if let Some(planned) = self.firings.iter_mut().find(|firing| firing.id == id) {
                planned.status = FiringStatus::Skipped;
                planned.reason = Some(crate::agent::REPLACED.to_owned());
                planned.ended_at = Some(self.now);
                self.runs_left = self.runs_left.saturating_add(1);
            } else {
                let was_run = status == FiringStatus::Running;
                let end = if was_run { FiringStatus::Failed } else { FiringStatus::Skipped };
                self.runs_left = self.runs_left.saturating_add(u64::from(!was_run));
                self.replaced.push((id, end));
            }
        }
    }

    fn run(&mut self, slot: UnixMillis) {
        if self.runs_left == 0 {
            return self.leave(slot, FiringStatus::Skipped, ENOUGH);
        }
        self.runs_left -= 1;
        let firing = self.recorded(slot, FiringStatus::Waiting, None);
        self.open.push((firing.id, firing.status));
        self.firings.push(firing);
    }

    fn leave(&mut self, slot: UnixMillis, status: FiringStatus, reason: &str) {
        let firing = self.recorded(slot, status, Some(reason));
        self.firings.push(firing);
    }

    fn recorded(&self, slot: UnixMillis, status: FiringStatus, reason: Option<&str>) -> Firing {
        Firing {
            id: FiringId::new(),
            trigger_id: self.trigger.id,
            agent_id: self.trigger.agent_id,
            due_at: slot,
            status,
            run_id: None,
            reason: reason.map(str::to_owned),
            source: FiringSource::Scheduler,
            wake: self.trigger.wake,
            count: 1,
            attempts: 0,
            started_at: None,
            ended_at: (!status.is_open()).then_some(self.now),
        }
    }
}
