//! Files of environment variables, as people and tools write them.

/// Bytes of the name of a variable.
const NAME_MAX_BYTES: usize = 256;

/// The variables of such a file, in its order.
///
/// `KEY=VALUE` on a line of its own, `export` before it or not; the value as it is up to a `#`, or in
/// single quotes, double quotes or backticks, over several lines where those close on a later one. What
/// is nothing of this is passed over.
#[must_use]
pub fn parse(text: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (line, below) = rest.split_once('\n').unwrap_or((rest, ""));
        rest = below;
        let line = line.trim();
        let assigned = line.strip_prefix("export ").unwrap_or(line).split_once('=');
        let Some((name, value)) = assigned else { continue };
        let name = name.trim();
        if !is_name(name) {
            continue;
        }
        let value = value.trim();
        let (value, taken) = read_value(value, below);
        rest = below.get(taken..).unwrap_or_default();
        found.push((name.to_owned(), value));
    }
    found
}

/// Lines that set a variable: neither blank nor a comment, with an equals sign.
#[must_use]
pub fn count(text: &str) -> usize {
    let sets = |line: &&str| {
        let line = line.trim();
        !line.is_empty() && !line.starts_with('#') && line.contains('=')
    };
    text.lines().filter(sets).count()
}

/// Whether a text can be the name of a variable.
#[must_use]
pub fn is_name(text: &str) -> bool {
    let is_letter = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
    !text.is_empty() && text.len() <= NAME_MAX_BYTES && text.chars().all(is_letter)
}

/// The value that begins with the rest of a line, and how many bytes of those below are part of it.
fn read_value(line: &str, below: &str) -> (String, usize) {
    let Some(quote) = line.chars().next().filter(|first| "\"'`".contains(*first)) else {
        return (line.split('#').next().unwrap_or_default().trim().to_owned(), 0);
    };
    let begun = line.get(1..).unwrap_or_default();
    if let Some(value) = quoted(begun.chars(), quote).0 {
        return (value, 0);
    }
    // Not closed on its line: it may be on a later one.
    let over_lines = begun.chars().chain(std::iter::once('\n')).chain(below.chars());
    match quoted(over_lines, quote) {
        (Some(value), read) => {
            let below_read = read.saturating_sub(begun.len() + 1);
            let end = below.get(below_read..).and_then(|rest| rest.find('\n'));
            (value, end.map_or(below.len(), |end| below_read + end + 1))
        }
        (None, _) => (begun.to_owned(), 0),
    }
}

/// What stands before the closing quote, if there is one, and how many bytes were read with it.
fn quoted(letters: impl Iterator<Item = char>, quote: char) -> (Option<String>, usize) {
    let mut meant = String::new();
    let mut read = 0;
    let mut letters = letters;
    while let Some(letter) = letters.next() {
        read += letter.len_utf8();
        match letter {
            closing if closing == quote => return (Some(meant), read),
            '\\' if quote == '"' => {
                let escaped = letters.next();
                read += escaped.map_or(0, char::len_utf8);
                match escaped {
                    Some('n') => meant.push('\n'),
                    Some('r') => meant.push('\r'),
                    Some(other @ ('"' | '\\')) => meant.push(other),
                    Some(other) => meant.extend(['\\', other]),
                    None => meant.push('\\'),
                }
            }
            other => meant.push(other),
        }
    }
    (None, read)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_written_by_hand_are_understood() {
        let text = "# note\nA=1 # one\n export B = 'x # y'\nC=\"a\\nb\\\"c\\\"\"\nnonsense\n=x\nD=\n\
                    E=\"open\nF=`two\nlines` # rest\nG='grüße'\r\nH=\"-----BEGIN\nabc\n-----END\"\nI=a=b";
        let read = parse(text);
        let read: Vec<_> = read.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        // What is opened and closed later takes the lines between with it.
        let expected = [
            ("A", "1"),
            ("B", "x # y"),
            ("C", "a\nb\"c\""),
            ("D", ""),
            ("E", "open\nF=`two\nlines` # rest\nG='grüße'\r\nH="),
            ("I", "a=b"),
        ];
        assert_eq!(read, expected);
        let read = parse("F=`two\nlines` # rest\nG='grüße'\r\nH=\"one\nabc\n\"\nI='open");
        let read: Vec<_> = read.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        assert_eq!(read, [("F", "two\nlines"), ("G", "grüße"), ("H", "one\nabc\n"), ("I", "open")]);
    }

    #[test]
    fn lines_that_set_something_are_counted() {
        for (text, expected) in
            [("", 0), ("A=1\n\n# B=2\n  C = 3\nno\n=x", 3), ("A=1", 1), ("A=\r\nB=2\r\n", 2)]
        {
            assert_eq!(count(text), expected, "{text:?}");
        }
    }

    #[test]
    fn names_that_would_break_the_file_are_none() {
        for (name, expected) in
            [("A_1", true), ("a.b-c", true), ("", false), ("A=B", false), ("A B", false)]
        {
            assert_eq!(is_name(name), expected, "{name:?}");
        }
    }
}
