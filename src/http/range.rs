//! Which part of a file a client asks for (RFC 9110, section 14).

use actix_web::http::header::{HeaderMap, RANGE};

use super::version::Version;

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
    /// What the request asks for of a file of that length, in that version.
    ///
    /// Ranges that cannot be read, of another unit, of nothing, or more than one at a time are passed
    /// over, as the specification allows: the client gets the whole.
    #[must_use]
    pub fn asked(request: &HeaderMap, length: u64, version: &Version) -> Self {
        let Some(range) = request.get(RANGE).and_then(|range| range.to_str().ok()) else {
            return Self::Whole;
        };
        if length == 0 || !version.continues(request) {
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

#[cfg(test)]
mod tests {
    use actix_web::http::header::{HeaderValue, IF_RANGE};

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
            ("bytes=-5", 0, Extent::Whole),
            ("bytes=0-0", 0, Extent::Whole),
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
            let asked = Extent::asked(&request, length, &Version::default());
            assert_eq!(asked, expected, "{range} of {length}");
            request.insert(IF_RANGE, HeaderValue::from_static("\"of another version\""));
            assert_eq!(Extent::asked(&request, length, &Version::default()), Extent::Whole);
        }
        let all = Extent::asked(&HeaderMap::new(), 10, &Version::default());
        assert_eq!(all, Extent::Whole);
    }
}
