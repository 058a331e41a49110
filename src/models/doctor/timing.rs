//! When something is wanted, and how that is said to a tool that schedules.

use serde_json::{Map, Value, json};

use super::phrase::{after, after_any, around_last, unquoted};

/// When something is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum When {
    /// Again and again, after so many seconds.
    Every(u64),
    /// Once, after so many seconds.
    In(u64),
    /// Each day, at that hour and minute.
    Daily(u8, u8),
}

/// Seconds that are waited at most.
const SECONDS_MAX: u64 = 366 * 86_400;

/// When and what, in either order: "every 5 minutes to drink", "to drink every 5 minutes".
pub(super) fn read(text: &str) -> Option<(When, String)> {
    let what = |text: &str| {
        let text = after_any(text, &["to", "that", "of", "about"]).unwrap_or(text);
        Some(unquoted(text).to_owned()).filter(|text| !text.is_empty())
    };
    if let Some((when, rest)) = time(text) {
        return Some((when, what(rest)?));
    }
    ["every", "in", "each", "daily at"].iter().find_map(|word| {
        let (before, rest) = around_last(text, word)?;
        let (when, rest) =
            time(&format!("{word} {rest}")).map(|(when, rest)| (when, rest.len()))?;
        Some((when, what(before)?)).filter(|_| rest == 0)
    })
}

/// The time that `text` begins with, and what comes after it.
fn time(text: &str) -> Option<(When, &str)> {
    if let Some(rest) = after_any(text, &["every day at", "each day at", "daily at"]) {
        let (at, rest) = rest.split_once(' ').unwrap_or((rest, ""));
        let (hour, minute) = at.trim_end_matches(',').split_once(':')?;
        let (hour, minute) = (hour.parse().ok()?, minute.parse().ok()?);
        return (hour < 24 && minute < 60).then_some((When::Daily(hour, minute), rest.trim()));
    }
    let (is_again, rest) = match after_any(text, &["every", "each"]) {
        Some(rest) => (true, rest),
        None => (false, after_any(text, &["in"])?),
    };
    let (number, rest) = match rest.split_once(' ') {
        Some((number, rest)) if number.starts_with(|first: char| first.is_ascii_digit()) => {
            (number.parse::<u64>().ok()?, rest)
        }
        _ => (1, after_any(rest, &["an", "a"]).unwrap_or(rest)),
    };
    let units =
        [("second", 1), ("minute", 60), ("hour", 3_600), ("day", 86_400), ("week", 604_800)];
    let (length, rest) = units.iter().find_map(|(unit, length)| {
        let rest = after(rest, &format!("{unit}s")).or_else(|| after(rest, unit))?;
        Some((*length, rest))
    })?;
    let seconds = number.checked_mul(length).filter(|all| (1..=SECONDS_MAX).contains(all))?;
    Some((if is_again { When::Every(seconds) } else { When::In(seconds) }, rest))
}

/// The arguments for a tool with that schema; `None` if it has no place for such a time.
pub(super) fn arguments(when: When, what: &str, schema: &Value) -> Option<Map<String, Value>> {
    let places = schema.get("properties")?.as_object()?;
    let first = |names: &[&'static str]| names.iter().copied().find(|n| places.contains_key(*n));
    let (place, value) = match when {
        When::Every(seconds) => in_units(
            seconds,
            &first,
            ["every_s", "every_seconds", "interval_s"],
            ["every_minutes", "interval_minutes"],
            ["every_ms", "interval_ms"],
        )?,
        When::In(seconds) => in_units(
            seconds,
            &first,
            ["in_s", "after_s", "delay_s"],
            ["in_minutes", "after_minutes"],
            ["in_ms", "after_ms"],
        )?,
        When::Daily(hour, minute) => {
            let place = first(&["cron", "cron_expression", "expression"])?;
            (place, json!(format!("{minute} {hour} * * *")))
        }
    };
    let mut arguments = Map::new();
    if let Some(name) = first(&["name", "title"]) {
        arguments.insert(name.to_owned(), json!(what));
    }
    let text = first(&["instructions", "prompt", "text"])?;
    arguments.insert(text.to_owned(), json!(format!("Say: it is time to {what}.")));
    arguments.insert(place.to_owned(), value);
    Some(arguments)
}

fn in_units(
    seconds: u64,
    first: &impl Fn(&[&'static str]) -> Option<&'static str>,
    in_seconds: [&'static str; 3],
    in_minutes: [&'static str; 2],
    in_millis: [&'static str; 2],
) -> Option<(&'static str, Value)> {
    if let Some(place) = first(&in_seconds) {
        return Some((place, json!(seconds)));
    }
    if let Some(place) = first(&in_millis) {
        return Some((place, json!(seconds.checked_mul(1_000)?)));
    }
    first(&in_minutes).map(|place| (place, json!(seconds.div_ceil(60))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_before_and_behind() {
        for (text, expected) in [
            ("every 5 minutes to drink", Some((When::Every(300), "drink"))),
            ("every hour to look up", Some((When::Every(3_600), "look up"))),
            ("in 2 days that it ends", Some((When::In(172_800), "it ends"))),
            ("in an hour to call", Some((When::In(3_600), "call"))),
            ("to drink every minute", Some((When::Every(60), "drink"))),
            ("to look in the oven in 10 minutes", Some((When::In(600), "look in the oven"))),
            ("every day at 9:05 to stretch", Some((When::Daily(9, 5), "stretch"))),
            ("to stretch daily at 18:30", Some((When::Daily(18, 30), "stretch"))),
            ("every day at 25:00 to sleep", None),
            ("every 99999999999999999999 days to x", None),
            ("every 9999999 weeks to x", None),
            ("every 0 minutes to x", None),
            ("to be good", None),
            ("every minute", None),
        ] {
            let expected = expected.map(|(when, what)| (when, what.to_owned()));
            assert_eq!(read(text), expected, "{text}");
        }
    }

    #[test]
    fn a_tool_is_told_in_its_own_words() {
        let schema = |names: &[&str]| {
            let places: Map<String, Value> =
                names.iter().map(|name| ((*name).to_owned(), json!({}))).collect();
            json!({"properties": places})
        };
        let all = ["name", "instructions", "every_s", "in_s", "cron"];
        for (when, names, place, value) in [
            (When::Every(90), &all[..], "every_s", json!(90)),
            (When::In(5), &all, "in_s", json!(5)),
            (When::Daily(9, 5), &all, "cron", json!("5 9 * * *")),
            (When::Every(90), &["text", "every_minutes"], "every_minutes", json!(2)),
            (When::Every(90), &["text", "every_ms"], "every_ms", json!(90_000)),
        ] {
            let made = arguments(when, "rest", &schema(names)).unwrap();
            assert_eq!(made.get(place), Some(&value), "{when:?}");
            assert!(made.values().any(|value| *value == json!("Say: it is time to rest.")));
        }
        assert_eq!(arguments(When::In(5), "rest", &schema(&["text", "cron"])), None);
        assert_eq!(arguments(When::In(5), "rest", &json!({})), None);
    }
}
