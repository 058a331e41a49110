//! Requests that are sent again under their key until an answer comes, while the process is killed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rand::RngExt;
use serde_json::{Value, json};

use crate::kill::random;
use crate::support::Site;
use crate::support::database::Database;
use crate::support::http::{Client, Request, Response};
use crate::support::model::ModelServer;
use crate::support::server::Server;
use crate::support::until;

/// Things that are made in all.
const MADE: usize = 200;

/// How many of them are asked for at once.
const AT_ONCE: usize = 16;

/// Answers of a round before it ends: one of these.
const ACKNOWLEDGED: std::ops::Range<usize> = 5..25;

/// A request for something to be made, and what it was answered with.
#[derive(Clone, Debug)]
struct Wish {
    request: Request,
    key: String,
    id: Option<String>,
}

impl Wish {
    fn of(number: usize, agent: &str) -> Self {
        let name = format!("Number {number}");
        let (path, body) = match number % 5 {
            0 => (format!("/api/agents/{agent}/worlds"), json!({"name": name})),
            1 => (format!("/api/agents/{agent}/rooms"), json!({"name": name})),
            2 => {
                let zero = "00000000-0000-0000-0000-000000000000";
                let body = json!({"name": name, "message_server_id": zero,
                    "participantCentralUserIds": []});
                ("/api/messaging/channels".to_owned(), body)
            }
            3 => {
                let body = json!({"name": name, "sourceType": "test"});
                ("/api/messaging/message-servers".to_owned(), body)
            }
            _ => (format!("/api/agents/{agent}/memories"), json!({"content": {"text": name}})),
        };
        let key = format!("key-{number}");
        Self { request: keyed(path, &key, &body), key, id: None }
    }

    /// Asks; none if the server is gone.
    async fn ask(&self, client: &Client) -> Option<String> {
        let answer = client.send(&self.request).await.ok()?;
        assert_eq!(answer.status, 201, "{:?}: {}", self.request, answer.text());
        Some(made(&answer.parsed()?))
    }
}

fn keyed(path: String, key: &str, body: &Value) -> Request {
    Request::new("POST", path).header("idempotency-key", key).json(body)
}

/// The id of what was made.
fn made(answer: &Value) -> String {
    let data = &answer["data"];
    let id = [&data["id"], &data["world"]["id"]].into_iter().find_map(Value::as_str);
    id.unwrap_or_else(|| panic!("{answer}")).to_owned()
}

async fn begin(site: &Arc<Site>) -> (Server, String) {
    let server = Server::start(site).await;
    let client = server.client();
    let agent = client.create(&json!({"name": "Maker", "bio": "Makes."})).await;
    let started = client.post(format!("/api/agents/{agent}/start"), &json!({})).await;
    started.unwrap().expect(200);
    (server, agent)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_asked_for_under_a_key_is_made_once_however_often_the_process_is_killed() {
    let mut random = random(20_261_123);
    let site = Arc::new(Site::new());
    let (mut server, agent) = begin(&site).await;
    let mut wishes = (0..MADE).map(|number| Wish::of(number, &agent)).collect::<Vec<_>>();
    let (mut kills, mut repeated) = (0, 0);
    while wishes.iter().any(|wish| wish.id.is_none()) {
        let acknowledged = Arc::new(AtomicUsize::new(0));
        let open = wishes.iter().enumerate().filter(|(_, wish)| wish.id.is_none());
        let open = open.map(|(place, wish)| (place, wish.clone())).collect::<Vec<_>>();
        // Each asks for every so many of them, one after the other.
        let askers = (0..AT_ONCE).map(|first| {
            let own = open.iter().skip(first).step_by(AT_ONCE).cloned().collect::<Vec<_>>();
            let (client, acknowledged) = (server.client(), Arc::clone(&acknowledged));
            tokio::spawn(async move {
                let mut ids = Vec::new();
                for (place, wish) in own {
                    let Some(id) = wish.ask(&client).await else { break };
                    acknowledged.fetch_add(1, Ordering::SeqCst);
                    ids.push((place, id));
                }
                ids
            })
        });
        let askers = askers.collect::<Vec<_>>();
        let enough = random.random_range(ACKNOWLEDGED).min(open.len());
        until("enough is acknowledged", async || {
            (acknowledged.load(Ordering::SeqCst) >= enough).then_some(())
        })
        .await;
        server.kill().await;
        kills += 1;
        for asker in askers {
            for (place, id) in asker.await.unwrap() {
                wishes[place].id = Some(id);
            }
        }
        let database = Database::open(&site.data());
        repeated += database.count("SELECT count(*) FROM idempotency WHERE status IS NULL");
        drop(database);
        server = Server::start(&site).await;
    }

    // Who asks once more is told the same.
    let client = server.client();
    for wish in &wishes {
        let again = client.send(&wish.request).await.unwrap();
        assert_eq!(again.header("idempotent-replayed"), Some("true"), "{wish:?}");
        assert_eq!(Some(made(&again.parsed().unwrap())), wish.id, "{}", wish.key);
    }
    let database = Database::open(&site.data());
    let mut found = BTreeMap::new();
    for question in [
        "SELECT id, name FROM worlds WHERE name LIKE 'Number %'",
        "SELECT id, name FROM rooms WHERE name LIKE 'Number %'",
        "SELECT id, name FROM channels WHERE name LIKE 'Number %'",
        "SELECT id, name FROM servers WHERE name LIKE 'Number %'",
        "SELECT id, json_extract(content, '$.text') FROM memories WHERE kind = 'messages'",
    ] {
        let rows = database.rows(question, |row| {
            (row.get::<_, uuid::Uuid>(0).unwrap(), row.get::<_, String>(1).unwrap())
        });
        for (id, name) in rows {
            let twice = found.insert(name.clone(), id.to_string());
            assert_eq!(twice, None, "{name} was made twice");
        }
    }
    let expected = wishes.iter().enumerate();
    let expected =
        expected.map(|(number, wish)| (format!("Number {number}"), wish.id.clone().unwrap()));
    assert_eq!(found, expected.collect());
    println!("{kills} kills, {MADE} things made once, {repeated} of them begun twice");
}

/// The two moments at which a process may die that cannot be told apart later: before the work was
/// done, and before its answer was kept.
#[tokio::test(flavor = "multi_thread")]
async fn a_creation_that_was_cut_off_is_found_or_done_by_who_asks_again() {
    let site = Arc::new(Site::new());
    let (server, agent) = begin(&site).await;
    let wishes = (0..5).map(|number| Wish::of(number, &agent)).collect::<Vec<_>>();
    let mut ids = BTreeSet::new();
    for wish in &wishes {
        ids.insert(wish.ask(&server.client()).await.unwrap());
    }
    server.kill().await;

    let cut_off = "UPDATE idempotency SET request = NULL, status = NULL, body = NULL";
    Database::alter(&site.data(), cut_off);
    let server = Server::start(&site).await;
    let mut again = BTreeSet::new();
    for wish in &wishes {
        again.insert(wish.ask(&server.client()).await.unwrap());
    }
    assert_eq!(again, ids, "found");
    server.kill().await;

    Database::alter(&site.data(), cut_off);
    for table in ["worlds", "rooms", "memories", "channels"] {
        Database::alter(&site.data(), &format!("DELETE FROM {table}"));
    }
    Database::alter(&site.data(), "DELETE FROM servers WHERE name LIKE 'Number %'");
    let server = Server::start(&site).await;
    let mut again = BTreeSet::new();
    for wish in &wishes {
        again.insert(wish.ask(&server.client()).await.unwrap());
    }
    assert_eq!(again, ids, "done");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_was_cut_off_is_not_said_again() {
    let model = ModelServer::start().await;
    let site = Arc::new(Site::new().with("GREENROOM_MODEL__DEFAULT", &model.name()));
    let (server, agent) = begin(&site).await;
    let path = format!("/agents/{agent}/message");
    let request = keyed(path, "k", &json!({"text": "!hang"}));
    let (client, asked) = (server.client(), request.clone());
    let asking = tokio::spawn(async move { client.send(&asked).await });
    until("a call hangs", async || (model.hanging() > 0).then_some(())).await;
    let meanwhile: Response = server.client().send(&request).await.unwrap();
    assert_eq!((meanwhile.status, meanwhile.header("retry-after")), (409, Some("1")));
    server.kill().await;
    assert!(asking.await.unwrap().is_err());
    model.hangs(0).await;

    let server = Server::start(&site).await;
    for _ in 0..2 {
        let unknown = server.client().send(&request).await.unwrap();
        assert_eq!((unknown.status, unknown.header("retry-after")), (409, None));
        let said = unknown.text();
        assert!(said.contains("unknown") && said.contains("Idempotency-Key"), "{said}");
    }
    let letters = "SELECT count(*) FROM letters WHERE content LIKE '%!hang%'";
    assert_eq!(Database::open(&site.data()).count(letters), 1);
}
