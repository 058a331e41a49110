//! Cron expressions as Milady takes them: five fields of numbers.

/// The least and the greatest number of each field.
const FIELDS: [(u32, u32); 5] = [(0, 59), (0, 23), (1, 31), (1, 12), (0, 6)];

/// Whether an expression has five fields, each of numbers, ranges with or without steps, and lists of
/// them, or of `*` with or without steps. The engine takes no `*` in a list, and no steps from a number
/// alone. Whether it is ever due is another question.
pub(super) fn is_plain(expression: &str) -> bool {
    let fields: Vec<_> = expression.split_whitespace().collect();
    fields.len() == FIELDS.len()
        && fields.iter().zip(FIELDS).all(|(field, bounds)| is_field(field, bounds))
}

fn is_field(field: &str, bounds: (u32, u32)) -> bool {
    let is_list = field.contains(',');
    field.split(',').all(|part| {
        let (range, step) = match part.split_once('/') {
            None => (part, Some(1)),
            Some((range, step)) => (range, whole(step)),
        };
        let is_known = match range {
            "*" => !is_list,
            range => !part.contains('/') || range.contains('-'),
        };
        is_known && step.is_some_and(|step| step > 0) && is_range(range, bounds)
    })
}

fn is_range(range: &str, (least, greatest): (u32, u32)) -> bool {
    if range == "*" {
        return true;
    }
    let (from, to) = range.split_once('-').unwrap_or((range, range));
    match (whole(from), whole(to)) {
        (Some(from), Some(to)) => least <= from && from <= to && to <= greatest,
        (None, _) | (_, None) => false,
    }
}

/// A number in digits alone.
fn whole(text: &str) -> Option<u32> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use greenroom_actors::error::CoreError;
    use greenroom_actors::triggers::Schedule;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn five_fields_of_numbers_are_a_cron_expression() {
        for (expression, expected) in [
            ("* * * * *", true),
            ("*/15 * * * *", true),
            ("0 9 * * 1-5", true),
            ("0,30 8-18/2 1,15 1-6 0", true),
            ("1-30/5 * * * *", true),
            ("59 23 31 12 6", true),
            ("", false),
            ("* * * *", false),
            ("* * * * * *", false),
            ("60 * * * *", false),
            ("* 24 * * *", false),
            ("* * 0 * *", false),
            ("* * 32 * *", false),
            ("* * * 0 *", false),
            ("* * * 13 *", false),
            ("* * * * 7", false),
            ("0 9 * * MON", false),
            ("@daily", false),
            ("0 0 L * *", false),
            ("*/0 * * * *", false),
            ("*/ * * * *", false),
            ("5-1 * * * *", false),
            ("1,,2 * * * *", false),
            ("*/20,5 * * * *", false),
            ("5/20 * * * *", false),
            ("+1 * * * *", false),
            ("1--2 * * * *", false),
        ] {
            assert_eq!(is_plain(expression), expected, "{expression}");
        }
    }
    proptest! {
        /// The engine takes whatever is taken here, but what is never due.
        #[test]
        fn the_engine_understands_it(
            fields in prop::collection::vec("(\\*(/[1-9])?|([1-6]|[1-3]-[4-6](/[1-9])?)(,[1-6](-6(/2)?)?)?)", 5),
        ) {
            let expression = fields.join(" ");
            prop_assert!(is_plain(&expression));
            let time_zone = "Europe/Berlin".to_owned();
            match (Schedule::Cron { expression, time_zone }).check() {
                Ok(()) => {}
                Err(CoreError::Invalid { reason, .. }) => prop_assert_eq!(reason, "is never due"),
                Err(error) => return Err(TestCaseError::fail(error.to_string())),
            }
        }
    }
}
