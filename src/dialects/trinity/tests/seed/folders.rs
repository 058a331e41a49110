//! Section 9. What links there are in whose workspace is shown elsewhere; this is what is told of them.

use serde_json::{Value, json};

use super::{Cast, Row, Who};

#[actix_web::test]
async fn folders_are_set_and_told_of_on_both_sides() {
    let cast = Cast::of(None, false).await;
    let at = |name: &str, rest: &str| format!("/api/agents/{name}/folders{rest}");
    let expected = json!({
        "agent_name": "ada", "expose_enabled": false, "consume_enabled": false,
        "exposed_volume": null, "exposed_path": "/home/developer/shared-out",
        "consumed_folders": [], "restart_required": false, "status": "running",
    });
    assert_eq!(cast.ok("GET", &at("ada", ""), Value::Null).await, expected);
    for (name, rest, field) in
        [("ada", "/available", "available_folders"), ("ada", "/consumers", "consumers")]
    {
        let none = cast.ok("GET", &at(name, rest), Value::Null).await;
        assert_eq!((&none[field], &none["count"]), (&json!([]), &json!(0)));
    }
    // What is absent or null stays; the lenient forms are understood.
    for (body, exposes, consumes) in [
        (json!({}), false, false),
        (json!({"expose_enabled": "on"}), true, false),
        (json!({"consume_enabled": 1, "expose_enabled": null}), true, true),
        (json!({"consume_enabled": "no"}), true, false),
    ] {
        let set = cast.ok("PUT", &at("ada", ""), body.clone()).await;
        for (field, value) in [
            ("status", json!("updated")),
            ("agent_name", json!("ada")),
            ("expose_enabled", json!(exposes)),
            ("consume_enabled", json!(consumes)),
            ("restart_required", json!(true)),
        ] {
            assert_eq!(set[field], value, "{body} {field}");
        }
    }
    let source = cast.ok("GET", &at("ada", ""), Value::Null).await;
    assert_eq!(source["exposed_volume"], "agent-ada-shared");
    cast.ok("PUT", &at("idle", ""), json!({"consume_enabled": true})).await;
    cast.ok("POST", "/api/agents/idle/permissions/ada", Value::Null).await;
    let path = "/home/developer/shared-in/ada";
    let available = cast.ok("GET", &at("idle", "/available"), Value::Null).await;
    let folder = json!({
        "source_agent": "ada", "volume_name": "agent-ada-shared", "mount_path": path,
        "source_status": "running",
    });
    let expected = json!({"agent_name": "idle", "available_folders": [folder], "count": 1});
    assert_eq!(available, expected);
    let consumers = cast.ok("GET", &at("ada", "/consumers"), Value::Null).await;
    let consumer = json!({"agent_name": "idle", "mount_path": path, "status": "stopped"});
    assert_eq!(consumers, json!({"source_agent": "ada", "consumers": [consumer], "count": 1}));
    let consuming = cast.ok("GET", &at("idle", ""), Value::Null).await;
    assert_eq!(consuming["consumed_folders"][0]["source_agent"], "ada");
    assert_eq!(consuming["restart_required"], true);
}

#[actix_web::test]
async fn each_refusal_of_folders_is_told() {
    let cast = Cast::of(None, false).await;
    let at = "/api/agents/ada/folders";
    let put = |who, body: Value, status: u16, words: &'static str| -> Row<'static> {
        (who, "PUT", at, body, status, words)
    };
    cast.told([
        put(Who::Owner, Value::Null, 422, "missing|body"),
        put(Who::Owner, json!([]), 422, "model_attributes_type"),
        put(Who::Stranger, json!([]), 422, "model_attributes_type"),
        put(Who::Owner, json!({"expose_enabled": "perhaps"}), 400, "expose_enabled"),
        put(Who::Owner, json!({"consume_enabled": []}), 400, "consume_enabled"),
        put(Who::Owner, json!({"consume_enabled": 2}), 400, "consume_enabled"),
        put(Who::Stranger, json!({"consume_enabled": 2}), 403, "owner|folder sharing"),
    ])
    .await;
}
