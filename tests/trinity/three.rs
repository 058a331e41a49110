//! One agent through all three listeners.

use serde_json::{Value, json};

use super::Town;
use crate::support::Site;
use crate::support::agent_file::upload;
use crate::support::http::Request;

/// The agents that elizaOS shows, by name.
async fn elizaos(town: &Town, name: &str) -> Value {
    let all = town.server.client().get("/api/agents").await.unwrap().expect(200);
    let all = all["data"]["agents"].as_array().unwrap().clone();
    let found = all.into_iter().find(|agent| agent["name"] == name);
    found.unwrap_or_else(|| panic!("no {name} there"))
}

#[tokio::test]
async fn an_agent_is_the_same_through_all_three_dialects() {
    // Milady speaks of the one that is configured.
    let town = Town::of(Site::new().with("GREENROOM_MILADY__AGENT", "ada")).await;
    let admin = town.admin.clone();
    let body = json!({"name": "Eve", "custom_instructions": "Speak of tea alone."});
    town.ok(&admin, "POST", "/api/agents", body).await;

    // The same character, found by its id.
    let id = elizaos(&town, "eve").await["id"].as_str().unwrap().to_owned();
    let shown = town.server.client().get(format!("/api/agents/{id}")).await.unwrap().expect(200);
    assert_eq!(shown["data"]["system"], "Speak of tea alone.");
    assert_eq!(shown["data"]["status"], "active");
    // Stopped there, it is stopped here.
    let stopped = town.server.client().post(format!("/api/agents/{id}/stop"), &json!({})).await;
    stopped.unwrap().expect(200);
    let told = town.ok(&admin, "GET", "/api/agents/eve", Value::Null).await;
    assert_eq!(told["status"], "stopped");

    // Milady's own agent is here by its name, and leaves with what it knows.
    let told = town.ok(&admin, "GET", "/api/agents/ada", Value::Null).await;
    assert_eq!((&told["owner"], &told["status"]), (&json!("admin"), &json!("running")));
    let password = json!({"password": "open sesame"});
    let exported = town.server.milady().post("/api/agent/export", &password).await.unwrap();
    assert_eq!(exported.status, 200, "{}", exported.text());
    let upload = upload("open sesame", &exported.body);
    let import = Request::new("POST", "/api/agent/import")
        .header("content-type", "application/octet-stream");
    let import = Request { body: Some(upload), ..import };
    let imported = town.server.milady().send(&import).await.unwrap().expect(200);
    assert_eq!(imported["success"], true, "{imported}");

    // It is found here under a fresh name, beside the first.
    let all = town.ok(&admin, "GET", "/api/agents", Value::Null).await;
    let names: Vec<_> = all.as_array().unwrap().iter().map(|agent| agent["name"].clone()).collect();
    let fresh: Vec<_> = names
        .iter()
        .filter_map(Value::as_str)
        .filter(|name| name.starts_with("ada") && *name != "ada")
        .collect();
    assert_eq!(fresh.len(), 1, "{names:?}");
    let detail = town.ok(&admin, "GET", &format!("/api/agents/{}", fresh[0]), Value::Null).await;
    assert_eq!(detail["owner"], "admin");
    assert_ne!(detail["container_id"], told["container_id"]);
    let by_id = imported["agentId"].as_str().unwrap();
    let there = town.server.client().get(format!("/api/agents/{by_id}")).await.unwrap().expect(200);
    assert!(there["data"]["name"].is_string());
}
