//! Who may call: the name that the listener is called by, the page that calls, and what it presents.

use std::net::IpAddr;

use actix_web::dev::RequestHead;
use actix_web::http::header::{AUTHORIZATION, HOST, HeaderMap, HeaderValue, ORIGIN};

use super::settings::MiladySettings;
use crate::http::auth::Token;

/// The names of this machine that the reference server goes by.
const OWN_NAMES: [&str; 5] =
    ["localhost", "127.0.0.1", "::1", "0:0:0:0:0:0:0:1", "::ffff:127.0.0.1"];

/// The hosts of pages on this machine, as they stand in an origin.
const OWN_PAGES: [&str; 4] = ["localhost", "127.0.0.1", "[::1]", "[0:0:0:0:0:0:0:1]"];

/// The schemes of pages that come with an application.
const OF_APPLICATIONS: [&str; 3] = ["capacitor", "capacitor-electron", "app"];

/// Headers that carry a token as they are, the stronger one first.
const KEYS: [&str; 2] = ["x-milady-token", "x-api-key"];

/// Whether the request calls the listener by a name of its own. A site that lets its own name lead to
/// this machine cannot hide that name.
pub(super) fn is_host_ours(head: &RequestHead, settings: &MiladySettings) -> bool {
    // A target with an authority goes before the header; so neither may name another.
    let target = head.uri.authority().map(|target| is_ours(target.as_str(), settings));
    let named = head.headers().get_all(HOST);
    let named = named.map(|host| host.to_str().is_ok_and(|host| is_ours(host, settings)));
    named.chain(target).all(|is_ours| is_ours)
}

fn is_ours(host: &str, settings: &MiladySettings) -> bool {
    let host = bare(host.trim()).to_ascii_lowercase();
    let is_ours = host.is_empty() || OWN_NAMES.contains(&host.as_str());
    is_ours
        || host.parse::<IpAddr>().is_ok_and(|address| address == settings.bind.ip())
        || settings.allowed_hosts.iter().any(|allowed| allowed.eq_ignore_ascii_case(&host))
}

/// A host without its port and brackets.
fn bare(host: &str) -> &str {
    let bracketed = host.strip_prefix('[').and_then(|rest| rest.split_once(']'));
    match (bracketed, host.rsplit_once(':')) {
        (Some((address, port)), _) if is_port(port) => address,
        // An address of the sixth version without brackets has more than one colon, and no port.
        (None, Some((name, port))) if !name.contains(':') && is_number(port) => name,
        _ => host,
    }
}

/// The origin that the answer may be read from, if the request has one.
///
/// # Errors
/// Where its pages may not call.
pub(super) fn origin<'a>(
    headers: &'a HeaderMap,
    settings: &MiladySettings,
) -> Result<Option<&'a HeaderValue>, ForeignOrigin> {
    let Some(origin) = headers.get(ORIGIN) else { return Ok(None) };
    let text = origin.to_str().map_err(|_not_text| ForeignOrigin)?;
    if is_welcome(text, settings) { Ok(Some(origin)) } else { Err(ForeignOrigin) }
}

/// Pages of that origin may not call.
#[derive(Debug)]
pub(super) struct ForeignOrigin;

fn is_welcome(origin: &str, settings: &MiladySettings) -> bool {
    if settings.allowed_origins.iter().any(|allowed| allowed == origin) {
        return true;
    }
    if origin == "null" {
        return settings.allows_null_origin;
    }
    let Some((scheme, host)) = origin.split_once("://") else { return false };
    let (scheme, host) = (scheme.to_ascii_lowercase(), host.to_ascii_lowercase());
    if OF_APPLICATIONS.contains(&scheme.as_str()) {
        return matches!(host.as_str(), "localhost" | "-" | "");
    }
    matches!(scheme.as_str(), "http" | "https")
        && OWN_PAGES.iter().any(|page| host.strip_prefix(page).is_some_and(is_port))
}

/// Whether what follows a host is nothing or a port.
fn is_port(rest: &str) -> bool {
    match rest.strip_prefix(':') {
        Some(port) => is_number(port),
        None => rest.is_empty(),
    }
}

fn is_number(port: &str) -> bool {
    !port.is_empty() && port.bytes().all(|digit| digit.is_ascii_digit())
}

/// Whether the headers carry the token. A bearer token goes before the other two.
pub(super) fn presents(headers: &HeaderMap, token: &Token) -> bool {
    presented(headers).is_some_and(|presented| token.is(presented))
}

fn presented(headers: &HeaderMap) -> Option<&[u8]> {
    if let Some(bearer) = headers.get(AUTHORIZATION).and_then(|value| bearer(value.as_bytes())) {
        return Some(bearer);
    }
    let keys = KEYS.into_iter().filter_map(|name| headers.get(name));
    let mut keys = keys.map(|value| value.as_bytes().trim_ascii());
    keys.find(|value| !value.is_empty())
}

/// The token of a bearer's credentials: any white space stands between the two words.
fn bearer(value: &[u8]) -> Option<&[u8]> {
    let value = value.trim_ascii();
    let (scheme, rest) = value.split_at_checked(6)?;
    let is_apart = rest.first().is_some_and(u8::is_ascii_whitespace);
    (scheme.eq_ignore_ascii_case(b"bearer") && is_apart).then(|| rest.trim_ascii())
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderName;
    use actix_web::test::TestRequest;

    use super::*;

    fn with(pairs: &[(&str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            let name = name.parse::<HeaderName>().unwrap();
            headers.insert(name, HeaderValue::from_str(value).unwrap());
        }
        headers
    }

    #[test]
    fn it_is_called_by_its_own_names_alone() {
        let settings = MiladySettings {
            bind: "192.0.2.7:2138".parse().unwrap(),
            allowed_hosts: vec!["room.test".to_owned()],
            ..MiladySettings::default()
        };
        for (host, expected) in [
            ("", true),
            ("localhost", true),
            ("LocalHost:2138", true),
            ("127.0.0.1:9", true),
            ("[::1]:2138", true),
            ("::1", true),
            ("[::ffff:127.0.0.1]", true),
            ("0:0:0:0:0:0:0:1", true),
            ("192.0.2.7:2138", true),
            ("Room.test:2138", true),
            ("192.0.2.8", false),
            ("127.0.0.1.evil.test", false),
            ("evil.test", false),
            ("evil.test:2138", false),
            ("[::1]evil.test", false),
            ("localhost:evil", false),
        ] {
            let request = TestRequest::get().insert_header((HOST, host)).to_srv_request();
            assert_eq!(is_host_ours(request.head(), &settings), expected, "{host:?}");
        }
        assert!(is_host_ours(TestRequest::get().to_srv_request().head(), &settings));
        let twice = TestRequest::get().append_header((HOST, "localhost"));
        let twice = twice.append_header((HOST, "evil.test")).to_srv_request();
        assert!(!is_host_ours(twice.head(), &settings));
    }

    #[test]
    fn pages_of_this_machine_and_those_allowed_may_call() {
        let settings = MiladySettings {
            allowed_origins: vec!["https://ui.test".to_owned()],
            ..MiladySettings::default()
        };
        for (origin, expected) in [
            ("http://localhost", true),
            ("https://LOCALHOST:5173", true),
            ("http://127.0.0.1:3000", true),
            ("http://[::1]:80", true),
            ("http://[0:0:0:0:0:0:0:1]", true),
            ("capacitor://localhost", true),
            ("capacitor-electron://-", true),
            ("app://", true),
            ("https://ui.test", true),
            ("https://ui.test:444", false),
            ("http://localhost.evil.test", false),
            ("http://localhost:x", false),
            ("app://evil", false),
            ("file://localhost", false),
            ("null", false),
            ("evil", false),
        ] {
            let found = origin_of(origin, &settings);
            assert_eq!(found, expected, "{origin}");
        }
        let lenient = MiladySettings { allows_null_origin: true, ..settings };
        assert!(origin_of("null", &lenient));
        assert!(matches!(super::origin(&HeaderMap::new(), &lenient), Ok(None)));
    }

    fn origin_of(origin: &str, settings: &MiladySettings) -> bool {
        matches!(super::origin(&with(&[("origin", origin)]), settings), Ok(Some(_)))
    }

    #[test]
    fn three_headers_carry_the_token_and_the_first_one_counts() {
        let token = Token::new("t0ken").unwrap();
        for (headers, expected) in [
            (&[("authorization", "Bearer t0ken")][..], true),
            (&[("authorization", "bEaReR \t t0ken ")], true),
            (&[("x-milady-token", "t0ken")], true),
            (&[("x-api-key", "t0ken")], true),
            (&[("authorization", "Basic x"), ("x-api-key", "t0ken")], true),
            (&[("authorization", "Bearer "), ("x-api-key", "t0ken")], true),
            (&[("authorization", "Bearer wrong"), ("x-api-key", "t0ken")], false),
            (&[("x-milady-token", "wrong"), ("x-api-key", "t0ken")], false),
            (&[("authorization", "Bearert0ken")], false),
            (&[("authorization", "t0ken")], false),
            (&[("x-api-key", "T0ken")], false),
            (&[], false),
        ] {
            assert_eq!(presents(&with(headers), &token), expected, "{headers:?}");
        }
    }
}
