//! Triggers over the wire: made, run by hand and by the clock, gone after their last run, and there
//! again after the process was killed.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{with_agent, without_agent};
use crate::support::http::{Client, Request};
use crate::support::model::ModelServer;
use crate::support::server::Server;
use crate::support::{Site, until};

fn site_with_agent() -> Site {
    Arc::into_inner(with_agent()).unwrap()
}

async fn make(client: &Client, draft: Value) -> Value {
    client.post("/api/triggers", &draft).await.unwrap().expect(201)["trigger"].clone()
}

async fn get(client: &Client, path: &str) -> Value {
    client.get(path).await.unwrap().expect(200)
}

fn at(trigger: &Value, rest: &str) -> String {
    format!("/api/triggers/{}{rest}", trigger["id"].as_str().unwrap())
}

/// Whether something that the agent remembers has these words.
async fn remembers(server: &Server, words: &str) -> bool {
    let client = server.client();
    let agents = get(&client, "/api/agents").await;
    let agent = agents["data"]["agents"][0]["id"].as_str().unwrap().to_owned();
    let memories = get(&client, &format!("/api/memory/{agent}/memories?limit=1000")).await;
    let memories = memories["data"]["memories"].as_array().unwrap().clone();
    memories.iter().any(|memory| memory["content"].to_string().contains(words))
}

#[tokio::test]
async fn triggers_run_are_told_of_and_outlive_the_process() {
    let model = ModelServer::start().await;
    let site = site_with_agent().with("GREENROOM_MODEL__DEFAULT", &model.name());
    let site = Arc::new(site);
    let server = Server::start(&site).await;
    let client = server.milady();

    // Past, so that the clock runs it at once.
    let once = json!({
        "displayName": "once", "instructions": "remember the ferry at nine",
        "triggerType": "once", "scheduledAtIso": "2026-03-01T12:00:00Z",
    });
    let once = make(&client, once).await;
    until("the one that is due has run", async || {
        let gone = client.get(at(&once, "")).await.unwrap();
        (gone.status == 404).then_some(())
    })
    .await;
    assert!(remembers(&server, "ferry at nine").await);
    let health = get(&client, "/api/triggers/health").await;
    assert_eq!((&health["totalExecutions"], &health["totalFailures"]), (&json!(1), &json!(0)));

    let cron = json!({
        "displayName": "cron", "instructions": "water the roses", "triggerType": "cron",
        "cronExpression": "0 9 * * 1-5", "timezone": "Europe/Berlin",
        "wakeMode": "next_autonomy_cycle",
    });
    let cron = make(&client, cron).await;
    let every = json!({
        "displayName": "every", "instructions": "count the herons", "intervalMs": 86_400_000,
        "maxRuns": 2,
    });
    let every = make(&client, every).await;
    let done = client.post(at(&every, "/execute"), &json!({})).await.unwrap().expect(200);
    assert_eq!(done["result"]["status"], "success", "{done}");
    assert_eq!(done["result"]["taskDeleted"], false);
    let runs = get(&client, &at(&every, "/runs")).await;
    assert_eq!(runs, json!({"runs": [done["result"]["runRecord"]]}));
    assert!(remembers(&server, "count the herons").await);
    let listed = get(&client, "/api/triggers").await;
    assert_eq!(listed, json!({"triggers": [cron, done["trigger"]]}));

    server.kill().await;
    let server = Server::start(&site).await;
    let client = server.milady();
    assert_eq!(get(&client, "/api/triggers").await, listed);
    assert_eq!(get(&client, &at(&every, "/runs")).await, runs);
    let last = client.post(at(&every, "/execute"), &json!({})).await.unwrap().expect(200);
    assert_eq!((&last["result"]["taskDeleted"], &last["trigger"]), (&json!(true), &Value::Null));
    let overview = get(&client, "/api/workbench/overview").await;
    assert_eq!(overview["triggers"], json!([cron]));
    until("what the agent thought is told of", async || {
        let overview = get(&client, "/api/workbench/overview").await;
        overview["autonomy"]["lastEventAt"].as_i64()
    })
    .await;
    let removed = client.send(&Request::new("DELETE", at(&cron, ""))).await.unwrap();
    assert_eq!(removed.expect(200), json!({"ok": true}));
    assert_eq!(get(&client, "/api/triggers").await, json!({"triggers": []}));
}

#[tokio::test]
async fn without_an_agent_there_are_no_triggers_and_yet_a_log() {
    let server = Server::start(&without_agent()).await;
    let client = server.milady();
    for path in ["/api/triggers", "/api/triggers/health", "/api/workbench/tasks"] {
        let refused = client.get(path).await.unwrap().expect(503);
        assert!(refused["error"].as_str().unwrap().contains("not running"), "{path}");
    }
    let logs = get(&client, "/api/logs").await;
    let entries = logs["entries"].as_array().unwrap();
    assert!(entries.iter().any(|entry| entry["message"].as_str().unwrap().contains("listening")));
    assert!(logs["sources"].as_array().unwrap().len() > 1, "{logs}");
}

#[tokio::test]
async fn triggers_can_be_switched_off_and_are_bounded_by_miladys_own_variables() {
    let site = Arc::new(site_with_agent().with("MILADY_TRIGGERS_MAX_ACTIVE", "1"));
    let server = Server::start(&site).await;
    let client = server.milady();
    make(&client, json!({"instructions": "a", "intervalMs": 60_000})).await;
    let more = json!({"instructions": "b", "intervalMs": 60_000});
    client.post("/api/triggers", &more).await.unwrap().expect(429);
    assert!(server.terminate().await.success());

    let site = Arc::into_inner(site).unwrap();
    let site = Arc::new(site.with("MILADY_TRIGGERS_ENABLED", "false"));
    let server = Server::start(&site).await;
    let client = server.milady();
    client.get("/api/triggers").await.unwrap().expect(503);
    let health = get(&client, "/api/triggers/health").await;
    assert_eq!((&health["triggersEnabled"], &health["activeTriggers"]), (&json!(false), &json!(1)));
}
