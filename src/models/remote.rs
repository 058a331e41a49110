//! Models at a server, through the `genai` crate.
//!
//! The crate knows how some two dozen providers speak. What it leaves to us: the HTTP client, the
//! meaning of an error, the assembly of tool calls, and how a prompt of ours becomes a request.

pub(super) mod failure;
mod request;
mod tool_calls;
mod traffic;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use futures::stream::{self, BoxStream};
use futures::{FutureExt, StreamExt, TryStreamExt};
use genai::adapter::AdapterKind;
use genai::chat::ChatStreamEvent;
use genai::embed::EmbedOptions;
use genai::resolver::{AuthData, Endpoint};
use genai::{Client, ModelIden, ServiceTarget};
use greenroom_actors::ports::Prompt;
use zeroize::Zeroizing;

use self::tool_calls::ToolCalls;
use super::catalog::Target;
use super::provider::{Failure, Piece, Provider};
use super::settings::ModelSettings;

/// How long a connection may take to come about.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a connection is kept for the next call.
const IDLE_TIMEOUT: Duration = Duration::from_secs(60);

/// One model at one server.
pub(super) struct Remote {
    client: Client,
    target: ServiceTarget,
    key: Option<Zeroizing<String>>,
    host: String,
    max_tokens: Option<u32>,
    embed_options: EmbedOptions,
}

impl Remote {
    /// A model at `target`; nothing is sent yet.
    ///
    /// # Errors
    /// Why there can be no HTTP client, such as a machine without root certificates.
    pub(super) fn new(
        target: Target,
        settings: &ModelSettings,
        clients: &mut Clients,
    ) -> Result<Self, String> {
        let Target { adapter, base_url, model, key } = target;
        let client = clients.to(&base_url)?;
        let client = Client::builder().with_reqwest(client).build();
        // Servers without a key take any; the crate insists on one.
        let auth = AuthData::from_single(key.as_ref().map_or("none", |key| key.as_str()));
        let host = base_url.host_str().unwrap_or_default().to_owned();
        let endpoint = Endpoint::from_owned(base_url.to_string());
        let model = ModelIden::new(adapter, model);
        Ok(Self {
            client: client.map_err(|error| error.to_string())?,
            target: ServiceTarget { endpoint, auth, model },
            key,
            host,
            max_tokens: settings.max_tokens,
            embed_options: EmbedOptions { dimensions: settings.dimensions, ..EmbedOptions::new() },
        })
    }

    fn adapter(&self) -> AdapterKind {
        self.target.model.adapter_kind
    }

    fn teller(&self) -> failure::Teller {
        failure::Teller { key: self.key.clone(), host: self.host.clone() }
    }
}

/// The HTTP clients of one router: one for each sort of address.
///
/// A client has the pool of connections, and reads the machine's root certificates when it is made.
#[derive(Default)]
pub(super) struct Clients(BTreeMap<Sort, reqwest::Client>);

/// What matters about an address.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Sort {
    is_loopback: bool,
    has_tls: bool,
}

impl Clients {
    /// The client for an address.
    ///
    /// # Errors
    /// Why there can be none, such as a machine without root certificates.
    pub(super) fn to(&mut self, base_url: &reqwest::Url) -> Result<reqwest::Client, String> {
        let host = base_url.host_str().unwrap_or_default().trim_matches(['[', ']']);
        let is_loopback = host == "localhost"
            || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
        let sort = Sort { is_loopback, has_tls: base_url.scheme() == "https" };
        if let Some(client) = self.0.get(&sort) {
            return Ok(client.clone());
        }
        let client = sort.client().map_err(|error| error.without_url().to_string())?;
        self.0.insert(sort, client.clone());
        Ok(client)
    }
}

impl Sort {
    fn client(self) -> Result<reqwest::Client, reqwest::Error> {
        let mut builder = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .pool_idle_timeout(IDLE_TIMEOUT)
            // A redirect would carry the conversation, and some keys, to whoever it names.
            .redirect(reqwest::redirect::Policy::none())
            // A small answer must not unpack into a huge one.
            .no_gzip();
        if !self.has_tls {
            // Then a machine without root certificates is as good as any.
            builder = builder.tls_certs_only([]);
        }
        if self.is_loopback {
            builder = builder.no_proxy();
        }
        builder.build()
    }
}

impl Provider for Remote {
    fn generate(&self, prompt: &Arc<Prompt>) -> BoxStream<'static, Result<Piece, Failure>> {
        let (client, target) = (self.client.clone(), self.target.clone());
        let (adapter, teller) = (self.adapter(), self.teller());
        let model = target.model.model_name.to_string();
        let options = request::options(prompt, adapter, &model, self.max_tokens);
        let request = request::request(prompt);
        let mut calls = ToolCalls::of(adapter);
        let tally = prompt.tally.clone();
        tally.sent(traffic::sent(&request));
        stream::once(async move {
            client
                .exec_chat_stream(target, request, Some(&options))
                .await
                .map(|answer| answer.stream)
        })
        .try_flatten()
        .flat_map(move |event| {
            let pieces = match event {
                Ok(event) => {
                    tally.received(traffic::received(&event));
                    pieces(event, &mut calls)
                }
                Err(error) => vec![Err(teller.failure(&error))],
            };
            stream::iter(pieces)
        })
        .boxed()
    }

    fn embed(&self, texts: Vec<String>) -> BoxFuture<'static, Result<Vec<Vec<f32>>, Failure>> {
        let (client, target, teller) = (self.client.clone(), self.target.clone(), self.teller());
        let options = self.embed_options.clone();
        async move {
            let answer = client.embed_batch(target, texts, Some(&options)).await;
            let mut found = answer.map_err(|error| teller.failure(&error))?.embeddings;
            found.sort_by_key(|embedding| embedding.index);
            Ok(found.into_iter().map(|embedding| embedding.vector).collect())
        }
        .boxed()
    }
}

fn pieces(event: ChatStreamEvent, calls: &mut ToolCalls) -> Vec<Result<Piece, Failure>> {
    match event {
        ChatStreamEvent::Chunk(chunk) if !chunk.content.is_empty() => {
            vec![Ok(Piece::Text(chunk.content))]
        }
        ChatStreamEvent::ToolCallChunk(chunk) => match calls.take(chunk.tool_call) {
            Ok(()) => Vec::new(),
            Err(failure) => vec![Err(failure)],
        },
        ChatStreamEvent::End(end) => {
            let usage = end.captured_usage.unwrap_or_default();
            let count = |tokens: Option<i32>| tokens.and_then(|tokens| u64::try_from(tokens).ok());
            let end = Piece::End {
                input: count(usage.prompt_tokens),
                output: count(usage.completion_tokens),
            };
            let calls = calls.whole().into_iter().map(Piece::ToolCall);
            calls.chain([end]).map(Ok).collect()
        }
        ChatStreamEvent::Start
        | ChatStreamEvent::Chunk(_)
        | ChatStreamEvent::ReasoningChunk(_)
        | ChatStreamEvent::ThoughtSignatureChunk(_)
        | ChatStreamEvent::Heartbeat => Vec::new(),
    }
}

#[cfg(test)]
mod tests;
