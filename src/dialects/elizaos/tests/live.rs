//! Following a channel by a stream of events.

use actix_web::test::TestRequest;
use greenroom_actors::ports::{Retention, Store};
use greenroom_actors::time::UnixMillis;
use serde_json::{Value, json};

use super::support::{Frame, Live, NOBODY, Stage, stage};
use crate::dialects::elizaos::ElizaosSettings;

const USER: &str = "aaaaaaaa-0143-4000-8000-000000000143";
const ZERO: &str = "00000000-0000-0000-0000-000000000000";
const API: &str = "/api/messaging";

async fn channel(stage: &Stage, agent: &str) -> String {
    let body = json!({"name": "Ch", "message_server_id": ZERO, "type": "DM",
        "participantCentralUserIds": [USER, agent]});
    let (_, made) = stage.said("POST", &format!("{API}/channels"), body).await;
    made["data"]["id"].as_str().unwrap().to_owned()
}

async fn ready() -> (Stage, String, String) {
    let stage = stage(ElizaosSettings::default()).await;
    let agent = stage.running("Golden").await;
    let channel = channel(&stage, &agent).await;
    (stage, agent, channel)
}

async fn say(stage: &Stage, channel: &str, content: &str) {
    let body = json!({"author_id": USER, "content": content, "message_server_id": ZERO,
        "transport": "http"});
    let path = format!("{API}/channels/{channel}/messages");
    assert_eq!(stage.send("POST", &path, body).await.status, 201);
}

async fn follow(stage: &Stage, channel: &str, query: &str) -> Live {
    let path = format!("{API}/channels/{channel}/events{query}");
    stage.open(TestRequest::get().uri(&path)).await
}

async fn behind(stage: &Stage, channel: &str, seen: &str, query: &str) -> Live {
    let path = format!("{API}/channels/{channel}/events{query}");
    stage.open(TestRequest::get().uri(&path).insert_header(("Last-Event-ID", seen))).await
}

fn number(frame: &Frame) -> u64 {
    frame.id.parse().unwrap()
}

#[actix_web::test]
async fn each_event_comes_once_with_its_number_and_one_goes_on_behind_any() {
    let (stage, agent, id) = ready().await;
    say(&stage, &id, "before").await;
    let mut live = follow(&stage, &id, "").await;
    assert_eq!(live.status, 200);
    let start = live.next().await.unwrap();
    assert_eq!((start.event.as_str(), start.id.as_str()), ("", "3"));
    say(&stage, &id, "hello").await;
    let path = format!("{API}/channels/{id}");
    assert_eq!(stage.send("PATCH", &path, json!({"name": "New"})).await.status, 200);

    let mut seen = Vec::new();
    for (name, key, value) in [
        ("messageBroadcast", "text", json!("hello")),
        ("messageBroadcast", "senderId", json!(agent)),
        ("messageComplete", "channelId", json!(id)),
        ("channelUpdated", "channelId", json!(id)),
    ] {
        let frame = live.event().await;
        assert_eq!((frame.event.as_str(), &frame.data[key]), (name, &value), "{frame:?}");
        seen.push(frame);
    }
    let numbers: Vec<_> = seen.iter().map(number).collect();
    assert_eq!(numbers, [4, 5, 6, 7]);
    assert_eq!(seen[1].data["text"], "echo: hello");

    // The header is what was seen last; the query is as it was when the client first came.
    let bare = format!("/messaging/channels/{id}/events?after=4");
    for mut later in [
        follow(&stage, &id, "?after=4").await,
        behind(&stage, &id, "4", "").await,
        behind(&stage, &id, "4", "?after=1").await,
        stage.open(TestRequest::get().uri(&bare)).await,
    ] {
        for expected in &seen[1..] {
            assert_eq!(later.event().await, *expected);
        }
    }
}

#[actix_web::test]
async fn a_message_that_nobody_answers_is_dealt_with_too() {
    let (stage, _, _) = ready().await;
    let idle = stage.created("Idle").await;
    let id = "aaaaaaaa-0145-4000-8000-000000000145";
    let body = json!({"author_id": USER, "content": "anybody?", "message_server_id": ZERO,
        "metadata": {"targetAgentId": idle}});
    let path = format!("{API}/channels/{id}/messages");
    assert_eq!(stage.send("POST", &path, body).await.status, 201);
    let mut live = follow(&stage, id, "?after=0").await;
    assert_eq!(live.event().await.data["text"], "anybody?");
    assert_eq!(live.event().await.event, "messageComplete");
}

#[actix_web::test]
async fn a_stream_ends_with_its_channel_and_with_the_host() {
    let (stage, agent, id) = ready().await;
    let other = channel(&stage, &agent).await;
    let (mut live, mut lasting) = (follow(&stage, &id, "").await, follow(&stage, &other, "").await);
    let path = format!("{API}/channels/{id}");
    assert_eq!(stage.send("DELETE", &path, Value::Null).await.status, 204);
    let deleted = live.event().await;
    assert_eq!(
        (deleted.event.as_str(), &deleted.data["channelId"]),
        ("channelDeleted", &json!(id))
    );
    assert_eq!(live.next().await, None);
    // Who was cut off before the end is told of it, and then there is nothing to come back to.
    let mut late = follow(&stage, &id, "?after=0").await;
    assert_eq!(late.event().await, deleted);
    assert_eq!(late.next().await, None);
    assert_eq!(behind(&stage, &id, &deleted.id, "").await.status, 404);

    assert!(lasting.next().await.is_some());
    stage.host.stop.request();
    assert_eq!(lasting.next().await, None);
}

#[actix_web::test]
async fn what_is_no_longer_kept_is_told_as_a_gap() {
    let (stage, _, id) = ready().await;
    say(&stage, &id, "one").await;
    say(&stage, &id, "two").await;
    let kept = Retention { events_per_channel: 2, ..Retention::default() };
    stage.store.prune(kept, UnixMillis(0)).await.unwrap();
    let mut live = follow(&stage, &id, "?after=1").await;
    let gap = live.event().await;
    assert_eq!((gap.event.as_str(), gap.id.as_str()), ("channelGap", "4"));
    assert_eq!(gap.data, json!({"channelId": id, "through": 4}));
    assert_eq!(live.event().await.data["text"], "echo: two");

    // A number that was never given: the client has seen what is not there.
    let mut ahead = follow(&stage, &id, "?after=99").await;
    let gap = ahead.event().await;
    assert_eq!((gap.event.as_str(), gap.id.as_str()), ("channelGap", "6"));
    say(&stage, &id, "three").await;
    assert_eq!(ahead.event().await.data["text"], "three");
}

#[actix_web::test]
async fn streams_are_bounded_and_refused_by_name() {
    let settings = ElizaosSettings { streams_max: 1, ..ElizaosSettings::default() };
    let stage = stage(settings).await;
    let agent = stage.running("Golden").await;
    let id = channel(&stage, &agent).await;
    let path = format!("{API}/channels/{id}/events");
    let held = follow(&stage, &id, "").await;
    let refused = stage.get(&path).await;
    assert_eq!((refused.status, refused.header("retry-after")), (503, "1"));
    assert_eq!(refused.json()["error"]["code"], "OVERLOADED");
    drop(held);
    assert_eq!(follow(&stage, &id, "").await.status, 200);

    for (path, status, message) in [
        (format!("{API}/channels/x/events"), 400, "Invalid channelId"),
        (format!("{API}/channels/{NOBODY}/events"), 404, "Channel not found"),
        (format!("{path}?after=x"), 400, "after: expected the number of an event"),
        (format!("{path}?after=-1"), 400, "after: expected the number of an event"),
    ] {
        let (found, body) = stage.said("GET", &path, Value::Null).await;
        assert_eq!((found, &body["error"]["message"]), (status, &json!(message)), "{path}");
    }
}

#[actix_web::test]
async fn a_silent_stream_breathes() {
    let (stage, _, id) = ready().await;
    let mut live = follow(&stage, &id, "").await;
    assert!(live.next().await.is_some());
    tokio::time::pause();
    let begun = tokio::time::Instant::now();
    assert_eq!(live.next().await, Some(Frame::default()));
    assert_eq!(begun.elapsed().as_secs(), 15);
}
