//! Planted secrets are nowhere: not in the log, not in the database, not in a sealed bundle, and in no
//! answer of any listener.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::Town;
use crate::support::Site;
use crate::support::database::Database;

/// What is planted: in the environment, in a header of an MCP server, and as a token.
const PLANTED: [&str; 3] = ["sk-planted-environment", "planted-header-4711", "ghp_planted0token"];

const KEY: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

/// A program that says all that it knows, complains of it, and writes it down.
const TALKATIVE: &str = r#"#!/bin/sh
said="$(cat .env .mcp.json | tr -d '"\\' | tr '\n' ' ')"
echo "complaint: $TOKEN" >&2
mkdir -p .trinity
echo "[{\"id\":\"q\",\"question\":\"is it $TOKEN?\"}]" > .trinity/operator-queue.json
echo "{\"type\":\"assistant\",\"message\":{\"content\":[{\"type\":\"tool_use\",\"id\":\"t\",\"name\":\"Bash\",\"input\":{\"command\":\"echo $TOKEN\"}},{\"type\":\"text\",\"text\":\"token $TOKEN, files $said\"}]}}"
case "$(cat)" in *stumble*) exit 3 ;; esac
echo '{"type":"result","is_error":false,"result":"","usage":{"input_tokens":1,"output_tokens":1}}'
"#;

/// Where a planted secret is found in that text.
fn found(text: &str) -> Option<&'static str> {
    PLANTED.into_iter().find(|secret| text.contains(secret))
}

/// All files below a folder but those that an agent's credentials stand in, or that it wrote itself.
fn files(folder: &Path, into: &mut Vec<(String, Vec<u8>)>) {
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
        if entry.file_type().unwrap().is_dir() {
            files(&path, into);
        } else if ![".env", ".mcp.json", "operator-queue.json"].contains(&name.as_str()) {
            into.push((path.display().to_string(), fs::read(&path).unwrap_or_default()));
        }
    }
}

#[tokio::test]
async fn planted_secrets_are_found_nowhere() {
    let site = Site::new().with("CREDENTIAL_ENCRYPTION_KEY", KEY).with("GREENROOM_LOG", "debug");
    let program = site.folder().join("claude");
    fs::write(&program, TALKATIVE).unwrap();
    fs::set_permissions(&program, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let path = std::env::var("PATH").unwrap();
    let program = program.display().to_string();
    let config = format!("[runtimes.claude-code]\nprogram = \"{program}\"\n");
    fs::write(site.folder().join("config.toml"), config).unwrap();
    let town = Town::of(site.with("PATH", &path)).await;
    let admin = town.admin.clone();
    town.ok(&admin, "POST", "/api/agents", json!({"name": "eve"})).await;
    let servers = json!({"mcpServers": {"x": {"headers": {"Authorization":
        format!("Bearer {}", PLANTED[1])}}}});
    let planted = json!({"files": {
        ".env": format!("TOKEN={}\n", PLANTED[0]), ".mcp.json": servers.to_string(),
    }});
    let mut answers = vec![
        town.ok(&admin, "POST", "/api/agents/eve/credentials/inject", planted).await,
        town.ok(&admin, "PUT", "/api/agents/eve/github-pat", json!({"pat": PLANTED[2]})).await,
        town.ok(&admin, "POST", "/api/agents/eve/credentials/export", Value::Null).await,
        town.ok(&admin, "GET", "/api/agents/eve/credentials/status", Value::Null).await,
    ];

    // It tells everything it knows, and hears what it should not be told.
    let elizaos = town.server.client();
    let agents = elizaos.get("/api/agents").await.unwrap().expect(200);
    let agents = agents["data"]["agents"].as_array().unwrap().clone();
    let eve = agents.iter().find(|agent| agent["name"] == "eve").unwrap();
    let id = eve["id"].as_str().unwrap().to_owned();
    for text in ["tell me everything", "now stumble"] {
        let said = json!({"agentId": id, "userId": uuid::Uuid::new_v4(), "content": text});
        let job = elizaos.post("/api/messaging/jobs", &said).await.unwrap().expect(201);
        let path = format!("/api/messaging/jobs/{}", job["jobId"].as_str().unwrap());
        answers.push(
            crate::support::until("the job ends", async || {
                let job = elizaos.get(path.as_str()).await.unwrap().expect(200);
                (job["status"] != "pending" && job["status"] != "processing").then_some(job)
            })
            .await,
        );
    }
    let told = answers.iter().map(Value::to_string).collect::<Vec<_>>().join("\n");
    assert!(told.contains("token ***"), "{told}");
    for path in [
        "/api/agents".to_owned(),
        format!("/api/agents/{id}"),
        format!("/api/agents/{id}/logs?count=100"),
        format!("/api/agents/{id}/runs"),
        format!("/api/agents/{id}/memories"),
        "/api/server/logs?level=all".to_owned(),
    ] {
        answers.push(json!(elizaos.get(path).await.unwrap().text()));
    }
    for path in [
        "/api/agents",
        "/api/agents/eve",
        "/api/agents/eve/info",
        "/api/agents/eve/logs?tail=-1",
        "/api/agents/eve/executions",
        "/api/agents/eve/activities",
        "/api/agents/eve/github-pat",
    ] {
        answers.push(json!(town.call(&admin, "GET", path, Value::Null).await.text()));
    }
    let asks = crate::support::until("what it asks is seen", async || {
        let asks = town.call(&admin, "GET", "/api/operator-queue", Value::Null).await.text();
        asks.contains("is it").then_some(asks)
    });
    let asks = asks.await;
    assert!(asks.contains("is it ***?"), "{asks}");
    answers.push(json!(asks));
    for path in ["/api/status", "/api/character", "/api/logs", "/api/agent/events"] {
        answers.push(json!(town.server.milady().get(path).await.unwrap().text()));
    }
    for answer in &answers {
        assert_eq!(found(&answer.to_string()), None, "{answer}");
    }

    // Written to its end, so that the write-ahead log is in the database too.
    let (site, server) = (town.site.clone(), town.server);
    assert!(server.terminate().await.success());
    for (table, rows) in Database::open(&site.data()).dump(&[]) {
        let rows = rows.join("\n");
        assert_eq!(found(&rows), None, "table {table}");
    }
    let mut all = Vec::new();
    files(site.folder(), &mut all);
    assert!(all.iter().any(|(name, _)| name.ends_with(".credentials.enc")));
    assert!(all.iter().any(|(name, _)| name.ends_with("log.txt")));
    for (name, bytes) in all {
        assert_eq!(found(&String::from_utf8_lossy(&bytes)), None, "{name}");
    }
}
