//! Addresses of e-mail.

/// Bytes of an address at most.
const ADDRESS_MAX_BYTES: usize = 254;

/// The address that a text is, in lower case: one `@` with something on both sides, and no spaces.
/// Whether it exists only a message can tell.
#[must_use]
pub fn address(text: &str) -> Option<String> {
    let text = text.trim();
    let (local, domain) = text.split_once('@')?;
    let is_whole = !local.is_empty() && !domain.is_empty() && !domain.contains('@');
    let is_plain = !text.chars().any(|letter| letter.is_whitespace() || letter.is_control());
    (is_whole && is_plain && text.len() <= ADDRESS_MAX_BYTES).then(|| text.to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::address;

    #[test]
    fn an_address_has_one_at_sign_with_something_on_both_sides() {
        for (text, expected) in [
            ("a@b", Some("a@b")),
            (" Ada@Example.ORG ", Some("ada@example.org")),
            ("", None),
            ("@", None),
            ("a@", None),
            ("@b", None),
            ("a@b@c", None),
            ("a b@c", None),
            ("a@b\r\nBcc: x", None),
        ] {
            assert_eq!(address(text).as_deref(), expected, "{text:?}");
        }
        assert!(address(&format!("{}@b", "a".repeat(252))).is_some());
        assert!(address(&format!("{}@b", "a".repeat(253))).is_none());
    }
}
