//! Section 6: autonomy, read-only mode, the timeout, and access by SSH.

use serde_json::{Value, json};

use super::{Cast, Row, Who};

/// A public key as clients send it.
const PUBLIC: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKG7onBtZnUt1jd2gFoRm25zwWmsHmIhpMtVyzMA4jDz";

/// A body that some are refused with.
fn put<'a>(who: Who, path: &'a str, body: Value, status: u16, words: &'a str) -> Row<'a> {
    (who, "PUT", path, body, status, words)
}

#[actix_web::test]
async fn autonomy_is_shown_and_set() {
    let cast = Cast::of(None, false).await;
    let at = "/api/agents/ada/autonomy";
    let schedule = json!({"name": "s", "cron_expression": "0 9 * * *", "message": "go"});
    cast.ok("POST", "/api/agents/ada/schedules", schedule).await;
    let shown = cast.ok("GET", at, Value::Null).await;
    let expected = json!({
        "agent_name": "ada", "autonomy_enabled": false, "total_schedules": 1,
        "enabled_schedules": 0, "status": "running",
    });
    assert_eq!(shown, expected);
    for (said, is_on, changed) in [
        (json!(true), true, 1),
        (json!("yes"), true, 0),
        (json!(0), false, 1),
        (json!("off"), false, 0),
        (json!(1), true, 1),
    ] {
        let set = cast.ok("PUT", at, json!({"enabled": said})).await;
        for (field, value) in [
            ("status", json!("updated")),
            ("agent_name", json!("ada")),
            ("autonomy_enabled", json!(is_on)),
            ("schedules_updated", json!(changed)),
        ] {
            assert_eq!(set[field], value, "{said} {field}");
        }
        assert_eq!(cast.ok("GET", at, Value::Null).await["enabled_schedules"], i32::from(is_on));
    }
    let stopped = cast.ok("GET", "/api/agents/idle/autonomy", Value::Null).await;
    assert_eq!(stopped["status"], "stopped");
    let system = "/api/agents/trinity-system/autonomy";
    cast.told([
        put(Who::Owner, at, Value::Null, 422, "missing|body"),
        put(Who::Owner, at, json!([]), 422, "model_attributes_type"),
        put(Who::Stranger, at, json!([]), 422, "model_attributes_type"),
        put(Who::Owner, at, json!({}), 400, "=enabled is required"),
        put(Who::Owner, at, json!({"enabled": null}), 400, "=enabled is required"),
        put(Who::Owner, at, json!({"enabled": "perhaps"}), 400, "enabled"),
        put(Who::Owner, at, json!({"enabled": 2}), 400, "enabled"),
        put(Who::Owner, at, json!({"enabled": []}), 400, "enabled"),
        put(Who::Stranger, at, json!({}), 403, "owner|autonomy settings"),
        put(Who::Admin, system, json!({"enabled": true}), 403, "system agent"),
        put(Who::Admin, system, json!({}), 403, "system agent"),
        put(Who::Owner, system, json!({"enabled": true}), 403, "autonomy settings"),
    ])
    .await;
}

#[actix_web::test]
async fn read_only_mode_is_shown_and_set() {
    let cast = Cast::of(None, false).await;
    let at = "/api/agents/ada/read-only";
    let shown = cast.ok("GET", at, Value::Null).await;
    assert_eq!((&shown["agent_name"], &shown["enabled"]), (&json!("ada"), &json!(false)));
    let blocked = "*.py *.js *.ts *.jsx *.tsx *.vue *.svelte *.go *.rs *.rb *.java *.c *.cpp *.h *.sh \
                   *.bash Makefile Dockerfile CLAUDE.md README.md .claude/* .env .env.* template.yaml \
                   *.yaml *.yml *.json *.toml";
    let allowed = "content/* output/* reports/* exports/* *.log *.txt .trinity/operator-queue.json";
    for (field, words) in [("blocked_patterns", blocked), ("allowed_patterns", allowed)] {
        let words: Vec<_> = words.split_whitespace().collect();
        assert_eq!(shown["config"][field], json!(words), "{field}");
    }
    let own = json!({"blocked_patterns": ["*.md"], "allowed_patterns": []});
    for (name, body, words, config, is_in_force) in [
        ("ada", json!({"enabled": true}), "Read-only mode enabled", &shown["config"], true),
        ("ada", json!({"enabled": "on", "config": own}), "Read-only mode enabled", &own, true),
        ("ada", json!({"enabled": false}), "Read-only mode disabled", &Value::Null, false),
        ("ada", json!({"enabled": 0, "config": {}}), "Read-only mode disabled", &own, false),
        ("idle", json!({"enabled": 1, "config": null}), "next start", &shown["config"], false),
    ] {
        let set = cast.ok("PUT", &format!("/api/agents/{name}/read-only"), body.clone()).await;
        assert_eq!(
            (&set["status"], &set["agent_name"]),
            (&json!("updated"), &json!(name)),
            "{body}"
        );
        assert!(set["message"].as_str().unwrap().contains(words), "{body}: {set}");
        assert_eq!(
            (&set["config"], &set["hooks_injected"]),
            (config, &json!(is_in_force)),
            "{body}"
        );
    }
    let system = "/api/agents/trinity-system/read-only";
    let with = |config: Value| json!({"enabled": true, "config": config});
    cast.told([
        put(Who::Owner, at, Value::Null, 422, "missing|body"),
        put(Who::Owner, at, json!("x"), 422, "model_attributes_type"),
        put(Who::Stranger, at, json!([]), 422, "model_attributes_type"),
        put(Who::Owner, at, json!({}), 400, "=enabled is required"),
        put(Who::Owner, at, json!({"enabled": null}), 400, "=enabled is required"),
        put(Who::Owner, at, json!({"enabled": "perhaps"}), 400, "enabled"),
        put(Who::Owner, at, with(json!(1)), 400, "config|object"),
        put(Who::Owner, at, with(json!([])), 400, "config|object"),
        put(Who::Owner, at, with(json!({"blocked_patterns": "*"})), 400, "blocked_patterns|list"),
        put(Who::Owner, at, with(json!({"blocked_patterns": [1]})), 400, "blocked_patterns|list"),
        put(Who::Owner, at, with(json!({"allowed_patterns": {}})), 400, "allowed_patterns|list"),
        put(Who::Stranger, at, json!({}), 403, "owner|read-only settings"),
        put(Who::Admin, system, json!({"enabled": true}), 403, "system agent"),
        put(Who::Owner, system, json!({"enabled": true}), 403, "read-only settings"),
    ])
    .await;
}

#[actix_web::test]
async fn the_timeout_is_shown_and_set() {
    let cast = Cast::of(None, false).await;
    let at = "/api/agents/ada/timeout";
    let told = |seconds: u32| {
        json!({
            "agent_name": "ada", "execution_timeout_seconds": seconds,
            "execution_timeout_minutes": seconds / 60,
        })
    };
    assert_eq!(cast.ok("GET", at, Value::Null).await, told(900));
    for seconds in [60, 119, 7_200] {
        let body = json!({"execution_timeout_seconds": seconds});
        let mut expected = told(seconds);
        assert_eq!(cast.ok("GET", at, Value::Null).await.as_object().unwrap().len(), 3);
        expected["message"] = json!("Timeout updated");
        assert_eq!(cast.ok("PUT", at, body).await, expected);
        assert_eq!(cast.ok("GET", at, Value::Null).await, told(seconds));
    }
    let required = "=execution_timeout_seconds is required";
    let mut rows = vec![
        put(Who::Owner, at, Value::Null, 422, "missing|body"),
        put(Who::Owner, at, json!([]), 422, "model_attributes_type"),
        put(Who::Stranger, at, json!([]), 422, "model_attributes_type"),
        put(Who::Owner, at, json!({}), 400, required),
        put(Who::Owner, at, json!({"execution_timeout_seconds": null}), 400, required),
        put(Who::Stranger, at, json!({}), 403, "owner|timeout settings"),
    ];
    for wrong in
        [json!(59), json!(7_201), json!(-60), json!(true), json!(90.5), json!("90"), json!([])]
    {
        let body = json!({"execution_timeout_seconds": wrong});
        rows.push(put(Who::Owner, at, body, 400, "between 60 and 7200"));
    }
    cast.told(rows).await;
}

#[actix_web::test]
async fn access_by_ssh_is_checked_in_its_order() {
    let cast = Cast::new().await;
    let (ada, idle, none) = (
        "/api/agents/ada/ssh-access",
        "/api/agents/idle/ssh-access",
        "/api/agents/none/ssh-access",
    );
    let asked =
        |who, path, body, status, words| -> Row<'_> { (who, "POST", path, body, status, words) };
    let wrong = || json!({"auth_method": "magic"});
    let with = |key: &str| json!({"public_key": key});
    let format = "Invalid public key format";
    cast.told([
        asked(Who::Owner, none, wrong(), 403, "=Admin access required"),
        asked(Who::Owner, ada, json!([]), 403, "=Admin access required"),
        asked(Who::Admin, ada, json!([]), 422, "model_attributes_type"),
        asked(Who::Admin, ada, json!({"ttl_hours": "soon"}), 422, "float_parsing|ttl_hours"),
        asked(Who::Admin, none, wrong(), 404, "=Agent not found"),
        asked(Who::Admin, idle, wrong(), 400, "must be running"),
        asked(Who::Admin, ada, wrong(), 400, "auth_method|key|password"),
        asked(Who::Admin, ada, Value::Null, 400, "public_key is required"),
        asked(Who::Admin, ada, json!({}), 400, "public_key is required"),
        asked(Who::Admin, ada, json!({"public_key": null}), 400, "public_key is required"),
        asked(Who::Admin, ada, with(" "), 400, "public_key is required"),
        asked(Who::Admin, ada, with("AAAA"), 400, format),
        asked(Who::Admin, ada, with("ssh-ed25519"), 400, format),
    ])
    .await;
    for (body, hours, has_password) in [
        (json!({"public_key": PUBLIC}), 4.0, false),
        (json!({"public_key": PUBLIC, "auth_method": "key", "ttl_hours": 0}), 0.1, false),
        (json!({"auth_method": "password", "ttl_hours": 99}), 24.0, true),
        (json!({"auth_method": "password", "ttl_hours": "0.5"}), 0.5, true),
    ] {
        let (status, told) = cast.site.call(&cast.site.admin, "POST", ada, body.clone()).await;
        assert_eq!(status, 200, "{body}: {told}");
        assert_eq!((&told["status"], &told["agent"]), (&json!("success"), &json!("ada")));
        assert_eq!(told["expires_in_hours"], hours, "{body}");
        let connection = &told["connection"];
        assert_eq!(connection["user"], "developer");
        assert_eq!(connection.get("password").is_some(), has_password, "{body}");
        let command = connection["command"].as_str().unwrap();
        assert!(
            command.contains(&format!("ssh -p {} developer@", connection["port"])),
            "{command}"
        );
        assert_eq!(command.starts_with("sshpass "), has_password, "{command}");
    }
    // Before the agent is looked for, but not before who asks.
    let off = vec![(crate::preferences::SSH_ACCESS.to_owned(), "false".to_owned())];
    cast.site.stage.host.preferences.set(off).await.unwrap();
    let told = "SSH access is disabled|ssh_access_enabled";
    cast.told([
        asked(Who::Owner, ada, wrong(), 403, "=Admin access required"),
        asked(Who::Admin, none, wrong(), 403, told),
        asked(Who::Admin, idle, wrong(), 403, told),
        asked(Who::Admin, ada, with(PUBLIC), 403, told),
    ])
    .await;
    // Where nothing listens nothing is given, once all else is right.
    let cast = Cast::of(None, false).await;
    cast.told([
        asked(Who::Admin, ada, wrong(), 400, "auth_method"),
        asked(Who::Admin, ada, with(PUBLIC), 501, "not enabled"),
        asked(Who::Admin, ada, json!({"auth_method": "password"}), 501, "not enabled"),
    ])
    .await;
}
