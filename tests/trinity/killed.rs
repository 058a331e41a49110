//! What was accepted over the Trinity listener has an end that is seen, and one alone, however often the
//! host is killed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

use super::Town;
use crate::kill::{assert_interrupted, open_runs};
use crate::support::http::{Client, Request};
use crate::support::model::ModelServer;
use crate::support::server::Server;
use crate::support::{Site, until};

const ROUNDS: usize = 3;

/// Answers that whoever asks without pause has had before the host is killed.
const ENOUGH: usize = 40;

/// Who has all its slots taken and tasks that wait for one; who has a conversation and others that wait
/// for it; who is asked without pause.
const AGENTS: [&str; 3] = ["shop", "desk", "busy"];

/// An execution of which somebody was told: whose it is, its id, and what was asked.
type Told = (&'static str, String, String);

fn at(agent: &str, rest: &str) -> String {
    format!("/api/agents/{agent}/{rest}")
}

/// Asks one agent for one task after the other until the host is gone.
async fn ask(client: Client, name: String, is_awaited: bool, count: Arc<AtomicUsize>) -> Vec<Told> {
    let mut told = Vec::new();
    for number in 0.. {
        let message = format!("{name} asks {number}");
        let body = json!({"message": message, "async_mode": !is_awaited});
        let request = Request::new("POST", at("busy", "task")).json(&body);
        let Ok(answer) = client.send(&request).await else { break };
        if answer.status == 429 {
            // All its slots are taken, or enough waits for one: nothing was accepted.
            continue;
        }
        let field = if is_awaited { "task_execution_id" } else { "execution_id" };
        let id = answer.expect(200)[field].as_str().unwrap().to_owned();
        told.push(("busy", id, message));
        count.fetch_add(1, Ordering::SeqCst);
    }
    told
}

impl Town {
    async fn list(&self, agent: &str) -> Vec<Value> {
        let path = at(agent, "executions?limit=1000");
        self.ok(&self.admin, "GET", &path, Value::Null).await.as_array().unwrap().clone()
    }

    /// Gives tasks that take both slots and tasks that wait for one.
    async fn fill_slots(&self, round: usize) -> Vec<Told> {
        let mut told = Vec::new();
        for (number, expected) in ["accepted", "accepted", "queued", "queued"].iter().enumerate() {
            let word = if *expected == "accepted" { "!stall" } else { "later" };
            let message = format!("{word} {number} in round {round}");
            let body = json!({"message": message, "async_mode": true});
            let answer = self.ok(&self.admin, "POST", &at("shop", "task"), body).await;
            assert_eq!(answer["status"], *expected, "{answer}");
            told.push(("shop", answer["execution_id"].as_str().unwrap().to_owned(), message));
        }
        told
    }

    /// Says something that is not answered, and more that waits behind it. Who says it hears nothing any
    /// more: that it is kept is seen in the queue.
    async fn fill_desk(&self, round: usize) -> Vec<Told> {
        for (waiting, word) in ["!stall", "then", "at last"].into_iter().enumerate() {
            let message = format!("{word} at the desk in round {round}");
            let request = Request::new("POST", at("desk", "chat"));
            let request = request.json(&json!({"message": message}));
            let client = self.client(&self.admin);
            tokio::spawn(async move { drop(client.send(&request).await) });
            until("it is taken up or waits", async || {
                let queue = self.ok(&self.admin, "GET", &at("desk", "queue"), Value::Null).await;
                (queue["is_busy"] == true && queue["queue_length"] == waiting).then_some(())
            })
            .await;
        }
        let round = format!("in round {round}");
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let listed = self.list("desk").await;
        let all = listed.iter().map(|one| ("desk", text(&one["id"]), text(&one["message"])));
        let told: Vec<_> = all.filter(|(_, _, message)| message.ends_with(&round)).collect();
        assert_eq!(told.len(), 3, "{told:?}");
        told
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_accepted_ends_once_over_every_kill() {
    let model = ModelServer::start().await;
    let site = Site::new()
        .with("GREENROOM_MODEL__DEFAULT", &model.name())
        // So that nothing is given up because of the kills alone.
        .with("GREENROOM_RUNTIME__LETTER_ATTEMPTS_MAX", "100");
    let mut town = Town::of(site).await;
    for name in AGENTS {
        town.ok(&town.admin, "POST", "/api/agents", json!({"name": name})).await;
        let capacity = json!({"max_parallel_tasks": if name == "shop" { 2 } else { 3 }});
        town.ok(&town.admin, "PUT", &at(name, "capacity"), capacity).await;
    }
    let mut told: Vec<Told> = Vec::new();
    let mut interrupted = 0;
    for round in 0..ROUNDS {
        told.extend(town.fill_slots(round).await);
        told.extend(town.fill_desk(round).await);
        model.hangs(3).await;
        let count = Arc::new(AtomicUsize::new(0));
        let asking: Vec<_> = (0..4)
            .map(|number| {
                let name = format!("Somebody {number} in round {round}");
                tokio::spawn(ask(town.client(&town.admin), name, number < 2, Arc::clone(&count)))
            })
            .collect();
        until("enough is acknowledged", async || {
            assert!(!asking.iter().any(|asking| asking.is_finished()), "somebody gave up");
            (count.load(Ordering::SeqCst) >= ENOUGH).then_some(())
        })
        .await;
        town.server.kill().await;
        model.hangs(0).await;
        for asking in asking {
            told.extend(asking.await.unwrap());
        }
        let open = open_runs(&town.site);
        assert!(open.len() >= 3, "{open:?}");
        interrupted += open.len();
        town.server = Server::start(&town.site).await;
        assert_interrupted(&town.site, &open);
        // Nothing is lost even while it is not yet dealt with; what stalled is answered the second time,
        // so that the next round begins with an agent that has nothing to do.
        until("all has ended", async || {
            for name in AGENTS {
                let is_open = |one: &Value| one["status"] == "running" || one["status"] == "queued";
                if town.list(name).await.iter().any(is_open) {
                    return None;
                }
            }
            Some(())
        })
        .await;
        town.assert_told(&told).await;
    }
    town.assert_history().await;
    println!("{ROUNDS} kills, {} executions, {interrupted} runs interrupted", told.len());
}

impl Town {
    /// Every execution that somebody was told of has ended well, and each message is in one of them.
    async fn assert_told(&self, told: &[Told]) {
        for name in AGENTS {
            let listed = self.list(name).await;
            let mut by_message = BTreeMap::<&str, usize>::new();
            for one in &listed {
                *by_message.entry(one["message"].as_str().unwrap()).or_default() += 1;
            }
            let doubled: Vec<_> = by_message.iter().filter(|(_, count)| **count > 1).collect();
            assert!(doubled.is_empty(), "{doubled:?}");
            let ids: BTreeSet<_> = listed.iter().map(|one| one["id"].as_str().unwrap()).collect();
            for (_, id, message) in told.iter().filter(|(agent, _, _)| *agent == name) {
                assert!(ids.contains(id.as_str()), "lost: {id} {message}");
                let path = at(name, &format!("executions/{id}"));
                let one = self.ok(&self.admin, "GET", &path, Value::Null).await;
                assert_eq!((&one["status"], &one["message"]), (&json!("success"), &json!(message)));
                assert!(one["response"].as_str().unwrap().ends_with(message), "{one}");
                assert!(one["completed_at"].is_string(), "{one}");
            }
        }
    }

    /// What was said at the desk stands there once, and once its answer.
    async fn assert_history(&self) {
        let history = self.ok(&self.admin, "GET", &at("desk", "chat/history"), Value::Null).await;
        let history = history.as_array().unwrap();
        let said = |role: &str| -> Vec<&str> {
            let of = history.iter().filter(|message| message["role"] == role);
            of.map(|message| message["content"].as_str().unwrap()).collect()
        };
        let (asked, answered) = (said("user"), said("assistant"));
        assert_eq!((asked.len(), answered.len()), (3 * ROUNDS, 3 * ROUNDS), "{history:#?}");
        assert_eq!(asked.iter().collect::<BTreeSet<_>>().len(), asked.len(), "{asked:?}");
        for message in asked {
            let answers = answered.iter().filter(|answer| answer.ends_with(message)).count();
            assert_eq!(answers, 1, "{message}: {answered:?}");
        }
    }
}
