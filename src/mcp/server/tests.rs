//! The operations, as a client of the protocol meets them.

use std::collections::BTreeSet;
use std::time::Duration;

use actix_web::App;
use actix_web::test::{TestRequest, call_service, init_service, read_body};
use serde_json::{Value, json};

use super::*;

/// Bytes of a request.
const BODY_MAX: usize = 10_000;

/// Sends bodies to a server and hands back statuses and texts.
macro_rules! client {
    ($server:ident) => {{
        let app = init_service(App::new().service($server.scope())).await;
        async move |body: String| {
            let request = TestRequest::post().uri(PATH).set_payload(body);
            let request = request
                .insert_header(("content-type", "application/json"))
                .insert_header(("host", "localhost"))
                .insert_header(("accept", "application/json, text/event-stream"))
                .insert_header(("mcp-protocol-version", "2025-06-18"));
            let answer = call_service(&app, request.to_request()).await;
            let status = answer.status().as_u16();
            (status, String::from_utf8(read_body(answer).await.to_vec()).unwrap())
        }
    }};
}

fn request(method: &str, params: Value) -> String {
    json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).to_string()
}

/// What a call came to: its structure, or the words that refused it.
fn result(text: &str) -> Result<Value, String> {
    let answer: Value = serde_json::from_str(text).unwrap();
    if let Some(words) = answer["error"]["message"].as_str() {
        return Err(words.to_owned());
    }
    let result = &answer["result"];
    if result["isError"] == true {
        return Err(result["content"][0]["text"].as_str().unwrap().to_owned());
    }
    let told: Value = serde_json::from_str(result["content"][0]["text"].as_str().unwrap()).unwrap();
    assert_eq!(told, result["structuredContent"]);
    Ok(told)
}

#[actix_web::test]
async fn each_operation_describes_itself() {
    let server = McpServer::new(Host::in_memory().await, BODY_MAX, Duration::from_secs(10));
    let client = client!(server);
    let (status, text) = client(request("tools/list", json!({}))).await;
    assert_eq!(status, 200, "{text}");
    let answer: Value = serde_json::from_str(&text).unwrap();
    let tools = answer["result"]["tools"].as_array().unwrap();
    let mut names = BTreeSet::new();
    for tool in tools {
        let name = tool["name"].as_str().unwrap();
        assert!(names.insert(name), "{name} is there twice");
        assert!(tool["description"].as_str().unwrap().ends_with('.'), "{tool}");
        for schema in ["inputSchema", "outputSchema"] {
            assert_eq!(tool[schema]["type"], "object", "{name}");
            let fields = tool[schema]["properties"].as_object().unwrap();
            assert!(fields.values().all(|field| field["description"].is_string()), "{tool}");
            let text = tool[schema].to_string();
            assert!(!text.contains("$ref") && !text.contains("uint"), "{text}");
        }
        let hint = |name: &str| tool["annotations"][name].as_bool().unwrap();
        let (reads, ends) = (hint("readOnlyHint"), hint("destructiveHint"));
        let is_question = ["list_", "get_", "search_"].iter().any(|start| name.starts_with(start));
        assert_eq!(reads, is_question, "{name}");
        assert!(!reads || !ends && hint("idempotentHint"), "{name}");
    }
    assert_eq!(names.len(), 15, "{names:?}");
}

#[actix_web::test]
async fn an_agent_is_made_and_governed_by_calls() {
    let host = Host::in_memory().await;
    let server = McpServer::new(host.clone(), BODY_MAX, Duration::from_secs(10));
    let client = client!(server);
    let call = async |name: &str, arguments: Value| {
        let params = json!({"name": name, "arguments": arguments});
        let (status, text) = client(request("tools/call", params)).await;
        assert_eq!(status, 200, "{text}");
        result(&text)
    };
    let character = json!({"name": "Ada", "settings": {"secrets": {"KEY": "s3cret"}}});
    let made = call("create_agent", json!({"character": character})).await.unwrap();
    assert_eq!(made["agent"]["state"], "stopped");
    let shown = call("get_agent", json!({"agent": "ada"})).await.unwrap();
    assert!(!shown.to_string().contains("ecret"), "{shown}");

    let started = call("start_agent", json!({"agent": "Ada", "autonomy_every_s": 0})).await;
    assert_eq!(started.unwrap()["agent"]["state"], "running");
    let said = call("send_message", json!({"agent": "Ada", "text": "hello", "from": "Bob"})).await;
    assert!(!said.unwrap()["reply"].as_str().unwrap().is_empty());

    let runs = call("list_runs", json!({"agent": "Ada", "status": "completed"})).await.unwrap();
    assert_eq!(runs["total"], 1, "{runs}");
    let run = json!({"agent": "Ada", "run_id": runs["runs"][0]["id"]});
    let run = call("get_run", run).await.unwrap();
    assert_eq!((&run["steps"][0]["kind"], &run["steps_total"]), (&json!("model"), &json!(1)));

    let fact = json!({"agent": "Ada", "text": "the teapot is blue"});
    let memory = call("remember", fact).await.unwrap()["memory"].clone();
    let found = call("search_memories", json!({"agent": "Ada", "text": "teapot"})).await.unwrap();
    assert_eq!(found["memories"][0]["id"], memory["id"]);
    let kept = call("list_memories", json!({"agent": "Ada", "kind": "facts"})).await.unwrap();
    assert_eq!((&kept["total"], &kept["memories"][0]), (&json!(1), &memory));
    let gone = json!({"agent": "Ada", "memory_id": memory["id"]});
    assert_eq!(call("forget", gone.clone()).await.unwrap()["forgotten"], true);
    assert_eq!(call("forget", gone).await.unwrap()["forgotten"], false);

    for (name, state) in [
        ("pause_agent", "paused"),
        ("resume_agent", "running"),
        ("restart_agent", "running"),
        ("stop_agent", "stopped"),
    ] {
        let changed = call(name, json!({"agent": "Ada"})).await.unwrap();
        assert_eq!(changed["agent"]["state"], state, "{name}");
    }
    let listed = call("list_agents", json!({"state": "stopped", "limit": 9})).await.unwrap();
    assert_eq!((&listed["total"], &listed["agents"][0]["name"]), (&json!(1), &json!("Ada")));
    host.registry.shutdown(Duration::ZERO).await;
}

#[actix_web::test]
async fn what_cannot_be_done_is_refused_in_words() {
    let host = Host::in_memory().await;
    let server = McpServer::new(host.clone(), BODY_MAX, Duration::from_secs(10));
    let client = client!(server);
    let ada = json!({"character": {"name": "Ada"}});
    for (name, arguments, words) in [
        ("create_agent", ada.clone(), ""),
        ("create_agent", ada, "exists already"),
        ("create_agent", json!({"character": {}}), "missing field `name`"),
        ("create_agent", json!({"character": {"name": ""}}), "name: must not be empty"),
        (
            "create_agent",
            json!({"character": {"name": "B", "secrets": {"a": []}}}),
            "secret must be",
        ),
        ("get_agent", json!({}), "missing field `agent`"),
        ("get_agent", json!({"agent": "nobody"}), "no agent is called `nobody`"),
        ("get_agent", json!({"agent": "Ada", "x": 1}), "unknown field `x`"),
        ("get_agent", json!({"agent": 5}), "expected a string"),
        ("list_agents", json!({"state": "odd"}), "unknown variant `odd`"),
        ("list_agents", json!({"limit": -1}), "invalid value"),
        ("pause_agent", json!({"agent": "Ada"}), "cannot pause an agent that is stopped"),
        ("start_agent", json!({"agent": "Ada", "autonomy_every_s": 99_999_999}), "at most"),
        ("send_message", json!({"agent": "Ada", "text": "hello"}), "is stopped"),
        ("send_message", json!({"agent": "Ada", "text": " "}), "text: must be a text of 1"),
        ("remember", json!({"agent": "Ada", "text": "x", "kind": ""}), "kind: must be"),
        ("forget", json!({"agent": "Ada", "memory_id": "x"}), "memory_id: "),
        ("get_run", json!({"agent": "Ada", "run_id": uuid::Uuid::nil()}), "not found"),
        ("drop_tables", json!({}), "no tool is called `drop_tables`"),
    ] {
        let params = json!({"name": name, "arguments": arguments});
        let (status, text) = client(request("tools/call", params)).await;
        let refused = result(&text).err().unwrap_or_default();
        let is_as_expected = refused.contains(words) && refused.is_empty() == words.is_empty();
        // What no tool could do is refused by the protocol; it may have a status of its own.
        assert!(is_as_expected && (status == 200 || words.contains("tool")), "{name}: {text}");
    }
    for (body, expected) in [
        ("{".to_owned(), 400..500),
        ("[]".to_owned(), 400..500),
        (request("no/such", json!({})), 200..500),
        (format!("{:width$}", "{", width = BODY_MAX + 1), 413..414),
    ] {
        let (status, text) = client(body).await;
        assert!(expected.contains(&status), "{status} {text}");
    }
    host.registry.shutdown(Duration::ZERO).await;
}
