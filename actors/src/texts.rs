//! Texts within bounds: refused where they are too long, or cut.

use crate::error::CoreError;

/// `text`, trimmed, if that leaves 1 to `max_bytes` bytes.
///
/// # Errors
/// [`CoreError::Invalid`] of `field`.
pub fn bounded<'a>(
    field: &'static str,
    text: &'a str,
    max_bytes: usize,
) -> Result<&'a str, CoreError> {
    let text = text.trim();
    if (1..=max_bytes).contains(&text.len()) {
        return Ok(text);
    }
    Err(CoreError::Invalid { field, reason: format!("must have 1 to {max_bytes} bytes") })
}

/// As much of `text` as fits into `max_bytes`, cut between characters.
#[must_use]
pub fn cut(text: &str, max_bytes: usize) -> &str {
    text.get(..text.floor_char_boundary(max_bytes)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_cut_between_characters() {
        for (max_bytes, left) in [(0, ""), (3, "gr"), (4, "grö"), (99, "größe")] {
            assert_eq!(cut("größe", max_bytes), left);
        }
    }

    #[test]
    fn a_text_of_nothing_or_too_much_is_refused() {
        for (text, fits) in [(" ab ", true), ("", false), (" \n", false), ("abc", false)] {
            match bounded("text", text, 2) {
                Ok(bounded) => assert_eq!((fits, bounded), (true, "ab")),
                Err(CoreError::Invalid { field, .. }) => assert_eq!((fits, field), (false, "text")),
                Err(error) => panic!("{error}"),
            }
        }
    }
}
