//! From an empty folder to an agent that speaks as it was told to, and does so after a kill.

use std::fs;

use serde_json::{Value, json};

use super::{with_agent, without_agent};
use crate::support::Site;
use crate::support::http::{Client, Request};
use crate::support::model::ModelServer;
use crate::support::server::Server;
use crate::support::socket::Socket;

/// A key that must be found in no file and no answer.
const KEY: &str = "sk-onboarding-4711";

async fn get(client: &Client, path: &str) -> Value {
    client.get(path).await.unwrap().expect(200)
}

/// What the agent answers in a new conversation.
async fn answer(client: &Client, text: &str) -> String {
    let made = client.post("/api/conversations", &json!({})).await.unwrap().expect(200);
    let id = made["conversation"]["id"].as_str().unwrap();
    let path = format!("/api/conversations/{id}/messages");
    let answer = client.post(path, &json!({"text": text})).await.unwrap().expect(200);
    answer["text"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_is_onboarded_speaks_by_the_chosen_provider_and_is_there_after_a_kill() {
    let model = ModelServer::start().await;
    let site = Site::new().with("OPENAI_BASE_URL", &format!("http://{}/v1", model.address()));
    let site = std::sync::Arc::new(site);
    let server = Server::start(&site).await;
    let client = server.milady();
    assert_eq!(get(&client, "/api/onboarding/status").await, json!({"complete": false}));
    let status = get(&client, "/api/status").await;
    assert_eq!((&status["state"], &status["agentName"]), (&json!("not_started"), &json!("Milady")));
    let restart = || Request::new("POST", "/api/agent/restart");
    assert_eq!(client.send(&restart()).await.unwrap().status, 501);
    let chat = client.post("/api/chat", &json!({"text": "hello"})).await.unwrap();
    assert_eq!(chat.status, 503, "{}", chat.text());

    let options = get(&client, "/api/onboarding/options").await;
    let style = &options["styles"][0];
    let body = json!({
        "name": options["names"][0], "runMode": "local", "bio": style["bio"],
        "systemPrompt": style["system"], "style": style["style"], "topics": style["topics"],
        "adjectives": style["adjectives"], "postExamples": style["postExamples"],
        "messageExamples": style["messageExamples"], "provider": "openai",
        "providerApiKey": KEY, "primaryModel": "stub"
    });
    let onboarded = client.post("/api/onboarding", &body).await.unwrap().expect(200);
    assert_eq!(onboarded, json!({"ok": true, "notes": []}));
    let restarted = client.send(&restart()).await.unwrap().expect(200);
    assert_eq!(restarted["status"]["state"], "running");
    assert_eq!(restarted["status"]["agentName"], options["names"][0]);
    assert_eq!(get(&client, "/api/status").await["model"], "openai:stub");
    assert!(answer(&client, "hello").await.starts_with("Stub reply to:"));
    let config = get(&client, "/api/config").await;

    server.kill().await;
    let server = Server::start(&site).await;
    let client = server.milady();
    assert_eq!(get(&client, "/api/onboarding/status").await, json!({"complete": true}));
    let status = get(&client, "/api/status").await;
    assert_eq!((&status["state"], &status["agentName"]), (&json!("running"), &options["names"][0]));
    assert!(answer(&client, "again").await.starts_with("Stub reply to:"));
    assert_eq!(get(&client, "/api/config").await, config);
    assert!(!config.to_string().contains(KEY));

    // Nowhere in the folder does the key stand as it is; the state folder is the host's own.
    let mut folders = vec![site.folder().to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let content = fs::read(&path).unwrap();
                let found = content.windows(KEY.len()).any(|window| window == KEY.as_bytes());
                assert!(!found, "{}", path.display());
            }
        }
    }
    let reset = client.send(&Request::new("POST", "/api/agent/reset")).await.unwrap();
    assert_eq!(reset.status, 200, "{}", reset.text());
    assert_eq!(get(&client, "/api/onboarding/status").await, json!({"complete": false}));
    assert!(!site.data().join("milady").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_is_paired_with_the_code_of_the_log() {
    let pages = tempfile::tempdir().unwrap();
    fs::write(pages.path().join("index.html"), "<!doctype html>").unwrap();
    let site = Site::new()
        .with("MILADY_API_TOKEN", " t0ken ")
        .with("GREENROOM_MILADY__UI_DIR", pages.path().to_str().unwrap());
    let site = std::sync::Arc::new(site);
    let server = Server::start(&site).await;
    let client = server.milady();
    let head = client.send(&Request::new("HEAD", "/")).await.unwrap();
    assert_eq!((head.status, head.header("content-length")), (200, Some("15")));
    assert_eq!(client.get("/chat").await.unwrap().text(), "<!doctype html>");
    assert_eq!(client.get("/api/status").await.unwrap().status, 401);
    let status = get(&client, "/api/auth/status").await;
    assert_eq!((&status["required"], &status["pairingEnabled"]), (&json!(true), &json!(true)));
    let log = fs::read_to_string(site.folder().join("log.txt")).unwrap();
    let line = log.lines().find(|line| line.contains("paired with this code")).unwrap();
    let code = line.split("code=").nth(1).unwrap().trim_matches('"');
    let code = code.get(..9).unwrap();
    let wrong = client.post("/api/auth/pair", &json!({"code": "AAAA-AAAA"})).await.unwrap();
    assert_eq!(wrong.status, 403, "{}", wrong.text());
    let paired = client.post("/api/auth/pair", &json!({"code": code})).await.unwrap().expect(200);
    assert_eq!(paired, json!({"token": "t0ken"}));
    let client = client.with("authorization", "Bearer t0ken");
    assert_eq!(client.get("/api/status").await.unwrap().status, 200);
    let log = fs::read_to_string(site.folder().join("log.txt")).unwrap();
    assert!(!log.contains("t0ken"));
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_are_told_what_waits_for_a_restart() {
    let server = Server::start(&with_agent()).await;
    let client = server.milady();
    let mut socket = Socket::open(&client, "/ws", true).await.unwrap();
    let keys = json!({"HELIUS_API_KEY": "h"});
    let put = Request::new("PUT", "/api/wallet/config").json(&keys);
    assert_eq!(client.send(&put).await.unwrap().status, 200);
    let frame = socket.packet(|packet| packet.contains("restart-required")).await;
    let frame: Value = serde_json::from_str(&frame).unwrap();
    let reasons = json!(["Wallet configuration updated"]);
    assert_eq!(frame, json!({"type": "restart-required", "reasons": reasons}));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_of_the_process_ends_it_well() {
    let mut server = Server::start(&without_agent()).await;
    let client = server.milady();
    let answer = client.send(&Request::new("POST", "/api/restart")).await.unwrap().expect(200);
    assert_eq!(answer["ok"], true);
    assert!(server.ended().await.success());
}
