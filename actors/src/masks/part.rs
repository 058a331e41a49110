//! Texts that are parts of longer ones: what a cut has left of a secret.

use std::borrow::Cow;

use super::{Mask, SECRET_MIN_BYTES, with_masked};

/// What is left out of a longer text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Left {
    /// Whether something stands before the part.
    pub is_before: bool,
    /// Whether something stands behind it.
    pub is_behind: bool,
}

impl Mask {
    /// The part of a text without secrets, and without what is left of one where it was cut.
    ///
    /// Only for parts: a whole text may begin or end like a secret by chance.
    #[must_use]
    pub fn on_part<'a>(&self, text: &'a str, left: &Left) -> Cow<'a, str> {
        let mut spans = self.spans(text);
        if left.is_before {
            let most = self.secrets.iter().filter_map(|secret| begun_before(secret, text)).max();
            cover(&mut spans, most.map(|end| (0, end)));
        }
        if left.is_behind {
            let most = self.secrets.iter().filter_map(|secret| ended_behind(secret, text)).max();
            cover(&mut spans, most.map(|bytes| (text.len().saturating_sub(bytes), text.len())));
        }
        let is_within = left.is_before && left.is_behind && text.len() >= SECRET_MIN_BYTES;
        if is_within && self.secrets.iter().any(|secret| secret.contains(text)) {
            spans = vec![(0, text.len())];
        }
        with_masked(text, spans)
    }
}

/// Bytes of the longest end of a secret that the text begins with.
fn begun_before(secret: &str, text: &str) -> Option<usize> {
    let ends = secret.char_indices().skip(1).filter_map(|(at, _)| secret.get(at..));
    let mut ends = ends.take_while(|end| end.len() >= SECRET_MIN_BYTES);
    ends.find(|end| text.starts_with(end)).map(str::len)
}

/// Bytes of the longest beginning of a secret that the text ends with.
fn ended_behind(secret: &str, text: &str) -> Option<usize> {
    let beginnings = secret.char_indices().rev().filter_map(|(at, _)| secret.get(..at));
    let mut beginnings = beginnings.take_while(|beginning| beginning.len() >= SECRET_MIN_BYTES);
    beginnings.find(|beginning| text.ends_with(beginning)).map(str::len)
}

/// Adds a span; those that overlap are one.
fn cover(spans: &mut Vec<(usize, usize)>, span: Option<(usize, usize)>) {
    let Some(mut span) = span else { return };
    spans.retain(|other| {
        let is_apart = other.1 <= span.0 || span.1 <= other.0;
        if !is_apart {
            span = (span.0.min(other.0), span.1.max(other.1));
        }
        is_apart
    });
    spans.push(span);
    spans.sort_unstable();
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const BOTH: Left = Left { is_before: true, is_behind: true };

    #[test]
    fn what_is_left_of_a_secret_at_a_cut_is_hidden() {
        let mask = Mask::over(["sk-one-two", "two words", "p\"q-r-s"]).unwrap();
        for (part, expected) in [
            ("see sk-one-", "see ***"),
            ("one-two, see", "***, see"),
            ("-one-", "***"),
            ("sk-one-two", "***"),
            ("sk-one-two words", "***"),
            ("a sk-one-two wor", "a ***"),
            ("plain", "plain"),
            ("see sk-", "see sk-"),
            (r#"{"k":"p\"q-r"#, r#"{"k":"***"#),
        ] {
            assert_eq!(mask.on_part(part, &BOTH), expected, "{part}");
        }
        let end = Left { is_before: false, is_behind: true };
        assert_eq!(mask.on_part("one-two sk-one", &end), "one-two ***");
        assert_eq!(mask.on_part("one-two sk-one", &Left::default()), "one-two sk-one");
    }

    proptest! {
        #[test]
        fn nothing_of_a_secret_stays_wherever_a_text_is_cut(
            secret in "[A-W0-9é ]{10,40}",
            before in "[xyz\n]{0,80}",
            behind in "[xyz\n]{0,80}",
            from in 0_usize..120,
            bytes in 0_usize..120,
        ) {
            let mask = Mask::over([secret.as_str()]).unwrap();
            let whole = format!("{before}{secret}{behind}");
            let from = whole.floor_char_boundary(from);
            let to = whole.floor_char_boundary(from + bytes);
            let part = &whole[from..to];
            let left = Left { is_before: from > 0, is_behind: to < whole.len() };
            let shown = mask.on_part(part, &left);
            let letters: Vec<char> = secret.chars().collect();
            for piece in letters.windows(8) {
                let piece: String = piece.iter().collect();
                prop_assert!(!shown.contains(&piece), "{piece:?} of {secret:?} in {shown:?}");
            }
        }
    }
}
