//! Control: what is stopped or halted is silent, and stays so, however the process ends.
//!
//! With as many agents as `GREENROOM_TEST_AGENTS` says, each in the middle of a call of its model.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures::{StreamExt, stream};
use serde_json::{Value, json};

use crate::support::Site;
use crate::support::http::Client;
use crate::support::model::ModelServer;
use crate::support::server::Server;
use crate::support::until;

/// Agents, where the environment does not say how many.
const AGENTS: usize = 200;

/// Requests at once.
const AT_ONCE: usize = 64;

/// Writes after which the store counts as busy.
const BUSY: usize = 1_000;

/// How soon a halt is to be silent.
const SILENT_WITHIN: Duration = Duration::from_secs(5);

const USER: &str = "aaaaaaaa-0144-4000-8000-000000000145";
const ZERO: &str = "00000000-0000-0000-0000-000000000000";

fn agents() -> usize {
    std::env::var("GREENROOM_TEST_AGENTS").map_or(AGENTS, |count| count.parse().unwrap())
}

/// For each of them something is done, many at once.
async fn each<T>(ids: &[String], act: impl AsyncFn(String) -> T) -> Vec<T> {
    stream::iter(ids.iter().cloned()).map(|id| act(id)).buffer_unordered(AT_ONCE).collect().await
}

/// Gives an agent a job; nobody waits for what comes of it.
async fn give_job(client: &Client, agent: &str, content: &str) {
    let job = json!({"agentId": agent, "userId": USER, "content": content});
    client.post("/api/messaging/jobs", &job).await.unwrap().expect(201);
}

/// Agents, each of them in the middle of a call.
async fn calling(client: &Client, model: &ModelServer) -> Vec<String> {
    let mut ids = Vec::new();
    for number in 0..agents() {
        let character = json!({"name": format!("Agent {number}"), "bio": "Waits."});
        ids.push(client.create(&character).await);
    }
    each(&ids, async |id| {
        client.post(format!("/api/agents/{id}/start"), &json!({})).await.unwrap().expect(200);
        give_job(client, &id, "!hang").await;
    })
    .await;
    model.hangs(ids.len()).await;
    ids
}

async fn state(client: &Client, agent: &str) -> String {
    let agent = client.get(format!("/api/greenroom/agents/{agent}")).await.unwrap().expect(200);
    agent["data"]["state"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn no_byte_leaves_for_agents_that_are_stopped_by_force() {
    let model = ModelServer::start().await;
    let site = Arc::new(Site::new().with("GREENROOM_MODEL__DEFAULT", &model.name()));
    let server = Server::start(&site).await;
    let client = server.client();
    let bystander = client.create(&json!({"name": "Bystander", "bio": "Goes on."})).await;
    client.post(format!("/api/agents/{bystander}/start"), &json!({})).await.unwrap().expect(200);
    let ids = calling(&client, &model).await;
    let before = (model.calls(), model.heard());
    assert_eq!(before.0, ids.len());

    let begun = Instant::now();
    let slowest = each(&ids, async |id| {
        let path = format!("/api/greenroom/agents/{id}/stop");
        let asked = Instant::now();
        let stopped = client.post(path, &json!({"force": true})).await.unwrap().expect(200);
        assert_eq!(stopped["data"]["state"], "stopped");
        asked.elapsed()
    })
    .await;
    let answered = Instant::now();
    model.hangs(0).await;
    let last = model.hung_up().await;
    println!(
        "{} agents stopped in {:?}, the slowest in {:?}; the last call gone {:?} after the last answer",
        ids.len(),
        answered - begun,
        slowest.into_iter().max().unwrap_or_default(),
        last.saturating_duration_since(answered),
    );

    assert!(model.heard_at() < Some(begun), "a byte left after the stop was asked for");

    // Nothing brings them back: no message, and nothing that another agent does meanwhile.
    each(&ids, async |id| {
        let refused =
            client.post(format!("/agents/{id}/message"), &json!({"text": "there?"})).await;
        assert!(refused.unwrap().status >= 400);
    })
    .await;
    assert_eq!((model.calls(), model.heard()), before, "a byte left for an agent that is stopped");
    let path = format!("/agents/{bystander}/message");
    client.post(path, &json!({"text": "and you?"})).await.unwrap().expect(200);
    assert_eq!(model.calls(), before.0 + 1);
}

/// Keeps the store busy until it is told to end, and counts what it keeps.
async fn write_on(client: Client, agent: String, kept: Arc<AtomicUsize>, is_over: Arc<AtomicBool>) {
    while !is_over.load(Ordering::SeqCst) {
        let room = format!("/api/memory/{agent}/memories");
        let memory = json!({"content": {"text": "busy"}, "roomId": USER, "entityId": USER});
        if client.post(room, &memory).await.is_ok_and(|answer| answer.status < 300) {
            kept.fetch_add(1, Ordering::SeqCst);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_halt_is_silent_at_once_and_holds_over_a_kill() {
    let model = ModelServer::start().await;
    let site = Arc::new(Site::new().with("GREENROOM_MODEL__DEFAULT", &model.name()));
    let server = Server::start(&site).await;
    let client = server.client();
    let ids = calling(&client, &model).await;
    let before = (model.calls(), model.heard());
    let (is_over, kept) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let writers: Vec<_> = (0..AT_ONCE)
        .map(|nth| {
            let agent = ids[nth % ids.len()].clone();
            tokio::spawn(write_on(client.clone(), agent, Arc::clone(&kept), Arc::clone(&is_over)))
        })
        .collect();

    until("the store is busy", async || (kept.load(Ordering::SeqCst) > BUSY).then_some(())).await;
    let asked = Instant::now();
    client.post("/api/greenroom/halt", &json!({})).await.unwrap().expect(200);
    let answered = Instant::now();
    model.hangs(0).await;
    let last = model.hung_up().await;
    is_over.store(true, Ordering::SeqCst);
    for writer in writers {
        writer.await.unwrap();
    }
    let kept = kept.load(Ordering::SeqCst);
    println!(
        "{} calls: the halt answered after {:?}, the last call gone {:?} after it was asked for, \
         beside {kept} writes",
        ids.len(),
        answered - asked,
        last - asked,
    );
    assert!(last - asked < SILENT_WITHIN);
    assert!(model.heard_at() < Some(asked), "a byte left after the halt was asked for");

    // Whatever would begin work does not, in this process nor in the next.
    each(&ids, async |id| give_job(&client, &id, "and now?").await).await;
    assert_eq!((model.calls(), model.heard()), before, "a byte left after the halt");
    server.kill().await;
    let server = Server::start(&site).await;
    let client = server.client();
    let halted = client.get("/api/greenroom/halt").await.unwrap().expect(200);
    assert_eq!(halted["data"]["halted"], true);
    each(&ids, async |id| {
        until("it is hosted again", async || {
            let shown = client.get(format!("/api/greenroom/agents/{id}")).await.unwrap();
            (shown.status == 200).then_some(())
        })
        .await;
        give_job(&client, &id, "and then?").await;
        let asked = client.post(format!("/agents/{id}/message"), &json!({"text": "there?"})).await;
        assert!(asked.unwrap().status >= 400);
    })
    .await;
    assert_eq!((model.calls(), model.heard()), before, "a byte left in the process after");

    // What waited is taken up once it is lifted: the agents were there all the time.
    client.post("/api/greenroom/lift", &json!({})).await.unwrap().expect(200);
    model.hangs(ids.len()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_with_a_grace_holds_over_a_kill_and_force_ends_it() {
    let model = ModelServer::start().await;
    let site = Arc::new(Site::new().with("GREENROOM_MODEL__DEFAULT", &model.name()));
    let server = Server::start(&site).await;
    let client = server.client();
    let mut ids = Vec::new();
    for name in ["Ada", "Bob"] {
        let agent = client.create(&json!({"name": name, "bio": "Waits."})).await;
        client.post(format!("/api/agents/{agent}/start"), &json!({})).await.unwrap().expect(200);
        give_job(&client, &agent, "!hang").await;
        ids.push(agent);
    }
    model.hangs(2).await;
    let say = |arguments: &[&str]| site.say(&[arguments, &["--url", &server.url()]].concat());
    assert_eq!(say(&["agents", "stop", "ada", "--grace", "300"]), "Ada is stopping\n");
    let path = format!("/api/agents/{}/stop", ids[1]);
    client.post(path, &json!({"grace_s": 300})).await.unwrap().expect(200);
    assert_eq!((state(&client, &ids[0]).await, model.hanging()), ("stopping".to_owned(), 2));
    assert_eq!(say(&["agents", "stop", "ada", "--force"]), "Ada is stopped\n");
    model.hangs(1).await;
    assert_eq!(state(&client, &ids[1]).await, "stopping");

    server.kill().await;
    let calls = model.calls();
    let server = Server::start(&site).await;
    for id in &ids {
        until("it is hosted again", async || {
            let shown = server.client().get(format!("/api/greenroom/agents/{id}")).await.unwrap();
            (shown.status == 200).then_some(())
        })
        .await;
        assert_eq!(state(&server.client(), id).await, "stopped");
    }
    assert_eq!(model.calls(), calls);
}

/// A channel of a person and an agent, with those metadata.
async fn channel(client: &Client, agent: &str, metadata: &Value) -> String {
    let channel = json!({"name": "Ch", "message_server_id": ZERO, "type": "DM",
        "participantCentralUserIds": [USER, agent], "metadata": metadata});
    let made = client.post("/api/messaging/channels", &channel).await.unwrap().expect(201);
    made["data"]["id"].as_str().unwrap().to_owned()
}

fn message(content: &str, transport: &str) -> Value {
    json!({"author_id": USER, "content": content, "message_server_id": ZERO,
        "transport": transport})
}

#[tokio::test(flavor = "multi_thread")]
async fn a_channel_says_what_a_second_message_does_while_a_reply_is_in_flight() {
    let model = ModelServer::start().await;
    let site = Arc::new(Site::new().with("GREENROOM_MODEL__DEFAULT", &model.name()));
    let server = Server::start(&site).await;
    let client = server.client();
    let agent = client.create(&json!({"name": "Ada", "bio": "Talks."})).await;
    client.post(format!("/api/agents/{agent}/start"), &json!({})).await.unwrap().expect(200);
    let odd = json!({"name": "Ch", "message_server_id": ZERO, "metadata": {"doubleTexting": "x"}});
    assert_eq!(client.post("/api/messaging/channels", &odd).await.unwrap().status, 400);

    let channel = channel(&client, &agent, &json!({"doubleTexting": "reject"})).await;
    let path = format!("/api/messaging/channels/{channel}/messages");
    let first = tokio::spawn({
        let (client, path) = (client.clone(), path.clone());
        async move { client.post(path, &message("!hang", "http")).await }
    });
    model.hangs(1).await;
    for transport in ["http", "sse", "websocket"] {
        let refused = client.post(&path, &message("and?", transport)).await.unwrap();
        assert_eq!(refused.status, 409, "{}", refused.text());
    }
    let said = client.get(&path).await.unwrap().expect(200);
    assert_eq!(said["data"]["messages"].as_array().unwrap().len(), 1, "{said}");

    let patch = |metadata: Value| {
        let request = crate::support::http::Request::new(
            "PATCH",
            format!("/api/messaging/channels/{channel}"),
        );
        request.json(&json!({"metadata": metadata}))
    };
    let refused = client.send(&patch(json!({"doubleTexting": 5}))).await.unwrap();
    assert_eq!(refused.status, 400, "{}", refused.text());
    client.send(&patch(json!({"doubleTexting": "interrupt"}))).await.unwrap().expect(200);
    let second = client.post(&path, &message("and?", "http")).await.unwrap().expect(201);
    assert_eq!(second["agentResponse"]["text"], "Stub reply to: and?");
    let first = first.await.unwrap().unwrap().expect(201);
    assert_eq!(first["agentResponse"], Value::Null);
    model.hangs(0).await;
    assert_eq!(model.calls(), 2);
    let events = client.get("/api/greenroom/liveness").await.unwrap().expect(200);
    assert_eq!(events["data"]["recent"], json!([]));
}
