//! What happens to every request, whatever it is for.

use std::net::SocketAddr;
use std::sync::Arc;

use actix_web::dev::Service;
use actix_web::http::Method;
use actix_web::test::{TestRequest, init_service};
use actix_web::{App, HttpResponse, web};
use serde_json::{Value, json};

use super::super::gate::Gate;
use super::super::shared::Shared;
use super::support::{HUSH, Heard, stage};
use crate::dialects::elizaos::ElizaosSettings;
use crate::http::auth::Token;

fn guarded() -> ElizaosSettings {
    ElizaosSettings { auth_token: Token::new("s3cret"), ..ElizaosSettings::default() }
}

fn from_afar(path: &str) -> TestRequest {
    let client: SocketAddr = "203.0.113.7:4000".parse().unwrap();
    TestRequest::get().uri(path).peer_addr(client)
}

#[actix_web::test]
async fn a_token_guards_the_api_and_nothing_else() {
    let stage = stage(guarded()).await;
    for (method, path, open) in [
        ("GET", "/api/agents", false),
        ("GET", "/API/agents", false),
        ("GET", "/%61pi/agents", false),
        ("GET", "/%61gents", false),
        ("GET", "/metric%73", false),
        ("GET", "/api/system/version", false),
        ("GET", "/api/none", false),
        ("GET", "/agents", false),
        ("POST", "/agents/x/start", false),
        ("GET", "/messaging/sessions", false),
        ("GET", "/health", true),
        ("GET", "/healthz", true),
        ("GET", "/chat", true),
        ("OPTIONS", "/api/agents", true),
    ] {
        let heard = stage.send(method, path, Value::Null).await;
        assert_eq!(heard.status != 401, open, "{method} {path}");
        let method: Method = method.parse().unwrap();
        let key = TestRequest::with_uri(path).method(method.clone());
        let with_key = stage.ask(key.insert_header(("X-API-KEY", "s3cret"))).await;
        assert_ne!(with_key.status, 401, "{method} {path}");
        let bearer = TestRequest::with_uri(path).method(method.clone());
        let heard = stage.ask(bearer.insert_header(("Authorization", "Bearer s3cret"))).await;
        assert_ne!(heard.status, 401, "{method} {path}");
    }
    let refused = stage.get("/api/agents").await;
    assert_eq!(refused.json()["error"]["code"], "UNAUTHORIZED");
    assert_eq!(refused.json()["message"], "Missing or invalid X-API-KEY header");
    let bare = stage.get("/agents").await;
    assert_eq!(bare.json(), json!({"success": false, "error": "API key required"}));
}

#[actix_web::test]
async fn any_origin_is_let_in_unless_one_is_configured() {
    let open = stage(ElizaosSettings::default()).await;
    let ask = |path| TestRequest::get().uri(path).insert_header(("Origin", "http://a.test"));
    let heard = open.ask(ask("/api/server/ping")).await;
    assert_eq!(heard.header("access-control-allow-origin"), "http://a.test");
    assert_eq!(heard.header("access-control-allow-credentials"), "true");
    assert_eq!(heard.header("vary"), "Origin");
    assert_eq!(heard.header("access-control-max-age"), "");
    assert_eq!(open.get("/health").await.header("access-control-allow-origin"), "");

    let preflight = open.send("OPTIONS", "/health", Value::Null).await;
    assert_eq!(preflight.status, 204);
    assert_eq!(
        preflight.header("access-control-allow-methods"),
        "GET,POST,PUT,DELETE,PATCH,OPTIONS"
    );
    assert_eq!(
        preflight.header("access-control-allow-headers"),
        "Content-Type,Authorization,X-API-KEY,X-Entity-Id,Idempotency-Key"
    );

    let one = ElizaosSettings {
        cors_origin: Some("http://ui.test".to_owned()),
        ..ElizaosSettings::default()
    };
    let heard = stage(one).await.ask(ask("/api/server/ping")).await;
    assert_eq!(heard.header("access-control-allow-origin"), "http://ui.test");
    assert_eq!(heard.header("access-control-expose-headers"), "X-Total-Count");
    assert_eq!(heard.header("access-control-max-age"), "86400");
}

#[actix_web::test]
async fn pages_of_other_sites_cannot_drive_the_operators_routes() {
    let ui = || Some("http://ui.test".to_owned());
    let open = stage(ElizaosSettings::default()).await;
    let with_ui = stage(ElizaosSettings { cors_origin: ui(), ..Default::default() }).await;
    let with_token = stage(guarded()).await;
    let (here, evil) = ("http://127.0.0.1:3000", "http://evil.test");
    for (stage, origin, host, status, allowed) in [
        (&open, "", "127.0.0.1:3000", 200, ""),
        (&open, "", "localhost:3000", 200, ""),
        (&open, "", "[::1]:3000", 200, ""),
        (&open, here, "127.0.0.1:3000", 200, here),
        (&open, evil, "127.0.0.1:3000", 403, ""),
        (&open, "null", "127.0.0.1:3000", 403, ""),
        (&open, "http://evil.test:3000", "evil.test:3000", 403, "http://evil.test:3000"),
        (&open, "", "evil.test:3000", 403, ""),
        (&with_ui, "http://ui.test", "127.0.0.1:3000", 200, "http://ui.test"),
        (&with_ui, evil, "127.0.0.1:3000", 403, ""),
        (&with_ui, "", "127.0.0.1:3000", 200, ""),
        (&with_token, "", "greenroom.test", 200, ""),
        (&with_token, evil, "greenroom.test", 403, ""),
    ] {
        for path in ["/api/greenroom/halt", "/API/Greenroom/lift/", "/api/%67reenroom/lift"] {
            let request = TestRequest::post().uri(path).insert_header(("Host", host));
            let mut request = request.insert_header(("X-API-KEY", "s3cret"));
            if !origin.is_empty() {
                request = request.insert_header(("Origin", origin));
            }
            let heard = stage.ask(request).await;
            assert_eq!(heard.status, status, "{path} {origin} {host}: {}", heard.text);
            assert_eq!(heard.header("access-control-allow-origin"), allowed, "{origin} {host}");
            assert_eq!(heard.header("vary"), "Origin");
            if status == 403 {
                assert_eq!(heard.json()["error"]["code"], "FORBIDDEN");
            }
        }
    }
    let preflight = TestRequest::with_uri("/api/greenroom/halt").method(Method::OPTIONS);
    let heard = open.ask(preflight.insert_header(("Origin", evil))).await;
    assert_eq!((heard.status, heard.header("access-control-allow-origin")), (204, ""));
    let elsewhere = TestRequest::get().uri("/api/agents").insert_header(("Host", "evil.test"));
    assert_eq!(open.ask(elsewhere.insert_header(("Origin", evil))).await.status, 200);
}

#[actix_web::test]
async fn pages_and_the_api_have_their_security_headers() {
    let stage = stage(ElizaosSettings::default()).await;
    for (path, referrer, xss, transport) in [
        ("/api/server/ping", "no-referrer", "1; mode=block", "max-age=31536000; includeSubDomains"),
        ("/api/none", "no-referrer", "1; mode=block", "max-age=31536000; includeSubDomains"),
        ("/health", "no-referrer-when-downgrade", "0", ""),
        ("/", "no-referrer-when-downgrade", "0", ""),
    ] {
        let heard = stage.get(path).await;
        assert_eq!(heard.header("referrer-policy"), referrer, "{path}");
        assert_eq!(heard.header("x-xss-protection"), xss, "{path}");
        assert_eq!(heard.header("strict-transport-security"), transport, "{path}");
        assert_eq!(heard.header("x-content-type-options"), "nosniff");
        assert_eq!(heard.header("x-frame-options"), "SAMEORIGIN");
        let policy = heard.header("content-security-policy");
        assert!(policy.starts_with("default-src 'self';style-src 'self' 'unsafe-inline' https:"));
        assert!(policy.ends_with("base-uri 'self';form-action 'self'"));
        assert_eq!(heard.header("x-powered-by"), "");
    }
}

#[actix_web::test]
async fn a_thousand_requests_are_the_quota_of_a_client() {
    let stage = stage(ElizaosSettings::default()).await;
    let first = stage.ask(from_afar("/api/server/ping")).await;
    assert_eq!(first.header("ratelimit-policy"), "1000;w=900");
    assert_eq!(first.header("ratelimit-remaining"), "999");
    for _ in 0..999 {
        stage.ask(from_afar("/api/server/ping")).await;
    }
    let refused = stage.ask(from_afar("/api/none")).await;
    assert_eq!(refused.status, 429);
    assert_eq!(refused.json()["error"]["code"], "RATE_LIMIT_EXCEEDED");
    assert!(!refused.header("retry-after").is_empty());
    let spoofed = from_afar("/api/none").insert_header(("X-Forwarded-For", "10.9.8.7"));
    assert_eq!(stage.ask(spoofed).await.status, 429);
    assert_eq!(stage.ask(from_afar("/healthz")).await.status, 200);
    let near = stage.get("/api/server/ping").await;
    assert_eq!((near.status, near.header("ratelimit-limit")), (200, ""));
}

#[actix_web::test]
async fn who_asks_for_channels_that_are_not_there_has_two_hundred_tries() {
    let stage = stage(ElizaosSettings::default()).await;
    let details = |id: &str| from_afar(&format!("/api/messaging/channels/{id}/details"));
    let named = json!({
        "name": "Lobby", "participantCentralUserIds": [],
        "message_server_id": "00000000-0000-0000-0000-000000000000",
    });
    let (_, made) = stage.said("POST", "/api/messaging/channels", named).await;
    let known = made["data"]["id"].as_str().unwrap();
    for number in 0..100 {
        assert_eq!(stage.ask(details(known)).await.status, 200, "which counts for nothing");
        assert_eq!(stage.ask(details("no-id")).await.status, 400);
        let unknown = format!("bbbbbbbb-0001-4000-8000-{number:012}");
        assert_eq!(stage.ask(details(&unknown)).await.status, 404);
    }
    let refused = stage.ask(details(known)).await;
    assert_eq!((refused.status, refused.header("ratelimit-policy")), (429, "200;w=600"));
    assert_eq!(refused.json()["error"]["code"], "RATE_LIMIT_EXCEEDED");
    assert!(!refused.header("retry-after").is_empty());
    assert_eq!(stage.ask(from_afar("/api/messaging/channels")).await.status, 429);
    assert_eq!(stage.ask(from_afar("/api/agents")).await.status, 200);
    let near = format!("/api/messaging/channels/{known}/details");
    assert_eq!(stage.get(&near).await.status, 200, "nobody else is kept out");
}

#[actix_web::test]
async fn health_and_uploads_have_quotas_of_their_own() {
    let stage = stage(ElizaosSettings::default()).await;
    for _ in 0..100 {
        assert_eq!(stage.ask(from_afar("/healthz")).await.status, 200);
    }
    let refused = stage.ask(from_afar("/health")).await;
    let words = "Too many health check requests from this IP, please try again later.";
    assert_eq!((refused.status, refused.text.as_str()), (429, words));

    let upload = || from_afar("/api/audio/x/speech").method(Method::POST);
    let first = stage.ask(upload()).await;
    assert_eq!((first.status, first.header("ratelimit-policy")), (400, "100;w=300"));
    for _ in 0..49 {
        stage.ask(upload()).await;
    }
    let refused = stage.ask(upload()).await;
    assert_eq!(refused.json()["error"]["code"], "UPLOAD_RATE_LIMIT_EXCEEDED");
    assert_eq!(refused.header("ratelimit-policy"), "50;w=900");
}

#[actix_web::test]
async fn limits_can_be_switched_off_and_on_for_this_machine() {
    let off = ElizaosSettings { is_rate_limited: false, ..ElizaosSettings::default() };
    let heard = stage(off).await.ask(from_afar("/api/server/ping")).await;
    assert_eq!(heard.header("ratelimit-limit"), "");
    let on = ElizaosSettings { is_loopback_rate_limited: true, ..ElizaosSettings::default() };
    let heard = stage(on).await.get("/api/server/ping").await;
    assert_eq!(heard.header("ratelimit-limit"), "1000");
}

#[actix_web::test]
async fn paths_may_be_in_any_case_and_end_with_a_slash() {
    let stage = stage(ElizaosSettings::default()).await;
    let id = stage.created("Ada").await;
    for path in [
        "/api/agents/".to_owned(),
        "/API/Agents?limit=5".to_owned(),
        format!("/api/agents/{}", id.to_uppercase()),
        format!("/Api/Agents/{id}/"),
        "/AGENTS/".to_owned(),
        "/Healthz/".to_owned(),
    ] {
        assert_eq!(stage.get(&path).await.status, 200, "{path}");
    }
}

#[actix_web::test]
async fn an_answer_is_tagged_and_not_sent_twice() {
    let stage = stage(ElizaosSettings::default()).await;
    let id = stage.created("Ada").await;
    let path = format!("/api/agents/{id}");
    let first = stage.get(&path).await;
    let tag = first.header("etag").to_owned();
    assert!(tag.starts_with("W/\""), "{tag}");
    assert_eq!(first.header("content-type"), "application/json; charset=utf-8");
    let again = TestRequest::get().uri(&path).insert_header(("If-None-Match", tag.as_str()));
    let held = stage.ask(again).await;
    assert_eq!((held.status, held.text.as_str()), (304, ""));
    assert_eq!(held.header("etag"), tag);
    stage.send("PATCH", &path, json!({"bio": "other"})).await;
    let again = TestRequest::get().uri(&path).insert_header(("If-None-Match", tag.as_str()));
    assert_eq!(stage.ask(again).await.status, 200);
    assert!(stage.get("/api/none").await.header("etag").starts_with("W/\"49-"));
}

#[actix_web::test]
async fn head_is_answered_where_get_is_and_without_a_body() {
    let stage = stage(ElizaosSettings::default()).await;
    for (path, status) in [("/api/agents", 200), ("/healthz", 200), ("/api/none", 404)] {
        let heard = stage.send("HEAD", path, Value::Null).await;
        assert_eq!((heard.status, heard.text.as_str()), (status, ""), "{path}");
        assert!(!heard.header("etag").is_empty());
    }
}

#[actix_web::test]
async fn bodies_must_say_what_they_are() {
    let stage = stage(ElizaosSettings::default()).await;
    let no_character = ("CREATE_ERROR", "No character configuration provided");
    for (sort, body, status, code, message) in [
        (
            Some("text/plain"),
            "hello",
            400,
            "INVALID_CONTENT_TYPE",
            "Invalid or missing Content-Type header",
        ),
        (None, "{}", 400, "INVALID_CONTENT_TYPE", "Invalid or missing Content-Type header"),
        (None, "", 400, no_character.0, no_character.1),
        (Some("application/json"), "", 400, no_character.0, no_character.1),
        (Some("application/json"), "[]", 400, no_character.0, no_character.1),
        (Some("application/x-www-form-urlencoded"), "name=x", 400, no_character.0, no_character.1),
        (
            Some("application/json"),
            "null",
            400,
            "BAD_REQUEST",
            "the body must be a JSON object, not null",
        ),
        (
            Some("application/json; charset=klingon"),
            "{}",
            415,
            "UNSUPPORTED_MEDIA_TYPE",
            "unsupported charset \"klingon\"",
        ),
    ] {
        let mut request = TestRequest::post()
            .uri("/api/agents")
            .insert_header(("Content-Length", body.len()))
            .set_payload(body);
        if let Some(sort) = sort {
            request = request.insert_header(("Content-Type", sort));
        }
        let heard = stage.ask(request).await;
        let error = &heard.json()["error"];
        assert_eq!(
            (heard.status, error["code"].as_str(), error["message"].as_str()),
            (status, Some(code), Some(message)),
            "{sort:?} {body}"
        );
    }
}

#[actix_web::test]
async fn a_body_beyond_the_limit_is_refused_and_a_broken_one_explained() {
    let small = ElizaosSettings { json_max_bytes: 1_000, ..ElizaosSettings::default() };
    let stage = stage(small).await;
    let big = json!({"characterJson": {"name": "Big", "bio": "a".repeat(2_000)}});
    let (status, body) = stage.said("POST", "/api/agents", big).await;
    assert_eq!((status, &body["error"]["code"]), (413, &json!("PAYLOAD_TOO_LARGE")));
    let broken = TestRequest::post()
        .uri("/api/agents")
        .insert_header(("Content-Type", "application/json"))
        .set_payload("{\"characterJson\": {");
    let heard = stage.ask(broken).await;
    assert_eq!(heard.status, 400);
    let words = heard.json()["error"]["message"].as_str().unwrap().to_owned();
    assert!(words.starts_with("the body is not valid JSON: EOF"), "{words}");
}

#[actix_web::test]
async fn too_many_requests_in_flight_are_refused_at_once() {
    let none = ElizaosSettings { in_flight_max: 1, ..ElizaosSettings::default() };
    let stage = stage(none).await;
    let id = stage.created("Ada").await;
    stage.store.hold_commits();
    let path = format!("/api/agents/{id}");
    let held = stage.send("PATCH", &path, json!({"bio": "other"}));
    let refused = async {
        while stage.store.held_commits() == 0 {
            tokio::task::yield_now().await;
        }
        let refused = stage.get("/api/agents").await;
        stage.store.release_commits();
        refused
    };
    let (held, refused) = futures::join!(held, refused);
    assert_eq!((held.status, refused.status), (200, 503));
    assert_eq!(refused.header("retry-after"), "1");
    assert_eq!(stage.get("/api/agents").await.status, 200);
}

#[actix_web::test]
async fn those_who_wait_for_a_reply_hold_up_nobody_else() {
    let one = ElizaosSettings { in_flight_max: 1, ..ElizaosSettings::default() };
    let stage = stage(one).await;
    let id = stage.running("Ada").await;
    let say = format!("/agents/{id}/message");
    let waiting = stage.send("POST", &say, json!({"text": HUSH}));
    let others = async {
        let refused = stage.send("POST", &say, json!({"text": "hello"})).await;
        assert_eq!((refused.status, refused.header("retry-after")), (503, "1"));
        let stop = format!("/api/agents/{id}/stop");
        for (method, path) in [
            ("GET", "/health"),
            ("GET", "/healthz"),
            ("GET", "/metrics"),
            ("GET", "/api/agents"),
            ("GET", "/api/server/ping"),
            ("POST", "/api/greenroom/halt"),
            ("POST", "/api/greenroom/lift"),
            ("POST", stop.as_str()),
        ] {
            let heard = stage.send(method, path, Value::Null).await;
            assert_eq!(heard.status, 200, "{method} {path}: {}", heard.text);
        }
    };
    let _stopped = futures::join!(waiting, others);
}

#[actix_web::test]
async fn a_request_that_takes_too_long_is_cut_off() {
    let short = ElizaosSettings { request_timeout_s: 1, ..ElizaosSettings::default() };
    let stage = stage(short).await;
    let id = stage.created("Ada").await;
    stage.store.hold_commits();
    let late = stage.send("PATCH", &format!("/api/agents/{id}"), json!({"bio": "other"})).await;
    stage.store.release_commits();
    assert_eq!((late.status, &late.json()["error"]["code"]), (503, &json!("TIMEOUT")));
    assert_eq!(late.header("x-frame-options"), "SAMEORIGIN");
    assert_eq!(late.header("x-request-id").len(), 16);
}

#[actix_web::test]
async fn a_handler_that_panics_fails_its_request_and_no_other() {
    async fn broken() -> HttpResponse {
        panic!("a secret of the inside")
    }
    let stage = stage(ElizaosSettings::default()).await;
    let shared = Shared::new(Arc::new(ElizaosSettings::default()), stage.host.clone());
    let routes = App::new().route("/api/broken", web::get().to(broken));
    let service = init_service(routes.wrap(Gate(Arc::new(shared)))).await;
    for _ in 0..2 {
        let request = TestRequest::get().uri("/api/broken").to_request();
        let error = service.call(request).await.unwrap_err();
        let heard = Heard::of(error.error_response());
        let expected = json!({"code": 500, "message": "Internal server error"});
        assert_eq!((heard.status, &heard.json()["error"]), (500, &expected));
        assert_eq!(heard.header("x-frame-options"), "SAMEORIGIN");
    }
}

#[actix_web::test]
async fn unknown_paths_are_told_by_their_agent_first() {
    let stage = stage(ElizaosSettings::default()).await;
    let unknown =
        json!({"success": false, "error": {"code": 404, "message": "API endpoint not found"}});
    let nobody = format!("/api/nothing?agentId={}", super::support::NOBODY);
    assert_eq!(stage.get(&nobody).await.json(), unknown, "while nobody runs");
    let id = stage.running("Ada").await;
    for (method, path) in [
        ("GET", "/api/nothing/here".to_owned()),
        ("POST", "/api/nothing".to_owned()),
        ("PUT", format!("/api/agents/{id}")),
        ("POST", format!("/api/agents/{id}")),
        ("DELETE", "/api/agents".to_owned()),
        ("GET", format!("/api/agents/{id}/start")),
        ("GET", format!("/api/agents/{id}/plugins/nothing")),
        ("GET", format!("/api/nothing?agentId={id}")),
        ("GET", "/api".to_owned()),
        ("GET", "/api/tee".to_owned()),
    ] {
        let body = if method == "GET" { Value::Null } else { json!({}) };
        let heard = stage.said(method, &path, body).await;
        assert_eq!(heard, (404, unknown.clone()), "{method} {path}");
    }
    let heard = stage.get(&nobody).await;
    assert_eq!((heard.status, &heard.json()["error"]["code"]), (404, &json!("AGENT_NOT_FOUND")));
    let heard = stage.get("/api/nothing?agentId=abc").await;
    assert_eq!((heard.status, &heard.json()["error"]["code"]), (400, &json!("INVALID_AGENT_ID")));
    let bare = stage.get("/agents/x/nothing").await;
    assert_eq!(bare.json(), json!({"success": false, "error": "API endpoint not found"}));
}
