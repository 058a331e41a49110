//! Pages of the dashboard.

use std::fs;

use actix_web::http::Method;
use actix_web::test::TestRequest;
use tempfile::TempDir;

use super::support::{Setting, Stage, guarded, stage_with};
use crate::dialects::milady::MiladySettings;

const START: &str = "<!doctype html><title>start</title>";
const PAGE: &str = "text/html; charset=utf-8";
const CHECKED: &str = "public, max-age=0, must-revalidate";
const FOREVER: &str = "public, max-age=31536000, immutable";

/// A dashboard of a few files, and a host that serves it and asks for a token.
async fn with_pages() -> (TempDir, Stage) {
    let folder = tempfile::tempdir().unwrap();
    for inner in ["assets", "api"] {
        fs::create_dir(folder.path().join(inner)).unwrap();
    }
    for (name, text) in [
        ("index.html", START),
        ("assets/main-1.js", "let a = 1;"),
        ("assets/main-1.js.br", "packed"),
        ("logo.txt", "logo"),
        ("api/status", "not this"),
        (".hidden", "secret"),
    ] {
        fs::write(folder.path().join(name), text).unwrap();
    }
    let ui_dir = Some(folder.path().to_owned());
    let settings = MiladySettings { ui_dir, ..guarded() };
    (folder, stage_with(Setting::default(), settings).await)
}

#[actix_web::test]
async fn each_path_shows_its_file_or_the_start_page_without_a_token() {
    let (_folder, stage) = with_pages().await;
    let script = "application/javascript";
    let data = "application/json";
    for (path, status, media_type, cache, text) in [
        ("/", 200, PAGE, CHECKED, START),
        ("/index.html", 200, PAGE, CHECKED, START),
        ("/chat/x?y=z", 200, PAGE, CHECKED, START),
        ("/assets/main-1.js", 200, script, FOREVER, "let a = 1;"),
        ("/assets/%6dain-1.js", 200, script, FOREVER, "let a = 1;"),
        ("/x/../assets/main-1.js", 200, script, FOREVER, "let a = 1;"),
        ("/assets/none.js", 200, PAGE, CHECKED, START),
        ("/logo.txt", 200, "text/plain; charset=utf-8", CHECKED, "logo"),
        ("/.hidden", 200, PAGE, CHECKED, START),
        ("/apis", 200, PAGE, CHECKED, START),
        ("/..%2f..%2fetc/passwd", 403, data, "", "{\"error\":\"Forbidden\"}"),
        ("/%2e%2e/x", 403, data, "", "{\"error\":\"Forbidden\"}"),
        ("/%", 400, data, "", "{\"error\":\"Malformed URL\"}"),
        ("/%zz", 400, data, "", "{\"error\":\"Malformed URL\"}"),
        ("/%e9", 400, data, "", "{\"error\":\"Invalid URL path encoding\"}"),
        ("/api", 401, data, "", "{\"error\":\"Unauthorized\"}"),
        ("/api/status", 401, data, "", "{\"error\":\"Unauthorized\"}"),
        ("/%61pi/status", 401, data, "", "{\"error\":\"Unauthorized\"}"),
        ("/x/..%2fapi/status", 404, data, "", "{\"error\":\"Not found\"}"),
        ("/v1/models", 401, data, "", "{\"error\":\"Unauthorized\"}"),
    ] {
        let heard = stage.get(path).await;
        let said = (heard.status, heard.header("content-type"), heard.text.as_str());
        assert_eq!(said, (status, media_type, text), "{path}");
        assert_eq!(heard.header("cache-control"), cache, "{path}");
        let is_admitted = heard.text != "{\"error\":\"Malformed URL\"}";
        let expected = if is_admitted { "DENY" } else { "" };
        assert_eq!(heard.header("x-frame-options"), expected, "{path}");
    }
}

#[actix_web::test]
async fn pages_are_read_by_those_who_may_call_and_nothing_else() {
    let (_folder, stage) = with_pages().await;
    let heard = stage.ask(TestRequest::with_uri("/x").method(Method::HEAD)).await;
    assert_eq!((heard.status, heard.text.as_str()), (200, ""));
    assert_eq!(heard.header("content-type"), PAGE);
    for method in [Method::POST, Method::PUT, Method::DELETE, Method::PATCH] {
        let heard = stage.ask(TestRequest::with_uri("/x").method(method.clone())).await;
        assert_eq!(heard.status, 401, "{method}");
    }
    let foreign = TestRequest::get().uri("/").insert_header(("Host", "evil.test"));
    assert_eq!(stage.ask(foreign).await.status, 403);
    let foreign = TestRequest::get().uri("/").insert_header(("Origin", "http://evil.test"));
    assert_eq!(stage.ask(foreign).await.status, 403);

    let script = TestRequest::get().uri("/assets/main-1.js");
    let heard = stage.ask(script.insert_header(("Accept-Encoding", "br"))).await;
    assert_eq!((heard.text.as_str(), heard.header("content-encoding")), ("packed", "br"));
    let tag = heard.header("etag").to_owned();
    let again = TestRequest::get().uri("/assets/main-1.js").insert_header(("If-None-Match", tag));
    let heard = stage.ask(again.insert_header(("Accept-Encoding", "br"))).await;
    assert_eq!((heard.status, heard.text.as_str()), (304, ""));
}

#[actix_web::test]
async fn without_a_dashboard_there_is_no_page() {
    let folder = tempfile::tempdir().unwrap();
    for ui_dir in [None, Some(folder.path().to_owned())] {
        let settings = MiladySettings { ui_dir, ..MiladySettings::default() };
        let stage = stage_with(Setting::default(), settings).await;
        for path in ["/", "/index.html", "/chat"] {
            let heard = stage.get(path).await;
            assert_eq!((heard.status, heard.text.as_str()), (404, "{\"error\":\"Not found\"}"));
        }
    }
}
