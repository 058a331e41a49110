//! Events as clients read and post them, and what the agent says without being asked.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use greenroom_actors::documents::Document;
use greenroom_actors::facts::Fact;
use greenroom_actors::ports::{Clock, MemoryQuery, SystemClock, VirtualClock};
use greenroom_actors::records::{MESSAGES, Memory};
use greenroom_actors::time::UnixMillis;
use serde_json::{Value, json};
use uuid::Uuid;

use super::support::{AGENT, Stage, bare};
use crate::dialects::milady::chat::room_of;
use crate::dialects::milady::socket::Joined;
use crate::dialects::milady::{Milady, MiladySettings};
use crate::dialects::stage::{Setting, stage_of};
use crate::primary::default_character;

const POST: (&str, &str) = ("POST", "/api/agent/event");

async fn post(stage: &Stage, body: Value) -> (u16, Value) {
    stage.said(POST.0, POST.1, body).await
}

#[actix_web::test]
async fn clients_post_events_on_the_streams_of_the_contract() {
    let stage = bare().await;
    for (body, status, words) in [
        (json!({"stream": "chat"}), 200, ""),
        (json!({"stream": "new_viewer", "data": {"who": "x"}, "roomId": "here"}), 200, ""),
        (json!({"stream": "viewer_stats", "data": null, "runId": "r", "seq": 4}), 200, ""),
        (json!({}), 400, "Missing 'stream' field"),
        (json!({"stream": ""}), 400, "Missing 'stream' field"),
        (json!({"stream": 3}), 400, "Missing 'stream' field"),
        (json!({"stream": "lifecycle"}), 400, "Unknown stream"),
        (json!({"stream": "Chat"}), 400, "Unknown stream"),
        (json!({"stream": "chat", "data": "words"}), 400, "must be an object"),
        (json!([]), 400, "JSON object"),
    ] {
        let (found, answer) = post(&stage, body.clone()).await;
        assert_eq!(found, status, "{body}: {answer}");
        match status {
            200 => assert_eq!(answer, json!({"ok": true})),
            _ => assert!(answer["error"].as_str().unwrap().contains(words), "{answer}"),
        }
    }
    let heard = stage.get("/api/agent/events").await;
    assert_eq!((heard.status, heard.header("content-type")), (200, "application/json"));
    let mut page = heard.json();
    let events = page["events"].as_array_mut().unwrap();
    let mut ids = Vec::new();
    for event in events.iter_mut() {
        let event = event.as_object_mut().unwrap();
        assert!(event.remove("ts").unwrap().is_i64());
        let id = event.remove("eventId").unwrap().as_str().unwrap().to_owned();
        ids.push(id.strip_prefix("evt-").unwrap().parse::<u64>().unwrap());
    }
    assert!(ids.is_sorted_by(|one, next| one + 1 == *next), "{ids:?}");
    assert_eq!(
        page,
        json!({
            "events": [
                {"type": "agent_event", "version": 1, "stream": "chat", "payload": {}},
                {
                    "type": "agent_event", "version": 1, "stream": "new_viewer",
                    "roomId": "here", "payload": {"who": "x"},
                },
                {"type": "agent_event", "version": 1, "stream": "viewer_stats", "payload": {}},
            ],
            "latestEventId": format!("evt-{}", ids[2]),
            "totalBuffered": 3,
            "replayed": true,
        })
    );
}

#[actix_web::test]
async fn events_are_read_in_part() {
    let stage = bare().await;
    let empty = json!({"events": [], "latestEventId": null, "totalBuffered": 0, "replayed": true});
    assert_eq!(stage.said("GET", "/api/agent/events", Value::Null).await, (200, empty));
    for number in 0..5 {
        let body = json!({"stream": "game", "data": {"number": number}});
        assert_eq!(post(&stage, body).await.0, 200);
    }
    let read = async |query: &str| {
        let (status, page) =
            stage.said("GET", &format!("/api/agent/events?{query}"), json!(null)).await;
        let events = page["events"].as_array().cloned().unwrap_or_default();
        let numbers: Vec<u64> =
            events.iter().map(|event| event["payload"]["number"].as_u64().unwrap()).collect();
        assert_eq!(
            page["latestEventId"],
            events.last().map_or(json!(null), |it| it["eventId"].clone())
        );
        (status, numbers, page)
    };
    let (_, _, all) = read("").await;
    let second = all["events"][1]["eventId"].as_str().unwrap();
    for (query, expected, total) in [
        (format!("after={second}"), vec![2, 3, 4], 5),
        (format!("after={second}&limit=2"), vec![2, 3], 5),
        ("after=evt-1".to_owned(), vec![0, 1, 2, 3, 4], 5),
        ("limit=0".to_owned(), vec![0], 5),
        (format!("runId={}", Uuid::nil()), vec![], 0),
        ("fromSeq=1".to_owned(), vec![], 0),
    ] {
        let (status, numbers, page) = read(&query).await;
        assert_eq!(
            (status, numbers, &page["totalBuffered"]),
            (200, expected, &json!(total)),
            "{query}"
        );
    }
    for query in ["fromSeq=-1", "fromSeq=x"] {
        let found = stage.said("GET", &format!("/api/agent/events?{query}"), json!(null)).await;
        assert_eq!(found, (400, json!({"error": "Invalid \"fromSeq\" filter."})));
    }
}

/// A host with a primary agent and two conversations, and a socket of it.
struct Talk {
    stage: Stage,
    milady: Milady,
    socket: Joined,
}

/// A conversation, by a short number.
fn id(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

impl Talk {
    /// With that many conversations, of which the first was spoken in last.
    async fn of(conversations: u128) -> Self {
        Self::at(Arc::new(SystemClock), conversations).await
    }

    /// The same by that clock.
    async fn at(clock: Arc<dyn Clock>, conversations: u128) -> Self {
        let mut made = None;
        let setting = Setting { primary: AGENT, clock, ..Setting::default() };
        let stage = stage_of(setting, |host| {
            let settings = Arc::new(MiladySettings::default());
            made.insert(Milady::new(settings, None, host.clone())).app()
        })
        .await;
        let milady = made.unwrap();
        let registry = &stage.host.registry;
        for number in 1..=conversations {
            let at = format!("2026-03-01T00:00:0{}.000Z", 9 - number);
            let value = json!({
                "id": id(number), "title": "A", "roomId": room_of(id(number)),
                "createdAt": at, "updatedAt": at,
            });
            let key = format!("conversation/{}", id(number));
            let updated_at = registry.clock().now();
            let document = Document { shelf: "milady".to_owned(), key, value, updated_at };
            registry.keep(vec![Fact::DocumentSet(Box::new(document))]).await.unwrap();
        }
        let socket = milady.shared.sockets.join().unwrap();
        Self { stage, milady, socket }
    }

    /// How often the status has been told by now.
    fn statuses(&mut self) -> usize {
        let mut told = 0;
        while let Some(Some(frame)) = self.socket.seat.next().now_or_never() {
            let frame: Value = serde_json::from_str(&frame).unwrap();
            told += usize::from(frame["type"] == "status");
        }
        told
    }

    /// The next frame of that type.
    async fn next(&mut self, sort: &str) -> Value {
        loop {
            let frame = self.socket.seat.next().await.unwrap();
            let frame: Value = serde_json::from_str(&frame).unwrap();
            if frame["type"] == sort {
                return frame;
            }
        }
    }

    /// What the agent remembers of a conversation.
    async fn kept(&self, conversation: u128) -> Vec<(Value, Value)> {
        let agent = self.stage.host.primary.agent().await.unwrap().unwrap();
        let query = MemoryQuery {
            room_id: Some(room_of(id(conversation))),
            kind: Some(MESSAGES.to_owned()),
            ..MemoryQuery::of(agent.id, 10)
        };
        let kept = self.stage.host.registry.store().memories(query).await.unwrap();
        let told = |memory: Memory| {
            assert_eq!(memory.entity_id, agent.id.into());
            (json!(memory.text()), memory.content["source"].clone())
        };
        kept.into_iter().map(told).collect()
    }
}

#[actix_web::test]
async fn what_the_agent_says_by_itself_is_brought_to_the_conversation() {
    let mut talk = Talk::of(2).await;
    for (data, room_id, source) in [
        (json!({"text": "Morning"}), Some("elsewhere"), Some("autonomy")),
        (json!({"text": " Evening ", "source": "discord"}), None, Some("discord")),
        (json!({"text": "  "}), Some("elsewhere"), None),
        (json!({"content": "x"}), Some("elsewhere"), None),
        (json!({"text": "Morning"}), None, None),
        (json!({"text": "Morning", "source": "client_chat"}), Some("elsewhere"), None),
        (json!({"text": "Morning"}), Some("room"), None),
    ] {
        let before = talk.kept(1).await.len();
        let own = room_of(id(2)).to_string();
        let room_id = room_id.map(|name| if name == "room" { own.as_str() } else { name });
        let body = json!({"stream": "assistant", "data": data, "roomId": room_id});
        assert_eq!(post(&talk.stage, body).await.0, 200);
        let kept = talk.kept(1).await;
        let Some(source) = source else {
            assert_eq!(kept.len(), before, "{data}");
            continue;
        };
        let text = data["text"].as_str().unwrap().trim();
        assert!(kept.contains(&(json!(text), json!(source))), "{kept:?}");
        let mut told = talk.next("proactive-message").await;
        let message = told["message"].as_object_mut().unwrap();
        assert!(message.remove("id").unwrap().is_string());
        assert!(message.remove("timestamp").unwrap().is_i64());
        assert_eq!(
            told,
            json!({
                "type": "proactive-message", "conversationId": id(1),
                "message": {"role": "assistant", "text": text, "source": source},
            })
        );
    }
    // A thought is no word to anybody.
    let thought = json!({"stream": "thought", "data": {"text": "Hm"}, "roomId": "elsewhere"});
    assert_eq!(post(&talk.stage, thought).await.0, 200);
    // Who looks at a conversation hears it there.
    let active = id(2).to_string();
    talk.milady.shared.sockets.set_active_conversation(Some(active.clone()));
    let said = json!({"stream": "assistant", "data": {"text": "Here"}, "roomId": "elsewhere"});
    assert_eq!(post(&talk.stage, said).await.0, 200);
    assert_eq!(talk.next("proactive-message").await["conversationId"], active);
    assert_eq!(talk.kept(2).await, [(json!("Here"), json!("autonomy"))]);
}

#[actix_web::test]
async fn without_a_conversation_or_an_agent_there_is_nowhere_to_bring_it() {
    let talk = Talk::of(0).await;
    let said = json!({"stream": "assistant", "data": {"text": "Here"}, "roomId": "elsewhere"});
    assert_eq!(post(&talk.stage, said.clone()).await.0, 200);
    assert_eq!(post(&bare().await, said).await.0, 200);
}

#[actix_web::test]
async fn the_status_is_told_every_five_seconds_and_when_another_agent_takes_the_place() {
    let clock = VirtualClock::at(UnixMillis(1_772_368_496_789));
    let mut talk = Talk::at(Arc::new(clock.clone()), 0).await;
    clock.settle().await;
    assert_eq!(talk.statuses(), 0, "whoever comes is told it by itself");
    for _ in 0..3 {
        clock.advance(Duration::from_secs(5)).await;
        assert_eq!(talk.statuses(), 1);
    }
    let primary = &talk.stage.host.primary;
    primary.pause().await.unwrap();
    clock.settle().await;
    assert_eq!(talk.statuses(), 0, "clients see that with the next one");
    talk.stage.host.primary.create(default_character("other")).await.unwrap();
    clock.settle().await;
    assert_eq!(talk.statuses(), 1);
    talk.stage.host.primary.restart().await.unwrap();
    clock.settle().await;
    assert_eq!(talk.statuses(), 1);
}

#[actix_web::test]
async fn all_that_an_agent_does_that_is_made_meanwhile_is_told() {
    let mut talk = Talk::of(0).await;
    let made = talk.stage.host.primary.create(default_character("other")).await.unwrap();
    let mut told: Vec<String> = Vec::new();
    // A tick and its run are told as they come, in no order among one another.
    let expected = ["started", "run_start", "run_end", "heartbeat"];
    while !expected.iter().all(|expected| told.iter().any(|word| word == expected)) {
        let frame = talk.socket.seat.next().await.unwrap();
        let frame: Value = serde_json::from_str(&frame).unwrap();
        if frame["agentId"] == json!(made.id) {
            told.push(frame["payload"]["type"].as_str().unwrap_or("heartbeat").to_owned());
        }
    }
    assert_eq!(told.first().map(String::as_str), Some("created"), "{told:?}");
}
