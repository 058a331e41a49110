//! The built-in embedder: signed feature hashing.
//!
//! Each word, and each run of three to five letters in it, is hashed to one of 384 dimensions and a
//! sign; the sum is brought to length one (Weinberger et al. 2009, "Feature Hashing for Large Scale
//! Multitask Learning"). Texts that share words, or parts of words, are near one another. It knows
//! nothing of meaning, which is why its name says what it does: it is lexical.

/// Dimensions of a vector.
pub const DIMENSIONS: usize = 384;

/// The name that its embeddings carry.
pub const NAME: &str = "hash-384";

/// Bytes of a text that are looked at; what follows changes nothing.
///
/// A text of this length takes about a millisecond.
pub const TEXT_MAX_BYTES: usize = 16 * 1024;

/// The shortest and the longest run of letters that is a feature of its own.
const RUN: std::ops::RangeInclusive<usize> = 3..=5;

const WORD_WEIGHT: f32 = 1.0;
const RUN_WEIGHT: f32 = 0.4;
/// Words of up to three letters are mostly grammar.
const SHORT_WORD_WEIGHT: f32 = 0.2;

const HASH_START: u64 = 0xcbf2_9ce4_8422_2325;

/// The vector of `text`, of length one.
///
/// A text without a letter or digit has the first unit vector, so that it is comparable at all.
#[must_use]
pub fn embed(text: &str) -> Vec<f32> {
    let mut sum = vec![0.0_f32; DIMENSIONS];
    let mut word: Vec<char> = Vec::with_capacity(32);
    for letter in beginning(text).chars().flat_map(char::to_lowercase) {
        if letter.is_alphanumeric() {
            word.push(letter);
        } else {
            add_word(&mut sum, &word);
            word.clear();
        }
    }
    add_word(&mut sum, &word);
    normalise(&mut sum);
    sum
}

/// Brings a vector to length one; one without a direction becomes the first unit vector.
pub(super) fn normalise(vector: &mut [f32]) {
    let length = vector.iter().map(|value| value * value).sum::<f32>().sqrt();
    if length > 0.0 && length.is_finite() {
        vector.iter_mut().for_each(|value| *value /= length);
        return;
    }
    vector.fill(0.0);
    if let Some(first) = vector.first_mut() {
        *first = 1.0;
    }
}

fn beginning(text: &str) -> &str {
    text.get(..text.floor_char_boundary(TEXT_MAX_BYTES)).unwrap_or(text)
}

fn add_word(sum: &mut [f32], word: &[char]) {
    if word.is_empty() {
        return;
    }
    let weight = if word.len() > 3 { WORD_WEIGHT } else { SHORT_WORD_WEIGHT };
    let whole = word.iter().fold(HASH_START, |hash, letter| step(hash, *letter));
    add(sum, mix(whole), weight);
    if word.len() < 2 {
        return;
    }
    // The ends of a word are letters of their own, so that "art" in "start" is not the word "art".
    for start in 0..word.len() {
        let marked = (start == 0).then_some('<').into_iter();
        let letters = marked.chain(word.iter().skip(start).copied()).chain(['>']);
        let mut hash = !HASH_START;
        for (index, letter) in letters.take(*RUN.end()).enumerate() {
            hash = step(hash, letter);
            if RUN.contains(&(index + 1)) {
                add(sum, mix(hash), RUN_WEIGHT);
            }
        }
    }
}

/// FNV-1a over code points.
fn step(hash: u64, letter: char) -> u64 {
    (hash ^ u64::from(u32::from(letter))).wrapping_mul(0x0000_0100_0000_01b3)
}

/// Spreads a hash over all its bits (the finisher of MurmurHash3).
fn mix(hash: u64) -> u64 {
    let hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    let hash = (hash ^ (hash >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    hash ^ (hash >> 33)
}

fn add(sum: &mut [f32], hash: u64, weight: f32) {
    // 384 is 3 · 128: the low half picks the dimension, the top bit the sign.
    let index = usize::try_from((hash & 0xffff_ffff) % 384).unwrap_or(0);
    if let Some(slot) = sum.get_mut(index) {
        *slot += if hash >> 63 == 0 { weight } else { -weight };
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn likeness(one: &str, two: &str) -> f32 {
        embed(one).iter().zip(embed(two)).map(|(a, b)| a * b).sum()
    }

    #[test]
    fn texts_that_share_words_are_nearer_than_those_that_do_not() {
        let query = "where is the garden gate";
        let near = likeness(query, "The gate of the garden is painted green.");
        let inflected = likeness(query, "gardens and gates");
        let far = likeness(query, "Quarterly figures rose by nine percent");
        assert!(near > 0.5, "{near}");
        assert!(inflected > 0.25, "{inflected}");
        assert!(far.abs() < 0.2, "{far}");
    }

    #[test]
    fn case_and_punctuation_do_not_matter() {
        assert!(likeness("Hello, World!", "hello world") > 0.999);
        assert!(likeness("ÉCOLE à midi", "école À MIDI") > 0.999);
    }

    #[test]
    fn a_text_without_words_has_a_vector_too() {
        for text in ["", "  ", "?!…"] {
            assert_eq!(embed(text).first(), Some(&1.0));
        }
    }

    #[test]
    fn the_name_says_how_many_dimensions() {
        assert!(NAME.ends_with(&format!("-{DIMENSIONS}")));
    }

    proptest! {
        #[test]
        fn every_text_has_a_vector_of_length_one(text in any::<String>()) {
            let vector = embed(&text);
            prop_assert_eq!(vector.len(), DIMENSIONS);
            let length: f32 = vector.iter().map(|value| value * value).sum();
            prop_assert!((length - 1.0).abs() < 1e-3);
        }
    }
}
