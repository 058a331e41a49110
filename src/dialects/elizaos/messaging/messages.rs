//! What was said in channels: lists, changes, removals.

use greenroom_actors::ids::{ChannelId, ChannelMessageId};
use greenroom_actors::ports::MessageQuery;
use greenroom_actors::time::UnixMillis;
use serde_json::{Value, json};

use super::super::call::{Call, Page};
use super::super::error::{Doing, ElizaError};
use super::super::input::{Body, Fields};
use super::super::refusal;
use super::super::wire::{Answer, nothing, ok};
use super::given;
use super::wire::{ListedMessage, MessageView};
use crate::http::instant;
use crate::messaging::MessagePatch;

/// Messages in a list, where the request does not say.
const PAGE: u32 = 50;

/// `GET /channels/:channelId/messages`.
pub(super) async fn list(call: Call) -> Answer {
    let channel = call.id("channel", &refusal::CHANNEL_ID_SHORT)?;
    let query = call.query();
    let page = call.page(&query, PAGE);
    // What is no time is ignored, as by elizaOS.
    let at = |key: &str| query.get(key).and_then(instant::read);
    let wanted = MessageQuery {
        before: at("before"),
        after: at("after"),
        offset: page.offset,
        ..MessageQuery::of(channel, page.limit)
    };
    found(&call, wanted).await
}

async fn found(call: &Call, query: MessageQuery) -> Answer {
    if query.limit == 0 {
        return ok(json!({"messages": []}));
    }
    let messages = call.messaging().messages(query).await.doing(&refusal::MESSAGES)?;
    let views: Vec<_> = messages.iter().map(ListedMessage::of).collect();
    ok(json!({"messages": views}))
}

/// `POST /messages/search`.
pub(super) async fn search(call: Call, body: Body) -> Answer {
    let mut fields = body.fields()?;
    let text = fields.words("query")?;
    let channel_id = fields.id("channelId")?;
    let author_id = fields.id("authorId")?;
    let (from, to) = (moment(&fields, "from")?, moment(&fields, "to")?);
    let page = page_of(&mut fields, call.settings.list_max)?;
    let wanted = MessageQuery {
        channel_id,
        author_id,
        text,
        // Both ends are meant; the query leaves them out.
        after: from.map(|from| UnixMillis(from.0.saturating_sub(1))),
        before: to.map(|to| UnixMillis(to.0.saturating_add(1))),
        is_oldest_first: false,
        offset: page.offset,
        limit: page.limit,
    };
    found(&call, wanted).await
}

fn moment(fields: &Fields, name: &str) -> Result<Option<UnixMillis>, ElizaError> {
    let Some(value) = given::any(fields, name) else { return Ok(None) };
    let at = match &value {
        Value::Number(number) => number.as_f64().and_then(instant::whole_millis),
        Value::String(text) => instant::read(text),
        _ => None,
    };
    let reason = "expected milliseconds since 1970, or a date in ISO 8601";
    at.map(Some).ok_or_else(|| ElizaError::field(name, reason))
}

fn page_of(fields: &mut Fields, list_max: u32) -> Result<Page, ElizaError> {
    let mut count = |name: &str| -> Result<Option<u32>, ElizaError> {
        // As text: the one conversion of a float that is checked.
        let whole = |number: f64| format!("{:.0}", number.max(0.0)).parse().unwrap_or(u32::MAX);
        Ok(fields.number(name)?.map(whole))
    };
    let limit = count("limit")?.unwrap_or(PAGE).min(list_max);
    let nth = count("page")?.unwrap_or(1).saturating_sub(1);
    let offset = count("offset")?.unwrap_or_else(|| nth.saturating_mul(limit));
    Ok(Page { offset, limit })
}

/// `GET /messages/:messageId`.
pub(super) async fn get(call: Call) -> Answer {
    let id = call.id("message", &refusal::MESSAGE_ID)?;
    let message = call.messaging().message(id).await.doing(&refusal::MESSAGES)?;
    ok(MessageView::of(&message))
}

/// `PATCH /messages/:messageId`.
pub(super) async fn patch(call: Call, body: Body) -> Answer {
    let id = call.id("message", &refusal::MESSAGE_ID)?;
    let content = body.fields()?.words("content")?;
    let content = content.ok_or_else(|| ElizaError::field("content", "is required"))?;
    let patch = MessagePatch { content: Some(content), ..MessagePatch::default() };
    let message = call.messaging().amend_message(id, patch).await.doing(&refusal::MESSAGES)?;
    ok(MessageView::of(&message))
}

/// `DELETE /channels/:channelId/messages/:messageId`.
pub(super) async fn remove(call: Call) -> Answer {
    let malformed = &refusal::CHANNEL_OR_MESSAGE_ID;
    let channel: ChannelId = call.id("channel", malformed)?;
    let message: ChannelMessageId = call.id("message", malformed)?;
    call.messaging().remove_message(channel, message).await.doing(&refusal::MESSAGE_DELETE)?;
    nothing()
}

/// `DELETE /channels/:channelId/messages`.
pub(super) async fn clear(call: Call) -> Answer {
    let channel = call.id("channel", &refusal::CHANNEL_ID_SHORT)?;
    let cleared = call.messaging().clear_channel(channel).await;
    ok(json!({"success": true, "deleted": cleared.doing(&refusal::CHANNEL_CLEAR)?}))
}
