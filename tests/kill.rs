//! What was acknowledged is found again, however the process ends.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::Site;
use crate::support::database::Database;
use crate::support::http::{Client, Response};
use crate::support::model::ModelServer;
use crate::support::server::Server;
use crate::support::until;

/// How often the process is killed.
const ROUNDS: u64 = 20;

/// Clients that write at once.
const WRITERS: u64 = 6;

/// Agents that each of them looks after.
const AGENTS_MAX: usize = 45;

/// Answers of a round before it ends: one of these.
const ACKNOWLEDGED: std::ops::Range<usize> = 40..200;

/// Another course of events, where one wants it.
const SEED: &str = "GREENROOM_TEST_SEED";

/// What a writer knows of one agent.
#[derive(Clone, Debug)]
struct Known {
    id: String,
    /// The state that was acknowledged last.
    state: &'static str,
    /// What was asked for, where the answer never came.
    asked: Option<&'static str>,
}

/// What a writer was told.
#[derive(Clone, Debug, Default)]
struct Ledger {
    agents: Vec<Known>,
    memories: BTreeSet<String>,
}

/// A writer: it does one thing after the other, and notes what was acknowledged.
struct Writer {
    name: String,
    client: Client,
    random: StdRng,
    ledger: Ledger,
    acknowledged: Arc<AtomicUsize>,
}

impl Writer {
    /// Writes until the server is gone.
    async fn write(mut self) -> Ledger {
        while self.act().await.is_some() {
            self.acknowledged.fetch_add(1, Ordering::SeqCst);
        }
        self.ledger
    }

    async fn act(&mut self) -> Option<()> {
        let is_full = self.ledger.agents.len() >= AGENTS_MAX;
        if self.ledger.agents.is_empty() || !is_full && self.random.random_ratio(1, 8) {
            return self.create().await;
        }
        let place = self.random.random_range(0..self.ledger.agents.len());
        let Known { id, state, .. } = self.ledger.agents[place].clone();
        let (next, path) = match state {
            "running" if self.random.random_ratio(2, 3) => return self.remember(&id).await,
            "running" => [
                ("paused", format!("/api/greenroom/agents/{id}/pause")),
                ("stopped", format!("/api/agents/{id}/stop")),
            ]
            .choose(&mut self.random)?
            .clone(),
            "paused" => [
                ("running", format!("/api/greenroom/agents/{id}/resume")),
                ("stopped", format!("/api/agents/{id}/stop")),
            ]
            .choose(&mut self.random)?
            .clone(),
            _ => ("running", format!("/api/agents/{id}/start")),
        };
        self.ledger.agents[place].asked = Some(next);
        accepted(self.client.post(path, &json!({"enableAutonomy": true})).await)?;
        self.ledger.agents[place] = Known { id, state: next, asked: None };
        Some(())
    }

    async fn create(&mut self) -> Option<()> {
        let name = format!("{} {}", self.name, self.ledger.agents.len());
        let id = Uuid::from_u128(self.random.random()).to_string();
        let character = json!({"id": id, "name": name, "bio": "Was there."});
        let body = json!({"characterJson": character});
        accepted(self.client.post("/api/agents", &body).await)?;
        self.ledger.agents.push(Known { id, state: "stopped", asked: None });
        Some(())
    }

    async fn remember(&mut self, agent: &str) -> Option<()> {
        let text = format!("{} remembers {}", self.name, self.ledger.memories.len());
        let body = json!({"content": {"text": text}});
        let path = format!("/api/agents/{agent}/memories");
        let kept = accepted(self.client.post(path, &body).await)?;
        self.ledger.memories.insert(kept["data"]["id"].as_str().unwrap().to_owned());
        Some(())
    }
}

/// The course of events: that of `seed`, unless somebody wants another one.
pub(crate) fn random(seed: u64) -> StdRng {
    let wanted = std::env::var(SEED).ok().and_then(|wanted| wanted.parse().ok());
    let seed = wanted.unwrap_or(seed);
    println!("{SEED}={seed}");
    StdRng::seed_from_u64(seed)
}

/// The body of an answer, none if the server is gone. It never refuses what is asked here.
fn accepted(answer: std::io::Result<Response>) -> Option<Value> {
    let answer = answer.ok()?;
    assert!(answer.status < 300, "{} {}", answer.status, answer.text());
    answer.parsed()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_survives_every_kill() {
    let mut random = random(20_260_102);
    let model = ModelServer::start().await;
    let site = Site::new()
        .with("GREENROOM_MODEL__DEFAULT", &model.name())
        .with("GREENROOM_RUNTIME__TICK_EVERY_S", "1");
    let site = Arc::new(site);
    let mut ledgers = vec![Ledger::default(); usize::try_from(WRITERS).unwrap()];
    let mut open = BTreeSet::new();
    let (mut interrupted, mut acknowledged_in_all) = (0, 0);

    for round in 0..ROUNDS {
        let server = Server::start(&site).await;
        interrupted += open.len();
        assert_interrupted(&site, &open);
        assert_found(&server.client(), &site, &mut ledgers).await;

        let acknowledged = Arc::new(AtomicUsize::new(0));
        let asker = tokio::spawn(ask_what_hangs(server.client(), round));
        model_hangs(&model).await;
        let writers = ledgers.into_iter().enumerate().map(|(place, ledger)| {
            let writer = Writer {
                name: format!("Writer {place} in round {round}"),
                client: server.client(),
                random: StdRng::seed_from_u64(random.random()),
                ledger,
                acknowledged: Arc::clone(&acknowledged),
            };
            tokio::spawn(writer.write())
        });
        let writers = writers.collect::<Vec<_>>();
        let enough = random.random_range(ACKNOWLEDGED);
        until("enough is acknowledged", async || {
            assert!(!writers.iter().any(|writer| writer.is_finished()), "a writer gave up");
            (acknowledged.load(Ordering::SeqCst) >= enough).then_some(())
        })
        .await;
        server.kill().await;
        ledgers = Vec::new();
        for writer in writers {
            ledgers.push(writer.await.unwrap());
        }
        asker.abort();
        acknowledged_in_all += acknowledged.load(Ordering::SeqCst);
        open = open_runs(&site);
        assert!(!open.is_empty(), "no run was open when the process was killed");
    }

    let server = Server::start(&site).await;
    interrupted += open.len();
    assert_interrupted(&site, &open);
    assert_found(&server.client(), &site, &mut ledgers).await;
    assert_answered(&server.client(), &ledgers).await;
    let ticks =
        Database::open(&site.data()).count("SELECT count(*) FROM events WHERE kind = 'ticked'");
    let agents = ledgers.iter().map(|ledger| ledger.agents.len()).sum::<usize>();
    let memories = ledgers.iter().map(|ledger| ledger.memories.len()).sum::<usize>();
    println!(
        "{ROUNDS} kills, {acknowledged_in_all} answers: {agents} agents and {memories} memories \
         found again, {interrupted} runs interrupted, {ticks} ticks of those that ran"
    );
    assert!(ticks > 0, "nobody ticked, so it shows nothing that the paused did not");
}

/// Has an agent answer with a model that never does, so that a run is open.
async fn ask_what_hangs(client: Client, round: u64) {
    let agent = client.create(&json!({"name": format!("Talker {round}"), "bio": "Talks."})).await;
    let started = client.post(format!("/api/agents/{agent}/start"), &json!({})).await;
    started.unwrap().expect(200);
    // No answer comes; the process is killed before.
    drop(client.post(format!("/agents/{agent}/message"), &json!({"text": "!hang"})).await);
}

async fn model_hangs(model: &ModelServer) {
    until("a call hangs", async || (model.hanging() > 0).then_some(())).await;
}

/// The runs that are open in the data of a dead process.
pub(crate) fn open_runs(site: &Site) -> BTreeSet<Uuid> {
    let database = Database::open(&site.data());
    let open = database.rows("SELECT id FROM runs WHERE status = 'started'", |row| row.get(0));
    open.into_iter().map(Result::unwrap).collect()
}

/// Runs of the dead process, and what they had begun, are closed.
pub(crate) fn assert_interrupted(site: &Site, open: &BTreeSet<Uuid>) {
    let database = Database::open(&site.data());
    let closed = "SELECT id FROM runs WHERE status = 'interrupted' AND ended_at IS NOT NULL \
                  AND NOT EXISTS (SELECT 1 FROM steps WHERE run = runs.id AND status = 'intended')";
    let closed = database.rows(closed, |row| row.get::<_, Uuid>(0).unwrap());
    let closed = closed.into_iter().collect::<BTreeSet<_>>();
    let left = open.difference(&closed).collect::<Vec<_>>();
    assert!(left.is_empty(), "not interrupted: {left:?}");
}

/// Every agent, in its state, and every memory is there; and who should rest has rested.
async fn assert_found(client: &Client, site: &Site, ledgers: &mut [Ledger]) {
    let states = states(client).await;
    let database = Database::open(&site.data());
    let memories = database.rows("SELECT id FROM memories", |row| row.get::<_, Uuid>(0).unwrap());
    let memories = memories.iter().map(Uuid::to_string).collect::<BTreeSet<_>>();
    let restless = database.rows(
        "SELECT agent FROM events GROUP BY agent HAVING \
         max(CASE WHEN kind IN ('ticked', 'run_started') THEN seq ELSE 0 END) > \
         max(CASE WHEN kind IN ('created', 'paused', 'stopped') THEN seq ELSE 0 END)",
        |row| row.get::<_, Uuid>(0).unwrap().to_string(),
    );
    for ledger in ledgers {
        let lost = ledger.memories.difference(&memories).collect::<Vec<_>>();
        assert!(lost.is_empty(), "memories lost: {lost:?}");
        for known in &mut ledger.agents {
            let found = states.get(&known.id).unwrap_or_else(|| panic!("{} is lost", known.id));
            let expected = [Some(known.state), known.asked];
            let found = expected.into_iter().flatten().find(|state| state == found);
            known.state = found.unwrap_or_else(|| panic!("{known:?} is {:?}", states[&known.id]));
            known.asked = None;
            if known.state != "running" && restless.contains(&known.id) {
                panic!("{known:?} was at work: {:#?}", events(&database, &known.id));
            }
        }
    }
}

/// The last events of an agent.
fn events(database: &Database, agent: &str) -> Vec<String> {
    let id = agent.replace('-', "");
    let question = format!(
        "SELECT seq, at, kind, data FROM events WHERE agent = x'{id}' ORDER BY seq DESC LIMIT 12"
    );
    let events = database.rows(&question, |row| {
        let data = row.get::<_, Option<String>>(3).unwrap();
        format!(
            "{} {} {} {data:?}",
            row.get::<_, i64>(0).unwrap(),
            row.get::<_, i64>(1).unwrap(),
            row.get::<_, String>(2).unwrap()
        )
    });
    events.into_iter().rev().collect()
}

/// The states of all agents, as an operator sees them.
async fn states(client: &Client) -> BTreeMap<String, String> {
    let listed = client.get("/api/greenroom/agents?limit=1000").await.unwrap().expect(200);
    let agents = listed["data"]["agents"].as_array().unwrap().iter();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    agents.map(|agent| (text(&agent["id"]), text(&agent["state"]))).collect()
}

/// The agents themselves say so too, and those that run tell all that they remember.
async fn assert_answered(client: &Client, ledgers: &[Ledger]) {
    let mut told = BTreeSet::new();
    for known in ledgers.iter().flat_map(|ledger| &ledger.agents) {
        let path = format!("/api/greenroom/agents/{}", known.id);
        let shown = client.get(path).await.unwrap().expect(200);
        assert_eq!(shown["data"]["state"], known.state, "{}", known.id);
        if known.state == "running" {
            let path = format!("/api/memory/{}/memories", known.id);
            let listed = client.get(path).await.unwrap().expect(200);
            let memories = listed["data"]["memories"].as_array().unwrap().iter();
            told.extend(memories.map(|memory| memory["id"].as_str().unwrap().to_owned()));
        }
    }
    let remembered = ledgers.iter().flat_map(|ledger| &ledger.memories);
    let told = remembered.filter(|memory| told.contains(*memory)).count();
    assert!(told > 0, "nobody who runs remembers anything");
}
