//! The routes without a prefix.

use serde_json::{Value, json};

use super::support::{NOBODY, stage};
use crate::dialects::elizaos::ElizaosSettings;

const NONE: Value = Value::Null;

#[actix_web::test]
async fn an_agent_lives_as_the_older_documentation_says() {
    let stage = stage(ElizaosSettings::default()).await;
    let character = json!({"name": "Bea", "lore": ["old"], "topics": ["tests"]});
    let (status, made) = stage.said("POST", "/agents", character).await;
    assert_eq!((status, &made["data"]["status"]), (201, &json!("inactive")));
    let keys: Vec<_> = made["data"].as_object().unwrap().keys().cloned().collect();
    assert_eq!(keys, ["agentId", "name", "status", "createdAt"]);
    let path = format!("/agents/{}", made["data"]["agentId"].as_str().unwrap());
    let on = |route: &str| format!("{path}/{route}");

    let said = stage.said("POST", &on("stop"), json!({})).await;
    assert_eq!(said, (409, json!({"success": false, "error": "Agent is not running"})));
    let (status, started) =
        stage.said("POST", &on("start"), json!({"enableAutonomy": false})).await;
    assert_eq!((status, &started["message"]), (200, &json!("Agent started successfully")));
    let keys: Vec<_> = started["data"].as_object().unwrap().keys().cloned().collect();
    assert_eq!(keys, ["agentId", "status", "startedAt", "enableAutonomy"]);
    let said = stage.said("POST", &on("start"), json!({})).await;
    assert_eq!(said, (409, json!({"success": false, "error": "Agent is already running"})));

    let shown = stage.get(&path).await.json();
    assert_eq!(
        (&shown["data"]["status"], &shown["data"]["lore"]),
        (&json!("active"), &json!(["old"]))
    );
    for method in ["PATCH", "PUT"] {
        let (status, said) = stage.said(method, &path, json!({"bio": ["new"]})).await;
        assert_eq!((status, &said["data"]["bio"]), (200, &json!(["new"])), "{method}");
    }
    let (status, stopped) = stage.said("POST", &on("stop"), json!({"graceful": true})).await;
    assert_eq!((status, &stopped["data"]["status"]), (200, &json!("inactive")));
    let (status, gone) = stage.said("DELETE", &path, NONE).await;
    assert_eq!((status, &gone["message"]), (200, &json!("Agent deleted successfully")));
    assert!(gone["data"]["deletedAt"].is_i64());
    let said = stage.said("GET", &path, NONE).await;
    assert_eq!(said, (404, json!({"success": false, "error": "Agent not found"})));
    let said = stage.said("POST", "/agents/x/start", json!({})).await;
    assert_eq!(said, (400, json!({"success": false, "error": "Invalid agent ID format"})));
    let said = stage.said("POST", &format!("/agents/{NOBODY}/start"), json!({})).await;
    assert_eq!(said, (404, json!({"success": false, "error": "Agent not found"})));
}

#[actix_web::test]
async fn lists_are_arrays_and_can_be_narrowed() {
    let stage = stage(ElizaosSettings::default()).await;
    for name in ["A", "B"] {
        stage.created(name).await;
    }
    stage.running("C").await;
    for (query, expected) in [
        ("", vec!["C", "A", "B"]),
        ("?status=active", vec!["C"]),
        ("?status=inactive", vec!["A", "B"]),
        ("?status=inactive&offset=1", vec!["B"]),
        ("?status=all&limit=1", vec!["C"]),
    ] {
        let listed = stage.get(&format!("/agents{query}")).await.json();
        let agents = listed["data"].as_array().unwrap();
        let names: Vec<_> = agents.iter().map(|agent| agent["name"].as_str().unwrap()).collect();
        assert_eq!(names, expected, "{query}");
    }
    let (status, said) = stage.said("GET", "/agents?status=odd", NONE).await;
    assert_eq!((status, &said["error"]), (400, &json!("status: expected active, inactive or all")));
}

#[actix_web::test]
async fn an_agent_answers_what_is_said_to_it() {
    let stage = stage(ElizaosSettings::default()).await;
    let id = stage.created("Talker").await;
    let path = format!("/agents/{id}/message");
    let body = json!({"text": "hello", "userId": "ada", "userName": "Ada",
        "attachments": [{"url": "http://a.test/x", "type": "image", "title": "x"}]});
    let said = stage.said("POST", &path, body.clone()).await;
    assert_eq!(said, (404, json!({"success": false, "error": "Agent is not running"})));
    stage.send("POST", &format!("/api/agents/{id}/start"), NONE).await;
    let (status, answered) = stage.said("POST", &path, body).await;
    assert_eq!(status, 200, "{answered}");
    let data = &answered["data"];
    assert_eq!(data["agentResponses"][0]["text"], "echo: hello");
    assert_eq!(data["agentResponses"][0]["action"], "REPLY");
    assert!(data["timestamp"].is_i64());
    let room = data["roomId"].as_str().unwrap();
    let list = format!("/agents/{id}/rooms/{room}/messages");
    let listed = stage.get(&list).await.json();
    let messages = listed["data"]["messages"].as_array().unwrap();
    let texts: Vec<_> = messages.iter().map(|message| message["text"].as_str().unwrap()).collect();
    assert_eq!(texts, ["echo: hello", "hello"]);
    assert_eq!(messages[1]["id"], data["messageId"]);
    assert_eq!(messages[1]["userName"], "Ada");
    assert_eq!(messages[1]["attachments"][0]["title"], "x");
    assert_eq!((&listed["data"]["total"], &listed["data"]["hasMore"]), (&json!(2), &json!(false)));
    let first = stage.get(&format!("{list}?limit=1")).await.json();
    assert_eq!(first["data"]["hasMore"], true);
    assert_eq!(stage.get(&format!("/agents/{id}/rooms/{NOBODY}/messages")).await.status, 404);
}

#[actix_web::test]
async fn what_the_api_has_is_there_without_its_prefix_too() {
    let stage = stage(ElizaosSettings::default()).await;
    let id = stage.running("Ada").await;
    for route in ["memories", "rooms", "worlds", "logs", "runs", "panels"] {
        let heard = stage.get(&format!("/agents/{id}/{route}")).await;
        assert_eq!(heard.status, 200, "{route}");
    }
    let said = stage.said("GET", &format!("/agents/{id}/rooms/{NOBODY}"), NONE).await;
    assert_eq!(said, (404, json!({"success": false, "error": "Room not found"})));
}
