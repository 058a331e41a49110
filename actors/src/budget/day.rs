//! Days, as budgets count them.

use std::fmt;
use std::str::FromStr;

use chrono::{Days, NaiveDate};
use serde::{Deserialize, Serialize, Serializer, de};

use crate::time::UnixMillis;

/// Milliseconds of a day in UTC, which has no leap seconds.
const DAY_MS: i64 = 24 * 60 * 60 * 1_000;

/// A day in UTC, as the number of days since 1970-01-01. Written `2026-11-22`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UtcDay(pub i32);

impl UtcDay {
    /// The day of an instant.
    #[must_use]
    pub fn of(at: UnixMillis) -> Self {
        Self(i32::try_from(at.0.div_euclid(DAY_MS)).unwrap_or(i32::MAX))
    }

    /// When it begins.
    #[must_use]
    pub fn begins(self) -> UnixMillis {
        UnixMillis(i64::from(self.0).saturating_mul(DAY_MS))
    }

    /// The day after it.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    fn date(self) -> Option<NaiveDate> {
        let first = NaiveDate::from_ymd_opt(1970, 1, 1)?;
        let days = Days::new(u64::from(self.0.unsigned_abs()));
        if self.0 < 0 { first.checked_sub_days(days) } else { first.checked_add_days(days) }
    }
}

impl fmt::Display for UtcDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.date() {
            Some(date) => date.fmt(f),
            None => write!(f, "day {}", self.0),
        }
    }
}

/// That a text is no day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be a day such as 2026-11-22")]
pub struct NotADay;

impl FromStr for UtcDay {
    type Err = NotADay;

    fn from_str(text: &str) -> Result<Self, NotADay> {
        let date: NaiveDate = text.parse().ok().ok_or(NotADay)?;
        let at = date.and_hms_opt(0, 0, 0).ok_or(NotADay)?.and_utc().timestamp_millis();
        Ok(Self::of(UnixMillis(at)))
    }
}

impl Serialize for UtcDay {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for UtcDay {
    fn deserialize<D: de::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_written_as_a_date_and_begins_at_midnight() {
        for (at, written) in [
            (0, "1970-01-01"),
            (-1, "1969-12-31"),
            (DAY_MS - 1, "1970-01-01"),
            (1_795_305_600_000, "2026-11-22"),
        ] {
            let day = UtcDay::of(UnixMillis(at));
            assert_eq!(day.to_string(), written);
            assert_eq!(written.parse(), Ok(day));
            assert!(day.begins().0 <= at && at < day.next().begins().0);
        }
        assert_eq!("yesterday".parse::<UtcDay>(), Err(NotADay));
    }
}
