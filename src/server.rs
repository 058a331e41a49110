//! The running server: its parts put together, its listeners, its end.

mod error;
mod listening;
mod ports;
mod settings;
mod signals;
mod upkeep;

use std::net::TcpListener;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::HttpServer;
use actix_web::dev::{Server, ServerHandle};
use greenroom_actors::ports::{Clock, SystemClock, Tools};
use greenroom_actors::registry::Registry;
use greenroom_actors::runtime::Ports;

use crate::config::{Config, Loaded, Origin};
use crate::dialects::elizaos::Elizaos;
use crate::host::{Host, Stopper, Vault};
use crate::http::idempotency::Idempotency;
use crate::mcp::client::McpTools;
use crate::media::MediaStore;
use crate::messaging::Messaging;
use crate::models;
use crate::secrets::Secrets;
use crate::speech::Speech;
use crate::store::SqliteStore;
use crate::telemetry::{self, LogBuffer};
use crate::tools::{
    ChannelTools, FetchTool, FileTools, HostTools, ToolsError, ToolsSettings, Voice,
};
use crate::transfer::Transfer;
use crate::workspace::Workspaces;

pub use error::ServeError;
pub use listening::Listening;
pub use settings::ServerSettings;

use ports::Port;

/// How long a connection may be idle between two requests.
const KEEP_ALIVE: Duration = Duration::from_secs(30);

/// How long a client may take to send the head of a request.
const HEADERS_DEADLINE: Duration = Duration::from_secs(10);

/// How long the last answers may take to be sent, at least and at most, once no run is in flight.
const LAST_ANSWERS: Duration = Duration::from_secs(1);
const LAST_ANSWERS_MAX: Duration = Duration::from_secs(3);

/// Where backups are kept, within the data folder.
const BACKUPS: &str = "backups";

/// Where media are kept, within the data folder.
const MEDIA: &str = "media";

/// Where the agents' own folders are, within the data folder.
const WORKSPACES: &str = "workspaces";

/// Where files of agents are on their way, within the data folder.
const TRANSFER: &str = "transfer";

/// Runs the host of that configuration on this thread and as many more as it wants, until it is
/// told to stop by a signal or over the API.
///
/// # Errors
/// Whatever keeps it from starting, or from ending well.
pub fn run(loaded: Loaded) -> Result<(), ServeError> {
    let logs = Arc::new(LogBuffer::with_capacity(loaded.config.log.lines_kept));
    telemetry::init(&loaded.config.log, Arc::clone(&logs))?;
    telemetry::log_panics();
    let threads = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    // Actors live on arbiters, and arbiters belong to a system.
    let system = actix::System::with_tokio_rt(move || threads);
    system.block_on(async move {
        let stop = Stopper::default();
        signals::heed(stop.clone())?;
        serve(loaded, logs, stop).await
    })
}

/// Serves until `stop` is requested. To be awaited within an actix system.
///
/// # Errors
/// Whatever keeps it from starting, or from ending well.
pub async fn serve(loaded: Loaded, logs: Arc<LogBuffer>, stop: Stopper) -> Result<(), ServeError> {
    let config = &loaded.config;
    // First of all: a host that cannot listen leaves the store as it was. Nobody is answered yet.
    let listener = listener(&loaded)?;
    // Opening makes the folder, for its owner alone.
    let store = SqliteStore::open(&config.store)?;
    let outcome = match host(config, &store, logs, stop).await {
        Ok(host) => listen(&loaded, host, listener).await,
        Err(error) => Err(error),
    };
    // Whatever happened: what was acknowledged is to be found again.
    close(store).await?;
    outcome
}

/// Closing blocks until all that waits is written.
async fn close(store: SqliteStore) -> Result<(), ServeError> {
    tokio::task::spawn_blocking(move || store.close()).await.map_err(std::io::Error::other)?;
    Ok(())
}

/// Puts the parts together, and lets the agents begin.
async fn host(
    config: &Config,
    store: &SqliteStore,
    logs: Arc<LogBuffer>,
    stop: Stopper,
) -> Result<Host, ServeError> {
    let data_dir = config.store.data_dir.as_path();
    let secrets = Secrets::from_env_or_file(data_dir)
        .map_err(|source| ServeError::File { path: data_dir.to_owned(), source })?;
    let media = data_dir.join(MEDIA);
    let media = MediaStore::open(&media, &config.media)
        .map_err(|source| ServeError::File { path: media, source })?;
    let workspaces = data_dir.join(WORKSPACES);
    let workspaces = Workspaces::open(&workspaces, &config.workspace)
        .map_err(|source| ServeError::File { path: workspaces, source })?;
    let env = |name: &str| std::env::var(name).ok();
    let model = models::build(&config.models(), &env)?.with_dearest(config.budget.dearest());
    let unpriced = model.unpriced();
    if config.budget.bounds_money() && !unpriced.is_empty() {
        let models = unpriced.join(", ");
        tracing::warn!(
            models,
            "ceilings in dollars hold, and these models have no price: they count as the dearest"
        );
    }
    let speech = Speech::build(&config.speech, &env, media.spool().clone())?;
    let voice = Voice::default();
    let mcp =
        McpTools::start(config.mcp.clone(), config.tools.reach(), |name| std::env::var(name).ok())
            .map_err(ServeError::Mcp)?;
    let ports = Ports {
        store: Arc::new(store.clone()),
        model: Arc::new(model),
        clock: Arc::new(SystemClock),
        tools: Arc::new(tools(&config.tools, &workspaces, &voice, &mcp)?),
    };
    let registry = Registry::start(ports, config.runtime()).await?;
    let messaging = Messaging::open(registry.clone(), config.messaging).await?;
    voice.speaks_through(messaging.clone());
    let idempotency =
        Idempotency::new(Arc::new(store.clone()), Arc::clone(registry.clock()), config.idempotency);
    let secrets = Arc::new(secrets);
    let transfer = data_dir.join(TRANSFER);
    let transfer = Transfer::open(
        &transfer,
        config.transfer,
        registry.clone(),
        workspaces.clone(),
        Arc::clone(&secrets),
    )
    .map_err(|source| ServeError::File { path: transfer, source })?;
    Ok(Host {
        transfer,
        idempotency,
        messaging,
        registry,
        media,
        workspaces,
        speech,
        mcp,
        secrets,
        logs,
        stop,
        started_at: SystemClock.now(),
        version: env!("CARGO_PKG_VERSION"),
        vault: Some(Vault::new(store.clone(), data_dir.join(BACKUPS))),
    })
}

/// What agents can do beside speaking, as far as it is set up.
fn tools(
    settings: &ToolsSettings,
    workspaces: &Workspaces,
    voice: &Voice,
    mcp: &McpTools,
) -> Result<HostTools, ToolsError> {
    let mut sorts: Vec<Arc<dyn Tools>> = Vec::new();
    if settings.files {
        sorts.push(Arc::new(FileTools::new(workspaces.clone())));
    }
    if settings.channels {
        sorts.push(Arc::new(ChannelTools::new(voice.clone())));
    }
    if let Some(fetch) = FetchTool::new(settings)? {
        sorts.push(Arc::new(fetch));
    }
    // The last, since others' names are not to be taken by what a server calls its tools.
    sorts.push(Arc::new(mcp.clone()));
    Ok(HostTools::of(sorts))
}

/// Serves at the listeners until it is time to stop; then drains.
async fn listen(
    loaded: &Loaded,
    host: Host,
    listener: Option<TcpListener>,
) -> Result<(), ServeError> {
    let Config { server, store, .. } = &loaded.config;
    let data_dir = store.data_dir.as_path();
    let (dialect, elizaos, listening) = match listener {
        Some(listener) => {
            let listening = Listening { elizaos: Some(listener.local_addr()?) };
            let (dialect, server) = open(loaded, &host, listener)?;
            (Some(dialect), Some(server), listening)
        }
        None => (None, None, Listening { elizaos: None }),
    };
    let http = dialect.zip(elizaos.as_ref().map(Server::handle));
    let serving = async {
        match elizaos {
            // It ends by itself only where something went wrong.
            Some(elizaos) => elizaos.await,
            None => std::future::pending().await,
        }
    };
    let serving = tokio::spawn(serving);
    listening
        .write(data_dir)
        .map_err(|source| ServeError::File { path: data_dir.to_owned(), source })?;
    match listening.elizaos {
        Some(elizaos) => tracing::info!(%elizaos, version = host.version, "listening"),
        None => tracing::info!(version = host.version, "running without a listener"),
    }
    let upkeep = upkeep::start(&host, store, loaded.config.elizaos.sessions);
    let ended = tokio::select! {
        () = host.stop.requested() => Ok(()),
        ended = serving => ended.map_err(std::io::Error::other).flatten().map_err(ServeError::Io),
    };
    Listening::erase(data_dir);
    drop(upkeep);
    drain(http.as_ref(), &host, server.drain()).await;
    tracing::info!("stopped");
    ended
}

/// Serves clients of elizaOS at that listener.
fn open(
    loaded: &Loaded,
    host: &Host,
    listener: TcpListener,
) -> Result<(Elizaos, Server), ServeError> {
    let server = &loaded.config.server;
    let dialect = Elizaos::new(Arc::new(loaded.config.elizaos.clone()), host.clone());
    let dialect = if loaded.config.mcp.serves { dialect.with_mcp() } else { dialect };
    let served = dialect.clone();
    let http = HttpServer::new(move || served.app())
        .workers(server.workers())
        .max_connections(server.connections_per_worker())
        .keep_alive(KEEP_ALIVE)
        .client_request_timeout(HEADERS_DEADLINE)
        .shutdown_timeout(u64::from(server.drain_s))
        .disable_signals()
        .listen(listener)?;
    Ok((dialect, http.run()))
}

/// Accepts nothing more, and lets what is in flight come to its end.
async fn drain(http: Option<&(Elizaos, ServerHandle)>, host: &Host, grace: Duration) {
    let begun = Instant::now();
    if let Some((_, http)) = http {
        http.pause().await;
    }
    host.registry.shutdown(grace).await;
    host.mcp.end().await;
    let Some((dialect, http)) = http else { return };
    // No run is in flight any more, so that no request has much left to wait for.
    let left = grace.saturating_sub(begun.elapsed()).clamp(LAST_ANSWERS, LAST_ANSWERS_MAX);
    let ended = async {
        dialect.close().await;
        http.stop(true).await;
    };
    if tokio::time::timeout(left, ended).await.is_err() {
        tracing::info!("some connections are cut off");
    }
}

/// The socket that clients of elizaOS may connect to from now on; they wait until it is served.
fn listener(loaded: &Loaded) -> Result<Option<TcpListener>, ServeError> {
    if !loaded.config.elizaos.enabled {
        return Ok(None);
    }
    let address = loaded.config.elizaos.bind;
    let port = match loaded.origin("elizaos.bind") {
        Origin::Default => Port::Default,
        Origin::File { .. } | Origin::Variable(_) | Origin::Flag(_) => Port::Chosen,
    };
    ports::bind(address, port).map(Some).map_err(|source| ServeError::Bind {
        address,
        section: "elizaos",
        variable: "GREENROOM_ELIZAOS__BIND",
        source,
    })
}
