//! A reservation: what a call may cost, whom it is charged to, and when it has to be refused.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{Account, Amount, Ceilings, Exceeded, Level, Rate, Scope, Unit, UtcDay};
use crate::facts::{EventKind, NewEvent};
use crate::ids::{AgentId, RunId};
use crate::runs::Usage;
use crate::time::UnixMillis;

/// What a call of a model that is about to be made may cost at most.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reservation {
    /// The run that the call is made in.
    pub run_id: RunId,
    /// The place of its step there.
    pub index: u32,
    /// Whose run.
    pub agent_id: AgentId,
    /// Who pays for that agent.
    pub owner: String,
    /// The model that is asked.
    pub model: String,
    /// The day that it counts for, however long it takes.
    pub day: UtcDay,
    /// Tokens that may be read, with all attempts.
    pub input_tokens: u64,
    /// Tokens that may be written, with all attempts.
    pub output_tokens: u64,
    /// What these may cost.
    pub cost_micros: u64,
    /// What tokens cost if the answer does not say.
    pub rate: Rate,
    /// The ceilings that hold for it.
    pub ceilings: Ceilings,
    /// Per cent of a ceiling that are its soft mark.
    pub mark_percent: u32,
}

impl Reservation {
    /// What is held for it.
    #[must_use]
    pub fn amount(&self) -> Amount {
        let tokens = self.input_tokens.saturating_add(self.output_tokens);
        Amount { tokens, cost_micros: self.cost_micros }
    }

    /// What it counts as, if nobody knows what it cost.
    #[must_use]
    pub fn in_full(&self) -> Usage {
        Usage {
            model: Some(self.model.clone()),
            input_tokens: self.input_tokens,
            output_tokens: self.output_tokens,
            cost_micros: Some(self.cost_micros),
        }
    }

    /// What `usage` counts as.
    #[must_use]
    pub fn charge(&self, usage: &Usage) -> Amount {
        let (input, output) = (usage.input_tokens, usage.output_tokens);
        let cost_micros = usage.cost_micros;
        Amount {
            tokens: input.saturating_add(output),
            cost_micros: cost_micros.unwrap_or_else(|| self.rate.cost_micros(input, output)),
        }
    }

    /// The account of a scope that it is charged to.
    #[must_use]
    pub fn account(&self, scope: Scope) -> Account {
        let whose = match scope {
            Scope::Run => self.run_id.to_string(),
            Scope::AgentDay | Scope::Agent => self.agent_id.to_string(),
            Scope::OwnerDay | Scope::Owner => self.owner.clone(),
        };
        Account { scope, whose, day: scope.is_of_a_day().then_some(self.day) }
    }

    /// All accounts that it is charged to. Runs have one only where there is a ceiling for them: there
    /// are too many, and nobody asks later.
    pub fn accounts(&self) -> impl Iterator<Item = Account> + '_ {
        let counts = |scope: &Scope| *scope != Scope::Run || self.ceilings.run.is_set();
        Scope::ALL.into_iter().filter(counts).map(|scope| self.account(scope))
    }

    /// Whether it fits below its ceilings, over accounts that stand so. Of several ceilings in the way
    /// that one is told which is in the way for the longest time.
    ///
    /// # Errors
    /// [`Exceeded`] says which is in the way.
    pub fn fits(&self, levels: &[(Scope, Level)]) -> Result<(), Exceeded> {
        let mut refused: Option<Exceeded> = None;
        for (scope, level) in levels {
            for unit in Unit::ALL {
                let Some(ceiling) = self.ceilings.of(*scope).of(unit) else { continue };
                let (spent, held) = (level.spent.of(unit), level.held.of(unit));
                let wanted = self.amount().of(unit);
                if spent.saturating_add(held).saturating_add(wanted) <= ceiling {
                    continue;
                }
                let found = Exceeded { scope: *scope, unit, ceiling, spent, held, wanted };
                let rank = |found: &Exceeded| (found.is_final(), found.scope);
                if refused.as_ref().is_none_or(|other| rank(&found) > rank(other)) {
                    refused = Some(found);
                }
            }
        }
        refused.map_or(Ok(()), Err)
    }

    /// What is to be told where an account has come to its soft mark just now.
    #[must_use]
    pub fn mark(&self, scope: Scope, level: &Level, at: UnixMillis) -> Option<NewEvent> {
        if level.is_marked {
            return None;
        }
        let (unit, ceiling) = Unit::ALL.into_iter().find_map(|unit| {
            let ceiling = self.ceilings.of(scope).of(unit)?;
            let spent = u128::from(level.spent.of(unit)) * 100;
            let mark = u128::from(ceiling) * u128::from(self.mark_percent);
            (self.mark_percent > 0 && spent >= mark).then_some((unit, ceiling))
        })?;
        let data = json!({
            "scope": scope,
            "owner": self.owner,
            "day": scope.is_of_a_day().then_some(self.day),
            "unit": unit,
            "spent": level.spent.of(unit),
            "ceiling": ceiling,
            "percent": self.mark_percent,
        });
        let data = if let Value::Object(data) = data { data } else { Map::new() };
        Some(NewEvent { agent_id: self.agent_id, at, kind: EventKind::BudgetMarked, data })
    }
}
