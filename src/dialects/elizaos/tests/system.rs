//! Health, the server and the system.

use serde_json::{Value, json};

use super::support::stage;
use crate::dialects::elizaos::ElizaosSettings;

const NONE: Value = Value::Null;

#[actix_web::test]
async fn health_is_good_while_an_agent_runs() {
    let settings = ElizaosSettings { app_version: "9.9.9".to_owned(), ..Default::default() };
    let stage = stage(settings).await;
    let paths = ["/health", "/api/health", "/api/server/health"];
    let words = |body: &Value| (body["status"].clone(), body["dependencies"]["agents"].clone());
    for (path, word) in paths.into_iter().zip(["DEGRADED", "OK", "degraded"]) {
        let heard = stage.get(path).await;
        assert_eq!(heard.status, 503);
        assert_eq!(words(&heard.json()), (json!(word), json!("no_agents")), "{path}");
    }
    stage.running("Ada").await;
    for (path, word) in paths.into_iter().zip(["OK", "OK", "healthy"]) {
        let heard = stage.get(path).await;
        assert_eq!(heard.status, 200);
        let body = heard.json();
        assert_eq!(words(&body), (json!(word), json!("healthy")), "{path}");
        assert_eq!(body["uptime"].is_number(), word == "healthy");
        assert_eq!(body["version"], "9.9.9");
        assert!(body.get("success").is_none());
        assert_eq!(body.get("agentCount").is_some(), path == "/health");
    }
    assert_eq!(stage.get("/healthz").await.json()["status"], "ok");
}

#[actix_web::test]
async fn server_routes_have_two_paths_each() {
    let stage = stage(ElizaosSettings::default()).await;
    for prefix in ["/api", "/api/server"] {
        let ping = stage.get(&format!("{prefix}/ping")).await.json();
        assert_eq!((&ping["pong"], ping["timestamp"].is_i64()), (&json!(true), true));
        let hello = stage.get(&format!("{prefix}/hello")).await.json();
        assert_eq!(hello, json!({"message": "Hello World!"}));
        let status = stage.get(&format!("{prefix}/status")).await.json();
        assert_eq!(status["agents"], json!({"total": 0, "active": 0, "inactive": 0}));
        let servers = stage.get(&format!("{prefix}/debug/servers")).await.json();
        assert_eq!(servers["count"], 1);
        assert_eq!(servers["data"]["servers"], servers["servers"]);
        let listed = stage.get("/api/messaging/message-servers").await.json();
        assert_eq!(servers["servers"], listed["data"]["messageServers"], "as they are kept");
        let (runtime, around) = (&servers["data"]["runtime"], &servers["data"]["environment"]);
        assert_eq!((&runtime["agents"], around["os"].is_string()), (&json!([]), true));
        assert_eq!(runtime["memory"]["used"].is_u64(), status["memory"]["percentage"].is_f64());
    }
    assert!(!stage.host.stop.is_requested());
    let said = stage.said("POST", "/api/server/stop", json!({})).await;
    let data = json!({"success": true, "message": "Server stopping..."});
    assert_eq!((said.0, &said.1["data"]), (200, &data));
    assert_eq!(said.1["message"], data["message"]);
    assert!(stage.host.stop.is_requested());
    let version = stage.get("/api/system/version").await.json();
    assert_eq!((&version["version"], &version["source"]), (&json!("1.7.2"), &json!("server")));
    let config = stage.get("/api/system/config").await.json();
    assert_eq!(config, json!({"success": true, "data": {"requiresAuth": false}}));
}

#[actix_web::test]
async fn the_log_is_added_to_read_and_cleared() {
    let stage = stage(ElizaosSettings::default()).await;
    let path = "/api/server/logs";
    let body = json!({"logs": [{"level": "warn", "message": "one"}, {"message": "two"}]});
    let (status, said) = stage.said("POST", path, body).await;
    assert_eq!((status, &said["received"], &said["count"]), (200, &json!(2), &json!(2)));
    let keys: Vec<_> = said.as_object().unwrap().keys().map(String::as_str).collect();
    assert!(!keys.contains(&"success"));
    let warned = stage.get(&format!("{path}?level=warn&agentId=all")).await.json();
    assert_eq!((&warned["logs"][0]["msg"], &warned["total"]), (&json!("one"), &json!(2)));
    assert_eq!(warned["requestedLevel"], "warn");
    let last = stage.get(&format!("{path}?limit=1")).await.json();
    assert_eq!(last["logs"][0]["msg"], "two");
    assert_eq!(stage.get(&format!("{path}?since=99999999999999")).await.json()["count"], 0);
    let (_, cleared) = stage.said("DELETE", path, NONE).await;
    assert_eq!(
        cleared,
        json!({"status": "success", "message": "Logs cleared successfully", "cleared": 2})
    );
}

#[actix_web::test]
async fn the_environment_file_is_shown_only_where_that_is_allowed() {
    let folder = tempfile::tempdir().unwrap();
    let settings = ElizaosSettings {
        env_file: folder.path().join(".env"),
        shows_environment: true,
        ..ElizaosSettings::default()
    };
    let path = "/api/system/env/local";
    let open = stage(settings.clone()).await;
    assert_eq!(open.get(path).await.json(), json!({"success": true, "data": {}}));
    let content = json!({"FOO": "bar", "EMPTY": null, "SPACED": "a b", "HASH": "x#y"});
    let (status, said) = open.said("POST", path, json!({"content": content})).await;
    assert_eq!((status, &said["message"]), (200, &json!("Local env updated")));
    let kept = json!({"FOO": "bar", "EMPTY": "", "SPACED": "a b", "HASH": "x#y"});
    assert_eq!(open.get(path).await.json()["data"], kept);
    for body in [json!({}), json!({"content": "x"}), json!({"content": []})] {
        let (status, said) = open.said("POST", path, body).await;
        assert_eq!((status, &said["error"]["code"]), (400, &json!("INVALID_INPUT")));
    }
    for (content, words) in [
        (json!({"A=B": "x"}), "content.A=B: "),
        (json!({"A": ["x"]}), "content.A: expected a string, received an array"),
    ] {
        let (status, said) = open.said("POST", path, json!({"content": content})).await;
        let message = said["error"]["message"].as_str().unwrap();
        assert!(status == 400 && message.starts_with(words), "{message}");
    }
    assert_eq!(open.get(path).await.json()["data"], kept);

    let closed = stage(ElizaosSettings { shows_environment: false, ..settings }).await;
    for (method, body) in [("GET", NONE), ("POST", json!({"content": {}}))] {
        let (status, said) = closed.said(method, path, body).await;
        assert_eq!((status, &said["error"]["code"]), (403, &json!("FORBIDDEN")));
    }
}
