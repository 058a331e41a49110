//! Numbers as this wire rounds them.

use std::time::Duration;

/// So many per cent, with one decimal; 0 of nothing.
pub(super) fn percent(part: u64, whole: u64) -> f64 {
    let tenths = u128::from(part).saturating_mul(1_000).checked_div(u128::from(whole));
    f64::from(u32::try_from(tenths.unwrap_or(0)).unwrap_or(u32::MAX)) / 10.0
}

/// How much of one processor that is over such a time, in per cent with one decimal.
pub(super) fn cpu_percent(cpu: Duration, over: Duration) -> f64 {
    let micros = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
    percent(micros(cpu), micros(over))
}

/// Millionths of a dollar as dollars, to a hundredth of a cent.
pub(super) fn dollars(micros: u64) -> f64 {
    f64::from(u32::try_from(micros / 100).unwrap_or(u32::MAX)) / 10_000.0
}

/// Bytes as mebibytes, with one decimal.
pub(super) fn mebibytes(bytes: u64) -> f64 {
    f64::from(u32::try_from(bytes / (1024 * 1024 / 10)).unwrap_or(u32::MAX)) / 10.0
}

/// Bytes as gibibytes, with one decimal.
pub(super) fn gibibytes(bytes: u64) -> f64 {
    f64::from(u32::try_from(bytes / (1024 * 1024 * 1024 / 10)).unwrap_or(u32::MAX)) / 10.0
}

/// A number with one decimal.
pub(super) fn tenths(number: f64) -> f64 {
    (number * 10.0).round() / 10.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_told_in_tenths_of_a_per_cent() {
        for (part, whole, expected) in [
            (0, 0, 0.0),
            (1, 3, 33.3),
            (200_000, 200_000, 100.0),
            (5, 2, 250.0),
            (u64::MAX, 1, f64::from(u32::MAX) / 10.0),
        ] {
            assert_eq!(percent(part, whole), expected);
        }
        assert_eq!(cpu_percent(Duration::from_millis(5), Duration::from_secs(1)), 0.5);
        assert_eq!(cpu_percent(Duration::from_secs(2), Duration::ZERO), 0.0);
    }

    #[test]
    fn sizes_and_sums_are_told() {
        assert_eq!((mebibytes(1_572_864), gibibytes(3 << 30)), (1.5, 3.0));
        assert_eq!((dollars(1_234_567), tenths(12.345)), (1.2345, 12.3));
    }
}
