//! What a client would rather have.

use actix_web::http::header::{
    Accept, AcceptEncoding, ContentEncoding, Encoding, Header, Preference, Quality,
};
use actix_web::{HttpMessage, mime};

/// Whether it is a browser that opens a page, rather than a program that reads data: it names
/// `text/html` with more weight than JSON, or more precisely.
#[must_use]
pub fn prefers_html(request: &impl HttpMessage) -> bool {
    let Ok(accept) = Accept::parse(request) else { return false };
    let wish = |kind: mime::Name<'_>, subkind: mime::Name<'_>| {
        let fitting = accept.iter().filter_map(|item| {
            let precision = match (item.item.type_(), item.item.subtype()) {
                (mime::STAR, _) => 0_u8,
                (named, mime::STAR) if named == kind => 1,
                (named, precise) if named == kind && precise == subkind => 2,
                _ => return None,
            };
            Some((precision, item.quality))
        });
        // The most precise entry says how much it is wished for.
        fitting
            .max_by_key(|(precision, _)| *precision)
            .map(|(precision, quality)| (quality, precision))
    };
    let html = wish(mime::TEXT, mime::HTML).filter(|(quality, _)| *quality > Quality::ZERO);
    html > wish(mime::APPLICATION, mime::JSON) && html.is_some()
}

/// The encodings that it takes by name, best first.
#[must_use]
pub fn encodings(request: &impl HttpMessage) -> Vec<ContentEncoding> {
    let Ok(accept) = AcceptEncoding::parse(request) else { return Vec::new() };
    let mut wishes = accept
        .iter()
        .filter(|item| item.quality > Quality::ZERO)
        .filter_map(|item| match &item.item {
            Preference::Specific(Encoding::Known(encoding)) => Some((item.quality, *encoding)),
            Preference::Specific(Encoding::Unknown(_)) | Preference::Any => None,
        })
        .collect::<Vec<_>>();
    wishes.sort_by_key(|(quality, encoding)| {
        // Of equal ones the one that packs better.
        (std::cmp::Reverse(*quality), *encoding != ContentEncoding::Brotli)
    });
    wishes.into_iter().map(|(_, encoding)| encoding).collect()
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::{ACCEPT, ACCEPT_ENCODING};
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn browsers_open_pages_and_programs_read_data() {
        for (accept, expected) in [
            ("text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8", true),
            ("text/html", true),
            ("text/html, */*", true),
            ("application/json;q=0.9, text/html", true),
            ("*/*", false),
            ("application/json", false),
            ("application/json, text/html;q=0.5", false),
            ("application/json, text/html", false),
            ("text/html;q=0", false),
            ("image/png", false),
            ("", false),
            ("/;;;", false),
        ] {
            let request = TestRequest::get().insert_header((ACCEPT, accept)).to_http_request();
            assert_eq!(prefers_html(&request), expected, "{accept}");
        }
        assert!(!prefers_html(&TestRequest::get().to_http_request()));
    }

    #[test]
    fn encodings_come_in_the_order_of_their_weight() {
        let (br, gzip) = (ContentEncoding::Brotli, ContentEncoding::Gzip);
        for (accept, expected) in [
            ("gzip, deflate, br, zstd", br),
            ("gzip, br;q=0.5", gzip),
            ("br;q=0, gzip;q=0.1", gzip),
        ] {
            let request = TestRequest::get().insert_header((ACCEPT_ENCODING, accept));
            assert_eq!(encodings(&request.to_http_request()).first(), Some(&expected), "{accept}");
        }
        for accept in ["*", "", "br;q=0"] {
            let request = TestRequest::get().insert_header((ACCEPT_ENCODING, accept));
            assert_eq!(encodings(&request.to_http_request()), [], "{accept}");
        }
    }
}
