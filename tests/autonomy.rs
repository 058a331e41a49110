//! An agent that is left alone with a goal, and everything it did.

mod tools;

use std::sync::Arc;

use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::http::Client;
use crate::support::model::ModelServer;
use crate::support::script::{Act, Exchange};
use crate::support::server::Server;
use crate::support::{Site, until};

use tools::{Hands, ROWS};

/// Ticks that an agent is watched for.
const TICKS: usize = 50;

/// Seconds between two of them.
const EVERY_S: f64 = 0.15;

/// Where a real server is that speaks OpenAI's protocol, as `http://127.0.0.1:8000/v1`, for whoever has
/// one; and its model.
const REAL_SERVER: &str = "GREENROOM_OPENAI_COMPATIBLE_URL";
const REAL_MODEL: &str = "GREENROOM_OPENAI_COMPATIBLE_MODEL";

/// What the host says that an agent did.
struct Record {
    /// Oldest first, each with its steps.
    runs: Vec<(Value, Vec<Value>)>,
    events: Vec<String>,
}

impl Record {
    async fn of(client: &Client, agent: &str) -> Self {
        let at = |rest: &str| format!("/api/greenroom/agents/{agent}/{rest}");
        let get = async |path: String| client.get(path).await.unwrap().expect(200)["data"].clone();
        let list = |value: &Value| value.as_array().unwrap().clone();
        let mut runs = Vec::new();
        for run in list(&get(at("runs?limit=1000")).await["runs"]).into_iter().rev() {
            let id = run["id"].as_str().unwrap();
            let shown = get(at(&format!("runs/{id}"))).await;
            runs.push((run, list(&shown["steps"])));
        }
        let events = list(&get(at("events?limit=1000")).await["events"]);
        let kind = |event: &Value| event["kind"].as_str().unwrap().to_owned();
        Self { runs, events: events.iter().map(kind).collect() }
    }

    fn steps(&self, kind: &str) -> Vec<&Value> {
        let steps = self.runs.iter().flat_map(|(_, steps)| steps);
        steps.filter(|step| step["kind"] == kind).collect()
    }

    fn events(&self, kind: &str) -> usize {
        self.events.iter().filter(|other| *other == kind).count()
    }

    /// Everything that was begun has an end, and the events tell of all of it.
    fn assert_whole(&self) {
        for (run, steps) in &self.runs {
            assert_eq!(run["status"], "completed", "{run}");
            for step in steps {
                assert!(!step["ended_at"].is_null(), "{step}");
            }
        }
        assert_eq!(self.events("run_started"), self.runs.len());
        assert_eq!(self.events("run_ended"), self.runs.len());
        assert_eq!(self.events("tool_called"), self.steps("tool").len());
    }

    /// What the model was asked and wanted is what the steps say, call by call.
    fn assert_agrees_with(&self, ledger: &[Exchange]) {
        let mut exchanges = ledger.iter();
        for step in self.runs.iter().flat_map(|(_, steps)| steps) {
            if step["kind"] == "tool" {
                continue;
            }
            let exchange = exchanges.next().unwrap_or_else(|| panic!("never asked: {step}"));
            let outcome = &step["outcome"];
            match &exchange.act {
                Act::Say(text) => assert_eq!(outcome["text"], json!(text)),
                Act::Call(calls) => {
                    let wanted = outcome["toolCalls"].as_array().unwrap();
                    let wanted = wanted.iter().map(|call| {
                        (call["name"].as_str().unwrap().to_owned(), call["arguments"].clone())
                    });
                    assert_eq!(&wanted.collect::<Vec<_>>(), calls);
                }
                other => panic!("{other:?}: {step}"),
            }
        }
        assert_eq!(exchanges.count(), 0, "the host says nothing of some requests");
        let calls = ledger.iter().filter_map(|exchange| match &exchange.act {
            Act::Call(calls) => Some(calls),
            _ => None,
        });
        let calls = calls.flatten().cloned().collect::<Vec<_>>();
        let made = self.steps("tool").into_iter().map(|step| {
            (step["name"].as_str().unwrap().to_owned(), step["intent"]["arguments"].clone())
        });
        assert_eq!(made.collect::<Vec<_>>(), calls);
        let told = ledger.iter().flat_map(|exchange| exchange.asked.told());
        let found = self.steps("tool").into_iter().map(|step| {
            step["outcome"]["text"].as_str().map(str::to_owned).unwrap_or_else(|| step.to_string())
        });
        assert_eq!(told.collect::<Vec<_>>(), found.collect::<Vec<_>>());
    }
}

/// An agent that is started, and acts by itself.
async fn autonomous(client: &Client, name: &str) -> String {
    let agent = client.create(&json!({"name": name, "bio": "Does things."})).await;
    let body = json!({"enableAutonomy": true, "settings": {"autonomyIntervalSeconds": EVERY_S}});
    client.post(format!("/api/agents/{agent}/start"), &body).await.unwrap().expect(200);
    agent
}

async fn set_goal(client: &Client, agent: &str, text: &str) {
    let path = format!("/api/greenroom/agents/{agent}/goals");
    client.post(path, &json!({"text": text})).await.unwrap().expect(200);
}

/// The number of runs that an agent has had, and of those that are open.
async fn runs(client: &Client, agent: &str) -> (usize, usize) {
    let path = format!("/api/greenroom/agents/{agent}/runs?limit=1000");
    let listed = client.get(path).await.unwrap().expect(200);
    let runs = listed["data"]["runs"].as_array().unwrap().clone();
    (runs.len(), runs.iter().filter(|run| run["status"] == "started").count())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_left_alone_uses_every_tool_and_all_of_it_is_on_record() {
    let hands = Arc::new(Hands::default());
    let decide = Arc::clone(&hands);
    let model = ModelServer::scripted(move |asked| decide.decide(asked, TICKS)).await;
    hands.finds_at(format!("{}/release", model.url()));
    let site =
        Site::configured("[tools]\nfetch_allow = [\"127.0.0.1\"]\nfetch_allows_private = true")
            .with("GREENROOM_MODEL__DEFAULT", &model.name())
            .with("GREENROOM_RUNTIME__REFLECT_EVERY_S", "0");
    let site = Arc::new(site);
    let server = Server::start(&site).await;
    let client = server.client();
    let bob = client.create(&json!({"name": "Bob", "bio": "Answers."})).await;
    client.post(format!("/api/agents/{bob}/start"), &json!({})).await.unwrap().expect(200);
    let ada = autonomous(&client, "Ada").await;
    let channel = json!({
        "name": "Square", "type": "GROUP", "message_server_id": Uuid::nil(),
        "participantCentralUserIds": [Uuid::new_v4(), ada],
    });
    client.post("/api/messaging/channels", &channel).await.unwrap().expect(201);
    set_goal(&client, &ada, "Use every tool.").await;

    for some in 1..=5 {
        until("it works for its goal", async || {
            (runs(&client, &ada).await.0 > some * TICKS / 5).then_some(())
        })
        .await;
    }
    // The last run finishes what it works for; after it there is nothing to do.
    until("it comes to rest", async || {
        (hands.is_done() && runs(&client, &ada).await.1 == 0).then_some(())
    })
    .await;

    let record = Record::of(&client, &ada).await;
    record.assert_whole();
    assert!(record.events("ticked") >= TICKS, "{}", record.events("ticked"));
    // Nobody else has said enough to have it put into fewer words, for which no tools are offered.
    let of_ada =
        |exchange: &Exchange| exchange.asked.agent() == "Ada" || exchange.asked.tools.is_empty();
    let ledger: Vec<_> = model.ledger().into_iter().filter(of_ada).collect();
    record.assert_agrees_with(&ledger);
    for step in record.steps("tool") {
        assert_eq!(step["status"], "succeeded", "{step}");
    }
    for tool in &ledger[0].asked.tools {
        assert!(ROWS.iter().any(|row| row.tool == tool), "{tool} is offered and never tried here");
        let uses = record.steps("tool").into_iter().filter(|step| step["name"] == json!(tool));
        assert!(uses.count() > 0, "{tool} was not used");
    }
    println!(
        "{} ticks, {} runs, {} calls of the model, {} of {} tools",
        record.events("ticked"),
        record.runs.len(),
        ledger.len(),
        record.steps("tool").len(),
        ledger[0].asked.tools.len(),
    );
}

/// Has an agent with a goal tick for as long as it is watched.
async fn left_alone(site: Site) -> (Server, Client, String, Record) {
    let server = Server::start(&Arc::new(site)).await;
    let client = server.client();
    let ada = autonomous(&client, "Ada").await;
    set_goal(&client, &ada, "Know what plums are.").await;
    for some in 1..=5 {
        until("it ticks", async || {
            let record = format!("/api/greenroom/agents/{ada}/events?limit=1000");
            let events = client.get(record).await.unwrap().expect(200);
            let events = events["data"]["events"].as_array().unwrap().clone();
            let ticks = events.iter().filter(|event| event["kind"] == "ticked").count();
            (ticks >= some * TICKS / 5).then_some(())
        })
        .await;
    }
    let stop = json!({"enableAutonomy": false});
    client.post(format!("/api/agents/{ada}/start"), &stop).await.unwrap().expect(200);
    until("it comes to rest", async || (runs(&client, &ada).await.1 == 0).then_some(())).await;
    let record = Record::of(&client, &ada).await;
    (server, client, ada, record)
}

#[tokio::test(flavor = "multi_thread")]
async fn doctor_works_for_a_goal_and_does_what_it_is_told() {
    let (_server, client, ada, record) = left_alone(Site::new()).await;
    record.assert_whole();
    assert!(!record.runs.is_empty());
    for (words, tool) in [
        ("Remember that plums are blue.", "remember"),
        ("What do you remember about plums?", "recall"),
        ("List the other agents.", "list_agents"),
        ("Show me your files.", "list_files"),
        ("List your channels.", "list_channels"),
        ("Set a goal to count the plums.", "set_goal"),
    ] {
        let path = format!("/api/greenroom/agents/{ada}/message");
        client.post(path, &json!({"text": words})).await.unwrap().expect(200);
        let record = Record::of(&client, &ada).await;
        let last = record.steps("tool").pop().cloned();
        let last = last.unwrap_or_else(|| panic!("{words}: no tool was called"));
        assert_eq!((&last["name"], &last["status"]), (&json!(tool), &json!("succeeded")));
        record.assert_whole();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_real_server_is_asked_tick_after_tick() {
    let Ok(url) = std::env::var(REAL_SERVER) else {
        println!("{REAL_SERVER} names no server: nothing was tried");
        return;
    };
    let model = std::env::var(REAL_MODEL).unwrap_or_else(|_| "tiny".to_owned());
    let site = Site::new().with("GREENROOM_MODEL__DEFAULT", &format!("openai:{model}@{url}"));
    let (_server, _client, _ada, record) = left_alone(site).await;
    let asked = record.steps("model").len();
    assert!(asked > 0);
    record.assert_whole();
    println!("{} ticks, {} runs, {asked} answers", record.events("ticked"), record.runs.len());
}
