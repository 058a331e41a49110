//! One call of a tool, and what came of it.

use std::sync::Arc;
use std::time::Duration;

use greenroom_actors::figures::Tally;
use greenroom_actors::masks::Left;
use greenroom_actors::ports::{ToolError, ToolOutput};
use greenroom_actors::texts::cut;
use rmcp::ServiceError;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, RequestMetaObject,
    ResourceContents,
};
use rmcp::transport::DynamicTransportError;
use rmcp::transport::streamable_http_client::StreamableHttpError;
use serde_json::{Map, Value, json};
use tokio::time::timeout;
use uuid::Uuid;

use super::connection::{Connection, Ready};
use super::words;

/// Bytes of an answer that the model is told.
const TEXT_MAX: usize = 64 * 1024;

/// Bytes of an answer's structure that are kept.
const DETAILS_MAX: usize = 64 * 1024;

/// Where a call's own key stands in its `_meta`.
const KEY: &str = "io.greenroom/idempotency-key";

/// What is asked of a tool.
pub(super) struct Asked {
    pub(super) arguments: Map<String, Value>,
    pub(super) key: Uuid,
    pub(super) deadline: Duration,
    pub(super) tally: Tally,
}

/// Calls a tool by the name that its server has for it.
///
/// # Errors
/// [`ToolError::Failed`] where the server said so, or never heard of it; [`ToolError::Unknown`] once
/// it may have.
pub(super) async fn call(
    connection: &Connection,
    ready: &Ready,
    told_name: &str,
    Asked { arguments, key, deadline, tally }: Asked,
) -> Result<ToolOutput, ToolError> {
    let place = Arc::clone(connection.places()).try_acquire_owned();
    let _place = place.map_err(|_full| {
        ToolError::Failed("the server is busy with other calls; try again later".to_owned())
    })?;
    let within = deadline.min(connection.spec().settings.timeout());
    let size = |value: &Value| value.to_string().len();
    tally.sent(arguments.iter().map(|(name, value)| name.len() + size(value)).sum());
    let mut meta = RequestMetaObject::new();
    meta.insert(KEY.to_owned(), key.to_string().into());
    let mut params = CallToolRequestParams::new(told_name.to_owned()).with_arguments(arguments);
    params.meta = Some(meta);
    // Dropped early, the server is told that nobody waits any more.
    let answer = timeout(within, ready.peer.call_tool_once(params)).await;
    let answer = answer.unwrap_or(Err(ServiceError::Timeout { timeout: within }));
    match answer {
        Ok(CallToolResponse::Complete(result)) => {
            tally.received(content_bytes(&result));
            told(&result)
        }
        Ok(_) => Err(ToolError::Failed("the tool asks for more than arguments".to_owned())),
        Err(ServiceError::McpError(error)) => Err(ToolError::Failed(words(&error.message))),
        Err(error) => {
            // Whether it is there at all.
            connection.doubt();
            Err(broken(&error))
        }
    }
}

/// A call without an answer: it may have happened, unless it never left.
fn broken(error: &ServiceError) -> ToolError {
    match error {
        ServiceError::TransportSend(error) if never_left(error) => {
            ToolError::Failed("the server cannot be reached".to_owned())
        }
        ServiceError::Timeout { timeout } => {
            ToolError::Unknown(format!("the server did not answer within {timeout:?}"))
        }
        ServiceError::TransportClosed => {
            ToolError::Unknown("the connection to the server broke".to_owned())
        }
        error => ToolError::Unknown(words(error)),
    }
}

fn never_left(error: &DynamicTransportError) -> bool {
    let error = error.error.downcast_ref::<StreamableHttpError<reqwest::Error>>();
    matches!(error, Some(StreamableHttpError::Client(error)) if error.is_connect())
}

/// What a tool answered, as the model is told it.
fn told(result: &CallToolResult) -> Result<ToolOutput, ToolError> {
    let mut text = String::new();
    let mut left = Left::default();
    for block in &result.content {
        if !text.is_empty() {
            text.push('\n');
        }
        put(block, &mut text);
        if text.len() > TEXT_MAX {
            text.truncate(text.floor_char_boundary(TEXT_MAX));
            left.is_behind = true;
            break;
        }
    }
    let structure = result.structured_content.as_ref();
    if text.is_empty()
        && let Some(structure) = structure
    {
        let whole = structure.to_string();
        text = cut(&whole, TEXT_MAX).to_owned();
        left.is_behind = text.len() < whole.len();
    }
    if result.is_error == Some(true) {
        let text = if text.is_empty() { "the tool reports an error".to_owned() } else { text };
        return Err(ToolError::Failed(text));
    }
    let details = structure.filter(|structure| structure.to_string().len() <= DETAILS_MAX);
    let details = details.map(|structure| json!({"structured": structure}));
    let note = left.is_behind.then(|| "(cut off)".to_owned());
    Ok(ToolOutput { text, details, left, note })
}

/// The bytes of what a tool answered.
fn content_bytes(result: &CallToolResult) -> usize {
    let blocks = result.content.iter().map(|block| match block {
        ContentBlock::Text(block) => block.text.len(),
        ContentBlock::Image(image) => image.data.len(),
        ContentBlock::Audio(audio) => audio.data.len(),
        ContentBlock::Resource(embedded) => match &embedded.resource {
            ResourceContents::TextResourceContents { text, .. } => text.len(),
            ResourceContents::BlobResourceContents { blob, .. } => blob.len(),
            _ => 0,
        },
        _ => 0,
    });
    let structure = result.structured_content.as_ref();
    let structure = structure.map_or(0, |structure| structure.to_string().len());
    blocks.sum::<usize>().saturating_add(structure)
}

/// A part of an answer in words; what is not text is named.
fn put(block: &ContentBlock, text: &mut String) {
    let thing = |sort: &str, mime: &str, data: &str| {
        format!("({sort}, {mime}, {} bytes in Base64)", data.len())
    };
    let words = match block {
        ContentBlock::Text(block) => {
            text.push_str(&block.text);
            return;
        }
        ContentBlock::Image(image) => thing("an image", &image.mime_type, &image.data),
        ContentBlock::Audio(audio) => thing("a sound", &audio.mime_type, &audio.data),
        ContentBlock::Resource(embedded) => match &embedded.resource {
            ResourceContents::TextResourceContents { text: contents, .. } => {
                text.push_str(contents);
                return;
            }
            ResourceContents::BlobResourceContents { uri, mime_type, blob, .. } => {
                thing(uri, mime_type.as_deref().unwrap_or("unknown"), blob)
            }
            _ => "(something of an unknown sort)".to_owned(),
        },
        ContentBlock::ResourceLink(link) => format!("({} at {})", link.name, link.uri),
        _ => "(something of an unknown sort)".to_owned(),
    };
    text.push_str(&words);
}

#[cfg(test)]
mod tests {
    use rmcp::model::Resource;

    use super::*;

    #[test]
    fn answers_are_told_in_words_and_within_bounds() {
        let blocks = vec![
            ContentBlock::text("a"),
            ContentBlock::image("AAAA", "image/png"),
            ContentBlock::resource_link(Resource::new("file:///x", "x")),
        ];
        let output = told(&CallToolResult::success(blocks)).unwrap();
        assert_eq!(output.text, "a\n(an image, image/png, 4 bytes in Base64)\n(x at file:///x)");
        let long = CallToolResult::success(vec![ContentBlock::text("ö".repeat(TEXT_MAX))]);
        let long = told(&long).unwrap();
        assert_eq!((long.text.len(), long.note.as_deref()), (TEXT_MAX, Some("(cut off)")));
        assert!(long.left.is_behind);
        let failed = told(&CallToolResult::error(vec![ContentBlock::text("no")]));
        assert_eq!(failed, Err(ToolError::Failed("no".to_owned())));
        let mut bare = CallToolResult::structured(json!({"a": 1}));
        bare.content.clear();
        let bare = told(&bare).unwrap();
        assert_eq!(bare.text, r#"{"a":1}"#);
        assert_eq!(bare.details, Some(json!({"structured": {"a": 1}})));
    }
}
