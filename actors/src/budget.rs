//! Budgets: what agents may spend on models, and how that is counted.
//!
//! Before each call of a model as much as it may cost at most is reserved, in the commit of its
//! intent; the store refuses that commit where what is spent and what is reserved would exceed a
//! ceiling. The call's outcome settles the reservation: what it cost is spent, the rest is free again.
//! A call whose outcome nobody knows is charged in full. So what providers bill stays below every
//! ceiling, however many agents share it and however the process ends.

mod day;
mod reservation;
mod settings;

use std::fmt;

use serde::{Deserialize, Serialize};

pub use day::UtcDay;
pub use reservation::Reservation;
pub(crate) use settings::check;
pub use settings::{BudgetSettings, OWNER_DEFAULT, Terms};

/// Tokens and money.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Amount {
    /// Tokens, read and written.
    pub tokens: u64,
    /// Millionths of a US dollar.
    pub cost_micros: u64,
}

impl Amount {
    /// This and the other; stops at the end of the range.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            tokens: self.tokens.saturating_add(other.tokens),
            cost_micros: self.cost_micros.saturating_add(other.cost_micros),
        }
    }

    /// This without the other; not below zero.
    #[must_use]
    pub fn minus(self, other: Self) -> Self {
        Self {
            tokens: self.tokens.saturating_sub(other.tokens),
            cost_micros: self.cost_micros.saturating_sub(other.cost_micros),
        }
    }

    /// How much of a unit it is.
    #[must_use]
    pub fn of(self, unit: Unit) -> u64 {
        match unit {
            Unit::Tokens => self.tokens,
            Unit::CostMicros => self.cost_micros,
        }
    }
}

/// What a ceiling counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Tokens, read and written.
    Tokens,
    /// Millionths of a US dollar.
    CostMicros,
}

impl Unit {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Tokens, Self::CostMicros];

    /// So much of it, in words.
    fn worded(self, amount: u64) -> String {
        match self {
            Self::Tokens => format!("{amount} tokens"),
            Self::CostMicros => {
                format!("{}.{:06} US dollars", amount / 1_000_000, amount % 1_000_000)
            }
        }
    }
}

/// What may be spent at most. `None`: as much as one likes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ceiling {
    /// Tokens, read and written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokens: Option<u64>,
    /// Millionths of a US dollar.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost_micros: Option<u64>,
}

impl Ceiling {
    /// How much of a unit may be spent.
    #[must_use]
    pub fn of(self, unit: Unit) -> Option<u64> {
        match unit {
            Unit::Tokens => self.tokens,
            Unit::CostMicros => self.cost_micros,
        }
    }

    /// Whether there is one at all.
    #[must_use]
    pub fn is_set(self) -> bool {
        self.tokens.is_some() || self.cost_micros.is_some()
    }

    /// The lower of both, unit by unit.
    #[must_use]
    pub fn stricter(self, other: Self) -> Self {
        let lower = |unit| match (self.of(unit), other.of(unit)) {
            (Some(one), Some(two)) => Some(one.min(two)),
            (one, two) => one.or(two),
        };
        Self { tokens: lower(Unit::Tokens), cost_micros: lower(Unit::CostMicros) }
    }
}

/// Whose spending a ceiling is about, and over which time. The later ones outlast those before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// One run.
    Run,
    /// One agent, on one day in UTC.
    AgentDay,
    /// One owner's agents, on one day in UTC.
    OwnerDay,
    /// One agent.
    Agent,
    /// One owner's agents.
    Owner,
}

impl Scope {
    /// All of them, in order.
    pub const ALL: [Self; 5] =
        [Self::Run, Self::AgentDay, Self::OwnerDay, Self::Agent, Self::Owner];

    /// Its name, as stored and sent.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Run => "run",
            Self::AgentDay => "agent_day",
            Self::OwnerDay => "owner_day",
            Self::Agent => "agent",
            Self::Owner => "owner",
        }
    }

    /// Whether it begins anew with each day.
    #[must_use]
    pub fn is_of_a_day(self) -> bool {
        matches!(self, Self::AgentDay | Self::OwnerDay)
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The ceilings that hold for a call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ceilings {
    /// For its run.
    pub run: Ceiling,
    /// For its agent on its day.
    pub agent_day: Ceiling,
    /// For its agent's owner on its day.
    pub owner_day: Ceiling,
    /// For its agent.
    pub agent: Ceiling,
    /// For its agent's owner.
    pub owner: Ceiling,
}

impl Ceilings {
    /// That of a scope.
    #[must_use]
    pub fn of(&self, scope: Scope) -> Ceiling {
        match scope {
            Scope::Run => self.run,
            Scope::AgentDay => self.agent_day,
            Scope::OwnerDay => self.owner_day,
            Scope::Agent => self.agent,
            Scope::Owner => self.owner,
        }
    }

    /// Whether there is any.
    #[must_use]
    pub fn are_set(&self) -> bool {
        Scope::ALL.into_iter().any(|scope| self.of(scope).is_set())
    }
}

/// What is counted together.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Account {
    /// Of what kind.
    pub scope: Scope,
    /// The id of the run or agent, or the owner's name.
    pub whose: String,
    /// The day, if it is of one.
    pub day: Option<UtcDay>,
}

/// How an account stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Level {
    /// What was spent.
    pub spent: Amount,
    /// What calls in flight may still cost.
    pub held: Amount,
    /// Whether it has passed its soft mark.
    pub is_marked: bool,
}

/// What a token costs, in US dollars per million: where an answer does not say what it cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Rate {
    /// For a token read.
    pub input: f64,
    /// For a token written.
    pub output: f64,
}

impl Rate {
    /// The cost of so many tokens in millionths of a dollar, rounded up.
    ///
    /// A price per million tokens in dollars is a price per token in millionths of a dollar.
    #[must_use]
    pub fn cost_micros(self, input: u64, output: u64) -> u64 {
        let priced = |tokens, price| ceiled(tokens, price);
        priced(input, self.input).saturating_add(priced(output, self.output))
    }
}

// Neither direction has a conversion without `as`. Counts are far below 2^53, and a cast from a
// float saturates.
#[allow(clippy::as_conversions)]
fn ceiled(tokens: u64, price: f64) -> u64 {
    (tokens as f64 * price).ceil() as u64
}

/// That a call was not made, since it might have exceeded a ceiling.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exceeded {
    /// Of which ceiling.
    pub scope: Scope,
    /// What it counts.
    pub unit: Unit,
    /// The ceiling.
    pub ceiling: u64,
    /// What was spent.
    pub spent: u64,
    /// What calls in flight may still cost.
    pub held: u64,
    /// What this one might have cost.
    pub wanted: u64,
}

impl Exceeded {
    /// Whether waiting does not help: what is spent alone leaves no room, whatever comes of the calls
    /// in flight.
    #[must_use]
    pub fn is_final(&self) -> bool {
        self.spent.saturating_add(self.wanted) > self.ceiling
    }

    /// Whether the agent has to rest, and not only the run to end.
    #[must_use]
    pub fn stops_the_agent(&self) -> bool {
        self.is_final() && self.scope != Scope::Run
    }
}

impl fmt::Display for Exceeded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whose = match self.scope {
            Scope::Run => "this run's budget",
            Scope::AgentDay => "the agent's budget for the day",
            Scope::OwnerDay => "the owner's budget for the day",
            Scope::Agent => "the agent's budget",
            Scope::Owner => "the owner's budget",
        };
        let words = |amount| self.unit.worded(amount);
        let (spent, ceiling, wanted) = (words(self.spent), words(self.ceiling), words(self.wanted));
        write!(f, "{whose} is used up: {spent} of {ceiling} are spent")?;
        if self.held > 0 {
            write!(f, ", {} are reserved", words(self.held))?;
        }
        write!(f, ", and another call may cost {wanted}")
    }
}

/// What one agent has used of one model on one day, for one owner.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DayUsage {
    /// Which agent.
    pub agent_id: crate::ids::AgentId,
    /// Its owner then.
    pub owner: String,
    /// The model, as its provider calls it, or as it was asked for where none answered.
    pub model: String,
    /// The day.
    pub day: UtcDay,
    /// Its calls.
    pub calls: u64,
    /// Those of them whose outcome is unknown: they count with what they may have cost at most.
    pub presumed_calls: u64,
    /// Tokens read.
    pub input_tokens: u64,
    /// Tokens written.
    pub output_tokens: u64,
    /// What they count against budgets, in millionths of a US dollar.
    pub cost_micros: u64,
}

/// Which usage.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UsageQuery {
    /// Of which agent; any if absent.
    pub agent_id: Option<crate::ids::AgentId>,
    /// Of which owner's agents; any if absent.
    pub owner: Option<String>,
    /// On this day or later.
    pub from: Option<UtcDay>,
    /// On this day or before.
    pub to: Option<UtcDay>,
    /// How many rows to pass over.
    pub offset: u32,
    /// How many at most.
    pub limit: u32,
}
