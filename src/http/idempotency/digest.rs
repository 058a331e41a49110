//! What makes two requests the same: their query, and their body's type, packing and content.

use actix_web::dev::ServiceRequest;
use actix_web::http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use sha2::{Digest, Sha256};

use crate::http::body::text_of;

/// Bytes that the boundary of a form may have (RFC 2046, section 5.1.1).
const BOUNDARY_MAX: usize = 70;

/// Adds a part whose length is told, so that parts do not run together.
pub(super) fn part(digest: &mut Sha256, bytes: &[u8]) {
    digest.update(bytes.len().to_be_bytes());
    digest.update(bytes);
}

/// The digest of a request, as far as its body was read.
///
/// Who sends a form again gives it another boundary, so the boundary is passed over.
pub(super) struct Fingerprint {
    digest: Sha256,
    delimiter: Option<Vec<u8>>,
    /// What was read and may be the beginning of a delimiter.
    held: Vec<u8>,
}

impl Fingerprint {
    /// That of a request without its body.
    pub(super) fn of(request: &ServiceRequest) -> Self {
        let sort = text_of(request.headers(), &CONTENT_TYPE);
        let (kind, parameters) = sort.split_once(';').unwrap_or((sort, ""));
        let kind = kind.trim().to_ascii_lowercase();
        let boundary = kind.starts_with("multipart/").then(|| boundary(parameters)).flatten();
        let mut digest = Sha256::new();
        part(&mut digest, request.query_string().as_bytes());
        part(&mut digest, kind.as_bytes());
        part(&mut digest, text_of(request.headers(), &CONTENT_ENCODING).as_bytes());
        let delimiter = boundary.map(|boundary| [b"\r\n--", boundary.as_bytes()].concat());
        // The first delimiter of a form has no end of a line before it.
        let held = if delimiter.is_some() { b"\r\n".to_vec() } else { Vec::new() };
        Self { digest, delimiter, held }
    }

    /// Takes what was read of the body.
    pub(super) fn take(&mut self, read: &[u8]) {
        let Some(delimiter) = &self.delimiter else {
            self.digest.update(read);
            return;
        };
        self.held.extend_from_slice(read);
        let mut rest = self.held.as_slice();
        while let Some((before, after)) = split(rest, delimiter) {
            self.digest.update(before);
            self.digest.update(b"\r\n--");
            rest = after;
        }
        let beginning = delimiter.len().saturating_sub(1);
        let (done, held) = rest.split_at(rest.len().saturating_sub(beginning));
        self.digest.update(done);
        self.held = held.to_vec();
    }

    /// What it comes to.
    pub(super) fn sum(&self) -> [u8; 32] {
        let mut digest = self.digest.clone();
        digest.update(&self.held);
        digest.finalize().into()
    }
}

/// What stands before and after the first `delimiter`.
fn split<'a>(bytes: &'a [u8], delimiter: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let at = bytes.windows(delimiter.len()).position(|window| window == delimiter)?;
    let (before, rest) = bytes.split_at_checked(at)?;
    Some((before, rest.get(delimiter.len()..)?))
}

fn boundary(parameters: &str) -> Option<&str> {
    let named = parameters.split(';').filter_map(|parameter| parameter.split_once('='));
    let mut named = named.filter(|(name, _)| name.trim().eq_ignore_ascii_case("boundary"));
    let boundary = named.next().map(|(_, value)| value.trim().trim_matches('"'))?;
    (1..=BOUNDARY_MAX).contains(&boundary.len()).then_some(boundary)
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    const JSON: &str = "application/json";

    fn sum(path: &str, sort: &str, body: &[u8], at_once: usize) -> [u8; 32] {
        let request = TestRequest::post().uri(path).insert_header((CONTENT_TYPE, sort));
        let mut fingerprint = Fingerprint::of(&request.to_srv_request());
        for read in body.chunks(at_once) {
            fingerprint.take(read);
        }
        fingerprint.sum()
    }

    #[test]
    fn requests_differ_by_query_type_and_body() {
        let first = sum("/a", JSON, b"{}", 9);
        assert_eq!(sum("/a", "Application/JSON; charset=utf-8", b"{}", 1), first);
        for (path, sort, body) in
            [("/a?b", JSON, "{}"), ("/a", "text/json", "{}"), ("/a", JSON, "{} "), ("/a", JSON, "")]
        {
            assert_ne!(sum(path, sort, body.as_bytes(), 9), first, "{path} {sort} {body}");
        }
    }

    #[test]
    fn forms_are_the_same_whatever_their_boundary_and_however_they_come() {
        let form = |boundary: &str, content: &str| {
            format!(
                "--{boundary}\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\n\
                 \r\n--\r\n{content}\r\n--{boundary}--\r\n"
            )
        };
        let sort = |boundary: &str| format!("multipart/form-data; boundary={boundary}");
        let first = sum("/a", &sort("one"), form("one", "hello").as_bytes(), 1000);
        for at_once in [1, 2, 3, 7, 64] {
            let again = form("another-one", "hello");
            let again = sum("/a", &sort("\"another-one\""), again.as_bytes(), at_once);
            assert_eq!(again, first, "{at_once} bytes at once");
        }
        let other = form("one", "hellO");
        assert_ne!(sum("/a", &sort("one"), other.as_bytes(), 1000), first);
        assert_ne!(sum("/a", &sort("one"), form("two", "hello").as_bytes(), 9), first);
    }
}
