//! Many agents share one budget: what the model's server bills never exceeds it, whatever the server
//! does and however often the process is killed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use serde_json::{Value, json};

use crate::support::Site;
use crate::support::biller::Biller;
use crate::support::http::Client;
use crate::support::server::Server;
use crate::support::until;

/// Agents that share the budget.
const AGENTS: usize = 200;

/// Messages on their way at a time.
const AT_A_TIME: usize = 64;

/// The ceiling: 1.00 dollar, in millionths.
const CEILING: u64 = 1_000_000;

/// What one call costs at most: 0.01, for the tokens that an answer is bounded to where nobody says
/// it.
const CALL: u64 = 10_000;

/// The price of a million tokens written, in dollars: 4,096 of them cost [`CALL`].
const PRICE: f64 = 2.441_406_25;

/// A host whose agents share 1.00 dollar, at that server.
fn site(biller: &Biller) -> Arc<Site> {
    Arc::new(Site::configured(&format!(
        "[model]\ndefault = \"billed\"\n\
         [models.billed]\nprovider = \"openai\"\nmodel = \"billed\"\nbase_url = \"{}\"\n\
         price_input = 0.0\nprice_output = {PRICE}\ntimeout_s = 2\nretries = 1\n\
         retry_wait_ms = 5\n\
         [budget]\nowner_usd = 1.0\n\
         [runtime]\nletter_attempts_max = 50\nreflect_every_s = 0\n",
        biller.url()
    )))
}

async fn create_all(client: &Client) -> Vec<String> {
    let mut agents = Vec::with_capacity(AGENTS);
    for number in 0..AGENTS {
        let character = json!({"name": format!("Agent {number}"), "bio": "Thinks."});
        let agent = client.create(&character).await;
        let started = client.post(format!("/api/agents/{agent}/start"), &json!({})).await;
        started.unwrap().expect(200);
        agents.push(agent);
    }
    agents
}

/// Speaks with agents, many at a time: with each until it has no budget left, or until `messages`
/// were sent or the host is gone. Answers with how many it refused for want of budget.
async fn speak(client: &Client, agents: &Arc<Vec<String>>, messages: usize) -> usize {
    let (sent, next, refused) = (
        Arc::new(AtomicUsize::new(0)),
        Arc::new(AtomicUsize::new(0)),
        Arc::new(AtomicUsize::new(0)),
    );
    let is_gone = Arc::new(AtomicBool::new(false));
    let speakers: Vec<_> = (0..AT_A_TIME)
        .map(|_| {
            let (client, agents) = (client.clone(), Arc::clone(agents));
            let (sent, next, refused) =
                (Arc::clone(&sent), Arc::clone(&next), Arc::clone(&refused));
            let is_gone = Arc::clone(&is_gone);
            tokio::spawn(async move {
                while let Some(agent) = agents.get(next.fetch_add(1, Ordering::SeqCst)) {
                    loop {
                        if sent.fetch_add(1, Ordering::SeqCst) >= messages
                            || is_gone.load(Ordering::SeqCst)
                        {
                            return;
                        }
                        let path = format!("/agents/{agent}/message");
                        let Ok(answer) = client.post(path, &json!({"text": "think"})).await else {
                            is_gone.store(true, Ordering::SeqCst);
                            return;
                        };
                        match answer.status {
                            402 => refused.fetch_add(1, Ordering::SeqCst),
                            // Answered, or the model's server failed or was busy: there may be more.
                            200 | 500 | 503 => continue,
                            // It rests already.
                            404 => 0,
                            status => panic!("{status}: {}", answer.text()),
                        };
                        break;
                    }
                }
            })
        })
        .collect();
    for speaker in speakers {
        speaker.await.unwrap();
    }
    refused.load(Ordering::SeqCst)
}

/// What the host thinks that its agents' owner has spent and reserved, in millionths.
async fn counted(client: &Client, agent: &str) -> (u64, u64) {
    let shown = client.get(format!("/api/greenroom/agents/{agent}/budget")).await.unwrap();
    let shown = shown.expect(200);
    let budgets = shown["data"]["budgets"].as_array().unwrap();
    let owner = budgets.iter().find(|budget| budget["scope"] == "owner").unwrap();
    assert_eq!(owner["ceiling"]["usd"], 1.0);
    let micros = |value: &Value| format!("{:.0}", value["usd"].as_f64().unwrap() * 1e6);
    (micros(&owner["spent"]).parse().unwrap(), micros(&owner["reserved"]).parse().unwrap())
}

/// The agents that rest for want of budget.
async fn resting(client: &Client) -> usize {
    let listed = client.get("/api/greenroom/agents?state=paused&limit=1000").await.unwrap();
    let listed = listed.expect(200);
    let agents = listed["data"]["agents"].as_array().unwrap();
    assert!(agents.iter().all(|agent| agent["pause"]["reason"] == "budget"), "{listed}");
    agents.len()
}

/// Lets agents spend until there is nothing left, with these kills on the way: after so many messages
/// were sent, once so many further calls were billed. Answers with what was billed.
async fn spend(title: &str, has_faults: bool, kills: &[(usize, u64)]) -> u64 {
    let biller = Biller::start(20_260_105, has_faults, CALL).await;
    let site = site(&biller);
    let mut server = Server::start(&site).await;
    let agents = Arc::new(create_all(&server.client()).await);
    for (messages, calls) in kills {
        let until = biller.ledger().calls + calls;
        let (client, spoken_to) = (server.client(), Arc::clone(&agents));
        let messages = *messages;
        let speaking = tokio::spawn(async move { speak(&client, &spoken_to, messages).await });
        biller.has_billed(until).await;
        server.kill().await;
        speaking.await.unwrap();
        let ledger = biller.ledger();
        println!("{title}: killed with {:.2} billed", dollars(ledger.billed_micros));
        assert!(ledger.billed_micros <= CEILING, "{ledger:?}");
        server = Server::start(&site).await;
    }
    let client = server.client();
    let refused = speak(&client, &agents, usize::MAX).await;
    let (spent, reserved) = counted(&client, &agents[0]).await;
    // Whoever asked is told before the rest is durable.
    until("all agents rest", async || (resting(&client).await == AGENTS).then_some(())).await;
    let ledger = biller.ledger();
    println!(
        "{title}: {} kills; the server billed {:.4} for {} calls ({} answered, {} that failed, at \
         most {} at a time); the host counted {:.4} and refused {refused}; all agents rest",
        kills.len(),
        dollars(ledger.billed_micros),
        ledger.calls,
        ledger.answered,
        ledger.faults,
        ledger.in_hand_max,
        dollars(spent),
    );
    assert!(ledger.billed_micros <= CEILING, "{ledger:?}");
    assert!(ledger.billed_micros <= spent && spent <= CEILING, "{ledger:?}, counted {spent}");
    assert_eq!(reserved, 0, "nothing is in flight any more");
    assert!(spent + 2 * CALL > CEILING, "there was room for another call: {spent}");
    let metrics = client.get("/metrics").await.unwrap().text();
    for figure in ["greenroom_budget_reservations 0", "greenroom_budget_refused_total"] {
        assert!(metrics.contains(figure), "{figure} in {metrics}");
    }
    ledger.billed_micros
}

#[allow(clippy::as_conversions, reason = "far below 2^53")]
fn dollars(micros: u64) -> f64 {
    micros as f64 / 1e6
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_agents_spend_what_they_share_and_no_more() {
    let billed = spend("all well", false, &[]).await;
    assert!(billed >= CEILING * 95 / 100, "more was held back than needed: {billed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_fails_bills_no_more_than_they_share() {
    let billed = spend("with faults", true, &[]).await;
    assert!(billed >= CEILING * 80 / 100, "more was held back than needed: {billed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_kill_lets_them_spend_more_than_they_share() {
    // With a few messages on their way, then with as many as there may be: each kill costs what is in
    // flight.
    let kills = [(8, 4), (8, 3), (10, 5), (8, 2), (AT_A_TIME, 12)];
    spend("with faults and kills", true, &kills).await;
}
