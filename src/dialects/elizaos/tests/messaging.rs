//! Message servers, channels and what is said there.

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
async fn what_cannot_be_is_refused_in_the_recorded_words() {
    let (stage, agent) = ready().await;
    let id = channel(&stage, &[&agent], "DM").await;
    let payload = "Invalid payload. Required: name, message_server_id (UUID), \
        participantCentralUserIds (array of UUIDs). Optional: type, metadata.";
    let fields = "Missing required fields: channelId, message_server_id, author_id, content";
    let submit = "Missing required fields: channel_id, message_server_id, author_id, content, \
        source_type, raw_message";
    let pigeon = "Invalid transport \"pigeon\". Must be one of: http, sse, websocket, sync, stream";
    let full = |key: &str, value: Value| {
        let mut body = json!({"channel_id": id, "message_server_id": ZERO, "author_id": agent,
            "content": "x", "source_type": "t", "raw_message": {}});
        body[key] = value;
        body
    };
    let say = |key: &str, value: Value| {
        let mut body = said("x", "websocket");
        body[key] = value;
        body
    };
    let talk = format!("channels/{id}/messages");
    let none = NOBODY;
    for (method, path, body, status, words) in [
        (
            "POST",
            "message-servers".to_owned(),
            json!({"name": "x"}),
            400,
            "Missing required fields: name, sourceType",
        ),
        ("GET", "message-servers/x/agents".to_owned(), NONE, 400, "Invalid messageServerId format"),
        (
            "GET",
            format!("message-servers/{none}/agents"),
            NONE,
            403,
            "Cannot access agents for a different server",
        ),
        (
            "POST",
            format!("message-servers/{none}/agents"),
            json!({"agentId": agent}),
            403,
            "Cannot modify agents for a different server",
        ),
        (
            "POST",
            format!("message-servers/{ZERO}/agents"),
            json!({"agentId": "x"}),
            400,
            "Invalid messageServerId or agentId format",
        ),
        (
            "POST",
            format!("message-servers/{ZERO}/agents"),
            json!({"agentId": none}),
            404,
            "Agent not found",
        ),
        (
            "DELETE",
            format!("servers/{none}/agents/{agent}"),
            NONE,
            403,
            "Cannot modify agents for a different server",
        ),
        ("GET", "agents/x/message-servers".to_owned(), NONE, 400, "Invalid agentId format"),
        ("GET", "message-servers/x/channels".to_owned(), NONE, 400, "Invalid messageServerId"),
        (
            "POST",
            format!("message-servers/{none}/sync-channels"),
            json!({"channels": []}),
            404,
            "Message server not found",
        ),
        (
            "POST",
            "channels".to_owned(),
            json!({"name": "E"}),
            400,
            "Invalid message_server_id format",
        ),
        (
            "POST",
            "channels".to_owned(),
            json!({"name": "", "message_server_id": ZERO}),
            400,
            payload,
        ),
        (
            "POST",
            "channels".to_owned(),
            json!({"name": "E", "message_server_id": ZERO, "participantCentralUserIds": ["x"]}),
            400,
            payload,
        ),
        (
            "POST",
            "channels".to_owned(),
            json!({"name": "E", "server_id": none}),
            404,
            "Message server not found",
        ),
        ("GET", "dm-channel".to_owned(), NONE, 400, "Missing targetUserId or currentUserId"),
        (
            "GET",
            format!("dm-channel?currentUserId={USER}&targetUserId={USER}"),
            NONE,
            400,
            "Cannot create DM channel with oneself",
        ),
        ("GET", "channels/x/details".to_owned(), NONE, 400, "Invalid channelId"),
        ("GET", format!("channels/{none}/details"), NONE, 404, "Channel not found"),
        ("GET", "channels/x/participants".to_owned(), NONE, 400, "Invalid channelId"),
        ("GET", "channels/x/agents".to_owned(), NONE, 400, "Invalid channelId format"),
        (
            "POST",
            format!("channels/{id}/agents"),
            json!({"agentId": "x"}),
            400,
            "Invalid channelId or agentId format",
        ),
        (
            "POST",
            format!("channels/{none}/agents"),
            json!({"agentId": agent}),
            404,
            "Channel not found",
        ),
        (
            "DELETE",
            format!("channels/{id}/agents/{none}"),
            NONE,
            404,
            "Agent is not a participant in this channel",
        ),
        ("DELETE", format!("channels/{none}/agents/{agent}"), NONE, 404, "Channel not found"),
        ("PATCH", "channels/x".to_owned(), json!({}), 400, "Invalid channelId"),
        ("PATCH", format!("channels/{none}"), json!({"name": "x"}), 404, "Channel not found"),
        ("DELETE", "channels/x".to_owned(), NONE, 400, "Invalid channelId"),
        ("DELETE", "channels/x/messages".to_owned(), NONE, 400, "Invalid channelId"),
        (
            "DELETE",
            format!("channels/{id}/messages/x"),
            NONE,
            400,
            "Invalid channelId or messageId",
        ),
        (
            "POST",
            "channels/x/generate-title".to_owned(),
            json!({"agentId": agent}),
            400,
            "Invalid channel ID format",
        ),
        (
            "POST",
            format!("channels/{id}/generate-title"),
            json!({}),
            400,
            "Valid agent ID is required",
        ),
        (
            "POST",
            format!("channels/{id}/generate-title"),
            json!({"agentId": none}),
            404,
            "Agent not found or not active",
        ),
        ("GET", "channels/x/messages".to_owned(), NONE, 400, "Invalid channelId"),
        ("POST", "channels/x/messages".to_owned(), said("x", "http"), 400, fields),
        ("POST", talk.clone(), say("author_id", json!("x")), 400, fields),
        ("POST", talk.clone(), say("content", json!("")), 400, fields),
        ("POST", talk.clone(), say("message_server_id", json!("x")), 400, fields),
        ("POST", talk.clone(), say("transport", json!("pigeon")), 400, pigeon),
        (
            "POST",
            talk.clone(),
            say("transport", json!(5)),
            400,
            "Invalid transport type \"number\". Transport must be a string.",
        ),
        (
            "POST",
            format!("channels/{none}/messages"),
            say("message_server_id", json!(none)),
            404,
            &format!("Server {none} does not exist"),
        ),
        (
            "POST",
            format!("channels/{none}/messages"),
            said("x", "websocket"),
            400,
            "No agent found in channel participants",
        ),
        ("POST", "submit".to_owned(), full("content", json!("")), 400, submit),
        (
            "POST",
            "submit".to_owned(),
            full("in_reply_to_message_id", json!("x")),
            400,
            "Invalid in_reply_to_message_id format",
        ),
        (
            "POST",
            "submit".to_owned(),
            full("messageId", json!("x")),
            400,
            "Invalid messageId format",
        ),
        (
            "POST",
            "submit".to_owned(),
            full("channel_id", json!(AGENTLESS)),
            404,
            "Channel not found",
        ),
        ("POST", "action".to_owned(), full("raw_message", NONE), 400, submit),
        ("PATCH", "action/x".to_owned(), json!({}), 400, "Invalid message id"),
        ("PATCH", format!("action/{none}"), json!({"content": "x"}), 404, "Message not found"),
        (
            "PATCH",
            format!("action/{none}"),
            json!({"author_id": "x"}),
            400,
            "Invalid author_id format",
        ),
        (
            "POST",
            "ingest-external".to_owned(),
            json!({"channel_id": id, "content": "x"}),
            400,
            "Invalid external message payload",
        ),
        ("GET", format!("messages/{none}"), NONE, 404, "Message not found"),
        ("PATCH", format!("messages/{none}"), json!({"content": "x"}), 404, "Message not found"),
        ("GET", "../channels/x/members".to_owned(), NONE, 400, "Invalid channel ID format"),
        ("GET", format!("../channels/{AGENTLESS}/members"), NONE, 404, "Channel not found"),
    ] {
        let path = match path.strip_prefix("../") {
            Some(path) => format!("/api/{path}"),
            None => format!("{API}/{path}"),
        };
        let (got, body) = stage.said(method, &path, body).await;
        assert_eq!((got, &body["error"]["message"]), (status, &json!(words)), "{method} {path}");
        assert_eq!(body["success"], false);
    }
    // It was said all the same.
    assert_eq!(messages(&stage, NOBODY).await.len(), 1);
}

const AGENTLESS: &str = "99999999-8888-4999-8999-999999999999";

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
async fn each_transport_brings_the_answer_and_leaves_the_same_behind() {
    let (stage, agent) = ready().await;
    let agent_id: AgentId = agent.parse().unwrap();
    for transport in ["websocket", "http", "sse"] {
        let id = channel(&stage, &[&agent], "DM").await;
        let path = format!("{API}/channels/{id}/messages");
        let heard = stage.send("POST", &path, said("hello", transport)).await;
        let user = match transport {
            "sse" => {
                assert_eq!(heard.header("content-type"), "text/event-stream");
                let events = heard.events();
                let names: Vec<_> = events.iter().map(|(name, _)| name.as_str()).collect();
                assert_eq!(names, ["user_message", "chunk", "chunk", "done"]);
                let text: String =
                    events[1..3].iter().map(|(_, data)| data["chunk"].as_str().unwrap()).collect();
                assert_eq!(text, "echo: hello");
                let done = &events[3].1;
                assert_eq!((&done["text"], &done["type"]), (&json!(text), &json!("complete")));
                assert_eq!(done["responseId"], events[1].1["messageId"]);
                assert_eq!(events[2].1["index"], 1);
                events[0].1.clone()
            }
            _ => {
                let body = heard.json();
                assert_eq!((heard.status, &body["success"]), (201, &json!(true)));
                assert_eq!(body["data"]["content"], "hello");
                assert_eq!(body["data"]["userMessage"], body["userMessage"]);
                if transport == "http" {
                    assert_eq!(body["agentResponse"]["text"], "echo: hello");
                    let replied = body["agentResponse"]["inReplyTo"].as_str().unwrap();
                    let message = body["userMessage"]["id"].as_str().unwrap();
                    let memory = seen_by(agent_id, &format!("{message}-{agent}"));
                    assert_eq!(replied, seen_by(agent_id, &memory.to_string()).to_string());
                } else {
                    assert!(body.get("agentResponse").is_none());
                }
                body["userMessage"].clone()
            }
        };
        assert_eq!((&user["authorId"], &user["source_type"]), (&json!(USER), &json!("eliza_gui")));
        let kinds = settled(&stage, &id).await;
        use ChannelEventKind::{Completed, Said};
        assert_eq!(kinds, [Said, Said, Completed], "{transport}");
        let kept = messages(&stage, &id).await;
        assert_eq!(kept.len(), 2, "{transport}");
        assert_eq!(kept[0]["content"], "echo: hello");
        assert_eq!(
            (&kept[0]["sourceType"], &kept[0]["authorId"]),
            (&json!("agent_response"), &json!(agent))
        );
        assert_eq!(kept[0]["inReplyToRootMessageId"], user["id"]);
        assert_eq!(kept[0]["metadata"]["actions"], json!(["REPLY"]));
        assert!(kept[0]["created_at"].is_number() && kept[0]["createdAt"].is_string());
        let remembered = format!("/api/memory/{agent}/rooms/{id}/memories");
        let memories = stage.get(&remembered).await.json()["data"]["memories"].clone();
        assert_eq!(memories.as_array().unwrap().len(), 2, "{transport}");
        let is_kept = |memory: &Value| memory["id"] == kept[0]["id"];
        assert!(memories.as_array().unwrap().iter().any(is_kept));
        // Removing one message, then all, takes the memories with it.
        let one = format!("{path}/{}", user["id"].as_str().unwrap());
        assert_eq!(stage.send("DELETE", &one, NONE).await.status, 204);
        let memories = stage.get(&remembered).await.json()["data"]["memories"].clone();
        assert_eq!(memories.as_array().unwrap().len(), 1);
        let all = if transport == "http" { format!("{API}/channels/{id}") } else { path };
        if transport == "http" {
            for _ in 0..2 {
                assert_eq!(stage.send("DELETE", &all, NONE).await.status, 204);
            }
        } else {
            for deleted in [1, 0] {
                let data = json!({"success": true, "deleted": deleted});
                let said = stage.said("DELETE", &all, NONE).await;
                assert_eq!(said, (200, json!({"success": true, "data": data})));
            }
        }
        assert_eq!(stage.get(&remembered).await.json()["data"]["memories"], json!([]));
        assert!(messages(&stage, &id).await.is_empty());
    }
}

#[actix_web::test]
async fn an_answer_that_does_not_come_is_told_at_once() {
    let (stage, agent) = ready().await;
    let id = channel(&stage, &[&agent], "DM").await;
    let path = format!("{API}/channels/{id}/messages");
    let (status, body) = stage.said("POST", &path, said("!fail", "sync")).await;
    let words = "Failed to process message in HTTP transport";
    assert_eq!((status, &body["error"]["message"]), (500, &json!(words)));
    let events = stage.send("POST", &path, said("!fail", "stream")).await.events();
    let last = events.last().unwrap();
    let error = json!({"error": "The model did not answer", "type": "error"});
    assert_eq!((events.len(), last), (2, &("error".to_owned(), error)));
    let (status, body) = stage.said("POST", &path, said("!ignore", "http")).await;
    assert_eq!((status, &body["agentResponse"]), (201, &NONE));
    let events = stage.send("POST", &path, said("!ignore", "sse")).await.events();
    assert_eq!(
        (events.last().unwrap().0.as_str(), &events.last().unwrap().1["text"]),
        ("done", &json!(""))
    );

    stage.send("POST", &format!("/api/agents/{agent}/stop"), NONE).await;
    let (status, body) = stage.said("POST", &path, said("x", "http")).await;
    assert_eq!((status, &body["error"]["message"]), (500, &json!(words)));
    let events = stage.send("POST", &path, said("x", "sse")).await.events();
    let words = format!("Agent {agent} not found in registry");
    assert_eq!((events.len(), &events[1].1["error"]), (2, &json!(words)));
    assert_eq!(stage.send("POST", &path, said("x", "websocket")).await.status, 201);
    assert_eq!(messages(&stage, &id).await.len(), 7);
    // Who follows the channel learns of each message that it was dealt with, or why it was not.
    let channel_id = id.parse().unwrap();
    let events = stage.host.messaging.events(channel_id, 0, 99).await.unwrap();
    let ends = events.iter().filter(|event| {
        matches!(event.kind, ChannelEventKind::Completed | ChannelEventKind::Failed)
    });
    assert_eq!(ends.count(), 7);
}

#[actix_web::test]
async fn a_message_for_no_agent_is_dealt_with_at_once() {
    let (stage, _) = ready().await;
    let id = channel(&stage, &[], "DM").await;
    let path = format!("{API}/channels/{id}/messages");
    assert_eq!(stage.send("POST", &path, said("x", "http")).await.status, 400);
    let events = stage.host.messaging.events(id.parse().unwrap(), 0, 9).await.unwrap();
    let kinds: Vec<_> = events.into_iter().map(|event| event.kind).collect();
    assert_eq!(kinds, [ChannelEventKind::Said, ChannelEventKind::Completed]);
}

#[actix_web::test]
async fn what_is_cut_off_by_the_end_of_the_host_may_be_tried_again() {
    let (stage, agent) = ready().await;
    let id = channel(&stage, &[&agent], "DM").await;
    let path = format!("{API}/channels/{id}/messages");
    stage.host.stop.request();
    let (status, body) = stage.said("POST", &path, said("!fail", "http")).await;
    assert_eq!((status, &body["error"]["code"]), (503, &json!("SHUTTING_DOWN")));
}

#[actix_web::test]
async fn nobody_waits_for_a_fleet_that_is_halted() {
    let (stage, agent) = ready().await;
    let id = channel(&stage, &[&agent], "DM").await;
    let path = format!("{API}/channels/{id}/messages");
    let begun = json!({"agentId": agent, "userId": NOBODY});
    let (_, begun) = stage.said("POST", "/api/messaging/sessions", begun).await;
    let session = begun["sessionId"].as_str().unwrap();
    let in_session = format!("/api/messaging/sessions/{session}/messages");
    stage.host.registry.halt().await.unwrap();
    for transport in ["http", "sse"] {
        let (status, body) = stage.said("POST", &path, said("x", transport)).await;
        assert_eq!((status, &body["error"]["code"]), (503, &json!("HALTED")), "{transport}");
        assert_eq!(stage.send("POST", &in_session, said("x", transport)).await.status, 503);
    }
    assert!(messages(&stage, &id).await.is_empty(), "refused, so not kept");
    // Who does not wait is heard once it goes on.
    assert_eq!(stage.send("POST", &path, said("x", "websocket")).await.status, 201);
}

#[actix_web::test]
async fn a_channel_comes_to_be_when_somebody_speaks_in_it() {
    let (stage, agent) = ready().await;
    let (dm, chat) = (NOBODY, AGENTLESS);
    let mut body = said("hi", "http");
    body["metadata"] = json!({"isDm": true, "targetUserId": agent, "user_display_name": "Uma"});
    let (status, heard) = stage.said("POST", &format!("{API}/channels/{dm}/messages"), body).await;
    assert_eq!((status, &heard["userMessage"]["author_display_name"]), (201, &json!("Uma")));
    let made = stage.get(&format!("{API}/channels/{dm}/details")).await.json()["data"].clone();
    assert_eq!((&made["name"], &made["type"]), (&json!("DM 99999999"), &json!("DM")));
    assert_eq!(made["sourceType"], "auto_created");
    assert_eq!(made["metadata"]["created_by"], "gui_auto_creation");
    assert_eq!(made["metadata"]["participantCentralUserIds"], json!([USER, agent]));
    // As the client library says something: without author and server, to one who is not inside.
    let path = format!("{API}/channels/{chat}/messages");
    let body = json!({"content": "hi", "metadata": {"targetAgentId": agent}});
    let (status, heard) = stage.said("POST", &path, body).await;
    assert_eq!((status, &heard["data"]["channelId"]), (201, &json!(chat)));
    settled(&stage, chat).await;
    let metadata = &messages(&stage, chat).await[0]["metadata"];
    let told = json!({"agent_id": agent, "agentName": "Golden", "channelType": "GROUP",
        "isDm": false, "thought": "", "actions": ["REPLY"]});
    assert_eq!(metadata, &told);
    assert_eq!(messages(&stage, chat).await.len(), 2);
    let query = format!("{path}?limit=1&offset=1");
    assert_eq!(stage.get(&query).await.json()["data"]["messages"][0]["content"], "hi");
    assert_eq!(stage.get(&format!("{path}?limit=0")).await.json()["data"]["messages"], json!([]));
    for (query, count) in
        [("before=1000", 0), ("after=1000", 2), ("before=2020-01-01", 0), ("before=x", 2)]
    {
        let found = stage.get(&format!("{path}?{query}")).await.json();
        assert_eq!(found["data"]["messages"].as_array().unwrap().len(), count, "{query}");
    }
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

#[actix_web::test]
async fn a_model_decides_whether_to_answer_where_others_may_be_meant() {
    let (stage, agent) = ready().await;
    for (others, kind, content, is_reply, answers) in [
        (vec![NOBODY], "GROUP", "!quiet", false, false),
        (vec![NOBODY], "GROUP", "Golden, !quiet", false, true),
        (vec![NOBODY], "GROUP", "!quiet", true, true),
        (vec![NOBODY], "DM", "!quiet", false, true),
        (vec![], "GROUP", "!quiet", false, true),
    ] {
        let inside: Vec<_> = others.into_iter().chain([agent.as_str()]).collect();
        let id = channel(&stage, &inside, kind).await;
        let path = format!("{API}/channels/{id}/messages");
        let (_, first) = stage.said("POST", &path, said("hello", "http")).await;
        let mut body = said(content, "websocket");
        if is_reply {
            body["in_reply_to_message_id"] = first["agentResponse"]["responseId"].clone();
        }
        let (_, asked) = stage.said("POST", &path, body).await;
        let asked = &asked["userMessage"]["id"];
        let mut feed = stage.host.messaging.follow(id.parse().unwrap(), 0);
        loop {
            let Fed::Event(event) = feed.next().await.unwrap() else { continue };
            if event.kind == ChannelEventKind::Completed && event.data["messageId"] == *asked {
                break;
            }
        }
        let listed = messages(&stage, &id).await;
        let is_answered = listed.iter().any(|one| one["inReplyToRootMessageId"] == *asked);
        assert_eq!(is_answered, answers, "{kind} {content} {is_reply}");
        let reply = listed.iter().find(|one| one["authorId"] == json!(agent)).unwrap();
        assert_eq!(reply["metadata"]["channelType"], json!(kind));
        assert_eq!(reply["metadata"]["isDm"], json!(kind == "DM"));
    }
}

#[actix_web::test]
async fn messages_of_one_millisecond_are_each_answered() {
    let clock = VirtualClock::at(UnixMillis(1_700_000_000_000));
    let stage = stage_at(ElizaosSettings::default(), Arc::new(clock)).await;
    let agent = stage.running("Golden").await;
    let id = channel(&stage, &[&agent], "DM").await;
    let path = format!("{API}/channels/{id}/messages");
    for content in ["one", "two", "three", "four", "five", "six"] {
        let (_, heard) = stage.said("POST", &path, said(content, "http")).await;
        assert_eq!(heard["agentResponse"]["text"], format!("echo: {content}"));
    }
}
