//! What was spent and what is reserved.

use std::collections::BTreeMap;

use crate::budget::{Account, DayUsage, Level, Reservation, Scope, UsageQuery, UtcDay};
use crate::error::StoreError;
use crate::facts::{Fact, NewEvent};
use crate::ids::{AgentId, RunId};
use crate::ports::Retention;
use crate::runs::Usage;
use crate::time::UnixMillis;

use super::queries::page;
use super::table::count;

/// What was spent and what is reserved.
#[derive(Clone, Debug, Default)]
pub(super) struct Ledger {
    accounts: BTreeMap<Account, Level>,
    open: BTreeMap<(RunId, u32), Reservation>,
    usage: BTreeMap<(AgentId, UtcDay, String, String), DayUsage>,
}

/// How the call that something was reserved for went.
pub(super) enum Charged<'a> {
    /// It cost that.
    Usage(&'a Usage),
    /// Nobody knows what it cost.
    InFull,
}

impl Ledger {
    /// Whether something can be reserved.
    pub(super) fn check(&self, reservation: &Reservation) -> Result<(), StoreError> {
        if self.open.contains_key(&(reservation.run_id, reservation.index)) {
            return Ok(());
        }
        let levels: Vec<_> = Scope::ALL
            .into_iter()
            .map(|scope| (scope, self.level(&reservation.account(scope))))
            .collect();
        reservation.fits(&levels).map_err(StoreError::Exceeded)
    }

    pub(super) fn reserve(&mut self, reservation: Reservation) -> u64 {
        let key = (reservation.run_id, reservation.index);
        if self.open.contains_key(&key) {
            return 0;
        }
        for account in reservation.accounts() {
            let level = self.accounts.entry(account).or_default();
            level.held = level.held.plus(reservation.amount());
        }
        self.open.insert(key, reservation);
        1
    }

    /// Settles what was reserved for a step, and says which marks were come to.
    pub(super) fn settle(
        &mut self,
        step: (RunId, u32),
        charged: &Charged<'_>,
        at: UnixMillis,
    ) -> Vec<NewEvent> {
        let Some(reservation) = self.open.remove(&step) else { return Vec::new() };
        let in_full = reservation.in_full();
        let (usage, presumed) = match charged {
            Charged::Usage(usage) => (*usage, 0),
            Charged::InFull => (&in_full, 1),
        };
        let charge = reservation.charge(usage);
        let mut marks = Vec::new();
        for account in reservation.accounts() {
            let scope = account.scope;
            let level = self.accounts.entry(account).or_default();
            level.held = level.held.minus(reservation.amount());
            level.spent = level.spent.plus(charge);
            if let Some(mark) = reservation.mark(scope, level, at) {
                level.is_marked = true;
                marks.push(mark);
            }
        }
        let Reservation { agent_id, day, owner, model, .. } = reservation;
        let model = usage.model.clone().unwrap_or(model);
        let key = (agent_id, day, model.clone(), owner.clone());
        let row = self.usage.entry(key).or_insert(DayUsage {
            agent_id,
            owner,
            model,
            day,
            calls: 0,
            presumed_calls: 0,
            input_tokens: 0,
            output_tokens: 0,
            cost_micros: 0,
        });
        row.calls = row.calls.saturating_add(1);
        row.presumed_calls = row.presumed_calls.saturating_add(presumed);
        row.input_tokens = row.input_tokens.saturating_add(usage.input_tokens);
        row.output_tokens = row.output_tokens.saturating_add(usage.output_tokens);
        row.cost_micros = row.cost_micros.saturating_add(charge.cost_micros);
        marks
    }

    /// Charges in full what is reserved for steps of that run, which has ended.
    pub(super) fn end_run(&mut self, run: RunId, at: UnixMillis) -> Vec<NewEvent> {
        let marks = self.charge(at, |reservation| reservation.run_id == run);
        let whose = run.to_string();
        self.accounts.remove(&Account { scope: Scope::Run, whose, day: None });
        marks
    }

    /// Charges in full what is reserved for a removed agent, and forgets what it has spent.
    pub(super) fn remove_agent(&mut self, agent: AgentId, at: UnixMillis) {
        // Of marks there is nobody left to tell.
        self.charge(at, |reservation| reservation.agent_id == agent);
        let whose = agent.to_string();
        self.accounts.retain(|account, _| {
            !(matches!(account.scope, Scope::Agent | Scope::AgentDay) && account.whose == whose)
        });
    }

    /// Charges in full everything that is reserved.
    pub(super) fn charge_all(&mut self, at: UnixMillis) -> Vec<NewEvent> {
        self.charge(at, |_| true)
    }

    fn charge(&mut self, at: UnixMillis, which: impl Fn(&Reservation) -> bool) -> Vec<NewEvent> {
        let open = self.open.iter().filter(|(_, reservation)| which(reservation));
        let steps: Vec<_> = open.map(|(step, _)| *step).collect();
        steps.into_iter().flat_map(|step| self.settle(step, &Charged::InFull, at)).collect()
    }

    /// Whether a fact may change it.
    pub(super) fn is_changed_by(fact: &Fact) -> bool {
        matches!(
            fact,
            Fact::Reserved(_) | Fact::StepEnded(_) | Fact::RunEnded(_) | Fact::AgentRemoved { .. }
        )
    }

    /// What a fact does to it, as far as later facts of the same batch see it.
    pub(super) fn foresee(&mut self, fact: &Fact) {
        match fact {
            Fact::Reserved(reservation) => {
                self.reserve((**reservation).clone());
            }
            Fact::StepEnded(end) => {
                let step = (end.run_id, end.index);
                drop(self.settle(step, &Charged::Usage(&end.usage), end.ended_at));
            }
            Fact::RunEnded(end) => drop(self.end_run(end.run_id, end.ended_at)),
            Fact::AgentRemoved { id, .. } => self.remove_agent(*id, UnixMillis(0)),
            _ => {}
        }
    }

    pub(super) fn level(&self, account: &Account) -> Level {
        self.accounts.get(account).copied().unwrap_or_default()
    }

    pub(super) fn open_reservations(&self) -> u64 {
        count(self.open.len())
    }

    pub(super) fn usage(&self, query: &UsageQuery) -> Vec<DayUsage> {
        let mut rows: Vec<_> = self
            .usage
            .values()
            .filter(|row| query.agent_id.is_none_or(|id| row.agent_id == id))
            .filter(|row| query.owner.as_ref().is_none_or(|owner| row.owner == *owner))
            .filter(|row| query.from.is_none_or(|from| row.day >= from))
            .filter(|row| query.to.is_none_or(|to| row.day <= to))
            .collect();
        rows.sort_by(|a, b| {
            let key = |row: &DayUsage| (row.agent_id, row.model.clone(), row.owner.clone());
            b.day.cmp(&a.day).then_with(|| key(a).cmp(&key(b)))
        });
        page(rows.into_iter(), query.offset, query.limit)
    }

    /// Removes what was used on days that are past their age.
    pub(super) fn prune(&mut self, retention: &Retention, now: UnixMillis) -> u64 {
        let Some(age) = retention.usage_for else { return 0 };
        let first = UtcDay::of(now.minus(age));
        let before = self.usage.len();
        self.usage.retain(|_, row| row.day >= first);
        self.accounts.retain(|account, level| {
            account.day.is_none_or(|day| day >= first) || level.held != Level::default().held
        });
        count(before - self.usage.len())
    }
}
