//! What is so of every request: paths, bodies, headers, hosts, origins, tokens.

use std::sync::Arc;

use serde_json::json;

use super::{with_agent, without_agent};
use crate::support::Site;
use crate::support::http::{Client, Request, Response};
use crate::support::server::Server;

/// What every admitted answer carries.
const SECURITY: [(&str, &str); 4] = [
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("x-xss-protection", "1; mode=block"),
    ("referrer-policy", "strict-origin-when-cross-origin"),
];

fn is_secured(answer: &Response) -> bool {
    SECURITY.iter().all(|(name, value)| answer.header(name) == Some(value))
}

async fn asked(client: &Client, method: &str, path: &str) -> Response {
    client.send(&Request::new(method, path)).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_path_or_method_that_is_not_known_is_not_found() {
    let server = Server::start(&without_agent()).await;
    let client = server.milady();
    for (method, path) in [
        ("GET", "/api/nothing"),
        ("GET", "/api/agent/start"),
        ("PUT", "/api/agent/start"),
        ("POST", "/api/status"),
        ("GET", "/api/status/"),
        ("POST", "/api/agent/stop/"),
        ("HEAD", "/api/status"),
        ("GET", "/api/agents"),
        ("GET", "/"),
        ("DELETE", "/api/agent/autonomy"),
    ] {
        let answer = asked(&client, method, path).await;
        assert_eq!(answer.status, 404, "{method} {path}");
        assert_eq!(answer.header("content-type"), Some("application/json"), "{method} {path}");
        assert!(is_secured(&answer), "{method} {path}: {:?}", answer.headers);
        if method != "HEAD" {
            assert_eq!(answer.parsed(), Some(json!({"error": "Not found"})));
        }
    }
    let asked_for = asked(&client, "GET", "/api/status?state=x&limit=5").await;
    assert_eq!(asked_for.status, 200);
    let malformed = asked(&client, "GET", "/api/%zz").await;
    assert_eq!(malformed.status, 400, "{}", malformed.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_preflight_is_answered_for_every_path_without_a_token() {
    let site = Arc::new(Site::new().with("MILADY_API_TOKEN", "t0ken"));
    let server = Server::start(&site).await;
    let client = server.milady();
    for path in ["/api/status", "/api/nothing", "/v1/models", "/"] {
        let request = Request::new("OPTIONS", path).header("origin", "http://localhost:5173");
        let answer = client.send(&request).await.unwrap();
        assert_eq!((answer.status, answer.text().as_str()), (204, ""), "{path}");
        assert!(is_secured(&answer));
        let origin = answer.header("access-control-allow-origin");
        assert_eq!(origin, Some("http://localhost:5173"));
        let headers = answer.header("access-control-allow-headers").unwrap();
        for name in ["X-Milady-Token", "X-Milady-Client-Id", "X-Milady-Export-Token"] {
            assert!(headers.contains(name), "{headers}");
        }
        assert!(answer.header("access-control-allow-credentials").is_none());
    }
    let foreign = Request::new("OPTIONS", "/api/status").header("origin", "http://evil.test");
    assert_eq!(client.send(&foreign).await.unwrap().status, 403);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_calls_by_another_name_or_from_another_site_is_forbidden_before_all_else() {
    let site = Arc::new(Site::new().with("MILADY_API_TOKEN", "t0ken"));
    let server = Server::start(&site).await;
    let client = server.milady();
    for (name, value, words) in [
        ("host", "evil.test", "Host"),
        ("host", "127.0.0.1.evil.test:2138", "Host"),
        ("origin", "http://evil.test", "Origin not allowed"),
        ("origin", "null", "Origin not allowed"),
    ] {
        for path in ["/api/status", "/api/nothing", "/api/auth/status"] {
            let request = Request::new("GET", path).header(name, value);
            let answer = client.send(&request).await.unwrap();
            assert_eq!(answer.status, 403, "{name}: {value}");
            assert!(answer.text().contains(words), "{}", answer.text());
            assert!(answer.header("x-frame-options").is_none());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_asked_for_at_every_path_but_those_of_pairing() {
    let site = Arc::new(Site::new().with("MILADY_API_TOKEN", " t0ken "));
    let server = Server::start(&site).await;
    let client = server.milady();
    for path in ["/api/status", "/api/nothing", "/v1/models", "/api/agent/start"] {
        let answer = asked(&client, "GET", path).await;
        assert_eq!(answer.status, 401, "{path}");
        assert_eq!(answer.parsed(), Some(json!({"error": "Unauthorized"})));
        assert!(is_secured(&answer));
        let queried = asked(&client, "GET", &format!("{path}?token=t0ken")).await;
        assert_eq!(queried.status, 401, "{path}");
    }
    for (name, value) in [
        ("authorization", "Bearer t0ken"),
        ("authorization", "bearer \t t0ken"),
        ("x-milady-token", "t0ken"),
        ("x-api-key", "t0ken"),
    ] {
        let answer = asked(&client.with(name, value), "GET", "/api/status").await;
        assert_eq!(answer.status, 200, "{name}: {value}");
        let unknown = asked(&client.with(name, value), "GET", "/api/nothing").await;
        assert_eq!(unknown.status, 404);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_are_read_as_objects_whatever_their_type_says() {
    let server = Server::start(&with_agent()).await;
    let client = server.milady();
    let post = async |body: &str, kind: &str| {
        let request = Request::new("POST", "/api/agent/autonomy").header("content-type", kind);
        let request = Request { body: Some(body.as_bytes().to_vec()), ..request };
        client.send(&request).await.unwrap()
    };
    for kind in ["application/json", "text/plain", "application/xml"] {
        let answer = post(r#"{"enabled": true}"#, kind).await;
        assert_eq!(answer.header("content-type"), Some("application/json"));
        let length = answer.body.len().to_string();
        assert_eq!(answer.header("content-length"), Some(length.as_str()));
        assert_eq!(answer.expect(200)["autonomy"], true, "{kind}");
    }
    for (body, words) in [
        ("", "JSON"),
        ("{", "JSON"),
        ("[]", "JSON object"),
        ("null", "JSON object"),
        ("1", "JSON object"),
        ("\"x\"", "JSON object"),
    ] {
        let answer = post(body, "application/json").await;
        assert_eq!(answer.status, 400, "{body:?}");
        assert!(answer.text().contains(words), "{body:?}: {}", answer.text());
        let error = answer.parsed().unwrap();
        assert_eq!(error.as_object().unwrap().len(), 1);
    }
    let large = format!(r#"{{"x": "{}"}}"#, "x".repeat(1_048_576));
    let answer = post(&large, "application/json").await;
    assert_eq!(answer.status, 413);
    assert!(answer.text().contains("1048576"), "{}", answer.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_moves_the_agent_reads_no_body() {
    let server = Server::start(&with_agent()).await;
    let client = server.milady();
    for action in ["pause", "resume", "stop", "start", "restart"] {
        for body in ["", "not json", "[]"] {
            let path = format!("/api/agent/{action}");
            let request = Request::new("POST", path).header("content-type", "application/json");
            let request = Request { body: Some(body.as_bytes().to_vec()), ..request };
            assert_eq!(client.send(&request).await.unwrap().status, 200, "{action} {body:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listener_that_is_open_to_others_makes_itself_a_token() {
    let site = Arc::new(Site::new());
    let mut command = site.command(&["serve"]);
    command.env("GREENROOM_ELIZAOS__BIND", "127.0.0.1:0");
    command.env("GREENROOM_MILADY__BIND", "0.0.0.0:0").stderr(std::process::Stdio::piped());
    command.env("GREENROOM_TRINITY__BIND", "127.0.0.1:0");
    let mut host = crate::support::Host::of(command);
    let warning = host.wait_for("milady.token");
    host.wait_for("listening");
    let token = std::fs::read_to_string(site.folder().join("data/milady.token")).unwrap();
    assert!(!warning.contains(token.trim()), "the token is in the log");
    let listening = std::fs::read_to_string(site.folder().join("data/listening.json")).unwrap();
    let listening: serde_json::Value = serde_json::from_str(&listening).unwrap();
    let port = listening["milady"].as_str().unwrap().rsplit(':').next().unwrap().to_owned();
    let client = Client::new(format!("127.0.0.1:{port}").parse().unwrap());
    assert_eq!(asked(&client, "GET", "/api/status").await.status, 401);
    let known = client.with("x-api-key", token.trim());
    assert_eq!(asked(&known, "GET", "/api/status").await.status, 200);
}
