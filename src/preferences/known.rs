//! The preferences by which administrators govern the fleet, with what holds where they are not set.

use super::{Preferences, SSH_ACCESS};

/// A preference that is known, with what holds where it is not set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Known {
    /// Its name.
    pub key: &'static str,
    /// What holds where it is not set.
    pub default: &'static str,
    /// What it is, for people.
    pub description: &'static str,
    /// What its values are.
    pub kind: Kind,
}

/// What values a preference has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A number from 0 up, at most this.
    Number(u32),
    /// On or off.
    Flag,
}

const fn known(
    key: &'static str,
    default: &'static str,
    description: &'static str,
    kind: Kind,
) -> Known {
    Known { key, default, description, kind }
}

/// How the fleet is governed.
pub const OPS: [Known; 9] = [
    known(
        "ops_context_warning_threshold",
        "75",
        "Per cent of an agent's context from which a warning is due",
        Kind::Number(100),
    ),
    known(
        "ops_context_critical_threshold",
        "90",
        "Per cent of an agent's context from which it is critical",
        Kind::Number(100),
    ),
    known(
        "ops_idle_timeout_minutes",
        "30",
        "Minutes without activity after which an agent counts as stuck",
        Kind::Number(100_000),
    ),
    known(
        "ops_cost_limit_daily_usd",
        "50.0",
        "US dollars that an agent may cost in a day before an alert (0: any)",
        Kind::Number(1_000_000),
    ),
    known(
        "ops_max_execution_minutes",
        "10",
        "Minutes that one answer in a chat may take before an alert",
        Kind::Number(100_000),
    ),
    known(
        "ops_alert_suppression_minutes",
        "15",
        "Minutes in which the same alert is not raised again",
        Kind::Number(100_000),
    ),
    known(
        "ops_log_retention_days",
        "7",
        "Days that logs of agents are kept",
        Kind::Number(100_000),
    ),
    known(
        "ops_health_check_interval",
        "60",
        "Seconds between two looks at the health of the fleet",
        Kind::Number(1_000_000),
    ),
    known(SSH_ACCESS, "false", "Whether agents may be reached over SSH", Kind::Flag),
];

impl Known {
    /// Whether a value can be one of its own.
    ///
    /// # Errors
    /// What it must be.
    pub fn check(&self, value: &str) -> Result<(), String> {
        let value = value.trim();
        match self.kind {
            Kind::Number(most) => {
                let number = value.parse::<f64>().ok();
                number
                    .filter(|number| (0.0..=f64::from(most)).contains(number))
                    .map(drop)
                    .ok_or_else(|| format!("{} must be a number from 0 to {most}", self.key))
            }
            Kind::Flag => ["true", "false"]
                .contains(&value.to_ascii_lowercase().as_str())
                .then_some(())
                .ok_or_else(|| format!("{} must be true or false", self.key)),
        }
    }
}

impl Preferences {
    /// What a known preference says, or what holds where it is not set.
    #[must_use]
    pub fn known(&self, known: &Known) -> String {
        self.text(known.key).unwrap_or_else(|| known.default.to_owned())
    }

    /// The number that a known preference says; what holds where it is not set, or none.
    #[must_use]
    pub fn ops_number(&self, key: &str) -> f64 {
        let known = OPS.iter().find(|known| known.key == key);
        let number = |text: &str| text.trim().parse::<f64>().ok().filter(|n| n.is_finite());
        let set = self.text(key).and_then(|text| number(&text));
        set.or_else(|| number(known?.default)).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_default_is_one_of_its_values() {
        for known in OPS {
            assert_eq!(known.check(known.default), Ok(()), "{}", known.key);
            for wrong in ["", "x", "-1", "NaN", "inf", "1e99"] {
                assert!(known.check(wrong).is_err(), "{} {wrong}", known.key);
            }
        }
    }
}
