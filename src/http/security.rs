//! Headers that tell a browser to be careful, in the values that elizaOS' clients meet.

use actix_web::http::header::{
    CONTENT_SECURITY_POLICY, HeaderMap, HeaderName, HeaderValue, REFERRER_POLICY,
    STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS, X_DNS_PREFETCH_CONTROL, X_FRAME_OPTIONS,
    X_XSS_PROTECTION,
};

/// Constants, so that their characters are checked when this is compiled and not at each answer.
const EVERYWHERE: [(HeaderName, HeaderValue); 9] = [
    (
        CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(
            "default-src 'self';\
             style-src 'self' 'unsafe-inline' https: http:;\
             script-src * 'unsafe-inline' 'unsafe-eval';\
             img-src 'self' data: blob: https: http:;\
             font-src 'self' https: http: data:;\
             connect-src 'self' ws: wss: https: http:;\
             media-src 'self' blob: data:;\
             object-src 'none';\
             frame-src 'self' data:;\
             base-uri 'self';\
             form-action 'self'",
        ),
    ),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        HeaderValue::from_static("same-origin"),
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        HeaderValue::from_static("cross-origin"),
    ),
    (HeaderName::from_static("origin-agent-cluster"), HeaderValue::from_static("?1")),
    (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (X_DNS_PREFETCH_CONTROL, HeaderValue::from_static("off")),
    (HeaderName::from_static("x-download-options"), HeaderValue::from_static("noopen")),
    (X_FRAME_OPTIONS, HeaderValue::from_static("SAMEORIGIN")),
    (
        HeaderName::from_static("x-permitted-cross-domain-policies"),
        HeaderValue::from_static("none"),
    ),
];

/// The API is a little stricter than pages.
const API: [(HeaderName, HeaderValue); 3] = [
    (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (X_XSS_PROTECTION, HeaderValue::from_static("1; mode=block")),
    (STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=31536000; includeSubDomains")),
];

const PAGES: [(HeaderName, HeaderValue); 2] = [
    (REFERRER_POLICY, HeaderValue::from_static("no-referrer-when-downgrade")),
    (X_XSS_PROTECTION, HeaderValue::from_static("0")),
];

/// Adds the headers. A page that says itself what it may load keeps its own, stricter policy.
pub fn tell(is_api: bool, headers: &mut HeaderMap) {
    for (name, value) in EVERYWHERE {
        if name != CONTENT_SECURITY_POLICY || !headers.contains_key(CONTENT_SECURITY_POLICY) {
            headers.insert(name, value);
        }
    }
    if is_api {
        for (name, value) in API {
            headers.insert(name, value);
        }
    } else {
        for (name, value) in PAGES {
            headers.insert(name, value);
        }
    }
}
