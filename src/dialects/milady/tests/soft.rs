//! What this host has not, and what it keeps without using it.

use std::fs;

use actix_web::http::Method;
use actix_web::test::TestRequest;
use serde_json::{Value, json};

use super::support::{bare, stage};

#[actix_web::test]
async fn what_is_not_used_is_answered_as_if_it_were_there() {
    let stage = bare().await;
    for (path, fields) in [
        ("/api/wallet/addresses", &["evmAddress", "solanaAddress"][..]),
        (
            "/api/wallet/config",
            &[
                "alchemyKeySet",
                "infuraKeySet",
                "ankrKeySet",
                "heliusKeySet",
                "birdeyeKeySet",
                "evmChains",
                "evmAddress",
                "solanaAddress",
            ],
        ),
        ("/api/cloud/status", &["connected", "enabled", "hasApiKey", "reason"]),
        (
            "/api/drop/status",
            &["dropEnabled", "publicMintOpen", "mintedOut", "maxSupply", "shinyPrice"],
        ),
        ("/api/registry/status", &["registered", "tokenId", "tokenURI", "configured"]),
        ("/api/coding-agents/coordinator/status", &["supervisionLevel", "taskCount", "tasks"]),
        (
            "/api/update/status",
            &["currentVersion", "channel", "latestVersion", "channels", "distTags", "error"],
        ),
        ("/api/extension/status", &["relayReachable", "relayPort", "extensionPath"]),
        ("/api/permissions", &["_platform", "_shellEnabled"]),
        ("/api/permissions/shell", &["enabled", "id", "status", "lastChecked", "permission"]),
        ("/api/subscription/status", &["providers"]),
        ("/api/skills", &["skills"]),
        ("/api/custom-actions", &["actions"]),
        ("/api/secrets", &["secrets"]),
        ("/api/connectors", &["connectors"]),
        ("/api/stream/settings", &["ok", "settings"]),
        ("/api/config/schema", &["schema", "uiHints", "version", "generatedAt"]),
    ] {
        let heard = stage.get(path).await;
        assert_eq!(
            (heard.status, heard.header("content-type")),
            (200, "application/json"),
            "{path}"
        );
        let told = heard.json();
        for field in fields {
            assert!(told.get(field).is_some(), "{field} of {path}");
        }
        for method in [Method::DELETE, Method::PATCH] {
            let heard = stage.ask(TestRequest::with_uri(path).method(method)).await;
            assert_eq!((heard.status, heard.text.as_str()), (404, "{\"error\":\"Not found\"}"));
        }
    }
    for path in ["/api/agents", "/api/skills/", "/api/stream/live", "/api/nothing"] {
        assert_eq!(stage.get(path).await.status, 404, "{path}");
    }
    let avatar = TestRequest::with_uri("/api/avatar/vrm").method(Method::HEAD);
    assert_eq!(stage.ask(avatar).await.status, 404);
}

#[actix_web::test]
async fn the_configuration_is_changed_deeply_and_shown_without_its_secrets() {
    let stage = stage().await;
    let patch = json!({
        "ui": {"avatarIndex": 3, "theme": "dark"}, "nothing": {"a": 1},
        "env": {"HELIUS_API_KEY": "h-secret", "MILADY_API_TOKEN": "t", "vars": {"A": "b"}},
        "connectors": {"x": {"botToken": "b-secret", "name": "x"}},
    });
    let (code, config) = stage.said("PUT", "/api/config", patch).await;
    assert_eq!(code, 200);
    assert_eq!(
        config,
        json!({
            "ui": {"avatarIndex": 3, "theme": "dark"},
            "env": {"HELIUS_API_KEY": "[REDACTED]", "vars": {"A": "b"}},
            "connectors": {"x": {"botToken": "[REDACTED]", "name": "x"}},
        })
    );
    // What was shown may be sent back.
    let mut again = config.clone();
    again["ui"] = json!({"theme": null});
    let (code, config) = stage.said("PUT", "/api/config", again).await;
    assert_eq!((code, &config["ui"]), (200, &json!({"avatarIndex": 3})));
    let shown = stage.get("/api/config").await.json();
    assert_eq!((&shown["ui"], &shown["env"]), (&config["ui"], &config["env"]));
    assert_eq!(shown["agents"]["list"][0]["name"], "Milady");
    assert_eq!(stage.get("/api/wallet/config").await.json()["heliusKeySet"], true);
    let file = stage.host.primary.state_dir().path().join("milady.json");
    let text = fs::read_to_string(&file).unwrap();
    assert!(!text.contains("secret"), "{text}");

    for (body, status) in [(json!([]), 400), (json!(null), 400), (json!("x"), 400)] {
        let request = TestRequest::put().uri("/api/config").set_payload(body.to_string());
        assert_eq!(stage.ask(request).await.status, status, "{body}");
    }
    fs::write(&file, "// by hand").unwrap();
    let heard = stage.get("/api/config").await;
    assert_eq!((heard.status, heard.text.contains("by hand")), (500, false));
    assert_eq!(stage.send("PUT", "/api/config", json!({})).await.status, 500);
    assert_eq!(fs::read_to_string(&file).unwrap(), "// by hand");
}

#[actix_web::test]
async fn keys_of_a_wallet_are_kept_and_wait_for_a_restart() {
    let stage = stage().await;
    let keys = json!({"HELIUS_API_KEY": "h", "ANKR_API_KEY": "", "OTHER": "x"});
    let (code, told) = stage.said("PUT", "/api/wallet/config", keys).await;
    assert_eq!((code, told), (200, json!({"ok": true})));
    let told = stage.get("/api/wallet/config").await.json();
    assert_eq!((&told["heliusKeySet"], &told["ankrKeySet"]), (&json!(true), &json!(false)));
    let status = stage.get("/api/status").await.json();
    assert_eq!(status["pendingRestart"], true);
    assert_eq!(status["pendingRestartReasons"], json!(["Wallet configuration updated"]));
    assert_eq!(stage.get("/api/config").await.json()["env"].get("OTHER"), None);
    stage.send("POST", "/api/agent/restart", Value::Null).await;
    assert_eq!(stage.get("/api/status").await.json()["pendingRestart"], false);
    let wrong = json!({"HELIUS_API_KEY": 1});
    assert_eq!(stage.send("PUT", "/api/wallet/config", wrong).await.status, 400);
}

#[actix_web::test]
async fn the_look_of_a_stream_is_kept() {
    let stage = bare().await;
    let path = "/api/stream/settings";
    assert_eq!(stage.get(path).await.json(), json!({"ok": true, "settings": {}}));
    let settings = json!({"ok": true, "settings": {"theme": "x"}});
    assert_eq!(stage.said("POST", path, json!({"settings": {"theme": "x"}})).await.1, settings);
    assert_eq!(stage.get(path).await.json(), settings);
    assert_eq!(stage.send("POST", path, json!({"settings": 1})).await.status, 400);
}

#[actix_web::test]
async fn a_restart_of_the_process_ends_it_in_order() {
    let stage = bare().await;
    tokio::time::pause();
    let begun = tokio::time::Instant::now();
    let (code, told) = stage.said("POST", "/api/restart", Value::Null).await;
    assert_eq!((code, &told["ok"], told["message"].is_string()), (200, &json!(true), true));
    assert!(!stage.host.stop.is_requested());
    stage.host.stop.requested().await;
    assert_eq!(begun.elapsed().as_secs(), 1);
}

#[actix_web::test]
async fn plugins_are_what_the_host_really_has() {
    for stage in [bare().await, stage().await] {
        let listed = stage.get("/api/plugins").await.json();
        let plugins = listed["plugins"].as_array().unwrap();
        for plugin in plugins {
            for field in ["id", "name", "description"] {
                assert!(plugin[field].is_string(), "{field} of {plugin}");
            }
            for field in ["enabled", "configured", "isActive"] {
                assert!(plugin[field].is_boolean(), "{field} of {plugin}");
            }
            for field in ["configKeys", "parameters", "validationErrors", "validationWarnings"] {
                assert!(plugin[field].is_array(), "{field} of {plugin}");
            }
            assert!(plugin.get("envKey").is_some());
            assert!(["bundled", "store"].contains(&plugin["source"].as_str().unwrap()));
            let categories = ["ai-provider", "connector", "streaming", "database", "feature"];
            assert!(categories.contains(&plugin["category"].as_str().unwrap()));
        }
        let of = |id: &str| plugins.iter().find(|plugin| plugin["id"] == id).unwrap();
        assert_eq!(of("sql")["category"], "database");
        assert_eq!(
            (&of("doctor")["enabled"], &of("doctor")["configured"]),
            (&json!(true), &json!(true))
        );
        assert_eq!(of("xai")["parameters"][0]["key"], "XAI_API_KEY");
    }
}

#[actix_web::test]
async fn a_provider_is_switched_to_and_back() {
    let stage = stage().await;
    let put =
        async |id: &str, body: Value| stage.said("PUT", &format!("/api/plugins/{id}"), body).await;
    let model = async || {
        let agent = stage.host.primary.agent().await.unwrap().unwrap();
        agent.character.model().map(str::to_owned)
    };
    let (code, told) = put("xai", json!({"enabled": true})).await;
    assert_eq!((code, &told["ok"], &told["plugin"]["id"]), (422, &json!(false), &json!("xai")));
    assert_eq!(told["validationErrors"][0]["field"], "XAI_API_KEY");
    assert_eq!(model().await, None);

    let (code, told) = put("xai", json!({"config": {"XAI_API_KEY": "xai-secret"}})).await;
    assert_eq!((code, &told["ok"], &told["plugin"]["enabled"]), (200, &json!(true), &json!(false)));
    assert_eq!(told["plugin"]["configured"], true);
    assert_eq!(told["plugin"]["parameters"][0]["currentValue"], "[REDACTED]");
    let (code, told) = put("xai", json!({"enabled": true})).await;
    assert_eq!(
        (code, &told["plugin"]["enabled"], &told["plugin"]["isActive"]),
        (200, &json!(true), &json!(true))
    );
    assert_eq!(model().await.as_deref(), Some("xai:grok-3-mini"));
    // Another key, and another model by the configuration.
    let key = json!({"config": {"XAI_API_KEY": "xai-other"}});
    assert_eq!(put("xai", key).await.0, 200);
    let other = json!({"agents": {"defaults": {"model": {"primary": "xai:grok-9"}}}});
    assert_eq!(stage.said("PUT", "/api/config", other).await.0, 200);
    assert_eq!(model().await.as_deref(), Some("xai:grok-9"));
    let (code, told) = put("xai", json!({"enabled": false})).await;
    assert_eq!((code, &told["plugin"]["isActive"]), (200, &json!(false)));
    assert_eq!(model().await, None);
    let missing = json!({"agents": {"defaults": {"model": {"primary": "mistral:x"}}}});
    assert_eq!(stage.said("PUT", "/api/config", missing).await.0, 200);
    assert_eq!(model().await, None);
    let reasons = stage.get("/api/status").await.json()["pendingRestartReasons"].clone();
    assert!(reasons[0].as_str().unwrap().contains("MISTRAL_API_KEY"), "{reasons}");

    // What the operator has set up needs no key, and is switched to by its own name.
    assert_eq!(put("xai", json!({"enabled": true})).await.0, 200);
    let (code, told) = put("doctor", json!({"enabled": true})).await;
    assert_eq!((code, &told["plugin"]["isActive"]), (200, &json!(true)));
    assert_eq!(model().await.as_deref(), Some("doctor"));
    let config = stage.get("/api/config").await.json();
    assert_eq!(config["agents"]["defaults"]["model"], json!({}));

    for (id, body, status) in [
        ("nothing", json!({"enabled": true}), 404),
        ("doctor", json!({"enabled": false}), 422),
        ("sql", json!({"enabled": false}), 422),
        ("sql", json!({"enabled": true}), 200),
        ("sql", json!({"config": {"A": "b"}}), 422),
        ("xai", json!({"config": {"OTHER": "b"}}), 422),
        ("xai", json!({"config": {"XAI_API_KEY": 1}}), 422),
        ("xai", json!({}), 200),
    ] {
        let (code, told) = put(id, body.clone()).await;
        assert_eq!(code, status, "{id}: {body}: {told}");
    }
    assert_eq!(stage.get("/api/plugins").await.json()["plugins"][0]["id"], "doctor");
}
