//! Headers that tell a browser to be careful, in the values that elizaOS' clients meet.

use actix_web::http::header::{
    CONTENT_SECURITY_POLICY, HeaderMap, HeaderName, HeaderValue, REFERRER_POLICY,
    STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS, X_DNS_PREFETCH_CONTROL, X_FRAME_OPTIONS,
    X_XSS_PROTECTION,
};

const POLICY: &str = "default-src 'self';\
    style-src 'self' 'unsafe-inline' https: http:;\
    script-src * 'unsafe-inline' 'unsafe-eval';\
    img-src 'self' data: blob: https: http:;\
    font-src 'self' https: http: data:;\
    connect-src 'self' ws: wss: https: http:;\
    media-src 'self' blob: data:;\
    object-src 'none';\
    frame-src 'self' data:;\
    base-uri 'self';\
    form-action 'self'";

/// Adds the headers; those of the API are a little stricter than those of pages.
pub fn tell(is_api: bool, headers: &mut HeaderMap) {
    let fixed = [
        (CONTENT_SECURITY_POLICY, POLICY),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "cross-origin"),
        (HeaderName::from_static("origin-agent-cluster"), "?1"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (X_DNS_PREFETCH_CONTROL, "off"),
        (HeaderName::from_static("x-download-options"), "noopen"),
        (X_FRAME_OPTIONS, "SAMEORIGIN"),
        (HeaderName::from_static("x-permitted-cross-domain-policies"), "none"),
    ];
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
    let (referrer, xss) =
        if is_api { ("no-referrer", "1; mode=block") } else { ("no-referrer-when-downgrade", "0") };
    headers.insert(REFERRER_POLICY, HeaderValue::from_static(referrer));
    headers.insert(X_XSS_PROTECTION, HeaderValue::from_static(xss));
    if is_api {
        let transport = HeaderValue::from_static("max-age=31536000; includeSubDomains");
        headers.insert(STRICT_TRANSPORT_SECURITY, transport);
    }
}
