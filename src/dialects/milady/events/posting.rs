//! `POST /api/agent/event`: what a program beside the agent wants clients to see among its events.

use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use serde_json::{Map, Value, json};

use super::envelope::{Draft, Room, Sort, Stream};
use crate::dialects::milady::error::MiladyError;
use crate::dialects::milady::proactive::Proactive;
use crate::dialects::milady::shared::Shared;
use crate::dialects::milady::{Answer, body};

pub(super) async fn post(shared: Data<Shared>, request: HttpRequest, payload: Payload) -> Answer {
    let mut posted = body::object(&shared, &request, payload).await?;
    let stream = stream(&posted)?;
    let data = data(posted.remove("data"))?;
    let room = posted.get("roomId").and_then(Value::as_str).map(str::trim);
    let room = room.filter(|room| !room.is_empty()).map(|room| Room::Named(room.to_owned()));
    let agent = *shared.host.primary.watch().borrow();
    let draft = Draft {
        sort: Sort::AgentEvent,
        at: shared.now(),
        place: None,
        stream: Some(stream),
        agent,
        room,
        payload: data,
    };
    let proactive = Proactive::of(&draft);
    shared.sockets.publish(vec![draft]);
    if let Some(proactive) = proactive {
        proactive.bring(&shared).await?;
    }
    Ok(HttpResponse::Ok().json(json!({"ok": true})))
}

fn stream(posted: &Map<String, Value>) -> Result<Stream, MiladyError> {
    let name = posted.get("stream").and_then(Value::as_str).map(str::trim).unwrap_or_default();
    if name.is_empty() {
        return Err(MiladyError::bad("Missing 'stream' field"));
    }
    Stream::open(name).ok_or_else(|| {
        MiladyError::bad(format!("Unknown stream: 'stream' must be one of {}", Stream::names()))
    })
}

/// What the event says: an object, since clients drop anything else.
fn data(posted: Option<Value>) -> Result<Map<String, Value>, MiladyError> {
    match posted {
        None | Some(Value::Null) => Ok(Map::new()),
        Some(Value::Object(data)) => Ok(data),
        Some(_) => Err(MiladyError::bad("'data' must be an object")),
    }
}
