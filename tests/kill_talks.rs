//! Talks in sessions go on where they were, however the process ends.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rand::RngExt;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::kill::{assert_interrupted, open_runs, random};
use crate::support::Site;
use crate::support::database::Database;
use crate::support::http::Client;
use crate::support::model::ModelServer;
use crate::support::server::Server;
use crate::support::until;

/// How often the process is killed.
const ROUNDS: u64 = 8;

/// Agents that are talked to.
const AGENTS: usize = 8;

/// People who talk at once, each in a session.
const TALKERS: usize = 64;

/// Answers of a round before it ends: one of these.
const ACKNOWLEDGED: std::ops::Range<usize> = 20..240;

/// Something said, of which the server told that it is kept.
#[derive(Clone, Debug)]
struct Said {
    id: String,
    text: String,
    /// What was answered, where that was told too.
    reply: Option<String>,
}

/// A person in a session.
#[derive(Clone, Debug)]
struct Talker {
    name: String,
    user: String,
    agent: String,
    session: String,
    channel: String,
    /// How often something was said.
    count: usize,
    said: Vec<Said>,
}

impl Talker {
    async fn begin(client: &Client, name: String, agent: &str) -> Self {
        let user = Uuid::new_v4().to_string();
        let body = json!({"agentId": agent, "userId": user});
        let session = client.post("/api/messaging/sessions", &body).await.unwrap().expect(201);
        let id = |key: &str| session[key].as_str().unwrap().to_owned();
        let (session, channel) = (id("sessionId"), id("channelId"));
        let agent = agent.to_owned();
        Self { name, user, agent, session, channel, count: 0, said: Vec::new() }
    }

    /// Talks until the server is gone. Every third time the answer is waited for, so that an agent
    /// has no more before it than it takes.
    async fn talk(mut self, client: Client, acknowledged: Arc<AtomicUsize>) -> Self {
        loop {
            let transport = if self.count.is_multiple_of(3) { "http" } else { "websocket" };
            let text = format!("{} says {}", self.name, self.count);
            if self.say(&client, text, transport).await.is_none() {
                return self;
            }
            acknowledged.fetch_add(1, Ordering::SeqCst);
        }
    }

    /// Says something; none if the server is gone.
    async fn say(&mut self, client: &Client, text: String, transport: &str) -> Option<()> {
        self.count += 1;
        let path = format!("/api/messaging/sessions/{}/messages", self.session);
        let body = json!({"content": text, "transport": transport});
        let answer = client.post(path, &body).await.ok()?.expect(201);
        let id = answer["userMessage"]["id"].as_str().unwrap().to_owned();
        let reply = answer["agentResponse"]["text"].as_str().map(str::to_owned);
        assert_eq!(reply.is_some(), transport == "http", "{answer}");
        self.said.push(Said { id, text, reply });
        Some(())
    }

    /// Everything that was acknowledged is in the session's channel, and nothing is there twice.
    async fn assert_found(&self, client: &Client) -> Vec<Value> {
        let path = format!("/api/messaging/channels/{}/messages?limit=10000", self.channel);
        let listed = client.get(path).await.unwrap().expect(200);
        let listed = listed["data"]["messages"].as_array().unwrap().clone();
        let (mut texts, mut answered) = (BTreeMap::new(), BTreeMap::new());
        for message in &listed {
            *texts.entry(message["content"].as_str().unwrap()).or_insert(0) += 1;
            if let Some(said) = message["inReplyToRootMessageId"].as_str() {
                *answered.entry(said).or_insert(0) += 1;
            }
        }
        let doubled = texts.iter().chain(&answered).filter(|(_, count)| **count > 1);
        let doubled = doubled.collect::<Vec<_>>();
        assert!(doubled.is_empty(), "{}: more than once: {doubled:?}", self.name);
        for said in &self.said {
            let found = listed.iter().find(|message| message["id"] == said.id);
            let found = found.unwrap_or_else(|| panic!("{}: lost: {said:?}", self.name));
            assert_eq!(
                (&found["content"], &found["authorId"]),
                (&json!(said.text), &json!(self.user))
            );
            if let Some(reply) = &said.reply {
                assert!(texts.contains_key(reply.as_str()), "{}: lost: {reply:?}", self.name);
            }
        }
        listed
    }

    /// Every message that was acknowledged has one answer, by the agent.
    async fn assert_answered(&self, client: &Client) {
        let listed = self.assert_found(client).await;
        for said in &self.said {
            let answers =
                listed.iter().filter(|message| message["inReplyToRootMessageId"] == said.id);
            let answers = answers.collect::<Vec<_>>();
            assert_eq!(answers.len(), 1, "{}: {said:?} is answered with {answers:?}", self.name);
            let words = answers[0]["content"].as_str().unwrap();
            // What else was said since the last answer stands before it.
            assert!(words.ends_with(&said.text), "{}: {said:?}: {words:?}", self.name);
            assert!(said.reply.as_deref().is_none_or(|told| told == words), "{said:?}: {words:?}");
            assert_eq!(answers[0]["authorId"], self.agent);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn talks_in_sessions_survive_every_kill() {
    let mut random = random(20_261_122);
    let model = ModelServer::start().await;
    let site = Site::new()
        .with("GREENROOM_MODEL__DEFAULT", &model.name())
        // So that no letter is given up, whichever the kills hit.
        .with("GREENROOM_RUNTIME__LETTER_ATTEMPTS_MAX", "100");
    let site = Arc::new(site);
    let mut server = Server::start(&site).await;
    let (mut talkers, mut patient) = begin(&server.client()).await;
    let (mut interrupted, mut acknowledged_in_all) = (0, 0);

    for round in 0..ROUNDS {
        let client = server.client();
        let acknowledged = Arc::new(AtomicUsize::new(0));
        // One run that is open for certain when the end comes.
        let text = format!("!stall in round {round}");
        patient.say(&client, text, "websocket").await.unwrap();
        until("a call hangs", async || (model.hanging() > 0).then_some(())).await;
        let talks = talkers
            .into_iter()
            .map(|talker| tokio::spawn(talker.talk(client.clone(), Arc::clone(&acknowledged))));
        let talks = talks.collect::<Vec<_>>();
        let enough = random.random_range(ACKNOWLEDGED);
        until("enough is acknowledged", async || {
            assert!(!talks.iter().any(|talk| talk.is_finished()), "somebody gave up");
            (acknowledged.load(Ordering::SeqCst) >= enough).then_some(())
        })
        .await;
        server.kill().await;
        model.hangs(0).await;
        talkers = Vec::new();
        for talk in talks {
            talkers.push(talk.await.unwrap());
        }
        acknowledged_in_all += 1 + acknowledged.load(Ordering::SeqCst);
        let open = open_runs(&site);
        assert!(!open.is_empty(), "no run was open when the process was killed");
        interrupted += open.len();

        server = Server::start(&site).await;
        assert_interrupted(&site, &open);
        for talker in talkers.iter().chain([&patient]) {
            talker.assert_found(&server.client()).await;
        }
    }

    let database = Database::open(&site.data());
    until("everything is dealt with", async || {
        let open = "SELECT (SELECT count(*) FROM runs WHERE status = 'started') \
                    + (SELECT count(*) FROM letters WHERE status = 'waiting') \
                    + (SELECT count(*) FROM addressed)";
        (database.count(open) == 0).then_some(())
    })
    .await;
    for talker in talkers.iter().chain([&patient]) {
        talker.assert_answered(&server.client()).await;
    }
    assert_ended(&database);
    let replies = talkers.iter().chain([&patient]).map(|talker| talker.said.len()).sum::<usize>();
    assert_eq!(replies, acknowledged_in_all);
    println!(
        "{ROUNDS} kills, {replies} messages acknowledged, all found and answered once, \
              {interrupted} runs interrupted"
    );
}

/// Agents, people in sessions with them, and one in a session with an agent of its own.
async fn begin(client: &Client) -> (Vec<Talker>, Talker) {
    let mut agents = Vec::new();
    for number in 0..=AGENTS {
        let character = json!({"name": format!("Listener {number}"), "bio": "Listens."});
        let agent = client.create(&character).await;
        let started = client.post(format!("/api/agents/{agent}/start"), &json!({})).await;
        started.unwrap().expect(200);
        agents.push(agent);
    }
    let mut talkers = Vec::new();
    for number in 0..TALKERS {
        let name = format!("Talker {number}");
        talkers.push(Talker::begin(client, name, &agents[number % AGENTS]).await);
    }
    (talkers, Talker::begin(client, "Patient".to_owned(), &agents[AGENTS]).await)
}

/// Every run has ended, every letter was dealt with, and nobody remembers anything twice.
fn assert_ended(database: &Database) {
    for (what, question) in [
        (
            "runs without an end",
            "SELECT count(*) FROM runs WHERE ended_at IS NULL \
             OR status NOT IN ('completed', 'interrupted')",
        ),
        ("letters not answered", "SELECT count(*) FROM letters WHERE status <> 'answered'"),
        (
            "letters without a run that completed, or with two",
            "SELECT count(*) FROM letters WHERE 1 <> \
             (SELECT count(*) FROM runs WHERE letter = letters.id AND status = 'completed')",
        ),
        (
            "messages of people without an end, whether or not they were acknowledged",
            "SELECT count(*) FROM messages WHERE source_type <> 'agent_response' AND NOT EXISTS \
             (SELECT 1 FROM channel_events WHERE channel = messages.channel \
              AND channel_events.kind IN ('completed', 'failed') \
              AND replace(json_extract(data, '$.messageId'), '-', '') = lower(hex(messages.id)))",
        ),
        (
            "memories held twice",
            "SELECT count(*) FROM (SELECT 1 FROM memories WHERE kind = 'messages' \
             GROUP BY agent, json_extract(content, '$.text') HAVING count(*) > 1)",
        ),
    ] {
        assert_eq!(database.count(question), 0, "{what}");
    }
}
