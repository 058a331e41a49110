//! What of an answer was told while it came.

use greenroom_actors::ids::{LetterId, MemoryId};
use greenroom_actors::pieces::Piece;

/// What of the whole answer was not told piece by piece.
#[derive(Debug, PartialEq, Eq)]
pub enum Rest {
    /// The pieces were all of it.
    Nothing,
    /// The end of it.
    More(String),
    /// The pieces were something else: the whole stands in their place.
    Other,
}

/// What of an answer was told: words that follow one another without a gap.
#[derive(Debug)]
pub struct Unfolding {
    letter: LetterId,
    /// What the whole will be kept as: a second attempt has another.
    memory: Option<MemoryId>,
    words: String,
    next: u32,
}

impl Unfolding {
    /// Nothing yet of the answer to that letter.
    #[must_use]
    pub fn of(letter: LetterId) -> Self {
        Self { letter, memory: None, words: String::new(), next: 0 }
    }

    /// The words of a piece, if they follow what was told. After a gap, and where the agent begins
    /// anew, nothing is told until the whole is there.
    pub fn take<'a>(&mut self, piece: &'a Piece) -> Option<&'a str> {
        if piece.letter_id != self.letter || piece.index != self.next {
            return None;
        }
        if *self.memory.get_or_insert(piece.memory_id) != piece.memory_id {
            return None;
        }
        self.next = self.next.saturating_add(1);
        self.words.push_str(&piece.text);
        Some(&piece.text)
    }

    /// What is left to tell of the whole.
    #[must_use]
    pub fn rest(&self, whole: &str) -> Rest {
        match whole.strip_prefix(self.words.as_str()) {
            Some("") => Rest::Nothing,
            Some(more) => Rest::More(more.to_owned()),
            // White space around it is no other answer.
            None if self.words.trim() == whole.trim() => Rest::Nothing,
            None => Rest::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use greenroom_actors::ids::AgentId;
    use proptest::prelude::*;

    use super::*;

    fn piece(letter_id: LetterId, index: u32, text: &str) -> Piece {
        let (agent_id, memory_id) = (AgentId::new(), MemoryId(letter_id.0));
        let text = text.to_owned();
        Piece { agent_id, letter_id, memory_id, heard: None, index, text }
    }

    proptest! {
        /// Whatever a watcher missed, and whatever repeats itself in an answer.
        #[test]
        fn increments_and_the_rest_are_the_whole(
            answer in prop::collection::vec(("[ab \u{f6}]{0,3}", any::<bool>()), 0..12),
        ) {
            let letter = LetterId::new();
            let mut told = Unfolding::of(letter);
            let (mut whole, mut heard) = (String::new(), String::new());
            for (index, (text, is_missed)) in (0_u32..).zip(&answer) {
                whole.push_str(text);
                if !is_missed {
                    heard.extend(told.take(&piece(letter, index, text)).map(str::to_owned));
                }
            }
            match told.rest(&whole) {
                Rest::Nothing => prop_assert_eq!(heard.trim(), whole.trim()),
                Rest::More(more) => prop_assert_eq!(heard + &more, whole),
                Rest::Other => prop_assert!(false, "{heard:?} does not begin {whole:?}"),
            }
        }
    }

    #[test]
    fn what_is_told_is_the_beginning_of_the_whole() {
        let (ours, others) = (LetterId::new(), LetterId::new());
        let more = |text: &str| Rest::More(text.to_owned());
        for (pieces, whole, words, rest) in [
            (&[(ours, 0, "ha"), (ours, 1, "ha")][..], "haha", &["ha", "ha"][..], Rest::Nothing),
            (&[(ours, 0, "a"), (others, 1, "x"), (ours, 1, "b")], "abc", &["a", "b"], more("c")),
            (&[(ours, 0, "a"), (ours, 2, "c")], "abc", &["a"], more("bc")),
            (&[(ours, 1, "b")], "ab", &[], more("ab")),
            (&[(ours, 0, "a"), (ours, 0, "b")], "b", &["a"], Rest::Other),
            (&[(ours, 0, "a \n")], "a", &["a \n"], Rest::Nothing),
            (&[], "", &[], Rest::Nothing),
        ] {
            let mut told = Unfolding::of(ours);
            let mut found = Vec::new();
            for (letter_id, index, text) in pieces {
                let piece = piece(*letter_id, *index, text);
                found.extend(told.take(&piece).map(str::to_owned));
            }
            assert_eq!(found, words, "{pieces:?}");
            assert_eq!(told.rest(whole), rest, "{pieces:?}");
        }
    }
}
