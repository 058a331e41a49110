//! Sockets over real connections: who is told what, and a terminal.

use std::net::SocketAddr;
use std::time::Duration;

use actix_web::HttpServer;
use actix_web::dev::ServerHandle;
use actix_web::test::TestRequest;
use futures::{SinkExt, StreamExt};
use greenroom_actors::agent::Keep;
use greenroom_actors::error::CoreError;
use greenroom_actors::facts::Fact;
use greenroom_actors::lifecycle::Lifecycle;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::{Error as WsError, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

use super::credentials::{KEY, with_key};
use super::support::Site;
use crate::accounts::{NewKey, Role};
use crate::dialects::stage::{HUSH, Setting};
use crate::dialects::trinity::TrinitySettings;
use crate::dialects::trinity::live::Event;
use crate::roster::{Known, Share};

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// A site that listens.
pub(super) struct Listening {
    pub(super) site: Site,
    address: SocketAddr,
    server: ServerHandle,
}

impl Listening {
    pub(super) async fn new() -> Self {
        Self::of(TrinitySettings::default()).await
    }

    async fn of(settings: TrinitySettings) -> Self {
        Self::on(Site::of(Setting::default(), settings).await)
    }

    pub(super) fn on(site: Site) -> Self {
        let trinity = site.trinity.clone();
        let server = HttpServer::new(move || trinity.app()).workers(1).disable_signals();
        let server = server.bind("127.0.0.1:0").unwrap();
        let address = server.addrs()[0];
        let server = server.run();
        let handle = server.handle();
        actix::spawn(server);
        Self { site, address, server: handle }
    }

    pub(super) async fn socket(&self, path: &str) -> Result<Socket, u16> {
        let stream = TcpStream::connect(self.address).await.unwrap();
        match client_async(format!("ws://{}{path}", self.address), stream).await {
            Ok((stream, _)) => Ok(Socket(stream)),
            Err(WsError::Http(answer)) => Err(answer.status().as_u16()),
            Err(error) => panic!("{error}"),
        }
    }

    /// The socket of a person.
    async fn person(&self, token: &str) -> Socket {
        self.socket(&format!("/ws?token={token}")).await.unwrap()
    }

    pub(super) async fn known(&self, name: &str) -> Known {
        self.site.stage.host.roster.find(name).await.unwrap().unwrap()
    }

    /// Something is told of an agent.
    fn tell(&self, agent: &Known, title: &str) {
        self.site.trinity.shared.tell(&Event::Notification {
            agent: agent.id,
            name: agent.name.clone(),
            id: "notif_1".to_owned(),
            kind: "info".to_owned(),
            title: title.to_owned(),
            priority: "low".to_owned(),
            category: None,
            at: "2026-01-15T10:30:00.123456Z".to_owned(),
        });
    }

    async fn share(&self, agent: &Known, email: Option<&str>) {
        let shares: Vec<_> = email
            .map(|email| Share {
                id: 1,
                email: email.to_owned(),
                by_id: 1,
                by: "admin".to_owned(),
                created_at: Default::default(),
                allows_proactive: false,
            })
            .into_iter()
            .collect();
        let amended = self.site.stage.host.roster.amend(agent.id, |entry| {
            entry.shares = shares;
            Ok::<_, CoreError>(())
        });
        amended.await.unwrap();
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        drop(self.server.stop(false));
    }
}

pub(super) struct Socket(WebSocketStream<TcpStream>);

impl Socket {
    async fn next(&mut self) -> Message {
        let next = async {
            loop {
                match self.0.next().await.expect("it is over").expect("it is broken") {
                    Message::Ping(_) | Message::Pong(_) => {}
                    message => return message,
                }
            }
        };
        tokio::time::timeout(PATIENCE, next).await.expect("nothing comes")
    }

    pub(super) async fn json(&mut self) -> Value {
        let message = self.next().await;
        let text = message.to_text().unwrap();
        serde_json::from_str(text).unwrap_or_else(|_| panic!("no JSON: {message:?}"))
    }

    /// The frame of that sort; what becomes of agents at the same time is passed over.
    async fn find(&mut self, key: &str, value: &str) -> Value {
        loop {
            let frame = self.json().await;
            if frame[key] == value {
                return frame;
            }
            let event = frame["event"].as_str().unwrap_or_default();
            assert!(matches!(event, "agent_created" | "agent_started"), "{frame}");
        }
    }

    async fn say(&mut self, text: &str) {
        self.0.send(Message::text(text)).await.unwrap();
    }

    /// What was told up to now: names of the events.
    async fn told(&mut self) -> Vec<String> {
        self.say(r#"{"type":"ping"}"#).await;
        let mut told = Vec::new();
        loop {
            let frame = self.json().await;
            if frame["type"] == "pong" {
                return told;
            }
            assert!(frame["_eid"].is_string(), "{frame}");
            let name = frame["title"].as_str().or(frame["event"].as_str()).unwrap_or_default();
            told.push(name.to_owned());
        }
    }

    /// The code that it is closed with.
    pub(super) async fn code(&mut self) -> u16 {
        let code = async {
            loop {
                match self.0.next().await {
                    Some(Ok(Message::Close(frame))) => {
                        return frame.map_or(1005, |frame| frame.code.into());
                    }
                    Some(Ok(_)) => {}
                    Some(Err(_)) | None => return 1006,
                }
            }
        };
        tokio::time::timeout(PATIENCE, code).await.expect("it is not closed")
    }

    /// What a terminal has shown, until that is among it.
    pub(super) async fn shown(&mut self, until: &str) -> String {
        let mut shown = String::new();
        while !shown.contains(until) {
            match self.next().await {
                Message::Binary(bytes) => shown.push_str(&String::from_utf8_lossy(&bytes)),
                other => panic!("{other:?} after {shown}"),
            }
        }
        shown
    }
}

pub(super) async fn key(site: &Site, email: &str) -> (uuid::Uuid, String) {
    let accounts = &site.stage.host.accounts;
    let user = accounts.user_by_email(email).unwrap();
    let new = NewKey { name: "mine".to_owned(), description: None };
    let made = accounts.make_key(&user, new).await.unwrap();
    (made.key.id, made.secret.reveal().to_owned())
}

#[actix::test]
async fn only_those_who_are_known_may_open_a_socket() {
    let here = Listening::new().await;
    let token = here.site.user("a@example.org", Role::Creator).await;
    let (_, key) = key(&here.site, "a@example.org").await;
    for (path, expected) in [
        ("/ws".to_owned(), Some(403)),
        ("/ws?token=".to_owned(), Some(403)),
        ("/ws?token=nonsense".to_owned(), Some(403)),
        (format!("/ws?token={key}"), Some(403)),
        (format!("/ws?token={token}"), None),
        (format!("/ws/?token={token}"), None),
        ("/ws/events".to_owned(), Some(403)),
        (format!("/ws/events?token={token}"), Some(403)),
        (format!("/ws/events?token={key}"), None),
    ] {
        assert_eq!(here.socket(&path).await.err(), expected, "{path}");
    }
    for path in ["/ws", "/ws/events", "/api/agents/a/terminal"] {
        let heard = here.site.send(&token, "GET", path, Value::Null).await;
        assert_eq!(heard.status, 404, "{path}");
    }
}

#[actix::test]
async fn each_hears_of_the_agents_that_they_may_see_while_they_may() {
    let here = Listening::new().await;
    let site = &here.site;
    let (owner, friend) = (
        site.user("owner@example.org", Role::Creator).await,
        site.user("friend@example.org", Role::User).await,
    );
    let mut sockets =
        [here.person(&site.admin).await, here.person(&owner).await, here.person(&friend).await];
    site.agent(&owner, "ada").await;
    let ada = here.known("ada").await;
    here.share(&ada, Some("friend@example.org")).await;
    here.tell(&ada, "shared");
    here.share(&ada, None).await;
    here.tell(&ada, "unshared");
    site.call(&owner, "POST", "/api/agents/ada/stop", Value::Null).await;
    site.call(&owner, "DELETE", "/api/agents/ada", Value::Null).await;
    // What becomes of agents is told a moment later: it is over when the end is told.
    let mut told = Vec::new();
    while told.last().is_none_or(|last| last != "agent_deleted") {
        told.extend(sockets[0].told().await);
    }
    let expected =
        ["agent_created", "agent_started", "shared", "unshared", "agent_stopped", "agent_deleted"];
    let mut sorted = told.clone();
    sorted.sort();
    let mut all = expected.map(str::to_owned).to_vec();
    all.sort();
    assert_eq!(sorted, all);
    assert_eq!(sockets[1].told().await, told);
    // What was told before the share may be heard if it was there at the moment of the telling.
    let heard = sockets[2].told().await;
    for never in ["unshared", "agent_stopped", "agent_deleted"] {
        assert!(!heard.iter().any(|name| name == never), "{heard:?}");
    }
}

#[actix::test]
async fn a_share_that_is_taken_back_ends_what_is_told_at_once() {
    let here = Listening::new().await;
    let friend = here.site.user("friend@example.org", Role::User).await;
    here.site.agent(&here.site.admin, "ada").await;
    let ada = here.known("ada").await;
    here.share(&ada, Some("friend@example.org")).await;
    let mut socket = here.person(&friend).await;
    here.tell(&ada, "one");
    socket.find("title", "one").await;
    here.share(&ada, None).await;
    here.tell(&ada, "two");
    assert_eq!(socket.told().await, [""; 0]);
    here.share(&ada, Some("friend@example.org")).await;
    here.tell(&ada, "three");
    assert_eq!(socket.told().await, ["three"]);
}

#[actix::test]
async fn who_comes_again_hears_what_they_missed() {
    let here = Listening::new().await;
    let admin = here.site.admin.clone();
    here.site.agent(&admin, "ada").await;
    let ada = here.known("ada").await;
    let mut socket = here.person(&admin).await;
    here.tell(&ada, "one");
    let frame = socket.find("title", "one").await;
    let last = frame["_eid"].as_str().unwrap().to_owned();
    let (ms, n) = last.split_once('-').unwrap();
    assert!(ms.parse::<i64>().is_ok() && n.parse::<u64>().is_ok(), "{last}");
    drop(socket);
    here.tell(&ada, "two");
    here.tell(&ada, "three");
    let path = format!("/ws?token={admin}&last-event-id={last}");
    assert_eq!(here.socket(&path).await.unwrap().told().await, ["two", "three"]);
    for unknown in ["0-1", "nonsense", &format!("{ms}-99999")] {
        let path = format!("/ws?token={admin}&last-event-id={unknown}");
        let first = here.socket(&path).await.unwrap().json().await;
        assert_eq!(first["type"], "resync_required", "{first}");
        assert!(first["reason"].is_string());
    }
}

#[actix::test]
async fn those_with_a_key_hear_what_is_theirs_until_it_is_revoked() {
    let here = Listening::new().await;
    let site = &here.site;
    let owner = site.user("owner@example.org", Role::Creator).await;
    let (id, key) = key(site, "owner@example.org").await;
    site.agent(&owner, "ada").await;
    site.agent(&site.admin, "eve").await;
    let (ada, eve) = (here.known("ada").await, here.known("eve").await);
    let mut socket = here.socket(&format!("/ws/events?token={key}")).await.unwrap();
    let first = socket.json().await;
    assert_eq!(
        (&first["type"], &first["accessible_agents"]),
        (&json!("connected"), &json!(["ada"]))
    );
    assert_eq!(first["user"], "owner@example.org");
    socket.say("ping").await;
    loop {
        // What became of the agent before may still come.
        let message = socket.next().await;
        if message.to_text().unwrap() == "pong" {
            break;
        }
    }
    here.tell(&eve, "others'");
    let link = Event::Link { agent: ada.id, what: "created", data: json!({}) };
    site.trinity.shared.tell(&link);
    here.tell(&ada, "mine");
    socket.find("title", "mine").await;
    site.agent(&owner, "bob").await;
    socket.say("refresh").await;
    let refreshed = socket.find("type", "refreshed").await;
    assert_eq!(refreshed["accessible_agents"], json!(["bob", "ada"]));
    site.stage.host.accounts.revoke_key(id).await.unwrap();
    here.tell(&ada, "too late");
    assert_eq!(socket.code().await, 4001);
}

#[actix::test]
async fn one_that_does_not_keep_up_is_let_go() {
    let settings = TrinitySettings { socket_buffer_max: 4, ..TrinitySettings::default() };
    let here = Listening::of(settings).await;
    here.site.agent(&here.site.admin, "ada").await;
    let ada = here.known("ada").await;
    let mut slow = here.person(&here.site.admin).await;
    // More at once than waits for one socket; nobody gives way to it meanwhile.
    for _ in 0..400 {
        here.tell(&ada, &"x".repeat(100_000));
    }
    assert_eq!(slow.code().await, 1006);
    let mut again = here.person(&here.site.admin).await;
    here.tell(&ada, "after");
    assert_eq!(again.told().await, ["after"]);
    here.site.trinity.close().await;
    assert_eq!(again.code().await, 1001);
    assert_eq!(here.socket(&format!("/ws?token={}", here.site.admin)).await.err(), Some(503));
}

/// What is told of those types, in order, until one of the last of them comes.
async fn heard(socket: &mut Socket, types: &[&str]) -> Vec<Value> {
    let mut heard = Vec::new();
    loop {
        let frame = socket.json().await;
        let kind = frame["type"].as_str().unwrap_or_default().to_owned();
        if types.contains(&kind.as_str()) {
            heard.push(frame);
        }
        if types.last() == Some(&kind.as_str()) {
            return heard;
        }
    }
}

#[actix::test]
async fn sockets_hear_of_work_as_it_begins_and_ends() {
    let here = Listening::new().await;
    let site = &here.site;
    let owner = site.user("owner@example.org", Role::Creator).await;
    let stranger = site.user("stranger@example.org", Role::Creator).await;
    site.agent(&owner, "ada").await;
    let (_, key) = key(site, "owner@example.org").await;
    let mut person = here.person(&owner).await;
    let mut other = here.person(&stranger).await;
    let mut keyed = here.socket(&format!("/ws/events?token={key}")).await.unwrap();
    let chat = json!({"message": "Hello there"});
    let (_, said) = site.call(&owner, "POST", "/api/agents/ada/chat", chat).await;
    let execution = said["execution"]["task_execution_id"].clone();
    let told = heard(&mut person, &["chat_response_ready", "agent_activity"]).await;
    let (begun, id) = (&told[0], said["execution"]["id"].clone());
    assert_eq!(
        (&begun["activity_state"], &begun["activity_type"], &begun["activity_id"]),
        (&json!("started"), &json!("chat_start"), &id),
    );
    assert_eq!(begun["details"]["message_preview"], "Hello there");
    assert!(begun["action"].is_string() && begun["timestamp"].is_string());
    let told = heard(&mut person, &["chat_response_ready", "agent_activity"]).await;
    assert_eq!(
        (&told[0]["type"], &told[0]["execution_id"], &told[0]["agent_name"]),
        (&json!("chat_response_ready"), &execution, &json!("ada")),
    );
    let (_, sessions) =
        site.call(&owner, "GET", "/api/agents/ada/chat/sessions", Value::Null).await;
    assert_eq!(told[0]["chat_session_id"], sessions["sessions"][0]["id"]);
    assert_eq!((&told[1]["activity_state"], &told[1]["activity_id"]), (&json!("completed"), &id));
    // Those with a key hear of the work, but not of chats.
    for state in ["started", "completed"] {
        let told = heard(&mut keyed, &["chat_response_ready", "agent_activity"]).await;
        assert_eq!((told.len(), &told[0]["activity_state"]), (1, &json!(state)));
    }
    // What fails is told as such, and a task belongs to no session.
    let task = json!({"message": "!fail"});
    site.call(&owner, "POST", "/api/agents/ada/task", task).await;
    for state in ["started", "failed"] {
        let told = heard(&mut person, &["chat_response_ready", "agent_activity"]).await;
        assert_eq!((told.len(), &told[0]["activity_state"]), (1, &json!(state)), "{told:?}");
    }
    assert_eq!(other.told().await, [""; 0]);
}

#[actix::test]
async fn sockets_hear_of_agents_that_ask_one_another_if_they_may_see_both() {
    let here = Listening::new().await;
    let site = &here.site;
    let owner = site.user("owner@example.org", Role::Creator).await;
    let friend = site.user("friend@example.org", Role::User).await;
    for name in ["ada", "bob"] {
        site.agent(&owner, name).await;
    }
    let (ada, bob) = (here.known("ada").await, here.known("bob").await);
    here.share(&ada, Some("friend@example.org")).await;
    let permit = site.call(&owner, "POST", "/api/agents/ada/permissions/bob", Value::Null).await;
    assert_eq!(permit.0, 200);
    let (mut person, mut half) = (here.person(&owner).await, here.person(&friend).await);
    let asks = TestRequest::post()
        .uri("/api/agents/bob/task")
        .insert_header(("authorization", format!("Bearer {}", site.agent_key("ada").await)))
        .insert_header(("x-source-agent", "ada"))
        .set_json(json!({"message": "Help"}));
    assert_eq!(site.stage.ask(asks).await.status, 200);
    site.stage.host.registry.tell(ada.id, bob.id, "by itself").await.unwrap();
    for action in ["parallel_task", "chat"] {
        let told = heard(&mut person, &["agent_collaboration"]).await.remove(0);
        assert_eq!(
            (&told["source_agent"], &told["target_agent"], &told["action"]),
            (&json!("ada"), &json!("bob"), &json!(action)),
        );
    }
    here.tell(&ada, "last");
    assert!(heard(&mut half, &["agent_collaboration", "agent_notification"]).await.len() == 1);
}

#[actix::test]
async fn sockets_hear_how_an_agent_is_where_that_changes() {
    let here = Listening::new().await;
    let site = &here.site;
    site.agent(&site.admin, "ada").await;
    let ada = here.known("ada").await;
    let mut socket = here.person(&site.admin).await;
    let check = "/api/monitoring/agents/ada/check";
    site.call(&site.admin, "POST", check, Value::Null).await;
    here.tell(&ada, "well");
    let kinds = ["agent_health_changed", "agent_notification"];
    assert_eq!(heard(&mut socket, &kinds).await.len(), 1, "it was well before");
    // It is given up, and later goes on.
    let registry = &site.stage.host.registry;
    let running = registry.record(ada.id).await.unwrap().lifecycle.clone();
    let given_up = Lifecycle { failure: Some("it fell".into()), ..running.clone() };
    for (lifecycle, previous, current) in
        [(given_up, "healthy", "critical"), (running, "critical", "healthy")]
    {
        let now = Fact::LifecycleChanged { id: ada.id, lifecycle };
        registry.ask(ada.id, Keep { facts: vec![now], while_running: false }).await.unwrap();
        site.call(&site.admin, "POST", check, Value::Null).await;
        let told = heard(&mut socket, &["agent_health_changed"]).await.remove(0);
        assert_eq!(
            (&told["agent_name"], &told["previous_status"], &told["current_status"]),
            (&json!("ada"), &json!(previous), &json!(current)),
        );
        assert_eq!(told["issues"].as_array().unwrap().is_empty(), current == "healthy");
    }
}

#[actix::test]
async fn sockets_hear_what_became_of_credentials_at_a_start() {
    let (site, owner) = with_key(Some(KEY), "").await;
    let here = Listening::on(site);
    let site = &here.site;
    let mine = here.known("mine").await;
    let workspace = site.stage.host.workspaces.free(mine.id);
    let mut socket = here.person(&owner).await;
    for (bundle, word) in [(None, "skipped"), (Some("no bundle"), "failed")] {
        site.call(&owner, "POST", "/api/agents/mine/stop", Value::Null).await;
        if let Some(bundle) = bundle {
            workspace.write(".credentials.enc".parse().unwrap(), bundle.into()).await.unwrap();
        }
        let (_, told) = site.call(&owner, "POST", "/api/agents/mine/start", Value::Null).await;
        assert_eq!(told["credentials_injection"], word);
        let started = heard(&mut socket, &["agent_started"]).await.remove(0);
        assert_eq!(started["data"]["credentials_injection"], word);
    }
}

pub(super) async fn terminal(
    here: &Listening,
    name: &str,
    mode: &str,
    auth: &str,
) -> (Value, Socket) {
    let path = format!("/api/agents/{name}/terminal?mode={mode}&model=");
    let mut socket = here.socket(&path).await.unwrap();
    socket.say(auth).await;
    (socket.json().await, socket)
}

#[actix::test]
async fn a_terminal_is_the_console_of_those_who_may_use_the_agent() {
    let here = Listening::new().await;
    let site = &here.site;
    let owner = site.user("owner@example.org", Role::Creator).await;
    let stranger = site.user("stranger@example.org", Role::User).await;
    site.agent(&owner, "ada").await;
    site.agent(&owner, "bob").await;
    site.call(&owner, "POST", "/api/agents/bob/stop", Value::Null).await;
    let auth = |token: &str| json!({"type": "auth", "token": token}).to_string();
    for (name, mode, auth, code) in [
        ("ada", "claude", "hello".to_owned(), 4001),
        ("ada", "claude", json!({"type": "resize"}).to_string(), 4001),
        ("ada", "claude", auth("nonsense"), 4001),
        ("nobody", "claude", auth(&owner), 4004),
        ("bob", "claude", auth(&owner), 4004),
        ("ada", "claude", auth(&stranger), 4003),
        ("ada", "zsh", auth(&owner), 1008),
    ] {
        let (told, mut socket) = terminal(&here, name, mode, &auth).await;
        assert_eq!((&told["type"], &told["close"]), (&json!("error"), &json!(true)), "{told}");
        assert!(told["message"].is_string());
        assert_eq!(socket.code().await, code, "{told}");
    }
    for mode in ["claude", "gemini", "bash"] {
        let (told, mut socket) = terminal(&here, "ada", mode, &auth(&owner)).await;
        assert_eq!(told, json!({"type": "auth_success"}));
        socket.shown("> ").await;
        let (told, mut second) = terminal(&here, "ada", mode, &auth(&owner)).await;
        assert_eq!((&told["type"], second.code().await), (&json!("error"), 4002));
        socket.say(r#"{"type":"resize","cols":80,"rows":24}"#).await;
        socket.0.send(Message::binary(b"hi\r".to_vec())).await.unwrap();
        let shown = socket.shown("echo: hi\r\n> ").await;
        assert!(shown.starts_with("hi\r\n"), "{shown:?}");
        socket.0.send(Message::binary(b"/exit\r".to_vec())).await.unwrap();
        assert_eq!(socket.code().await, 1000);
    }
    let (_, mut socket) = terminal(&here, "ada", "", &auth(&owner)).await;
    socket.shown("> ").await;
    // Last of all, for the agent goes on with it and answers nothing else in this room.
    socket.0.send(Message::binary(format!("{HUSH}\r").into_bytes())).await.unwrap();
    socket.shown("hush\r\n").await;
    socket.0.send(Message::binary(vec![3])).await.unwrap();
    socket.shown("^C").await;
    site.call(&owner, "POST", "/api/agents/ada/stop", Value::Null).await;
    assert_eq!(socket.code().await, 4004);
}
