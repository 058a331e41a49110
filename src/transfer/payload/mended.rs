//! JSON as JavaScript writes it, made fit for a stricter reader.
//!
//! A text of JavaScript may hold half of a surrogate pair, and is then written with an escape that
//! names no character: `\ud83d` alone. Such an escape becomes `\ufffd`, which is as long.

use std::io::{self, Read};

/// Bytes that are read at once.
const PIECE_BYTES: usize = 32 * 1024;

/// What stands for half of a pair.
const REPLACEMENT: &[u8] = b"\\ufffd";

/// Mends what is read from it.
pub(super) struct Mended<R> {
    inner: R,
    piece: Vec<u8>,
    mended: Vec<u8>,
    given: usize,
    state: State,
    /// The digits of the first half of a pair, while it is not known whether the other follows.
    high: Option<[u8; 4]>,
    is_over: bool,
}

#[derive(Clone, Copy)]
enum State {
    Plain,
    /// After a backslash.
    Escape,
    /// After `\u` and so many digits.
    Digits([u8; 4], usize),
}

impl<R: Read> Mended<R> {
    pub(super) fn of(inner: R) -> Self {
        Self {
            inner,
            piece: vec![0; PIECE_BYTES],
            mended: Vec::with_capacity(PIECE_BYTES),
            given: 0,
            state: State::Plain,
            high: None,
            is_over: false,
        }
    }

    /// Reads on to the end, for the errors that come on the way.
    pub(super) fn drain(&mut self) -> io::Result<()> {
        io::copy(&mut self.inner, &mut io::sink()).map(drop)
    }

    fn refill(&mut self) -> io::Result<()> {
        self.mended.clear();
        self.given = 0;
        while self.mended.is_empty() && !self.is_over {
            let count = self.inner.read(&mut self.piece)?;
            let piece = std::mem::take(&mut self.piece);
            match piece.get(..count) {
                Some([]) | None => self.end(),
                Some(bytes) => self.mend(bytes),
            }
            self.piece = piece;
        }
        Ok(())
    }

    fn mend(&mut self, mut bytes: &[u8]) {
        while let Some((first, rest)) = bytes.split_first() {
            match self.state {
                State::Plain if self.high.is_none() => {
                    // Nearly everything is passed on as it is, up to the next backslash.
                    let length = bytes.iter().position(|byte| *byte == b'\\');
                    let (plain, after) = bytes.split_at(length.unwrap_or(bytes.len()));
                    self.mended.extend_from_slice(plain);
                    if let Some((_, after)) = after.split_first() {
                        self.state = State::Escape;
                        bytes = after;
                        continue;
                    }
                    return;
                }
                State::Plain if *first == b'\\' => self.state = State::Escape,
                State::Plain => {
                    self.give_up_high();
                    self.mended.push(*first);
                }
                State::Escape if *first == b'u' => self.state = State::Digits([0; 4], 0),
                State::Escape => {
                    self.give_up_high();
                    self.mended.extend([b'\\', *first]);
                    self.state = State::Plain;
                }
                State::Digits(digits, count) => self.digit(digits, count, *first),
            }
            bytes = rest;
        }
    }

    fn digit(&mut self, mut digits: [u8; 4], count: usize, digit: u8) {
        if let Some(place) = digits.get_mut(count) {
            *place = digit;
        }
        if !digit.is_ascii_hexdigit() {
            // It is no JSON; the reader shall see it as it is.
            self.give_up_high();
            self.mended.extend_from_slice(b"\\u");
            self.mended.extend_from_slice(digits.get(..=count).unwrap_or_default());
            self.state = State::Plain;
        } else if count < 3 {
            self.state = State::Digits(digits, count + 1);
        } else {
            self.state = State::Plain;
            self.unit(digits);
        }
    }

    /// A whole escape.
    fn unit(&mut self, digits: [u8; 4]) {
        let unit = std::str::from_utf8(&digits).ok();
        let unit = unit.and_then(|digits| u16::from_str_radix(digits, 16).ok()).unwrap_or(0);
        match (unit, self.high.take()) {
            (0xd800..=0xdbff, before) => {
                self.high = before;
                self.give_up_high();
                self.high = Some(digits);
            }
            (0xdc00..=0xdfff, Some(high)) => {
                self.escape(high);
                self.escape(digits);
            }
            (0xdc00..=0xdfff, None) => self.mended.extend_from_slice(REPLACEMENT),
            (_, before) => {
                self.high = before;
                self.give_up_high();
                self.escape(digits);
            }
        }
    }

    fn escape(&mut self, digits: [u8; 4]) {
        self.mended.extend_from_slice(b"\\u");
        self.mended.extend_from_slice(&digits);
    }

    /// The first half of a pair that the other does not follow.
    fn give_up_high(&mut self) {
        if self.high.take().is_some() {
            self.mended.extend_from_slice(REPLACEMENT);
        }
    }

    fn end(&mut self) {
        self.is_over = true;
        self.give_up_high();
        match self.state {
            State::Plain => {}
            State::Escape => self.mended.push(b'\\'),
            State::Digits(digits, count) => {
                self.mended.extend_from_slice(b"\\u");
                self.mended.extend_from_slice(digits.get(..count).unwrap_or_default());
            }
        }
    }
}

impl<R: Read> Read for Mended<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.given >= self.mended.len() {
            self.refill()?;
        }
        let mut left = self.mended.get(self.given..).unwrap_or_default();
        let count = left.read(into)?;
        self.given += count;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Reads so many bytes at a time.
    struct Slow<'a>(&'a [u8], usize);

    impl Read for Slow<'_> {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            let most = self.1.min(into.len());
            self.0.read(&mut into[..most])
        }
    }

    fn mended(text: &str, pace: usize) -> String {
        let mut out = String::new();
        Mended::of(Slow(text.as_bytes(), pace)).read_to_string(&mut out).unwrap();
        out
    }

    #[test]
    fn halves_of_pairs_are_replaced_and_all_else_stays() {
        for (text, expected) in [
            ("", ""),
            (r#""plain \n \\ \" \u0041 é""#, r#""plain \n \\ \" \u0041 é""#),
            (r#""\ud83d\ude00""#, r#""\ud83d\ude00""#),
            (r#""\ud83d""#, r#""\ufffd""#),
            (r#""\uDE00x""#, r#""\ufffdx""#),
            (r#""\ud83dx""#, r#""\ufffdx""#),
            (r#""\ud83d\n""#, r#""\ufffd\n""#),
            (r#""\ud83d\ud83d\ude00""#, r#""\ufffd\ud83d\ude00""#),
            (r#""\ud83d\u0041""#, r#""\ufffd\u0041""#),
            (r#""\\ud83d""#, r#""\\ud83d""#),
            (r#""\ud83"#, r#""\ud83"#),
            (r#""\ud83g""#, r#""\ud83g""#),
            (r"\", r"\"),
            (r"\u", r"\u"),
            (r"\ud83d", r"\ufffd"),
        ] {
            for pace in [1, 2, 3, 1_000] {
                assert_eq!(mended(text, pace), expected, "{text}");
            }
        }
    }

    proptest! {
        #[test]
        fn what_was_right_is_not_touched(text: String, pace in 1_usize..50) {
            let json = serde_json::to_string(&text).unwrap();
            prop_assert_eq!(mended(&json, pace), json);
        }

        #[test]
        fn what_javascript_writes_can_be_read(
            units in prop::collection::vec(prop_oneof![0xd7f0_u16..0xe010, any::<u16>()], 0..40),
            pace in 1_usize..50,
        ) {
            let escapes: String = units.iter().map(|unit| format!("\\u{unit:04x}")).collect();
            let read: String =
                serde_json::from_str(&mended(&format!("\"{escapes}\""), pace)).unwrap();
            prop_assert_eq!(read, String::from_utf16_lossy(&units));
        }
    }
}
