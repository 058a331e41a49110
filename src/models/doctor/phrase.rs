//! Reading requests: what is left of a text once its polite words are gone, and what stands where in
//! it. Texts are kept to the letter, for a path or an address must be.

use uuid::Uuid;

/// Bytes of a request that are read.
const TEXT_MAX_BYTES: usize = 8_192;

/// What people put before a request and do not mean.
const POLITE: [&str; 22] = [
    "please",
    "kindly",
    "can you",
    "could you",
    "would you",
    "will you",
    "i want you to",
    "i would like you to",
    "i'd like you to",
    "you should",
    "now",
    "then",
    "and",
    "ok",
    "okay",
    "hey",
    "hi",
    "hello",
    "well",
    "so",
    "do",
    "just",
];

/// The request in `text`, told to whoever has that name.
pub(super) fn request<'a>(text: &'a str, name: &str) -> &'a str {
    let text = text.get(..text.floor_char_boundary(TEXT_MAX_BYTES)).unwrap_or_default();
    let mut rest = text.trim();
    loop {
        let before = rest;
        for word in POLITE.iter().copied().chain([name]) {
            if let Some(after) = after(rest, word)
                // "do you remember" and "do it" begin a question and an order of their own.
                && !(word == "do" && begins(after, &["you", "it", "not"]))
            {
                rest = after;
            }
        }
        if rest == before {
            break;
        }
    }
    let end = |letter: char| letter.is_whitespace() || matches!(letter, '.' | '!' | '?');
    let rest = rest.trim_end_matches(end);
    match rest.to_ascii_lowercase().strip_suffix("please") {
        Some(kept) => rest.get(..kept.len()).unwrap_or(rest).trim_end_matches([' ', ',']),
        None => rest,
    }
}

/// What comes after `words`, if `text` begins with them and they end there.
pub(super) fn after<'a>(text: &'a str, words: &str) -> Option<&'a str> {
    let begin = text.get(..words.len())?;
    let rest = text.get(words.len()..)?;
    let ends = !rest.starts_with(|letter: char| letter.is_alphanumeric() || letter == '\'');
    let is_there = !words.is_empty() && begin.eq_ignore_ascii_case(words) && ends;
    is_there.then(|| rest.trim_start_matches([' ', ',', ':', '\n', '\t']))
}

/// What comes after the first of several that `text` begins with; `None` if nothing does.
pub(super) fn after_any<'a>(text: &'a str, all: &[&str]) -> Option<&'a str> {
    all.iter().find_map(|words| after(text, words)).filter(|rest| !rest.is_empty())
}

/// Whether `text` begins with one of these.
pub(super) fn begins(text: &str, all: &[&str]) -> bool {
    all.iter().any(|words| after(text, words).is_some())
}

/// Whether `text` is one of these.
pub(super) fn is_one_of(text: &str, all: &[&str]) -> bool {
    all.iter().any(|words| text.eq_ignore_ascii_case(words))
}

/// What stands before and after the last of `words`, spaces around it.
pub(super) fn around_last<'a>(text: &'a str, words: &str) -> Option<(&'a str, &'a str)> {
    let middle = format!(" {words} ");
    // In the same places, for only letters of ASCII change.
    let place = text.to_ascii_lowercase().rfind(&middle)?;
    Some((text.get(..place)?.trim(), text.get(place + middle.len()..)?.trim()))
}

/// What stands before and after the first of `words`, spaces around it.
pub(super) fn around<'a>(text: &'a str, words: &str) -> Option<(&'a str, &'a str)> {
    let middle = format!(" {words} ");
    let place = text.to_ascii_lowercase().find(&middle)?;
    Some((text.get(..place)?.trim(), text.get(place + middle.len()..)?.trim()))
}

/// `text` without the quotation marks around it.
pub(super) fn unquoted(text: &str) -> &str {
    text.trim().trim_matches(['"', '\'', '`', '“', '”', '‘', '’'])
}

/// The first id that stands in `text`.
pub(super) fn id_in(text: &str) -> Option<Uuid> {
    let parts = text.split(|letter: char| !(letter.is_ascii_hexdigit() || letter == '-'));
    parts.filter(|part| part.len() == 36).find_map(|part| Uuid::parse_str(part).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn polite_words_are_passed_over_and_the_rest_is_kept() {
        for (text, expected) in [
            ("Ada, could you please read Notes.TXT?", "read Notes.TXT"),
            ("please fetch http://a.test/B, please", "fetch http://a.test/B"),
            ("Do you remember it?", "Do you remember it"),
            ("pleased to meet you", "pleased to meet you"),
            ("adamant people", "adamant people"),
            ("", ""),
        ] {
            assert_eq!(request(text, "Ada"), expected, "{text}");
        }
    }

    #[test]
    fn ids_are_found_in_a_line() {
        let id = "6b29fc40-ca47-1067-b31d-00dd010662da";
        assert_eq!(id_in(&format!("- water (id {id}) every day")), id.parse().ok());
        assert_eq!(id_in("- no id, only 6b29fc40"), None);
    }
}
