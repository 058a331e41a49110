//! Message servers, channels and what is said there.

mod left;
mod refused;
mod saying;

use std::sync::Arc;

use futures::FutureExt;
use greenroom_actors::channels::ChannelEventKind;
use greenroom_actors::feed::Fed;
use greenroom_actors::ids::{AgentId, seen_by};
use greenroom_actors::ports::VirtualClock;
use greenroom_actors::time::UnixMillis;
use serde_json::{Value, json};

use super::support::{NOBODY, Stage, stage, stage_at};
use crate::dialects::elizaos::ElizaosSettings;

const NONE: Value = Value::Null;
const USER: &str = "aaaaaaaa-0141-4000-8000-000000000141";
const ZERO: &str = "00000000-0000-0000-0000-000000000000";
const API: &str = "/api/messaging";
const AGENTLESS: &str = "99999999-8888-4999-8999-999999999999";

async fn ready() -> (Stage, String) {
    let stage = stage(ElizaosSettings::default()).await;
    let agent = stage.running("Golden").await;
    (stage, agent)
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

async fn channel(stage: &Stage, agents: &[&str], kind: &str) -> String {
    let mut participants = vec![USER];
    participants.extend(agents);
    let body = json!({"name": "Ch", "message_server_id": ZERO, "type": kind,
        "participantCentralUserIds": participants});
    let (status, made) = stage.said("POST", &format!("{API}/channels"), body).await;
    assert_eq!(status, 201, "{made}");
    text(&made["data"]["id"])
}

fn said(content: &str, transport: &str) -> Value {
    json!({"author_id": USER, "content": content, "message_server_id": ZERO,
        "transport": transport})
}

async fn messages(stage: &Stage, channel: &str) -> Vec<Value> {
    let path = format!("{API}/channels/{channel}/messages");
    stage.get(&path).await.json()["data"]["messages"].as_array().unwrap().clone()
}

/// Waits until the agents are done with the newest message.
async fn settled(stage: &Stage, channel: &str) -> Vec<ChannelEventKind> {
    let mut feed = stage.host.messaging.follow(channel.parse().unwrap(), 0);
    let mut kinds = Vec::new();
    loop {
        let Fed::Event(event) = feed.next().await.unwrap() else { continue };
        kinds.push(event.kind);
        if matches!(event.kind, ChannelEventKind::Completed | ChannelEventKind::Failed) {
            return kinds;
        }
    }
}

#[actix_web::test]
async fn servers_are_made_joined_left_and_removed() {
    let (stage, agent) = ready().await;
    let on = |path: &str| format!("{API}/{path}");
    let current = stage.get(&on("message-server/current")).await.json();
    assert_eq!(current["data"], json!({"messageServerId": ZERO}));
    let body =
        json!({"name": "Second", "sourceType": "test", "sourceId": "s", "metadata": {"k": 1}});
    let (status, made) = stage.said("POST", &on("message-servers"), body).await;
    assert_eq!((status, &made["data"]["server"]["id"]), (201, &made["data"]["id"]));
    let second = text(&made["data"]["id"]);
    for (path, key) in [("message-servers", "messageServers"), ("central-servers", "servers")] {
        let listed = stage.get(&on(path)).await.json();
        assert_eq!(listed["data"][key].as_array().unwrap().len(), 2);
        assert_eq!(listed["data"][key][0]["name"], "Default Server");
    }
    for path in ["message-servers", "servers"] {
        let agents = on(&format!("{path}/{ZERO}/agents"));
        let inner = json!({"messageServerId": ZERO, "agents": [agent]});
        let heard = stage.get(&agents).await.json();
        assert_eq!((&heard["data"]["data"], &heard["data"]["agents"]), (&inner, &json!([agent])));
        let one = format!("{agents}/{agent}");
        for _ in 0..2 {
            let (status, left) = stage.said("DELETE", &one, NONE).await;
            let words = "Agent removed from message server successfully";
            assert_eq!((status, &left["data"]["data"]["message"]), (200, &json!(words)));
        }
        let of_agent = on(&format!("agents/{agent}/message-servers"));
        let heard = stage.get(&of_agent).await.json();
        assert_eq!(heard["data"]["messageServers"], json!([]));
        let (status, joined) = stage.said("POST", &agents, json!({"agentId": agent})).await;
        let words = "Agent added to message server successfully";
        assert_eq!((status, &joined["data"]["message"]), (201, &json!(words)));
        assert_eq!(joined["data"]["success"], true);
    }
    let sync = on(&format!("message-servers/{second}/sync-channels"));
    let listed = json!({"channels": [{"name": "a", "type": "GROUP", "sourceId": "1"},
        {"name": "b", "sourceId": "2"}]});
    for _ in 0..2 {
        let said = stage.said("POST", &sync, listed.clone()).await;
        assert_eq!(said, (200, json!({"success": true, "data": {"synced": 2}})));
    }
    for path in ["message-servers", "central-servers"] {
        let channels = stage.get(&on(&format!("{path}/{second}/channels"))).await.json();
        assert_eq!(channels["data"]["channels"].as_array().unwrap().len(), 2);
    }
    let path = on(&format!("message-servers/{second}"));
    assert_eq!(stage.send("DELETE", &path, NONE).await.status, 204);
    assert_eq!(stage.send("DELETE", &path, NONE).await.status, 404);
    assert_eq!(
        stage.send("DELETE", &on(&format!("message-servers/{ZERO}")), NONE).await.status,
        400
    );
}

#[actix_web::test]
async fn a_channel_is_made_changed_and_shown_with_who_is_in_it() {
    let (stage, agent) = ready().await;
    let id = channel(&stage, &[&agent], "GROUP").await;
    let path = format!("{API}/channels/{id}");
    let details = stage.get(&format!("{path}/details")).await.json();
    let both = json!([USER, agent]);
    assert_eq!(details["data"]["metadata"], json!({"participantCentralUserIds": both}));
    assert_eq!(participants(&stage, &path).await, both);
    let members = stage.get(&format!("/api/channels/{id}/members")).await.json();
    assert_eq!(members["data"]["members"][0]["name"], "User-aaaaaaaa");
    assert_eq!(members["data"]["members"][1]["name"], "Golden");
    // As the client library adds somebody: what the details showed is sent back.
    let body = json!({"participantCentralUserIds": [NOBODY, agent], "name": "New",
        "metadata": {"a": 1, "participantCentralUserIds": both}});
    let (status, patched) = stage.said("PATCH", &path, body).await;
    assert_eq!((status, &patched["data"]["data"]["name"]), (200, &json!("New")));
    assert_eq!(patched["data"]["metadata"], json!({"a": 1}));
    let now = stage.get(&format!("{API}/central-channels/{id}/agents")).await.json();
    assert_eq!(now["data"]["participants"].as_array().unwrap().len(), 2);
    let dm =
        format!("{API}/dm-channel?currentUserId={USER}&targetUserId={agent}&dmServerId={NOBODY}");
    let (first, second) = (stage.get(&dm).await.json(), stage.get(&dm).await.json());
    assert_eq!(first, second);
    let user1 = text(&first["data"]["metadata"]["user1"]);
    let user2 = text(&first["data"]["metadata"]["user2"]);
    assert_eq!(text(&first["data"]["name"]), format!("DM-{user1}-{user2}"));
    assert!(user1 < user2, "{first}");
    let listed =
        json!({"name": "L", "message_server_id": ZERO, "metadata": {"participants": [USER]}});
    let (_, made) = stage.said("POST", &format!("{API}/central-channels"), listed).await;
    let made = format!("{API}/channels/{}", made["data"]["id"].as_str().unwrap());
    assert_eq!(participants(&stage, &made).await, json!([USER]));
    assert_eq!(participants(&stage, &format!("{API}/channels/{NOBODY}")).await, json!([]));
}

/// The users who take part in a channel.
async fn participants(stage: &Stage, channel: &str) -> Value {
    let listed = stage.get(&format!("{channel}/participants")).await.json();
    let listed = listed["data"]["participants"].as_array().unwrap();
    listed
        .iter()
        .map(|one| {
            assert!(channel.ends_with(one["channelId"].as_str().unwrap()));
            assert_eq!((&one["role"], one["joinedAt"].is_string()), (&json!("member"), true));
            one["userId"].clone()
        })
        .collect()
}

#[actix_web::test]
async fn agents_and_bridges_bring_in_change_and_find_messages() {
    let (stage, agent) = ready().await;
    let id = channel(&stage, &[&agent], "DM").await;
    let on = |path: &str| format!("{API}/{path}");
    let body = json!({"channel_id": id, "server_id": ZERO, "author_id": agent, "messageId": NOBODY,
        "content": "Executing action: X", "source_type": "agent_action", "raw_message": {"a": 1}});
    let (status, made) = stage.said("POST", &on("action"), body.clone()).await;
    assert_eq!((status, &made["data"]["id"]), (201, &json!(NOBODY)));
    assert_eq!(stage.said("POST", &on("submit"), body).await.0, 409);
    let patch = json!({"content": "Done: X", "raw_message": {"actionStatus": "completed"}});
    let (_, patched) = stage.said("PATCH", &on(&format!("action/{NOBODY}")), patch).await;
    assert_eq!(patched["data"]["rawMessage"], json!({"actionStatus": "completed"}));
    let library = json!({"agentId": agent, "channelId": id, "content": "of the library"});
    let (status, made) = stage.said("POST", &on("submit"), library).await;
    assert_eq!((status, &made["data"]["sourceType"]), (201, &json!("agent_response")));
    let one = on(&format!("messages/{}", made["data"]["id"].as_str().unwrap()));
    let (status, _) = stage.said("PATCH", &one, json!({"content": "amended words"})).await;
    assert_eq!(
        (status, &stage.get(&one).await.json()["data"]["content"]),
        (200, &json!("amended words"))
    );
    let bridge = json!({"channel_id": id, "message_server_id": ZERO, "author_id": USER,
        "content": "from outside", "author_display_name": "Ext"});
    let (status, heard) = stage.said("POST", &on("ingest-external"), bridge).await;
    assert_eq!((status, &heard["message"]), (202, &json!("Message ingested and published to bus")));
    settled(&stage, &id).await;
    let platform = json!({"platform": "discord", "channelId": id, "messages": [
        {"id": "1", "authorId": "somebody", "content": "first", "timestamp": 1},
        {"id": "2", "authorId": "somebody", "content": "second"}]});
    let (status, heard) = stage.said("POST", &on("ingest-external"), platform).await;
    assert_eq!((status, &heard["data"]["processed"]), (202, &json!(2)));
    for (query, count) in [
        (json!({"query": "AMENDED", "channelId": id}), 1),
        (json!({"query": "outside from", "authorId": USER}), 1),
        (json!({"query": "nowhere"}), 0),
        (json!({"channelId": id, "limit": 2}), 2),
        (json!({"channelId": id, "to": "2020-01-01T00:00:00Z"}), 0),
    ] {
        let (status, found) = stage.said("POST", &on("messages/search"), query.clone()).await;
        let found = found["data"]["messages"].as_array().unwrap().len();
        assert_eq!((status, found), (200, count), "{query}");
    }
    for body in [
        json!({"channel_id": id, "server_id": ZERO}),
        json!({"messageId": NOBODY, "status": "completed"}),
    ] {
        let said = stage.said("POST", &on("complete"), body).await;
        assert_eq!(said, (200, json!({"success": true, "data": {"success": true}})));
    }
}

#[actix_web::test]
async fn without_a_prefix_channels_answer_in_the_other_envelope() {
    let (stage, agent) = ready().await;
    let id = channel(&stage, &[&agent], "DM").await;
    let path = format!("/messaging/channels/{id}/messages");
    assert_eq!(stage.send("POST", &path, said("hi", "http")).await.status, 201);
    let (status, body) = stage.said("GET", "/messaging/channels/x/details", NONE).await;
    assert_eq!((status, body), (400, json!({"success": false, "error": "Invalid channelId"})));
    let (status, body) = stage.said("GET", "/messaging/sessions/x", NONE).await;
    let words = "Session with ID 'x' not found";
    assert_eq!((status, body), (404, json!({"success": false, "error": words})));
    assert_eq!(stage.get("/messaging/jobs/health").await.status, 200);
    assert_eq!(stage.get("/messaging/message-servers").await.status, 404);
}

#[actix_web::test]
async fn what_is_said_reaches_nobody_beside_those_inside() {
    let (stage, agent) = ready().await;
    let other = stage.running("Other").await;
    let id = channel(&stage, &[&agent], "GROUP").await;
    let path = format!("{API}/channels/{id}/messages");
    assert_eq!(stage.send("POST", &path, said("hello", "http")).await.status, 201);
    let theirs = stage.get(&format!("/api/memory/{other}/rooms/{id}/memories")).await.json();
    assert_eq!(theirs["data"]["memories"], json!([]));
    let mut feed = stage.host.messaging.follow(other.parse().unwrap(), 0);
    assert!(feed.next().now_or_never().is_none());
}
