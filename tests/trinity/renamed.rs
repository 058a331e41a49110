//! An agent is renamed while it answers: the answer comes under the new name, and nothing is lost when
//! the process is killed in between.

use serde_json::{Value, json};

use super::Town;
use crate::support::model::ModelServer;
use crate::support::server::Server;
use crate::support::{Site, until};

async fn town(model: &ModelServer) -> Town {
    let town =
        Town::of(Site::configured(&format!("[model]\ndefault = \"{}\"\n", model.name()))).await;
    town.ok(&town.admin, "POST", "/api/agents", json!({"name": "ada"})).await;
    town
}

/// What was said in the agent's talks, the newest first.
async fn said(town: &Town, name: &str) -> Vec<Value> {
    let path = format!("/api/agents/{name}/chat/history/persistent");
    let history = town.ok(&town.admin, "GET", &path, Value::Null).await;
    history["messages"].as_array().unwrap().clone()
}

/// Renames `ada` to `eve` while the model is asked.
async fn rename(town: &Town, model: &ModelServer) {
    until("the model is asked", async || (model.calls() > 0).then_some(())).await;
    let body = json!({"new_name": "eve"});
    let told = town.ok(&town.admin, "PUT", "/api/agents/ada/rename", body).await;
    assert_eq!((&told["was_running"], &told["note"]), (&json!(true), &Value::Null));
    let gone = town.call(&town.admin, "GET", "/api/agents/ada", Value::Null).await;
    assert_eq!(
        (gone.status, gone.parsed().unwrap()["detail"].as_str()),
        (404, Some("Agent not found"))
    );
}

#[tokio::test]
async fn the_answer_comes_under_the_new_name() {
    let model = ModelServer::start().await;
    let town = town(&model).await;
    let client = town.client(&town.admin);
    let asking = tokio::spawn(async move {
        let body = json!({"message": "!half of the tea"});
        client.post("/api/agents/ada/chat", &body).await.unwrap()
    });
    rename(&town, &model).await;
    model.release();
    let answer = asking.await.unwrap().expect(200);
    assert!(answer["response"].as_str().unwrap().contains("!half of the tea"), "{answer}");
    let roles: Vec<_> = said(&town, "eve").await.iter().map(|it| it["role"].clone()).collect();
    assert_eq!(roles, ["assistant", "user"]);
}

#[tokio::test]
async fn nothing_is_lost_when_the_process_is_killed_in_between() {
    let model = ModelServer::start().await;
    let town = town(&model).await;
    let client = town.client(&town.admin);
    // It is left unanswered the first time, and answered when it is asked again.
    let asking = tokio::spawn(async move {
        let body = json!({"message": "!stall over the tea"});
        client.post("/api/agents/ada/chat", &body).await
    });
    rename(&town, &model).await;
    let Town { site, server, admin } = town;
    server.kill().await;
    assert!(asking.await.unwrap().is_err(), "nobody was there to answer");
    let town = Town { server: Server::start(&site).await, site, admin };
    let gone = town.call(&town.admin, "GET", "/api/agents/ada", Value::Null).await;
    assert_eq!(gone.status, 404);
    let found = until("it is answered", async || {
        let said = said(&town, "eve").await;
        (said.len() >= 2).then_some(said)
    })
    .await;
    let roles: Vec<_> = found.iter().map(|it| it["role"].clone()).collect();
    assert_eq!(roles, ["assistant", "user"]);
    assert_eq!(found[1]["content"], "!stall over the tea");
}
