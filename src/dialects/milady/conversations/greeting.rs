//! The first word of a conversation: one of the posts that a character gives as an example.

use actix_web::HttpResponse;
use actix_web::web::{Data, Path};
use greenroom_actors::character::AgentRecord;
use serde::Serialize;

use super::{Conversation, found};
use crate::dialects::milady::Answer;
use crate::dialects::milady::chat::{Place, Web};
use crate::dialects::milady::error::MiladyError;
use crate::dialects::milady::shared::Shared;

/// Where greetings come from.
const SOURCE: &str = "agent_greeting";

/// A greeting.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Greeting {
    /// Empty where the character gives no example.
    text: String,
    agent_name: String,
    /// Whether there is one.
    generated: bool,
    /// Whether it is a message of the conversation now.
    persisted: bool,
}

/// `POST /api/conversations/:id/greeting`.
pub(super) async fn greet(id: Path<String>, shared: Data<Shared>) -> Answer {
    let conversation = found(&shared, &id).await?;
    let greeting = of(&shared, &conversation).await?.ok_or(MiladyError::NO_AGENT)?;
    Ok(HttpResponse::Ok().json(greeting))
}

/// Has the agent greet in a conversation; `None` without an agent.
pub(super) async fn of(
    shared: &Shared,
    conversation: &Conversation,
) -> Result<Option<Greeting>, MiladyError> {
    let Some(agent) = shared.host.primary.agent().await? else { return Ok(None) };
    let agent_name = agent.character.name.clone();
    let Some(text) = chosen(&agent) else {
        let text = String::new();
        return Ok(Some(Greeting { text, agent_name, generated: false, persisted: false }));
    };
    let web = Web::Conversation(conversation.id, &conversation.title);
    let place = Place::of(shared, &agent, web).await?;
    place.speak(shared, text, SOURCE).await?;
    shared.conversations.touch(conversation.id).await?;
    let text = text.to_owned();
    Ok(Some(Greeting { text, agent_name, generated: true, persisted: true }))
}

/// One of the character's posts.
fn chosen(agent: &AgentRecord) -> Option<&str> {
    let posts = agent.character.post_examples.as_deref().unwrap_or_default();
    let posts: Vec<_> =
        posts.iter().map(|post| post.trim()).filter(|post| !post.is_empty()).collect();
    if posts.is_empty() {
        return None;
    }
    posts.get(rand::random_range(0..posts.len())).copied()
}
