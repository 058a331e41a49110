//! Runs that call tools have an outcome, and do nothing twice that must not be, however the process
//! ends.

mod books;
mod task;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::kill::{assert_interrupted, open_runs, random};
use crate::support::http::Client;
use crate::support::model::ModelServer;
use crate::support::server::Server;
use crate::support::tool_server::ToolServer;
use crate::support::{PATIENCE, Site, until};

use books::{Books, letters, open};
use task::{Task, decide, fate, tally};

/// Tasks that are acknowledged at least, where nothing is said.
const RUNS: usize = 300;

/// Another number of them.
const RUNS_WANTED: &str = "GREENROOM_TEST_RUNS";

/// Tasks to a kill, about.
const RUNS_PER_KILL: usize = 60;

/// Agents that are given tasks, each in a session.
const AGENTS: usize = 50;

/// Between two looks at what is open.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// A task of which the server told that it is kept.
#[derive(Clone, Debug)]
struct Given {
    message: Uuid,
    task: Task,
}

/// Somebody who gives one agent tasks.
struct Giver {
    number: usize,
    session: String,
    channel: String,
    random: StdRng,
    count: usize,
    given: Vec<Given>,
}

impl Giver {
    async fn begin(client: &Client, number: usize, random: StdRng) -> Self {
        let character = json!({"name": format!("Worker {number}"), "bio": "Works."});
        let agent = client.create(&character).await;
        client.post(format!("/api/agents/{agent}/start"), &json!({})).await.unwrap().expect(200);
        let body = json!({"agentId": agent, "userId": Uuid::new_v4()});
        let session = client.post("/api/messaging/sessions", &body).await.unwrap().expect(201);
        let id = |key: &str| session[key].as_str().unwrap().to_owned();
        let (session, channel) = (id("sessionId"), id("channelId"));
        Self { number, session, channel, random, count: 0, given: Vec::new() }
    }

    /// Gives tasks until the server is gone, or enough are acknowledged. Every third time the answer
    /// is waited for, so that an agent has no more before it than it takes.
    async fn give(mut self, client: Client, acknowledged: Arc<AtomicUsize>, enough: usize) -> Self {
        while acknowledged.load(Ordering::SeqCst) < enough {
            let is_awaited = self.count.is_multiple_of(3);
            let id = format!("{}.{}", self.number, self.count);
            self.count += 1;
            let task = Task::random(id, &mut self.random, !is_awaited);
            let transport = if is_awaited { "http" } else { "websocket" };
            let path = format!("/api/messaging/sessions/{}/messages", self.session);
            let body = json!({"content": task.words(), "transport": transport});
            let Ok(answer) = client.post(path, &body).await else { return self };
            let message = answer.expect(201)["userMessage"]["id"].as_str().unwrap().parse();
            self.given.push(Given { message: message.unwrap(), task });
            acknowledged.fetch_add(1, Ordering::SeqCst);
        }
        self
    }

    /// Each task that was acknowledged is found in the channel, with one answer or with none.
    async fn outcomes(&self, client: &Client) -> Vec<(&Given, Option<String>)> {
        let path = format!("/api/messaging/channels/{}/messages?limit=10000", self.channel);
        let listed = client.get(path).await.unwrap().expect(200);
        let listed = listed["data"]["messages"].as_array().unwrap();
        let find = |field: &str, id: Uuid| -> Vec<&Value> {
            listed.iter().filter(|message| message[field] == json!(id)).collect()
        };
        let mut outcomes = Vec::new();
        for given in &self.given {
            assert_eq!(find("id", given.message).len(), 1, "lost: {given:?}");
            let answers = find("inReplyToRootMessageId", given.message);
            assert!(answers.len() <= 1, "answered twice: {given:?}: {answers:?}");
            let words = answers.first().map(|answer| answer["content"].as_str().unwrap());
            outcomes.push((given, words.map(str::to_owned)));
        }
        outcomes
    }
}

/// Gives tasks until the tool server has heard so many calls, or so many tasks are acknowledged.
struct Shift<'a> {
    server: &'a Server,
    tools: &'a ToolServer,
    acknowledged: &'a Arc<AtomicUsize>,
}

impl Shift<'_> {
    fn begin(&self, givers: Vec<Giver>, enough: usize) -> Vec<tokio::task::JoinHandle<Giver>> {
        let give = |giver: Giver| {
            let (client, acknowledged) = (self.server.client(), Arc::clone(self.acknowledged));
            tokio::spawn(giver.give(client, acknowledged, enough))
        };
        givers.into_iter().map(give).collect()
    }

    async fn hears(&self, calls: usize, work: &[tokio::task::JoinHandle<Giver>]) {
        let goal = self.tools.calls() + calls;
        until("enough calls have arrived", async || {
            assert!(!work.iter().any(|work| work.is_finished()), "somebody gave up");
            (self.tools.calls() >= goal).then_some(())
        })
        .await;
    }
}

async fn all(work: Vec<tokio::task::JoinHandle<Giver>>) -> Vec<Giver> {
    let mut givers = Vec::new();
    for giver in work {
        givers.push(giver.await.unwrap());
    }
    givers
}

#[tokio::test(flavor = "multi_thread")]
async fn no_kill_leaves_a_run_without_an_end_or_makes_a_call_twice() {
    let runs = std::env::var(RUNS_WANTED).ok().and_then(|wanted| wanted.parse().ok());
    let runs: usize = runs.unwrap_or(RUNS);
    let kills = runs / RUNS_PER_KILL;
    let mut random = random(20_261_123);
    let model = ModelServer::scripted(decide).await;
    let tools = ToolServer::with(fate).await;
    let site = Site::configured(&tools.config())
        .with("GREENROOM_MODEL__DEFAULT", &model.name())
        // So that no letter is given up because of the kills alone.
        .with("GREENROOM_RUNTIME__LETTER_ATTEMPTS_MAX", "100");
    let site = Arc::new(site);
    let acknowledged = Arc::new(AtomicUsize::new(0));
    let mut server = Server::start(&site).await;
    let mut givers = Vec::new();
    for number in 0..AGENTS {
        let random = StdRng::seed_from_u64(random.random());
        givers.push(Giver::begin(&server.client(), number, random).await);
    }
    let mut interrupted = 0;
    for _ in 0..kills {
        let shift = Shift { server: &server, tools: &tools, acknowledged: &acknowledged };
        let work = shift.begin(givers, usize::MAX);
        // Some two calls to a task.
        shift.hears(random.random_range(RUNS_PER_KILL..RUNS_PER_KILL * 3), &work).await;
        server.kill().await;
        givers = all(work).await;
        let open = open_runs(&site);
        interrupted += open.len();
        server = Server::start(&site).await;
        assert_interrupted(&site, &open);
    }
    let shift = Shift { server: &server, tools: &tools, acknowledged: &acknowledged };
    let givers = all(shift.begin(givers, runs)).await;
    settled(&site).await;

    let books = Books::read(&site.data(), tools.ledger());
    let figures = books.assert_sound();
    let (answered, failed) = assert_dealt_with(&server.client(), &site, &givers, &books).await;
    assert!(interrupted > 0 && figures.unknown > 0 && figures.repeated > 0, "{figures:?}");
    println!(
        "{kills} kills, {interrupted} runs interrupted; of {} tasks acknowledged {answered} were \
         answered and {failed} failed; {} steps called tools: {:?}; {} calls arrived; {} were made \
         again; of {} that must not be, the outcome is not known, and {} of them happened",
        acknowledged.load(Ordering::SeqCst),
        figures.steps.values().sum::<usize>(),
        figures.steps,
        figures.arrived,
        figures.repeated,
        figures.unknown,
        figures.unknown_and_done,
    );
}

/// Waits until nothing is open any more: as long as it takes, if something goes on meanwhile.
async fn settled(site: &Site) {
    let mut left = open(&site.data());
    let mut since = Instant::now();
    while !left.is_empty() {
        assert!(since.elapsed() < PATIENCE / 2, "nothing goes on, and this is left: {left:#?}");
        let now = open(&site.data());
        if now != left {
            (left, since) = (now, Instant::now());
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// Whatever was acknowledged has an end that is seen: an answer, or a letter among the dead.
async fn assert_dealt_with(
    client: &Client,
    site: &Site,
    givers: &[Giver],
    books: &Books,
) -> (usize, usize) {
    let letters = letters(&site.data());
    let (mut answered, mut failed) = (0, 0);
    for giver in givers {
        for (Given { message, task }, words) in giver.outcomes(client).await {
            books.assert_holds(task.errands());
            let statuses = letters.get(message).cloned().unwrap_or_default();
            if task.is_refused {
                assert_eq!((words, statuses), (None, vec!["dead".to_owned()]), "{task:?}");
                failed += 1;
            } else {
                let expected = format!("Task {} is done.", task.id);
                assert_eq!(words, Some(expected), "{task:?}");
                assert_eq!(statuses, ["answered"], "{task:?}");
                answered += 1;
            }
        }
    }
    let dead = client.get("/api/greenroom/dead-letters?limit=1").await.unwrap().expect(200);
    let kept = tally(letters.into_values().flatten());
    assert_eq!(dead["data"]["total"], json!(kept.get("dead").copied().unwrap_or(0)));
    (answered, failed)
}
