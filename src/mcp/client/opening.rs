//! Opening a connection: the transport, the greeting, the list of tools.

use std::time::Duration;

use http::HeaderMap;
use rmcp::model::{
    ClientCapabilities, ClientConfig, Implementation, PaginatedRequestParams, Tool as Told,
};
use rmcp::service::{ClientInitializeError, NotificationContext, RunningService};
use rmcp::transport::Transport;
use rmcp::transport::common::client_side_sse::ExponentialBackoff;
use rmcp::transport::streamable_http_client::{
    StreamableHttpClientTransport, StreamableHttpClientTransportConfig,
};
use rmcp::{ClientHandler, Peer, RoleClient, ServiceExt};
use std::sync::Arc;
use tokio::sync::Notify;

use crate::http::outbound::{Guard, Hosts};
use crate::models::install_tls;

use super::catalog::{self, Offer};
use super::fault::Fault;
use super::guarded::Guarded;
use super::pipe::Pipe;
use super::process::Process;
use super::spec::{Spec, Way};

/// Pages of a list of tools that are read.
const PAGES_MAX: usize = 64;

/// Times that a broken stream of an answer is taken up again.
const RESUMES_MAX: usize = 3;

/// How long a server may take to be connected to.
const CONNECTS_WITHIN: Duration = Duration::from_secs(10);

/// What a server meets: us, who want its tools and nothing else.
pub(super) struct Ear {
    changed: Arc<Notify>,
}

impl ClientHandler for Ear {
    fn get_info(&self) -> ClientConfig {
        let us = Implementation::new("greenroom", env!("CARGO_PKG_VERSION"));
        ClientConfig::new(ClientCapabilities::default(), us)
    }

    async fn on_tool_list_changed(&self, _: NotificationContext<RoleClient>) {
        self.changed.notify_one();
    }
}

/// A connection that is open.
pub(super) struct Opened {
    pub(super) running: RunningService<RoleClient, Ear>,
    pub(super) changed: Arc<Notify>,
    pub(super) fault: Fault,
    pub(super) offers: Vec<Offer>,
}

/// Opens a connection and asks for the tools. Dropped meanwhile, it is closed again.
///
/// # Errors
/// Why it could not be opened, as a lower-case fragment.
pub(super) async fn open(spec: &Spec) -> Result<Opened, String> {
    let fault = Fault::default();
    let message_max = spec.settings.message_max();
    let (running, changed) = match &spec.way {
        Way::Program(program) => {
            let process = Process::start(&spec.name, program);
            let process = process.map_err(|error| format!("it cannot be started: {error}"))?;
            greet(Pipe::new(process, message_max, fault.clone()), &fault).await?
        }
        Way::Url { url, headers, within } => {
            // Without it, merely building a client panics.
            install_tls();
            let builder = match within {
                Some(within) => Guard::new(Hosts::every(), *within).client(),
                // Without TLS, a machine without root certificates is as good as any.
                None if url.starts_with("http://") => reqwest::Client::builder().tls_certs_only([]),
                None => reqwest::Client::builder(),
            };
            let client = builder
                .connect_timeout(CONNECTS_WITHIN)
                .redirect(reqwest::redirect::Policy::none())
                .default_headers(HeaderMap::from_iter(headers.iter().cloned()))
                // A connection whose answer was not read to its end is not worth keeping.
                .pool_max_idle_per_host(0)
                .build()
                .map_err(|error| format!("no client can be made: {error}"))?;
            let mut config = StreamableHttpClientTransportConfig::with_uri(url.as_str())
                .max_sse_event_size(message_max)
                // A call is never sent a second time behind the caller's back.
                .reinit_on_expired_session(false);
            let mut resumes = ExponentialBackoff::default();
            resumes.max_times = Some(RESUMES_MAX);
            config.retry_config = Arc::new(resumes);
            greet(StreamableHttpClientTransport::with_client(client, config), &fault).await?
        }
    };
    let offers = offers(spec, running.peer()).await.map_err(|words| fault.or(&words))?;
    Ok(Opened { running, changed, fault, offers })
}

async fn greet<T>(
    transport: T,
    fault: &Fault,
) -> Result<(RunningService<RoleClient, Ear>, Arc<Notify>), String>
where
    T: Transport<RoleClient> + Send + 'static,
{
    let changed = Arc::new(Notify::new());
    let ear = Ear { changed: Arc::clone(&changed) };
    let greeted = ear.serve(Guarded::new(transport, fault.clone())).await;
    let running = greeted.map_err(|error| fault.or(&reason(&error)))?;
    Ok((running, changed))
}

/// Why there was no greeting, without the names of our types.
fn reason(error: &ClientInitializeError) -> String {
    match error {
        ClientInitializeError::TransportError { error, .. } => super::words(&error.error),
        ClientInitializeError::ConnectionClosed(_) => "the connection was closed".to_owned(),
        error => super::words(error),
    }
}

/// The tools that a server has now, as they are offered.
///
/// # Errors
/// Why they could not be asked for, as a lower-case fragment.
pub(super) async fn offers(spec: &Spec, peer: &Peer<RoleClient>) -> Result<Vec<Offer>, String> {
    let max = usize::try_from(spec.settings.tools_max).unwrap_or(usize::MAX);
    // Some may not be meant for agents; but a list without an end is cut off.
    let read_max = max.saturating_mul(4);
    let mut told: Vec<Told> = Vec::new();
    let mut cursor = None;
    for _ in 0..PAGES_MAX {
        let page = PaginatedRequestParams::default().with_cursor(cursor);
        let page = peer.list_tools(Some(page)).await;
        let page = page.map_err(|error| format!("its tools: {}", super::words(&error)))?;
        told.extend(page.tools);
        cursor = page.next_cursor;
        if cursor.is_none() || told.len() >= read_max {
            break;
        }
    }
    told.truncate(read_max);
    Ok(catalog::offers(&spec.name, &spec.settings, told))
}
