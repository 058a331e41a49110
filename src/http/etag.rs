//! Weak entity tags, and whether a client has the answer already.

use std::hash::Hasher;

use actix_web::http::header::{CACHE_CONTROL, HeaderMap, HeaderValue, IF_NONE_MATCH};
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;

/// The tag of a body: its length and a hash, which is enough for a weak comparison.
#[must_use]
pub fn weak(body: &[u8]) -> Option<HeaderValue> {
    // Unkeyed, so the tag is the same after a restart; SipHash, so it is not easily collided.
    #[allow(deprecated, reason = "the one keyless SipHash whose result is fixed for good")]
    let mut hasher = std::hash::SipHasher::new();
    hasher.write(body);
    let mut digest = [0; 11];
    STANDARD_NO_PAD.encode_slice(hasher.finish().to_be_bytes(), &mut digest).ok()?;
    let digest = std::str::from_utf8(&digest).ok()?;
    HeaderValue::from_str(&format!("W/\"{:x}-{digest}\"", body.len())).ok()
}

/// Whether the request names this tag as one that the client holds (RFC 9110, section 13.1.2).
///
/// A request that asks for an end-to-end reload (`Cache-Control: no-cache`) holds nothing.
#[must_use]
pub fn is_held(request: &HeaderMap, tag: &HeaderValue) -> bool {
    let Some(held) = request.get(IF_NONE_MATCH).and_then(|value| value.to_str().ok()) else {
        return false;
    };
    let reloads = request
        .get(CACHE_CONTROL)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| value.to_ascii_lowercase().contains("no-cache"));
    let tag = opaque(tag.to_str().unwrap_or_default());
    !reloads && held.split(',').map(str::trim).any(|held| held == "*" || opaque(held) == tag)
}

fn opaque(tag: &str) -> &str {
    tag.strip_prefix("W/").unwrap_or(tag)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_bodies_have_equal_tags_and_others_do_not() {
        assert_eq!(weak(b"{}"), weak(b"{}"));
        assert_ne!(weak(b"{}"), weak(b"[]"));
        let tag = weak(&[b'x'; 39]).unwrap();
        assert!(tag.to_str().unwrap().starts_with("W/\"27-"));
    }

    #[test]
    fn a_client_holds_what_it_names() {
        let tag = weak(b"{}").unwrap();
        let text = tag.to_str().unwrap();
        for (held, control, expected) in [
            (text.to_owned(), "", true),
            (text.replace("W/", ""), "", true),
            (format!("\"other\", {text}"), "", true),
            ("*".to_owned(), "", true),
            ("\"other\"".to_owned(), "", false),
            (text.to_owned(), "no-cache", false),
        ] {
            let mut request = HeaderMap::new();
            request.insert(IF_NONE_MATCH, HeaderValue::from_str(&held).unwrap());
            request.insert(CACHE_CONTROL, HeaderValue::from_str(control).unwrap());
            assert_eq!(is_held(&request, &tag), expected, "{held} {control}");
        }
        assert!(!is_held(&HeaderMap::new(), &tag));
    }
}
