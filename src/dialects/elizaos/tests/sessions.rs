//! Sessions.

use std::sync::Arc;
use std::time::Duration;

use actix_web::test::TestRequest;
use greenroom_actors::ports::VirtualClock;
use greenroom_actors::time::UnixMillis;
use serde_json::{Value, json};

use super::support::{NOBODY, Stage, stage_at};
use crate::dialects::elizaos::ElizaosSettings;

const NONE: Value = Value::Null;
const USER: &str = "aaaaaaaa-0201-4000-8000-000000000201";
const API: &str = "/api/messaging/sessions";

async fn ready() -> (Stage, VirtualClock, String) {
    let clock = VirtualClock::at(UnixMillis(1_700_000_000_000));
    let stage = stage_at(ElizaosSettings::default(), Arc::new(clock.clone())).await;
    let agent = stage.running("Golden").await;
    (stage, clock, agent)
}

async fn begun(stage: &Stage, agent: &str, timeout: Value) -> String {
    let body = json!({"agentId": agent, "userId": USER, "metadata": {"platform": "web"},
        "timeoutConfig": timeout});
    let (status, made) = stage.said("POST", API, body).await;
    assert_eq!(status, 201, "{made}");
    made["sessionId"].as_str().unwrap().to_owned()
}

#[actix_web::test]
async fn a_session_carries_a_talk() {
    let (stage, clock, agent) = ready().await;
    let health = stage.get(&format!("{API}/health")).await.json();
    assert_eq!((&health["status"], &health["activeSessions"]), (&json!("healthy"), &json!(0)));
    let path = format!("{API}/{}", begun(&stage, &agent, NONE).await);
    let info = stage.get(&path).await.json();
    let config = json!({"timeoutMinutes": 30, "autoRenew": true, "maxDurationMinutes": 720,
        "warningThresholdMinutes": 5});
    assert_eq!((&info["timeoutConfig"], &info["timeRemaining"]), (&config, &json!(1_800_000)));
    assert!(info.get("success").is_none());
    let on = format!("{path}/messages");
    assert_eq!(stage.get(&on).await.json(), json!({"messages": [], "hasMore": false}));
    let body = json!({"content": "hello", "metadata": {"m": 1}, "transport": "http",
        "attachments": [{"type": "image", "url": "http://x/y.png"}]});
    let (status, said) = stage.said("POST", &on, body).await;
    assert_eq!((status, &said["agentResponse"]["text"]), (201, &json!("echo: hello")), "{said}");
    assert_eq!((&said["data"]["success"], &said["content"]), (&json!(true), &json!("hello")));
    let status = &said["sessionStatus"];
    assert_eq!((&status["renewalCount"], &status["wasRenewed"]), (&json!(1), &json!(true)));
    let user = &said["userMessage"];
    assert_eq!((&user["metadata"]["m"], &user["metadata"]["platform"]), (&json!(1), &json!("web")));
    assert_eq!(user["raw_message"]["attachments"][0]["type"], "image");
    clock.advance(Duration::from_millis(5)).await;
    let events =
        stage.send("POST", &on, json!({"content": "again", "mode": "stream"})).await.events();
    assert_eq!(events.last().unwrap().1["text"], "echo: again");
    assert_eq!(stage.send("POST", &on, json!({"content": "later"})).await.status, 201);
    clock.settle().await;
    let listed = stage.get(&on).await.json();
    assert_eq!(listed["messages"].as_array().unwrap().len(), 6);
    assert_eq!(listed["messages"][0]["isAgent"], true);
    let page = stage.get(&format!("{on}?limit=2")).await.json();
    assert_eq!((&page["hasMore"], page["messages"].as_array().unwrap().len()), (&json!(true), 2));
    let first = stage.get(&format!("{on}?before=1700000000001")).await.json();
    assert_eq!(first["messages"].as_array().unwrap().len(), 2);
    assert_eq!(first["cursors"]["before"], json!(1_700_000_000_000_i64));
    let after = stage.get(&format!("{on}?after=1700000000000&limit=1")).await.json();
    assert_eq!(after["messages"][0]["content"], "again");

    let listed = stage.get(API).await.json();
    assert_eq!((&listed["total"], &listed["stats"]["activeSessions"]), (&json!(1), &json!(1)));
    let (status, gone) = stage.said("DELETE", &path, NONE).await;
    let message = format!("Session {} deleted successfully", path.rsplit('/').next().unwrap());
    assert_eq!(
        (status, &gone["message"], &gone["data"]["success"]),
        (200, &json!(message), &json!(true))
    );
    assert_eq!(stage.get(&path).await.status, 404);
}

#[actix_web::test]
async fn a_session_ends_in_time_and_is_gone_after_the_first_look() {
    let (stage, clock, agent) = ready().await;
    let minutes = |minutes: u64| Duration::from_secs(60 * minutes);
    let renewing = format!(
        "{API}/{}",
        begun(&stage, &agent, json!({"timeoutMinutes": 10, "maxDurationMinutes": 25})).await
    );
    let fixed = format!(
        "{API}/{}",
        begun(&stage, &agent, json!({"timeoutMinutes": 10, "autoRenew": false})).await
    );
    clock.advance(minutes(6)).await;
    for (path, renewals, left) in [(&renewing, 1, 600_000), (&fixed, 0, 240_000)] {
        let beat = stage.send("POST", &format!("{path}/heartbeat"), NONE).await.json();
        assert_eq!(
            (&beat["renewalCount"], &beat["timeRemaining"]),
            (&json!(renewals), &json!(left))
        );
        assert_eq!(beat["isNearExpiration"], json!(left < 300_000));
    }
    let health = stage.get(&format!("{API}/health")).await.json();
    assert_eq!(health["expiringSoon"], 1);
    let renewed = stage.send("POST", &format!("{fixed}/renew"), NONE).await.json();
    assert_eq!(renewed["renewalCount"], 1);
    clock.advance(minutes(9)).await;
    let beat = stage.send("POST", &format!("{renewing}/heartbeat"), NONE).await.json();
    assert_eq!(beat["timeRemaining"], 600_000);
    clock.advance(minutes(10)).await;
    let listed = stage.get(API).await.json();
    let stats = json!({"totalSessions": 2, "activeSessions": 0, "expiredSessions": 2});
    assert_eq!((&listed["sessions"], &listed["stats"]), (&json!([]), &stats));
    let (status, said) =
        stage.said("POST", &format!("{renewing}/messages"), json!({"content": "x"})).await;
    assert_eq!((status, &said["error"]["code"]), (410, &json!("SESSION_EXPIRED")));
    assert!(
        said["error"]["message"].as_str().unwrap().ends_with("expired at 2023-11-14T22:38:20.000Z")
    );
    assert_eq!(stage.get(&renewing).await.status, 404);
    assert_eq!(stage.host.messaging.sweep_sessions().await.unwrap(), 1);
    assert_eq!(stage.get(&fixed).await.status, 404);
}

#[actix_web::test]
async fn a_timeout_is_held_within_its_bounds() {
    let (stage, _, agent) = ready().await;
    for (given, minutes, longest, warning) in [
        (json!({"timeoutMinutes": 1}), 5, 720, 5),
        (json!({"timeoutMinutes": "abc", "maxDurationMinutes": "def"}), 30, 720, 5),
        (json!({"timeoutMinutes": 60, "maxDurationMinutes": 5}), 60, 60, 5),
        (json!({"warningThresholdMinutes": 0}), 30, 720, 1),
        (json!({"maxDurationMinutes": 99_999}), 30, 2_880, 5),
    ] {
        let path = format!("{API}/{}", begun(&stage, &agent, given).await);
        let config = &stage.get(&path).await.json()["timeoutConfig"];
        let expected = json!({"timeoutMinutes": minutes, "autoRenew": true,
            "maxDurationMinutes": longest, "warningThresholdMinutes": warning});
        assert_eq!(config, &expected);
    }
    let path =
        format!("{API}/{}/timeout", begun(&stage, &agent, json!({"timeoutMinutes": 60})).await);
    for (given, minutes) in [
        (json!({"timeoutMinutes": "20"}), 20),
        (json!({"timeoutMinutes": "soon"}), 30),
        (json!({}), 30),
    ] {
        let (status, said) = stage.said("PATCH", &path, given).await;
        assert_eq!((status, &said["timeoutConfig"]["timeoutMinutes"]), (200, &json!(minutes)));
    }
}

#[actix_web::test]
async fn what_cannot_be_is_refused_in_the_recorded_words() {
    let (stage, _, agent) = ready().await;
    let id = begun(&stage, &agent, NONE).await;
    let on = |path: &str| format!("{API}{path}");
    let missing = format!("Session with ID '{NOBODY}' not found");
    let who = |agent: Value, user: Value| json!({"agentId": agent, "userId": user});
    let bounds = "Timeout must be between 5 and 1440 minutes";
    let send = format!("/{id}/messages");
    let retime = format!("/{id}/timeout");
    for (method, path, body, status, code, words) in [
        (
            "POST",
            String::new(),
            json!({}),
            400,
            "VALIDATION_ERROR",
            "Missing required fields: agentId, userId".to_owned(),
        ),
        (
            "POST",
            String::new(),
            who(json!(5), json!(USER)),
            400,
            "VALIDATION_ERROR",
            "Missing required fields: agentId, userId".to_owned(),
        ),
        (
            "POST",
            String::new(),
            who(json!("x"), json!(USER)),
            400,
            "VALIDATION_ERROR",
            "Invalid UUID format for field 'agentId'".to_owned(),
        ),
        (
            "POST",
            String::new(),
            who(json!(agent), json!("x")),
            400,
            "VALIDATION_ERROR",
            "Invalid UUID format for field 'userId'".to_owned(),
        ),
        (
            "POST",
            String::new(),
            who(json!(NOBODY), json!(USER)),
            404,
            "AGENT_NOT_FOUND",
            format!("Agent with ID '{NOBODY}' not found"),
        ),
        ("GET", format!("/{NOBODY}"), NONE, 404, "SESSION_NOT_FOUND", missing.clone()),
        (
            "POST",
            format!("/{NOBODY}/messages"),
            json!({"content": "x"}),
            404,
            "SESSION_NOT_FOUND",
            missing.clone(),
        ),
        ("GET", format!("/{NOBODY}/messages"), NONE, 404, "SESSION_NOT_FOUND", missing.clone()),
        ("POST", format!("/{NOBODY}/renew"), NONE, 404, "SESSION_NOT_FOUND", missing.clone()),
        ("POST", format!("/{NOBODY}/heartbeat"), NONE, 404, "SESSION_NOT_FOUND", missing.clone()),
        (
            "PATCH",
            format!("/{NOBODY}/timeout"),
            json!({}),
            404,
            "SESSION_NOT_FOUND",
            missing.clone(),
        ),
        ("DELETE", format!("/{NOBODY}"), NONE, 404, "SESSION_NOT_FOUND", missing.clone()),
        (
            "POST",
            send.clone(),
            json!({}),
            400,
            "VALIDATION_ERROR",
            "Invalid content: Invalid message request format".to_owned(),
        ),
        (
            "POST",
            format!("/{NOBODY}/messages"),
            json!({"transport": 1}),
            400,
            "VALIDATION_ERROR",
            "Invalid content: Invalid transport type \"number\". Transport must be a string."
                .to_owned(),
        ),
        (
            "POST",
            send.clone(),
            json!({"content": ""}),
            400,
            "VALIDATION_ERROR",
            "Invalid content: Content cannot be empty".to_owned(),
        ),
        (
            "POST",
            send.clone(),
            json!({"content": "a".repeat(4_001)}),
            400,
            "VALIDATION_ERROR",
            "Invalid content: Content exceeds maximum length of 4000 characters".to_owned(),
        ),
        (
            "POST",
            send.clone(),
            json!({"content": "x", "metadata": {"b": "y".repeat(10_300)}}),
            400,
            "VALIDATION_ERROR",
            "Invalid metadata: Metadata exceeds maximum size of 10240 bytes".to_owned(),
        ),
        (
            "POST",
            send.clone(),
            json!({"content": "!fail", "transport": "http"}),
            500,
            "MESSAGE_SEND_FAILED",
            "Failed to process message in HTTP transport".to_owned(),
        ),
        (
            "GET",
            format!("{send}?before=abc"),
            NONE,
            400,
            "VALIDATION_ERROR",
            "Invalid pagination parameter 'before': Must be a valid timestamp".to_owned(),
        ),
        (
            "PATCH",
            retime.clone(),
            json!({"timeoutMinutes": 1}),
            400,
            "VALIDATION_ERROR",
            format!("Invalid timeout configuration: {bounds}"),
        ),
        (
            "PATCH",
            retime.clone(),
            json!({"timeoutMinutes": true}),
            400,
            "VALIDATION_ERROR",
            "Invalid timeout configuration: Invalid timeout configuration format".to_owned(),
        ),
        (
            "PATCH",
            retime.clone(),
            json!({"autoRenew": "yes"}),
            400,
            "VALIDATION_ERROR",
            "Invalid timeout configuration: Invalid timeout configuration format".to_owned(),
        ),
    ] {
        let (got, said) = stage.said(method, &on(&path), body).await;
        let error = &said["error"];
        assert_eq!(
            (got, &error["code"], &error["message"]),
            (status, &json!(code), &json!(words)),
            "{method} {path}"
        );
        assert_eq!(said["success"], false);
        assert!(error["timestamp"].is_string() && error.get("stack").is_none());
    }
}

#[actix_web::test]
async fn what_happens_at_once_in_a_session_is_all_counted() {
    let (stage, _, agent) = ready().await;
    let path = format!("{API}/{}", begun(&stage, &agent, NONE).await);
    let (heartbeat, renew) = (format!("{path}/heartbeat"), format!("{path}/renew"));
    let touches =
        (0..20).map(|nth| stage.send("POST", if nth % 2 == 0 { &heartbeat } else { &renew }, NONE));
    let touched = futures::future::join_all(touches).await;
    let mut counts: Vec<_> =
        touched.iter().map(|heard| heard.json()["renewalCount"].as_u64().unwrap()).collect();
    counts.sort_unstable();
    assert!(counts.into_iter().eq(1..=20));
    assert_eq!(stage.get(&path).await.json()["renewalCount"], 20);
}

#[actix_web::test]
async fn a_body_that_cannot_be_read_is_refused_as_sessions_do() {
    let (stage, _, agent) = ready().await;
    let path = format!("{API}/{}", begun(&stage, &agent, NONE).await);
    for (method, path) in [
        ("POST", API.to_owned()),
        ("POST", format!("{path}/messages")),
        ("PATCH", format!("{path}/timeout")),
    ] {
        for (body, status, code) in
            [("{", 400, "BAD_REQUEST"), (&" ".repeat(3 * 1024 * 1024), 413, "PAYLOAD_TOO_LARGE")]
        {
            let request = TestRequest::with_uri(&path).method(method.parse().unwrap());
            let json = ("content-type", "application/json");
            let heard = stage.ask(request.insert_header(json).set_payload(body.to_owned())).await;
            let error = &heard.json()["error"];
            assert_eq!((heard.status, &error["code"]), (status, &json!(code)), "{method} {path}");
            assert!(error["timestamp"].is_string() && error["message"].is_string(), "{error}");
        }
    }
    let (status, body) = stage.said("POST", API, json!([1])).await;
    assert_eq!((status, &body["error"]["code"]), (400, &json!("BAD_REQUEST")));
    assert!(body["error"]["timestamp"].is_string());
}
