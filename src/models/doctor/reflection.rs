//! Exchanging the persons: what I say of you, you hear said of me.

use super::words::Word;

/// Words of what was said that are said back.
const WORDS_MAX: usize = 20;

/// Words after which "you" is the object, and becomes "me".
const BEFORE_OBJECT: [&str; 34] = [
    "about", "after", "against", "around", "ask", "at", "before", "behind", "believe", "beside",
    "by", "for", "from", "give", "hate", "help", "in", "into", "know", "like", "love", "meet",
    "need", "of", "on", "over", "see", "tell", "than", "thank", "to", "trust", "want", "with",
];

/// `words` with the persons exchanged.
pub(super) fn reflected(words: &[Word]) -> String {
    let mut text = String::new();
    let mut before = "";
    let said = words.get(..WORDS_MAX.min(words.len())).unwrap_or(words);
    for (place, word) in said.iter().enumerate() {
        let after = said.get(place + 1).map_or("", |next| next.key.as_str());
        if !text.is_empty() {
            text.push(' ');
        }
        text.push_str(exchanged(word, before, after));
        before = &word.key;
    }
    text
}

fn exchanged<'a>(word: &'a Word, before: &str, after: &str) -> &'a str {
    match word.key.as_str() {
        "i" | "me" => "you",
        "my" => "your",
        "mine" => "yours",
        "myself" => "yourself",
        "your" => "my",
        "yours" => "mine",
        "yourself" => "myself",
        "am" => "are",
        "was" if before == "i" => "were",
        "are" if before == "you" || (after == "you" && before != "they") => "am",
        "were" if before == "you" => "was",
        "you" if after.is_empty() => "me",
        "you" if BEFORE_OBJECT.contains(&before) => "me",
        "you" => "I",
        _ => &word.shown,
    }
}

#[cfg(test)]
mod tests {
    use super::super::words::clauses;
    use super::*;

    #[test]
    fn persons_are_exchanged_and_the_rest_is_kept() {
        for (said, expected) in [
            ("I am sad about my Friend Bob", "you are sad about your Friend Bob"),
            ("you are kind to me", "I am kind to you"),
            ("I wanted to thank you myself", "you wanted to thank me yourself"),
            ("I was lost and you were there", "you were lost and I was there"),
            ("my dog likes you", "your dog likes me"),
            ("they are yours", "they are mine"),
            ("you", "me"),
        ] {
            assert_eq!(reflected(&clauses(said)[0]), expected);
        }
        assert_eq!(reflected(&[]), "");
    }
}
