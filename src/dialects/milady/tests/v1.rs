//! The agent as a model, for clients of others.

use serde_json::{Value, json};

use super::conversations::events;
use super::support::{bare, stage};

const OPENAI: &str = "/v1/chat/completions";
const ANTHROPIC: &str = "/v1/messages";

fn user(text: &str) -> Value {
    json!({"role": "user", "content": text})
}

#[actix_web::test]
async fn the_one_model_is_the_agent() {
    let stage = stage().await;
    let (status, models) = stage.said("GET", "/v1/models", Value::Null).await;
    assert_eq!((status, models["data"].as_array().unwrap().len()), (200, 1));
    let model = &models["data"][0];
    assert_eq!((&models["object"], &model["object"]), (&json!("list"), &json!("model")));
    assert_eq!((&model["id"], &model["display_name"]), (&json!("milady"), &json!("Milady")));
    assert!(model["created"].is_i64() && model["owned_by"].is_string(), "{model}");
    for name in ["milady", "Milady"] {
        let one = stage.said("GET", &format!("/v1/models/{name}"), Value::Null).await;
        assert_eq!(one, (200, model.clone()));
    }
    let (status, none) = stage.said("GET", "/v1/models/gpt", Value::Null).await;
    assert_eq!((status, &none["error"]["type"]), (404, &json!("not_found_error")));
}

#[actix_web::test]
async fn what_goes_wrong_is_told_as_these_clients_read_it() {
    let (with, without) = (stage().await, bare().await);
    let error = |sort: &str, message: &str| json!({"error": {"type": sort, "message": message}});
    for path in [OPENAI, ANTHROPIC] {
        for stage in [&with, &without] {
            let (status, answer) = stage.said("POST", path, json!({})).await;
            let expected = error("invalid_request_error", "messages is required");
            assert_eq!((status, answer), (400, expected));
            assert_eq!(stage.said("POST", path, Value::Null).await.0, 400);
        }
        let body = json!({"messages": [user("hi")]});
        let none = without.said("POST", path, body.clone()).await;
        assert_eq!(none, (503, error("service_unavailable", "Agent is not running")));
        let failed = with.said("POST", path, json!({"messages": [user("!fail")]})).await;
        assert_eq!(failed, (500, error("server_error", "The model did not answer")));
        let (_, paused) = with.said("POST", "/api/agent/pause", Value::Null).await;
        assert_eq!(paused["ok"], true);
        let (status, answer) = with.said("POST", path, body).await;
        assert_eq!(status, 503);
        assert!(answer["error"]["message"].as_str().unwrap().contains("not running"));
        with.said("POST", "/api/agent/resume", Value::Null).await;
    }
    let none = without.said("GET", "/v1/models", Value::Null).await;
    assert_eq!(none, (503, error("service_unavailable", "Agent is not running")));
}

#[actix_web::test]
async fn a_completion_is_whole_or_a_stream_of_chunks() {
    let stage = stage().await;
    let mut messages = vec![json!({"role": "system", "content": "Be brief."}), user("hi")];
    let body = json!({"model": "any", "messages": messages});
    let (status, whole) = stage.said("POST", OPENAI, body).await;
    assert_eq!(status, 200, "{whole}");
    let answer = "echo: Be brief.\n\nhi";
    let expected = json!({
        "id": whole["id"], "object": "chat.completion", "created": whole["created"],
        "model": "milady",
        "choices": [{
            "index": 0, "message": {"role": "assistant", "content": answer, "refusal": null},
            "logprobs": null, "finish_reason": "stop",
        }],
        "usage": {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0},
    });
    assert_eq!(whole, expected);
    // The agent was there: only what is new is said.
    messages.extend([json!({"role": "assistant", "content": answer}), user("on")]);
    let body = json!({
        "messages": messages, "stream": true, "stream_options": {"include_usage": true},
    });
    let heard = stage.send("POST", OPENAI, body).await;
    assert_eq!(heard.header("content-type"), "text/event-stream");
    assert!(heard.text.ends_with("data: [DONE]\n\n"), "{}", heard.text);
    let chunks = events(&heard);
    let deltas: Vec<_> = chunks
        .iter()
        .filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str())
        .collect();
    assert_eq!(deltas, ["", "echo: ", "Be brief.\n\non"]);
    assert_eq!(chunks[0]["choices"][0]["delta"]["role"], "assistant");
    let last = &chunks[chunks.len() - 2..];
    assert_eq!(last[0]["choices"][0]["finish_reason"], "stop");
    assert_eq!((&last[1]["choices"], &last[1]["usage"]["total_tokens"]), (&json!([]), &json!(0)));
    let heard = stage.send("POST", OPENAI, json!({"messages": [user("!fail")], "stream": true}));
    let chunks = events(&heard.await);
    assert_eq!(chunks.last().unwrap()["error"]["type"], "server_error");
}

#[actix_web::test]
async fn a_message_is_whole_or_a_stream_of_named_events() {
    let stage = stage().await;
    let body =
        json!({"model": "any", "max_tokens": 9, "system": "Be brief.", "messages": [user("hi")]});
    let (status, whole) = stage.said("POST", ANTHROPIC, body).await;
    assert_eq!(status, 200, "{whole}");
    let expected = json!({
        "id": whole["id"], "type": "message", "role": "assistant", "model": "milady",
        "content": [{"type": "text", "text": "echo: Be brief.\n\nhi"}],
        "stop_reason": "end_turn", "stop_sequence": null,
        "usage": {"input_tokens": 0, "output_tokens": 0},
    });
    assert_eq!(whole, expected);
    let messages = json!([user("one"), {"role": "assistant", "content": "two"}, user("three")]);
    let body = json!({"messages": messages, "stream": true, "metadata": {"user_id": "u"}});
    let heard = stage.send("POST", ANTHROPIC, body).await;
    let named = heard.events();
    let names: Vec<_> = named.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(
        names,
        [
            "message_start",
            "content_block_start",
            "content_block_delta",
            "content_block_delta",
            "content_block_stop",
            "message_delta",
            "message_stop",
        ]
    );
    assert!(named.iter().all(|(name, data)| data["type"] == json!(name)));
    let text: String =
        named.iter().filter_map(|(_, data)| data["delta"]["text"].as_str()).collect();
    assert_eq!(text, "echo: What was said before:\nUser: one\nYou: two\n\nthree");
    assert_eq!(named[0].1["message"]["content"], json!([]));
    assert_eq!(named[5].1["delta"]["stop_reason"], "end_turn");
    let heard = stage.send("POST", ANTHROPIC, json!({"messages": [user("!fail")], "stream": true}));
    let (name, data) = heard.await.events().pop().unwrap();
    assert_eq!((name.as_str(), &data["error"]["type"]), ("error", &json!("server_error")));
}
