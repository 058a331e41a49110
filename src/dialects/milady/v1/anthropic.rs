//! `POST /v1/messages`, as Anthropic's clients know it.

use actix_web::web::{Bytes, Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use greenroom_actors::runs::Usage;
use serde_json::{Value, json};
use uuid::Uuid;

use super::error::{self, CompatAnswer};
use super::talk::Asked;
use crate::dialects::milady::chat::{self, Answered, Wording};
use crate::dialects::milady::error::MiladyError;
use crate::dialects::milady::shared::Shared;
use crate::messaging::Rest;

pub(super) async fn answer(
    shared: Data<Shared>,
    request: HttpRequest,
    payload: Payload,
) -> CompatAnswer {
    let shared = shared.into_inner();
    let Asked { body: asked, talk, agent } = Asked::read(&shared, &request, payload).await?;
    let message =
        Message { id: format!("msg_{}", Uuid::new_v4().simple()), model: agent.handle.clone() };
    let turn = talk.begin(&shared, &agent).await?;
    if asked.get("stream").and_then(Value::as_bool) == Some(true) {
        return Ok(chat::stream(turn, message));
    }
    let answer = turn.whole().await?;
    let content = json!([{"type": "text", "text": answer.text}]);
    let whole = message.view(content, Some("end_turn"), &answer.usage);
    Ok(HttpResponse::Ok().json(whole))
}

/// A message, whole or piece by piece.
struct Message {
    id: String,
    model: String,
}

impl Message {
    fn view(&self, content: Value, stop_reason: Option<&str>, usage: &Usage) -> Value {
        json!({
            "id": self.id, "type": "message", "role": "assistant", "model": self.model,
            "content": content, "stop_reason": stop_reason, "stop_sequence": null,
            "usage": tokens(usage),
        })
    }
}

fn tokens(usage: &Usage) -> Value {
    json!({"input_tokens": usage.input_tokens, "output_tokens": usage.output_tokens})
}

/// An event, named by the type of what it says.
fn event(data: &Value) -> Bytes {
    let name = data.get("type").and_then(Value::as_str).unwrap_or_default();
    Bytes::from(format!("event: {name}\ndata: {data}\n\n"))
}

impl Wording for Message {
    fn begin(&mut self) -> Vec<Bytes> {
        let message = self.view(json!([]), None, &Usage::default());
        let block = json!({"type": "text", "text": ""});
        [
            json!({"type": "message_start", "message": message}),
            json!({"type": "content_block_start", "index": 0, "content_block": block}),
        ]
        .iter()
        .map(event)
        .collect()
    }

    fn words(&mut self, words: &str) -> Bytes {
        let delta = json!({"type": "text_delta", "text": words});
        event(&json!({"type": "content_block_delta", "index": 0, "delta": delta}))
    }

    fn end(&mut self, answer: Answered, rest: Rest) -> Vec<Bytes> {
        let more = match rest {
            Rest::Nothing => None,
            Rest::More(more) => Some(self.words(&more)),
            // What was told cannot be taken back.
            Rest::Other => Some(self.words(&format!("\n\n{}", answer.text))),
        };
        let delta = json!({"stop_reason": "end_turn", "stop_sequence": null});
        let last = [
            json!({"type": "content_block_stop", "index": 0}),
            json!({"type": "message_delta", "delta": delta, "usage": tokens(&answer.usage)}),
            json!({"type": "message_stop"}),
        ];
        more.into_iter().chain(last.iter().map(event)).collect()
    }

    fn failed(&mut self, error: &MiladyError) -> Vec<Bytes> {
        vec![event(&json!({"type": "error", "error": error::told(error)}))]
    }

    fn breath(&mut self) -> Bytes {
        event(&json!({"type": "ping"}))
    }
}
