//! The agent as a file, and agents from files: whole or not at all, whenever the process is killed.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{with_agent, without_agent};
use crate::support::agent_file::{Fixture, opened, packed, payload, sealed, sealed_raw, upload};
use crate::support::database::Database;
use crate::support::http::{Client, Request, Response};
use crate::support::server::Server;
use crate::support::{Site, until};

const PASSWORD: &str = "open sesame";

/// More than the host takes in at once.
const MEMORIES: usize = 40_000;

async fn get(client: &Client, path: &str) -> Value {
    client.get(path).await.unwrap().expect(200)
}

/// Uploads that, whatever it is.
async fn import(client: &Client, body: Vec<u8>) -> std::io::Result<Response> {
    // The type does not count.
    let request = Request::new("POST", "/api/agent/import").header("content-type", "text/plain");
    client.send(&Request { body: Some(body), ..request }).await
}

async fn export(client: &Client, body: &Value) -> Response {
    client.post("/api/agent/export", body).await.unwrap()
}

/// The agents that elizaOS shows.
async fn agents(server: &Server) -> Vec<Value> {
    let agents = get(&server.client(), "/api/agents").await;
    agents["data"]["agents"].as_array().unwrap().clone()
}

async fn names(server: &Server) -> Vec<String> {
    let agents = agents(server).await;
    let mut names: Vec<_> =
        agents.iter().map(|agent| agent["name"].as_str().unwrap().to_owned()).collect();
    names.sort();
    names
}

/// What elizaOS shows of an agent's memories, which it does of agents that run.
async fn memories(elizaos: &Client, agent: &str, query: &str) -> Value {
    let start = json!({"enableAutonomy": false});
    elizaos.post(format!("/api/agents/{agent}/start"), &start).await.unwrap().expect(200);
    get(elizaos, &format!("/api/agents/{agent}/memories{query}")).await
}

/// A file with many memories.
fn large(name: &str) -> Vec<u8> {
    let mut payload = payload(name);
    let memories = (0..MEMORIES).map(|nth| {
        json!({"id": format!("m-{nth}"), "type": "facts", "createdAt": nth,
               "content": {"text": format!("this is the fact of number {nth}")}})
    });
    payload["memories"] = memories.collect();
    sealed(PASSWORD, &payload)
}

#[tokio::test(flavor = "multi_thread")]
async fn files_of_the_original_become_agents_beside_the_one() {
    let server = Server::start(&with_agent()).await;
    let client = server.milady();
    for Fixture { file, password, expected } in Fixture::all() {
        let file = std::fs::read(file).unwrap();
        let imported = import(&client, upload(&password, &file)).await.unwrap().expect(200);
        assert_eq!((&imported["success"], &imported["ok"]), (&json!(true), &json!(true)));
        assert_eq!(imported["agentName"], expected["agentName"]);
        assert_eq!(imported["counts"], expected["counts"]);
        let id = imported["agentId"].as_str().unwrap();
        let shown = get(&server.client(), &format!("/api/agents/{id}")).await;
        assert_eq!(shown["data"]["name"], expected["agentName"]);
        assert_eq!(shown["data"]["status"], "inactive");
    }
    let status = get(&client, "/api/status").await;
    assert_eq!((&status["agentName"], &status["state"]), (&json!("Milady"), &json!("running")));
    assert_eq!(agents(&server).await.len(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn uploads_that_cannot_be_are_refused_in_the_words_that_clients_look_for() {
    let server = Server::start(&with_agent()).await;
    let client = server.milady();
    let good = sealed(PASSWORD, &payload("Good"));
    let with = |key: &str, value: Value| {
        let mut payload = payload("Bad");
        payload[key] = value;
        upload(PASSWORD, &sealed(PASSWORD, &payload))
    };
    let raw = |content: &[u8]| upload(PASSWORD, &sealed_raw(PASSWORD, content));
    let flipped = |at: usize| {
        let mut file = good.clone();
        file[at] ^= 1;
        upload(PASSWORD, &file)
    };
    let rounds =
        |rounds: u32| upload(PASSWORD, &[&good[..15], &rounds.to_be_bytes(), &good[19..]].concat());
    let length = |length: u32, rest: &[u8]| [&length.to_be_bytes()[..], rest].concat();
    let no_state = json!([{"entityId": "e", "roomId": "r"}]);
    for (body, words) in [
        (Vec::new(), &["too small"][..]),
        (vec![0; 4], &["too small"]),
        (length(3, b"abcd"), &["at least 4"]),
        (length(1_025, b"abcd"), &["too long"]),
        (length(4, b"abcd"), &["incomplete"]),
        (length(9, b"abcd"), &["incomplete"]),
        (upload("🔒", &good), &["at least 4"]),
        (upload(PASSWORD, &good[..78]), &["too small"]),
        (flipped(3), &["invalid file format"]),
        (rounds(0), &["iteration count"]),
        (rounds(1_200_001), &["iteration count"]),
        (upload(PASSWORD, &good[..79]), &["no encrypted data"]),
        (upload("open sesamE", &good), &["password", "decryption"]),
        (rounds(3), &["password", "decryption"]),
        (flipped(20), &["password", "decryption"]),
        (flipped(52), &["password", "decryption"]),
        (flipped(64), &["password", "decryption"]),
        (flipped(good.len() - 1), &["password", "decryption"]),
        (upload(PASSWORD, &[&good[..], b"x"].concat()), &["password", "decryption"]),
        (upload(PASSWORD, &good[..good.len() - 1]), &["password", "decryption"]),
        (raw(b"not gzip"), &["decompression failed"]),
        (raw(&[packed(b"{}"), b"tail".to_vec()].concat()), &["decompression failed"]),
        (raw(&packed(b"no JSON")), &["json parse"]),
        (raw(&packed("\u{feff}{}".as_bytes())), &["json parse"]),
        (raw(&packed(b"[]")), &["schema validation failed"]),
        (with("worlds", Value::Null), &["schema validation failed", "worlds: "]),
        (with("entities", json!([{"id": 5}])), &["schema validation failed", "entities.0.id: "]),
        (with("participants", no_state), &["schema validation", "participants.0.userstate"]),
        (with("characterConfig", Value::Null), &["schema validation failed", "characterconfig: "]),
        (with("version", json!(0)), &["schema validation failed", "version: "]),
        (with("version", json!(1.5)), &["schema validation failed", "version: "]),
        (with("version", json!(2)), &["unsupported export version 2", "update your software"]),
        (
            with("agent", json!({"name": "B", "settings": {"budget": "none"}})),
            &["failed to create agent"],
        ),
    ] {
        let refused = import(&client, body).await.unwrap();
        assert_eq!(refused.status, 400, "{words:?}: {}", refused.text());
        let said = refused.parsed().unwrap();
        assert_eq!(said.as_object().unwrap().len(), 1, "{said}");
        let said = said["error"].as_str().unwrap().to_lowercase();
        assert!(words.iter().all(|word| said.contains(word)), "{words:?}: {said}");
    }
    let head =
        "POST /api/agent/import HTTP/1.1\r\nhost: localhost\r\ncontent-length: 536870913\r\n\r\n";
    let (refused, _) = client.pour(head, std::iter::empty()).await.unwrap();
    assert_eq!(refused.status, 413, "{}", refused.text());
    assert_eq!(names(&server).await, ["Milady"]);
    // What stands there on purpose may.
    let mut odd = payload("x");
    odd["agent"] = json!({});
    odd["sourceAgentId"] = json!("");
    odd["rooms"] = json!([{"id": ""}, {"id": "r"}, {"id": "r"}]);
    odd["participants"] = json!([{"entityId": "e", "roomId": "r", "userState": null, "more": 1}]);
    odd["logs"] = json!([{}]);
    let imported = import(&client, upload(PASSWORD, &sealed(PASSWORD, &odd))).await.unwrap();
    let imported = imported.expect(200);
    assert_eq!(imported["agentName"], "Unknown");
    let counts = &imported["counts"];
    assert_eq!((&counts["rooms"], &counts["logs"]), (&json!(3), &json!(1)));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_an_agent_nothing_is_read() {
    let server = Server::start(&without_agent()).await;
    let client = server.milady();
    for (method, path) in [
        ("POST", "/api/agent/export"),
        ("POST", "/api/agent/import"),
        ("GET", "/api/agent/export/estimate"),
    ] {
        // A body is announced, and never comes.
        let body = if method == "POST" { "content-length: 100\r\n" } else { "" };
        let head = format!("{method} {path} HTTP/1.1\r\nhost: localhost\r\n{body}\r\n");
        let (refused, _) = client.pour(&head, std::iter::empty()).await.unwrap();
        assert_eq!(refused.status, 503, "{path}");
        assert!(refused.text().to_lowercase().contains("not running"), "{}", refused.text());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_is_a_file_with_what_was_asked_for() {
    let server = Server::start(&with_agent()).await;
    let client = server.milady();
    for body in [
        json!({}),
        json!({"password": 12_345}),
        json!({"password": null}),
        json!({"password": ""}),
        json!({"password": "abc"}),
        json!({"password": "🔒x"}),
    ] {
        let refused = export(&client, &body).await;
        assert_eq!(refused.status, 400, "{body}: {}", refused.text());
        assert!(refused.text().contains("at least 4"), "{body}: {}", refused.text());
    }
    let body = |text: &str| Request {
        body: Some(text.as_bytes().to_vec()),
        ..Request::new("POST", "/api/agent/export")
    };
    let long = format!(r#"{{"password": "{}"}}"#, "x".repeat(1_048_576));
    for (text, status) in [("", 400), ("x", 400), ("[]", 400), ("null", 400), (&long, 413)] {
        assert_eq!(client.send(&body(text)).await.unwrap().status, status, "{status}");
    }
    client.post("/api/chat", &json!({"text": "Hello?"})).await.unwrap().expect(200);
    client.post("/api/agent/stop", &json!({})).await.unwrap().expect(200);
    for (logs, has_logs) in [
        (None, false),
        (Some(json!("yes")), false),
        (Some(json!(1)), false),
        (Some(json!(true)), true),
    ] {
        let mut wanted = json!({"password": "    "});
        if let Some(logs) = logs {
            wanted["includeLogs"] = logs;
        }
        let file = export(&client, &wanted).await;
        assert_eq!(file.status, 200, "{}", file.text());
        assert_eq!(file.header("content-type"), Some("application/octet-stream"));
        assert_eq!(file.header("content-length"), Some(file.body.len().to_string().as_str()));
        let name = file.header("content-disposition").unwrap();
        let name = name.strip_prefix("attachment; filename=\"milady-").unwrap();
        let stamp = name.strip_suffix(".eliza-agent\"").unwrap();
        let form = |letter: char| if letter.is_ascii_digit() { '0' } else { letter };
        assert_eq!(stamp.chars().map(form).collect::<String>(), "0000-00-00T00-00-00");
        let content = opened("    ", &file.body);
        assert_eq!(content["agent"]["name"], "Milady");
        assert!(content.to_string().contains("Hello?"));
        assert_eq!(!content["logs"].as_array().unwrap().is_empty(), has_logs, "{wanted}");
    }
    let estimate = get(&client, "/api/agent/export/estimate").await;
    for key in ["memoriesCount", "entitiesCount", "roomsCount", "worldsCount", "tasksCount"] {
        assert!(estimate[key].is_u64(), "{estimate}");
    }
    assert!(estimate["estimatedBytes"].as_u64().unwrap() > 0 && estimate["estimatedMb"].is_f64());
}

/// How often an agent has ticked.
async fn ticks(server: &Server, agent: &str) -> usize {
    let path = format!("/api/greenroom/agents/{agent}/events?limit=1000");
    let events = get(&server.client(), &path).await;
    let events = events["data"]["events"].as_array().unwrap();
    events.iter().filter(|event| event["kind"] == "ticked").count()
}

#[tokio::test(flavor = "multi_thread")]
async fn one_agent_is_the_same_through_both_apis() {
    let site = Site::new().with("GREENROOM_RUNTIME__TICK_EVERY_S", "1");
    let server = Server::start(&Arc::new(site)).await;
    let (elizaos, milady) = (server.client(), server.milady());
    let agent = elizaos.create(&json!({"name": "Ada Lovelace", "bio": "Counts."})).await;
    let clock = elizaos.create(&json!({"name": "Clock", "bio": "Ticks."})).await;
    for id in [&agent, &clock] {
        let start = json!({"enableAutonomy": true});
        elizaos.post(format!("/api/agents/{id}/start"), &start).await.unwrap().expect(200);
    }
    let memory = json!({"content": {"text": "the ferry leaves at nine"}});
    let path = format!("/api/agents/{agent}/memories");
    let kept = elizaos.post(path, &memory).await.unwrap();
    assert!(kept.status < 300, "{}", kept.text());
    let path = format!("/api/greenroom/agents/{agent}/primary");
    elizaos.post(path, &json!({})).await.unwrap().expect(200);
    let seen = get(&milady, "/api/status").await;
    assert_eq!((&seen["agentName"], &seen["state"]), (&json!("Ada Lovelace"), &json!("running")));
    // So rarely that a tick which comes all the same comes for another reason.
    let rarely = json!({"intervalMs": 600_000});
    milady.post("/api/agent/autonomy", &rarely).await.unwrap().expect(200);

    let status = async || {
        let shown = get(&elizaos, &format!("/api/agents/{agent}")).await;
        shown["data"]["status"].as_str().unwrap().to_owned()
    };
    milady.post("/api/agent/pause", &json!({})).await.unwrap().expect(200);
    assert_eq!(status().await, "inactive");
    let (before, since) = (ticks(&server, &agent).await, ticks(&server, &clock).await);
    until("another ticks twice", async || {
        (ticks(&server, &clock).await >= since + 2).then_some(())
    })
    .await;
    assert_eq!(ticks(&server, &agent).await, before);

    milady.post("/api/agent/resume", &json!({})).await.unwrap().expect(200);
    until("it ticks at once", async || (ticks(&server, &agent).await > before).then_some(())).await;
    assert_eq!(status().await, "active");

    let file = export(&milady, &json!({"password": PASSWORD})).await;
    assert_eq!(file.status, 200, "{}", file.text());
    let imported = import(&milady, upload(PASSWORD, &file.body)).await.unwrap().expect(200);
    let copy = imported["agentId"].as_str().unwrap();
    assert_ne!(copy, agent);
    let shown = get(&elizaos, &format!("/api/agents/{copy}")).await;
    assert_eq!(
        (&shown["data"]["name"], &shown["data"]["status"]),
        (&json!("Ada Lovelace"), &json!("inactive"))
    );
    let memories = memories(&elizaos, copy, "").await;
    assert!(memories.to_string().contains("the ferry leaves at nine"), "{memories}");
}

/// What is left of agents that are on their way in, and of their memories.
const ON_THEIR_WAY: &str = "SELECT count(*) FROM imports";
const THEIR_MEMORIES: &str = "SELECT count(*) FROM memories WHERE kind = 'facts'";

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_seen_of_an_import_that_was_cut_off_by_a_kill() {
    let site = with_agent();
    let server = Server::start(&site).await;
    let client = server.milady();
    let body = upload(PASSWORD, &large("Half"));
    let importing = tokio::spawn(async move { import(&client, body).await });
    let database = Database::open(&site.data());
    until("some of it is kept", async || (database.count(THEIR_MEMORIES) > 0).then_some(())).await;
    server.kill().await;
    assert!(importing.await.unwrap().is_err(), "it was acknowledged before the kill");
    assert_eq!(database.count(ON_THEIR_WAY), 1);
    assert!(database.count(THEIR_MEMORIES) > 0);

    let server = Server::start(&site).await;
    assert_eq!(names(&server).await, ["Milady"]);
    until("its rows are gone", async || {
        (database.count(ON_THEIR_WAY) == 0 && database.count(THEIR_MEMORIES) == 0).then_some(())
    })
    .await;
    assert_eq!(names(&server).await, ["Milady"]);
    // The files that were on their way are gone as well.
    assert_eq!(std::fs::read_dir(site.data().join("transfer")).unwrap().count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_that_was_acknowledged_is_whole_after_a_kill() {
    let site = with_agent();
    let server = Server::start(&site).await;
    let imported = import(&server.milady(), upload(PASSWORD, &large("Whole"))).await.unwrap();
    server.kill().await;
    let imported = imported.expect(200);
    assert_eq!(imported["counts"]["memories"], json!(MEMORIES));

    let server = Server::start(&site).await;
    assert_eq!(names(&server).await, ["Milady", "Whole"]);
    let database = Database::open(&site.data());
    assert_eq!(database.count(ON_THEIR_WAY), 0);
    assert_eq!(database.count(THEIR_MEMORIES), i64::try_from(MEMORIES).unwrap());
    let id = imported["agentId"].as_str().unwrap();
    let found = memories(&server.client(), id, "?tableName=facts").await;
    assert!(found.to_string().contains("this is the fact of number"), "{found}");
}
