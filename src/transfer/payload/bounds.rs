//! Bounds on one record of a payload, kept while it is read.
//!
//! A reader builds each record as a whole, so that one record must not be as large as the whole file
//! may be; nor may it consist of millions of small values, each of which takes many times its length.

use std::io::{self, Read};

use crate::transfer::container::Fault;

/// Bytes of one record: as much as the original allows for a whole payload.
const RECORD_MAX_BYTES: u64 = 16 * 1024 * 1024;

/// Values and keys in one record.
const RECORD_MAX_VALUES: u64 = 256 * 1024;

/// Objects and lists within one another. What a record holds is kept by itself, and read again by a
/// reader that allows for 127; within a payload it stands three deep.
const DEPTH_MAX: u64 = 130;

/// Passes on what is read from it, up to a record that is too large.
pub(super) struct Bounded<R> {
    inner: R,
    is_in_text: bool,
    is_escaped: bool,
    depth: u64,
    /// Whether the value at the top level that is being read is a list of records.
    is_list: bool,
    /// Since the last record began.
    bytes: u64,
    values: u64,
}

impl<R: Read> Bounded<R> {
    pub(super) fn of(inner: R) -> Self {
        Self {
            inner,
            is_in_text: false,
            is_escaped: false,
            depth: 0,
            is_list: false,
            bytes: 0,
            values: 0,
        }
    }

    /// What it reads from, where the bounds no longer count.
    pub(super) fn get_mut(&mut self) -> &mut R {
        &mut self.inner
    }

    fn look(&mut self, byte: u8) {
        if self.is_in_text {
            match byte {
                _ if self.is_escaped => self.is_escaped = false,
                b'\\' => self.is_escaped = true,
                b'"' => self.is_in_text = false,
                _ => {}
            }
            return;
        }
        match byte {
            b'"' => self.is_in_text = true,
            b'{' | b'[' => {
                self.depth = self.depth.saturating_add(1);
                if self.depth == 2 {
                    self.is_list = byte == b'[';
                }
                self.mark();
            }
            b'}' | b']' => {
                self.depth = self.depth.saturating_sub(1);
                self.mark();
            }
            b',' | b':' => self.mark(),
            _ => {}
        }
    }

    /// A new value, and perhaps a new record.
    fn mark(&mut self) {
        if self.depth <= 1 || (self.depth == 2 && self.is_list) {
            self.bytes = 0;
            self.values = 0;
        } else {
            self.values += 1;
        }
    }
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(into)?;
        for byte in into.get(..count).unwrap_or_default() {
            self.bytes += 1;
            self.look(*byte);
            if self.bytes > RECORD_MAX_BYTES {
                return Err(
                    Fault::TooLarge { what: "bytes of a record", limit: RECORD_MAX_BYTES }.io()
                );
            }
            if self.depth > DEPTH_MAX {
                return Err(Fault::TooDeep.io());
            }
            if self.values > RECORD_MAX_VALUES {
                let fault =
                    Fault::TooLarge { what: "values of a record", limit: RECORD_MAX_VALUES };
                return Err(fault.io());
            }
        }
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_fit(text: &str) -> bool {
        io::copy(&mut Bounded::of(text.as_bytes()), &mut io::sink()).is_ok()
    }

    #[test]
    fn one_record_is_bounded_and_their_number_is_not() {
        let long = "x".repeat(9 * 1024 * 1024);
        let record = format!(r#"{{"id":"\"[{{","text":"{long}"}}"#);
        assert!(is_fit(&format!(r#"{{"version":1,"memories":[{record},{record},{record}]}}"#)));
        assert!(!is_fit(&format!(r#"{{"memories":[{{"a":{record},"b":{record}}}]}}"#)));
        assert!(is_fit(&format!(r#"{{"agent":{record},"characterConfig":{record}}}"#)));
        assert!(!is_fit(&format!(r#"{{"agent":{{"a":"{long}","b":"{long}"}}}}"#)));
        assert!(!is_fit(&" ".repeat(17 * 1024 * 1024)));

        let small = r#"{"id":"1"},"#.repeat(400_000);
        assert!(is_fit(&format!(r#"{{"entities":[{small}1]}}"#)));
        let nested = |depth| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(is_fit(&nested(130)));
        assert!(!is_fit(&nested(131)));
        let many = "[],".repeat(300_000);
        assert!(!is_fit(&format!(r#"{{"entities":[{{"id":[{many}1]}}]}}"#)));
        assert!(!is_fit(&format!(r#"{{"agent":{{"id":[{many}1]}}}}"#)));
    }
}
