//! Cron expressions in the two orders: clients write seconds and years behind the five usual fields, as
//! Trinity's own reader takes them; the engine has seconds before them.

use greenroom_actors::triggers::Schedule;

use super::kept::Kept;
use crate::dialects::trinity::times;

/// The engine's form of what a client wrote.
pub(super) fn for_engine(written: &str) -> String {
    match written.split_whitespace().collect::<Vec<_>>().as_slice() {
        [rest @ .., second] if rest.len() == 5 => format!("{second} {}", rest.join(" ")),
        [rest @ .., second, year] if rest.len() == 5 => {
            format!("{second} {} {year}", rest.join(" "))
        }
        fields => fields.join(" "),
    }
}

/// The clients' form of what the engine has.
fn for_clients(expression: &str) -> String {
    match expression.split_whitespace().collect::<Vec<_>>().as_slice() {
        [second, rest @ ..] if rest.len() == 5 => format!("{} {second}", rest.join(" ")),
        [second, rest @ .., year] if rest.len() == 5 => {
            format!("{} {second} {year}", rest.join(" "))
        }
        fields => fields.join(" "),
    }
}

/// How a schedule is told of: as it was written here, if it was. One that no cron expression says, made
/// elsewhere, is told in the form of those beginning with `@`.
pub(super) fn shown(schedule: &Schedule, kept: &Kept) -> String {
    match schedule {
        Schedule::Cron { expression, .. } => {
            let written = kept.cron_expression.as_deref();
            let written = written.filter(|written| for_engine(written) == *expression);
            written.map_or_else(|| for_clients(expression), str::to_owned)
        }
        Schedule::Interval { every_ms, .. } if every_ms % 1_000 == 0 => {
            format!("@every {}s", every_ms / 1_000)
        }
        Schedule::Interval { every_ms, .. } => format!("@every {every_ms}ms"),
        Schedule::Once { at } => format!("@at {}", times::iso(*at)),
    }
}

#[cfg(test)]
mod tests {
    use greenroom_actors::time::UnixMillis;

    use super::*;

    #[test]
    fn seconds_and_years_change_their_place() {
        for (written, engine) in [
            ("*/5 * * * *", "*/5 * * * *"),
            (" 0  9 * * 1-5 ", "0 9 * * 1-5"),
            ("0 9 * * 1-5 30", "30 0 9 * * 1-5"),
            ("0 9 1 1 * 30 2027", "30 0 9 1 1 * 2027"),
            ("@daily", "@daily"),
            ("* * *", "* * *"),
            ("a b c d e f g h", "a b c d e f g h"),
            ("", ""),
        ] {
            assert_eq!(for_engine(written), engine, "{written}");
            let plain = written.split_whitespace().collect::<Vec<_>>().join(" ");
            assert_eq!(for_clients(engine), plain, "{engine}");
        }
    }

    #[test]
    fn it_is_told_as_it_was_written_unless_it_was_changed_elsewhere() {
        let cron = |expression: &str| Schedule::Cron {
            expression: expression.to_owned(),
            time_zone: "UTC".to_owned(),
        };
        let written = "0  9 * * 1-5 30".to_owned();
        let kept = Kept { cron_expression: Some(written.clone()), ..Kept::default() };
        assert_eq!(shown(&cron("30 0 9 * * 1-5"), &kept), written);
        assert_eq!(shown(&cron("0 10 * * *"), &kept), "0 10 * * *");
        let anchor = UnixMillis(0);
        let every = |every_ms| Schedule::Interval { every_ms, anchor };
        assert_eq!(shown(&every(90_000), &kept), "@every 90s");
        assert_eq!(shown(&every(1_500), &kept), "@every 1500ms");
        assert_eq!(shown(&Schedule::Once { at: anchor }, &kept), "@at 1970-01-01T00:00:00.000000Z");
    }
}
