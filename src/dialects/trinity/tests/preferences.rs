//! Preferences, and the audit log of who changed them.

use actix_web::test::TestRequest;
use serde_json::{Value, json};

use super::support::Site;
use crate::accounts::Role;

#[actix_web::test]
async fn preferences_are_set_shown_and_removed_by_administrators_alone() {
    let site = Site::new().await;
    let ada = site.user("ada@example.org", Role::Creator).await;
    let ask = async |method: &str, path: &str, body: Value| {
        site.call(&site.admin, method, path, body).await
    };
    for (method, path, body) in [
        ("GET", "/api/settings", Value::Null),
        ("GET", "/api/settings/a", Value::Null),
        ("PUT", "/api/settings/a", json!({"value": "b"})),
        ("DELETE", "/api/settings/a", Value::Null),
        ("GET", "/api/settings/ops/config", Value::Null),
        ("PUT", "/api/settings/ops/config", json!({"settings": {}})),
        ("POST", "/api/settings/ops/reset", Value::Null),
        ("GET", "/api/settings/api-keys", Value::Null),
        ("PUT", "/api/settings/api-keys/anthropic", json!({"api_key": "sk-ant-x"})),
        ("DELETE", "/api/settings/api-keys/github", Value::Null),
        ("POST", "/api/settings/api-keys/github/test", json!({"api_key": "x"})),
        ("GET", "/api/settings/agent-quotas", Value::Null),
        ("PUT", "/api/settings/agent-quotas", json!({})),
        ("PUT", "/api/settings/mcp-url", json!({"url": "http://h/mcp"})),
        ("DELETE", "/api/settings/mcp-url", Value::Null),
        ("GET", "/api/settings/github-templates", Value::Null),
        ("PUT", "/api/settings/github-templates", json!({"templates": []})),
        ("GET", "/api/settings/slack", Value::Null),
        ("GET", "/api/settings/email-whitelist", Value::Null),
        ("POST", "/api/settings/email-whitelist", json!({"email": "a@b"})),
        ("DELETE", "/api/settings/email-whitelist/a@b", Value::Null),
        ("GET", "/api/audit-log", Value::Null),
    ] {
        let refused = site.refused(&ada, method, path, body.clone()).await;
        assert_eq!(refused, (403, "Admin access required".to_owned()), "{method} {path}");
        assert_eq!(site.refused("", method, path, body).await.0, 401, "{method} {path}");
    }
    assert_eq!(ask("GET", "/api/settings", Value::Null).await, (200, json!([])));
    let (status, set) = ask("PUT", "/api/settings/prompt", json!({"value": "hello"})).await;
    assert_eq!((status, &set["key"], &set["value"]), (200, &json!("prompt"), &json!("hello")));
    assert!(set["updated_at"].as_str().unwrap().ends_with('Z'));
    assert_eq!(ask("GET", "/api/settings/prompt", Value::Null).await.1, set);
    let secret = "xoxb-planted-secret-1234";
    let (_, set) = ask("PUT", "/api/settings/some_token", json!({"value": secret})).await;
    assert_eq!(set["value"], "...1234");
    // What was shown changes nothing when it comes back.
    ask("PUT", "/api/settings/some_token", json!({"value": "...1234"})).await;
    let kept = site.stage.host.preferences.secret("some_token").unwrap();
    assert_eq!(kept.as_str(), secret);
    let (_, all) = ask("GET", "/api/settings", Value::Null).await;
    assert!(all.as_array().unwrap().len() == 2 && !all.to_string().contains("planted"));
    let delete = async || ask("DELETE", "/api/settings/prompt", Value::Null).await;
    assert_eq!(delete().await, (200, json!({"success": true, "deleted": true})));
    assert_eq!(delete().await, (200, json!({"success": true, "deleted": false})));
    let (status, told) = ask("GET", "/api/settings/prompt", Value::Null).await;
    assert_eq!((status, &told["detail"]), (404, &json!("Setting 'prompt' not found")));
    assert_eq!(ask("PUT", "/api/settings/a%20b", json!({"value": "x"})).await.0, 400);
    assert_eq!(ask("PUT", "/api/settings/a", json!({})).await.0, 422);
    let (_, log) = ask("GET", "/api/audit-log?event_type=configuration", Value::Null).await;
    assert!(log["total"].as_u64().unwrap() >= 3 && !log.to_string().contains("planted"));
}

#[actix_web::test]
async fn what_governs_the_fleet_has_defaults() {
    let site = Site::new().await;
    let ask = async |method: &str, path: &str, body: Value| {
        site.call(&site.admin, method, path, body).await
    };
    let (_, config) = ask("GET", "/api/settings/ops/config", Value::Null).await;
    let ssh = &config["settings"]["ssh_access_enabled"];
    assert_eq!((&ssh["value"], &ssh["is_default"]), (&json!("false"), &json!(true)));
    assert_eq!(config["settings"]["ops_context_warning_threshold"]["default"], "75");
    let settings = json!({"settings": {"ssh_access_enabled": "true", "nonsense": "1"}});
    assert_eq!(
        ask("PUT", "/api/settings/ops/config", settings).await,
        (200, json!({"success": true, "updated": ["ssh_access_enabled"], "ignored": ["nonsense"]}))
    );
    assert!(site.stage.host.preferences.allows_ssh());
    for settings in [
        json!({"ssh_access_enabled": "perhaps"}),
        json!({"ops_idle_timeout_minutes": "-1"}),
        json!({"ops_idle_timeout_minutes": "5", "ops_context_warning_threshold": "101"}),
    ] {
        let body = json!({"settings": settings});
        assert_eq!(ask("PUT", "/api/settings/ops/config", body).await.0, 400);
    }
    assert_eq!(ask("PUT", "/api/settings/ssh_access_enabled", json!({"value": "x"})).await.0, 400);
    let (_, reset) = ask("POST", "/api/settings/ops/reset", Value::Null).await;
    assert_eq!(reset["reset"], json!(["ssh_access_enabled"]), "all or none was set before");
    assert!(!site.stage.host.preferences.allows_ssh());

    let (_, quotas) = ask("GET", "/api/settings/agent-quotas", Value::Null).await;
    assert_eq!(quotas["admin_unlimited"], true);
    assert_eq!(quotas["legacy_setting"], Value::Null);
    for (key, value) in
        [("max_agents_creator", "10"), ("max_agents_operator", "3"), ("max_agents_user", "1")]
    {
        assert_eq!(quotas["quotas"][key]["value"], value);
        assert_eq!(quotas["quotas"][key]["is_default"], true);
    }
    let body = json!({"max_agents_user": 5, "max_agents_creator": "0"});
    let (status, told) = ask("PUT", "/api/settings/agent-quotas", body).await;
    let updated = json!(["max_agents_creator", "max_agents_user"]);
    assert_eq!((status, &told["updated"]), (200, &updated));
    let (_, quotas) = ask("GET", "/api/settings/agent-quotas", Value::Null).await;
    assert_eq!(quotas["quotas"]["max_agents_user"]["value"], "5");
    for wrong in [json!(-1), json!("x"), json!(1.5), json!(true), json!([])] {
        let body = json!({"max_agents_user": wrong});
        assert_eq!(ask("PUT", "/api/settings/agent-quotas", body).await.0, 400);
    }
}

#[actix_web::test]
async fn addresses_keys_templates_and_lists() {
    let site = Site::new().await;
    let ada = site.user("ada@example.org", Role::User).await;
    let ask = async |method: &str, path: &str, body: Value| {
        site.call(&site.admin, method, path, body).await
    };
    let url = "/api/settings/mcp-url";
    for (host, expected) in [
        ("example.org:8000", "http://example.org:8080/mcp"),
        ("[::1]:8000", "http://[::1]:8080/mcp"),
        ("[::1]", "http://[::1]:8080/mcp"),
        ("example.org", "http://example.org:8080/mcp"),
    ] {
        let request = TestRequest::get().uri(url).insert_header(("host", host));
        let heard =
            site.stage.ask(request.insert_header(("authorization", format!("Bearer {ada}")))).await;
        assert_eq!(heard.json(), json!({"url": null, "default_url": expected}));
    }
    for wrong in ["ftp://h/mcp", "http://h/other", "http:///mcp", "nonsense"] {
        assert_eq!(ask("PUT", url, json!({"url": wrong})).await.0, 422, "{wrong}");
    }
    let (_, set) = ask("PUT", url, json!({"url": " https://h.example/mcp/ "})).await;
    assert_eq!(set, json!({"success": true, "url": "https://h.example/mcp"}));
    let (_, shown) = site.call(&ada, "GET", url, Value::Null).await;
    assert_eq!(shown["url"], "https://h.example/mcp");
    assert_eq!(ask("DELETE", url, Value::Null).await.1["deleted"], true);

    let keys = "/api/settings/api-keys";
    let set = async |which: &str, key: &str| {
        ask("PUT", &format!("{keys}/{which}"), json!({"api_key": key})).await
    };
    assert_eq!(set("anthropic", "nonsense").await.0, 400);
    assert_eq!(set("github", "sk-ant-1").await.0, 400);
    let (_, kept) = set("anthropic", "sk-ant-planted-9876").await;
    assert_eq!(kept, json!({"success": true, "masked": "...9876"}));
    let (_, status) = ask("GET", keys, Value::Null).await;
    assert_eq!(
        status["anthropic"],
        json!({"configured": true, "masked": "...9876", "source": "settings"})
    );
    let test = format!("{keys}/anthropic/test");
    let (status, told) = ask("POST", &test, json!({"api_key": "x"})).await;
    assert_eq!((status, &told["valid"]), (200, &json!(false)));
    assert_eq!(ask("POST", &test, json!({"api_key": "sk-ant-1"})).await.0, 501);
    let (_, gone) = ask("DELETE", &format!("{keys}/anthropic"), Value::Null).await;
    assert_eq!(gone["deleted"], true);

    let templates = "/api/settings/github-templates";
    let (_, shown) = ask("GET", templates, Value::Null).await;
    assert_eq!(shown, json!({"source": "defaults", "templates": []}));
    for wrong in ["nonsense", "a/b/c", "../x", "a/..", "a b/c", "/x"] {
        let body = json!({"templates": [{"github_repo": wrong}]});
        assert_eq!(ask("PUT", templates, body).await.0, 400, "{wrong}");
    }
    let body = json!({"templates": [{"github_repo": "Org/repo", "description": "d"}]});
    assert_eq!(ask("PUT", templates, body).await.1, json!({"success": true, "count": 1}));
    let (_, shown) = ask("GET", templates, Value::Null).await;
    assert_eq!(shown["templates"][0]["resolved_name"], "repo");
    assert_eq!(ask("DELETE", templates, Value::Null).await.1["deleted"], true);

    for (method, path) in [("GET", "/api/settings/slack"), ("POST", "/api/settings/slack/connect")]
    {
        let (status, told) = site.refused(&site.admin, method, path, Value::Null).await;
        assert!(status == 501 && told.contains("Slack"), "{told}");
    }

    let list = "/api/settings/email-whitelist";
    let add = async |body: Value| ask("POST", list, body).await;
    let (status, told) = add(json!({"email": "Eve@Example.org", "default_role": "creator"})).await;
    assert_eq!((status, told), (200, json!({"success": true, "email": "eve@example.org"})));
    assert_eq!(add(json!({"email": "eve@example.org"})).await.0, 409);
    assert_eq!(add(json!({"email": "eve"})).await.0, 400);
    assert_eq!(add(json!({"email": "e@f", "default_role": "root"})).await.0, 400);
    let (_, shown) = ask("GET", list, Value::Null).await;
    let eve = &shown["whitelist"][0];
    for (field, value) in [
        ("email", "eve@example.org"),
        ("default_role", "creator"),
        ("source", "manual"),
        ("added_by", "admin"),
    ] {
        assert_eq!(eve[field], value, "{field}");
    }
    let path = format!("{list}/EVE%40example.org");
    assert_eq!(ask("DELETE", &path, Value::Null).await.0, 200);
    assert_eq!(ask("DELETE", &path, Value::Null).await.0, 404);
}

#[actix_web::test]
async fn the_audit_log_is_filtered_and_paged() {
    let site = Site::new().await;
    for n in 0..5 {
        let path = format!("/api/settings/p{n}");
        site.call(&site.admin, "PUT", &path, json!({"value": "x"})).await;
    }
    let ask = async |query: &str| {
        let path = format!("/api/audit-log{query}");
        site.call(&site.admin, "GET", &path, Value::Null).await
    };
    let (status, log) = ask("").await;
    assert_eq!((status, &log["limit"], &log["offset"]), (200, &json!(100), &json!(0)));
    let first = &log["entries"][0];
    for (field, value) in [
        ("event_type", "configuration"),
        ("event_action", "settings_change"),
        ("actor_type", "user"),
        ("actor_id", "1"),
        ("actor_email", "admin"),
        ("target_type", "setting"),
        ("target_id", "p4"),
        ("source", "api"),
        ("endpoint", "PUT /api/settings/p4"),
    ] {
        assert_eq!(first[field], value, "{field}");
    }
    for (query, total, first) in [
        ("?target_id=p2", 1, "p2"),
        ("?limit=2&offset=1", 5, "p3"),
        ("?actor_id=1&event_type=configuration", 5, "p4"),
        ("?start_time=2001-01-01&end_time=2999-01-01T00:00:00", 5, "p4"),
    ] {
        let (_, log) = ask(query).await;
        assert_eq!(
            (&log["total"], &log["entries"][0]["target_id"]),
            (&json!(total), &json!(first))
        );
    }
    for query in ["?source=cli", "?actor_type=agent", "?end_time=2001-01-01", "?offset=9"] {
        assert_eq!(ask(query).await.1["entries"], json!([]), "{query}");
    }
    for (query, status) in
        [("?limit=0", 422), ("?limit=1001", 422), ("?offset=-1", 422), ("?start_time=now", 400)]
    {
        assert_eq!(ask(query).await.0, status, "{query}");
    }
}
