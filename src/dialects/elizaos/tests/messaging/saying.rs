//! Saying something: what each transport brings back, and who is told.

use super::*;

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
