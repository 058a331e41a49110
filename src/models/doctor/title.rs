//! Giving a talk its title: the words that it turned on, as they came up.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

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

/// Who speaks in the lines of whoever is not the agent.
const PERSON: &str = "User";

/// Words that say nothing of what a talk is about.
static COMMON: LazyLock<HashSet<&str>> = LazyLock::new(|| WORDS.split_whitespace().collect());
const WORDS: &str = "\
    able about after again all almost also always and another any anyone anything are aren't \
    around ask away back because been before being better between both but came can can't come \
    could couldn't did didn't does doesn't doing don't done down each else enough even ever every \
    everything far feel few for from full get getting give goes going gone good got had has have \
    haven't having hear hello help her here hey him his how however into isn't its just keep kind \
    know last later least less let like little long look lot made make many matter may maybe mean \
    might mind mine more most much must myself near need never new next nice nobody none not \
    nothing now off often okay once one only other others our out over own perhaps please point \
    put quite rather really right said same saw say saying see seem seems should since some \
    somebody someone something soon still such sure take tell than thank thanks that the their \
    them then there these they thing things think this those though thought through time told too \
    two under until use used very want wanted was wasn't way well went were what when where \
    whether which while who whole whom whose why will with within without won't word words would \
    yes yet you your yours yourself";

/// A word of the talk: what it weighs, and where it first came up.
struct Weighed<'a> {
    word: &'a Word,
    weight: usize,
    place: usize,
}

/// A title of three to six words for the talk that the last turn holds.
pub(super) fn title(character: &Character, turns: &[Turn]) -> String {
    let talk = turns.last().map_or("", |turn| turn.text.as_str());
    let topics: Vec<Word> =
        topics(character).iter().flat_map(|text| clauses(text).concat()).collect();
    let said: Vec<(Word, usize)> = talk.lines().flat_map(weighed).collect();
    let mut weights = HashMap::<&str, Weighed<'_>>::new();
    for (place, (word, weight)) in said.iter().enumerate() {
        if !says_something(word) {
            continue;
        }
        let fresh = Weighed { word, weight: 0, place };
        let weighed = weights.entry(word.key.as_str()).or_insert(fresh);
        let is_topic = topics.iter().any(|topic| topic.key == word.key);
        weighed.weight += if is_topic { weight * TOPIC_WEIGHT } else { *weight };
    }
    let mut heaviest: Vec<Weighed<'_>> = weights.into_values().collect();
    heaviest.sort_by_key(|word| (Reverse(word.weight), word.place));
    heaviest.truncate(WORDS_MAX);
    // What was said in passing is left out beside what was come back to.
    let least = heaviest.first().map_or(0, |first| first.weight.div_ceil(2));
    heaviest.retain(|word| word.weight >= least);
    heaviest.sort_by_key(|word| word.place);
    let words: Vec<String> = heaviest.iter().map(|one| capitalised(&one.word.shown)).collect();
    match words.as_slice() {
        [] => "A Short Talk".to_owned(),
        [one] => format!("A Talk about {one}"),
        [one, two] => format!("A Talk about {one} and {two}"),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// The words of a line, and what each weighs: it is the person whom the talk is about.
fn weighed(line: &str) -> Vec<(Word, usize)> {
    let (speaker, words) = line.split_once(": ").unwrap_or(("", line));
    let weight = if speaker == PERSON { 2 } else { 1 };
    clauses(words).concat().into_iter().map(|word| (word, weight)).collect()
}

fn says_something(word: &Word) -> bool {
    word.key.chars().count() >= LETTERS_MIN
        && word.key.chars().any(char::is_alphabetic)
        && !COMMON.contains(word.key.as_str())
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
                "Garden, Roses and Looms",
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
