//! Talk with the agent: streamed, kept, and there again after the process was killed.

use serde_json::{Value, json};

use super::{with_agent, without_agent};
use crate::support::http::{Client, Request, Response};
use crate::support::server::Server;
use crate::support::socket::Socket;
use crate::support::until;

const CONVERSATIONS: &str = "/api/conversations";

/// Something that the offline model has more than a few words to say to.
const WORDS: &str = "I am worried about my garden, because it has not rained for weeks.";

/// Makes a conversation, and answers with its path.
async fn made(client: &Client, body: &Value) -> String {
    let made = client.post(CONVERSATIONS, body).await.unwrap().expect(200);
    format!("{CONVERSATIONS}/{}", made["conversation"]["id"].as_str().unwrap())
}

async fn get(client: &Client, path: &str) -> Value {
    client.get(path).await.unwrap().expect(200)
}

/// What a stream tells: each event one line of JSON.
fn events(answer: &Response) -> Vec<Value> {
    let text = answer.text();
    let events = text.split("\n\n").filter(|event| !event.is_empty() && !event.starts_with(':'));
    events
        .map(|event| serde_json::from_str(event.strip_prefix("data: ").unwrap()).unwrap())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_talk_is_streamed_kept_and_there_again_after_a_kill() {
    let site = with_agent();
    let server = Server::start(&site).await;
    let client = server.milady();
    let mut socket = Socket::open(&client, "/ws", true).await.unwrap();
    let path = made(&client, &json!({})).await;
    let answer = client.post(format!("{path}/messages/stream"), &json!({"text": WORDS})).await;
    let answer = answer.unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text());
    for (name, value) in [
        ("content-type", "text/event-stream"),
        ("cache-control", "no-cache, no-transform"),
        ("x-accel-buffering", "no"),
    ] {
        assert_eq!(answer.header(name), Some(value));
    }
    let mut told = events(&answer);
    let done = told.pop().unwrap();
    assert_eq!((&done["type"], &done["agentName"]), (&json!("done"), &json!("Milady")));
    assert!(told.iter().all(|token| token["type"] == "token"), "{told:?}");
    assert!(told.len() > 1, "{told:?}");
    let said: String = told.iter().map(|token| token["text"].as_str().unwrap()).collect();
    assert_eq!(done["fullText"], json!(said));
    // It gets a title, of which every client hears.
    let updated = socket.packet(|packet| packet.contains("conversation-updated")).await;
    let updated: Value = serde_json::from_str(&updated).unwrap();
    let title = updated["conversation"]["title"].clone();
    assert!(title.as_str().is_some_and(|title| title != "New Chat"), "{updated}");
    // More is said, without a stream.
    let more = client.post(format!("{path}/messages"), &json!({"text": "Hello?"})).await;
    let more = more.unwrap().expect(200);
    let messages = get(&client, &format!("{path}/messages")).await;
    let shown: Vec<_> = messages["messages"].as_array().unwrap().iter().collect();
    let shown: Vec<_> =
        shown.iter().map(|one| (one["role"].as_str().unwrap(), one["text"].clone())).collect();
    let expected = [
        ("user", json!(WORDS)),
        ("assistant", json!(said)),
        ("user", json!("Hello?")),
        ("assistant", more["text"].clone()),
    ];
    assert_eq!(shown, expected);
    let conversations = get(&client, CONVERSATIONS).await;
    assert_eq!(conversations["conversations"][0]["title"], title);
    server.kill().await;
    let server = Server::start(&site).await;
    let client = server.milady();
    assert_eq!(get(&client, CONVERSATIONS).await, conversations);
    assert_eq!(get(&client, &format!("{path}/messages")).await, messages);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_goes_away_finds_the_answer_later() {
    let server = Server::start(&with_agent()).await;
    let client = server.milady();
    let path = made(&client, &json!({"title": "Left"})).await;
    let request = Request::new("POST", format!("{path}/messages/stream"));
    let mut coming = client.open(&request.json(&json!({"text": WORDS}))).await.unwrap();
    coming.until("text/event-stream").await;
    drop(coming);
    until("it is answered", async || {
        let messages = get(&client, &format!("{path}/messages")).await;
        (messages["messages"].as_array().unwrap().len() == 2).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_an_agent_conversations_can_be_had_and_nothing_said() {
    let server = Server::start(&without_agent()).await;
    let client = server.milady();
    let path = made(&client, &json!({"title": "Early"})).await;
    let all = get(&client, CONVERSATIONS).await;
    assert_eq!(all["conversations"][0]["title"], "Early");
    assert_eq!(get(&client, &format!("{path}/messages")).await, json!({"messages": []}));
    let none = json!({"character": {}, "agentName": "Milady"});
    assert_eq!(get(&client, "/api/character").await, none);
    for (end, body, status) in [
        ("/messages", json!({"text": "hi"}), 503),
        ("/messages", json!({}), 400),
        ("/messages/stream", json!({"text": "hi"}), 503),
        ("/messages/stream", json!({"text": "hi", "images": 5}), 400),
        ("/greeting", json!({}), 503),
    ] {
        let answer = client.post(format!("{path}{end}"), &body).await.unwrap();
        assert_eq!(answer.status, status, "{end} {body}");
        if status == 503 {
            assert!(answer.text().to_lowercase().contains("not running"), "{}", answer.text());
        }
    }
    let unknown = format!("{CONVERSATIONS}/11111111-1111-4111-8111-111111111111/messages");
    assert_eq!(client.post(unknown, &json!({})).await.unwrap().status, 404);
}
