//! Triggers and their firings.

use crate::ids::{AgentId, FiringId, RunId, TriggerId};
use crate::lifecycle::State as Observed;
use crate::ports::{DueQuery, FiringQuery};
use crate::time::UnixMillis;
use crate::triggers::{Firing, FiringEnd, FiringStatus, Trigger, TriggerFired};

use super::queries::{page, size};
use super::state::{Home, State};
use super::table::count;

/// The questions.
impl State {
    pub(super) fn due_triggers(&self, query: DueQuery) -> Vec<Trigger> {
        let due = self.ready_triggers().filter(|(due, trigger)| {
            let grace = std::time::Duration::from_secs(u64::from(trigger.grace_s));
            *due <= query.now && (due.plus(grace) < query.now) == query.is_late
        });
        let mut due: Vec<_> = due.collect();
        due.sort_by_key(|(due, trigger)| (*due, trigger.id));
        page(due.into_iter().map(|(_, trigger)| trigger), 0, query.limit)
    }

    pub(super) fn next_due(&self) -> Option<UnixMillis> {
        self.ready_triggers().map(|(due, _)| due).min()
    }

    /// Those that can fire, and when they are due.
    fn ready_triggers(&self) -> impl Iterator<Item = (UnixMillis, &Trigger)> {
        let running = self.agents.values().map(|agent| &agent.record);
        let running = running.filter(|record| record.lifecycle.state() == Observed::Running);
        running.flat_map(|record| {
            let is_autonomous = record.lifecycle.autonomy.is_some();
            let triggers = self.home(record.id).into_iter();
            triggers.flat_map(|home| home.triggers.oldest_first()).filter_map(move |trigger| {
                let can_fire = trigger.is_enabled && (is_autonomous || !trigger.needs_autonomy);
                Some((trigger.next_due_at.filter(|_| can_fire)?, trigger))
            })
        })
    }

    /// Whether another agent has a trigger of that id.
    pub(super) fn has_trigger_of_another(&self, trigger: &Trigger) -> bool {
        let others = self.homes.iter().filter(|(agent, _)| **agent != trigger.agent_id);
        others.map(|(_, home)| home).any(|home| home.triggers.get(trigger.id).is_some())
    }

    pub(super) fn firings(&self, query: &FiringQuery) -> Vec<Firing> {
        let all =
            self.home(query.agent_id).into_iter().flat_map(|home| home.firings.newest_first());
        let wanted = all.filter(|firing| query.trigger_id.is_none_or(|id| firing.trigger_id == id));
        page(wanted, query.offset, query.limit)
    }

    pub(super) fn open_firings(
        &self,
        agent: AgentId,
        trigger: Option<TriggerId>,
        limit: u32,
    ) -> Vec<Firing> {
        let Some(home) = self.home(agent) else { return Vec::new() };
        let open = home.open_firings.iter().filter_map(|(_, id)| home.firings.get(*id));
        let wanted = open.filter(|firing| trigger.is_none_or(|id| firing.trigger_id == id));
        wanted.take(size(limit)).cloned().collect()
    }
}

/// What the facts change.
impl Home {
    pub(super) fn set_trigger(&mut self, trigger: Trigger, is_retimed: bool) -> u64 {
        let Some(known) = self.triggers.remove(trigger.id) else {
            return self.triggers.set(trigger);
        };
        let (is_enabled, next_due_at) = match is_retimed {
            true => (trigger.is_enabled, trigger.next_due_at),
            false => (known.is_enabled, known.next_due_at),
        };
        self.triggers.set(Trigger {
            is_enabled,
            next_due_at,
            run_count: known.run_count,
            last_fired_at: known.last_fired_at,
            last_status: known.last_status,
            last_error: known.last_error,
            ..trigger
        })
    }

    pub(super) fn fire(&mut self, fired: TriggerFired) -> u64 {
        let Some(trigger) = self.triggers.get_mut(fired.trigger_id) else { return 0 };
        trigger.next_due_at = fired.next_due_at;
        trigger.is_enabled = fired.next_due_at.is_some();
        for firing in fired.firings {
            self.set_firing(firing);
        }
        1
    }

    pub(super) fn set_firing(&mut self, firing: Firing) -> u64 {
        if firing.status.is_open() && self.firings.get(firing.id).is_none() {
            self.open_firings.insert((firing.due_at, firing.id));
        }
        self.firings.meet(firing)
    }

    pub(super) fn try_firing(&mut self, id: FiringId, run_id: RunId, at: UnixMillis) -> u64 {
        self.firings.get_mut(id).map_or(0, |firing| {
            firing.status = FiringStatus::Running;
            firing.run_id = Some(run_id);
            firing.started_at = Some(at);
            firing.attempts = firing.attempts.saturating_add(1);
            1
        })
    }

    /// The first end stands.
    pub(super) fn settle_firing(&mut self, end: FiringEnd) -> u64 {
        let firing = self.firings.get_mut(end.id).filter(|firing| firing.status.is_open());
        let Some(firing) = firing else { return 0 };
        firing.status = end.status;
        firing.reason.clone_from(&end.reason);
        firing.ended_at = Some(end.at);
        self.open_firings.remove(&(firing.due_at, firing.id));
        let trigger = self.triggers.get_mut(firing.trigger_id);
        if let Some(trigger) = trigger.filter(|_| end.status.was_run()) {
            trigger.run_count = trigger.run_count.saturating_add(1);
            trigger.last_fired_at = Some(end.at);
            trigger.last_status = Some(end.status);
            trigger.last_error = end.reason;
            if trigger.max_runs.is_some_and(|most| trigger.run_count >= most) {
                trigger.is_enabled = false;
                trigger.next_due_at = None;
            }
        }
        1
    }

    pub(super) fn prune_firings(&mut self, cutoff: UnixMillis) -> u64 {
        let is_past = |firing: &Firing| firing.ended_at.is_some_and(|ended| ended < cutoff);
        // What ended before the cutoff was due before it.
        count(self.firings.remove_before(cutoff, is_past).len())
    }
}
