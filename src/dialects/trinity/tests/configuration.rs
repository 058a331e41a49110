//! What is set of an agent beside its files: the key it may use, guardrails, limits, what is recorded.

use serde_json::{Value, json};

use super::support::Site;
use crate::accounts::Role;

#[actix_web::test]
async fn settings_are_for_their_owner_to_change_and_for_users_to_read() {
    let site = Site::new().await;
    let owner = site.user("owner@example.org", Role::Creator).await;
    let friend = site.user("friend@example.org", Role::User).await;
    let stranger = site.user("stranger@example.org", Role::Creator).await;
    site.agent(&owner, "mine").await;
    let share = json!({"email": "friend@example.org"});
    site.call(&owner, "POST", "/api/agents/mine/share", share).await;
    let key = site.agent_key("mine").await;
    // The thing, a body for it, and whether those it is shared with may read it.
    let things = [
        ("api-key-setting", json!({"use_platform_api_key": true}), true, "API key settings"),
        ("guardrails", json!({}), true, "owner"),
        ("capabilities", json!({"full_capabilities": true}), true, "owner"),
        ("access-policy", json!({"require_email": 1, "open_access": "no"}), false, "Owner"),
        ("github-pat", json!({"pat": "ghp_1"}), false, "Owner"),
        ("resources", json!({"cpu": "4"}), true, "owners"),
    ];
    for (thing, body, is_read, words) in things {
        let path = format!("/api/agents/mine/{thing}");
        for (token, reads, writes) in [
            (&owner, 200, 200),
            (&site.admin, 200, 200),
            (&key, 200, 200),
            (&friend, if is_read { 200 } else { 403 }, 403),
            (&stranger, 403, 403),
        ] {
            assert_eq!(site.call(token, "GET", &path, Value::Null).await.0, reads, "{thing}");
            let (status, told) = site.call(token, "PUT", &path, body.clone()).await;
            assert_eq!(status, writes, "{thing}: {told}");
            if status == 403 {
                assert!(told["detail"].as_str().unwrap().contains(words), "{thing}: {told}");
            }
        }
        assert_eq!(site.call("", "GET", &path, Value::Null).await.0, 401, "{thing}");
        let nobody = format!("/api/agents/nobody/{thing}");
        let hidden = if is_read { 403 } else { 404 };
        assert_eq!(site.call(&stranger, "GET", &nobody, Value::Null).await.0, hidden, "{thing}");
        assert_eq!(site.call(&site.admin, "GET", &nobody, Value::Null).await.0, 404, "{thing}");
    }
}

#[actix_web::test]
async fn what_is_set_is_read_again() {
    let site = Site::new().await;
    let owner = site.user("owner@example.org", Role::Creator).await;
    site.agent(&owner, "mine").await;
    let get = async |thing: &str| {
        site.call(&owner, "GET", &format!("/api/agents/mine/{thing}"), Value::Null).await.1
    };
    let put = async |thing: &str, body: Value| {
        site.call(&owner, "PUT", &format!("/api/agents/mine/{thing}"), body).await
    };
    let fresh = json!({"agent_name": "mine", "use_platform_api_key": true,
        "restart_required": false, "status": "running"});
    assert_eq!(get("api-key-setting").await, fresh);
    let (_, told) = put("api-key-setting", json!({"use_platform_api_key": "off"})).await;
    assert_eq!(
        (&told["use_platform_api_key"], &told["status"]),
        (&json!(false), &json!("updated"))
    );
    assert_eq!(get("api-key-setting").await["use_platform_api_key"], false);

    assert_eq!(get("guardrails").await, json!({"agent_name": "mine", "guardrails": {}}));
    let rails = json!({"max_turns_chat": 3, "disallowed_tools": ["write_file"]});
    let (_, told) = put("guardrails", rails.clone()).await;
    assert_eq!(told["guardrails"], rails);
    let agent = site.stage.host.roster.find("mine").await.unwrap().unwrap();
    let record = site.stage.host.registry.record(agent.id).await.unwrap();
    assert_eq!(record.character.setting("guardrails"), Some(&rails));
    // What is not named bounds nothing any more.
    put("guardrails", json!({"execution_timeout_sec": 60})).await;
    assert_eq!(get("guardrails").await["guardrails"], json!({"execution_timeout_sec": 60}));
    put("guardrails", json!({})).await;
    assert_eq!(get("guardrails").await["guardrails"], json!({}));

    let (_, told) = put("capabilities", json!({"full_capabilities": true})).await;
    assert!(told["message"].as_str().unwrap().contains("no effect"), "{told}");
    assert_eq!(get("capabilities").await["full_capabilities"], true);
    let policy = json!({"require_email": true, "open_access": false, "group_auth_mode": "none"});
    assert_eq!(put("access-policy", policy.clone()).await, (200, policy.clone()));
    assert_eq!(get("access-policy").await, policy);

    let none =
        json!({"agent_name": "mine", "configured": false, "source": "none", "has_global": false});
    assert_eq!(get("github-pat").await, none);
    let (_, told) = put("github-pat", json!({"pat": " ghp_planted "})).await;
    assert_eq!((&told["configured"], &told["source"]), (&json!(true), &json!("agent")));
    let record = site.stage.host.registry.record(agent.id).await.unwrap();
    assert!(!format!("{record:?}").contains("ghp_planted"));
    let gone = site.call(&owner, "DELETE", "/api/agents/mine/github-pat", Value::Null).await;
    assert_eq!(gone, (200, none));
    // Where it has none, that of administrators.
    let token = json!({"api_key": "ghp_common"});
    site.call(&site.admin, "PUT", "/api/settings/api-keys/github", token).await;
    let told = get("github-pat").await;
    assert_eq!((&told["source"], &told["has_global"]), (&json!("global"), &json!(true)));
    let host = &site.stage.host;
    let used = async || host.github_token(Some(agent.id)).await.map(|token| token.to_string());
    assert_eq!(used().await.as_deref(), Some("ghp_common"));
    put("github-pat", json!({"pat": "ghp_own"})).await;
    assert_eq!(used().await.as_deref(), Some("ghp_own"));

    let fresh = json!({"memory": null, "cpu": null, "current_memory": "4g", "current_cpu": "2"});
    assert_eq!(get("resources").await, fresh);
    let (_, told) = put("resources", json!({"cpu": 8, "memory": "16Gi"})).await;
    assert_eq!(
        (&told["cpu"], &told["memory"], &told["restart_needed"]),
        (&json!("8"), &json!("16g"), &json!(true))
    );
    assert_eq!(get("resources").await["current_cpu"], "2");
    for verb in ["stop", "start"] {
        site.call(&owner, "POST", &format!("/api/agents/mine/{verb}"), Value::Null).await;
    }
    let expected =
        json!({"memory": "16g", "cpu": "8", "current_memory": "16g", "current_cpu": "8"});
    assert_eq!(get("resources").await, expected);
    // What is absent stays; null is what it was created with.
    let (_, told) = put("resources", json!({"cpu": null})).await;
    assert_eq!((&told["cpu"], &told["memory"]), (&Value::Null, &json!("16g")));
}

#[actix_web::test]
async fn what_cannot_be_is_refused_by_its_field() {
    let site = Site::new().await;
    let owner = site.user("owner@example.org", Role::Creator).await;
    site.agent(&owner, "mine").await;
    for (thing, body, status, words) in [
        ("api-key-setting", json!({}), 400, "use_platform_api_key is required"),
        ("api-key-setting", json!({"use_platform_api_key": null}), 400, "is required"),
        ("api-key-setting", json!({"use_platform_api_key": "maybe"}), 400, "true or false"),
        ("guardrails", json!({"max_turns_chat": 0}), 400, "max_turns_chat"),
        ("guardrails", json!({"max_turns_task": 501}), 400, "max_turns_task"),
        ("guardrails", json!({"execution_timeout_sec": 59}), 400, "execution_timeout_sec"),
        ("guardrails", json!({"execution_timeout_sec": "60"}), 400, "execution_timeout_sec"),
        ("guardrails", json!({"extra_bash_deny": "rm"}), 400, "extra_bash_deny"),
        ("guardrails", json!({"extra_path_deny": [1]}), 400, "extra_path_deny"),
        ("guardrails", json!({"disallowed_tools": vec!["x"; 51]}), 400, "disallowed_tools"),
        ("guardrails", json!({"disallowed_tools": ["x".repeat(257)]}), 400, "disallowed_tools"),
        ("guardrails", json!([]), 422, ""),
        ("capabilities", json!({}), 422, "missing"),
        ("access-policy", json!({"require_email": true}), 422, "missing"),
        ("access-policy", json!({"require_email": "x", "open_access": true}), 400, "require_email"),
        (
            "access-policy",
            json!({"require_email": true, "open_access": true, "group_auth_mode": "x"}),
            400,
            "group_auth_mode",
        ),
        ("github-pat", json!({}), 422, "missing"),
        ("github-pat", json!({"pat": " "}), 400, "pat"),
        ("github-pat", json!({"pat": "a b"}), 400, "pat"),
        ("resources", json!({"cpu": "3"}), 400, "1, 2, 4, 8, 16"),
        ("resources", json!({"memory": "3g"}), 400, "1g, 2g, 4g, 8g, 16g, 32g, 64g"),
    ] {
        let path = format!("/api/agents/mine/{thing}");
        let (found, told) = site.refused(&owner, "PUT", &path, body.clone()).await;
        assert!(found == status && told.contains(words), "{thing} {body}: {found} {told}");
    }
}

#[actix_web::test]
async fn guardrails_that_are_set_at_once_do_not_mingle() {
    let site = Site::new().await;
    let owner = site.user("owner@example.org", Role::Creator).await;
    site.agent(&owner, "mine").await;
    let path = "/api/agents/mine/guardrails";
    let (one, two) = (json!({"max_turns_chat": 3}), json!({"max_turns_task": 5}));
    for _ in 0..5 {
        let before = json!({"execution_timeout_sec": 60});
        assert_eq!(site.call(&owner, "PUT", path, before).await.0, 200);
        let puts = [&one, &two].map(|body| site.call(&owner, "PUT", path, body.clone()));
        for (status, told) in futures::future::join_all(puts).await {
            assert_eq!(status, 200, "{told}");
        }
        let (_, found) = site.call(&owner, "GET", path, Value::Null).await;
        let found = &found["guardrails"];
        assert!(found == &one || found == &two, "{found}");
    }
}
