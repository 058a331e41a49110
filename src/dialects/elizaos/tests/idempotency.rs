//! Requests that are sent again under one `Idempotency-Key`.

mod routes;

use std::time::Duration;

use actix_web::test::TestRequest;
use actix_web::web::Bytes;
use futures::channel::oneshot;
use futures::future::{Either, join_all, select};
use futures::{FutureExt, StreamExt, stream};
use greenroom_actors::ports::VirtualClock;
use greenroom_actors::time::UnixMillis;
use serde_json::{Value, json};

use super::support::{HUSH, Heard, Stage, stage, stage_at};
use crate::dialects::elizaos::ElizaosSettings;

const USER: &str = "aaaaaaaa-0143-4000-8000-000000000143";

fn post(path: &str, key: &str, body: &Value) -> TestRequest {
    let request = TestRequest::post().uri(path).insert_header(("idempotency-key", key));
    if body.is_null() { request } else { request.set_json(body) }
}

async fn ready() -> (Stage, String) {
    let stage = stage(ElizaosSettings::default()).await;
    let agent = stage.running("Golden").await;
    (stage, format!("/api/agents/{agent}/memories"))
}

/// How many memories there are of that text.
async fn remembered(stage: &Stage, path: &str, text: &str) -> usize {
    let listed = stage.get(path).await.json();
    let memories = listed["data"]["memories"].as_array().unwrap().clone();
    memories.iter().filter(|memory| memory["content"]["text"] == text).count()
}

fn memory(text: &str) -> Value {
    json!({"content": {"text": text}})
}

fn is_again(heard: &Heard) -> bool {
    heard.header("idempotent-replayed") == "true"
}

#[actix_web::test]
async fn the_same_request_is_answered_again_and_another_is_refused() {
    let (stage, path) = ready().await;
    let first = stage.ask(post(&path, "k1", &memory("once"))).await;
    assert_eq!((first.status, is_again(&first)), (201, false));
    for path in [path.clone(), path.to_uppercase().replace("/API/AGENTS", "/API/Agents") + "/"] {
        let again = stage.ask(post(&path, "k1", &memory("once"))).await;
        assert_eq!((again.status, is_again(&again)), (201, true), "{}", again.text);
        assert_eq!(again.text, first.text);
        assert_eq!(again.header("content-type"), first.header("content-type"));
    }
    let query = format!("{path}?x=1");
    for (path, body) in [(&path, memory("other")), (&query, memory("once")), (&path, Value::Null)] {
        let other = stage.ask(post(path, "k1", &body)).await;
        assert_eq!((other.status, is_again(&other)), (422, false));
        assert_eq!(other.json()["error"]["code"], "IDEMPOTENCY_KEY_REUSED");
        assert!(other.text.contains("Idempotency-Key"), "{}", other.text);
    }
    assert_eq!(remembered(&stage, &path, "once").await, 1);

    // Another key, and no key, is another request.
    for (key, count) in [(Some("k2"), 2), (None, 3)] {
        let request = TestRequest::post().uri(&path).set_json(memory("once"));
        let request = match key {
            Some(key) => request.insert_header(("idempotency-key", key)),
            None => request,
        };
        let heard = stage.ask(request).await;
        assert_eq!((heard.status, is_again(&heard)), (201, false));
        assert_eq!(remembered(&stage, &path, "once").await, count);
    }
}

#[actix_web::test]
async fn a_key_belongs_to_who_presents_what() {
    let (stage, path) = ready().await;
    for (token, address, is_known) in [
        ("", "127.0.0.1:1", false),
        ("", "127.0.0.2:2", true),
        ("", "10.1.1.1:1", false),
        ("one", "127.0.0.1:1", false),
        ("one", "10.1.1.1:1", true),
        ("two", "10.1.1.1:1", false),
    ] {
        let mut request = post(&path, "k", &memory("x")).peer_addr(address.parse().unwrap());
        if !token.is_empty() {
            request = request.insert_header(("x-api-key", token));
        }
        assert_eq!(is_again(&stage.ask(request).await), is_known, "{token} {address}");
    }
}

#[actix_web::test]
async fn a_key_that_cannot_be_is_refused_by_name() {
    let (stage, path) = ready().await;
    for key in ["", "two words", &"x".repeat(256)] {
        let refused = stage.ask(post(&path, key, &memory("x"))).await;
        assert_eq!(refused.status, 400);
        assert_eq!(refused.json()["error"]["code"], "INVALID_IDEMPOTENCY_KEY");
        assert!(refused.text.contains("Idempotency-Key"), "{}", refused.text);
    }
    let bare = stage.ask(post("/agents", "two words", &memory("x"))).await;
    assert_eq!((bare.status, bare.json()["error"].is_string()), (400, true));
    assert_eq!(remembered(&stage, &path, "x").await, 0);
    // Where nothing is made, keys mean nothing.
    let read = TestRequest::get().uri(&path).insert_header(("idempotency-key", ""));
    assert_eq!(stage.ask(read).await.status, 200);
}

#[actix_web::test]
async fn of_many_at_once_one_is_carried_out() {
    let (stage, path) = ready().await;
    let all = (0..64).map(|_| stage.ask(post(&path, "k", &memory("once"))));
    let all = join_all(all).await;
    let (mut done, mut again) = (0, 0);
    for heard in &all {
        match (heard.status, is_again(heard)) {
            (201, false) => done += 1,
            (201, true) => again += 1,
            (409, false) => {
                assert_eq!(heard.json()["error"]["code"], "IDEMPOTENCY_IN_FLIGHT");
                assert_eq!(heard.header("retry-after"), "1");
            }
            _ => panic!("{} {}", heard.status, heard.text),
        }
    }
    assert_eq!(done, 1, "{again} answered again");
    assert_eq!(remembered(&stage, &path, "once").await, 1);
    assert!(is_again(&stage.ask(post(&path, "k", &memory("once"))).await));
}

#[actix_web::test]
async fn the_work_goes_on_when_its_client_leaves_and_its_answer_is_there_later() {
    let (stage, path) = ready().await;
    let (send, rest) = oneshot::channel::<Bytes>();
    let body = memory("slow").to_string();
    let (start, end) = body.split_at(9);
    let start = Bytes::copy_from_slice(start.as_bytes());
    let body = stream::iter([Ok(start)]).chain(stream::once(rest.map(|rest| Ok(rest.unwrap()))));
    let request =
        post(&path, "k", &Value::Null).insert_header(("content-type", "application/json"));
    let first = stage.pour(request, body.boxed_local()).boxed_local();
    let second = async {
        // Begun once the other is waiting for the rest of its body.
        loop {
            let heard = stage.ask(post(&path, "k", &memory("slow"))).await;
            if heard.status == 409 {
                return heard;
            }
        }
    };
    let Either::Right((second, first)) = select(first, second.boxed_local()).await else {
        panic!("answered without its body");
    };
    assert_eq!(second.json()["error"]["code"], "IDEMPOTENCY_IN_FLIGHT");
    drop(first);
    send.send(Bytes::copy_from_slice(end.as_bytes())).unwrap();
    let kept = loop {
        let heard = stage.ask(post(&path, "k", &memory("slow"))).await;
        if heard.status != 409 {
            break heard;
        }
        tokio::task::yield_now().await;
    };
    assert_eq!((kept.status, is_again(&kept)), (201, true), "{}", kept.text);
    assert_eq!(remembered(&stage, &path, "slow").await, 1);
}

#[actix_web::test]
async fn a_client_that_was_told_to_wait_too_long_finds_the_answer_later() {
    let settings =
        ElizaosSettings { reply_timeout_s: 60, request_timeout_s: 5, ..Default::default() };
    let stage = stage(settings).await;
    let agent = stage.running("Golden").await;
    tokio::time::pause();
    let path = format!("/agents/{agent}/message");
    let body = json!({"text": HUSH});
    let first = stage.ask(post(&path, "k", &body)).await;
    assert!(first.status >= 400, "{}", first.text);
    tokio::time::sleep(Duration::from_secs(60)).await;
    let again = stage.ask(post(&path, "k", &body)).await;
    assert_eq!((again.status, is_again(&again)), (first.status, true), "{}", again.text);
    assert_eq!(again.text, first.text, "in the words of the older paths");
}

#[actix_web::test]
async fn what_was_refused_before_anything_was_done_may_be_sent_again() {
    let (stage, _) = ready().await;
    let agent = stage.created("Sleeper").await;
    let path = format!("/api/agents/{agent}/start");
    assert_eq!(stage.send("POST", "/api/greenroom/halt", Value::Null).await.status, 200);
    for _ in 0..2 {
        let halted = stage.ask(post(&path, "k", &Value::Null)).await;
        assert_eq!((halted.status, is_again(&halted)), (503, false), "{}", halted.text);
    }
    assert_eq!(stage.send("POST", "/api/greenroom/lift", Value::Null).await.status, 200);
    let started = stage.ask(post(&path, "k", &Value::Null)).await;
    assert_eq!((started.status, is_again(&started)), (200, false), "{}", started.text);
    let again = stage.ask(post(&path, "k", &Value::Null)).await;
    assert_eq!((again.status, is_again(&again)), (200, true), "{}", again.text);
    // A refusal of what the request is, on the other hand, stands.
    let wrong = json!({"content": 5});
    let path = format!("/api/agents/{agent}/memories");
    let texts = [(); 2].map(|()| stage.ask(post(&path, "w", &wrong)));
    let heard = join_all(texts).await;
    assert!(heard.iter().any(|heard| heard.status == 400));
    let again = stage.ask(post(&path, "w", &wrong)).await;
    assert_eq!((again.status, is_again(&again)), (400, true), "{}", again.text);
}

#[actix_web::test]
async fn a_message_whose_model_failed_is_not_said_twice() {
    let (stage, _) = ready().await;
    let agent = stage.running("Talker").await;
    let path = format!("/agents/{agent}/message");
    let body = json!({"text": "!fail"});
    let first = stage.ask(post(&path, "k", &body)).await;
    assert_eq!(first.status, 500, "{}", first.text);
    let again = stage.ask(post(&path, "k", &body)).await;
    assert_eq!((again.status, is_again(&again)), (500, true));
    assert_eq!(again.text, first.text);
}

#[actix_web::test]
async fn of_a_stream_it_is_remembered_that_it_was_sent() {
    let (stage, _) = ready().await;
    let agent = stage.running("Talker").await;
    let session = json!({"agentId": agent, "userId": USER});
    let session = stage.send("POST", "/api/messaging/sessions", session).await.json();
    let path =
        format!("/api/messaging/sessions/{}/messages", session["sessionId"].as_str().unwrap());
    let body = json!({"content": "hello", "transport": "sse"});
    let first = stage.ask(post(&path, "k", &body)).await;
    assert_eq!((first.status, first.header("content-type")), (200, "text/event-stream"));
    assert!(first.text.contains("echo"), "{}", first.text);
    let again = stage.ask(post(&path, "k", &body)).await;
    assert_eq!((again.status, is_again(&again)), (200, true));
    assert_eq!(again.json()["success"], true, "{}", again.text);
    let listed = stage.get(&path).await.json();
    assert_eq!(listed["messages"].as_array().unwrap().len(), 2, "{listed}");
}

#[actix_web::test]
async fn a_key_is_forgotten_in_time() {
    let clock = VirtualClock::at(UnixMillis(1_700_000_000_000));
    let stage = stage_at(ElizaosSettings::default(), std::sync::Arc::new(clock.clone())).await;
    let agent = stage.running("Golden").await;
    let path = format!("/api/agents/{agent}/worlds");
    let body = json!({"name": "W"});
    for (later_s, is_known) in [(0, false), (86_400, true), (1, false), (1, true)] {
        clock.advance(Duration::from_secs(later_s)).await;
        let heard = stage.ask(post(&path, "k", &body)).await;
        assert_eq!((heard.status, is_again(&heard)), (201, is_known), "{}", heard.text);
    }
    clock.advance(Duration::from_secs(90_000)).await;
    assert_eq!(stage.host.idempotency.expire().await, Ok(1));
}

#[actix_web::test]
async fn a_file_that_is_sent_again_is_kept_once() {
    let (stage, _) = ready().await;
    let agent = stage.created("Keeper").await;
    let path = format!("/api/media/agents/{agent}/upload-media");
    let form = |boundary: &str, content: &str| {
        let body = format!(
            "--{boundary}\r\ncontent-disposition: form-data; name=\"file\"; \
             filename=\"a.txt\"\r\n\r\n{content}\r\n--{boundary}--\r\n"
        );
        let sort = format!("multipart/form-data; boundary={boundary}");
        post(&path, "k", &Value::Null).insert_header(("content-type", sort)).set_payload(body)
    };
    let first = stage.ask(form("one", "hello")).await;
    assert_eq!((first.status, is_again(&first)), (200, false), "{}", first.text);
    let again = stage.ask(form("two", "hello")).await;
    assert_eq!((again.status, is_again(&again)), (200, true), "{}", again.text);
    assert_eq!(again.text, first.text);
    assert_eq!(stage.ask(form("three", "other")).await.status, 422);
}
