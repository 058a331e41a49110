//! Schedules: at which instants a trigger is due.
//!
//! A cron expression is about the clock on the wall of its time zone. Each time of that clock that it
//! names is one slot, also where the clock is changed: a time that the clock leaps over is due right
//! after the leap (all that it leaps over together are one slot), and a time that it shows twice is
//! due the first time. So nothing that is due once a day is due twice or never. (Croner, which reads
//! the expressions, would have a wildcard in minutes or hours skip the gap and run in both passes of
//! the doubled hour; what is to go on at even distances has [`Schedule::Interval`].)

use std::collections::BTreeSet;
use std::str::FromStr;

use chrono::{DateTime, Datelike, LocalResult, NaiveDateTime, TimeDelta, TimeZone};
use chrono_tz::Tz;
use croner::Cron;
use serde::{Deserialize, Serialize};

use crate::error::CoreError;
use crate::time::UnixMillis;

/// The shortest interval, in milliseconds.
pub const EVERY_MIN_MS: u64 = 1_000;

/// The longest interval, in milliseconds: 366 days.
pub const EVERY_MAX_MS: u64 = 366 * 24 * 60 * 60 * 1_000;

/// The first and the last instant of the years 0 to 9999.
const AT_MIN_MS: i64 = -62_167_219_200_000;
const AT_MAX_MS: i64 = 253_402_300_799_999;

/// Bytes of a cron expression.
const EXPRESSION_MAX_BYTES: usize = 200;

/// Years that are looked through for the next slot of a cron expression. The leap day falls on a given
/// weekday once in 28 years; longer, and an expression that is never due would cost a long search.
const YEARS_AHEAD: i32 = 30;

/// The first and the last year that an expression may name: those that other readers of them take.
const FIRST_YEAR: i32 = 1_970;
const LAST_YEAR: i32 = 2_099;

/// A year before all of them.
const PAST_YEAR: &str = "1";

/// No offset from UTC is this long.
const OFFSET_MAX_S: i64 = 20 * 60 * 60;

/// When a trigger is due.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Schedule {
    /// Again and again at even distances, whatever clocks on walls say.
    Interval {
        /// Milliseconds from one slot to the next, [`EVERY_MIN_MS`] to [`EVERY_MAX_MS`].
        every_ms: u64,
        /// The slot that the others are counted from; there are none before it.
        anchor: UnixMillis,
    },
    /// At the times that a cron expression names.
    Cron {
        /// Minute, hour, day of month, month and day of week, with seconds before them if there are
        /// six, and the year behind them if there are seven; or `@hourly`, `@daily`, `@weekly`,
        /// `@monthly`, `@yearly`. Where both days are given, either makes a day count.
        expression: String,
        /// The zone whose clock counts, by its name in the IANA database.
        time_zone: String,
    },
    /// Once.
    Once {
        /// When.
        at: UnixMillis,
    },
}

impl Schedule {
    /// Whether it can be.
    ///
    /// # Errors
    /// [`CoreError::Invalid`] with what is wrong.
    pub fn check(&self) -> Result<(), CoreError> {
        match self {
            Self::Interval { every_ms, anchor } => {
                if !(EVERY_MIN_MS..=EVERY_MAX_MS).contains(every_ms) {
                    let reason = format!("must be {EVERY_MIN_MS} to {EVERY_MAX_MS}");
                    return Err(CoreError::Invalid { field: "every_ms", reason });
                }
                check_instant("anchor", *anchor)?;
            }
            Self::Cron { expression, time_zone } => {
                if Tz::from_str(time_zone).is_err() {
                    let reason = "is not the name of a time zone".to_owned();
                    return Err(CoreError::Invalid { field: "time_zone", reason });
                }
                pattern(expression, 1970)
                    .map_err(|reason| CoreError::Invalid { field: "expression", reason })?;
            }
            Self::Once { at } => check_instant("at", *at)?,
        }
        Ok(())
    }

    /// Its slots after an instant, exclusive, each later than the one before.
    #[must_use]
    pub fn slots_after(&self, after: UnixMillis) -> Slots {
        Slots(match self {
            Self::Interval { every_ms, anchor } => Inner::interval(*every_ms, *anchor, after),
            Self::Cron { expression, time_zone } => {
                Inner::cron(expression, time_zone, after).unwrap_or(Inner::Once(None))
            }
            Self::Once { at } => Inner::Once((*at > after).then_some(*at)),
        })
    }

    /// Its first slot after an instant, exclusive.
    #[must_use]
    pub fn next_after(&self, after: UnixMillis) -> Option<UnixMillis> {
        self.slots_after(after).next()
    }
}

/// That an instant lies within the years that calendars write with four digits, and no arithmetic on
/// it leaves its range.
fn check_instant(field: &'static str, at: UnixMillis) -> Result<(), CoreError> {
    if (AT_MIN_MS..=AT_MAX_MS).contains(&at.0) {
        return Ok(());
    }
    let reason = format!("must be {AT_MIN_MS} to {AT_MAX_MS}: within the years 0 to 9999");
    Err(CoreError::Invalid { field, reason })
}

/// The slots of a schedule, one after the other.
#[derive(Clone, Debug)]
pub struct Slots(Inner);

#[derive(Clone, Debug)]
enum Inner {
    Once(Option<UnixMillis>),
    Interval { next: Option<i64>, every: i64 },
    Cron(Box<Walls>),
}

/// The walk along a clock on a wall.
#[derive(Clone, Debug)]
struct Walls {
    pattern: Cron,
    zone: Tz,
    /// The time on the wall that was reached.
    wall: NaiveDateTime,
    /// The slot that was reached.
    last: UnixMillis,
}

impl Inner {
    fn interval(every_ms: u64, anchor: UnixMillis, after: UnixMillis) -> Self {
        let every = i64::try_from(every_ms).unwrap_or(i64::MAX).max(1);
        // Where the range ends there are no more slots: a wrong one would be due for ever.
        let next = if anchor > after {
            Some(anchor.0)
        } else {
            let passed = after.0.checked_sub(anchor.0);
            let steps = passed.and_then(|passed| (passed / every).checked_add(1));
            steps.and_then(|steps| anchor.0.checked_add(steps.checked_mul(every)?))
        };
        Self::Interval { next, every }
    }

    fn cron(expression: &str, time_zone: &str, after: UnixMillis) -> Option<Self> {
        let zone = Tz::from_str(time_zone).ok()?;
        let wall = DateTime::from_timestamp_millis(after.0)?.with_timezone(&zone).naive_local();
        let pattern = pattern(expression, wall.year()).ok()?;
        Some(Self::Cron(Box::new(Walls { pattern, zone, wall, last: after })))
    }
}

impl Iterator for Slots {
    type Item = UnixMillis;

    fn next(&mut self) -> Option<UnixMillis> {
        match &mut self.0 {
            Inner::Once(at) => at.take(),
            Inner::Interval { next, every } => {
                let slot = next.take()?;
                *next = slot.checked_add(*every);
                Some(UnixMillis(slot))
            }
            Inner::Cron(walls) => walls.next(),
        }
    }
}

impl Walls {
    fn next(&mut self) -> Option<UnixMillis> {
        loop {
            self.wall = self.pattern.find_next_occurrence(&self.wall, false).ok()?;
            let slot = UnixMillis(instant(self.zone, self.wall)?);
            // Times that the clock leaps over are one slot, and those it shows again are none.
            if slot > self.last {
                self.last = slot;
                return Some(slot);
            }
        }
    }
}

/// When the clock on the wall shows that time first; where it leaps over it, the end of the leap.
fn instant(zone: Tz, wall: NaiveDateTime) -> Option<i64> {
    match zone.from_local_datetime(&wall) {
        LocalResult::Single(instant) | LocalResult::Ambiguous(instant, _) => {
            Some(instant.timestamp_millis())
        }
        LocalResult::None => {
            let shown = |second: i64| {
                Some(DateTime::from_timestamp(second, 0)?.with_timezone(&zone).naive_local())
            };
            let middle = wall.and_utc().timestamp();
            let (mut before, mut after) = (middle - OFFSET_MAX_S, middle + OFFSET_MAX_S);
            // The first second at which the clock shows something later.
            while after - before > 1 {
                let second = before + (after - before) / 2;
                if shown(second)? > wall { after = second } else { before = second }
            }
            after.checked_mul(1_000)
        }
    }
}

/// The expression with its seconds, and with the years that are looked through.
fn pattern(expression: &str, from_year: i32) -> Result<Cron, String> {
    if expression.len() > EXPRESSION_MAX_BYTES {
        return Err(format!("must have at most {EXPRESSION_MAX_BYTES} bytes"));
    }
    let fields = match expression.trim().to_ascii_lowercase().as_str() {
        "@yearly" | "@annually" => "0 0 1 1 *",
        "@monthly" => "0 0 1 * *",
        "@weekly" => "0 0 * * 0",
        "@daily" | "@midnight" => "0 0 * * *",
        "@hourly" => "0 * * * *",
        _ => expression,
    };
    let mut fields: Vec<&str> = fields.split_whitespace().collect();
    let years = match fields.len() {
        7 => fields.pop().map(Years::parse).transpose()?,
        _ => None,
    };
    let seconds = match fields.len() {
        5 => "0 ",
        6 => "",
        other => {
            return Err(format!(
                "has {other} fields, and must have 5, 6 with seconds, or 7 with seconds and years"
            ));
        }
    };
    let parsed = |years: &str| {
        let full = format!("{seconds}{} {years}", fields.join(" "));
        Cron::from_str(&full).map_err(|error| error.to_string())
    };
    // Whatever is due at all is due within so many years of any day.
    if from_year == 1970 {
        let begin = DateTime::from_timestamp(0, 0).unwrap_or_default().naive_utc();
        let before = begin.checked_sub_signed(TimeDelta::seconds(1)).unwrap_or(begin);
        let some_years = parsed(&format!("{from_year}-{}", from_year.saturating_add(YEARS_AHEAD)))?;
        some_years
            .find_next_occurrence(&before, false)
            .map_err(|_never| "is never due".to_owned())?;
    }
    match years {
        None => parsed(&format!("{from_year}-{}", from_year.saturating_add(YEARS_AHEAD))),
        Some(years) => parsed(&years.from(from_year)),
    }
}

/// The years that an expression names.
struct Years(BTreeSet<i32>);

impl Years {
    /// Numbers, ranges and `*`, each perhaps with a step, with commas between them.
    fn parse(field: &str) -> Result<Self, String> {
        let mut years = BTreeSet::new();
        for part in field.split(',') {
            let (range, step) = match part.split_once('/') {
                Some((range, step)) => (range, Some(step)),
                None => (part, None),
            };
            let range = match (range, range.split_once('-')) {
                ("*" | "?", _) => Some((FIRST_YEAR, LAST_YEAR)),
                (_, Some((from, to))) => Self::year(from).zip(Self::year(to)),
                // With steps, from there on.
                (from, None) if step.is_some() => Self::year(from).map(|from| (from, LAST_YEAR)),
                (one, None) => Self::year(one).map(|one| (one, one)),
            };
            let step = step.unwrap_or("1").parse::<u8>().ok();
            let is_some = |((from, to), step): &((i32, i32), u8)| from <= to && *step > 0;
            let Some(((from, to), step)) = range.zip(step).filter(is_some) else {
                let (first, last) = (FIRST_YEAR, LAST_YEAR);
                return Err(format!("has no years of {first} to {last} in its last field"));
            };
            years.extend((from..=to).step_by(usize::from(step)));
        }
        Ok(Self(years))
    }

    fn year(text: &str) -> Option<i32> {
        text.parse().ok().filter(|year| (FIRST_YEAR..=LAST_YEAR).contains(year))
    }

    /// As many of them as are looked through, as a field; where none are left, one that is past.
    fn from(&self, from: i32) -> String {
        let most = usize::try_from(YEARS_AHEAD).unwrap_or(usize::MAX);
        let left: Vec<_> = self.0.range(from..).take(most).map(i32::to_string).collect();
        if left.is_empty() { PAST_YEAR.to_owned() } else { left.join(",") }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn instants_at_the_ends_of_time_are_refused_and_no_slot_is_before_what_was_asked() {
        for extreme in [i64::MIN, AT_MIN_MS - 1, AT_MAX_MS + 1, i64::MAX] {
            let (anchor, at) = (UnixMillis(extreme), UnixMillis(extreme));
            let interval = Schedule::Interval { every_ms: 2_000, anchor };
            assert!(interval.check().is_err() && Schedule::Once { at }.check().is_err());
            for after in [i64::MIN, -1, 0, 1_800_000_000_000, i64::MAX - 1, i64::MAX] {
                let next = interval.next_after(UnixMillis(after));
                assert!(next.is_none_or(|next| next.0 > after), "{extreme} {after} {next:?}");
            }
        }
    }

    fn cron(expression: &str, time_zone: &str) -> Schedule {
        Schedule::Cron { expression: expression.to_owned(), time_zone: time_zone.to_owned() }
    }

    fn at(text: &str) -> UnixMillis {
        UnixMillis(DateTime::parse_from_rfc3339(text).unwrap().timestamp_millis())
    }

    fn shown(slots: Slots, count: usize) -> Vec<String> {
        slots
            .take(count)
            .map(|slot| DateTime::from_timestamp_millis(slot.0).unwrap().to_rfc3339())
            .map(|text| text.replace("+00:00", "Z"))
            .collect()
    }

    #[test]
    fn a_time_that_the_clock_leaps_over_is_due_right_after() {
        // Berlin, 2026-03-29: 02:00 becomes 03:00 at 01:00 UTC.
        let daily = cron("30 2 * * *", "Europe/Berlin").slots_after(at("2026-03-28T00:00:00Z"));
        let days = ["2026-03-28T01:30:00Z", "2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"];
        assert_eq!(shown(daily, 3), days);
        let often = cron("*/20 * * * *", "Europe/Berlin").slots_after(at("2026-03-29T00:35:00Z"));
        let minutes = ["2026-03-29T00:40:00Z", "2026-03-29T01:00:00Z", "2026-03-29T01:20:00Z"];
        assert_eq!(shown(often, 3), minutes);
        // Apia left out the whole of 2011-12-30.
        let noon = cron("0 12 * * *", "Pacific/Apia").slots_after(at("2011-12-29T12:00:00Z"));
        let days = ["2011-12-29T22:00:00Z", "2011-12-30T10:00:00Z", "2011-12-30T22:00:00Z"];
        assert_eq!(shown(noon, 3), days);
    }

    #[test]
    fn a_time_that_the_clock_shows_twice_is_due_once() {
        // Berlin, 2026-10-25: 03:00 becomes 02:00 at 01:00 UTC.
        let daily = cron("30 2 * * *", "Europe/Berlin").slots_after(at("2026-10-24T12:00:00Z"));
        assert_eq!(shown(daily, 2), ["2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"]);
        let hourly = cron("0 * * * *", "Europe/Berlin").slots_after(at("2026-10-24T23:30:00Z"));
        let hours = ["2026-10-25T00:00:00Z", "2026-10-25T02:00:00Z", "2026-10-25T03:00:00Z"];
        assert_eq!(shown(hourly, 3), hours);
        let later = cron("30 2 * * *", "Europe/Berlin").slots_after(at("2026-10-25T01:10:00Z"));
        assert_eq!(shown(later, 1), ["2026-10-26T01:30:00Z"], "from within the second pass");
    }

    #[test]
    fn seconds_may_be_named() {
        let slots = cron("15,45 0 12 * * *", "UTC").slots_after(at("2026-01-01T12:00:15Z"));
        assert_eq!(shown(slots, 2), ["2026-01-01T12:00:45Z", "2026-01-02T12:00:15Z"]);
    }

    #[test]
    fn years_may_be_named() {
        let new_year = |years: &str| {
            let schedule = cron(&format!("0 0 0 1 1 * {years}"), "UTC");
            schedule.check().unwrap();
            shown(schedule.slots_after(at("2026-06-01T00:00:00Z")), 3)
        };
        assert_eq!(new_year("2027"), ["2027-01-01T00:00:00Z"]);
        assert_eq!(new_year("2020-2028/4,2090"), ["2028-01-01T00:00:00Z", "2090-01-01T00:00:00Z"]);
        let (next, after) = ("2028-01-01T00:00:00Z", "2030-01-01T00:00:00Z");
        assert_eq!(new_year("*/2"), [next, after, "2032-01-01T00:00:00Z"]);
        assert!(new_year("2020").is_empty());
        let never = cron("0 0 0 29 2 * 2027", "UTC");
        assert_eq!(never.next_after(at("2026-06-01T00:00:00Z")), None);
    }

    #[test]
    fn what_cannot_be_is_refused_and_says_why() {
        for (schedule, field) in [
            (cron("* * * *", "UTC"), "expression"),
            (cron("* * * * * * * *", "UTC"), "expression"),
            (cron("0 0 0 1 1 * 1969", "UTC"), "expression"),
            (cron("0 0 0 1 1 * 2030-2027", "UTC"), "expression"),
            (cron("0 0 0 1 1 * */0", "UTC"), "expression"),
            (cron("0 0 0 1 1 * x", "UTC"), "expression"),
            (cron("61 * * * *", "UTC"), "expression"),
            (cron("0 0 30 2 *", "UTC"), "expression"),
            (cron(&"1,".repeat(200), "UTC"), "expression"),
            (cron("@reboot", "UTC"), "expression"),
            (cron("* * * * *", "Mars/Olympus"), "time_zone"),
            (Schedule::Interval { every_ms: 999, anchor: UnixMillis(0) }, "every_ms"),
            (Schedule::Interval { every_ms: u64::MAX, anchor: UnixMillis(0) }, "every_ms"),
        ] {
            let refused = schedule.check().unwrap_err();
            assert!(matches!(refused, CoreError::Invalid { field: found, .. } if found == field));
        }
        for fine in
            ["@daily", "*/5 * * * *", "* * * * * * *", "0 0 29 2 *", "0 0 L * *", "0 9 * * MON-FRI"]
        {
            cron(fine, "Europe/Berlin").check().unwrap();
        }
    }

    #[test]
    fn intervals_are_counted_from_their_anchor() {
        let every = Schedule::Interval { every_ms: 1_000, anchor: UnixMillis(500) };
        for (after, next) in [(0, 500), (499, 500), (500, 1_500), (1_499, 1_500), (9_500, 10_500)] {
            assert_eq!(every.next_after(UnixMillis(after)), Some(UnixMillis(next)), "{after}");
        }
    }

    proptest! {
        /// Wherever the walk begins, it meets the same slots, in order.
        #[test]
        fn slots_do_not_depend_on_where_one_begins(
            zone in prop::sample::select(vec![
                "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "UTC",
            ]),
            expression in prop::sample::select(vec![
                "30 2 * * *", "*/15 * * * *", "0 */3 * * 1-5", "5 1,2,3 * * *", "*/90 * * * * *",
                "10 0 2 * * 0",
            ]),
            begin in 1_743_000_000_000_i64..1_775_000_000_000,
            steps in 1_usize..40,
        ) {
            let schedule = cron(expression, zone);
            if schedule.check().is_err() {
                return Ok(());
            }
            let mut last = UnixMillis(begin);
            for slot in schedule.slots_after(last).take(steps) {
                prop_assert!(slot > last);
                prop_assert_eq!(schedule.next_after(last), Some(slot));
                prop_assert_eq!(schedule.next_after(UnixMillis(slot.0 - 1)), Some(slot));
                last = slot;
            }
        }

        #[test]
        fn no_expression_is_more_than_refused(text in "[0-9*/,LW#A-Z? -]{0,40}") {
            // Years may be past.
            let has_years = text.split_whitespace().count() > 6;
            if !has_years && cron(&text, "Europe/Berlin").check().is_ok() {
                prop_assert!(cron(&text, "Europe/Berlin").next_after(UnixMillis(1_760_000_000_000)).is_some());
            }
        }
    }
}
