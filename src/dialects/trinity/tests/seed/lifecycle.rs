//! Section 4, what an agent does between its creation and its end, and what it tells of itself.

use serde_json::{Value, json};

use super::{Cast, Row, Who};

#[actix_web::test]
async fn a_start_says_what_came_of_the_credentials() {
    let start = "/api/agents/idle/start";
    let cast = Cast::new().await;
    let again = async |expected: Value, word: &str| {
        let told = cast.ok("POST", start, Value::Null).await;
        assert_eq!(told["message"], "Agent idle started");
        assert_eq!(
            (&told["credentials_injection"], &told["credentials_result"]),
            (&json!(word), &expected)
        );
    };
    let skipped = |reason: &str| json!({"status": "skipped", "reason": reason});
    again(skipped("no_credentials_enc_file"), "skipped").await;
    again(skipped("container_already_running"), "skipped").await;
    let inject = "/api/agents/idle/credentials/inject";
    cast.ok("POST", inject, json!({"files": {".env": "A=1\nB=2\n"}})).await;
    cast.ok("POST", "/api/agents/idle/credentials/export", Value::Null).await;
    let stop = async || {
        let told = cast.ok("POST", "/api/agents/idle/stop", Value::Null).await;
        assert_eq!(told, json!({"message": "Agent idle stopped"}));
    };
    stop().await;
    // As often as one likes.
    stop().await;
    let one = json!({"status": "success", "credential_count": 1, "files": [".env"]});
    again(one, "success").await;
    cast.ok("POST", inject, json!({"files": {".credentials.enc": "{}"}})).await;
    stop().await;
    let told = cast.ok("POST", start, Value::Null).await;
    assert_eq!(told["credentials_injection"], "failed");
    assert!(told["credentials_result"]["error"].is_string());
    assert_eq!(cast.ok("GET", "/api/agents/idle", Value::Null).await["status"], "running");

    let keyless = Cast::of(None, false).await;
    keyless.ok("POST", start, Value::Null).await;
    keyless.ok("POST", inject, json!({"files": {".credentials.enc": "{}"}})).await;
    keyless.ok("POST", "/api/agents/idle/stop", Value::Null).await;
    let told = keyless.ok("POST", start, Value::Null).await;
    assert_eq!(told["credentials_result"], skipped("encryption_not_configured"));
}

#[actix_web::test]
async fn a_rename_is_checked_in_its_order() {
    let cast = Cast::of(None, false).await;
    let named = |name: &str| json!({"new_name": name});
    let long = "x".repeat(64);
    let (ada, none) = ("/api/agents/ada/rename", "/api/agents/none/rename");
    let system = "/api/agents/trinity-system/rename";
    let refused =
        |who, path, body, status, words| -> Row<'_> { (who, "PUT", path, body, status, words) };
    let system_told = "System agents cannot be renamed";
    let denied = "permission to rename";
    cast.told([
        refused(Who::Owner, ada, Value::Null, 422, "missing|body"),
        refused(Who::Owner, ada, json!({}), 422, "missing|new_name"),
        refused(Who::Owner, ada, json!({"new_name": 1}), 422, "string_type"),
        refused(Who::Stranger, ada, json!({}), 422, "missing|new_name"),
        refused(Who::Admin, system, named("x"), 403, system_told),
        refused(Who::Stranger, system, named("x"), 403, system_told),
        refused(Who::Admin, system, named(" "), 403, system_told),
        // Whether one may comes before the name.
        refused(Who::Stranger, ada, named(" "), 403, denied),
        refused(Who::Shared, ada, named("idle"), 403, denied),
        refused(Who::Stranger, none, named(" "), 403, denied),
        refused(Who::Owner, ada, named(""), 400, "empty"),
        refused(Who::Owner, ada, named("   "), 400, "empty"),
        refused(Who::Owner, ada, named("..."), 400, "Invalid"),
        refused(Who::Owner, ada, named(&long), 400, "too long"),
        refused(Who::Owner, ada, named(" ADA "), 400, "same"),
        refused(Who::Owner, ada, named("slots"), 400, "reserved"),
        refused(Who::Owner, ada, named("idle"), 409, "already exists"),
        // One that nobody else may know of is taken all the same.
        refused(Who::Owner, ada, named("theirs"), 409, "already exists"),
        // The name comes before that there is nothing to name.
        refused(Who::Admin, none, named(" "), 400, "empty"),
        refused(Who::Admin, none, named("ada"), 409, "already exists"),
        refused(Who::Admin, none, named("new"), 404, "=Agent not found"),
    ])
    .await;
    let before = cast.ok("GET", "/api/agents/ada", Value::Null).await;
    let told = cast.ok("PUT", ada, named("My New.Name_1")).await;
    for (field, value) in [
        ("old_name", json!("ada")),
        ("new_name", json!("my-new-name_1")),
        ("was_running", json!(true)),
        ("note", Value::Null),
    ] {
        assert_eq!(told[field], value, "{field}");
    }
    let words = told["message"].as_str().unwrap();
    assert!(words.contains("ada") && words.contains("my-new-name_1"), "{words}");
    let after = cast.ok("GET", "/api/agents/my-new-name_1", Value::Null).await;
    for field in ["port", "created", "container_id", "status", "owner"] {
        assert_eq!(after[field], before[field], "{field}");
    }
    cast.told([
        (Who::Owner, "GET", "/api/agents/ada", Value::Null, 404, "=Agent not found"),
        (Who::Shared, "GET", "/api/agents/my-new-name_1", Value::Null, 200, ""),
        (Who::Key, "GET", "/api/agents/my-new-name_1", Value::Null, 200, ""),
        (Who::Owner, "PUT", "/api/agents/idle/rename", named("ada"), 200, ""),
    ])
    .await;
    let stopped = cast.ok("PUT", "/api/agents/ada/rename", named("idle")).await;
    assert_eq!(stopped["was_running"], false);
}

#[actix_web::test]
async fn an_agent_says_of_itself_what_it_can() {
    let cast = Cast::of(None, false).await;
    let stopped = cast.ok("GET", "/api/agents/idle/info", Value::Null).await;
    for (field, value) in [
        ("has_template", json!(false)),
        ("agent_name", json!("idle")),
        ("template_name", json!("")),
        ("type", json!("business-assistant")),
        ("resources", json!({"cpu": "2", "memory": "4g"})),
        ("status", json!("stopped")),
    ] {
        assert_eq!(stopped[field], value, "{field}");
    }
    assert!(stopped["message"].is_string());
    let plain = cast.ok("GET", "/api/agents/ada/info", Value::Null).await;
    let fields: Vec<_> = plain.as_object().unwrap().keys().collect();
    // And what answers for it.
    let expected = ["has_template", "agent_name", "template_name", "message", "status", "runtime"];
    assert_eq!(fields, expected);
    assert_eq!((&plain["has_template"], &plain["status"]), (&json!(false), &json!("running")));
    let file = "/api/agents/ada/files?path=template.yaml";
    cast.ok("PUT", file, json!({"content": "name: ada\nversion: 2\n"})).await;
    let whole = cast.ok("GET", "/api/agents/ada/info", Value::Null).await;
    for (field, value) in [
        ("has_template", json!(true)),
        ("template_path", json!("/home/developer/template.yaml")),
        ("name", json!("ada")),
        ("display_name", json!("ada")),
        ("version", json!("2")),
        ("tagline", json!("")),
        ("capabilities", json!([])),
        ("resources", json!({})),
        ("avatar_prompt", Value::Null),
        ("status", json!("running")),
    ] {
        assert_eq!(whole[field], value, "{field}");
    }
    assert_eq!(whole.as_object().unwrap().len(), 23, "{whole}");
}

#[actix_web::test]
async fn a_log_is_told_as_far_back_as_is_asked() {
    let cast = Cast::of(None, false).await;
    for name in ["ada", "idle"] {
        let id = cast.site.stage.host.roster.find(name).await.unwrap().unwrap().id;
        let many: Vec<_> = (0..200).map(|number| format!("line {number}")).collect();
        cast.site.stage.host.registry.write_lines(id, &many).await.unwrap();
        let all = cast.ok("GET", &format!("/api/agents/{name}/logs?tail=-1"), Value::Null).await;
        let all = all["logs"].as_str().unwrap().lines().count();
        assert!(all > 200, "{all}");
        for (query, count) in [
            ("", 100),
            ("?tail=0", 0),
            ("?tail=1", 1),
            ("?tail=3.0", 3),
            ("?tail=100000", all),
            ("?lines=5", 100),
            ("?tail=2&tail=4", 4),
        ] {
            let path = format!("/api/agents/{name}/logs{query}");
            let told = cast.ok("GET", &path, Value::Null).await;
            let logs = told["logs"].as_str().unwrap();
            assert_eq!(logs.lines().count(), count, "{name} {query}");
            assert!(logs.is_empty() || logs.ends_with("line 199\n"), "{query}: {logs}");
        }
    }
    cast.told([
        (Who::Owner, "GET", "/api/agents/ada/logs?tail=x", Value::Null, 422, "int_parsing|tail"),
        (Who::Owner, "GET", "/api/agents/ada/logs?tail=1.5", Value::Null, 422, "int_|tail"),
        // Who may comes before what.
        (
            Who::Stranger,
            "GET",
            "/api/agents/ada/logs?tail=x",
            Value::Null,
            403,
            "=Access denied to agent",
        ),
        (Who::Owner, "GET", "/api/agents/none/logs?tail=x", Value::Null, 404, "=Agent not found"),
    ])
    .await;
}

#[actix_web::test]
async fn figures_are_of_those_that_run() {
    let cast = Cast::of(None, false).await;
    let stats = cast.ok("GET", "/api/agents/ada/stats", Value::Null).await;
    assert_eq!(stats["status"], "running");
    assert_eq!(stats["memory_limit_bytes"], 4_u64 << 30);
    for field in [
        "cpu_percent",
        "memory_used_bytes",
        "memory_percent",
        "network_rx_bytes",
        "network_tx_bytes",
        "uptime_seconds",
    ] {
        assert!(stats[field].is_number(), "{field}: {stats}");
    }
    let idle = "/api/agents/idle/stats";
    cast.told([
        (Who::Owner, "GET", idle, Value::Null, 400, "=Agent is not running"),
        (Who::Shared, "GET", idle, Value::Null, 400, "=Agent is not running"),
        (Who::Stranger, "GET", idle, Value::Null, 403, "=Access denied to agent"),
    ])
    .await;
}
