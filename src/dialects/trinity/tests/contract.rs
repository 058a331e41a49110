//! Small things that clients of Trinity count on.

use actix_web::test::TestRequest;
use serde_json::{Value, json};

use super::support::Site;
use crate::accounts::Role;

#[actix_web::test]
async fn what_cannot_be_meant_is_told_before_who_may_not() {
    let site = Site::new().await;
    let owner = site.user("owner@example.org", Role::Creator).await;
    let stranger = site.user("stranger@example.org", Role::Creator).await;
    site.agent(&owner, "mine").await;
    for (method, path) in [
        ("PUT", "autonomy"),
        ("PUT", "read-only"),
        ("PUT", "folders"),
        ("PUT", "api-key-setting"),
        ("PUT", "capabilities"),
        ("PUT", "resources"),
        ("PUT", "permissions"),
        ("PUT", "timeout"),
    ] {
        let path = format!("/api/agents/mine/{path}");
        let (status, told) = site.call(&stranger, method, &path, json!([])).await;
        assert_eq!(status, 422, "{path}: {told}");
    }
    for (method, path) in [("GET", "files/download"), ("GET", "files/preview"), ("DELETE", "files")]
    {
        let path = format!("/api/agents/mine/{path}");
        let (status, told) = site.call(&stranger, method, &path, Value::Null).await;
        assert_eq!((status, &told["detail"][0]["type"]), (422, &json!("missing")), "{path}");
    }
}

#[actix_web::test]
async fn filters_look_beyond_the_number_that_is_told() {
    let site = Site::new().await;
    let owner = site.user("owner@example.org", Role::Creator).await;
    site.agent(&owner, "mine").await;
    let task = json!({"message": "one", "save_to_session": null, "inject_result": null,
        "create_new_session": null, "async_mode": null});
    let (status, told) = site.call(&owner, "POST", "/api/agents/mine/task", task).await;
    assert_eq!(status, 200, "{told}");
    let schedule = json!({"name": "s", "cron_expression": "0 0 1 1 *", "message": "fired"});
    let (status, made) = site.call(&owner, "POST", "/api/agents/mine/schedules", schedule).await;
    assert!(matches!(status, 200 | 201), "{made}");
    let fire = format!("/api/agents/mine/schedules/{}/trigger", made["id"].as_str().unwrap());
    let (status, fired) = site.call(&owner, "POST", &fire, Value::Null).await;
    assert_eq!(status, 200, "{fired}");
    let sought = "/api/agents/mine/activities?activity_type=schedule_start&limit=1";
    assert_eq!(site.call(&owner, "GET", sought, Value::Null).await.1["count"], 1);
    for message in ["two", "three"] {
        let path = "/api/agents/mine/chat";
        site.call(&owner, "POST", path, json!({"message": message})).await;
    }
    let (_, found) = site.call(&owner, "GET", sought, Value::Null).await;
    assert_eq!(found["count"], 1, "{found}");
    let began = found["activities"][0]["started_at"].as_str().unwrap().to_owned();
    let path = format!("/api/activities/timeline?limit=1&end_time={began}");
    let (_, window) = site.call(&owner, "GET", &path, Value::Null).await;
    assert_eq!(window["count"], 1, "{window}");
}

#[actix_web::test]
async fn an_administrator_closes_the_session_of_somebody_else() {
    let site = Site::new().await;
    let owner = site.user("owner@example.org", Role::Creator).await;
    site.agent(&owner, "mine").await;
    let chat = json!({"message": "Hello", "save_to_session": true});
    let (_, told) = site.call(&owner, "POST", "/api/agents/mine/task", chat).await;
    let id = told["chat_session_id"].as_str().unwrap().to_owned();
    let status = async || {
        let path = format!("/api/agents/mine/chat/sessions/{id}");
        site.call(&owner, "GET", &path, Value::Null).await.1["session"]["status"].clone()
    };
    assert_eq!(status().await, "active");
    let close = format!("/api/agents/mine/chat/sessions/{id}/close");
    let (code, closed) = site.call(&site.admin, "POST", &close, Value::Null).await;
    assert_eq!((code, &closed["status"]), (200, &json!("closed")));
    assert_eq!(status().await, "closed");
}

#[actix_web::test]
async fn a_line_of_the_audit_log_names_the_answer_it_belongs_to() {
    let site = Site::new().await;
    let request = TestRequest::post()
        .uri("/api/agents")
        .insert_header(("authorization", format!("Bearer {}", site.admin)))
        .set_json(json!({"name": "noted"}));
    let heard = site.stage.ask(request).await;
    assert_eq!(heard.status, 200, "{}", heard.text);
    let path = "/api/audit-log?event_type=agent_lifecycle";
    let (_, log) = site.call(&site.admin, "GET", path, Value::Null).await;
    let lines = log["entries"].as_array().unwrap();
    assert!(lines.iter().any(|line| line["request_id"] == heard.header("x-request-id")), "{log}");
}

#[actix_web::test]
async fn what_is_said_has_a_bound_that_a_list_can_bear() {
    let site = Site::new().await;
    let owner = site.user("owner@example.org", Role::Creator).await;
    site.agent(&owner, "mine").await;
    for path in ["/api/agents/mine/chat", "/api/agents/mine/task"] {
        for (length, expected) in [(100_000, 200), (100_001, 422)] {
            let body = json!({"message": "x".repeat(length)});
            let (status, told) = site.call(&owner, "POST", path, body).await;
            assert_eq!(status, expected, "{path}: {}", told["detail"]);
        }
    }
}

#[actix_web::test]
async fn the_longest_address_is_one_that_may_log_in() {
    let site = Site::new().await;
    let owner = site.user("owner@example.org", Role::Creator).await;
    site.agent(&owner, "mine").await;
    let email = format!("{}@b.c", "x".repeat(250));
    let share = json!({"email": email});
    let (status, told) = site.call(&owner, "POST", "/api/agents/mine/share", share).await;
    assert_eq!(status, 200, "{told}");
    let (_, list) =
        site.call(&site.admin, "GET", "/api/settings/email-whitelist", Value::Null).await;
    assert!(list.to_string().contains(&email), "{list}");
}
