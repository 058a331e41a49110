//! Whether a request comes from a page of another site: a browser carries out what any page asks.
//!
//! Two things tell. `Origin` names the page's site, and browsers add it to whatever is not a plain
//! read. `Host` names whom the browser believes to speak with: a site that lets its own name lead
//! to this machine (DNS rebinding) is its own origin, but it cannot hide that name.

use std::net::IpAddr;

use actix_web::dev::RequestHead;
use actix_web::http::header::{HOST, HeaderMap, HeaderValue, ORIGIN};
use actix_web::http::uri::Authority;

/// Whether no page sent the request, or one of this listener, or one of the origin let in.
#[must_use]
pub fn is_welcome(headers: &HeaderMap, let_in: Option<&HeaderValue>) -> bool {
    let Some(origin) = headers.get(ORIGIN) else { return true };
    if let_in == Some(origin) {
        return true;
    }
    let origin = origin.to_str().ok().and_then(|origin| origin.split_once("://"));
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    match (origin, host) {
        (Some((_, origin)), Some(host)) => origin.eq_ignore_ascii_case(host),
        _ => false,
    }
}

/// Whether the request is meant for this machine, or for the address that it listens at. A request
/// that does not say is not a browser's.
#[must_use]
pub fn is_for(head: &RequestHead, bound: IpAddr) -> bool {
    let named = head.headers().get_all(HOST).map(|host| {
        let host = host.to_str().ok()?;
        host.parse::<Authority>().ok()
    });
    // A target with an authority goes before the header; so neither may name another.
    let target = head.uri.authority().map(|target| Some(target.clone()));
    named.chain(target).all(|host| host.is_some_and(|host| is_near(host.host(), bound)))
}

fn is_near(host: &str, bound: IpAddr) -> bool {
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    match bare.parse::<IpAddr>() {
        Ok(address) => address.to_canonical().is_loopback() || address == bound,
        Err(_name) => bare.strip_suffix('.').unwrap_or(bare).eq_ignore_ascii_case("localhost"),
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn pages_of_other_sites_are_not_welcome() {
        let ui = HeaderValue::from_static("http://ui.test");
        for (origin, host, let_in, expected) in [
            (None, "127.0.0.1:3000", None, true),
            (Some("http://127.0.0.1:3000"), "127.0.0.1:3000", None, true),
            (Some("https://Host.test"), "host.test", None, true),
            (Some("http://localhost:3001"), "localhost:3000", None, false),
            (Some("http://evil.test"), "127.0.0.1:3000", None, false),
            (Some("null"), "127.0.0.1:3000", None, false),
            (Some("127.0.0.1:3000"), "127.0.0.1:3000", None, false),
            (Some("http://ui.test"), "127.0.0.1:3000", Some(&ui), true),
            (Some("http://ui.test.evil"), "127.0.0.1:3000", Some(&ui), false),
        ] {
            let mut request = TestRequest::get().insert_header((HOST, host));
            if let Some(origin) = origin {
                request = request.insert_header((ORIGIN, origin));
            }
            let headers = request.to_srv_request().headers().clone();
            assert_eq!(is_welcome(&headers, let_in), expected, "{origin:?} at {host}");
        }
    }

    #[test]
    fn only_names_of_this_machine_are_its_names() {
        let bound: IpAddr = "192.0.2.7".parse().unwrap();
        for (host, expected) in [
            ("localhost", true),
            ("LOCALHOST.:3000", true),
            ("127.0.0.1:3000", true),
            ("127.8.8.8", true),
            ("[::1]:3000", true),
            ("[::ffff:127.0.0.1]", true),
            ("192.0.2.7:3000", true),
            ("192.0.2.8:3000", false),
            ("[2001:db8::1]", false),
            ("evil.test:3000", false),
            ("localhost.evil.test", false),
            ("127.0.0.1.evil.test", false),
            ("", false),
            ("a b", false),
        ] {
            let request = TestRequest::get().insert_header((HOST, host)).to_srv_request();
            assert_eq!(is_for(request.head(), bound), expected, "{host:?}");
        }
        let request = TestRequest::get().to_srv_request();
        assert!(is_for(request.head(), bound));
        let twice = TestRequest::get().append_header((HOST, "localhost"));
        let twice = twice.append_header((HOST, "evil.test")).to_srv_request();
        assert!(!is_for(twice.head(), bound));
        let target = TestRequest::get().uri("http://evil.test/").insert_header((HOST, "localhost"));
        assert!(!is_for(target.to_srv_request().head(), bound));
    }
}
