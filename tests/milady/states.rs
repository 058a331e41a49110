//! The states of the one agent: each action in each of them, and what is found after the process was
//! killed.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{with_agent, without_agent};
use crate::support::Site;
use crate::support::http::Client;
use crate::support::server::Server;

/// Whatever brings the agent into a state of its own.
const WAYS: [&[&str]; 5] =
    [&["start"], &["pause"], &["stop"], &["stop", "pause"], &["stop", "resume"]];

/// What can be asked of it.
const ACTIONS: [&str; 5] = ["start", "stop", "pause", "resume", "restart"];

/// What is to be seen of the agent.
#[derive(Clone, Debug, PartialEq)]
struct Seen {
    state: &'static str,
    /// Whether it counts the time since it was started.
    is_timed: bool,
}

impl Seen {
    /// What is to be seen after an action. No state refuses any.
    fn after(self, action: &str) -> Self {
        let Self { is_timed, .. } = self;
        match action {
            "start" | "restart" => Self { state: "running", is_timed: true },
            "stop" => Self { state: "stopped", is_timed: false },
            "pause" => Self { state: "paused", is_timed },
            "resume" => Self { state: "running", is_timed },
            _ => panic!("{action}"),
        }
    }
}

/// Does it, and checks every field of the answer.
async fn act(client: &Client, action: &str, before: Seen, has_agent: bool) -> Seen {
    let answer = client.post(format!("/api/agent/{action}"), &json!({})).await.unwrap();
    if action == "restart" && !has_agent {
        assert_eq!(answer.status, 501, "{}", answer.text());
        assert!(answer.text().contains("not supported"), "{}", answer.text());
        return before;
    }
    let answer = answer.expect(200);
    let after = before.after(action);
    let status = &answer["status"];
    let mut keys = vec!["state", "agentName"];
    if has_agent && after.is_timed {
        keys.push("model");
    }
    if after.is_timed && action != "restart" {
        keys.push("uptime");
    }
    if after.is_timed {
        keys.push("startedAt");
    }
    assert_eq!(names(status), keys, "{action}: {answer}");
    let is_restart = action == "restart";
    let expected =
        if is_restart { &["ok", "pendingRestart", "status"][..] } else { &["ok", "status"] };
    assert_eq!(names(&answer), expected);
    assert_eq!((&answer["ok"], &status["state"]), (&json!(true), &json!(after.state)));
    if action == "start" {
        assert_eq!(status["uptime"], 0);
    }
    after
}

/// What the other endpoints tell of it.
async fn is_seen(client: &Client, seen: &Seen, has_agent: bool) {
    let status = client.get("/api/status").await.unwrap().expect(200);
    let expected = (&json!(seen.state), seen.is_timed, seen.is_timed && has_agent);
    let found = (&status["state"], status.get("uptime").is_some(), status.get("model").is_some());
    assert_eq!(found, expected, "{status}");
    assert_eq!(status["agentName"], "Milady");
    assert_eq!(status["startup"]["phase"], if has_agent { "running" } else { "idle" });
    let autonomy = client.get("/api/agent/autonomy").await.unwrap().expect(200);
    let is_on = has_agent && seen.state == "running";
    assert_eq!((&autonomy["enabled"], &autonomy["thinking"]), (&json!(is_on), &json!(is_on)));
}

fn names(object: &Value) -> Vec<&str> {
    object.as_object().unwrap().keys().map(String::as_str).collect()
}

async fn each_state_takes_each_action(site: &Arc<Site>, fresh: Seen, has_agent: bool) {
    let mut server = Server::start(site).await;
    let mut seen = fresh;
    is_seen(&server.milady(), &seen, has_agent).await;
    for way in WAYS {
        for action in ACTIONS {
            for step in way.iter().chain([&action]) {
                seen = act(&server.milady(), step, seen, has_agent).await;
            }
            is_seen(&server.milady(), &seen, has_agent).await;
            server.kill().await;
            server = Server::start(site).await;
            is_seen(&server.milady(), &seen, has_agent).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_is_found_again_in_the_state_it_was_left_in() {
    let fresh = Seen { state: "running", is_timed: true };
    each_state_takes_each_action(&with_agent(), fresh, true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn so_is_a_host_without_one() {
    let fresh = Seen { state: "not_started", is_timed: false };
    each_state_takes_each_action(&without_agent(), fresh, false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reset_leaves_no_agent_until_a_restart_makes_one() {
    let site = with_agent();
    let mut server = Server::start(&site).await;
    let other = server.client().create(&json!({"name": "Ada", "bio": "Stays."})).await;
    for _ in 0..2 {
        let reset = server.milady().post("/api/agent/reset", &json!({})).await.unwrap().expect(200);
        assert_eq!(reset, json!({"ok": true}));
        let stopped = Seen { state: "stopped", is_timed: false };
        is_seen(&server.milady(), &stopped, false).await;
        server.kill().await;
        server = Server::start(&site).await;
        is_seen(&server.milady(), &stopped, false).await;
        let agents = server.client().get("/api/agents").await.unwrap().expect(200);
        assert_eq!(agents["data"]["agents"].as_array().unwrap().len(), 1);
        assert_eq!(agents["data"]["agents"][0]["id"], json!(other));

        let started = act(&server.milady(), "start", stopped, false).await;
        is_seen(&server.milady(), &started, false).await;
        act(&server.milady(), "restart", started.clone(), true).await;
        is_seen(&server.milady(), &started, true).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_could_be_anything_is_not_deleted() {
    let site = Site::new();
    let home = site.folder().join("home");
    let folder = home.join("precious");
    std::fs::create_dir_all(&folder).unwrap();
    let site = Arc::new(
        site.with("GREENROOM_MILADY__AGENT", "milady")
            .with("HOME", home.to_str().unwrap())
            .with("MILADY_STATE_DIR", folder.to_str().unwrap()),
    );
    let server = Server::start(&site).await;
    let refused = server.milady().post("/api/agent/reset", &json!({})).await.unwrap();
    let words = refused.expect(400)["error"].as_str().unwrap().to_owned();
    assert!(words.contains("safe to delete"), "{words}");
    // Nothing was touched: neither the folder nor the agent.
    assert!(folder.is_dir());
    is_seen(&server.milady(), &Seen { state: "running", is_timed: true }, true).await;
}
