//! What agents and other programs bring into channels: messages, actions, ends.

use actix_web::http::StatusCode;
use greenroom_actors::error::CoreError;
use greenroom_actors::ids::{self, AgentId, ChannelId, ChannelMessageId, EntityId};
use serde_json::{Map, Value, json};

use super::super::call::Call;
use super::super::error::{Doing, ElizaError};
use super::super::input::{Body, Fields};
use super::super::refusal::{self, Refusal};
use super::super::wire::{Answer, created, json, ok};
use super::given;
use super::wire::MessageView;
use crate::messaging::{MessagePatch, NewMessage};

/// Messages that are brought in at once at most: each waits for the agents to have it.
const INGESTED_MAX: usize = 100;

/// `POST /submit`.
pub(super) async fn submit(call: Call, body: Body) -> Answer {
    keep(&call, body, &refusal::SUBMIT).await
}

/// `POST /action`.
pub(super) async fn act(call: Call, body: Body) -> Answer {
    keep(&call, body, &refusal::ACTION).await
}

async fn keep(call: &Call, body: Body, doing: &'static Refusal) -> Answer {
    let fields = body.fields()?;
    let new = match of_library(&fields) {
        Some(new) => new,
        None => of_agent(&fields)?,
    };
    let message = call.messaging().post(new).await.doing(doing)?;
    created(MessageView::of(&message))
}

/// A message as agents of elizaOS send it.
fn of_agent(fields: &Fields) -> Result<NewMessage, ElizaError> {
    let missing = || ElizaError::Refused(&refusal::SUBMIT_FIELDS);
    let channel = given::id(fields, "channel_id").ok().flatten().ok_or_else(missing)?;
    given::server(fields).ok().flatten().ok_or_else(missing)?;
    let author_id = given::id(fields, "author_id").ok().flatten().ok_or_else(missing)?;
    let content = given::text(fields, "content").ok_or_else(missing)?;
    let source_type = given::text(fields, "source_type").ok_or_else(missing)?;
    let raw_message = given::any(fields, "raw_message").ok_or_else(missing)?;
    let in_reply_to = in_reply_to(fields)?;
    let id = given::id(fields, "messageId")
        .map_err(|_not_an_id| ElizaError::Refused(&refusal::MESSAGE_ID))?;
    let metadata = given::object(fields, "metadata").unwrap_or_default();
    Ok(NewMessage {
        id,
        channel_id: channel,
        author_id,
        author_name: given::text(fields, "author_display_name"),
        content,
        raw_message: Some(raw_message),
        in_reply_to,
        source_type,
        source_id: given::text(fields, "source_id"),
        metadata,
    })
}

fn in_reply_to(fields: &Fields) -> Result<Option<ChannelMessageId>, ElizaError> {
    given::id(fields, "in_reply_to_message_id")
        .map_err(|_not_an_id| ElizaError::Refused(&refusal::IN_REPLY_TO))
}

/// A message as the client library sends it.
fn of_library(fields: &Fields) -> Option<NewMessage> {
    let agent: AgentId = given::id(fields, "agentId").ok()??;
    let channel_id: ChannelId = given::id(fields, "channelId").ok()??;
    let content = given::text(fields, "content")?;
    let raw_message = json!({"text": content});
    Some(NewMessage {
        id: None,
        channel_id,
        author_id: agent.into(),
        author_name: None,
        content,
        raw_message: Some(raw_message),
        in_reply_to: given::id(fields, "inReplyToMessageId").ok().flatten(),
        source_type: "agent_response".to_owned(),
        source_id: None,
        metadata: given::object(fields, "metadata").unwrap_or_default(),
    })
}

/// `PATCH /action/:id`.
pub(super) async fn patch(call: Call, body: Body) -> Answer {
    let id = call.id("message", &refusal::ACTION_ID)?;
    let fields = body.fields()?;
    let author_id = given::id(&fields, "author_id")
        .map_err(|_not_an_id| ElizaError::Refused(&refusal::AUTHOR_ID))?;
    let patch = MessagePatch {
        content: given::text(&fields, "content"),
        raw_message: given::any(&fields, "raw_message"),
        source_type: given::text(&fields, "source_type"),
        in_reply_to: in_reply_to(&fields)?,
        author_id,
        metadata: given::object(&fields, "metadata"),
    };
    let message = call.messaging().amend_message(id, patch).await.doing(&refusal::ACTION)?;
    ok(MessageView::of(&message))
}

/// `POST /complete`: nobody waits for more about a message.
pub(super) async fn complete(call: Call, body: Body) -> Answer {
    let fields = body.fields()?;
    let malformed = |name: &str| ElizaError::field(name, "not an id");
    let channel: Option<ChannelId> =
        given::id(&fields, "channel_id").map_err(|_not_an_id| malformed("channel_id"))?;
    let message: Option<ChannelMessageId> =
        given::id(&fields, "messageId").map_err(|_not_an_id| malformed("messageId"))?;
    let channel = match (channel, message) {
        (Some(channel), _) => Some(channel),
        (None, Some(message)) => match call.messaging().message(message).await {
            Ok(message) => Some(message.channel_id),
            Err(CoreError::NotFound { .. }) => None,
            Err(error) => return Err(error).doing(&refusal::MESSAGES),
        },
        (None, None) => return Err(ElizaError::field("messageId", "is required")),
    };
    if let Some(channel) = channel {
        match call.messaging().complete(channel, message).await {
            // Nobody can follow what is not there.
            Ok(()) | Err(CoreError::NotFound { .. }) => {}
            Err(error) => return Err(error).doing(&refusal::MESSAGES),
        }
    }
    ok(json!({"success": true}))
}

/// `POST /ingest-external`.
pub(super) async fn ingest(call: Call, body: Body) -> Answer {
    let fields = body.fields()?;
    let brought = match fields.0.get("messages") {
        Some(Value::Array(messages)) => of_platform(&fields, messages)?,
        _ => vec![of_bridge(&fields)?],
    };
    let mut last = Value::Null;
    let processed = brought.len();
    for new in brought {
        let said = call.messaging().say(new).await.doing(&refusal::INGEST)?;
        last = json!(said.message.id);
    }
    let body = json!({
        "success": true,
        "message": "Message ingested and published to bus",
        "data": {"messageId": last, "processed": processed},
    });
    json(StatusCode::ACCEPTED, &body)
}

fn of_bridge(fields: &Fields) -> Result<NewMessage, ElizaError> {
    let invalid = || ElizaError::Refused(&refusal::INGEST_PAYLOAD);
    let channel = given::id(fields, "channel_id").ok().flatten().ok_or_else(invalid)?;
    given::server(fields).ok().flatten().ok_or_else(invalid)?;
    let author_id = given::id(fields, "author_id").ok().flatten().ok_or_else(invalid)?;
    Ok(NewMessage {
        id: None,
        channel_id: channel,
        author_id,
        author_name: given::text(fields, "author_display_name"),
        content: given::text(fields, "content").ok_or_else(invalid)?,
        raw_message: given::any(fields, "raw_message"),
        in_reply_to: given::id(fields, "in_reply_to_message_id").ok().flatten(),
        source_type: given::text(fields, "source_type").unwrap_or_else(|| "external".to_owned()),
        source_id: given::text(fields, "source_id"),
        metadata: given::object(fields, "metadata").unwrap_or_default(),
    })
}

/// Messages as the client library brings them, from a platform whose ids may be any text.
fn of_platform(fields: &Fields, messages: &[Value]) -> Result<Vec<NewMessage>, ElizaError> {
    let invalid = || ElizaError::Refused(&refusal::INGEST_PAYLOAD);
    let channel_id: ChannelId =
        given::id(fields, "channelId").ok().flatten().ok_or_else(invalid)?;
    let platform = given::text(fields, "platform").ok_or_else(invalid)?;
    if messages.len() > INGESTED_MAX {
        let reason = format_args!("at most {INGESTED_MAX} messages");
        return Err(ElizaError::field("messages", reason));
    }
    let read = |message: &Value| {
        let word = |key: &str| message.get(key).and_then(Value::as_str).filter(|w| !w.is_empty());
        let (author, content) = (word("authorId")?, word("content")?);
        let mut metadata = match message.get("metadata") {
            Some(Value::Object(metadata)) => metadata.clone(),
            _ => Map::new(),
        };
        if let Some(at) = message.get("timestamp") {
            metadata.insert("timestamp".to_owned(), at.clone());
        }
        Some(NewMessage {
            id: None,
            channel_id,
            author_id: EntityId(ids::derived(author)),
            author_name: None,
            content: content.to_owned(),
            raw_message: None,
            in_reply_to: None,
            source_type: platform.clone(),
            source_id: word("id").map(str::to_owned),
            metadata,
        })
    };
    messages.iter().map(|message| read(message).ok_or_else(invalid)).collect()
}
