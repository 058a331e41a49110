//! Instants on the wire: ISO text out; milliseconds, ISO text and JavaScript dates in.

use chrono::{DateTime, NaiveDate, SecondsFormat, Utc};
use greenroom_actors::time::UnixMillis;

/// ISO 8601 in UTC with milliseconds: `2026-01-02T03:04:05.678Z`.
///
/// An instant beyond the calendar is told as the calendar's beginning.
#[must_use]
pub fn iso(at: UnixMillis) -> String {
    DateTime::<Utc>::from_timestamp_millis(at.0)
        .unwrap_or_default()
        .to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// Reads an instant in any form that clients send: Unix milliseconds, ISO 8601 (a date alone too),
/// or what JavaScript makes of a date that is put into a text.
#[must_use]
pub fn read(text: &str) -> Option<UnixMillis> {
    let text = text.trim();
    if let Ok(millis) = text.parse() {
        return Some(UnixMillis(millis));
    }
    if let Some(whole) = text.parse().ok().and_then(whole_millis) {
        return Some(whole);
    }
    if let Ok(date) = text.parse::<NaiveDate>() {
        return Some(UnixMillis(date.and_hms_opt(0, 0, 0)?.and_utc().timestamp_millis()));
    }
    // «Thu Jan 01 2026 00:00:00 GMT+0000 (Coordinated Universal Time)»
    let script = text.split(" (").next().unwrap_or_default();
    DateTime::parse_from_rfc3339(text)
        .or_else(|_| DateTime::parse_from_str(script, "%a %b %d %Y %H:%M:%S GMT%z"))
        .ok()
        .map(|date| UnixMillis(date.timestamp_millis()))
}

/// An instant given as a number of JSON.
#[must_use]
pub fn whole_millis(number: f64) -> Option<UnixMillis> {
    // As text: the one conversion of a float that is checked.
    number
        .is_finite()
        .then(|| format!("{number:.0}"))
        .and_then(|text| text.parse().ok())
        .map(UnixMillis)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_forms_name_the_same_instant() {
        for text in [
            "1767323045000",
            "1767323045000.4",
            "2026-01-02T03:04:05.000Z",
            "2026-01-02T04:04:05+01:00",
            "Fri Jan 02 2026 04:04:05 GMT+0100 (Central European Standard Time)",
        ] {
            assert_eq!(read(text), Some(UnixMillis(1_767_323_045_000)), "{text}");
        }
        assert_eq!(read("2026-01-02"), Some(UnixMillis(1_767_312_000_000)));
        for text in ["", "soon", "NaN", "inf", "2026-13-01", "99999999999999999999"] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn iso_has_milliseconds() {
        assert_eq!(iso(UnixMillis(1_767_323_045_678)), "2026-01-02T03:04:05.678Z");
        assert_eq!(iso(UnixMillis(i64::MAX)), "1970-01-01T00:00:00.000Z");
    }
}
