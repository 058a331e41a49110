//! Pages of the web client, and panels.

use std::fs;

use actix_web::http::Method;
use actix_web::test::TestRequest;
use serde_json::Value;
use tempfile::TempDir;

use super::support::{Stage, stage};
use crate::dialects::elizaos::ElizaosSettings;
use crate::http::auth::Token;

const START: &str = "<!doctype html><title>start</title>";

/// A client of a few files, and a host that serves it.
async fn with_client() -> (TempDir, Stage) {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("assets")).unwrap();
    for (name, text) in [
        ("index.html", START),
        ("assets/main-1.js", "let a = 1;"),
        ("assets/main-1.js.br", "packed"),
        ("assets/Style.css", "a{}"),
        ("with space.txt", "text"),
        (".hidden", "secret"),
    ] {
        fs::write(folder.path().join(name), text).unwrap();
    }
    let ui_dir = Some(folder.path().to_owned());
    let stage = stage(ElizaosSettings { ui_dir, ..Default::default() }).await;
    (folder, stage)
}

#[actix_web::test]
async fn each_path_shows_its_file_or_the_start_page() {
    let (_folder, stage) = with_client().await;
    let (page, data) = ("text/html; charset=utf-8", "application/json; charset=utf-8");
    let browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
    for (path, accept, status, media_type, text) in [
        ("/", browser, 200, "text/html", START),
        ("/index.html", browser, 200, "text/html", START),
        ("/chat/x?y=z", browser, 200, page, START),
        ("/assets/main-1.js", "*/*", 200, "application/javascript", "let a = 1;"),
        ("/assets/Style.css", "*/*", 200, "text/css", "a{}"),
        ("/assets/style.css", "*/*", 200, page, START),
        ("/with%20space.txt", "*/*", 200, "text/plain; charset=utf-8", "text"),
        ("/assets/", browser, 200, page, START),
        ("/.hidden", "*/*", 200, page, START),
        ("/..%2f..%2fetc/passwd", "*/*", 200, page, START),
        ("/%2e%2e/%2e%2e/etc/passwd", "*/*", 200, page, START),
        (
            "/index.html%00.js",
            "*/*",
            404,
            "application/javascript; charset=utf-8",
            "// JavaScript module not found: /index.html%00.js",
        ),
        (
            "/assets/none.js?a=b",
            "*/*",
            404,
            "application/javascript; charset=utf-8",
            "// JavaScript module not found: /assets/none.js",
        ),
        ("/api", "*/*", 200, page, START),
        ("/API/", "*/*", 200, page, START),
        ("/agents/new", "application/json", 200, page, START),
        ("/Agents/New/", "*/*", 200, page, START),
        ("/agents", browser, 200, page, START),
        ("/agents/x/y/z", browser, 200, page, START),
        ("/agents", "application/json", 200, data, "{\"success\":true,\"data\":[]}"),
        ("/agents", "*/*", 200, data, "{\"success\":true,\"data\":[]}"),
        (
            "/messaging/x",
            browser,
            404,
            data,
            "{\"success\":false,\"error\":\"API endpoint not found\"}",
        ),
    ] {
        let heard = stage.ask(TestRequest::get().uri(path).insert_header(("Accept", accept))).await;
        let said = (heard.status, heard.header("content-type"), heard.text.as_str());
        assert_eq!(said, (status, media_type, text), "{path}");
    }
}

#[actix_web::test]
async fn a_browser_keeps_a_page_and_asks_whether_it_has_changed() {
    let (_folder, stage) = with_client().await;
    let page = stage.get("/").await;
    assert_eq!(page.header("cache-control"), "public, max-age=0");
    assert_eq!(page.header("accept-ranges"), "bytes");
    assert_eq!(page.header("referrer-policy"), "no-referrer-when-downgrade");
    let (tag, date) = (page.header("etag"), page.header("last-modified"));
    assert!(tag.starts_with(&format!("W/\"{:x}-", START.len())), "{tag}");
    for (name, value, status) in [
        ("If-None-Match", tag, 304),
        ("If-None-Match", "W/\"other\"", 200),
        ("If-Modified-Since", date, 304),
        ("If-Modified-Since", "Sun, 06 Nov 1994 08:49:37 GMT", 200),
        ("If-Match", "*", 200),
        ("If-Match", "\"other\"", 412),
        ("If-Unmodified-Since", date, 200),
        ("If-Unmodified-Since", "Sun, 06 Nov 1994 08:49:37 GMT", 412),
        ("Range", "bytes=0-8", 206),
        ("Range", "bytes=999-", 416),
        ("Range", "bytes=0-1,3-4", 200),
    ] {
        let heard = stage.ask(TestRequest::get().uri("/").insert_header((name, value))).await;
        assert_eq!(heard.status, status, "{name}: {value}");
        assert_eq!(heard.header("etag"), tag);
        match status {
            200 => assert_eq!(heard.text, START),
            206 => {
                assert_eq!(heard.text, "<!doctype");
                let range = format!("bytes 0-8/{}", START.len());
                assert_eq!(heard.header("content-range"), range);
            }
            416 => assert_eq!(heard.header("content-range"), format!("bytes */{}", START.len())),
            _ => assert_eq!((heard.text.as_str(), heard.header("content-type")), ("", "")),
        }
    }
}

#[actix_web::test]
async fn pages_are_read_and_nothing_else() {
    let (_folder, stage) = with_client().await;
    for method in [Method::POST, Method::PUT, Method::DELETE, Method::PATCH] {
        let heard = stage.ask(TestRequest::with_uri("/chat/x").method(method.clone())).await;
        assert_eq!((heard.status, heard.header("allow")), (405, "GET, HEAD"), "{method}");
    }
    let heard = stage.ask(TestRequest::with_uri("/").method(Method::HEAD)).await;
    assert_eq!((heard.status, heard.text.as_str()), (200, ""));
    assert_ne!(heard.header("etag"), "");
}

#[actix_web::test]
async fn a_script_that_is_packed_already_is_sent_so() {
    let (_folder, stage) = with_client().await;
    let script = || TestRequest::get().uri("/assets/main-1.js");
    let heard = stage.ask(script().insert_header(("Accept-Encoding", "gzip, br"))).await;
    assert_eq!((heard.text.as_str(), heard.header("content-encoding")), ("packed", "br"));
    assert_eq!(heard.header("content-type"), "application/javascript");
    let vary = heard.headers.get_all("vary").map(|value| value.to_str().unwrap());
    assert_eq!(vary.collect::<Vec<_>>(), ["Accept-Encoding", "Origin"]);
    assert_eq!(stage.ask(script()).await.text, "let a = 1;");
}

#[actix_web::test]
async fn without_a_client_there_is_no_page() {
    let folder = tempfile::tempdir().unwrap();
    let empty = || Some(folder.path().to_owned());
    for (settings, status, text) in [
        (ElizaosSettings::default(), 404, "Client application not found"),
        (
            ElizaosSettings { ui_dir: empty(), ..Default::default() },
            404,
            "Client application not found",
        ),
        (ElizaosSettings { ui: false, ui_dir: empty(), ..Default::default() }, 403, "Forbidden"),
    ] {
        let stage = stage(settings).await;
        for path in ["/", "/chat/x", "/agents/new"] {
            let heard = stage.get(path).await;
            assert_eq!((heard.status, heard.text.as_str()), (status, text), "{path}");
        }
    }
    // Nobody else would answer a browser then.
    let stage = stage(ElizaosSettings::default()).await;
    let heard = stage.ask(TestRequest::get().uri("/agents").insert_header(("Accept", "text/html")));
    assert_eq!(heard.await.json()["success"], true);
    assert_eq!(stage.get("/api").await.status, 404);
}

#[actix_web::test]
async fn a_panel_tells_how_its_agent_does() {
    let stage = stage(ElizaosSettings::default()).await;
    let id = stage.running("<b>Ada</b> & \"Co\"").await;
    let said = serde_json::json!({"text": "hello"});
    assert_eq!(stage.said("POST", &format!("/agents/{id}/message"), said).await.0, 200);
    let listed = stage.get(&format!("/api/agents/{id}/panels")).await.json();
    assert_eq!(listed["data"], listed["panels"]);
    let panel = &listed["data"][0];
    assert_eq!((&panel["id"], &panel["name"]), (&"overview".into(), &"Overview".into()));
    let path = format!("/api/agents/{id}/plugins/greenroom/overview?agentId={id}");
    assert_eq!(panel["path"], path.as_str());

    for address in [&panel["url"], &panel["path"]] {
        let page = stage.get(address.as_str().unwrap()).await;
        assert_eq!((page.status, page.header("content-type")), (200, "text/html; charset=utf-8"));
        assert_eq!(page.header("x-frame-options"), "SAMEORIGIN");
        assert_eq!(page.header("cache-control"), "no-store");
        assert!(page.header("content-security-policy").starts_with("default-src 'none';"));
        assert!(page.text.contains("<h1>&lt;b&gt;Ada&lt;/b&gt; &amp; &quot;Co&quot;</h1>"));
        assert!(!page.text.contains("<b>") && !page.text.contains("<script"), "{}", page.text);
        for told in ["<dd>running</dd>", "reply", "completed", "<dt>Messages</dt><dd>2</dd>"] {
            assert!(page.text.contains(told), "{told} in {}", page.text);
        }
    }
    let page = format!("/api/agents/{id}/panels/overview");
    stage.send("POST", &format!("/api/agents/{id}/stop"), Value::Null).await;
    assert!(stage.get(&page).await.text.contains("<dd>stopped</dd>"));
    for (path, status) in [
        (format!("/api/agents/{id}/panels/other"), 404),
        (format!("/api/agents/{id}/plugins/other/overview"), 404),
        (page.replace(&id, "x"), 400),
        (page.replace(&id, super::support::NOBODY), 404),
    ] {
        assert_eq!(stage.get(&path).await.status, status, "{path}");
    }
}

#[actix_web::test]
async fn where_a_token_is_asked_for_a_panel_opens_to_its_ticket_alone() {
    let auth_token = Token::new("s3cret");
    let stage = stage(ElizaosSettings { auth_token, ..Default::default() }).await;
    let with_token =
        |path: &str| TestRequest::get().uri(path).insert_header(("X-API-KEY", "s3cret"));
    let mut addresses = Vec::new();
    for name in ["Ada", "Bob"] {
        let make = TestRequest::post().uri("/api/agents").insert_header(("X-API-KEY", "s3cret"));
        let made = stage.ask(make.set_json(serde_json::json!({"name": name, "bio": "x"}))).await;
        let id = made.json()["data"]["id"].as_str().unwrap().to_owned();
        let start = with_token(&format!("/api/agents/{id}/start")).method(Method::POST);
        assert_eq!(stage.ask(start).await.status, 200);
        let list = format!("/api/agents/{id}/panels");
        assert_eq!(stage.get(&list).await.status, 401);
        let listed = stage.ask(with_token(&list)).await.json();
        let again = stage.ask(with_token(&list)).await.json();
        assert_eq!(listed, again, "a frame must not load anew for nothing");
        addresses.push(listed["data"][0]["path"].as_str().unwrap().to_owned());
        assert_eq!(stage.get(listed["data"][0]["url"].as_str().unwrap()).await.status, 200);
    }
    let [ada, bob] = addresses.as_slice() else { panic!() };
    assert_eq!((stage.get(ada).await.status, stage.get(bob).await.status), (200, 200));
    let (path, ticket) = ada.split_once("&ticket=").unwrap();
    let (other, _) = bob.split_once("&ticket=").unwrap();
    let (list, _) = path.split_once("/plugins").unwrap();
    for path in [
        path.to_owned(),
        format!("{path}&ticket="),
        format!("{path}&ticket=00000000-0000-4000-8000-000000000000"),
        format!("{other}&ticket={ticket}"),
        format!("{list}?ticket={ticket}"),
        format!("{list}/panels?ticket={ticket}"),
        format!("{list}/panels/other?ticket={ticket}"),
        format!("{list}/memories?ticket={ticket}"),
    ] {
        assert_eq!(stage.get(&path).await.status, 401, "{path}");
    }
    assert_eq!(stage.ask(TestRequest::post().uri(ada)).await.status, 401);
    assert_eq!(stage.ask(with_token(path)).await.status, 200);
}
