//! Programs that a host runs end with it, however it ends.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use rustix::process::{Pid, test_kill_process};
use serde_json::{Value, json};
use tokio::io::AsyncReadExt;
use uuid::Uuid;

use crate::support::http::Client;
use crate::support::server::Server;
use crate::support::{PATIENCE, Site, until};

/// The first time it stays, and so does what it starts in a session of its own; both hold a pipe open
/// and do not heed being asked to end. From then on it answers.
const STAYS: &str = r#"#!/bin/sh
cd SITE
if [ -e asked ]; then
    echo '{"type":"assistant","message":{"content":[{"type":"text","text":"Done."}]}}'
    echo '{"type":"result","is_error":false,"result":"Done.","usage":{}}'
    exit 0
fi
echo > asked
exec 3> pipe
trap '' TERM HUP INT PIPE
setsid sh -c 'trap "" TERM HUP INT PIPE; echo $$ > part; mv part left; sleep 1000; sleep 1000' &
while [ ! -e left ]; do sleep 0.01; done
echo $$ > part
mv part stays
sleep 1000
sleep 1000
"#;

/// A folder whose agents' program is that.
fn site() -> Arc<Site> {
    let site = Site::new();
    let folder = site.folder().display().to_string();
    let program = site.folder().join("claude");
    fs::write(&program, STAYS.replace("SITE", &folder)).unwrap();
    fs::set_permissions(&program, PermissionsExt::from_mode(0o755)).unwrap();
    let config = format!("[runtimes.claude-code]\nprogram = \"{}\"\n", program.display());
    fs::write(site.folder().join("config.toml"), config).unwrap();
    assert!(Command::new("mkfifo").arg(site.folder().join("pipe")).status().unwrap().success());
    // A program that does not end is not waited for long.
    let site = site.with("GREENROOM_SERVER__DRAIN_S", "1");
    Arc::new(site.with("PATH", &std::env::var("PATH").unwrap()))
}

/// Has an agent work by the program; answers with where its job is found.
async fn ask(client: &Client) -> String {
    let character = json!({"name": "Ada", "bio": "Works.", "settings": {"runtime": "claude-code"}});
    let agent = client.create(&character).await;
    client.post(format!("/api/agents/{agent}/start"), &json!({})).await.unwrap().expect(200);
    let said = json!({"agentId": agent, "userId": Uuid::new_v4(), "content": "work"});
    let job = client.post("/api/messaging/jobs", &said).await.unwrap().expect(201);
    format!("/api/messaging/jobs/{}", job["jobId"].as_str().unwrap())
}

/// The process whose number stands in that file, once it does.
async fn process(file: &Path) -> Pid {
    let id = until("the program stays", async || {
        fs::read_to_string(file).ok()?.trim().parse::<i32>().ok()
    });
    Pid::from_raw(id.await).unwrap()
}

/// Waits until nobody holds that pipe open any more.
fn let_go(pipe: PathBuf) -> tokio::task::JoinHandle<()> {
    tokio::spawn(async move {
        let mut held = tokio::fs::File::open(pipe).await.unwrap();
        let end = tokio::time::timeout(PATIENCE, held.read(&mut [0])).await;
        assert_eq!(end.unwrap().unwrap(), 0);
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_host_leaves_is_ended_by_the_next() {
    let site = site();
    let server = Server::start(&site).await;
    let let_go = let_go(site.folder().join("pipe"));
    let job = ask(&server.client()).await;
    let stays =
        [process(&site.folder().join("stays")).await, process(&site.folder().join("left")).await];
    server.kill().await;
    for process in stays {
        test_kill_process(process).unwrap();
    }
    let server = Server::start(&site).await;
    let_go.await.unwrap();
    // What was begun goes on, by a program of the new host.
    let client = server.client();
    let answered: Value = until("the job ends", async || {
        let job = client.get(job.as_str()).await.unwrap().expect(200);
        (job["status"] != "pending" && job["status"] != "processing").then_some(job)
    })
    .await;
    assert_eq!(answered["status"], "completed", "{answered}");
    assert!(answered.to_string().contains("Done."), "{answered}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_ends_leaves_no_program() {
    let site = site();
    let server = Server::start(&site).await;
    let let_go = let_go(site.folder().join("pipe"));
    drop(ask(&server.client()).await);
    process(&site.folder().join("stays")).await;
    assert!(server.terminate().await.success());
    let_go.await.unwrap();
}
