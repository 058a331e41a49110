//! Taking a text apart into clauses of words.

/// Bytes of a text that are read.
const TEXT_MAX_BYTES: usize = 2_048;

/// Clauses of a text that are read.
const CLAUSES_MAX: usize = 12;

/// Words of a clause that are read.
const CLAUSE_WORDS_MAX: usize = 40;

/// Letters of a word that are read.
const WORD_LETTERS_MAX: usize = 40;

/// A word as it was written and as it is compared.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Word {
    /// As written.
    pub(super) shown: String,
    /// In small letters.
    pub(super) key: String,
}

impl Word {
    fn new(shown: &str) -> Self {
        let shown: String = shown.chars().take(WORD_LETTERS_MAX).collect();
        Self { key: shown.to_lowercase(), shown }
    }
}

/// The clauses of `text`: what stands between full stops, commas and each "but".
pub(super) fn clauses(text: &str) -> Vec<Vec<Word>> {
    let text = text.get(..text.floor_char_boundary(TEXT_MAX_BYTES)).unwrap_or(text);
    let text = text.replace(['\u{2019}', '\u{2018}'], "'");
    let ends =
        ['.', ',', '!', '?', ';', ':', '\n', '(', ')', '"', '…', '–', '—', '。', '、', '！', '？'];
    let mut clauses: Vec<Vec<Word>> = Vec::new();
    for part in text.split(ends) {
        let mut clause: Vec<Word> = Vec::new();
        for word in part.split(|letter: char| !(letter.is_alphanumeric() || "'-_".contains(letter)))
        {
            let word = word.trim_matches(['\'', '-', '_']);
            if word.is_empty() {
                continue;
            }
            if word.eq_ignore_ascii_case("but") {
                clauses.push(std::mem::take(&mut clause));
                continue;
            }
            spell_out(word, &mut clause);
        }
        clauses.push(clause);
    }
    clauses.retain(|clause| !clause.is_empty());
    clauses.truncate(CLAUSES_MAX);
    clauses.iter_mut().for_each(|clause| clause.truncate(CLAUSE_WORDS_MAX));
    clauses
}

/// Adds a word, contractions spelled out, so that a rule needs one form alone.
fn spell_out(word: &str, clause: &mut Vec<Word>) {
    let key = word.to_lowercase();
    let parts: &[&str] = match key.as_str() {
        "i'm" | "im" => &["I", "am"],
        "i've" | "ive" => &["I", "have"],
        "i'll" => &["I", "will"],
        "i'd" => &["I", "would"],
        "you're" | "youre" => &["you", "are"],
        "you've" => &["you", "have"],
        "you'll" => &["you", "will"],
        "you'd" => &["you", "would"],
        "what's" | "whats" => &["what", "is"],
        "who's" => &["who", "is"],
        "it's" => &["it", "is"],
        "that's" | "thats" => &["that", "is"],
        "cannot" | "cant" => &["can't"],
        "dont" => &["don't"],
        "didnt" => &["didn't"],
        "wont" => &["won't"],
        _ => &[],
    };
    if parts.is_empty() {
        clause.push(Word::new(word));
    } else {
        clause.extend(parts.iter().map(|part| Word::new(part)));
    }
}

/// The words as one text again.
pub(super) fn joined(words: &[Word]) -> String {
    words.iter().map(|word| word.shown.as_str()).collect::<Vec<_>>().join(" ")
}

/// The first letter large, as a sentence begins.
pub(super) fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// A number that stands for `parts`: equal parts, equal number (FNV-1a).
pub(super) fn number<'a>(parts: impl IntoIterator<Item = &'a str>) -> usize {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    for byte in parts.into_iter().flat_map(|part| part.bytes().chain([0xff])) {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }
    usize::try_from((hash ^ (hash >> 32)) & 0xffff_ffff).unwrap_or(0)
}

/// The one of `options` at `place`, counted round and round; nothing only if there is none.
pub(super) fn cycled<T>(options: &[T], place: usize) -> Option<&T> {
    options.get(place.checked_rem(options.len())?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_falls_into_clauses_with_contractions_spelled_out() {
        let found: Vec<String> =
            clauses("I’m tired, but you're NOT! (Really?) --").iter().map(|c| joined(c)).collect();
        assert_eq!(found, ["I am tired", "you are NOT", "Really"]);
        assert!(clauses(" …!").is_empty());
    }

    #[test]
    fn long_texts_are_read_in_part() {
        let clauses = clauses(&"word ".repeat(10_000));
        assert_eq!(clauses.iter().map(Vec::len).collect::<Vec<_>>(), [CLAUSE_WORDS_MAX]);
    }
}
