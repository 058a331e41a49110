//! The operators' queue: what agents want to know of people.

use serde_json::{Value, json};

use super::support::Site;
use crate::accounts::Role;
use crate::workspace::WorkPath;

const FILE: &str = ".trinity/operator-queue.json";

#[actix_web::test]
async fn an_agent_asks_in_its_file_and_finds_the_answer_there() {
    let site = Site::new().await;
    let owner = site.user("owner@example.org", Role::Creator).await;
    let stranger = site.user("stranger@example.org", Role::Creator).await;
    site.agent(&owner, "mine").await;
    let host = &site.stage.host;
    let agent = host.roster.find("mine").await.unwrap().unwrap().id;
    let workspace = host.workspaces.free(agent);
    let path: WorkPath = FILE.parse().unwrap();
    let write = async |file: Value| {
        workspace.write(path.clone(), file.to_string().into_bytes()).await.unwrap();
    };
    let file = async || -> Value {
        let read = workspace.read(path.clone(), 0, 100_000).await.unwrap();
        serde_json::from_slice(&read.bytes).unwrap()
    };
    let ask = |id: &str, priority: &str| {
        json!({
            "id": id, "type": "approval", "status": "pending", "priority": priority, "title": id,
            "question": "May I?", "options": ["yes", "no"],
        })
    };
    write(json!({"requests": [ask("one", "high"), ask("two", "low"), {"id": ""}]})).await;
    let of_agent = "/api/operator-queue/agents/mine";
    let (status, told) = site.call(&owner, "GET", of_agent, Value::Null).await;
    assert_eq!(
        (status, &told["count"], &told["agent_name"]),
        (200, &json!(2), &json!("mine")),
        "{told}"
    );
    let find = |told: &Value, name: &str| {
        let items = told["items"].as_array().unwrap();
        items.iter().find(|item| item["request_id"] == name).unwrap()["id"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    let (one, two) = (find(&told, "one"), find(&told, "two"));
    for (query, expected) in [
        ("", 2),
        ("?priority=high", 1),
        ("?status=pending", 2),
        ("?status=responded", 0),
        ("?type=approval", 2),
        ("?type=alert", 0),
        ("?agent_name=mine&limit=1", 1),
        ("?offset=1", 1),
        ("?since=2020-01-01T00:00:00Z", 2),
        ("?since=2999-01-01", 0),
    ] {
        let (_, told) =
            site.call(&owner, "GET", &format!("/api/operator-queue{query}"), Value::Null).await;
        assert_eq!(told["count"], expected, "{query}");
    }
    assert_eq!(site.call(&stranger, "GET", "/api/operator-queue", Value::Null).await.1["count"], 0);
    let respond = format!("/api/operator-queue/{one}/respond");
    let answer = json!({"response": "yes", "response_text": "but soon"});
    let (status, told) = site.call(&owner, "POST", &respond, answer.clone()).await;
    assert_eq!(
        (status, &told["status"], &told["responded_by_email"]),
        (200, &json!("responded"), &json!("owner@example.org"))
    );
    let held = file().await;
    let entry = &held["requests"][0];
    assert_eq!(
        (&entry["status"], &entry["response"], &entry["response_text"]),
        (&json!("responded"), &json!("yes"), &json!("but soon"))
    );
    assert_eq!(held["requests"][1]["status"], "pending");
    let cancel = format!("/api/operator-queue/{two}/cancel");
    assert_eq!(site.call(&owner, "POST", &cancel, Value::Null).await.1["status"], "cancelled");
    assert_eq!(file().await["requests"][1]["status"], "cancelled");
    let detail = format!("/api/operator-queue/{one}");
    for (token, method, path, body, status, words) in [
        (&owner, "POST", respond.as_str(), answer.clone(), 400, "'responded'"),
        (&owner, "POST", &cancel, Value::Null, 400, "'cancelled'"),
        (&owner, "POST", &respond, json!({}), 422, "missing"),
        (&stranger, "GET", &detail, Value::Null, 403, "Access denied"),
        (&stranger, "POST", &respond, answer, 403, "Access denied"),
        (&stranger, "GET", of_agent, Value::Null, 403, "Access denied"),
        (&owner, "GET", "/api/operator-queue/x", Value::Null, 404, "Queue item not found"),
        (
            &owner,
            "GET",
            "/api/operator-queue/99999999-9999-4999-8999-999999999999",
            Value::Null,
            404,
            "Queue item not found",
        ),
        (
            &site.admin,
            "GET",
            "/api/operator-queue/agents/none",
            Value::Null,
            404,
            "Agent not found",
        ),
        (&owner, "GET", "/api/operator-queue?limit=0", Value::Null, 422, "greater_than_equal"),
        (&owner, "GET", "/api/operator-queue?since=x", Value::Null, 400, "since"),
    ] {
        let (found, told) = site.refused(token, method, path, body).await;
        assert!(found == status && told.contains(words), "{method} {path}: {found} {told}");
    }
    // The agent says that it has read the answer.
    let mut held = file().await;
    held["requests"][0]["status"] = json!("acknowledged");
    held["requests"].as_array_mut().unwrap().push(ask("three", "critical"));
    write(held).await;
    site.call(&owner, "GET", of_agent, Value::Null).await;
    assert_eq!(site.call(&owner, "GET", &detail, Value::Null).await.1["status"], "acknowledged");
    let (_, stats) = site.call(&owner, "GET", "/api/operator-queue/stats", Value::Null).await;
    for (field, expected) in [
        ("by_status", json!({"acknowledged": 1, "cancelled": 1, "pending": 1})),
        ("by_priority", json!({"critical": 1})),
        ("by_type", json!({"approval": 1})),
        ("by_agent", json!({"mine": 1})),
        ("pending_count", json!(1)),
        ("responded_today", json!(1)),
    ] {
        assert_eq!(stats[field], expected, "{field}");
    }
}
