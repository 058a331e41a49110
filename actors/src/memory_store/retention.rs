//! Removing what is past its age or number.

use crate::goals::GoalStatus;
use crate::ports::{Pruned, Retention};
use crate::runs::Run;
use crate::time::UnixMillis;

use super::state::{Home, State};
use super::table::count;

impl State {
    pub(super) fn prune(&mut self, retention: Retention, now: UnixMillis) -> Pruned {
        let mut pruned = Pruned::default();
        let mut ended_runs: Vec<Run> = Vec::new();
        for home in self.homes.values_mut() {
            pruned.events += home.prune_events(&retention, now);
            if let Some(age) = retention.runs_for {
                let cutoff = now.minus(age);
                // What ended before the cutoff began before it.
                ended_runs.extend(home.runs.remove_before(cutoff, |run| {
                    run.status.is_ended() && run.ended_at.unwrap_or(run.started_at) < cutoff
                }));
                home.goals.remove_where(|goal| {
                    goal.status != GoalStatus::Open && goal.updated_at < cutoff
                });
            }
            if let Some(age) = retention.logs_for {
                pruned.logs += count(home.logs.remove_before(now.minus(age), |_| true).len());
            }
        }
        if let Some(age) = retention.firings_for {
            let cutoff = now.minus(age);
            let homes = self.homes.values_mut();
            pruned.firings = homes.map(|home| home.prune_firings(cutoff)).sum();
        }
        for run in &ended_runs {
            self.drop_steps(run);
        }
        pruned.runs = count(ended_runs.len());
        if let Some(age) = retention.letters_for {
            let settled =
                self.letters.remove_before(now.minus(age), |letter| letter.status.is_settled());
            for letter in &settled {
                self.home_mut(letter.to).letters.remove(&letter.id);
            }
            pruned.letters = count(settled.len());
        }
        pruned.channel_events = self.shared.prune_events(&retention);
        pruned.jobs = self.shared.prune_jobs(&retention, now);
        pruned.usage = self.ledger.prune(&retention, now);
        pruned
    }
}

impl Home {
    /// Takes events from the old end only, and never the newest, so that what is left has no gaps.
    fn prune_events(&mut self, retention: &Retention, now: UnixMillis) -> u64 {
        let cutoff = retention.events_for.map(|age| now.minus(age));
        let most = retention.events_per_agent;
        let before = self.events.len();
        while self.events.len() > 1 {
            let is_old =
                cutoff.zip(self.events.front()).is_some_and(|(cutoff, event)| event.at < cutoff);
            let is_surplus = most > 0 && count(self.events.len()) > most;
            if !is_old && !is_surplus {
                break;
            }
            self.events.pop_front();
        }
        count(before - self.events.len())
    }
}
