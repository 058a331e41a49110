//! Following a channel by a stream of events, over the end of one process and the start of another.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::support::Site;
use crate::support::http::{Client, Request};
use crate::support::server::Server;

const USER: &str = "aaaaaaaa-0144-4000-8000-000000000144";
const ZERO: &str = "00000000-0000-0000-0000-000000000000";

/// The names and numbers of a stream's events, and what was said in them.
fn told(text: &str) -> Vec<(String, u64, String)> {
    let frames = text.split("\n\n").filter(|frame| frame.starts_with("event: "));
    frames
        .map(|frame| {
            let field = |name: &str| {
                let line = frame.lines().find_map(|line| line.strip_prefix(name));
                line.unwrap_or_default().to_owned()
            };
            let data: Value = serde_json::from_str(&field("data: ")).unwrap();
            let text = data["text"].as_str().unwrap_or_default().to_owned();
            (field("event: "), field("id: ").parse().unwrap(), text)
        })
        .collect()
}

async fn say(client: &Client, channel: &str, content: &str) {
    let said = json!({"author_id": USER, "content": content, "message_server_id": ZERO,
        "transport": "http"});
    let path = format!("/api/messaging/channels/{channel}/messages");
    client.post(path, &said).await.unwrap().expect(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_follower_misses_nothing_over_a_restart_and_holds_nobody_up() {
    let site = Arc::new(Site::new());
    let server = Server::start(&site).await;
    let client = server.client();
    let agent = client.create(&json!({"name": "Ada", "bio": "Talks."})).await;
    client.post(format!("/api/agents/{agent}/start"), &json!({})).await.unwrap().expect(200);
    let channel = json!({"name": "Ch", "message_server_id": ZERO, "type": "DM",
        "participantCentralUserIds": [USER, agent]});
    let made = client.post("/api/messaging/channels", &channel).await.unwrap().expect(201);
    let channel = made["data"]["id"].as_str().unwrap().to_owned();
    let path = format!("/api/messaging/channels/{channel}/events");
    say(&client, &channel, "one").await;

    let mut following = client.open(&Request::new("GET", format!("{path}?after=0"))).await.unwrap();
    following.until("messageComplete").await;
    say(&client, &channel, "two").await;
    assert!(server.terminate().await.success());
    let before = told(&following.whole().await.unwrap().text());

    let server = Server::start(&site).await;
    let client = server.client();
    say(&client, &channel, "three").await;
    let last = before.last().map_or(0, |(_, number, _)| *number);
    let request = Request::new("GET", path).header("last-event-id", last.to_string());
    let mut following = client.open(&request).await.unwrap();
    say(&client, &channel, "four").await;
    following.until("four").await;
    let channel = Request::new("DELETE", format!("/api/messaging/channels/{channel}"));
    assert_eq!(client.send(&channel).await.unwrap().status, 204);
    let after = told(&following.whole().await.unwrap().text());

    let numbers: Vec<_> = before.iter().chain(&after).map(|(_, number, _)| *number).collect();
    let mut once = numbers.clone();
    once.sort_unstable();
    once.dedup();
    assert_eq!(numbers, once, "each comes once, in order");
    assert_eq!(after.last().unwrap().0, "channelDeleted");
    let said = before.iter().filter(|(name, _, _)| name == "messageBroadcast");
    let said: Vec<_> = said.map(|(_, _, text)| text.as_str()).collect();
    assert_eq!((said[0], said[2]), ("one", "two"), "{before:?}");
}
