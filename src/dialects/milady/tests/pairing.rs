//! Pairing: how a browser gets the token.

use std::sync::Arc;
use std::time::Duration;

use actix_web::http::Method;
use actix_web::test::TestRequest;
use greenroom_actors::ports::VirtualClock;
use serde_json::{Value, json};

use super::support::{Setting, Stage, TOKEN, bare, guarded, stage_with};
use crate::dialects::milady::MiladySettings;

/// A host whose clock is ours.
async fn timed(settings: MiladySettings) -> (VirtualClock, Stage) {
    let clock = VirtualClock::default();
    let setting = Setting { clock: Arc::new(clock.clone()), ..Setting::default() };
    (clock, stage_with(setting, settings).await)
}

async fn pair(stage: &Stage, client: &str, code: &str) -> (u16, Value) {
    let client = format!("{client}:4711").parse().unwrap();
    let request = TestRequest::post().uri("/api/auth/pair").peer_addr(client);
    let heard = stage.ask(request.set_json(json!({"code": code}))).await;
    (heard.status, heard.json())
}

fn error(words: &str) -> Value {
    json!({"error": words})
}

#[actix_web::test]
async fn whether_a_token_is_asked_for_is_told_without_one() {
    let off = MiladySettings { pairing: false, ..guarded() };
    for (settings, required, enabled) in
        [(MiladySettings::default(), false, false), (guarded(), true, true), (off, true, false)]
    {
        let (_clock, stage) = timed(settings).await;
        let heard = stage.get("/api/auth/status").await;
        let expires_at = if enabled { json!(600_000) } else { Value::Null };
        let told =
            json!({"required": required, "pairingEnabled": enabled, "expiresAt": expires_at});
        assert_eq!((heard.status, heard.json()), (200, told));
        assert_eq!(heard.header("content-type"), "application/json");
    }
}

#[actix_web::test]
async fn a_code_is_refused_for_the_first_reason_there_is() {
    let (_clock, stage) = timed(MiladySettings::default()).await;
    assert_eq!(pair(&stage, "192.0.2.1", "x").await, (400, error("Pairing not enabled")));
    let (_clock, stage) = timed(MiladySettings { pairing: false, ..guarded() }).await;
    assert_eq!(pair(&stage, "192.0.2.1", "x").await, (403, error("Pairing disabled")));

    let (clock, stage) = timed(guarded()).await;
    let heard = stage.ask(TestRequest::post().uri("/api/auth/pair")).await;
    assert_eq!(heard.status, 400);
    // Nobody has asked for a code yet.
    assert_eq!(pair(&stage, "192.0.2.1", "x").await.0, 410);
    for code in ["", "x", "AAAAAAAA", "AAAAAAAAAAAA"] {
        let expected = (403, error("Invalid pairing code"));
        assert_eq!(pair(&stage, "192.0.2.1", code).await, expected);
    }
    assert_eq!(pair(&stage, "192.0.2.1", "x").await.0, 429);
    assert_eq!(pair(&stage, "192.0.2.2", "x").await.0, 403);
    clock.advance(Duration::from_mins(10)).await;
    assert_eq!(pair(&stage, "192.0.2.1", "x").await.0, 410);
}

#[actix_web::test]
async fn all_else_asks_for_the_token() {
    let (_clock, stage) = timed(guarded()).await;
    for (method, path) in [
        ("GET", "/api/status"),
        ("GET", "/api/authority"),
        ("GET", "/nothing"),
        ("HEAD", "/api/avatar/vrm"),
        ("POST", "/api/agent/start"),
        ("GET", "/%61pi/status"),
        ("GET", "/v1/models"),
    ] {
        let request = || TestRequest::with_uri(path).method(method.parse().unwrap());
        let heard = stage.ask(request()).await;
        assert_eq!((heard.status, heard.json()), (401, error("Unauthorized")), "{path}");
        let heard = stage.ask(request().insert_header(("X-Milady-Token", TOKEN))).await;
        assert_ne!(heard.status, 401, "{path}");
    }
    let heard = stage.ask(TestRequest::with_uri("/nothing").method(Method::OPTIONS)).await;
    assert_eq!(heard.status, 204);
    assert_eq!(stage.get("/api/auth/nothing").await.status, 404);
    assert_eq!(bare().await.get("/nothing").await.status, 404);
}
