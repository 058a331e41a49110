//! Servers that behave, and servers that do not.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use greenroom_actors::character::Character;
use greenroom_actors::figures::Tally;
use greenroom_actors::ids::{RoomId, RunId};
use greenroom_actors::masks::NoMasks;
use greenroom_actors::memory_store::MemoryStore;
use greenroom_actors::ports::{Effect, SystemClock};
use greenroom_actors::registry::Registry;
use greenroom_actors::runtime::Ports;
use greenroom_actors::settings::Settings;
use greenroom_actors::supervisor::RestartIntensity;
use serde_json::{Map, Value, json};

use super::*;
use crate::mcp::McpServerSettings;
use crate::models::{self, ModelsSettings};

/// A server in the words of a shell. What it does when it is called, its tools' names say.
const SERVER: &str = r#"
answer() { printf '{"jsonrpc":"2.0","id":%s,"result":%s}\n' "$1" "$2"; }
said() { answer "$1" '{"content":[{"type":"text","text":"'"$2"'"}]}'; }
tool() { printf '{"name":"%s","description":"Does.","inputSchema":{"type":"object"}}' "$1"; }
echo 'a greeting that is no message'
echo 'a complaint' >&2
grown=
while read -r line; do
  id=$(printf '%s' "$line" | sed -n 's/.*"id":\([0-9]*\).*/\1/p')
  case "$line" in
    *'"method":"initialize"'*)
      answer "$id" '{"protocolVersion":"2025-06-18","capabilities":{"tools":{"listChanged":true}},"serverInfo":{"name":"sh","version":"1"}}' ;;
    *'"method":"ping"'*) answer "$id" '{}' ;;
    *'"method":"tools/list"'*)
      list=
      for name in pid token die hang stall flood swell babble grow refuse $grown; do
        list="$list,$(tool $name)"
      done
      answer "$id" "{\"tools\":[${list#,}]}" ;;
    *'"name":"pid"'*) said "$id" $$ ;;
    *'"name":"token"'*) said "$id" "$TOKEN" ;;
    *'"name":"die"'*) exit 3 ;;
    *'"name":"hang"'*) while :; do sleep 1; done ;;
    *'"name":"stall"'*) ;;
    *'"name":"flood"'*) yes '{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":"x"}}' ;;
    *'"name":"swell"'*) head -c 100000 /dev/zero | tr '\0' x ;;
    *'"name":"babble"'*) yes 'no message' ;;
    *'"name":"refuse"'*) printf '{"jsonrpc":"2.0","id":%s,"error":{"code":-32602,"message":"not so"}}\n' "$id" ;;
    *'"name":"grow"'*)
      grown=grown
      echo '{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}'
      said "$id" done ;;
  esac
done
"#;

fn server() -> McpServerSettings {
    McpServerSettings {
        command: Some("sh".to_owned()),
        args: vec!["-c".to_owned(), SERVER.to_owned()],
        message_max_bytes: 50_000,
        ..McpServerSettings::default()
    }
}

fn tools<const N: usize>(servers: [(&str, McpServerSettings); N], restarts_max: u32) -> McpTools {
    let servers = servers.map(|(name, settings)| (name.to_owned(), settings));
    let settings = McpSettings {
        servers: BTreeMap::from(servers),
        restart_intensity: RestartIntensity { restarts_max, within_s: 600 },
        ..McpSettings::default()
    };
    McpTools::start(settings, Reach::Public, env).unwrap()
}

fn env(name: &str) -> Option<String> {
    match name {
        "TOKEN" => Some("s3cret".to_owned()),
        name => std::env::var(name).ok(),
    }
}

/// A host with one agent, which calls tools.
struct Caller {
    registry: Registry,
    agent: Arc<AgentRecord>,
}

impl Caller {
    async fn named(name: &str, settings: Value) -> Self {
        let ports = Ports {
            store: Arc::new(MemoryStore::new()),
            model: Arc::new(models::build(&ModelsSettings::default(), &|_| None).unwrap()),
            clock: Arc::new(SystemClock),
            tools: Arc::new(McpTools::none()),
            masks: Arc::new(NoMasks),
        };
        let bounds = Settings { arbiters: Some(0), ..Settings::default() };
        let registry = Registry::start(ports, bounds).await.unwrap();
        let mut character = Character::named(name);
        character.settings = settings.as_object().cloned();
        let agent = registry.create(character).await.unwrap();
        Self { registry, agent }
    }

    async fn call(&self, tools: &McpTools, name: &str) -> Result<String, ToolError> {
        let call = Invocation {
            agent: Arc::clone(&self.agent),
            registry: self.registry.clone(),
            run_id: RunId::new(),
            room_id: RoomId::new(),
            askers: Vec::new(),
            name: name.to_owned(),
            arguments: Map::new(),
            key: uuid::Uuid::new_v4(),
            deadline: Duration::from_secs(60),
            tally: Tally::default(),
        };
        Ok(tools.call(call).await?.text)
    }

    async fn offered(&self, tools: &McpTools) -> Vec<Tool> {
        tools.offered(Arc::clone(&self.agent)).await
    }

    async fn names(&self, tools: &McpTools) -> Vec<String> {
        self.offered(tools).await.into_iter().map(|tool| tool.spec.name).collect()
    }

    /// Calls until the server is there again.
    async fn call_again(&self, tools: &McpTools, name: &str) -> String {
        loop {
            match self.call(tools, name).await {
                Ok(text) => return text,
                Err(ToolError::Failed(_) | ToolError::Unknown(_)) => tokio::task::yield_now().await,
                Err(error) => panic!("{error}"),
            }
        }
    }
}

fn is_alive(process: &str) -> bool {
    // One that nobody has reaped yet is dead all the same.
    let stat = fs::read_to_string(Path::new("/proc").join(process).join("stat"));
    stat.is_ok_and(|stat| !stat.contains(") Z "))
}

async fn gone(process: &str) {
    while is_alive(process) {
        tokio::task::yield_now().await;
    }
}

#[actix_web::test]
async fn a_server_of_the_configuration_is_started_when_it_is_wanted_and_ends_with_the_host() {
    let named = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
    let settings = McpServerSettings {
        env: named(&["TOKEN"]),
        tools: named(&["pid", "token", "refuse"]),
        read_only: named(&["pid"]),
        ask_first: named(&["token"]),
        ..server()
    };
    let tools = tools([("files", settings)], 5);
    assert_eq!(tools.servers()[0].state, "idle");
    let ada = Caller::named("Ada", json!({})).await;
    let offered = ada.offered(&tools).await;
    let said: Vec<_> = offered
        .iter()
        .map(|tool| (tool.spec.name.as_str(), tool.effect, tool.asks_first))
        .collect();
    let expected = [
        ("files__pid", Effect::Reads, false),
        ("files__refuse", Effect::Once, false),
        ("files__token", Effect::Once, true),
    ];
    assert_eq!(said, expected);
    assert_eq!(tools.servers()[0].state, "ready");

    assert_eq!(ada.call(&tools, "files__token").await, Ok("s3cret".to_owned()));
    let refused = ada.call(&tools, "files__refuse").await;
    assert_eq!(refused, Err(ToolError::Failed("not so".to_owned())));
    for name in ["files__die", "files__", "other__pid", "pid", ""] {
        let refused = ada.call(&tools, name).await;
        assert!(matches!(refused, Err(ToolError::Refused(_))), "{name}: {refused:?}");
    }
    let process = ada.call(&tools, "files__pid").await.unwrap();
    assert!(is_alive(&process));
    tools.end().await;
    assert!(!is_alive(&process));
    assert_eq!(tools.servers()[0].state, "ended");
    assert!(matches!(ada.call(&tools, "files__pid").await, Err(ToolError::Failed(_))));
}

#[actix_web::test]
async fn a_call_without_an_answer_may_have_happened_and_its_neighbours_go_on() {
    let stalling = McpServerSettings { timeout_s: 1, ..server() };
    let tools = tools([("bad", stalling), ("good", server())], 100);
    let ada = Caller::named("Ada", json!({})).await;
    let neighbour = ada.call(&tools, "good__pid").await.unwrap();
    for (name, ends) in [
        // It answers otherwise, so that it is left as it is.
        ("bad__stall", false),
        ("bad__die", true),
        ("bad__flood", true),
        ("bad__swell", true),
        ("bad__babble", true),
        ("bad__hang", true),
    ] {
        let before = ada.call_again(&tools, "bad__pid").await;
        let unknown = ada.call(&tools, name).await;
        assert!(matches!(unknown, Err(ToolError::Unknown(_))), "{name}: {unknown:?}");
        if ends {
            gone(&before).await;
        }
        let after = ada.call_again(&tools, "bad__pid").await;
        assert_eq!(before != after, ends, "{name}");
    }
    assert_eq!(ada.call(&tools, "good__pid").await, Ok(neighbour));
    tools.end().await;
}

#[actix_web::test]
async fn one_that_breaks_too_often_is_left_alone_and_says_why() {
    let absent = McpServerSettings { command: Some("/no/such".to_owned()), ..server() };
    let mute = McpServerSettings {
        start_timeout_s: 1,
        args: vec!["-c".into(), "sleep 600".into()],
        ..server()
    };
    let rude =
        McpServerSettings { args: vec!["-c".into(), "read line; exit 1".into()], ..server() };
    let tools = tools([("absent", absent), ("mute", mute), ("rude", rude), ("well", server())], 1);
    let ada = Caller::named("Ada", json!({})).await;
    let count = ada.names(&tools).await.len();
    assert_eq!(count, 10);
    // Nobody wants them: they are tried no more.
    for (name, reason) in [("absent", "cannot be started"), ("mute", "within 1s"), ("rude", "it ")]
    {
        let status = loop {
            assert_eq!(ada.names(&tools).await.len(), count);
            let status = tools.servers().into_iter().find(|server| server.name == name).unwrap();
            if status.state == "failed" {
                break status;
            }
            tokio::task::yield_now().await;
        };
        assert!(status.reason.as_ref().is_some_and(|why| why.contains(reason)), "{status:?}");
        let refused = ada.call(&tools, &format!("{name}__pid")).await.unwrap_err();
        assert!(refused.to_string().contains(reason), "{refused}");
    }
    tools.end().await;
}

#[actix_web::test]
async fn all_that_a_server_started_ends_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("child");
    let script = format!("sleep 600 & echo $! > '{}'; trap '' TERM\n{SERVER}", file.display());
    let settings = McpServerSettings { args: vec!["-c".to_owned(), script], ..server() };
    let tools = tools([("files", settings)], 5);
    let ada = Caller::named("Ada", json!({})).await;
    assert!(!ada.names(&tools).await.is_empty());
    let child = fs::read_to_string(&file).unwrap().trim().to_owned();
    assert!(is_alive(&child));
    // Also when it dies by itself.
    assert!(ada.call(&tools, "files__die").await.is_err());
    gone(&child).await;
    // Also when nobody ends it in order.
    drop(ada.call_again(&tools, "files__pid").await);
    let child = fs::read_to_string(&file).unwrap().trim().to_owned();
    assert!(is_alive(&child));
    drop(tools);
    gone(&child).await;
}

#[actix_web::test]
async fn tools_that_come_later_are_offered_later() {
    let tools = tools([("files", server())], 5);
    let ada = Caller::named("Ada", json!({})).await;
    assert!(!ada.names(&tools).await.contains(&"files__grown".to_owned()));
    ada.call(&tools, "files__grow").await.unwrap();
    while !ada.names(&tools).await.contains(&"files__grown".to_owned()) {
        tokio::task::yield_now().await;
    }
    tools.end().await;
}

#[actix_web::test]
async fn an_agent_uses_what_it_may_and_wants() {
    let of_bob = McpServerSettings { agents: vec!["Bob".to_owned()], ..server() };
    let tools = tools([("all", server()), ("bobs", of_bob)], 5);
    for (name, wish, expected) in [
        ("Bob", json!({}), 20),
        ("Ada", json!({}), 10),
        ("Ada", json!({"mcp": {"tools": []}}), 0),
        ("Ada", json!({"mcp": {"tools": ["all__pid", "bobs"]}}), 1),
        ("Bob", json!({"mcp": {"tools": ["bobs", "all__p*"]}}), 11),
        ("Bob", json!({"mcp": {"tools": ["all__pid"], "servers": 5}}), 1),
        // Nobody may run programs by a character, or have the operator's names.
        ("Ada", json!({"mcp": {"servers": {"own": {"command": "sh"}}}}), 10),
        ("Ada", json!({"mcp": {"servers": {"bobs": {"url": "http://example.org"}}}}), 10),
    ] {
        let caller = Caller::named(name, wish.clone()).await;
        assert_eq!(caller.names(&tools).await.len(), expected, "{name} {wish}");
    }
    tools.end().await;
}

#[actix_web::test]
async fn a_characters_own_server_runs_for_its_agent_where_that_is_allowed() {
    let settings = McpSettings { allows_character_commands: true, ..McpSettings::default() };
    let tools = McpTools::start(settings, Reach::Public, env).unwrap();
    let own = json!({"command": "sh", "args": ["-c", SERVER], "env": {"TOKEN": "own"}});
    let ada = Caller::named("Ada", json!({"mcp": {"servers": {"own": own}}})).await;
    let bob = Caller::named("Bob", json!({})).await;
    assert_eq!(ada.names(&tools).await.len(), 10);
    assert!(bob.names(&tools).await.is_empty());
    assert_eq!(ada.call(&tools, "own__token").await, Ok("own".to_owned()));
    assert!(matches!(bob.call(&tools, "own__token").await, Err(ToolError::Refused(_))));
    let process = ada.call(&tools, "own__pid").await.unwrap();
    // The same agent, whose character names it no longer.
    let ada = Caller::named("Ada", json!({})).await;
    assert!(ada.names(&tools).await.is_empty());
    gone(&process).await;
    tools.end().await;
}

#[actix_web::test]
async fn a_characters_address_does_not_lead_home() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let settings = McpSettings { allows_character_urls: true, ..McpSettings::default() };
    let tools = McpTools::start(settings, Reach::Public, env).unwrap();
    for url in [format!("http://127.0.0.1:{port}/mcp"), format!("http://localhost:{port}/mcp")] {
        let own = json!({"own": {"type": "streamable-http", "url": url}});
        let ada = Caller::named("Ada", json!({"mcp": {"servers": own}})).await;
        assert!(ada.names(&tools).await.is_empty());
        assert!(ada.call(&tools, "own__pid").await.is_err());
    }
    assert!(listener.accept().now_or_never().is_none());
    tools.end().await;
}
