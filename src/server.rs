//! The running server: its parts put together, its listeners, its end.

mod error;
mod listeners;
mod listening;
mod ports;
mod settings;
mod signals;
mod upkeep;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use greenroom_actors::ports::{Clock, SystemClock, Tools};
use greenroom_actors::registry::Registry;
use greenroom_actors::runtime::Ports;
use greenroom_actors::settings::Settings;

use crate::accounts::{self, Accounts};
use crate::audit::Audit;
use crate::config::{Config, Loaded};
use crate::credentials::{Credentials, Known};
use crate::dialects::trinity::{self, Trinity};
use crate::host::{Host, Stopper, Vault};
use crate::http::idempotency::Idempotency;
use crate::mcp::client::McpTools;
use crate::media::MediaStore;
use crate::messaging::Messaging;
use crate::models;
use crate::organisation::{self, Organisation, Outlet, OutletTools};
use crate::preferences::Preferences;
use crate::primary::{ConfigFile, Primary, PrimarySettings, StateDir, recall};
use crate::programs;
use crate::roster::Roster;
use crate::runtimes::Runtimes;
use crate::secrets::Secrets;
use crate::speech::Speech;
use crate::ssh::Ssh;
use crate::store::SqliteStore;
use crate::telemetry::{self, LogBuffer};
use crate::templates::Templates;
use crate::tools::{
    ChannelTools, FetchTool, FileTools, HostTools, ToolsError, ToolsSettings, Voice,
};
use crate::transfer::Transfer;
use crate::workspace::Workspaces;

pub use error::ServeError;
pub use listening::Listening;
pub use settings::ServerSettings;

use listeners::{Listeners, Sockets};

/// How long the last answers may take to be sent, at least and at most, once no run is in flight.
const LAST_ANSWERS: Duration = Duration::from_secs(1);
const LAST_ANSWERS_MAX: Duration = Duration::from_secs(3);

/// Where backups are kept, within the data folder.
const BACKUPS: &str = "backups";

/// Where media are kept, within the data folder.
const MEDIA: &str = "media";

/// Where the agents' own folders are, within the data folder.
const WORKSPACES: &str = "workspaces";

/// The folder with templates, where the settings name no other, and that where they are cloned.
const TEMPLATES: &str = "templates";
const CLONES: &str = ".clones";

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
        let ended = Box::pin(serve(loaded, logs, stop)).await;
        programs::kill_own().await;
        ended
    })
}

/// Serves until `stop` is requested. To be awaited within an actix system.
///
/// # Errors
/// Whatever keeps it from starting, or from ending well.
pub async fn serve(loaded: Loaded, logs: Arc<LogBuffer>, stop: Stopper) -> Result<(), ServeError> {
    let config = &loaded.config;
    // First of all: a host that cannot listen leaves the store as it was. Nobody is answered yet.
    let sockets = Sockets::bind(&loaded)?;
    // Opening makes the folder, for its owner alone.
    let store = SqliteStore::open(&config.store)?;
    let data_dir = config.store.data_dir.as_path();
    // Nobody else is in the folder by now.
    programs::sweep(data_dir)
        .await
        .map_err(|source| ServeError::File { path: data_dir.to_owned(), source })?;
    let outcome = match Box::pin(host(config, &store, logs, stop)).await {
        Ok(host) => listen(&loaded, host, sockets).await,
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
    let folders = data_dir.join(WORKSPACES);
    let workspaces = Workspaces::open(&folders, &config.workspace)
        .map_err(|source| ServeError::File { path: folders.clone(), source })?;
    let env = |name: &str| std::env::var(name).ok();
    let clones = data_dir.join(CLONES);
    let templates = Templates::open(
        data_dir.join(TEMPLATES),
        clones.clone(),
        &config.templates,
        env(&config.templates.github_token_env),
        workspaces.clone(),
    )
    .map_err(|source| ServeError::File { path: clones, source })?;
    let model = models::build(&config.models(), &env)?.with_dearest(config.budget.dearest());
    let unpriced = model.unpriced();
    if config.budget.bounds_money() && !unpriced.is_empty() {
        let models = unpriced.join(", ");
        tracing::warn!(
            models,
            "ceilings in dollars hold, and these models have no price: they count as the dearest"
        );
    }
    let secrets = Arc::new(secrets);
    let primary = primary(config, data_dir);
    recall(&ConfigFile::in_folder(&primary.state_dir, Arc::clone(&secrets)), &model);
    let speech = Speech::build(&config.speech, &env, media.spool().clone())?;
    let (voice, outlet) = (Voice::default(), Outlet::default());
    let mcp =
        McpTools::start(config.mcp.clone(), config.tools.reach(), |name| std::env::var(name).ok())
            .map_err(ServeError::Mcp)?;
    // Before any agent begins: from its first fact on, its secrets are masked.
    let known = Arc::new(Known::load(store, Arc::clone(&secrets)).await?);
    let settings = config.runtimes.clone();
    let models = Arc::new(model.clone());
    let sealed = Arc::clone(&secrets);
    let runtimes = Runtimes::new(settings, models, workspaces.clone(), sealed, &folders, |name| {
        std::env::var(name).ok()
    });
    let settings = Settings { reserved_handles: trinity::RESERVED, ..config.runtime() };
    let ports = Ports {
        store: Arc::new(store.clone()),
        model: Arc::new(runtimes.clone()),
        clock: Arc::new(SystemClock),
        tools: Arc::new(tools(&config.tools, &workspaces, &voice, &outlet, &mcp)?),
        masks: known.clone(),
    };
    let registry = Registry::start(ports, settings).await?;
    logs.mask_by(known.clone());
    let credentials =
        Credentials::open(registry.clone(), workspaces.clone(), known, config.credentials.clone());
    look_through(credentials.clone());
    let messaging = Messaging::open(registry.clone(), config.messaging).await?;
    voice.speaks_through(messaging.clone());
    let idempotency =
        Idempotency::new(Arc::new(store.clone()), Arc::clone(registry.clock()), config.idempotency);
    let transfer = data_dir.join(TRANSFER);
    let transfer = Transfer::open(
        &transfer,
        config.transfer,
        registry.clone(),
        workspaces.clone(),
        Arc::clone(&secrets),
    )
    .map_err(|source| ServeError::File { path: transfer, source })?;
    let preferences = Preferences::open(registry.clone(), Arc::clone(&secrets)).await?;
    let accounts = accounts::Resources {
        registry: registry.clone(),
        secrets: Arc::clone(&secrets),
        preferences: preferences.clone(),
        courier: accounts::courier(&config.accounts).map_err(ServeError::Accounts)?,
        handover: Some(accounts::Handover::in_folder(data_dir)),
    };
    let accounts = Accounts::open(accounts, &config.accounts).await?;
    let primary = Primary::open(registry.clone(), primary).await?;
    let ssh = Ssh::open(&config.ssh, data_dir, messaging.clone(), workspaces.clone()).await?;
    let roster = Roster::open(registry.clone()).await?;
    let said = roster.clone();
    runtimes.bound_memory_by(move |agent| {
        // Of an agent that nobody has said anything of, nobody has said this.
        let most = said.knows(agent).then(|| said.entry(agent).memory_max_bytes());
        most.filter(|most| *most > 0)
    });
    let organisation = organisation::Resources {
        registry: registry.clone(),
        roster: roster.clone(),
        accounts: accounts.clone(),
        workspaces: workspaces.clone(),
        secrets: Arc::clone(&secrets),
    };
    let organisation = Box::pin(Organisation::open(organisation)).await?;
    outlet.leads_to(organisation.clone());
    let host = Host {
        organisation,
        roster,
        accounts,
        audit: Audit::open(registry.clone()).await?,
        preferences,
        transfer,
        primary,
        models: model,
        idempotency,
        messaging,
        registry,
        media,
        workspaces,
        credentials,
        runtimes,
        templates,
        speech,
        ssh,
        mcp,
        secrets,
        logs,
        stop,
        started_at: SystemClock.now(),
        version: env!("CARGO_PKG_VERSION"),
        vault: Some(Vault::new(store.clone(), data_dir.join(BACKUPS))),
    };
    host.govern_runtimes();
    host.share_all_folders().await;
    Ok(host)
}

/// Looks for credentials that were written while the host was down, beside all else.
fn look_through(credentials: Credentials) {
    tokio::spawn(async move {
        if let Err(error) = credentials.look_through().await {
            tracing::warn!(%error, "not all credentials are looked at; the next start does again");
        }
    });
}

/// Which agent is the primary one. Without a listener that speaks of it, none is made.
fn primary(config: &Config, data_dir: &Path) -> PrimarySettings {
    let milady = &config.milady;
    let home = std::env::home_dir();
    PrimarySettings {
        handle: if milady.enabled { milady.agent.clone() } else { String::new() },
        default_model: config.model.default.clone(),
        state_dir: StateDir::new(milady.state_dir.as_deref(), data_dir, home.as_deref()),
    }
}

/// What agents can do beside speaking, as far as it is set up.
fn tools(
    settings: &ToolsSettings,
    workspaces: &Workspaces,
    voice: &Voice,
    outlet: &Outlet,
    mcp: &McpTools,
) -> Result<HostTools, ToolsError> {
    let mut sorts: Vec<Arc<dyn Tools>> = Vec::new();
    if settings.files {
        sorts.push(Arc::new(FileTools::new(workspaces.clone())));
    }
    if settings.channels {
        sorts.push(Arc::new(ChannelTools::new(voice.clone())));
    }
    sorts.push(Arc::new(OutletTools::new(outlet.clone())));
    if let Some(fetch) = FetchTool::new(settings)? {
        sorts.push(Arc::new(fetch));
    }
    // The last, since others' names are not to be taken by what a server calls its tools.
    sorts.push(Arc::new(mcp.clone()));
    Ok(HostTools::of(sorts))
}

/// Serves at the listeners until it is time to stop; then drains.
async fn listen(loaded: &Loaded, host: Host, sockets: Sockets) -> Result<(), ServeError> {
    let Config { server, store, .. } = &loaded.config;
    let data_dir = store.data_dir.as_path();
    let listening = sockets.listening()?;
    let trinity = &loaded.config.trinity;
    if trinity.enabled && trinity.system_agent {
        Trinity::prepare(&host).await?;
    }
    let listeners = Listeners::open(loaded, &host, sockets)?;
    listening
        .write(data_dir)
        .map_err(|source| ServeError::File { path: data_dir.to_owned(), source })?;
    listening.log(host.version);
    host.accounts.announce_setup();
    let upkeep = upkeep::start(&host, store, loaded.config.elizaos.sessions);
    let ended = tokio::select! {
        () = host.stop.requested() => Ok(()),
        ended = listeners.ended() => ended,
    };
    Listening::erase(data_dir);
    drop(upkeep);
    drain(&listeners, &host, server.drain()).await;
    tracing::info!("stopped");
    ended
}

/// Accepts nothing more, and lets what is in flight come to its end.
async fn drain(listeners: &Listeners, host: &Host, grace: Duration) {
    let begun = Instant::now();
    listeners.pause().await;
    host.ssh.close().await;
    if let Err(error) = host.accounts.keep_usage().await {
        tracing::warn!(%error, "could not keep how often keys were shown");
    }
    host.registry.shutdown(grace).await;
    host.mcp.end().await;
    // No run is in flight any more, so that no request has much left to wait for.
    let left = grace.saturating_sub(begun.elapsed()).clamp(LAST_ANSWERS, LAST_ANSWERS_MAX);
    if tokio::time::timeout(left, listeners.close()).await.is_err() {
        tracing::info!("some connections are cut off");
    }
}
