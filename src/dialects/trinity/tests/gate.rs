//! What happens to every request.

use actix_web::test::TestRequest;
use serde_json::{Value, json};

use super::support::Site;
use crate::dialects::trinity::names;

#[actix_web::test]
async fn every_answer_carries_its_headers() {
    let site = Site::new().await;
    for (method, path, id) in [
        ("GET", "/health", Some("abc")),
        ("GET", "/api/agents", None),
        ("POST", "/nowhere", None),
        ("OPTIONS", "/api/agents", None),
    ] {
        let mut request = TestRequest::with_uri(path).method(method.parse().unwrap());
        if let Some(id) = id {
            request = request.insert_header(("x-request-id", id));
        }
        let heard = site.stage.ask(request).await;
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "strict-origin-when-cross-origin"),
            ("permissions-policy", "camera=(), microphone=(), geolocation=(), payment=()"),
            ("cross-origin-resource-policy", "same-origin"),
            ("server", ""),
        ] {
            assert_eq!(heard.header(name), value, "{method} {path} {name}");
        }
        match id {
            Some(id) => assert_eq!(heard.header("x-request-id"), id),
            None => assert_eq!(heard.header("x-request-id").len(), 36),
        }
    }
}

#[actix_web::test]
async fn pages_of_known_origins_may_call() {
    let site = Site::new().await;
    for (origin, status, words) in [
        ("http://localhost:3000", 200, "OK"),
        ("http://localhost:8080", 200, "OK"),
        ("http://evil.example", 400, "Disallowed CORS origin"),
    ] {
        let request = TestRequest::with_uri("/api/agents")
            .method("OPTIONS".parse().unwrap())
            .insert_header(("origin", origin))
            .insert_header(("access-control-request-method", "POST"));
        let heard = site.stage.ask(request).await;
        assert_eq!((heard.status, heard.text.as_str()), (status, words), "{origin}");
        assert_eq!(heard.header("access-control-max-age"), "600");
        assert_eq!(heard.header("x-content-type-options"), "nosniff");
        let request = TestRequest::with_uri("/health").insert_header(("origin", origin));
        let heard = site.stage.ask(request).await;
        let allowed = if status == 200 { origin } else { "" };
        assert_eq!(heard.header("access-control-allow-origin"), allowed);
        assert_eq!(heard.header("access-control-allow-credentials"), "true");
    }
}

#[actix_web::test]
async fn paths_and_methods() {
    let site = Site::new().await;
    for (method, path, status, detail) in [
        ("GET", "/nowhere", 404, "Not Found"),
        ("GET", "/api/Agents", 404, "Not Found"),
        ("PATCH", "/api/agents", 405, "Method Not Allowed"),
        ("HEAD", "/health", 405, ""),
        ("POST", "/health", 405, "Method Not Allowed"),
        ("GET", "/api/agents", 401, "Not authenticated"),
        ("GET", "/api/agents/", 401, "Not authenticated"),
        ("POST", "/api/agents/a/start/", 401, "Not authenticated"),
    ] {
        let heard = site.send("", method, path, Value::Null).await;
        assert_eq!(heard.status, status, "{method} {path}");
        if !detail.is_empty() {
            assert_eq!(heard.json(), json!({"detail": detail}), "{method} {path}");
        }
        if status == 401 {
            assert_eq!(heard.header("www-authenticate"), "Bearer");
        }
    }
}

#[actix_web::test]
async fn what_is_no_json_is_refused_before_who_calls_is_asked() {
    let site = Site::new().await;
    let send = async |sort: Option<&str>, body: &str, token: &str| {
        let mut request = TestRequest::post().uri("/api/agents").set_payload(body.to_owned());
        if let Some(sort) = sort {
            request = request.insert_header(("content-type", sort));
        }
        if !token.is_empty() {
            request = request.insert_header(("authorization", format!("bearer {token}")));
        }
        let heard = site.stage.ask(request).await;
        site.check("POST", "/api/agents", &heard);
        let detail = heard.json()["detail"].clone();
        let first = detail.get(0).cloned().unwrap_or_default();
        (heard.status, first["type"].as_str().unwrap_or_default().to_owned(), first["loc"].clone())
    };
    let admin = site.admin.as_str();
    for (sort, body, token, status, kind, loc) in [
        (Some("application/json"), "{\"a\": ]", "", 422, "json_invalid", json!(["body", 6])),
        (None, "{\"a\": ]", admin, 422, "json_invalid", json!(["body", 6])),
        (Some("application/json"), "{}", "", 401, "", Value::Null),
        (Some("application/json"), "{}", "nonsense", 401, "", Value::Null),
        (Some("application/json"), "", admin, 422, "missing", json!(["body"])),
        (Some("application/json"), "[]", admin, 422, "model_attributes_type", json!(["body"])),
        (Some("text/plain"), "{}", admin, 422, "model_attributes_type", json!(["body"])),
        (Some("application/json"), "{}", admin, 422, "missing", json!(["body", "name"])),
        (
            Some("application/json"),
            "{\"name\": 1}",
            admin,
            422,
            "string_type",
            json!(["body", "name"]),
        ),
    ] {
        let found = send(sort, body, token).await;
        assert_eq!(found, (status, kind.to_owned(), loc), "{sort:?} {body} {token}");
    }
}

#[actix_web::test]
async fn the_description_is_whole_and_its_page_stands_alone() {
    let site = Site::new().await;
    let api = site.stage.get("/openapi.json").await.json();
    assert_eq!(api["openapi"], "3.1.0");
    let mut ids = std::collections::HashSet::new();
    for (path, item) in api["paths"].as_object().unwrap() {
        for operation in item.as_object().unwrap().values() {
            assert!(ids.insert(operation["operationId"].as_str().unwrap().to_owned()), "{path}");
        }
        let word = path.strip_prefix("/api/agents/").and_then(|rest| rest.split('/').next());
        if let Some(word) = word.filter(|word| !word.starts_with('{')) {
            assert!(names::for_creation(word).is_err(), "{word} could be an agent's name");
        }
    }
    for (path, kind) in [
        ("/docs", "text/html"),
        ("/redoc", "text/html"),
        ("/docs/swagger-ui.css", "text/css"),
        ("/docs/swagger-ui-bundle.js", "text/javascript"),
    ] {
        let heard = site.stage.get(path).await;
        assert_eq!(heard.status, 200, "{path}");
        assert!(heard.header("content-type").starts_with(kind), "{path}: {:?}", heard.headers);
        if kind == "text/html" {
            assert!(!heard.text.contains("http"), "{path} wants something from elsewhere");
        }
    }
    assert_eq!(site.stage.get("/docs/..%2f..%2fetc%2fpasswd").await.status, 404);
}

#[actix_web::test]
async fn what_somebody_says_is_held_within_bounds() {
    let site = Site::new().await;
    let zeros = |count: usize| format!("{{\"x\": [{}0]}}", "0,".repeat(count));
    let send = async |token: &str, path: &str, body: String| {
        let mut request = TestRequest::with_uri(path)
            .method("POST".parse().unwrap())
            .insert_header(("content-type", "application/json"))
            .set_payload(body);
        if !token.is_empty() {
            request = request.insert_header(("authorization", format!("Bearer {token}")));
        }
        site.stage.ask(request).await
    };
    // Who is not known says little.
    for (token, path) in [
        ("", "/api/setup/admin-password"),
        ("", "/api/auth/email/request"),
        ("", "/api/agents"),
        ("wrong", "/api/agents"),
    ] {
        let heard = send(token, path, zeros(40_000)).await;
        assert_eq!(heard.status, 413, "{path}: {}", heard.text);
    }
    assert_eq!(send("wrong", "/api/agents", "{".to_owned()).await.status, 422);
    assert_eq!(send("wrong", "/api/agents", "{}".to_owned()).await.status, 401);
    // Nor does anybody say more than can be held.
    let heard = send(&site.admin, "/api/agents", zeros(300_000)).await;
    assert!(
        heard.status == 422 && heard.text.contains("more than 262144 values"),
        "{}",
        heard.text
    );
    // What is told of a fault is short, however much was said.
    let heard = send(&site.admin, "/api/agents", zeros(100_000)).await;
    assert!(heard.status == 422 && heard.text.len() < 1_000, "{}", heard.text.len());
    let heard = send(&site.admin, "/api/agents", zeros(3)).await;
    assert_eq!(heard.json()["detail"][0]["input"], json!({"x": [0, 0, 0, 0]}));
}
