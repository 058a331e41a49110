//! Forms of several parts (RFC 7578), as clients send files.

use super::http::Request;

/// Stands between the parts.
pub(crate) const BOUNDARY: &str = "----between-the-parts";

/// A part; `head` is what its disposition says after `form-data`, and further headers.
pub(crate) fn part(head: &str, content: &[u8]) -> Vec<u8> {
    let head = format!("--{BOUNDARY}\r\ncontent-disposition: form-data; {head}\r\n\r\n");
    [head.as_bytes(), content, b"\r\n"].concat()
}

/// A field.
pub(crate) fn text(field: &str, text: &str) -> Vec<u8> {
    part(&format!("name=\"{field}\""), text.as_bytes())
}

/// A file.
pub(crate) fn file(field: &str, name: &str, media_type: &str, content: &[u8]) -> Vec<u8> {
    let head = format!("name=\"{field}\"; filename=\"{name}\"\r\ncontent-type: {media_type}");
    part(&head, content)
}

/// What stands behind the last part.
pub(crate) fn end() -> Vec<u8> {
    format!("--{BOUNDARY}--\r\n").into_bytes()
}

/// The whole of it.
pub(crate) fn body(parts: &[Vec<u8>]) -> Vec<u8> {
    [parts.concat(), end()].concat()
}

/// The media type of the whole.
pub(crate) fn media_type() -> String {
    format!("multipart/form-data; boundary={BOUNDARY}")
}

/// The request that sends it.
pub(crate) fn request(path: &str, parts: &[Vec<u8>]) -> Request {
    let request = Request::new("POST", path).header("content-type", media_type());
    Request { body: Some(body(parts)), ..request }
}
