//! Texts of others, made fit for a terminal: what would move its cursor, colour it or turn its
//! lines around is shown as an escape.

/// One line: line breaks are escaped too.
pub(super) fn line(text: &str) -> String {
    escape(text, |_| false)
}

/// As it is, line by line.
pub(super) fn lines(text: &str) -> String {
    escape(text, |char| matches!(char, '\n' | '\t'))
}

/// One line of at most `max` characters; where it is cut, an ellipsis says so.
pub(super) fn cut(text: &str, max: usize) -> String {
    // Escaped, it only becomes longer: no more of it is needed.
    let start: String = text.chars().take(max.saturating_add(1)).collect();
    let whole = line(&start);
    if whole.chars().count() <= max {
        return whole;
    }
    let mut cut: String = whole.chars().take(max.saturating_sub(1)).collect();
    cut.push('…');
    cut
}

fn escape(text: &str, stays: impl Fn(char) -> bool) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut out, char| {
        if is_unseen(char) && !stays(char) {
            out.extend(char.escape_default());
        } else {
            out.push(char);
        }
        out
    })
}

/// Whether a character is a control, a line break of another name, or turns the text around.
fn is_unseen(char: char) -> bool {
    char.is_control()
        || matches!(
            char,
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_moves_the_terminal_is_left() {
        for (text, one_line, as_lines) in [
            ("Adé 🎭", "Adé 🎭", "Adé 🎭"),
            ("a\nb\tc", "a\\nb\\tc", "a\nb\tc"),
            ("\u{1b}[31m\u{9b}\u{7f}", "\\u{1b}[31m\\u{9b}\\u{7f}", "\\u{1b}[31m\\u{9b}\\u{7f}"),
            ("a\u{202e}b\u{2066}", "a\\u{202e}b\\u{2066}", "a\\u{202e}b\\u{2066}"),
        ] {
            assert_eq!(line(text), one_line);
            assert_eq!(lines(text), as_lines);
        }
    }

    #[test]
    fn what_is_too_long_is_cut_visibly() {
        for (text, cut_text) in
            [("", ""), ("abcd", "abcd"), ("abcde", "abc…"), ("a\nbc", "a\\n…"), ("ab\n", "ab\\n")]
        {
            assert_eq!(cut(text, 4), cut_text, "{text:?}");
        }
        assert_eq!(cut(&"x".repeat(100_000), 60).chars().count(), 60);
    }
}
