//! Giving a talk its title: the words that it turned on, as they came up.

use std::collections::HashMap;

use greenroom_actors::character::Character;
use greenroom_actors::ports::Turn;

use super::persona::topics;
use super::words::{Word, capitalised, clauses};

/// Words of a talk that go into its title.
const WORDS_MAX: usize = 4;

/// Letters of a word that may say what a talk is about.
const LETTERS_MIN: usize = 3;

/// What a word counts more that is one of the character's topics.
const TOPIC_WEIGHT: usize = 3;

/// Words that say nothing of what a talk is about.
const COMMON: &[&str] = &[
    "able",
    "about",
    "after",
    "again",
    "all",
    "almost",
    "also",
    "always",
    "and",
    "another",
    "any",
    "anyone",
    "anything",
    "are",
    "aren't",
    "around",
    "ask",
    "away",
    "back",
    "because",
    "been",
    "before",
    "being",
    "better",
    "between",
    "both",
    "but",
    "came",
    "can",
    "can't",
    "come",
    "could",
    "couldn't",
    "did",
    "didn't",
    "does",
    "doesn't",
    "doing",
    "don't",
    "done",
    "down",
    "each",
    "else",
    "enough",
    "even",
    "ever",
    "every",
    "everything",
    "far",
    "feel",
    "few",
    "for",
    "from",
    "full",
    "get",
    "getting",
    "give",
    "goes",
    "going",
    "gone",
    "good",
    "got",
    "had",
    "has",
    "have",
    "haven't",
    "having",
    "hear",
    "hello",
    "help",
    "her",
    "here",
    "hey",
    "him",
    "his",
    "how",
    "however",
    "into",
    "isn't",
    "its",
    "just",
    "keep",
    "kind",
    "know",
    "last",
    "later",
    "least",
    "less",
    "let",
    "like",
    "little",
    "long",
    "look",
    "lot",
    "made",
    "make",
    "many",
    "matter",
    "may",
    "maybe",
    "mean",
    "might",
    "mind",
    "mine",
    "more",
    "most",
    "much",
    "must",
    "myself",
    "near",
    "need",
    "never",
    "new",
    "next",
    "nice",
    "nobody",
    "none",
    "not",
    "nothing",
    "now",
    "off",
    "often",
    "okay",
    "once",
    "one",
    "only",
    "other",
    "others",
    "our",
    "out",
    "over",
    "own",
    "perhaps",
    "please",
    "point",
    "put",
    "quite",
    "rather",
    "really",
    "right",
    "said",
    "same",
    "saw",
    "say",
    "saying",
    "see",
    "seem",
    "seems",
    "should",
    "since",
    "some",
    "somebody",
    "someone",
    "something",
    "soon",
    "still",
    "such",
    "sure",
    "take",
    "tell",
    "than",
    "thank",
    "thanks",
    "that",
    "the",
    "their",
    "them",
    "then",
    "there",
    "these",
    "they",
    "thing",
    "things",
    "think",
    "this",
    "those",
    "though",
    "thought",
    "through",
    "time",
    "told",
    "too",
    "two",
    "under",
    "until",
    "use",
    "used",
    "very",
    "want",
    "wanted",
    "was",
    "wasn't",
    "way",
    "well",
    "went",
    "were",
    "what",
    "when",
    "where",
    "whether",
    "which",
    "while",
    "who",
    "whole",
    "whom",
    "whose",
    "why",
    "will",
    "with",
    "within",
    "without",
    "won't",
    "word",
    "words",
    "would",
    "yes",
    "yet",
    "you",
    "your",
    "yours",
    "yourself",
];

/// What a word of the talk weighs, and where it first came up.
#[derive(Clone, Copy, Default)]
struct Weight {
    heavy: usize,
    first: usize,
}

/// A title of three to six words for the talk that the last turn holds.
pub(super) fn title(character: &Character, turns: &[Turn]) -> String {
    let talk = turns.last().map_or("", |turn| turn.text.as_str());
    let said: Vec<Word> = talk.lines().flat_map(|line| clauses(words_of(line)).concat()).collect();
    let known: Vec<Word> =
        topics(character).iter().flat_map(|text| clauses(text).concat()).collect();
    let mut weights = HashMap::<&str, (Weight, &Word)>::new();
    for (place, word) in said.iter().enumerate().filter(|(_, word)| says_something(word)) {
        let fresh = (Weight { heavy: 0, first: place }, word);
        let (weight, _) = weights.entry(word.key.as_str()).or_insert(fresh);
        let is_topic = known.iter().any(|topic| topic.key == word.key);
        weight.heavy += if is_topic { TOPIC_WEIGHT } else { 1 };
    }
    let mut heaviest: Vec<(Weight, &Word)> = weights.into_values().collect();
    heaviest.sort_by_key(|(weight, _)| (std::cmp::Reverse(weight.heavy), weight.first));
    heaviest.truncate(WORDS_MAX);
    heaviest.sort_by_key(|(weight, _)| weight.first);
    let words: Vec<String> = heaviest.iter().map(|(_, word)| capitalised(&word.shown)).collect();
    match words.as_slice() {
        [] => "A Short Talk".to_owned(),
        [one] => format!("A Talk about {one}"),
        [one, two] => format!("A Talk about {one} and {two}"),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// A line without who spoke.
fn words_of(line: &str) -> &str {
    line.split_once(": ").map_or(line, |(_, words)| words)
}

fn says_something(word: &Word) -> bool {
    word.key.chars().count() >= LETTERS_MIN
        && word.key.chars().any(char::is_alphabetic)
        && !COMMON.contains(&word.key.as_str())
}

#[cfg(test)]
mod tests {
    use greenroom_actors::ports::Role;

    use super::*;

    #[test]
    fn a_title_names_what_the_talk_turned_on() {
        let ada = Character { topics: Some(vec!["looms".to_owned()]), ..Character::named("Ada") };
        for (talk, expected) in [
            (
                "User: My garden is full of roses.\nAda: Tell me about your garden.\n\
                 User: The roses need water, and looms too.\nAda: Which roses?",
                "Garden, Roses, Water and Looms",
            ),
            ("User: garden?\nAda: garden!", "A Talk about Garden"),
            ("User: cats and dogs", "A Talk about Cats and Dogs"),
            ("User: hello\nAda: yes", "A Short Talk"),
            ("", "A Short Talk"),
        ] {
            let turns = [Turn::new(Role::User, talk)];
            assert_eq!(title(&ada, &turns), expected, "{talk}");
        }
    }
}
