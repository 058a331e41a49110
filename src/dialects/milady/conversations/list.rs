//! Conversations listed, made, named and taken off the list.

use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse};
use greenroom_actors::agent::Keep;
use greenroom_actors::facts::Fact;
use greenroom_actors::records::Room;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Conversation, found, greeting};
use crate::dialects::milady::shared::Shared;
use crate::dialects::milady::{Answer, body};

/// `GET /api/conversations`.
pub(super) async fn all(shared: Data<Shared>) -> Answer {
    let all = shared.conversations.all().await?;
    Ok(HttpResponse::Ok().json(json!({"conversations": all})))
}

/// `POST /api/conversations`: one is made, with a greeting in it where the client asks for that.
pub(super) async fn create(shared: Data<Shared>, request: HttpRequest, payload: Payload) -> Answer {
    let asked = body::object(&shared, &request, payload).await?;
    let title = asked.get("title").and_then(Value::as_str).unwrap_or_default();
    let made = shared.conversations.create(title).await?;
    let wants_greeting = asked.get("bootstrapGreeting").and_then(Value::as_bool) == Some(true);
    let greeting = if wants_greeting {
        greeting::of(&shared, &made).await.unwrap_or_else(|error| {
            // The conversation is there, greeted or not.
            tracing::warn!(%error, "a new conversation got no greeting");
            None
        })
    } else {
        None
    };
    let mut answer = json!({"conversation": made});
    if let (Some(answer), Some(greeting)) = (answer.as_object_mut(), greeting) {
        answer.insert("greeting".to_owned(), json!(greeting));
    }
    Ok(HttpResponse::Ok().json(answer))
}

/// `PATCH /api/conversations/:id`.
pub(super) async fn rename(
    id: Path<String>,
    shared: Data<Shared>,
    request: HttpRequest,
    payload: Payload,
) -> Answer {
    let before = found(&shared, &id).await?;
    let asked = body::object(&shared, &request, payload).await?;
    let title = asked.get("title").and_then(Value::as_str).unwrap_or_default();
    let renamed = shared.conversations.rename(before.id, title).await?;
    let renamed = match renamed {
        Some(renamed) => renamed,
        // It was taken off the list meanwhile.
        None => found(&shared, &id).await?,
    };
    if renamed.title != before.title {
        name_room(&shared, &renamed).await;
    }
    Ok(HttpResponse::Ok().json(json!({"conversation": renamed})))
}

/// Gives the agent's room the conversation's name, if the agent knows the room already. It helps whoever
/// reads the agent's rooms; the conversation has its name without it.
pub(super) async fn name_room(shared: &Shared, conversation: &Conversation) {
    let named = async {
        let Some(agent) = shared.host.primary.agent().await? else { return Ok(()) };
        let registry = &shared.host.registry;
        let room = registry.store().room(agent.id, conversation.room_id).await?;
        let Some(room) = room else { return Ok(()) };
        let room = Room { name: conversation.title.clone(), ..room };
        let facts = vec![Fact::RoomSet(Box::new(room))];
        registry.ask(agent.id, Keep { facts, while_running: false }).await.map(drop)
    };
    if let Err(error) = named.await {
        tracing::warn!(%error, "a room keeps the name that its conversation had");
    }
}

/// `DELETE /api/conversations/:id`: also one that is not there is gone.
pub(super) async fn remove(id: Path<String>, shared: Data<Shared>) -> Answer {
    if let Ok(id) = id.parse::<Uuid>() {
        shared.conversations.remove(id).await?;
    }
    Ok(HttpResponse::Ok().json(json!({"ok": true})))
}
