//! Counting tokens and money.

use greenroom_actors::ports::Prompt;

/// Bytes that one token stands for, on average over English prose and code.
const BYTES_PER_TOKEN: usize = 4;

/// An estimate of the tokens in `text`: a quarter of its bytes, rounded up.
///
/// For providers that do not count, and for the rule-based model, which has no tokens of its own.
pub(super) fn estimate(text: &str) -> u64 {
    of_bytes(text.len())
}

/// An estimate of the tokens in that many bytes.
pub(super) fn of_bytes(bytes: usize) -> u64 {
    u64::try_from(bytes.div_ceil(BYTES_PER_TOKEN)).unwrap_or(u64::MAX)
}

/// An estimate of the tokens that a model reads with `prompt`.
pub(super) fn of_prompt(prompt: &Prompt) -> u64 {
    let turns = prompt.turns.iter().map(|turn| estimate(&turn.text));
    turns.fold(estimate(&prompt.system), u64::saturating_add)
}

/// What a model costs, in US dollars per million tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Price {
    /// For tokens read.
    pub(super) input: Option<f64>,
    /// For tokens written.
    pub(super) output: Option<f64>,
}

impl Price {
    /// The price of a model that costs nothing.
    pub(super) const FREE: Self = Self { input: Some(0.0), output: Some(0.0) };

    /// The cost of so many tokens in millionths of a dollar; `None` where no price is known.
    ///
    /// A price per million tokens in dollars is a price per token in millionths of a dollar.
    pub(super) fn cost_micros(self, input: u64, output: u64) -> Option<u64> {
        if self.input.is_none() && self.output.is_none() {
            return None;
        }
        Some(rounded(input, self.input).saturating_add(rounded(output, self.output)))
    }
}

// Neither direction has a conversion without `as`. Counts are far below 2^53, and a cast from a
// float saturates.
#[allow(clippy::as_conversions)]
fn rounded(tokens: u64, price: Option<f64>) -> u64 {
    (tokens as f64 * price.unwrap_or(0.0)).round() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn costs_are_counted_in_millionths_of_a_dollar() {
        let price = Price { input: Some(0.15), output: Some(0.6) };
        for (price, input, output, expected) in [
            (price, 1_000_000, 1_000_000, Some(750_000)),
            (price, 100, 10, Some(21)),
            (price, 0, 0, Some(0)),
            (Price { input: None, output: Some(2.0) }, 500, 3, Some(6)),
            (Price::FREE, 500, 500, Some(0)),
            (Price::default(), 500, 500, None),
        ] {
            assert_eq!(price.cost_micros(input, output), expected);
        }
    }

    #[test]
    fn a_token_is_about_four_bytes() {
        for (text, expected) in [("", 0), ("a", 1), ("four", 1), ("fives", 2)] {
            assert_eq!(estimate(text), expected);
        }
    }
}
