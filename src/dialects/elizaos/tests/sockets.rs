//! Sockets, over polling: what clients send, and what they are told.

use actix_web::test::TestRequest;
use serde_json::{Value, json};

use super::support::{HUSH, Stage, stage};
use crate::dialects::elizaos::ElizaosSettings;
use crate::http::auth::Token;

const NONE: Value = Value::Null;
const UMA: &str = "aaaaaaaa-0605-4000-8000-000000000605";
const BEN: &str = "aaaaaaaa-0606-4000-8000-000000000606";
const SERVER: &str = "00000000-0000-0000-0000-000000000000";
const PATH: &str = "/socket.io/?EIO=4&transport=polling";

/// A client that polls.
struct Client<'a> {
    stage: &'a Stage,
    path: String,
}

impl<'a> Client<'a> {
    /// Opens a session and asks to be let in; what comes back to that.
    async fn open(stage: &'a Stage, auth: &Value) -> (Self, Vec<(String, Value)>) {
        let opened = stage.get(PATH).await;
        let opened: Value = serde_json::from_str(&opened.text[1..]).unwrap();
        let path = format!("{PATH}&sid={}", opened["sid"].as_str().unwrap());
        let client = Self { stage, path };
        client.post(&format!("40{auth}")).await;
        let mut told = Vec::new();
        while !told.iter().any(|(name, _)| name == "connection_established" || name == "refused") {
            told.extend(client.poll().await);
        }
        (client, told)
    }

    async fn named(stage: &'a Stage, entity: &str) -> Self {
        Self::open(stage, &json!({"entityId": entity})).await.0
    }

    async fn post(&self, packets: &str) {
        let request = TestRequest::post().uri(&self.path).set_payload(packets.to_owned());
        let answer = self.stage.ask(request).await;
        assert_eq!((answer.status, answer.text.as_str()), (200, "ok"), "{packets}");
    }

    async fn emit(&self, event: &str, payload: Value) {
        self.post(&format!("42{}", json!([event, payload]))).await;
    }

    /// The next events; pings are answered.
    async fn poll(&self) -> Vec<(String, Value)> {
        let answer = self.stage.get(&self.path).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        let mut events = Vec::new();
        for packet in answer.text.split('\u{1e}') {
            if packet == "2" {
                self.post("3").await;
            } else if let Some(event) = packet.strip_prefix("42") {
                let event: (String, Value) = serde_json::from_str(event).unwrap();
                events.push(event);
            } else if let Some(refused) = packet.strip_prefix("44") {
                events.push(("refused".to_owned(), serde_json::from_str(refused).unwrap()));
            }
        }
        events
    }

    /// The events up to one of that name.
    async fn until(&self, name: &str) -> Vec<(String, Value)> {
        let mut told = Vec::new();
        while !told.iter().any(|(event, _)| event == name) {
            told.extend(self.poll().await);
        }
        told
    }

    async fn join(&self, channel: &str, offset: Option<u64>) -> Vec<(String, Value)> {
        let mut payload = json!({"channelId": channel});
        if let Some(offset) = offset {
            payload["offset"] = json!(offset);
        }
        self.emit("message", json!({"type": 1, "payload": payload})).await;
        self.until("room_joined").await
    }

    async fn say(&self, channel: &str, from: &str, words: &str) {
        let payload = json!({
            "channelId": channel, "messageServerId": SERVER, "senderId": from, "message": words,
            "messageId": "m-1", "senderName": "Uma",
        });
        self.emit("message", json!({"type": 2, "payload": payload})).await;
    }
}

async fn channel(stage: &Stage, kind: &str, participants: &[&str]) -> String {
    let body = json!({
        "name": "Sock", "message_server_id": SERVER, "type": kind,
        "participantCentralUserIds": participants,
    });
    let (_, made) = stage.said("POST", "/api/messaging/channels", body).await;
    made["data"]["id"].as_str().unwrap().to_owned()
}

fn names(told: &[(String, Value)]) -> Vec<&str> {
    told.iter().map(|(name, _)| name.as_str()).collect()
}

fn of<'a>(told: &'a [(String, Value)], name: &str) -> &'a Value {
    &told.iter().find(|(event, _)| event == name).unwrap().1
}

#[actix_web::test]
async fn a_message_is_heard_answered_and_done_in_that_order() {
    let stage = stage(ElizaosSettings::default()).await;
    let agent = stage.running("Golden").await;
    let channel = channel(&stage, "DM", &[UMA, &agent]).await;
    let (uma, greeted) = Client::open(&stage, &json!({"entityId": UMA})).await;
    assert_eq!(names(&greeted), ["authenticated", "connection_established"]);
    assert_eq!(of(&greeted, "authenticated")["entityId"], UMA);
    let ben = Client::named(&stage, BEN).await;
    let joined = uma.join(&channel, None).await;
    assert_eq!(names(&joined), ["channel_joined", "room_joined"]);
    let words = of(&joined, "room_joined");
    assert_eq!((&words["channelId"], &words["offset"]), (&json!(channel), &json!(0)));
    ben.join(&channel, None).await;

    uma.say(&channel, UMA, "hello").await;
    let told = uma.until("messageComplete").await;
    let expected = [
        "messageBroadcast",
        "messageAck",
        "messageStreamChunk",
        "messageStreamChunk",
        "messageBroadcast",
        "messageComplete",
    ];
    assert_eq!(names(&told), expected);
    let (said, ack, answer) = (&told[0].1, &told[1].1, &told[4].1);
    assert_eq!(
        *said,
        json!({
            "id": said["id"], "senderId": UMA, "senderName": "Uma", "text": "hello",
            "channelId": channel, "roomId": channel, "messageServerId": SERVER,
            "serverId": SERVER, "createdAt": said["createdAt"], "source": "socketio_client",
            "offset": 1, "clientMessageId": "m-1",
        })
    );
    assert_eq!(
        *ack,
        json!({
            "clientMessageId": "m-1", "messageId": said["id"],
            "status": "received_by_server_and_processing", "channelId": channel,
            "roomId": channel,
        })
    );
    assert_eq!(
        told[2].1,
        json!({
            "messageId": answer["id"], "chunk": "echo: ", "index": 0, "agentId": agent,
            "channelId": channel,
        })
    );
    assert_eq!(
        (&answer["text"], &answer["senderId"], &answer["senderName"], &answer["offset"]),
        (&json!("echo: hello"), &json!(agent), &json!("Golden"), &json!(2))
    );
    assert_eq!(
        told[5].1,
        json!({
            "channelId": channel, "roomId": channel, "serverId": SERVER,
            "messageId": said["id"], "offset": 3,
        })
    );
    let others = ben.until("messageComplete").await;
    let mut heard = expected.to_vec();
    heard.remove(1);
    assert_eq!(names(&others), heard);
    assert_eq!(others[0].1.get("clientMessageId"), None);

    // What is kept of the socket is not its id, which would let others speak for it.
    let path = format!("/api/messaging/messages/{}", said["id"].as_str().unwrap());
    let kept = stage.get(&path).await.json();
    let socket = kept["data"]["metadata"]["socket_id"].as_str().unwrap();
    assert!(!uma.path.contains(socket));
}

#[actix_web::test]
async fn a_message_is_done_once_whatever_comes_of_it() {
    let stage = stage(ElizaosSettings::default()).await;
    let (ada, bob) = (stage.running("Ada").await, stage.running("Bob").await);
    let group = channel(&stage, "GROUP", &[UMA, &ada, &bob]).await;
    let alone = channel(&stage, "DM", &[UMA, &ada]).await;
    let uma = Client::named(&stage, UMA).await;
    for (channel, words, failures, answers) in [
        (&group, "Ada and Bob, hello", 0, 2),
        (&group, "Ada and Bob, !fail", 2, 0),
        (&group, "Ada and Bob, !ignore", 0, 0),
        (&alone, "!fail", 1, 0),
        (&alone, "hello", 0, 1),
    ] {
        uma.join(channel, None).await;
        uma.say(channel, UMA, words).await;
        let told = uma.until("messageComplete").await;
        let count = |name: &str| told.iter().filter(|(event, _)| event == name).count();
        assert_eq!(count("messageBroadcast"), 1 + answers, "{words}: {told:?}");
        assert_eq!(count("messageStreamError"), failures, "{words}: {told:?}");
        assert_eq!(count("messageComplete"), 1, "{words}: {told:?}");
        assert_eq!(told.last().unwrap().0, "messageComplete");
    }
}

#[actix_web::test]
async fn a_message_is_done_when_its_agent_is_stopped_before_it_answers() {
    let stage = stage(ElizaosSettings::default()).await;
    let agent = stage.running("Ada").await;
    let channel = channel(&stage, "DM", &[UMA, &agent]).await;
    let uma = Client::named(&stage, UMA).await;
    uma.join(&channel, None).await;
    let path = format!("/api/messaging/channels/{channel}/messages");
    let body = json!({
        "author_id": UMA, "content": HUSH, "message_server_id": SERVER, "transport": "http",
    });
    let stopping = async {
        uma.until("messageBroadcast").await;
        while stage.host.registry.vitals().runs_in_flight == 0 {
            tokio::task::yield_now().await;
        }
        stage.send("POST", &format!("/api/agents/{agent}/stop"), NONE).await;
        uma.until("messageComplete").await
    };
    let (answer, told) = futures::join!(stage.send("POST", &path, body), stopping);
    assert_eq!(answer.status, 500);
    assert_eq!(names(&told), ["messageStreamError", "messageComplete"]);
    let failure = of(&told, "messageStreamError");
    assert_eq!((&failure["agentId"], &failure["channelId"]), (&json!(agent), &json!(channel)));
}

#[actix_web::test]
async fn one_who_comes_back_is_told_what_it_missed_or_that_it_is_lost() {
    let settings = ElizaosSettings { socket_buffer_max: 16, ..Default::default() };
    let stage = stage(settings).await;
    let channel = channel(&stage, "GROUP", &[UMA]).await;
    let path = format!("/api/messaging/channels/{channel}");
    let uma = Client::named(&stage, UMA).await;
    // Two events each: that it is said, and that nobody is told of it.
    for nth in 0..3 {
        uma.say(&channel, UMA, &format!("word {nth}")).await;
        uma.until("messageAck").await;
    }
    stage.send("PATCH", &path, json!({"name": "Renamed"})).await;
    let ben = Client::named(&stage, BEN).await;
    let told = ben.join(&channel, Some(4)).await;
    let expected = [
        ("messageBroadcast", 5),
        ("messageComplete", 6),
        ("channelUpdated", 7),
        ("channel_joined", 7),
        ("room_joined", 7),
    ];
    assert_eq!(told[0].1.get("clientMessageId"), None, "it is another's");
    let told: Vec<_> =
        told.iter().map(|(name, said)| (name.as_str(), said["offset"].as_u64().unwrap())).collect();
    assert_eq!(told, expected);

    let again = Client::named(&stage, UMA).await.join(&channel, Some(4)).await;
    assert_eq!(again[0].1["clientMessageId"], "m-1", "so that it is not shown twice");

    stage.send("PATCH", &path, json!({"name": "Again"})).await;
    stage.send("PATCH", &path, json!({"name": "And again"})).await;
    let told = ben.join(&channel, Some(0)).await;
    let told: Vec<_> = told.iter().filter(|(_, said)| said["offset"].as_u64() < Some(3)).collect();
    let gap = json!({"channelId": channel, "through": 1, "offset": 1});
    assert_eq!(*told[0], ("channelGap".to_owned(), gap));
    assert_eq!(told[1].0, "messageComplete");
    let told = ben.join(&channel, Some(99)).await;
    assert_eq!(names(&told), ["channelGap", "channel_joined", "room_joined"]);
    assert_eq!(told[0].1["through"], told[2].1["offset"]);
    stage.send("DELETE", &format!("{path}/messages"), NONE).await;
    stage.send("DELETE", &path, NONE).await;
    let told = ben.until("channelDeleted").await;
    assert_eq!(names(&told).last(), Some(&"channelDeleted"));
    assert_eq!(of(&told, "channelCleared")["channelId"], json!(channel));
}

#[actix_web::test]
async fn what_cannot_be_said_is_refused_and_what_has_no_channel_gets_one() {
    let stage = stage(ElizaosSettings::default()).await;
    let uma = Client::named(&stage, UMA).await;
    let new = "aaaaaaaa-0630-4000-8000-000000000630";
    let missing = "For SEND_MESSAGE: channelId, messageServerId (message_server_id), senderId \
                   (author_id), and message are required.";
    let whole = json!({
        "channelId": new, "messageServerId": SERVER, "senderId": UMA, "message": "new room",
    });
    for (name, value, words) in [
        ("message", json!(""), missing.to_owned()),
        ("channelId", json!("x"), missing.to_owned()),
        ("messageServerId", json!(BEN), format!("Server {BEN} does not exist")),
    ] {
        let mut payload = whole.clone();
        payload[name] = value;
        uma.emit("2", payload).await;
        let told = uma.until("messageError").await;
        assert_eq!(told, [("messageError".to_owned(), json!({"error": words}))]);
    }
    uma.emit("1", json!({})).await;
    let told = uma.until("messageError").await;
    assert_eq!(of(&told, "messageError")["error"], "channelId is required for joining.");

    uma.emit("2", whole).await;
    let told = uma.until("messageAck").await;
    assert_eq!(names(&told), ["messageBroadcast", "messageAck"]);
    assert_eq!(told[0].1["senderName"], "User");
    assert_eq!(told[1].1.get("clientMessageId"), None);
    let path = format!("/api/messaging/channels/{new}/details");
    let made = &stage.get(&path).await.json()["data"];
    assert_eq!(
        (&made["name"], &made["metadata"]["created_by"]),
        (&json!("Chat aaaaaaaa"), &json!("socketio_auto_creation"))
    );
}

#[actix_web::test]
async fn a_flood_is_refused_by_name_and_the_rest_is_dealt_with_in_order() {
    let stage = stage(ElizaosSettings::default()).await;
    let channel = channel(&stage, "GROUP", &[UMA]).await;
    let uma = Client::named(&stage, UMA).await;
    let flood: Vec<_> = (0..40)
        .map(|nth| {
            let payload = json!({
                "channelId": channel, "messageServerId": SERVER, "senderId": UMA,
                "message": "again", "messageId": nth,
            });
            format!("42{}", json!(["2", payload]))
        })
        .collect();
    uma.post(&flood.join("\u{1e}")).await;
    let (mut kept, mut refused) = (Vec::new(), Vec::new());
    while kept.len() + refused.len() < 40 {
        for (name, payload) in uma.poll().await {
            let id = payload["clientMessageId"].as_u64();
            match name.as_str() {
                "messageAck" => kept.extend(id),
                "messageError" => refused.extend(id),
                _ => {}
            }
        }
    }
    assert!(!refused.is_empty());
    assert!(kept.is_sorted() && refused.is_sorted() && kept.len() >= 16);
    let path = format!("/api/messaging/channels/{channel}/messages");
    let listed = stage.get(&path).await.json();
    assert_eq!(listed["data"]["messages"].as_array().unwrap().len(), kept.len());
}

#[actix_web::test]
async fn a_socket_is_asked_for_either_key() {
    let settings = ElizaosSettings {
        auth_token: Token::new("of-rest"),
        socket_token: Token::new("of-sockets"),
        ..Default::default()
    };
    let stage = stage(settings).await;
    for (auth, refusal) in [
        (json!({"entityId": UMA}), Some("Invalid or missing API Key")),
        (json!({"entityId": UMA, "apiKey": "of"}), Some("Invalid or missing API Key")),
        (json!({"entityId": "me", "apiKey": "of-rest"}), Some("Valid entityId required")),
        (json!({"entityId": UMA, "apiKey": "of-rest"}), None),
        (json!({"entityId": UMA, "apiKey": "of-sockets"}), None),
    ] {
        let (_, told) = Client::open(&stage, &auth).await;
        match refusal {
            Some(message) => {
                assert_eq!(told, [("refused".to_owned(), json!({"message": message}))]);
            }
            None => assert_eq!(names(&told), ["authenticated", "connection_established"]),
        }
    }
}

#[actix_web::test]
async fn requests_that_are_none_of_a_socket_are_refused_as_recorded() {
    let settings = ElizaosSettings {
        cors_origin: Some("http://ui.test".to_owned()),
        sockets_max: 1,
        ..Default::default()
    };
    let stage = stage(settings).await;
    let fault = |code: u8, message: &str| json!({"code": code, "message": message});
    for (method, path, status, body) in [
        ("GET", "/socket.io/", 400, fault(0, "Transport unknown")),
        ("GET", "/socket.io?EIO=4&transport=pigeon", 400, fault(0, "Transport unknown")),
        ("GET", &format!("{PATH}&sid=nosuchsid"), 400, fault(1, "Session ID unknown")),
        ("POST", PATH, 400, fault(2, "Bad handshake method")),
        ("GET", "/socket.io/?EIO=4&transport=websocket", 400, fault(3, "Bad request")),
        (
            "GET",
            "/socket.io/?EIO=3&transport=polling",
            400,
            fault(5, "Unsupported protocol version"),
        ),
    ] {
        assert_eq!(stage.said(method, path, NONE).await, (status, body), "{method} {path}");
    }
    for (origin, status) in [("http://evil.test", 403), ("http://ui.test", 200)] {
        let request = TestRequest::get().uri(PATH).insert_header(("origin", origin));
        let answer = stage.ask(request).await;
        assert_eq!(answer.status, status, "{origin}");
        assert_eq!(answer.header("access-control-allow-origin"), "http://ui.test");
        assert_eq!(answer.header("etag"), "");
    }
    assert_eq!(stage.said("GET", PATH, NONE).await, (503, fault(3, "Too many sockets")));
}

#[actix_web::test]
async fn a_client_that_does_not_keep_up_is_let_go() {
    let settings = ElizaosSettings { socket_buffer_max: 8, ..Default::default() };
    let stage = stage(settings).await;
    let channel = channel(&stage, "GROUP", &[UMA]).await;
    let (uma, ben) = (Client::named(&stage, UMA).await, Client::named(&stage, BEN).await);
    ben.join(&channel, None).await;
    for nth in 0..8 {
        uma.say(&channel, UMA, &format!("word {nth}")).await;
        uma.until("messageAck").await;
    }
    let answer = stage.get(&ben.path).await;
    assert_eq!((answer.status, &answer.json()["code"]), (400, &json!(1)));
}

#[actix_web::test]
async fn the_log_is_watched_as_long_as_it_is_wished() {
    let stage = stage(ElizaosSettings::default()).await;
    let uma = Client::named(&stage, UMA).await;
    uma.post("42[\"update_log_filters\",{\"level\":\"warn\"}]").await;
    uma.post("42[\"subscribe_logs\"]\u{1e}42[\"update_log_filters\",{\"level\":\"warn\"}]").await;
    let told = uma.until("log_filters_updated").await;
    assert_eq!(told[0].1, json!({"success": false, "error": "Not subscribed to log stream"}));
    let mut told = told;
    while told.len() < 3 {
        told.extend(uma.poll().await);
    }
    let confirmed = "Successfully subscribed to log stream";
    assert_eq!(told[1].1, json!({"subscribed": true, "message": confirmed}));
    assert_eq!(told[2].1, json!({"success": true, "filters": {"level": "warn"}}));
    let lines = json!({"logs": [
        {"level": "info", "message": "small talk"}, {"level": "error", "message": "fire"},
    ]});
    stage.send("POST", "/api/server/logs", lines).await;
    let told = uma.until("log_stream").await;
    let entry = of(&told, "log_stream");
    assert_eq!(
        (&entry["type"], &entry["payload"]["msg"], &entry["payload"]["level"]),
        (&json!("log_entry"), &json!("fire"), &json!(50))
    );
    uma.post("42[\"unsubscribe_logs\"]").await;
    let told = uma.until("log_subscription_confirmed").await;
    assert_eq!(of(&told, "log_subscription_confirmed")["subscribed"], false);
}
