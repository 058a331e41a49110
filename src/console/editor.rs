//! A line as it is typed.

/// Bytes of a line at most; what goes beyond is not taken.
pub const LINE_MAX_BYTES: usize = 16 * 1024;

const INTERRUPT: u8 = 0x03;
const END: u8 = 0x04;
const BELL: u8 = 0x07;
const BACKSPACE: u8 = 0x08;
const KILL_LINE: u8 = 0x15;
const KILL_WORD: u8 = 0x17;
const ESCAPE: u8 = 0x1b;
const DELETE: u8 = 0x7f;

/// Takes back the letter before the cursor.
const ERASE: &[u8] = b"\x08 \x08";

/// What came of a byte.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Did {
    /// A whole line.
    Line(String),
    /// A line with more bytes than a line may have; they are gone.
    TooLong,
    /// The person gave the line up.
    Interrupted,
    /// The person is done.
    Ended,
}

/// Where in a key's sequence of bytes it stands, of a key that types no letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Key {
    Letter,
    Escaped,
    Sequence,
}

/// Makes lines of bytes: with a terminal, which shows nothing by itself, or without.
#[derive(Debug)]
pub(super) struct Editor {
    is_terminal: bool,
    line: Vec<u8>,
    is_too_long: bool,
    key: Key,
    /// Whether the byte before ended a line as a carriage return.
    was_return: bool,
}

impl Editor {
    pub(super) fn new(is_terminal: bool) -> Self {
        let line = Vec::new();
        Self { is_terminal, line, is_too_long: false, key: Key::Letter, was_return: false }
    }

    /// Takes a byte; what a terminal has to show for it is added to `echo`.
    pub(super) fn take(&mut self, byte: u8, echo: &mut Vec<u8>) -> Option<Did> {
        let was_return = std::mem::replace(&mut self.was_return, byte == b'\r');
        if byte == b'\n' && was_return && self.is_terminal {
            return None;
        }
        if !self.is_terminal {
            return match byte {
                b'\n' => Some(self.finish()),
                b'\r' => None,
                byte => self.add(byte),
            };
        }
        match self.key {
            Key::Escaped => {
                self.key = if matches!(byte, b'[' | b'O') { Key::Sequence } else { Key::Letter };
                return None;
            }
            Key::Sequence => {
                if (0x40..=0x7e).contains(&byte) {
                    self.key = Key::Letter;
                }
                return None;
            }
            Key::Letter => {}
        }
        match byte {
            b'\r' | b'\n' => {
                echo.extend_from_slice(b"\r\n");
                return Some(self.finish());
            }
            INTERRUPT => {
                echo.extend_from_slice(b"^C\r\n");
                self.clear();
                return Some(Did::Interrupted);
            }
            END if self.line.is_empty() => return Some(Did::Ended),
            DELETE | BACKSPACE => self.erase(echo),
            KILL_WORD => self.erase_word(echo),
            KILL_LINE => {
                while !self.line.is_empty() {
                    self.erase(echo);
                }
            }
            ESCAPE => self.key = Key::Escaped,
            b'\t' => self.show(b' ', echo),
            byte if byte < b' ' => {}
            byte => self.show(byte, echo),
        }
        None
    }

    /// What was typed and not ended, where nothing comes any more.
    pub(super) fn rest(&mut self) -> Option<Did> {
        if self.line.is_empty() && !self.is_too_long { None } else { Some(self.finish()) }
    }

    fn add(&mut self, byte: u8) -> Option<Did> {
        if self.line.len() < LINE_MAX_BYTES {
            self.line.push(byte);
        } else {
            self.is_too_long = true;
        }
        None
    }

    fn show(&mut self, byte: u8, echo: &mut Vec<u8>) {
        if self.line.len() < LINE_MAX_BYTES {
            self.line.push(byte);
            echo.push(byte);
        } else {
            echo.push(BELL);
        }
    }

    /// Takes a whole letter back, whatever number of bytes it has.
    fn erase(&mut self, echo: &mut Vec<u8>) {
        if self.line.is_empty() {
            return;
        }
        while let Some(byte) = self.line.pop() {
            if byte & 0b1100_0000 != 0b1000_0000 {
                break;
            }
        }
        echo.extend_from_slice(ERASE);
    }

    fn erase_word(&mut self, echo: &mut Vec<u8>) {
        while self.line.last() == Some(&b' ') {
            self.erase(echo);
        }
        while self.line.last().is_some_and(|byte| *byte != b' ') {
            self.erase(echo);
        }
    }

    fn finish(&mut self) -> Did {
        let is_too_long = self.is_too_long;
        let line = String::from_utf8_lossy(&self.line).into_owned();
        self.clear();
        if is_too_long { Did::TooLong } else { Did::Line(line) }
    }

    fn clear(&mut self) {
        self.line.clear();
        self.is_too_long = false;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn typed(is_terminal: bool, bytes: &[u8]) -> (Vec<Did>, String) {
        let mut editor = Editor::new(is_terminal);
        let mut echo = Vec::new();
        let mut did: Vec<_> =
            bytes.iter().filter_map(|byte| editor.take(*byte, &mut echo)).collect();
        did.extend(editor.rest());
        (did, String::from_utf8_lossy(&echo).into_owned())
    }

    #[test]
    fn a_terminal_edits_lines() {
        let line = |text: &str| Did::Line(text.to_owned());
        for (bytes, did, echo) in [
            (&b"hi\r"[..], vec![line("hi")], "hi\r\n"),
            (b"a\r\nb\n", vec![line("a"), line("b")], "a\r\nb\r\n"),
            (b"hx\x7fi\r", vec![line("hi")], "hx\x08 \x08i\r\n"),
            ("h\u{e9}\x08\r".as_bytes(), vec![line("h")], "h\u{e9}\x08 \x08\r\n"),
            (b"\x7f\r", vec![line("")], "\r\n"),
            (b"no\x15\r", vec![line("")], "no\x08 \x08\x08 \x08\r\n"),
            (b"a b \x17\r", vec![line("a ")], "a b \x08 \x08\x08 \x08\r\n"),
            (b"a\x1b[A\x1b[3~\x1bOP\x1bxb\r", vec![line("ab")], "ab\r\n"),
            (b"a\tb\x01\r", vec![line("a b")], "a b\r\n"),
            (b"a\x03b\r", vec![Did::Interrupted, line("b")], "a^C\r\nb\r\n"),
            (b"a\x04\r\x04", vec![line("a"), Did::Ended], "a\r\n"),
        ] {
            assert_eq!(typed(true, bytes), (did, echo.to_owned()), "{bytes:?}");
        }
    }

    #[test]
    fn a_pipe_brings_lines_as_they_are() {
        let line = |text: &str| Did::Line(text.to_owned());
        for (bytes, did) in [
            (&b"one\ntwo"[..], vec![line("one"), line("two")]),
            (b"one\r\n\r\ntwo\n", vec![line("one"), line(""), line("two")]),
            (b"\x03\x04\n", vec![line("\x03\x04")]),
            (b"", vec![]),
        ] {
            assert_eq!(typed(false, bytes), (did, String::new()), "{bytes:?}");
        }
        let long = [b"a".repeat(LINE_MAX_BYTES + 1), b"\nb\n".to_vec()].concat();
        assert_eq!(typed(false, &long).0, [Did::TooLong, line("b")]);
        let full = [b"a".repeat(LINE_MAX_BYTES + 1), b"\r".to_vec()].concat();
        let (did, echo) = typed(true, &full);
        assert_eq!((did.len(), echo.matches('\x07').count()), (1, 1));
    }

    proptest! {
        #[test]
        fn whatever_comes_the_line_stays_within_its_bound(
            bytes in prop::collection::vec(any::<u8>(), 0..512),
            is_terminal: bool,
        ) {
            let mut editor = Editor::new(is_terminal);
            let mut echo = Vec::new();
            for byte in &bytes {
                drop(editor.take(*byte, &mut echo));
                prop_assert!(editor.line.len() <= LINE_MAX_BYTES);
            }
            // Without a terminal nothing is shown.
            prop_assert!(is_terminal || echo.is_empty());
        }
    }
}
