//! Sockets: who may open one, what it is told, and what becomes of one that does not keep up.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::{Value, json};

use super::{with_agent, without_agent};
use crate::support::http::{Client, Request};
use crate::support::model::ModelServer;
use crate::support::server::Server;
use crate::support::socket::{Heard, Socket};
use crate::support::{PATIENCE, Site};

/// Where sockets are.
const PATH: &str = "/ws?clientId=ui-1";

async fn opened(client: &Client) -> Socket {
    Socket::open(client, PATH, true).await.unwrap()
}

/// The next frame that is wanted; what comes before it is passed over.
async fn next(socket: &mut Socket, is_wanted: impl Fn(&Value) -> bool) -> Value {
    let read = |packet: &str| serde_json::from_str::<Value>(packet).unwrap();
    read(&socket.packet(|packet| is_wanted(&read(packet))).await)
}

/// The next of that type.
async fn of_type(socket: &mut Socket, sort: &str) -> Value {
    next(socket, |frame| frame["type"] == sort).await
}

/// All that was heard, but for what is not kept.
fn envelopes(socket: &Socket) -> Vec<Value> {
    let packets = socket.heard().into_iter().filter_map(|heard| match heard {
        Heard::Packet(packet) => Some(serde_json::from_str::<Value>(&packet).unwrap()),
        Heard::Closed(_) => None,
    });
    packets.filter(|frame| frame.get("eventId").is_some()).collect()
}

/// Checks what clients expect of envelopes: numbers that follow one another, for each run too.
fn is_sound(envelopes: &[Value]) {
    let mut last = None;
    let mut runs: HashMap<&str, u64> = HashMap::new();
    for envelope in envelopes {
        let id = envelope["eventId"].as_str().unwrap().strip_prefix("evt-").unwrap();
        let number = id.parse::<u64>().unwrap();
        assert!(last.is_none_or(|last| number == last + 1), "{number} after {last:?}");
        last = Some(number);
        assert!(envelope["ts"].is_i64() && envelope["payload"].is_object(), "{envelope}");
        assert_eq!(envelope["version"], 1);
        let Some(run) = envelope["runId"].as_str() else { continue };
        let seq = runs.entry(run).or_default();
        *seq += 1;
        assert_eq!(envelope["seq"], *seq, "{envelope}");
    }
}

async fn act(client: &Client, action: &str) {
    client.post(format!("/api/agent/{action}"), &json!({})).await.unwrap().expect(200);
}

async fn tell(client: &Client, data: Value) {
    let body = json!({"stream": "game", "data": data});
    client.post("/api/agent/event", &body).await.unwrap().expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_hears_the_status_the_ticks_and_what_it_missed() {
    let server = Server::start(&with_agent()).await;
    let client = server.milady();
    let mut socket = opened(&client).await;
    let status = next(&mut socket, |_| true).await;
    assert_eq!(status["type"], "status");
    assert_eq!(
        (&status["state"], &status["startup"]["phase"]),
        (&json!("running"), &json!("running"))
    );
    assert!(status["startedAt"].is_i64() && status.get("uptime").is_none(), "{status}");
    assert_eq!(status["pendingRestart"], false);
    assert_eq!(status["pendingRestartReasons"], json!([]));

    act(&client, "stop").await;
    let stopped = next(&mut socket, |frame| frame["payload"]["type"] == "stopped").await;
    assert_eq!((&stopped["stream"], stopped.get("runId")), (&json!("lifecycle"), None));
    act(&client, "start").await;
    let started = next(&mut socket, |frame| frame["payload"]["type"] == "started").await;
    // The first tick comes at once.
    let begun = next(&mut socket, |frame| frame["payload"]["type"] == "run_start").await;
    assert_eq!((&begun["stream"], &begun["seq"]), (&json!("lifecycle"), &json!(1)));
    assert!(begun["ts"].as_i64().unwrap() - started["ts"].as_i64().unwrap() < 1_000);
    let ended = next(&mut socket, |frame| frame["payload"]["type"] == "run_end").await;
    assert_eq!(ended["runId"], begun["runId"]);
    let beat = of_type(&mut socket, "heartbeat_event").await;
    assert!(beat["payload"]["status"].is_string() && beat["payload"]["ts"].is_i64(), "{beat}");
    // Nobody asked the agent anything.
    is_sound(&envelopes(&socket));
    assert!(envelopes(&socket).iter().all(|frame| frame["stream"] != "assistant"));

    // While nobody listens, more happens; it is found by whoever comes back.
    let last = envelopes(&socket).pop().unwrap()["eventId"].clone();
    socket.close();
    assert!(
        socket.heard_enough(PATIENCE, |all| matches!(all.last(), Some(Heard::Closed(_)))).await
    );
    tell(&client, json!({"number": 1})).await;
    let path = format!("/api/agent/events?after={}", last.as_str().unwrap());
    let page = client.get(path).await.unwrap().expect(200);
    let missed = page["events"].as_array().unwrap();
    assert!(missed.iter().any(|event| event["payload"]["number"] == 1), "{page}");
    assert_eq!(page["latestEventId"], missed.last().unwrap()["eventId"]);

    let mut again = opened(&client).await;
    assert_eq!(next(&mut again, |_| true).await["type"], "status");
    next(&mut again, |frame| frame["payload"]["number"] == 1).await;
    is_sound(&envelopes(&again));

    let run = begun["runId"].as_str().unwrap();
    let path = format!("/api/agent/events?runId={run}&fromSeq=2&limit=300");
    let rest = client.get(path).await.unwrap().expect(200);
    let seqs =
        rest["events"].as_array().unwrap().iter().map(|event| event["seq"].as_u64().unwrap());
    assert!(seqs.eq(2..=ended["seq"].as_u64().unwrap()), "{rest}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_agent_is_told_to_say_reaches_the_person_and_its_answers_do_not_twice() {
    let model = ModelServer::start().await;
    let site = Arc::into_inner(with_agent()).unwrap();
    let site = Arc::new(site.with("GREENROOM_MODEL__DEFAULT", &model.name()));
    let server = Server::start(&site).await;
    let client = server.milady();
    let made = client.post("/api/conversations", &json!({})).await.unwrap().expect(200);
    let conversation = made["conversation"]["id"].as_str().unwrap();
    let messages = format!("/api/conversations/{conversation}/messages");
    let mut socket = opened(&client).await;

    let body = json!({"text": "Hello"});
    let answer = client.post(messages.clone(), &body).await.unwrap().expect(200);
    let said = next(&mut socket, |frame| frame["stream"] == "assistant").await;
    assert_eq!(said["payload"]["text"], answer["text"]);
    assert_eq!(said["payload"]["source"], "client_chat");
    assert_eq!(said["roomId"], made["conversation"]["roomId"]);

    let draft = json!({"instructions": "wish a good morning", "intervalMs": 3_600_000});
    let trigger = client.post("/api/triggers", &draft).await.unwrap().expect(201);
    let path = format!("/api/triggers/{}/execute", trigger["trigger"]["id"].as_str().unwrap());
    client.post(path, &json!({})).await.unwrap().expect(200);
    let told = of_type(&mut socket, "proactive-message").await;
    assert_eq!(told["conversationId"], conversation);
    let message = &told["message"];
    assert_eq!((&message["role"], &message["source"]), (&json!("assistant"), &json!("trigger")));
    assert!(message["text"].as_str().unwrap().contains("good morning"), "{told}");
    let kept = client.get(messages).await.unwrap().expect(200);
    let kept = kept["messages"].as_array().unwrap().last().unwrap();
    for key in ["id", "text", "timestamp", "source"] {
        assert_eq!(kept[key], message[key], "{kept}");
    }
    let is_proactive =
        |heard: &Heard| matches!(heard, Heard::Packet(text) if text.contains("proactive"));
    assert_eq!(socket.heard().iter().filter(|heard| is_proactive(heard)).count(), 1);
    is_sound(&envelopes(&socket));
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_go_on_after_a_restart_of_the_host() {
    let site = without_agent();
    let mut last = 0;
    for _ in 0..2 {
        let server = Server::start(&site).await;
        tell(&server.milady(), json!({})).await;
        let page = server.milady().get("/api/agent/events").await.unwrap().expect(200);
        let id = page["latestEventId"].as_str().unwrap().strip_prefix("evt-").unwrap();
        let number = id.parse::<u64>().unwrap();
        assert!(number > last, "{number} after {last}");
        last = number;
        server.kill().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_read_is_let_go_and_holds_nobody_up() {
    const POSTS: usize = 120;

    let site = Arc::new(Site::new().with("GREENROOM_MILADY__SOCKET_BUFFER_MAX", "8"));
    let server = Server::start(&site).await;
    let client = server.milady();
    let slow = opened(&client).await;
    let mut quick = opened(&client).await;
    of_type(&mut quick, "status").await;
    let resume = slow.pause();
    let words = "a".repeat(100_000);
    for number in 0..POSTS {
        tell(&client, json!({"number": number, "words": words})).await;
        next(&mut quick, |frame| frame["payload"]["number"] == number).await;
    }
    let metrics = server.client().get("/metrics").await.unwrap().text();
    assert!(metrics.contains("greenroom_sockets_dropped_total{reason=\"slow\"} 1"), "{metrics}");
    assert!(metrics.contains("greenroom_sockets 1\n"), "{metrics}");

    drop(resume);
    let is_closed = |heard: &[Heard]| matches!(heard.last(), Some(Heard::Closed(_)));
    assert!(slow.heard_enough(PATIENCE, is_closed).await);
    let heard = envelopes(&slow);
    assert!(heard.len() < POSTS);
    is_sound(&heard);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_client_sends_is_heeded_or_passed_over() {
    let server = Server::start(&without_agent()).await;
    let client = server.milady();
    let mut socket = opened(&client).await;
    let longest = format!("\"{}\"", "a".repeat(65_534));
    for passed_over in ["", "{", "[]", "7", "{\"type\":\"pty-input\"}", "{\"type\":3}", &longest] {
        socket.send(passed_over);
    }
    socket.send(r#"{"type":"active-conversation","conversationId":"x"}"#);
    socket.send(r#"{"type":"active-conversation"}"#);
    socket.send(r#"{"type":"ping","more":1}"#);
    assert_eq!(of_type(&mut socket, "pong").await, json!({"type": "pong"}));
    socket.send(format!("{longest} "));
    let is_closed = |heard: &[Heard]| heard.last() == Some(&Heard::Closed(1009));
    assert!(socket.heard_enough(PATIENCE, is_closed).await, "{:?}", socket.heard().last());
}

/// A handshake, as far as who may begin one is looked at.
fn handshake(path: &str, headers: &[(&str, &str)]) -> Request {
    let request = Request::new("GET", path).header("upgrade", "websocket");
    headers.iter().fold(request, |request, (name, value)| request.header(name, *value))
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_open_a_socket_is_told_so_in_a_line() {
    let site = Arc::new(Site::new().with("MILADY_API_TOKEN", "t0ken"));
    let server = Server::start(&site).await;
    let client = server.milady();
    let token = ("x-milady-token", "t0ken");
    for (path, headers, status) in [
        ("/", &[token][..], 404),
        ("/ws/", &[token], 404),
        ("/api/status", &[token], 404),
        ("/ws", &[token, ("origin", "http://evil.test")], 403),
        ("/ws", &[("origin", "http://evil.test")], 403),
        ("/ws", &[], 401),
        ("/ws", &[("authorization", "Bearer wrong")], 401),
        ("/ws?token=t0ken", &[], 401),
        // Whoever may, but does not do it well.
        ("/ws", &[token], 400),
    ] {
        let answer = client.send(&handshake(path, headers)).await.unwrap();
        assert_eq!(answer.status, status, "{path} {headers:?}: {}", answer.text());
        assert_eq!(answer.header("content-type"), Some("text/plain; charset=utf-8"));
        assert_eq!(answer.header("connection"), Some("close"));
        assert_eq!(answer.text().lines().count(), 1);
    }
    // What is no handshake is a request like others.
    let plain = client.with("x-api-key", "t0ken").get("/ws").await.unwrap();
    assert_eq!((plain.status, plain.parsed()), (404, Some(json!({"error": "Not found"}))));
    assert_eq!(client.get("/ws").await.unwrap().status, 401);

    for (name, value) in
        [token, ("x-api-key", "t0ken"), ("authorization", "bearer t0ken"), ("origin", "app://")]
    {
        let client = client.with("x-api-key", "t0ken").with(name, value);
        // The name that it is called by does not matter here.
        of_type(&mut opened(&client.with("host", "evil.test")).await, "status").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_may_put_the_token_into_the_address_where_that_is_allowed() {
    let site = Site::new().with("MILADY_API_TOKEN", "t0ken");
    let site = Arc::new(site.with("GREENROOM_MILADY__ALLOWS_QUERY_TOKEN", "true"));
    let server = Server::start(&site).await;
    let client = server.milady();
    for path in ["/ws?clientId=ui-1&token=t0ken", "/ws?apiKey=t0ken", "/ws?api_key=t0ken"] {
        let mut socket = Socket::open(&client, path, true).await.unwrap();
        of_type(&mut socket, "status").await;
    }
    for path in ["/ws?token=wrong", "/ws"] {
        let refused = Socket::open(&client, path, true).await.err().unwrap().to_string();
        assert!(refused.starts_with("401"), "{refused}");
    }
    // Other requests never present it so.
    assert_eq!(client.get("/api/agent/events?token=t0ken").await.unwrap().status, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn there_are_no_more_sockets_than_may_be_and_the_end_is_told() {
    let site = Arc::new(Site::new().with("GREENROOM_MILADY__SOCKETS_MAX", "1"));
    let server = Server::start(&site).await;
    let client = server.milady();
    let mut first = opened(&client).await;
    of_type(&mut first, "status").await;
    let refused = Socket::open(&client, PATH, true).await.err().unwrap().to_string();
    assert!(refused.starts_with("503"), "{refused}");
    assert!(server.terminate().await.success());
    let is_over = |heard: &[Heard]| heard.last() == Some(&Heard::Closed(1001));
    assert!(first.heard_enough(PATIENCE, is_over).await, "{:?}", first.heard().last());
}
