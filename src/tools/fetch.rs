//! Fetching what stands at an address.

mod html;

use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt};
use greenroom_actors::character::AgentRecord;
use greenroom_actors::figures::Tally;
use greenroom_actors::masks::Left;
use greenroom_actors::ports::{Effect, Invocation, Tool, ToolError, ToolOutput, Tools};
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, ETAG, LAST_MODIFIED};
use http::{HeaderMap, HeaderName, Method};
use reqwest::{Client, Response};
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use super::arguments::Arguments;
use super::settings::{ToolsError, ToolsSettings};
use super::{text_max, tool};
use crate::http::outbound::{Guard, Refused};

const FETCH: &str = "fetch_url";

/// What servers are told of who asks.
const USER_AGENT: &str = concat!("greenroom/", env!("CARGO_PKG_VERSION"));

/// Lines of an answer's head that an agent is told of where it asks for nothing else.
const TOLD_OF: [HeaderName; 4] = [CONTENT_TYPE, CONTENT_LENGTH, LAST_MODIFIED, ETAG];

/// Fetches text from hosts that the operator allows.
pub struct FetchTool {
    fetcher: Arc<Fetcher>,
}

struct Fetcher {
    guard: Guard,
    client: Client,
    slots: Semaphore,
    bytes_max: usize,
    timeout: Duration,
}

/// What was fetched.
struct Fetched {
    bytes: Vec<u8>,
    is_cut: bool,
}

impl FetchTool {
    /// What the settings allow; `None` if they allow nothing.
    ///
    /// # Errors
    /// The key at fault.
    pub fn new(settings: &ToolsSettings) -> Result<Option<Self>, ToolsError> {
        let Some(guard) = settings.guard()? else { return Ok(None) };
        let client = guard
            .client()
            .user_agent(USER_AGENT)
            // Agents ask many hosts once: no connection is kept for a second time.
            .pool_max_idle_per_host(0)
            .build()
            .map_err(|error| ToolsError { key: "fetch_allow", reason: error.to_string() })?;
        let slots = usize::try_from(settings.fetches_in_flight_max).unwrap_or(1);
        let fetcher = Fetcher {
            guard,
            client,
            slots: Semaphore::new(slots.min(Semaphore::MAX_PERMITS)),
            bytes_max: usize::try_from(settings.fetch_max_bytes).unwrap_or(usize::MAX),
            timeout: Duration::from_secs(u64::from(settings.fetch_timeout_s)),
        };
        Ok(Some(Self { fetcher: Arc::new(fetcher) }))
    }
}

impl Tools for FetchTool {
    fn offered(&self, _: Arc<AgentRecord>) -> BoxFuture<'static, Vec<Tool>> {
        let fetch = tool(
            FETCH,
            "Fetch a page or a document from the web, as text. Only some hosts may be asked.",
            Effect::Reads,
            json!({
                "url": {"type": "string", "description": "the address, with http:// or https://"},
                "method": {
                    "type": "string", "enum": ["GET", "HEAD"],
                    "description": "HEAD to learn only whether it is there and how large it is",
                },
            }),
            &["url"],
        );
        std::future::ready(vec![fetch]).boxed()
    }

    fn call(&self, call: Invocation) -> BoxFuture<'static, Result<ToolOutput, ToolError>> {
        let fetcher = Arc::clone(&self.fetcher);
        async move {
            let within = fetcher.timeout.min(call.deadline);
            let arguments = Arguments(&call.arguments);
            let fetched = tokio::time::timeout(
                within,
                fetcher.fetch(&arguments, text_max(&call), &call.tally),
            );
            fetched.await.unwrap_or_else(|_| {
                let seconds = within.as_secs_f32();
                Err(ToolError::Failed(format!("there was no whole answer within {seconds} s")))
            })
        }
        .boxed()
    }
}

impl Fetcher {
    async fn fetch(
        &self,
        arguments: &Arguments<'_>,
        text_max: usize,
        tally: &Tally,
    ) -> Result<ToolOutput, ToolError> {
        let method = match arguments.optional_text("method")?.unwrap_or("GET") {
            "GET" | "get" => Method::GET,
            "HEAD" | "head" => Method::HEAD,
            _ => return Err(ToolError::invalid("method", "must be GET or HEAD")),
        };
        let address = arguments.text("url")?;
        let url = self.guard.read(address.trim()).map_err(|refused| match refused {
            Refused::Unreadable(_) | Refused::TooLong => {
                ToolError::invalid("url", refused.to_string())
            }
            refused => ToolError::Refused(refused.to_string()),
        })?;
        let closed = |_| ToolError::Failed("the host is ending".to_owned());
        let _slot = self.slots.acquire().await.map_err(closed)?;
        tally.sent(url.as_str().len());
        let answer = self
            .client
            .request(method.clone(), url)
            .send()
            .await
            .map_err(|error| failed(&error))?;
        let mut details = json!({
            "url": answer.url().as_str(),
            "status": answer.status().as_u16(),
            "type": media_type(answer.headers()),
        });
        let status = answer.status();
        let head = answer.headers().clone();
        let (text, fetched) = if method == Method::HEAD {
            let fetched = Fetched { bytes: Vec::new(), is_cut: false };
            (format!("status {}\n{}", status.as_u16(), shown(&head)), fetched)
        } else {
            let fetched = self.take(answer, tally).await?;
            let text = text_of(&head, fetched.bytes.clone()).await?;
            let text = if status.is_success() {
                text
            } else {
                format!("status {}\n{text}", status.as_u16())
            };
            (text, fetched)
        };
        let (text, is_shortened) = shortened(text, text_max);
        if let Value::Object(details) = &mut details {
            details.insert("bytes".to_owned(), json!(fetched.bytes.len()));
            details.insert("isCut".to_owned(), json!(fetched.is_cut || is_shortened));
        }
        let is_behind = fetched.is_cut || is_shortened;
        let note = is_behind.then(|| "[there is more, which was cut off]".to_owned());
        let left = Left { is_before: false, is_behind };
        Ok(ToolOutput { text, details: Some(details), left, note })
    }

    /// Takes the answer, if it is text, as far as its bound.
    async fn take(&self, answer: Response, tally: &Tally) -> Result<Fetched, ToolError> {
        let head = answer.headers();
        if let Some(packed) = head.get(CONTENT_ENCODING).filter(|packed| *packed != "identity") {
            // What the client unpacks by itself has lost this line.
            let packed = packed.to_str().unwrap_or_default().to_owned();
            return Err(ToolError::Refused(format!("the answer is packed as {packed}")));
        }
        if !is_text(&media_type(head)) {
            let size = answer.content_length();
            let size = size.map_or("unknown size".to_owned(), |bytes| format!("{bytes} bytes"));
            let media_type = media_type(head);
            let reason = format!("only text is taken, and this is {media_type} of {size}");
            return Err(ToolError::Refused(reason));
        }
        let mut bytes = Vec::new();
        let mut chunks = answer.bytes_stream();
        while let Some(chunk) = chunks.next().await {
            // As it is unpacked, so that the bound also holds for what was small on the way.
            let chunk = chunk.map_err(|error| failed(&error))?;
            tally.received(chunk.len());
            let room = self.bytes_max.saturating_sub(bytes.len());
            bytes.extend_from_slice(chunk.get(..room).unwrap_or(&chunk));
            if chunk.len() > room {
                return Ok(Fetched { bytes, is_cut: true });
            }
        }
        Ok(Fetched { bytes, is_cut: false })
    }
}

/// The text of an answer, in the letters that its head says, without the marks of HTML.
async fn text_of(head: &HeaderMap, bytes: Vec<u8>) -> Result<String, ToolError> {
    let media_type = media_type(head);
    if media_type == UNKNOWN && std::str::from_utf8(&bytes).is_err() {
        let reason = format!("only text is taken, and this is none, of {} bytes", bytes.len());
        return Err(ToolError::Refused(reason));
    }
    let mut decoded = http::Response::new(bytes);
    decoded.headers_mut().extend(head.get(CONTENT_TYPE).map(|value| (CONTENT_TYPE, value.clone())));
    let text = Response::from(decoded).text().await.map_err(|error| failed(&error))?;
    match media_type.as_str() {
        "text/html" | "application/xhtml+xml" => Ok(html::plain(&text)),
        _ => Ok(text),
    }
}

/// What an answer without a type is called.
const UNKNOWN: &str = "of unknown type";

fn media_type(head: &HeaderMap) -> String {
    let said = head.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let name = said.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if name.is_empty() { UNKNOWN.to_owned() } else { name }
}

fn is_text(media_type: &str) -> bool {
    media_type.starts_with("text/")
        || media_type.ends_with("+json")
        || media_type.ends_with("+xml")
        || [
            "application/json",
            "application/ld+json",
            "application/x-ndjson",
            "application/xml",
            "application/javascript",
            "application/yaml",
            "application/toml",
            UNKNOWN,
        ]
        .contains(&media_type)
}

/// The lines of a head that say something about what is there.
fn shown(head: &HeaderMap) -> String {
    let line = |name: &HeaderName| Some(format!("{name}: {}", head.get(name)?.to_str().ok()?));
    TOLD_OF.iter().filter_map(line).collect::<Vec<_>>().join("\n")
}

/// As much of a text as a model is given, and whether there was more.
fn shortened(mut text: String, max_bytes: usize) -> (String, bool) {
    let is_long = text.len() > max_bytes;
    if is_long {
        text.truncate(text.floor_char_boundary(max_bytes));
    }
    (text, is_long)
}

/// Why there is no answer: what refused it, or else the innermost cause, which names no address.
fn failed(error: &reqwest::Error) -> ToolError {
    if let Some(refused) = Refused::behind(error) {
        return ToolError::Refused(refused.to_string());
    }
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    ToolError::Failed(format!("the host could not be asked: {cause}"))
}
