//! `POST /v1/chat/completions`, as OpenAI's clients know it.

use actix_web::web::{Bytes, Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use greenroom_actors::runs::Usage;
use serde_json::{Value, json};
use uuid::Uuid;

use super::error::{self, CompatAnswer};
use super::talk::Asked;
use crate::dialects::milady::chat::{self, Answered, Wording, event};
use crate::dialects::milady::error::MiladyError;
use crate::dialects::milady::shared::Shared;
use crate::messaging::Rest;

pub(super) async fn complete(
    shared: Data<Shared>,
    request: HttpRequest,
    payload: Payload,
) -> CompatAnswer {
    let shared = shared.into_inner();
    let Asked { body: asked, talk, agent } = Asked::read(&shared, &request, payload).await?;
    let wants_usage = asked.get("stream_options").and_then(|it| it.get("include_usage"));
    let completion = Completion {
        id: format!("chatcmpl-{}", Uuid::new_v4().simple()),
        created: shared.now().0 / 1_000,
        model: agent.handle.clone(),
        wants_usage: wants_usage.and_then(Value::as_bool) == Some(true),
    };
    let turn = talk.begin(&shared, &agent).await?;
    if asked.get("stream").and_then(Value::as_bool) == Some(true) {
        return Ok(chat::stream(turn, completion));
    }
    let answer = turn.whole().await?;
    Ok(HttpResponse::Ok().json(completion.whole(&answer)))
}

/// A completion, whole or piece by piece.
struct Completion {
    id: String,
    /// In seconds.
    created: i64,
    model: String,
    /// Whether a stream is to end with how many tokens it took.
    wants_usage: bool,
}

impl Completion {
    fn whole(&self, answer: &Answered) -> Value {
        json!({
            "id": self.id, "object": "chat.completion", "created": self.created,
            "model": self.model,
            "choices": [{
                "index": 0,
                "message": {"role": "assistant", "content": answer.text, "refusal": null},
                "logprobs": null,
                "finish_reason": "stop",
            }],
            "usage": usage(&answer.usage),
        })
    }

    fn chunk(&self, delta: Value, finish_reason: Option<&str>) -> Bytes {
        self.framed(
            json!([{
                "index": 0, "delta": delta, "logprobs": null, "finish_reason": finish_reason,
            }]),
            None,
        )
    }

    fn framed(&self, choices: Value, usage: Option<Value>) -> Bytes {
        let mut chunk = json!({
            "id": self.id, "object": "chat.completion.chunk", "created": self.created,
            "model": self.model, "choices": choices,
        });
        if let (Some(chunk), true) = (chunk.as_object_mut(), self.wants_usage) {
            chunk.insert("usage".to_owned(), usage.unwrap_or(Value::Null));
        }
        event(&chunk)
    }
}

fn usage(usage: &Usage) -> Value {
    json!({
        "prompt_tokens": usage.input_tokens, "completion_tokens": usage.output_tokens,
        "total_tokens": usage.input_tokens.saturating_add(usage.output_tokens),
    })
}

impl Wording for Completion {
    fn begin(&mut self) -> Vec<Bytes> {
        vec![self.chunk(json!({"role": "assistant", "content": ""}), None)]
    }

    fn words(&mut self, words: &str) -> Bytes {
        self.chunk(json!({"content": words}), None)
    }

    fn end(&mut self, answer: Answered, rest: Rest) -> Vec<Bytes> {
        let more = match rest {
            Rest::Nothing => None,
            Rest::More(more) => Some(self.words(&more)),
            // What was told cannot be taken back.
            Rest::Other => Some(self.words(&format!("\n\n{}", answer.text))),
        };
        let mut last: Vec<_> = more.into_iter().collect();
        last.push(self.chunk(json!({}), Some("stop")));
        if self.wants_usage {
            last.push(self.framed(json!([]), Some(usage(&answer.usage))));
        }
        last.push(Bytes::from_static(b"data: [DONE]\n\n"));
        last
    }

    fn failed(&mut self, error: &MiladyError) -> Vec<Bytes> {
        vec![event(&json!({"error": error::told(error)}))]
    }

    fn breath(&mut self) -> Bytes {
        Bytes::from_static(b": ping\n\n")
    }
}
