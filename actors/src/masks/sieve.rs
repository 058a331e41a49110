//! A text that comes in pieces, without secrets.

use std::sync::Arc;

use super::{MASK, Mask};

/// Lets a text through piece by piece: what could be the beginning of a secret is held back until it
/// cannot be, so that the pieces together are the text as the mask leaves it.
#[derive(Debug)]
pub struct Sieve {
    mask: Arc<Mask>,
    /// What is held back, behind what is needed to see a secret that overlaps another.
    held: String,
    /// Bytes of it that are part of a secret which was told of already.
    covered: usize,
}

impl Sieve {
    /// A sieve of that mask.
    #[must_use]
    pub fn new(mask: Arc<Mask>) -> Self {
        Self { mask, held: String::new(), covered: 0 }
    }

    /// Takes the next piece; answers with what may be told by now.
    pub fn push(&mut self, piece: &str) -> String {
        self.held.push_str(piece);
        let open_from = self.open_from();
        self.release(open_from)
    }

    /// The text is over: what is still held back.
    pub fn finish(&mut self) -> String {
        self.release(self.held.len())
    }

    /// Where the first thing begins that may yet become a secret; the end if there is none.
    fn open_from(&self) -> usize {
        let bytes = self.held.as_bytes();
        let first = bytes.len().saturating_sub(self.mask.longest().saturating_sub(1));
        let may_be = |at: &usize| {
            self.held.is_char_boundary(*at)
                && bytes.get(*at..).is_some_and(|rest| self.mask.may_become_secret(rest))
        };
        (first..bytes.len()).find(may_be).unwrap_or(bytes.len())
    }

    /// Lets all before `open_from` through.
    fn release(&mut self, open_from: usize) -> String {
        let mut told = String::new();
        let mut from = self.covered;
        for (start, end) in self.mask.spans(&self.held) {
            if start < from {
                // It overlaps one that was told of.
                from = from.max(end);
                continue;
            }
            if start >= open_from {
                break;
            }
            told.push_str(self.held.get(from..start).unwrap_or_default());
            told.push_str(MASK);
            from = end;
        }
        if from < open_from {
            told.push_str(self.held.get(from..open_from).unwrap_or_default());
            from = open_from;
        }
        self.held.drain(..open_from);
        self.covered = from.saturating_sub(open_from);
        told
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sieved(secrets: &[&str], pieces: &[&str]) -> Vec<String> {
        let mut sieve = Sieve::new(Arc::new(Mask::over(secrets.iter().copied()).unwrap()));
        let mut told: Vec<_> = pieces.iter().map(|piece| sieve.push(piece)).collect();
        told.push(sieve.finish());
        told
    }

    #[test]
    fn what_may_become_a_secret_is_held_back() {
        for (pieces, expected) in [
            (&["my key is s", "k-", "one."][..], &["my key is ", "", "***.", ""][..]),
            (&["so s", "o"], &["so ", "so", ""]),
            (&["sk-on"], &["", "sk-on"]),
            (&["sk-one"], &["***", ""]),
            (&["plain"], &["plain", ""]),
        ] {
            assert_eq!(sieved(&["sk-one"], pieces), expected, "{pieces:?}");
        }
    }

    proptest! {
        #[test]
        fn the_pieces_together_are_the_masked_text(
            secrets in prop::collection::vec("[abé]{4,6}", 1..4),
            pieces in prop::collection::vec("[abcé]{0,5}", 0..12),
        ) {
            let secrets: Vec<_> = secrets.iter().map(String::as_str).collect();
            let pieces: Vec<_> = pieces.iter().map(String::as_str).collect();
            let whole = pieces.concat();
            let masked = Mask::over(secrets.iter().copied()).unwrap();
            let masked = masked.on(&whole);
            prop_assert_eq!(sieved(&secrets, &pieces).concat(), masked.as_ref());
        }
    }
}
