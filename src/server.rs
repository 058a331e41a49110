//! The running server: its parts put together, its listeners, its end.

mod error;
mod listening;
mod ports;
mod settings;
mod signals;
mod upkeep;

use std::path::Path;
use std::sync::Arc;

use actix_web::HttpServer;
use actix_web::dev::ServerHandle;
use greenroom_actors::ports::{Clock, SystemClock};
use greenroom_actors::registry::Registry;
use greenroom_actors::runtime::Ports;

use crate::config::{Config, Loaded, Origin};
use crate::dialects::elizaos;
use crate::host::{Host, Stopper, Vault};
use crate::models;
use crate::secrets::Secrets;
use crate::store::SqliteStore;
use crate::telemetry::{self, LogBuffer};

pub use error::ServeError;
pub use listening::Listening;
pub use settings::ServerSettings;

use ports::Port;

/// Where backups are kept, within the data folder.
const BACKUPS: &str = "backups";

/// Runs the host of that configuration on this thread and as many more as it wants, until it is
/// told to stop by a signal or over the API.
///
/// # Errors
/// Whatever keeps it from starting, or from ending well.
pub fn run(loaded: Loaded) -> Result<(), ServeError> {
    let logs = Arc::new(LogBuffer::with_capacity(loaded.config.log.lines_kept));
    telemetry::init(&loaded.config.log, Arc::clone(&logs))?;
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
pub async fn serve(
    loaded: Loaded,
    logs: Arc<LogBuffer>,
    stop: Stopper,
) -> Result<(), ServeError> {
    let config = &loaded.config;
    let data_dir = config.store.data_dir.as_path();
    make_folder(data_dir)?;
    let store = Arc::new(SqliteStore::open(&config.store)?);
    let outcome = match host(config, &store, logs, stop).await {
        Ok(host) => listen(&loaded, host).await,
        Err(error) => Err(error),
    };
    // Whatever happened: what was acknowledged is to be found again.
    store.close().await?;
    outcome
}

/// Puts the parts together, and lets the agents begin.
async fn host(
    config: &Config,
    store: &Arc<SqliteStore>,
    logs: Arc<LogBuffer>,
    stop: Stopper,
) -> Result<Host, ServeError> {
    let data_dir = config.store.data_dir.as_path();
    let secrets = Secrets::from_env_or_file(data_dir)
        .map_err(|source| ServeError::File { path: data_dir.to_owned(), source })?;
    let model = models::build(&config.models(), &|name| std::env::var(name).ok())?;
    let ports = Ports {
        store: Arc::clone(store) as Arc<_>,
        model: Arc::new(model),
        clock: Arc::new(SystemClock),
    };
    let registry = Registry::start(ports, config.runtime.clone()).await?;
    Ok(Host {
        registry,
        secrets: Arc::new(secrets),
        logs,
        stop,
        started_at: SystemClock.now(),
        version: env!("CARGO_PKG_VERSION"),
        vault: Some(Vault::new(Arc::clone(store), data_dir.join(BACKUPS))),
    })
}

fn make_folder(path: &Path) -> Result<(), ServeError> {
    std::fs::create_dir_all(path)
        .map_err(|source| ServeError::File { path: path.to_owned(), source })
}
