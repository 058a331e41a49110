//! Globs as Python's `fnmatch` knows them: `*`, `?`, `[abc]`, `[a-c]`, `[!abc]`; `*` also crosses
//! slashes.

/// Whether `text` as a whole is what `pattern` describes. Takes time in proportion to the two
/// lengths multiplied, whatever they are.
#[must_use]
pub fn matches(pattern: &str, text: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let text: Vec<char> = text.chars().collect();
    let (mut at, mut from) = (0, 0);
    // The last star, and where in the text what follows it was tried last: no earlier star needs
    // to be tried again.
    let mut star: Option<(usize, usize)> = None;
    while from < text.len() {
        let rest = pattern.get(at..).unwrap_or_default();
        if rest.first() == Some(&'*') {
            star = Some((at + 1, from));
            at += 1;
            continue;
        }
        match text.get(from).and_then(|letter| one(rest, *letter)) {
            Some(taken) => {
                at += taken;
                from += 1;
            }
            None => match star {
                Some((after, tried)) => {
                    star = Some((after, tried + 1));
                    (at, from) = (after, tried + 1);
                }
                None => return false,
            },
        }
    }
    pattern.get(at..).unwrap_or_default().iter().all(|letter| *letter == '*')
}

/// How much of `pattern` stands for that one letter; `None` if its beginning does not.
fn one(pattern: &[char], letter: char) -> Option<usize> {
    match pattern {
        ['?', ..] => Some(1),
        ['[', within @ ..] => match set(within) {
            Some((is_negated, letters, length)) => {
                (is_in(letters, letter) != is_negated).then_some(length + 1)
            }
            // Without its end it is a letter like others.
            None => (letter == '[').then_some(1),
        },
        [first, ..] => (*first == letter).then_some(1),
        [] => None,
    }
}

/// A set of letters: whether it is of all others, the letters, and how long it is to its end.
fn set(within: &[char]) -> Option<(bool, &[char], usize)> {
    let is_negated = within.first() == Some(&'!');
    let begin = usize::from(is_negated);
    let letters = within.get(begin..)?;
    // The first may be the bracket itself.
    let end = letters.iter().skip(1).position(|letter| *letter == ']')? + 1;
    Some((is_negated, letters.get(..end)?, begin + end + 1))
}

fn is_in(letters: &[char], letter: char) -> bool {
    match letters {
        [from, '-', to, rest @ ..] => (*from..=*to).contains(&letter) || is_in(rest, letter),
        [one, rest @ ..] => *one == letter || is_in(rest, letter),
        [] => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_a_whole() {
        for (pattern, text, expected) in [
            ("*.py", "a.py", true),
            ("*.py", "src/a.py", true),
            ("*.py", "a.pyc", false),
            ("*", "", true),
            ("", "", true),
            ("", "a", false),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "a-c-b", false),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("[abc].c", "b.c", true),
            ("[a-c]x", "bx", true),
            ("[a-c]x", "dx", false),
            ("[!a-c]x", "dx", true),
            ("[!a-c]x", "ax", false),
            ("[]]", "]", true),
            ("[", "[", true),
            ("[a", "[a", true),
            (".env.*", ".env.local", true),
            (".env.*", ".env", false),
            ("É*", "Éa", true),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn many_stars_do_not_take_long() {
        assert!(!matches(&("*a".repeat(100) + "b"), &"a".repeat(1000)));
    }
}
