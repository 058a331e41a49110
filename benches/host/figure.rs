//! The table: what was measured, the figure, what is wanted, and whether that is reached.

use std::time::Duration;

/// What is wanted of a figure.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Wanted {
    AtMost(f64),
    AtLeast(f64),
    /// Told for itself.
    Nothing,
}

/// A unit, and how many digits a figure in it deserves.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Unit {
    Bytes,
    Megabytes,
    Milliseconds,
    Seconds,
    PerSecond,
    Microseconds,
    Times,
    Count,
}

/// Prints the head of the table.
pub(crate) fn heading() {
    line("what", "figure", "wanted", "verdict");
}

/// Prints a line of the table.
pub(crate) fn tell(what: &str, figure: f64, unit: Unit, wanted: Wanted) {
    let (wish, verdict) = match wanted {
        Wanted::AtMost(most) => (format!("≤ {}", unit.word(most)), verdict(figure <= most)),
        Wanted::AtLeast(least) => (format!("≥ {}", unit.word(least)), verdict(figure >= least)),
        Wanted::Nothing => (String::new(), ""),
    };
    line(what, &unit.word(figure), &wish, verdict);
}

fn verdict(is_reached: bool) -> &'static str {
    if is_reached { "reached" } else { "MISSED" }
}

#[allow(clippy::print_stdout, reason = "the table is what this program is for")]
fn line(what: &str, figure: &str, wanted: &str, verdict: &str) {
    println!("{what:<68} {figure:>14} {wanted:>14} {verdict}");
}

/// Says what is wrong with the command line.
#[allow(clippy::print_stderr, reason = "there is no log here")]
pub(crate) fn complain(wrong: &str) {
    eprintln!("error: {wrong}");
}

impl Unit {
    fn word(self, figure: f64) -> String {
        match self {
            Self::Bytes => format!("{figure:.0} B"),
            Self::Megabytes => format!("{figure:.1} MB"),
            Self::Milliseconds => format!("{figure:.2} ms"),
            Self::Seconds => format!("{figure:.2} s"),
            Self::PerSecond => format!("{figure:.0}/s"),
            Self::Microseconds => format!("{figure:.1} µs"),
            Self::Times => format!("{figure:.2}"),
            Self::Count => format!("{figure:.0}"),
        }
    }
}

/// Milliseconds, with their fraction.
pub(crate) fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1_000.0
}

/// Measured values, to be asked for their quantiles.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sample(Vec<f64>);

impl From<Vec<f64>> for Sample {
    fn from(values: Vec<f64>) -> Self {
        Self(values)
    }
}

impl Sample {
    pub(crate) fn add(&mut self, value: f64) {
        self.0.push(value);
    }

    pub(crate) fn append(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// How many there are.
    pub(crate) fn count(&self) -> f64 {
        // Added up, so that no cast is needed.
        self.0.iter().map(|_| 1.0).sum()
    }

    pub(crate) fn median(&self) -> f64 {
        self.quantile(0.5)
    }

    /// The value that `share` of all lie at or below; not a number if there is none.
    pub(crate) fn quantile(&self, share: f64) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        let mut seen = 0.0;
        let wanted = share * self.count();
        for value in sorted {
            seen += 1.0;
            if seen >= wanted {
                return value;
            }
        }
        f64::NAN
    }
}
