//! Naming a talk: the beginning of what was said first.

use greenroom_actors::character::Character;
use greenroom_actors::ports::{Role, Turn};

use super::words;

/// Words of a title.
const WORDS: std::ops::RangeInclusive<usize> = 3..=6;

/// A title for the talk that the turns are, of which the last is the wish for it.
pub(super) fn title(character: &Character, turns: &[Turn]) -> String {
    let mut clauses = turns
        .iter()
        .rev()
        .skip(1)
        .rev()
        .filter(|turn| turn.role == Role::User)
        .flat_map(|turn| words::clauses(&turn.text))
        .filter(|clause| clause.len() >= *WORDS.start());
    match clauses.next() {
        Some(clause) => {
            let words = clause.iter().take(*WORDS.end()).map(|word| word.shown.as_str());
            capital(&words.collect::<Vec<_>>().join(" "))
        }
        None => format!("A talk with {}", character.name),
    }
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    match letters.next() {
        Some(first) => first.to_uppercase().chain(letters).collect(),
        None => String::new(),
    }
}
