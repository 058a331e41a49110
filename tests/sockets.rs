//! What is said in a channel is heard by all who follow it, however they are connected.

use std::sync::Arc;

use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::Site;
use crate::support::server::Server;
use crate::support::socket::{Carrier, Socket};

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

#[tokio::test(flavor = "multi_thread")]
async fn those_who_poll_hear_what_those_with_websockets_hear() {
    let site = Arc::new(Site::new());
    let server = Server::start(&site).await;
    let body = json!({
        "name": "Mixed", "type": "GROUP", "message_server_id": Uuid::nil(),
        "participantCentralUserIds": [Uuid::new_v4()],
    });
    let made = server.client().post("/api/messaging/channels", &body).await.unwrap().expect(201);
    let channel = made["data"]["id"].as_str().unwrap();
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
