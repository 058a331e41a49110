//! Decomposition: whether a clause has a form, and what its open places hold.

use super::words::Word;

/// One place of a form.
enum Place {
    /// Any words, also none.
    Open,
    /// One word, which is one of these.
    OneOf(Vec<&'static str>),
}

/// The form of a clause.
///
/// Written as words with `*` for any number of words, and `a|b` for either of two words.
pub(super) struct Pattern(Vec<Place>);

impl Pattern {
    /// Reads a form.
    pub(super) fn new(form: &'static str) -> Self {
        let place = |word: &'static str| match word {
            "*" => Place::Open,
            words => Place::OneOf(words.split('|').collect()),
        };
        Self(form.split_whitespace().map(place).collect())
    }

    /// What the open places hold, in order, if `clause` has this form. Earlier places hold as
    /// little as they can.
    pub(super) fn taken_apart<'a>(&self, clause: &'a [Word]) -> Option<Vec<&'a [Word]>> {
        let mut held = Vec::new();
        fits(&self.0, clause, &mut held).then_some(held)
    }
}

fn fits<'a>(places: &[Place], words: &'a [Word], held: &mut Vec<&'a [Word]>) -> bool {
    match places.split_first() {
        None => words.is_empty(),
        // The last open place needs no search.
        Some((Place::Open, [])) => {
            held.push(words);
            true
        }
        Some((Place::Open, rest)) => {
            let before = held.len();
            (0..=words.len()).filter_map(|at| words.split_at_checked(at)).any(|(taken, left)| {
                held.truncate(before);
                held.push(taken);
                fits(rest, left, held)
            })
        }
        Some((Place::OneOf(keys), rest)) => match words.split_first() {
            Some((word, left)) => keys.contains(&word.key.as_str()) && fits(rest, left, held),
            None => false,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::super::words::{clauses, joined};
    use super::*;

    #[test]
    fn open_places_hold_what_lies_between() {
        for (form, text, expected) in [
            ("*", "anything goes", Some(vec!["anything goes"])),
            ("* i need *", "well I need a rest", Some(vec!["well", "a rest"])),
            ("* i need *", "I need", Some(vec!["", ""])),
            ("* you * me *", "do you see me now", Some(vec!["do", "see", "now"])),
            ("yes|yeah *", "Yeah sure", Some(vec!["sure"])),
            ("yes|yeah *", "oh yes", None),
            ("* my *", "mine", None),
        ] {
            let clauses = clauses(text);
            let held = Pattern::new(form).taken_apart(&clauses[0]);
            let held: Option<Vec<String>> = held.map(|held| held.into_iter().map(joined).collect());
            let expected = expected.map(|e| e.into_iter().map(str::to_owned).collect::<Vec<_>>());
            assert_eq!(held, expected, "{form} / {text}");
        }
    }
}
