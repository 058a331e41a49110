//! Approvals over the end of processes: nothing is done without a yes, and a yes is kept.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::support::database::Database;
use crate::support::http::Client;
use crate::support::model::ModelServer;
use crate::support::script::Act;
use crate::support::server::Server;
use crate::support::{Site, until};

const REMEMBERED: &str = "SELECT count(*) FROM memories WHERE kind = 'facts'";

/// A model that remembers something, and then says what it was told about that.
async fn model() -> ModelServer {
    ModelServer::scripted(|asked| match asked.round() {
        0 => Act::call("remember", json!({"text": "Plums are blue."})),
        _ => Act::say(format!("Told: {}", asked.told().join(" | "))),
    })
    .await
}

/// An agent that runs, and has to ask before it remembers.
async fn asking(client: &Client) -> String {
    let tools = json!({"ask_first": ["remember"]});
    let character = json!({"name": "Ada", "bio": "Asks.", "settings": {"tools": tools}});
    let agent = client.create(&character).await;
    client.post(format!("/api/agents/{agent}/start"), &json!({})).await.unwrap().expect(200);
    agent
}

/// Says something whose answer has to wait.
async fn say(client: &Client, agent: &str) {
    let said = client.post(format!("/agents/{agent}/message"), &json!({"text": "Plums?"})).await;
    let waits = said.unwrap().expect(202);
    assert!(waits.to_string().contains("approval"), "{waits}");
}

fn waiting(site: &Site, url: &str) -> Vec<Value> {
    let listed = site.say(&["approvals", "list", "--json", "--url", url]);
    let listed: Value = serde_json::from_str(&listed).unwrap();
    listed["approvals"].as_array().unwrap().clone()
}

/// How the one run of all ended, once it has.
async fn outcome(database: &Database) -> String {
    until("the run ends", async || {
        let runs = database.rows("SELECT status, ended_at IS NOT NULL FROM runs", |row| {
            (row.get::<_, String>(0).unwrap(), row.get::<_, bool>(1).unwrap())
        });
        assert_eq!(runs.len(), 1, "{runs:?}");
        runs.into_iter().next().filter(|(_, has_ended)| *has_ended).map(|(status, _)| status)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_yes_after_a_kill_lets_the_run_go_on_and_one_before_a_kill_is_kept() {
    for is_stopped in [false, true] {
        let model = model().await;
        let site = Arc::new(Site::new().with("GREENROOM_MODEL__DEFAULT", &model.name()));
        let server = Server::start(&site).await;
        let agent = asking(&server.client()).await;
        say(&server.client(), &agent).await;
        server.kill().await;

        let server = Server::start(&site).await;
        let database = Database::open(&site.data());
        assert_eq!(database.count(REMEMBERED), 0, "without a yes");
        let parked = "SELECT count(*) FROM runs WHERE status = 'parked'";
        assert_eq!(database.count(parked), 1);
        let asked = waiting(&site, &server.url());
        assert_eq!((asked.len(), asked[0]["tool"].as_str()), (1, Some("remember")));
        assert_eq!(asked[0]["arguments"], json!({"text": "Plums are blue."}));
        let metrics = server.client().get("/metrics").await.unwrap().text();
        assert!(metrics.contains("greenroom_approvals_waiting 1"), "{metrics}");

        let id = asked[0]["id"].as_str().unwrap();
        let grant = ["approvals", "grant", id, "--as", "Eve", "--url", &server.url()];
        let server = if is_stopped {
            let stop = format!("/api/agents/{agent}/stop");
            server.client().post(stop, &json!({})).await.unwrap().expect(200);
            assert_eq!(site.say(&grant), "remember is granted\n");
            server.kill().await;
            let server = Server::start(&site).await;
            assert_eq!(database.count(REMEMBERED), 0, "an agent that is stopped does nothing");
            let start = format!("/api/agents/{agent}/start");
            server.client().post(start, &json!({})).await.unwrap().expect(200);
            server
        } else {
            assert_eq!(site.say(&grant), "remember is granted\n");
            server
        };
        assert_eq!(outcome(&database).await, "completed");
        assert_eq!(database.count(REMEMBERED), 1);
        assert_eq!(waiting(&site, &server.url()), Vec::<Value>::new());
        let asked = model.ledger();
        assert_eq!(asked.len(), 2, "the model is not asked anew what it has decided");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_denied_is_not_done_and_the_agent_is_told_why() {
    let model = model().await;
    let site = Arc::new(Site::new().with("GREENROOM_MODEL__DEFAULT", &model.name()));
    let server = Server::start(&site).await;
    let agent = asking(&server.client()).await;
    say(&server.client(), &agent).await;
    let url = server.url();
    let asked = waiting(&site, &url);
    let id = asked[0]["id"].as_str().unwrap();
    let denied = site.say(&["approvals", "deny", id, "--comment", "not yet", "--url", &url]);
    assert_eq!(denied, "remember is denied\n");
    let database = Database::open(&site.data());
    assert_eq!(outcome(&database).await, "completed");
    assert_eq!(database.count(REMEMBERED), 0);
    let said = "SELECT count(*) FROM memories WHERE content LIKE '%denied by operator: not yet%'";
    assert_eq!(database.count(said), 1);
    assert!(!site.run(&["approvals", "grant", id, "--url", &url]).status.success());
}
