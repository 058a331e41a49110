//! Conversations, and what is said in them.

use actix_web::test::TestRequest;
use serde_json::{Value, json};

use super::support::{AGENT, HUSH, Heard, Stage, bare, stage, stage_with};
use crate::dialects::milady::MiladySettings;
use crate::dialects::stage::{Frame, NOBODY, Setting};

/// Makes a conversation, and answers with its path.
async fn made(stage: &Stage, body: Value) -> String {
    let (status, answer) = stage.said("POST", "/api/conversations", body).await;
    assert_eq!(status, 200, "{answer}");
    format!("/api/conversations/{}", answer["conversation"]["id"].as_str().unwrap())
}

/// The events of a stream: lines of JSON without names.
pub(super) fn events(heard: &Heard) -> Vec<Value> {
    let lines = heard.text.split("\n\n").filter_map(|event| event.strip_prefix("data: "));
    lines.filter_map(|line| serde_json::from_str(line).ok()).collect()
}

async fn listed(stage: &Stage, of: &str) -> Vec<(String, String)> {
    let (status, answer) = stage.said("GET", &format!("{of}/messages"), Value::Null).await;
    assert_eq!(status, 200, "{answer}");
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let messages = answer["messages"].as_array().unwrap().iter();
    messages.map(|message| (text(&message["role"]), text(&message["text"]))).collect()
}

#[actix_web::test]
async fn conversations_are_made_named_and_removed_without_an_agent() {
    let stage = bare().await;
    let (_, none) = stage.said("GET", "/api/conversations", Value::Null).await;
    assert_eq!(none, json!({"conversations": []}));
    let first = made(&stage, json!({})).await;
    let (_, answer) = stage.said("POST", "/api/conversations", json!({"title": " Two "})).await;
    let two = &answer["conversation"];
    let names: Vec<_> = two.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(names, ["id", "title", "roomId", "createdAt", "updatedAt"]);
    assert_eq!(two["title"], "Two");
    assert!(two["createdAt"].as_str().unwrap().ends_with('Z'), "{two}");
    let channel = format!("web-conv-{}", two["id"].as_str().unwrap());
    let room = greenroom_actors::ids::derived(&channel);
    assert_eq!(two["roomId"], json!(room));
    // Naming the first one makes it the newest.
    let (status, named) = stage.said("PATCH", &first, json!({"title": "One"})).await;
    assert_eq!((status, &named["conversation"]["title"]), (200, &json!("One")));
    let titles = async || {
        let (_, all) = stage.said("GET", "/api/conversations", Value::Null).await;
        let all = all["conversations"].as_array().unwrap().clone();
        all.iter().map(|one| one["title"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(titles().await, ["One", "Two"]);
    for blank in [json!({"title": "  "}), json!({}), json!({"title": 5})] {
        let (status, same) = stage.said("PATCH", &first, blank).await;
        assert_eq!((status, &same), (200, &named));
    }
    let (status, none) = stage.said("GET", &format!("{first}/messages"), Value::Null).await;
    assert_eq!((status, none), (200, json!({"messages": []})));
    for path in [first.as_str(), &first, "/api/conversations/nobody"] {
        assert_eq!(stage.said("DELETE", path, Value::Null).await, (200, json!({"ok": true})));
    }
    assert_eq!(titles().await, ["Two"]);
}

#[actix_web::test]
async fn what_cannot_be_is_refused_in_the_order_of_the_reference() {
    let (with, without) = (stage().await, bare().await);
    for stage in [&with, &without] {
        let none = format!("/api/conversations/{NOBODY}");
        for (method, rest) in [
            ("PATCH", ""),
            ("GET", "/messages"),
            ("POST", "/messages"),
            ("POST", "/messages/stream"),
            ("POST", "/greeting"),
        ] {
            for path in [format!("{none}{rest}"), format!("/api/conversations/x{rest}")] {
                let (status, answer) = stage.said(method, &path, json!([])).await;
                assert_eq!((status, answer), (404, json!({"error": "Conversation not found"})));
            }
        }
        let path = made(stage, json!({})).await;
        for end in ["/messages", "/messages/stream"] {
            for (body, words) in [
                (json!([]), "Request body must be a JSON object"),
                (json!({}), "text is required"),
                (json!({"text": "x", "channelType": "x"}), "channelType is invalid"),
                (json!({"text": "x", "images": [5]}), "Each image must have"),
            ] {
                let (status, answer) = stage.said("POST", &format!("{path}{end}"), body).await;
                assert_eq!(status, 400, "{answer}");
                assert!(answer["error"].as_str().unwrap().starts_with(words), "{answer}");
            }
        }
        assert_eq!(stage.said("POST", "/api/conversations", Value::Null).await.0, 400);
        assert_eq!(stage.said("GET", &path, Value::Null).await.0, 404);
    }
    let path = made(&without, json!({"bootstrapGreeting": true})).await;
    for (end, body) in [
        ("/messages", json!({"text": "x"})),
        ("/messages/stream", json!({"text": "x"})),
        ("/greeting", Value::Null),
    ] {
        let (status, answer) = without.said("POST", &format!("{path}{end}"), body).await;
        assert_eq!((status, answer), (503, json!({"error": "Agent is not running"})), "{end}");
    }
}

#[actix_web::test]
async fn a_turn_is_two_messages_and_moves_its_conversation_up() {
    let stage = stage().await;
    let path = made(&stage, json!({"title": "First"})).await;
    made(&stage, json!({"title": "Second"})).await;
    let picture = json!({"data": "aGk=", "mimeType": "image/png", "name": "hi.png"});
    let body = json!({"text": "hi", "images": [picture], "conversationMode": "simple"});
    let said = stage.said("POST", &format!("{path}/messages"), body).await;
    assert_eq!(said, (200, json!({"text": "echo: hi", "agentName": "Milady"})));
    let (_, all) = stage.said("GET", "/api/conversations", Value::Null).await;
    assert_eq!(all["conversations"][0]["title"], "First");
    let (_, answer) = stage.said("GET", &format!("{path}/messages"), Value::Null).await;
    let messages = answer["messages"].as_array().unwrap();
    for (message, (role, text)) in messages.iter().zip([("user", "hi"), ("assistant", "echo: hi")])
    {
        let names: Vec<_> = message.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(names, ["id", "role", "text", "timestamp"], "{message}");
        assert_eq!((&message["role"], &message["text"]), (&json!(role), &json!(text)));
        assert!(message["timestamp"].is_i64(), "{message}");
    }
    assert_eq!(messages.len(), 2);
    // What is kept, by the ids of the contract.
    let agent = stage.host.primary.agent().await.unwrap().unwrap().id;
    let id = path.rsplit('/').next().unwrap();
    let derived = greenroom_actors::ids::derived;
    let room_id = derived(&format!("web-conv-{id}")).into();
    let store = stage.host.registry.store();
    let room = store.room(agent, room_id).await.unwrap().unwrap();
    let world = derived("Milady-web-chat-world");
    assert_eq!((room.name.as_str(), room.world_id.unwrap().0), ("First", world));
    assert!(store.world(agent, world.into()).await.unwrap().is_some());
    let admin = derived("Milady-admin-entity");
    assert!(store.entity(agent, admin.into()).await.unwrap().is_some());
    let people = store.participants(agent, room_id).await.unwrap();
    let mut people: Vec<_> = people.iter().map(|person| person.entity_id.0).collect();
    people.sort_unstable();
    let mut expected = [admin, agent.0];
    expected.sort_unstable();
    assert_eq!(people, expected);
    let query = greenroom_actors::ports::MemoryQuery::of(agent, 9);
    let memories = store.memories(query).await.unwrap();
    let asked = memories.iter().find(|memory| memory.entity_id.0 == admin).unwrap();
    assert_eq!(asked.content["source"], "client_chat");
    assert_eq!(asked.content["attachments"][0]["title"], "hi.png");
    assert!(!json!(asked.content).to_string().contains("aGk="));
}

#[actix_web::test]
async fn a_streamed_turn_tells_increments_and_then_the_whole() {
    let stage = stage().await;
    let path = made(&stage, json!({})).await;
    let stream = format!("{path}/messages/stream");
    let heard = stage.send("POST", &stream, json!({"text": "haha haha"})).await;
    assert_eq!(heard.status, 200);
    for (name, value) in [
        ("content-type", "text/event-stream"),
        ("cache-control", "no-cache, no-transform"),
        ("x-accel-buffering", "no"),
        ("x-frame-options", "DENY"),
    ] {
        assert_eq!(heard.header(name), value);
    }
    let events = events(&heard);
    assert_eq!(
        events,
        [
            json!({"type": "token", "text": "echo: "}),
            json!({"type": "token", "text": "haha haha"}),
            json!({"type": "done", "fullText": "echo: haha haha", "agentName": "Milady"}),
        ]
    );
    // Then it gets a title.
    let title = async || {
        let (_, all) = stage.said("GET", "/api/conversations", Value::Null).await;
        all["conversations"][0]["title"].as_str().unwrap().to_owned()
    };
    while title().await == "New Chat" {
        tokio::task::yield_now().await;
    }
    assert_eq!(title().await, "A Title of 2");
    // One that has a name keeps it.
    let second = stage.send("POST", &stream, json!({"text": "more"})).await;
    assert_eq!(second.status, 200);
    assert_eq!(title().await, "A Title of 2");
    assert_eq!(listed(&stage, &path).await.len(), 4);
}

#[actix_web::test]
async fn an_answer_of_nothing_is_an_apology_and_a_failure_is_told() {
    let stage = stage().await;
    let path = made(&stage, json!({})).await;
    let (messages, stream) = (format!("{path}/messages"), format!("{path}/messages/stream"));
    let (status, answer) = stage.said("POST", &messages, json!({"text": "!ignore"})).await;
    assert_eq!(status, 200);
    let apology = answer["text"].as_str().unwrap();
    assert!(apology.starts_with("Sorry"), "{apology}");
    let heard = stage.send("POST", &stream, json!({"text": "!ignore"})).await;
    let expected = [
        json!({"type": "token", "text": apology}),
        json!({"type": "done", "fullText": apology, "agentName": "Milady"}),
    ];
    assert_eq!(events(&heard), expected);
    let (status, answer) = stage.said("POST", &messages, json!({"text": "!fail"})).await;
    assert_eq!((status, answer), (500, json!({"error": "The model did not answer"})));
    let heard = stage.send("POST", &stream, json!({"text": "!fail"})).await;
    assert_eq!(heard.status, 200);
    let failed = json!({"type": "error", "message": "The model did not answer"});
    assert_eq!(events(&heard), [failed]);
}

#[actix_web::test]
async fn nobody_waits_for_an_agent_that_does_not_run() {
    let stage = stage().await;
    let path = made(&stage, json!({})).await;
    for (action, state) in [("pause", "paused"), ("stop", "stopped")] {
        let (status, _) = stage.said("POST", &format!("/api/agent/{action}"), Value::Null).await;
        assert_eq!(status, 200);
        for at in [
            format!("{path}/messages"),
            format!("{path}/messages/stream"),
            "/api/chat".to_owned(),
            "/api/chat/stream".to_owned(),
        ] {
            let (status, answer) = stage.said("POST", &at, json!({"text": "hi"})).await;
            let words = format!("Agent is not running: it is {state}");
            assert_eq!((status, answer), (503, json!({"error": words})), "{at}");
        }
        // It can be greeted all the same, and read.
        assert_eq!(stage.said("POST", &format!("{path}/greeting"), Value::Null).await.0, 200);
        assert!(listed(&stage, &path).await.iter().all(|(role, _)| role == "assistant"));
    }
}

#[actix_web::test]
async fn who_goes_away_is_answered_all_the_same() {
    let stage = stage().await;
    let path = made(&stage, json!({"title": "Left"})).await;
    let body = json!({"text": "are you there?"});
    let request = TestRequest::post().uri(&format!("{path}/messages/stream")).set_json(body);
    let left = stage.open(request).await;
    assert_eq!(left.status, 200);
    drop(left);
    // Letters are answered one after the other.
    let next = stage.said("POST", &format!("{path}/messages"), json!({"text": "now?"})).await;
    assert_eq!(next.0, 200);
    let texts: Vec<_> = listed(&stage, &path).await.into_iter().map(|(_, text)| text).collect();
    assert!(texts.contains(&"echo: are you there?".to_owned()), "{texts:?}");
}

#[actix_web::test]
async fn a_stream_that_says_nothing_breathes() {
    let stage = stage().await;
    let path = made(&stage, json!({})).await;
    tokio::time::pause();
    let began = tokio::time::Instant::now();
    let request = TestRequest::post().uri(&format!("{path}/messages/stream"));
    let mut live = stage.open(request.set_json(json!({"text": HUSH}))).await;
    for nth in 1..=3 {
        assert_eq!(live.next().await, Some(Frame::default()));
        assert_eq!(began.elapsed().as_secs(), 5 * nth);
    }
}

#[actix_web::test]
async fn who_waits_too_long_is_told_so() {
    let settings = MiladySettings { reply_timeout_s: 1, ..MiladySettings::default() };
    let stage = stage_with(Setting { primary: AGENT, ..Setting::default() }, settings).await;
    let path = made(&stage, json!({})).await;
    let said = stage.said("POST", &format!("{path}/messages"), json!({"text": HUSH})).await;
    let words = "No answer in time; whether it was done is unknown";
    assert_eq!(said, (504, json!({"error": words})));
    let heard = stage.send("POST", &format!("{path}/messages/stream"), json!({"text": HUSH})).await;
    assert_eq!(events(&heard), [json!({"type": "error", "message": words})]);
}

#[actix_web::test]
async fn a_greeting_is_a_post_of_the_characters() {
    let stage = stage().await;
    let path = made(&stage, json!({})).await;
    let (status, greeting) =
        stage.said("POST", &format!("{path}/greeting?lang=en"), Value::Null).await;
    let text = greeting["text"].as_str().unwrap().to_owned();
    assert_eq!(status, 200);
    let expected =
        json!({"text": text, "agentName": "Milady", "generated": true, "persisted": true});
    assert_eq!(greeting, expected);
    let (_, answer) = stage.said("GET", &format!("{path}/messages"), Value::Null).await;
    let message = &answer["messages"][0];
    assert_eq!((&message["role"], &message["text"]), (&json!("assistant"), &json!(text)));
    assert_eq!(message["source"], "agent_greeting");
    let body = json!({"title": "Met", "bootstrapGreeting": true, "lang": "en"});
    let (_, answer) = stage.said("POST", "/api/conversations", body).await;
    assert_eq!(answer["greeting"]["generated"], true, "{answer}");
    // Without posts there is none.
    stage.said("PUT", "/api/character", json!({"postExamples": ["  "]})).await;
    let (_, greeting) = stage.said("POST", &format!("{path}/greeting"), Value::Null).await;
    let none = json!({"text": "", "agentName": "Milady", "generated": false, "persisted": false});
    assert_eq!(greeting, none);
    assert_eq!(listed(&stage, &path).await.len(), 1);
}

#[actix_web::test]
async fn the_list_is_bounded_and_loses_who_was_silent_longest() {
    let stage = bare().await;
    let first = made(&stage, json!({"title": "first"})).await;
    let second = made(&stage, json!({"title": "second"})).await;
    for number in 0..498 {
        made(&stage, json!({"title": number.to_string()})).await;
    }
    stage.said("PATCH", &first, json!({"title": "still here"})).await;
    made(&stage, json!({"title": "t".repeat(1_000)})).await;
    let (_, all) = stage.said("GET", "/api/conversations", Value::Null).await;
    let all = all["conversations"].as_array().unwrap();
    assert_eq!(all.len(), 500);
    let longest = all.iter().filter_map(|one| one["title"].as_str()).map(str::len).max();
    assert_eq!(longest, Some(200));
    assert_eq!(stage.said("GET", &format!("{first}/messages"), Value::Null).await.0, 200);
    assert_eq!(stage.said("GET", &format!("{second}/messages"), Value::Null).await.0, 404);
}

#[actix_web::test]
async fn the_one_room_of_older_clients_is_one() {
    let stage = stage().await;
    for (text, expected) in [("hi", "echo: hi"), ("again", "echo: again")] {
        let said = stage.said("POST", "/api/chat", json!({"text": text})).await;
        assert_eq!(said, (200, json!({"text": expected, "agentName": "Milady"})));
    }
    let heard = stage.send("POST", "/api/chat/stream", json!({"text": "hi"})).await;
    assert_eq!(events(&heard).last().unwrap()["fullText"], "echo: hi");
    let agent = stage.host.primary.agent().await.unwrap().unwrap().id;
    let room = greenroom_actors::ids::derived("Milady-web-chat-room").into();
    assert!(stage.host.registry.store().room(agent, room).await.unwrap().is_some());
    for path in ["/api/chat", "/api/chat/stream"] {
        assert_eq!(stage.said("POST", path, json!({"text": " "})).await.0, 400);
        let none = bare().await.said("POST", path, json!({"text": "hi"})).await;
        assert_eq!(none, (503, json!({"error": "Agent is not running"})));
    }
}
