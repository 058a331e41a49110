//! Ids as Trinity writes them: the 16 bytes of ours in 22 characters of URL-safe base64.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use uuid::Uuid;

/// An id of ours, as clients know it.
pub(super) fn of(id: Uuid) -> String {
    URL_SAFE_NO_PAD.encode(id.as_bytes())
}

/// The id that a client means, if it is one.
pub(super) fn parse(text: &str) -> Option<Uuid> {
    // Longer texts are no ids, and not worth decoding.
    if text.len() != 22 {
        return None;
    }
    let bytes: [u8; 16] = URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()?;
    Some(Uuid::from_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_id_comes_back_and_nothing_else_is_one() {
        for id in [Uuid::nil(), Uuid::max(), Uuid::now_v7(), Uuid::new_v4()] {
            assert_eq!(of(id).len(), 22);
            assert_eq!(parse(&of(id)), Some(id));
        }
        for text in ["", "a", "////////////////////==", &"A".repeat(23), &"é".repeat(11)] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
