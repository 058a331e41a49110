//! Instants on this wire: UTC with microseconds, as text.

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, SecondsFormat, Utc};
use greenroom_actors::time::UnixMillis;

use super::error::TrinityError;

/// `2026-01-15T10:30:00.123000Z`. An instant beyond the calendar is told as the calendar's beginning.
pub(super) fn iso(at: UnixMillis) -> String {
    utc(at).to_rfc3339_opts(SecondsFormat::Micros, true)
}

/// The same without the `Z`, where clients append nothing and read no zone.
pub(super) fn without_zone(at: UnixMillis) -> String {
    utc(at).format("%Y-%m-%dT%H:%M:%S%.6f").to_string()
}

/// The instant that a client means, with a zone or else in UTC.
///
/// # Errors
/// 400 with the name of the field.
pub(super) fn parse(field: &str, text: &str) -> Result<UnixMillis, TrinityError> {
    let text = text.trim();
    let zoned = DateTime::parse_from_rfc3339(text).map(|at| at.timestamp_millis());
    let plain = || NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f");
    let day =
        || NaiveDate::parse_from_str(text, "%Y-%m-%d").map(|day| day.and_time(NaiveTime::MIN));
    zoned
        .or_else(|_| plain().or_else(|_| day()).map(|at| at.and_utc().timestamp_millis()))
        .map(UnixMillis)
        .map_err(|_unreadable| TrinityError::bad(format!("{field} must be an ISO 8601 timestamp")))
}

fn utc(at: UnixMillis) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(at.0).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_have_microseconds() {
        let at = UnixMillis(1_768_473_000_123);
        assert_eq!(iso(at), "2026-01-15T10:30:00.123000Z");
        assert_eq!(without_zone(at), "2026-01-15T10:30:00.123000");
        assert_eq!(iso(UnixMillis(i64::MAX)), "1970-01-01T00:00:00.000000Z");
    }

    #[test]
    fn instants_are_read_with_a_zone_or_without() {
        for (text, expected) in [
            ("2026-01-15T10:30:00.123000Z", Some(1_768_473_000_123)),
            ("2026-01-15T11:30:00.123+01:00", Some(1_768_473_000_123)),
            (" 2026-01-15T10:30:00 ", Some(1_768_473_000_000)),
            ("2026-01-15", Some(1_768_435_200_000)),
            ("tomorrow", None),
            ("", None),
        ] {
            assert_eq!(parse("since", text).ok(), expected.map(UnixMillis), "{text}");
        }
    }
}
