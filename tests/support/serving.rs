//! What the servers of the tests share: requests of HTTP as they come in, and answers.

use serde_json::Value;

/// The first whole request: its path, its body as JSON, and its length.
pub(crate) fn request(bytes: &[u8]) -> Option<(String, Value, usize)> {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let head = std::str::from_utf8(&bytes[..end]).unwrap();
    let path = head.split(' ').nth(1).unwrap().to_owned();
    let length = head
        .lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .map_or(0, |(_, value)| value.trim().parse::<usize>().unwrap());
    let body = serde_json::from_slice(bytes.get(end..end + length)?).unwrap_or(Value::Null);
    Some((path, body, end + length))
}

/// An answer in JSON, at once.
pub(crate) fn whole(status: u16, body: &Value) -> String {
    let body = body.to_string();
    format!(
        "HTTP/1.1 {status} Stub\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}
