//! The Model Context Protocol with programs that others wrote: their client and their servers.

use std::fs;
use std::net::TcpListener;
use std::process::Stdio;
use std::sync::Arc;

use serde_json::{Value, json};
use tokio::process::{Child, Command};

use crate::support::http::Request;
use crate::support::model::ModelServer;
use crate::support::needs::wanted;
use crate::support::packages::{NODE, Packages};
use crate::support::script::Act;
use crate::support::server::Server;
use crate::support::tool_server::{Fate, ToolServer};
use crate::support::{Site, until};

/// What callers must present, where a server wants something.
const TOKEN: &str = "correct horse battery staple";

/// The package with a tool of each sort.
const EVERYTHING: &str = "@modelcontextprotocol/server-everything";

/// The package with tools for files.
const FILES: &str = "@modelcontextprotocol/server-filesystem";

fn question(method: &str) -> Request {
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": {}});
    Request::new("POST", "/mcp").header("accept", "application/json, text/event-stream").json(&body)
}

#[tokio::test]
async fn the_client_library_uses_the_hosts_tools() {
    if !wanted("clients", &NODE) {
        return;
    }
    let packages = Packages::installed().await;
    let model = ModelServer::start().await;
    for token in [None, Some(TOKEN)] {
        let site = Site::new().with("GREENROOM_MODEL__DEFAULT", &model.name());
        let site = site.with("OPENAI_API_KEY", "none");
        let site = match token {
            Some(token) => site.with("ELIZA_SERVER_AUTH_TOKEN", token),
            None => site,
        };
        let server = Server::start(&Arc::new(site)).await;
        packages.run("mcp.mjs", &[&server.url(), token.unwrap_or_default()]).await;
    }
}

#[tokio::test]
async fn the_tools_are_for_those_who_may_use_the_api_and_for_no_page_of_another_site() {
    let guarded = Site::new().with("ELIZA_SERVER_AUTH_TOKEN", TOKEN);
    let guarded = Server::start(&Arc::new(guarded)).await;
    let client = guarded.client();
    let send = async |request: Request| client.send(&request).await.unwrap().status;
    assert_eq!(send(question("tools/list")).await, 401);
    assert_eq!(send(question("tools/list").header("x-api-key", "wrong")).await, 401);
    assert_eq!(send(question("tools/list").header("x-api-key", TOKEN)).await, 200);
    let bearer = question("tools/list").header("authorization", format!("Bearer {TOKEN}"));
    assert_eq!(send(bearer).await, 200);

    let open = Server::start(&Arc::new(Site::new())).await;
    let client = open.client();
    let send = async |request: Request| client.send(&request).await.unwrap().status;
    assert_eq!(send(question("tools/list")).await, 200);
    assert_eq!(send(question("tools/list").header("origin", open.url())).await, 200);
    assert_eq!(send(question("tools/list").header("origin", "http://evil.test")).await, 403);
    // A name that leads here, but is not this machine's.
    let rebound = Request { path: "http://evil.test/mcp".to_owned(), ..question("tools/list") };
    assert_eq!(send(rebound).await, 403);
    // There are no sessions to listen to or to end.
    assert_eq!(send(Request::new("GET", "/mcp/")).await, 405);
    assert_eq!(send(Request::new("DELETE", "/mcp")).await, 405);

    let none = Site::new().with("GREENROOM_MCP__SERVES", "false");
    let none = Server::start(&Arc::new(none)).await;
    let answer = none.client().send(&question("tools/list")).await.unwrap();
    assert!(!answer.text().contains("list_agents"), "{}", answer.text());
}

/// A server over streamable HTTP. Dropped, it is killed.
struct Everything {
    _child: Child,
    url: String,
}

impl Everything {
    async fn start(packages: &Packages) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let program = packages.installed_at(EVERYTHING).join("dist/index.js");
        let mut node = Command::new("node");
        node.arg(program).arg("streamableHttp").env("PORT", port.to_string());
        let child = node.stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true).spawn();
        let child = child.unwrap();
        until("the server of tools listens", async || {
            tokio::net::TcpStream::connect(("127.0.0.1", port)).await.ok()
        })
        .await;
        Self { _child: child, url: format!("http://127.0.0.1:{port}/mcp") }
    }
}

/// The processes that were started with these words.
fn processes(words: &str) -> Vec<String> {
    let all = fs::read_dir("/proc").unwrap().flatten();
    all.map(|entry| entry.path().join("cmdline"))
        .filter(|file| fs::read_to_string(file).is_ok_and(|line| line.contains(words)))
        .filter(|file| !file.starts_with("/proc/self"))
        .map(|file| file.display().to_string())
        .collect()
}

/// Makes an agent that runs.
async fn running(server: &Server, character: Value) -> String {
    let client = server.client();
    let agent = client.create(&character).await;
    client.post(format!("/api/agents/{agent}/start"), &json!({})).await.unwrap().expect(200);
    agent
}

/// Says something to an agent; its reply.
async fn say(server: &Server, agent: &str, text: &str) -> String {
    let path = format!("/api/greenroom/agents/{agent}/message");
    let said = server.client().post(path, &json!({"text": text})).await.unwrap().expect(200);
    said["data"]["reply"].as_str().unwrap().to_owned()
}

/// The steps of an agent's last run that are calls of tools: name, status and outcome.
async fn calls(server: &Server, agent: &str) -> Vec<(String, String, String)> {
    let ask = async |name: &str, arguments: Value| {
        let params = json!({"name": name, "arguments": arguments});
        let body = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params});
        let request = Request::new("POST", "/mcp");
        let request = request.header("accept", "application/json, text/event-stream").json(&body);
        let answer = server.client().send(&request).await.unwrap().expect(200);
        answer["result"]["structuredContent"].clone()
    };
    let runs = ask("list_runs", json!({"agent": agent, "limit": 1})).await;
    let run = json!({"agent": agent, "run_id": runs["runs"][0]["id"]});
    let run = ask("get_run", run).await;
    let steps = run["steps"].as_array().unwrap().iter().filter(|step| step["kind"] == "tool");
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    steps
        .map(|step| (text(&step["name"]), text(&step["status"]), step["outcome"].to_string()))
        .collect()
}

#[tokio::test]
async fn an_agent_uses_servers_of_the_registry_by_both_transports() {
    if !wanted("clients", &NODE) {
        return;
    }
    let packages = Packages::installed().await;
    let everything = Everything::start(&packages).await;
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().canonicalize().unwrap();
    let file = folder.join("note.txt").display().to_string();
    let path = file.clone();
    let model = ModelServer::scripted(move |asked| {
        let told = asked.told();
        match (asked.said().as_str(), told.len()) {
            ("write", 0) => {
                let note = json!({"path": path, "content": "from an agent"});
                Act::call("files__write_file", note)
            }
            ("write", 1) => Act::call("files__read_text_file", json!({"path": path})),
            ("escape", 0) => Act::call("files__read_text_file", json!({"path": "/etc/passwd"})),
            ("echo", 0) => Act::Call(vec![
                ("local__echo".to_owned(), json!({"message": "near"})),
                ("web__echo".to_owned(), json!({"message": "far"})),
                ("web__get-sum".to_owned(), json!({"a": 2, "b": 40})),
            ]),
            ("tools", _) => Act::say(asked.tools.join(" ")),
            _ => Act::say(format!("done: {}", told.join(" | "))),
        }
    })
    .await;
    let program = |package: &str| packages.installed_at(package).join("dist/index.js");
    let config = format!(
        "[mcp.servers.files]\ncommand = \"node\"\nargs = [{:?}, {:?}]\n\
         read_only = [\"read_text_file\"]\nidempotent = [\"write_file\"]\n\
         [mcp.servers.local]\ncommand = \"node\"\nargs = [{:?}, \"stdio\"]\n\
         agents = [\"Ada\"]\nstarts_at_boot = true\n\
         [mcp.servers.web]\nurl = {:?}\n",
        program(FILES),
        folder,
        program(EVERYTHING),
        everything.url,
    );
    let site = Site::configured(&config).with("GREENROOM_MODEL__DEFAULT", &model.name());
    let site = Arc::new(site.with("OPENAI_API_KEY", "none"));
    let server = Server::start(&site).await;
    let ada = running(&server, json!({"name": "Ada", "bio": ["A test."]})).await;
    let mcp = json!({"tools": ["files__read_text_file", "local"]});
    let bob = json!({"name": "Bob", "bio": ["A test."], "settings": {"mcp": mcp}});
    let bob = running(&server, bob).await;

    let tools = say(&server, &ada, "tools").await;
    for name in ["files__write_file", "local__echo", "web__echo"] {
        assert!(tools.split(' ').any(|tool| tool == name), "{name}: {tools}");
    }
    let shown = server.client().get("/api/greenroom/mcp").await.unwrap().expect(200);
    for server in shown["data"]["servers"].as_array().unwrap() {
        assert_eq!(server["state"], "ready", "{server}");
        assert_ne!(server["tools"], 0, "{server}");
    }
    let tools = say(&server, &bob, "tools").await;
    assert!(tools.contains("files__read_text_file"), "{tools}");
    assert!(!tools.contains("files__write_file") && !tools.contains("__echo"), "{tools}");

    let reply = say(&server, &ada, "write").await;
    assert!(reply.ends_with("from an agent"), "{reply}");
    assert_eq!(fs::read_to_string(&file).unwrap(), "from an agent");
    let steps = calls(&server, &ada).await;
    let names: Vec<_> = steps.iter().map(|(name, status, _)| (&**name, &**status)).collect();
    assert_eq!(names, [("files__write_file", "succeeded"), ("files__read_text_file", "succeeded")]);

    let reply = say(&server, &ada, "escape").await;
    assert!(reply.contains("failed"), "{reply}");
    assert_eq!(calls(&server, &ada).await[0].1, "failed");

    let reply = say(&server, &ada, "echo").await;
    assert!(["near", "far", "42"].iter().all(|word| reply.contains(word)), "{reply}");

    // What the host runs ends with it: when it is told to end, and when it is killed.
    let folder = folder.display().to_string();
    assert_eq!(processes(&folder).len(), 1);
    assert!(server.terminate().await.success());
    assert_eq!(processes(&folder), Vec::<String>::new());
    let server = Server::start(&site).await;
    running_again(&server, &ada).await;
    assert!(say(&server, &ada, "tools").await.contains("files__"));
    assert_eq!(processes(&folder).len(), 1);
    server.kill().await;
    until("the server of tools is gone", async || processes(&folder).is_empty().then_some(()))
        .await;
}

/// Waits until an agent runs again after its host was started anew.
async fn running_again(server: &Server, agent: &str) {
    until("the agent runs", async || {
        let shown = server.client().get(format!("/api/greenroom/agents/{agent}")).await.ok()?;
        (shown.parsed()?["data"]["state"] == "running").then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_call_whose_answer_does_not_come_is_never_sent_again() {
    let tools = ToolServer::with(|_, arguments| {
        let fate = match arguments["token"].as_str() {
            Some("cut") => Fate::BreakOff,
            Some("broken") => Fate::Break,
            Some("no") => Fate::Fail,
            _ => Fate::Answer,
        };
        (std::time::Duration::ZERO, fate)
    })
    .await;
    let model = ModelServer::scripted(|asked| match asked.told().as_slice() {
        [] => Act::call(&ToolServer::name("charge"), json!({"token": asked.said()})),
        told => Act::say(told.join(" | ")),
    })
    .await;
    let site = Site::configured(&tools.config()).with("GREENROOM_MODEL__DEFAULT", &model.name());
    let server = Server::start(&Arc::new(site.with("OPENAI_API_KEY", "none"))).await;
    let ada = running(&server, json!({"name": "Ada", "bio": ["A test."]})).await;
    for (token, status, words) in [
        ("well", "succeeded", "charge 0"),
        ("cut", "outcome_unknown", "not known"),
        ("broken", "outcome_unknown", "not known"),
        ("no", "failed", "not possible"),
    ] {
        let reply = say(&server, &ada, token).await;
        assert!(reply.contains(words), "{token}: {reply}");
        let steps = calls(&server, &ada).await;
        assert_eq!(steps.len(), 1, "{token}: {steps:?}");
        assert_eq!(steps[0].1, status, "{token}: {steps:?}");
    }
    let ledger = tools.ledger();
    assert!(ledger.iter().all(|call| call.tool == "charge"));
    let tokens: Vec<_> = ledger.iter().map(|call| call.arguments["token"].as_str()).collect();
    assert_eq!(tokens, [Some("well"), Some("cut"), Some("broken"), Some("no")]);
    let mut keys: Vec<_> = ledger.iter().map(|call| call.key.clone().unwrap()).collect();
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), 4);
}
