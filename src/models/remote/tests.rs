mod server;

use std::time::Duration;

use greenroom_actors::character::Character;
use greenroom_actors::error::ModelError;
use greenroom_actors::figures::Tally;
use greenroom_actors::ports::{
    Bounds, Delta, Generation, Model, Purpose, Role, ToolCall, ToolSpec, Turn, collect,
};
use serde_json::{Map, Value, json};
use tokio::net::TcpListener;

use self::server::{Part, Reply, Server};
use super::*;
use crate::models::{ModelsSettings, Router, build};

const KEY: &str = "sk-very-secret";

/// A router for models at these servers, the first by default and the others as fallbacks.
fn router(provider: &str, servers: &[&str], more: &str) -> Router {
    let mut text = String::new();
    for (place, url) in servers.iter().enumerate() {
        text += &format!(
            "[models.m{place}]\nprovider = \"{provider}\"\nmodel = \"tiny\"\nbase_url = \"{url}\"\n\
             api_key_env = \"TEST_KEY\"\nprice_input = 2.0\nprice_output = 8.0\n\
             retry_wait_ms = 1\n{more}\n"
        );
    }
    let others: Vec<_> = (1..servers.len()).map(|place| format!("\"m{place}\"")).collect();
    text += &format!(
        "[model]\ndefault = \"m0\"\nembedder = \"m0\"\nfallback = [{}]\n",
        others.join(", ")
    );
    let settings: ModelsSettings = toml::from_str(&text).unwrap();
    build(&settings, &|name| (name == "TEST_KEY").then(|| KEY.to_owned())).unwrap()
}

fn prompt() -> Prompt {
    Prompt {
        model: None,
        purpose: Purpose::Reply,
        may_ignore: false,
        is_single_attempt: false,
        character: Arc::new(Character::named("Ada")),
        system: "You are Ada.".to_owned(),
        turns: vec![Turn::new(Role::User, "hello")],
        tools: Vec::new(),
        settings: Map::new(),
        tally: Tally::default(),
        bounds: Bounds::default(),
    }
}

async fn ask(router: &Router) -> Result<Generation, ModelError> {
    collect(router.generate(prompt()), 100_000, |_| ()).await
}

fn data(event: &Value) -> Part {
    Part::Send(format!("data: {event}\n\n"))
}

fn says(text: &str) -> Part {
    data(&json!({"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": null}]}))
}

fn stops() -> Part {
    data(&json!({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}))
}

fn counts(input: u64, output: u64) -> Part {
    data(&json!({"choices": [], "usage": {
        "prompt_tokens": input, "completion_tokens": output, "total_tokens": input + output
    }}))
}

fn done() -> Part {
    Part::Send("data: [DONE]\n\n".to_owned())
}

/// A whole answer in OpenAI's way.
fn whole(text: &str) -> Reply {
    Reply::stream(vec![says(text), stops(), counts(100, 10), done()])
}

fn event(kind: &str, mut body: Value) -> Part {
    body["type"] = json!(kind);
    Part::Send(format!("event: {kind}\ndata: {body}\n\n"))
}

fn anthropic_start() -> Part {
    event("message_start", json!({"message": {"usage": {"input_tokens": 30, "output_tokens": 1}}}))
}

fn anthropic_text(text: &str) -> Part {
    event("content_block_delta", json!({"index": 0, "delta": {"type": "text_delta", "text": text}}))
}

fn anthropic_end() -> Vec<Part> {
    vec![
        event("content_block_stop", json!({"index": 0})),
        event(
            "message_delta",
            json!({"delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 5}}),
        ),
        event("message_stop", json!({})),
    ]
}

fn anthropic_block(block: Value) -> Part {
    event("content_block_start", json!({"index": 0, "content_block": block}))
}

fn anthropic_whole(pieces: &[&str]) -> Reply {
    let mut parts = vec![
        anthropic_start(),
        anthropic_block(json!({"type": "text", "text": ""})),
        event("ping", json!({})),
    ];
    parts.extend(pieces.iter().map(|text| anthropic_text(text)));
    parts.extend(anthropic_end());
    Reply::stream(parts)
}

#[tokio::test]
async fn openai_answers_in_pieces_and_is_billed() {
    let parts =
        vec![says("Good "), Part::AwaitGo, says("day"), stops(), counts(1_000, 100), done()];
    let mut server = Server::start(vec![Reply::stream(parts)]).await;
    let router = router("openai", &[&server.url], "");
    let mut answer = router.generate(prompt());
    // The server says no more until this piece is here.
    assert_eq!(answer.next().await, Some(Ok(Delta::Text("Good ".to_owned()))));
    server.go.notify_one();
    assert_eq!(answer.next().await, Some(Ok(Delta::Text("day".to_owned()))));
    let Some(Ok(Delta::Done(usage))) = answer.next().await else { panic!("no end") };
    assert_eq!(usage.model.as_deref(), Some("tiny"));
    assert_eq!((usage.input_tokens, usage.output_tokens), (1_000, 100));
    assert_eq!(usage.cost_micros, Some(2_800));
    assert_eq!(answer.next().await, None);

    let request = server.took().unwrap();
    assert!(request.head.starts_with("post /v1/chat/completions "), "{}", request.head);
    assert!(request.head.contains(&format!("authorization: bearer {KEY}")), "{}", request.head);
    assert_eq!(request.body["model"], "tiny");
    assert_eq!(request.body["stream_options"]["include_usage"], true);
    let expected = json!([
        {"role": "system", "content": "You are Ada."}, {"role": "user", "content": "hello"}
    ]);
    assert_eq!(request.body["messages"], expected);
}

#[tokio::test]
async fn anthropic_answers_in_pieces_and_is_billed() {
    let mut server = Server::start(vec![anthropic_whole(&["Good ", "day"])]).await;
    let router = router("anthropic", &[&server.url], "");
    let mut pieces = Vec::new();
    let answer = collect(router.generate(prompt()), 1_000, |delta| pieces.push(delta.clone()));
    let answer = answer.await.unwrap();
    assert_eq!(answer.text, "Good day");
    assert_eq!(pieces.len(), 3);
    assert_eq!((answer.usage.input_tokens, answer.usage.output_tokens), (30, 5));
    assert_eq!(answer.usage.cost_micros, Some(100));

    let request = server.took().unwrap();
    assert!(request.head.starts_with("post /v1/messages "), "{}", request.head);
    assert!(request.head.contains(&format!("x-api-key: {KEY}")), "{}", request.head);
    assert!(request.head.contains("anthropic-version: "), "{}", request.head);
    assert_eq!(request.body["max_tokens"], 4_096);
    assert_eq!(request.body["messages"], json!([{"role": "user", "content": "hello"}]));
}

#[tokio::test]
async fn a_stream_without_usage_is_estimated() {
    let server = Server::start(vec![Reply::stream(vec![says("12345678"), stops(), done()])]).await;
    let answer = ask(&router("openai", &[&server.url], "")).await.unwrap();
    assert_eq!((answer.usage.input_tokens, answer.usage.output_tokens), (5, 2));
}

#[tokio::test]
async fn tools_are_offered_and_their_calls_put_together() {
    let calls =
        |calls: Value| data(&json!({"choices": [{"index": 0, "delta": {"tool_calls": calls}}]}));
    let openai = Reply::stream(vec![
        calls(
            json!([{"index": 0, "id": "c1", "function": {"name": "look", "arguments": "{\"at\""}}]),
        ),
        calls(json!([{"index": 0, "function": {"arguments": ":\"door\"}"}}])),
        data(&json!({"choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]})),
        done(),
    ]);
    let json_delta = |text: &str| {
        event(
            "content_block_delta",
            json!({"index": 0, "delta": {"type": "input_json_delta", "partial_json": text}}),
        )
    };
    let mut parts = vec![
        anthropic_start(),
        anthropic_block(json!({"type": "tool_use", "id": "c1", "name": "look", "input": {}})),
        json_delta("{\"at\""),
        json_delta(":\"door\"}"),
    ];
    parts.extend(anthropic_end());
    for (provider, reply) in [("openai", openai), ("anthropic", Reply::stream(parts))] {
        let mut server = Server::start(vec![reply]).await;
        let schema = json!({"type": "object", "properties": {"at": {"type": "string"}}});
        let look =
            ToolSpec { name: "look".into(), description: "Look at it.".into(), parameters: schema };
        let prompt = Prompt { tools: vec![look], ..prompt() };
        let router = router(provider, &[&server.url], "");
        let answer = collect(router.generate(prompt), 1_000, |_| ()).await.unwrap();
        let arguments = json!({"at": "door"});
        assert_eq!(
            answer.tool_calls,
            [ToolCall { id: "c1".into(), name: "look".into(), arguments }],
            "{provider}"
        );
        let tools = server.took().unwrap().body["tools"].to_string();
        assert!(tools.contains("\"look\"") && tools.contains("Look at it."), "{tools}");
    }
}

#[tokio::test]
async fn a_place_beyond_reason_takes_no_memory() {
    let call =
        json!([{"index": u32::MAX, "id": "c", "function": {"name": "f", "arguments": "{}"}}]);
    let call = data(&json!({"choices": [{"index": 0, "delta": {"tool_calls": call}}]}));
    let server = Server::start(vec![Reply::stream(vec![call, stops(), done()])]).await;
    let answer = ask(&router("openai", &[&server.url], "")).await.unwrap();
    assert_eq!(answer.tool_calls.len(), 1);
}

#[tokio::test]
async fn the_busy_and_the_failing_are_asked_again() {
    let overloaded = json!({"error": {"type": "overloaded_error", "message": "later"}});
    for (provider, first, then) in [
        ("openai", Reply::status(429, "retry-after: 0\r\n", "{}"), whole("hi")),
        ("openai", Reply::status(503, "", "<html>"), whole("hi")),
        ("anthropic", Reply::status(529, "", "{}"), anthropic_whole(&["hi"])),
        ("anthropic", Reply::stream(vec![event("error", overloaded)]), anthropic_whole(&["hi"])),
    ] {
        let mut server = Server::start(vec![first, then]).await;
        assert_eq!(ask(&router(provider, &[&server.url], "")).await.unwrap().text, "hi");
        assert!(server.took().is_some() && server.took().is_some());
    }
}

#[tokio::test]
async fn a_wait_beyond_the_bound_is_not_waited_for() {
    let busy = Reply::status(429, "retry-after: 3000\r\n", "{}");
    let mut server = Server::start(vec![busy, whole("hi")]).await;
    let failed = ask(&router("openai", &[&server.url], "")).await;
    let asked = Some(Duration::from_secs(3_000));
    assert_eq!(failed, Err(ModelError::RateLimited { retry_after: asked }));
    assert!(server.took().is_some() && server.took().is_none());
}

#[tokio::test]
async fn a_refusal_is_not_repeated_and_holds_no_key() {
    let body = json!({"error": {"message": format!("wrong key {KEY}")}}).to_string();
    for status in [400, 401, 404, 302] {
        let headers = "location: http://127.0.0.1:1/\r\n";
        let refusal = Reply::status(status, headers, body.clone());
        let mut server = Server::start(vec![refusal, whole("hi")]).await;
        let failed = ask(&router("openai", &[&server.url, &server.url], "")).await;
        let words = format!("status {status}: wrong key [key]");
        assert_eq!(failed, Err(ModelError::Refused(words)));
        assert!(server.took().is_some() && server.took().is_none());
    }
}

#[tokio::test]
async fn a_server_that_is_down_is_stood_in_for() {
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let nobody = format!("http://{}/v1", closed.local_addr().unwrap());
    drop(closed);
    let failing = Server::start(vec![Reply::status(500, "", "{}"); 3]).await;
    let mut fine = Server::start(vec![whole("hi")]).await;
    let router = router("openai", &[&nobody, &failing.url, &fine.url], "");
    assert_eq!(ask(&router).await.unwrap().text, "hi");
    assert!(fine.took().is_some());

    let alone = super::tests::router("openai", &[&nobody], "");
    let failed = ask(&alone).await.unwrap_err();
    let text = failed.to_string();
    assert!(text.starts_with("provider failed: cannot connect to 127.0.0.1: "), "{text}");
}

#[tokio::test]
async fn a_server_that_says_nothing_is_given_up_and_let_go() {
    let mut server = Server::start(vec![Reply::silence()]).await;
    let router = router("openai", &[&server.url], "timeout_s = 90");
    let asked = tokio::spawn(async move { ask(&router).await });
    server.requests.recv().await.unwrap();
    // From here on there is nothing to wait for but the deadline.
    tokio::time::pause();
    let failed = asked.await.unwrap();
    assert_eq!(failed, Err(ModelError::TimedOut(Duration::from_secs(90))));
    tokio::time::resume();
    assert_eq!(server.gone.recv().await, Some(()));
}

#[tokio::test]
async fn a_stream_that_stalls_is_given_up_and_let_go() {
    let stalls = Reply::stream(vec![says("so"), Part::AwaitGone]);
    let mut server = Server::start(vec![stalls]).await;
    let mut answer = router("openai", &[&server.url], "timeout_s = 90").generate(prompt());
    assert_eq!(answer.next().await, Some(Ok(Delta::Text("so".to_owned()))));
    tokio::time::pause();
    let expected = ModelError::TimedOut(Duration::from_secs(90));
    assert!(matches!(answer.next().await, Some(Ok(Delta::Billed(_)))));
    assert_eq!(answer.next().await, Some(Err(expected)));
    tokio::time::resume();
    // The answer is still held; the connection is not.
    assert_eq!(server.gone.recv().await, Some(()));
    assert_eq!(answer.next().await, None);
}

#[tokio::test]
async fn dropping_an_answer_closes_its_connection() {
    for provider in ["openai", "anthropic"] {
        let begun = match provider {
            "openai" => vec![says("so")],
            _ => vec![
                anthropic_start(),
                anthropic_block(json!({"type": "text", "text": ""})),
                anthropic_text("so"),
            ],
        };
        let begun = Reply::stream(begun.into_iter().chain([Part::AwaitGone]).collect());
        let mut server = Server::start(vec![begun, Reply::silence()]).await;
        let router = router(provider, &[&server.url], "");

        let mut answer = router.generate(prompt());
        assert!(answer.next().await.is_some());
        drop(answer);
        assert_eq!(server.gone.recv().await, Some(()));

        // Before the first piece, too: here the server has the request and has not answered.
        server.took().unwrap();
        let mut answer = router.generate(prompt());
        tokio::select! {
            _ = answer.next() => panic!("an answer out of nothing"),
            request = server.requests.recv() => assert!(request.is_some()),
        }
        drop(answer);
        assert_eq!(server.gone.recv().await, Some(()));
    }
}

#[tokio::test]
async fn a_broken_stream_is_an_error_after_what_was_said() {
    let mut html = whole("");
    html.parts = vec![Part::Send("<html>".to_owned())];
    for (reply, said) in [
        (Reply::stream(vec![says("so"), Part::Break]), true),
        (Reply::stream(vec![says("so")]), true),
        (Reply::stream(vec![says("so"), Part::Send("data: {nonsense\n\n".to_owned())]), true),
        (Reply::stream(vec![Part::Break]), false),
        (html, false),
    ] {
        let server = Server::start(vec![reply, whole("never")]).await;
        let mut answer = router("openai", &[&server.url], "").generate(prompt());
        if said {
            assert_eq!(answer.next().await, Some(Ok(Delta::Text("so".to_owned()))));
        }
        assert!(matches!(answer.next().await, Some(Ok(Delta::Billed(_)))));
        let failed = answer.next().await;
        assert!(matches!(failed, Some(Err(ModelError::Unavailable(_)))), "{failed:?}");
        assert_eq!(answer.next().await, None);
    }
}

#[tokio::test]
async fn an_answer_without_end_is_broken_off() {
    let endless =
        Reply::stream(vec![says(&"x".repeat(600)), says(&"y".repeat(600)), Part::AwaitGone]);
    let mut server = Server::start(vec![endless]).await;
    let failed = ask(&router("openai", &[&server.url], "answer_max_bytes = 1000")).await;
    let reason = "the answer is longer than 1000 bytes".to_owned();
    assert_eq!(failed, Err(ModelError::Unavailable(reason)));
    assert_eq!(server.gone.recv().await, Some(()));
}

#[tokio::test]
async fn texts_are_embedded_by_the_provider() {
    let body = json!({"model": "tiny", "usage": {"prompt_tokens": 2, "total_tokens": 2}, "data": [
        {"index": 1, "embedding": [0.0, 2.0]}, {"index": 0, "embedding": [3.0, 4.0]}
    ]});
    let busy = Reply::status(429, "", "{}");
    let mut server = Server::start(vec![busy, Reply::status(200, "", body.to_string())]).await;
    let router = router("openai", &[&server.url], "dimensions = 2");
    let found = router.embed(vec!["a".into(), "b".into()]).await.unwrap();
    let vectors: Vec<_> = found.iter().map(|embedding| embedding.vector.clone()).collect();
    assert_eq!(vectors, [vec![0.6, 0.8], vec![0.0, 1.0]]);
    assert!(found.iter().all(|embedding| embedding.embedder == "tiny-2"));
    server.took().unwrap();
    let request = server.took().unwrap();
    assert!(request.head.starts_with("post /v1/embeddings "), "{}", request.head);
    assert_eq!(request.body["input"], json!(["a", "b"]));
    assert_eq!(request.body["dimensions"], 2);
}

#[tokio::test]
async fn a_model_at_a_server_is_one_line() {
    let mut server = Server::start(vec![whole("hi")]).await;
    let line = format!("[model]\ndefault = \"openai:tiny@{}\"", server.url);
    let settings: ModelsSettings = toml::from_str(&line).unwrap();
    // The key of another place is in the environment, and stays there.
    let router = build(&settings, &|_| Some(KEY.to_owned())).unwrap();
    assert_eq!(ask(&router).await.unwrap().text, "hi");
    assert!(!server.took().unwrap().head.contains(KEY));
}
