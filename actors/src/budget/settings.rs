//! What an operator says about budgets, and what a character says about its own.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Ceiling, Ceilings, Rate};
use crate::character::Character;
use crate::error::CoreError;

/// Who pays for agents whose character names nobody.
pub const OWNER_DEFAULT: &str = "host";

/// Bytes of an owner's name.
const OWNER_MAX_BYTES: usize = 200;

/// US dollars of a ceiling at most; a greater one would not be exact in millionths.
const USD_MAX: f64 = 1e9;

/// The ceilings of every agent and owner: the section `[budget]`. 0 means that there is none.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BudgetSettings {
    /// US dollars of one run.
    pub run_usd: f64,
    /// Tokens of one run, read and written.
    pub run_tokens: u64,
    /// US dollars of one agent on one day in UTC.
    pub day_usd: f64,
    /// Tokens of one agent on one day.
    pub day_tokens: u64,
    /// US dollars of one agent in all.
    pub agent_usd: f64,
    /// Tokens of one agent in all.
    pub agent_tokens: u64,
    /// US dollars of all agents of one owner on one day.
    pub owner_day_usd: f64,
    /// Tokens of all agents of one owner on one day.
    pub owner_day_tokens: u64,
    /// US dollars of all agents of one owner in all.
    pub owner_usd: f64,
    /// Tokens of all agents of one owner in all.
    pub owner_tokens: u64,
    /// Per cent of a ceiling at which its soft mark lies, which makes an event. 0: there is none.
    pub mark_percent: u32,
    /// US dollars for a million tokens read of a model without a price, where no model has one;
    /// otherwise it counts as the dearest that has.
    pub dearest_input: f64,
    /// The same for a million tokens written.
    pub dearest_output: f64,
}

impl Default for BudgetSettings {
    fn default() -> Self {
        Self {
            run_usd: 0.0,
            run_tokens: 0,
            day_usd: 0.0,
            day_tokens: 0,
            agent_usd: 0.0,
            agent_tokens: 0,
            owner_day_usd: 0.0,
            owner_day_tokens: 0,
            owner_usd: 0.0,
            owner_tokens: 0,
            mark_percent: 80,
            dearest_input: 15.0,
            dearest_output: 75.0,
        }
    }
}

/// Who pays for an agent, and how much at most.
#[derive(Clone, Debug, PartialEq)]
pub struct Terms {
    /// Who pays: agents with the same owner share its ceilings.
    pub owner: String,
    /// The ceilings of its calls.
    pub ceilings: Ceilings,
}

impl BudgetSettings {
    /// The settings, if they can be.
    ///
    /// # Errors
    /// The name of the setting at fault and what is wrong with it.
    pub fn checked(self) -> Result<Self, String> {
        for (name, value) in [
            ("run_usd", self.run_usd),
            ("day_usd", self.day_usd),
            ("agent_usd", self.agent_usd),
            ("owner_day_usd", self.owner_day_usd),
            ("owner_usd", self.owner_usd),
            ("dearest_input", self.dearest_input),
            ("dearest_output", self.dearest_output),
        ] {
            if !(0.0..=USD_MAX).contains(&value) {
                return Err(format!("{name} is {value}, and must be 0 to {USD_MAX}"));
            }
        }
        if self.mark_percent > 100 {
            return Err(format!("mark_percent is {}, and must be at most 100", self.mark_percent));
        }
        Ok(self)
    }

    /// What tokens of models without a price cost, where no model has one.
    #[must_use]
    pub fn dearest(&self) -> Rate {
        Rate { input: self.dearest_input, output: self.dearest_output }
    }

    /// Whether a ceiling in dollars holds for every agent.
    #[must_use]
    pub fn bounds_money(&self) -> bool {
        let ceilings =
            [self.run_usd, self.day_usd, self.agent_usd, self.owner_day_usd, self.owner_usd];
        ceilings.iter().any(|usd| *usd > 0.0)
    }

    /// The ceilings that hold whatever a character says.
    fn ceilings(&self) -> Ceilings {
        let ceiling = |usd, tokens: u64| Ceiling {
            tokens: (tokens > 0).then_some(tokens),
            cost_micros: (usd > 0.0).then(|| micros(usd)),
        };
        Ceilings {
            run: ceiling(self.run_usd, self.run_tokens),
            agent_day: ceiling(self.day_usd, self.day_tokens),
            owner_day: ceiling(self.owner_day_usd, self.owner_day_tokens),
            agent: ceiling(self.agent_usd, self.agent_tokens),
            owner: ceiling(self.owner_usd, self.owner_tokens),
        }
    }

    /// The terms of an agent: its character may lower the host's ceilings for a run, a day and in all
    /// (`settings.budget`, with `run_usd`, `run_tokens`, `day_usd`, `day_tokens`, `total_usd` and
    /// `total_tokens`), and name its owner (`settings.owner`).
    ///
    /// # Errors
    /// [`CoreError::Invalid`] names what in the character cannot be.
    pub fn terms(&self, character: &Character) -> Result<Terms, CoreError> {
        let mut ceilings = self.ceilings();
        let own = Own::of(character)?;
        ceilings.run = ceilings.run.stricter(own.run);
        ceilings.agent_day = ceilings.agent_day.stricter(own.day);
        ceilings.agent = ceilings.agent.stricter(own.total);
        Ok(Terms { owner: owner(character)?, ceilings })
    }
}

/// What a character says about its own budget.
#[derive(Default)]
struct Own {
    run: Ceiling,
    day: Ceiling,
    total: Ceiling,
}

impl Own {
    fn of(character: &Character) -> Result<Self, CoreError> {
        let mut own = Self::default();
        let Some(budget) = character.setting("budget") else { return Ok(own) };
        let Value::Object(budget) = budget else { return Err(wrong("must be an object")) };
        for (key, value) in budget.iter().filter(|(_, value)| !value.is_null()) {
            let ceiling = match key.as_str() {
                "run_usd" | "run_tokens" => &mut own.run,
                "day_usd" | "day_tokens" => &mut own.day,
                "total_usd" | "total_tokens" => &mut own.total,
                _ => {
                    let known = "run_usd, run_tokens, day_usd, day_tokens, total_usd, total_tokens";
                    return Err(wrong(&format!("knows {known}, and not {}", shown(key))));
                }
            };
            if key.ends_with("_usd") {
                ceiling.cost_micros = Some(usd(key, value)?);
            } else {
                ceiling.tokens = Some(tokens(key, value)?);
            }
        }
        Ok(own)
    }
}

/// Refuses a character whose budget or owner cannot be.
///
/// # Errors
/// [`CoreError::Invalid`] names what it is.
pub(crate) fn check(character: &Character) -> Result<(), CoreError> {
    Own::of(character)?;
    owner(character).map(drop)
}

fn owner(character: &Character) -> Result<String, CoreError> {
    let invalid = || CoreError::Invalid {
        field: "settings.owner",
        reason: format!("must be a text of 1 to {OWNER_MAX_BYTES} bytes"),
    };
    match character.setting("owner") {
        None => Ok(OWNER_DEFAULT.to_owned()),
        Some(Value::String(owner)) => {
            let owner = owner.trim();
            let fits = (1..=OWNER_MAX_BYTES).contains(&owner.len());
            fits.then(|| owner.to_owned()).ok_or_else(invalid)
        }
        Some(_) => Err(invalid()),
    }
}

fn usd(key: &str, value: &Value) -> Result<u64, CoreError> {
    let usd = value.as_f64().filter(|usd| *usd > 0.0 && *usd <= USD_MAX);
    usd.map(micros).ok_or_else(|| wrong(&format!("{key} must be a number above 0, at most 1e9")))
}

fn tokens(key: &str, value: &Value) -> Result<u64, CoreError> {
    let tokens = value.as_u64().filter(|tokens| *tokens > 0);
    tokens.ok_or_else(|| wrong(&format!("{key} must be a whole number above 0")))
}

fn wrong(reason: &str) -> CoreError {
    CoreError::Invalid { field: "settings.budget", reason: reason.to_owned() }
}

/// The beginning of a key.
fn shown(key: &str) -> String {
    key.chars().filter(|letter| !letter.is_control()).take(40).collect()
}

/// Dollars in millionths.
// The value is within 0 and 1e15, where the cast is exact.
#[allow(clippy::as_conversions)]
fn micros(usd: f64) -> u64 {
    (usd * 1e6).round() as u64
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn character(settings: Value) -> Character {
        Character { settings: settings.as_object().cloned(), ..Character::named("Ada") }
    }

    #[test]
    fn a_character_lowers_ceilings_and_never_lifts_them() {
        let host =
            BudgetSettings { day_usd: 2.0, day_tokens: 500, owner_usd: 1.0, ..Default::default() };
        let budget = json!({"day_usd": 5, "day_tokens": 100, "total_usd": 0.25, "run_usd": null});
        let terms = host.terms(&character(json!({"budget": budget, "owner": " Eve "}))).unwrap();
        assert_eq!(terms.owner, "Eve");
        let ceilings = terms.ceilings;
        assert_eq!(ceilings.agent_day, Ceiling { tokens: Some(100), cost_micros: Some(2_000_000) });
        assert_eq!(ceilings.agent, Ceiling { tokens: None, cost_micros: Some(250_000) });
        assert_eq!(ceilings.owner, Ceiling { tokens: None, cost_micros: Some(1_000_000) });
        assert!(!ceilings.run.is_set() && !ceilings.owner_day.is_set());
        let plain = BudgetSettings::default().terms(&Character::named("Ada")).unwrap();
        assert_eq!((plain.owner.as_str(), plain.ceilings.are_set()), (OWNER_DEFAULT, false));
    }

    #[test]
    fn what_cannot_be_is_refused_by_its_name() {
        for (settings, says) in [
            (json!({"budget": 1}), "settings.budget: must be an object"),
            (json!({"budget": {"day_usd": "1"}}), "settings.budget: day_usd must be"),
            (json!({"budget": {"day_usd": 0}}), "settings.budget: day_usd must be"),
            (json!({"budget": {"run_tokens": 1.5}}), "settings.budget: run_tokens must be"),
            (json!({"budget": {"run_tokens": -1}}), "settings.budget: run_tokens must be"),
            (json!({"budget": {"dayUsd": 1}}), "and not dayUsd"),
            (json!({"owner": ""}), "settings.owner: must be"),
            (json!({"owner": ["Eve"]}), "settings.owner: must be"),
            (json!({"owner": "x".repeat(201)}), "settings.owner: must be"),
        ] {
            let refused = check(&character(settings.clone())).unwrap_err().to_string();
            assert!(refused.contains(says), "{settings}: {refused}");
        }
        for wrong in [
            BudgetSettings { run_usd: -1.0, ..Default::default() },
            BudgetSettings { owner_usd: f64::NAN, ..Default::default() },
            BudgetSettings { mark_percent: 101, ..Default::default() },
        ] {
            assert!(wrong.checked().is_err());
        }
    }
}
