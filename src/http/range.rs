//! Which part of a file a client asks for (RFC 9110, section 14).

use actix_web::http::header::{HeaderMap, HeaderValue, HttpDate, IF_RANGE, RANGE};

/// What is to be sent of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// All of it.
    Whole,
    /// That many bytes from that one on, at least one.
    Part {
        /// The first of them.
        start: u64,
        /// How many.
        length: u64,
    },
    /// Nothing: it has no such part.
    Beyond,
}

impl Extent {
    /// What the request asks for of a file of that length.
    ///
    /// Ranges that cannot be read, of another unit, or more than one at a time are passed over, as
    /// the specification allows: the client gets the whole.
    #[must_use]
    pub fn asked(request: &HeaderMap, length: u64, modified: Option<HttpDate>) -> Self {
        let Some(range) = request.get(RANGE).and_then(|range| range.to_str().ok()) else {
            return Self::Whole;
        };
        if !request.get(IF_RANGE).is_none_or(|held| is_current(held, modified)) {
            return Self::Whole;
        }
        let Some((unit, range)) = range.split_once('=') else { return Self::Whole };
        if !unit.trim().eq_ignore_ascii_case("bytes") {
            return Self::Whole;
        }
        let Some((first, last)) = range.trim().split_once('-') else { return Self::Whole };
        match (number(first), number(last)) {
            (Ok(None), Ok(Some(count))) => match count.min(length) {
                0 => Self::Beyond,
                count => Self::Part { start: length.saturating_sub(count), length: count },
            },
            (Ok(Some(first)), Ok(last)) => {
                if last.is_some_and(|last| last < first) {
                    return Self::Whole;
                }
                let end = last.map_or(length, |last| last.saturating_add(1).min(length));
                match end.checked_sub(first) {
                    None | Some(0) => Self::Beyond,
                    Some(length) => Self::Part { start: first, length },
                }
            }
            _ => Self::Whole,
        }
    }
}

/// A number, or its absence.
fn number(text: &str) -> Result<Option<u64>, ()> {
    let text = text.trim();
    match text.bytes().all(|byte| byte.is_ascii_digit()) {
        true if text.is_empty() => Ok(None),
        // Only digits, so what does not fit is too large.
        true => Ok(Some(text.parse().unwrap_or(u64::MAX))),
        false => Err(()),
    }
}

/// Whether what the client holds is of the file as it is. Tags here are weak, and a weak one never
/// is enough to put two parts together; so a date alone can be.
fn is_current(held: &HeaderValue, modified: Option<HttpDate>) -> bool {
    let held = held.to_str().ok().and_then(|held| held.parse::<HttpDate>().ok());
    held.is_some() && held == modified
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    #[test]
    fn a_part_lies_within_the_file_or_there_is_none() {
        let part = |start, length| Extent::Part { start, length };
        for (range, length, expected) in [
            ("bytes=0-0", 10, part(0, 1)),
            ("bytes=2-5", 10, part(2, 4)),
            ("bytes=2-", 10, part(2, 8)),
            ("bytes=2-99", 10, part(2, 8)),
            ("bytes=-3", 10, part(7, 3)),
            ("bytes=-99", 10, part(0, 10)),
            ("Bytes= 2 - 5 ", 10, part(2, 4)),
            ("bytes=10-", 10, Extent::Beyond),
            ("bytes=-0", 10, Extent::Beyond),
            ("bytes=-5", 0, Extent::Beyond),
            ("bytes=0-0", 0, Extent::Beyond),
            ("bytes=99999999999999999999999-", 10, Extent::Beyond),
            ("bytes=0-99999999999999999999999", 10, part(0, 10)),
            ("bytes=5-2", 10, Extent::Whole),
            ("bytes=-", 10, Extent::Whole),
            ("bytes=0-1,3-4", 10, Extent::Whole),
            ("bytes=+1-2", 10, Extent::Whole),
            ("lines=0-1", 10, Extent::Whole),
            ("nonsense", 10, Extent::Whole),
        ] {
            let mut request = HeaderMap::new();
            request.insert(RANGE, HeaderValue::from_static(range));
            assert_eq!(Extent::asked(&request, length, None), expected, "{range} of {length}");
        }
        assert_eq!(Extent::asked(&HeaderMap::new(), 10, None), Extent::Whole);
    }

    #[test]
    fn a_part_of_another_version_is_not_sent() {
        let modified = HttpDate::from(UNIX_EPOCH + Duration::from_secs(1_000_000_000));
        for (held, expected) in [
            ("Sun, 09 Sep 2001 01:46:40 GMT", Extent::Part { start: 0, length: 1 }),
            ("Sun, 09 Sep 2001 01:46:41 GMT", Extent::Whole),
            ("W/\"a-b\"", Extent::Whole),
        ] {
            let mut request = HeaderMap::new();
            request.insert(RANGE, HeaderValue::from_static("bytes=0-0"));
            request.insert(IF_RANGE, HeaderValue::from_static(held));
            assert_eq!(Extent::asked(&request, 10, Some(modified)), expected, "{held}");
        }
    }
}
