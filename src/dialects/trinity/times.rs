//! Instants on this wire: UTC with microseconds, as text.

use chrono::{DateTime, SecondsFormat, Utc};
use greenroom_actors::time::UnixMillis;

/// `2026-01-15T10:30:00.123000Z`. An instant beyond the calendar is told as the calendar's beginning.
pub(super) fn iso(at: UnixMillis) -> String {
    utc(at).to_rfc3339_opts(SecondsFormat::Micros, true)
}

/// The same without the `Z`, where clients append nothing and read no zone.
pub(super) fn without_zone(at: UnixMillis) -> String {
    utc(at).format("%Y-%m-%dT%H:%M:%S%.6f").to_string()
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
}
