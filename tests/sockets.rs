//! What is said in a channel is heard by all who follow it, however they are connected.

use std::sync::Arc;

use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::http::Client;
use crate::support::server::Server;
use crate::support::socket::{Carrier, Heard, Socket};
use crate::support::{PATIENCE, Site, until};

/// A person at a socket.
struct Person {
    id: String,
    socket: Socket,
}

impl Person {
    async fn joined(server: &Server, carrier: Carrier, channel: &str) -> Self {
        let id = Uuid::new_v4().to_string();
        let auth = json!({"entityId": id});
        let mut socket = Socket::connect(&server.client(), carrier, &auth).await.unwrap();
        assert_eq!(socket.event("authenticated").await["entityId"], id);
        socket.emit("message", &[json!({"type": 1, "payload": {"channelId": channel}})]);
        assert_eq!(socket.event("room_joined").await["channelId"], channel);
        Self { id, socket }
    }

    async fn hears(&mut self) -> Value {
        self.socket.event("messageBroadcast").await
    }
}

/// A channel of two people, and no agent.
async fn channel(client: &Client) -> String {
    let body = json!({
        "name": "Mixed", "type": "GROUP", "message_server_id": Uuid::nil(),
        "participantCentralUserIds": [Uuid::new_v4(), Uuid::new_v4()],
    });
    let made = client.post("/api/messaging/channels", &body).await.unwrap().expect(201);
    made["data"]["id"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn those_who_poll_hear_what_those_with_websockets_hear() {
    let site = Arc::new(Site::new());
    let server = Server::start(&site).await;
    let channel = &channel(&server.client()).await;
    let mut people = Vec::new();
    for carrier in [Carrier::Websocket, Carrier::Polling, Carrier::Websocket, Carrier::Polling] {
        people.push(Person::joined(&server, carrier, channel).await);
    }
    for speaker in 0..people.len() {
        let Person { id, socket } = &people[speaker];
        let said = json!({
            "channelId": channel, "messageServerId": Uuid::nil(), "senderId": id,
            "senderName": "Uma", "message": format!("said by {speaker}"), "messageId": "mine",
        });
        socket.emit("message", &[json!({"type": 2, "payload": said})]);
        let mut heard = Vec::new();
        for (place, person) in people.iter_mut().enumerate() {
            let mut broadcast = person.hears().await;
            let own = broadcast.as_object_mut().unwrap().remove("clientMessageId");
            assert_eq!(own, (place == speaker).then(|| json!("mine")), "{broadcast}");
            heard.push(broadcast);
        }
        assert_eq!(heard[0]["text"], format!("said by {speaker}"));
        heard.dedup();
        assert_eq!(heard.len(), 1, "{heard:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_read_is_let_go_and_holds_nobody_up() {
    // Too many packets, and too many bytes in few packets.
    for (buffer, characters) in [("8", 100_000), ("512", 500_000)] {
        lets_go_of_who_does_not_read(buffer, characters).await;
    }
}

async fn lets_go_of_who_does_not_read(buffer: &str, characters: usize) {
    // More than buffers on the way can hold.
    const POSTS: usize = 100;

    let site = Arc::new(Site::new().with("GREENROOM_ELIZAOS__SOCKET_BUFFER_MAX", buffer));
    let server = Server::start(&site).await;
    let client = server.client();
    let channel = channel(&client).await;
    let slow = Person::joined(&server, Carrier::Websocket, &channel).await;
    let mut quick = Person::joined(&server, Carrier::Websocket, &channel).await;
    let resume = slow.socket.pause();
    for number in 0..POSTS {
        let content = format!("{number} {}", "a".repeat(characters));
        let body = json!({
            "author_id": quick.id, "message_server_id": Uuid::nil(), "content": content,
        });
        let path = format!("/api/messaging/channels/{channel}/messages");
        client.post(path, &body).await.unwrap().expect(201);
        assert_eq!(quick.hears().await["text"], content);
    }
    let metrics = async || client.get("/metrics").await.unwrap().text();
    let dropped = "greenroom_sockets_dropped_total{reason=\"slow\"} 1";
    assert!(metrics().await.contains(dropped), "{}", metrics().await);

    drop(resume);
    let is_closed = |heard: &[Heard]| matches!(heard.last(), Some(Heard::Closed(_)));
    assert!(slow.socket.heard_enough(PATIENCE, is_closed).await);
    assert!(slow.socket.heard().len() < POSTS);
    let is_gone = async || metrics().await.contains("greenroom_sockets 1\n").then_some(());
    until("the socket is gone", is_gone).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_comes_back_to_more_than_may_wait_is_told_the_end_of_it() {
    const POSTS: usize = 20;

    let server = Server::start(&Arc::new(Site::new())).await;
    let client = server.client();
    let channel = channel(&client).await;
    for number in 0..POSTS {
        let content = format!("{number} {}", "a".repeat(500_000));
        let body = json!({
            "author_id": Uuid::new_v4(), "message_server_id": Uuid::nil(), "content": content,
        });
        let path = format!("/api/messaging/channels/{channel}/messages");
        client.post(path, &body).await.unwrap().expect(201);
    }
    let auth = json!({"entityId": Uuid::new_v4()});
    let mut socket = Socket::connect(&client, Carrier::Websocket, &auth).await.unwrap();
    // Who says something before that is hung up on.
    socket.event("authenticated").await;
    let join = json!({"type": 1, "payload": {"channelId": channel, "offset": 0}});
    socket.emit("message", &[join]);
    let gap = socket.event("channelGap").await;
    let joined = socket.event("room_joined").await;
    assert!(gap["through"].as_u64() < joined["offset"].as_u64(), "{gap} {joined}");
    let heard = socket.heard();
    let told = |text: &str| {
        heard.iter().any(|heard| matches!(heard, Heard::Packet(packet) if packet.contains(text)))
    };
    assert!(told("\"19 aaa") && !told("\"0 aaa"));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_subscribes_to_the_log_hears_what_is_written_to_it() {
    let site = Arc::new(Site::new());
    let server = Server::start(&site).await;
    let client = server.client();
    let write = async |level: &str, text: &str| {
        let logs = json!({"logs": [{"level": level, "message": text, "source": "test"}]});
        client.post("/api/server/logs", &logs).await.unwrap().expect(200);
    };
    let auth = json!({"entityId": Uuid::new_v4()});
    let mut socket = Socket::connect(&client, Carrier::Websocket, &auth).await.unwrap();
    socket.event("connection_established").await;
    socket.emit("subscribe_logs", &[]);
    assert_eq!(socket.event("log_subscription_confirmed").await["subscribed"], true);
    write("info", "one in passing").await;
    let entry = until_said(&mut socket, "one in passing").await;
    assert_eq!((&entry["type"], &entry["payload"]["level"]), (&json!("log_entry"), &json!(30)));
    assert!(entry["payload"]["time"].is_u64(), "{entry}");

    socket.emit("update_log_filters", &[json!({"level": "error"})]);
    assert_eq!(socket.event("log_filters_updated").await["success"], true);
    write("info", "two in passing").await;
    write("error", "two gone wrong").await;
    until_said(&mut socket, "two gone wrong").await;

    socket.emit("unsubscribe_logs", &[]);
    assert_eq!(socket.event("log_subscription_confirmed").await["subscribed"], false);
    write("error", "three gone wrong").await;
    socket.emit("update_log_filters", &[json!({"level": "info"})]);
    assert_eq!(socket.event("log_filters_updated").await["success"], false);
    let heard = format!("{:?}", socket.heard());
    assert!(!heard.contains("two in passing") && !heard.contains("three gone wrong"), "{heard}");
}

/// The entry of the log that says so.
async fn until_said(socket: &mut Socket, what: &str) -> Value {
    loop {
        let entry = socket.event("log_stream").await;
        if entry["payload"]["msg"].as_str().unwrap().contains(what) {
            return entry;
        }
    }
}
