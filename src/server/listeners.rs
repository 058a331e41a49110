//! The listeners: one for each dialect, each with its own address and its own threads.

use std::fs;
use std::io::{self, Write};
use std::net::TcpListener;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use actix_web::body::MessageBody;
use actix_web::dev::{
    Server, ServerHandle, Service, ServiceFactory, ServiceRequest, ServiceResponse,
};
use actix_web::{App, Error, HttpServer};
use futures::future::{join_all, select_all};
use tokio::sync::Mutex;
use tokio::task::JoinHandle;

use super::error::ServeError;
use super::listening::Listening;
use super::ports::{self, Port};
use crate::config::{Config, Loaded, Origin};
use crate::dialects::elizaos::Elizaos;
use crate::dialects::milady::Milady;
use crate::dialects::trinity::Trinity;
use crate::host::Host;
use crate::http::auth::PairingToken;

/// How long a connection may be idle between two requests.
const KEEP_ALIVE: Duration = Duration::from_secs(30);

/// How long a client may take to send the head of a request.
const HEADERS_DEADLINE: Duration = Duration::from_secs(10);

/// The file in the data folder that holds a token which nobody has set.
const TOKEN_FILE: &str = "milady.token";

/// Bytes of such a token, before they are written in hexadecimal digits.
const TOKEN_BYTES: usize = 32;

/// Sockets that clients may connect to from now on; they wait until they are served.
pub(super) struct Sockets {
    elizaos: Option<TcpListener>,
    milady: Option<TcpListener>,
    trinity: Option<TcpListener>,
}

impl Sockets {
    /// # Errors
    /// [`ServeError::Bind`], with the section and the variable that set the address.
    pub(super) fn bind(loaded: &Loaded) -> Result<Self, ServeError> {
        let config = &loaded.config;
        let bind = |enabled: bool, address, section, key, variable| {
            let bound = enabled.then(|| ports::bind(address, port(loaded, key))).transpose();
            bound.map_err(|source| ServeError::Bind { address, section, variable, source })
        };
        let Config { elizaos, milady, trinity, .. } = config;
        Ok(Self {
            elizaos: bind(
                elizaos.enabled,
                elizaos.bind,
                "elizaos",
                "elizaos.bind",
                "GREENROOM_ELIZAOS__BIND",
            )?,
            milady: bind(
                milady.enabled,
                milady.bind,
                "milady",
                "milady.bind",
                "GREENROOM_MILADY__BIND",
            )?,
            trinity: bind(
                trinity.enabled,
                trinity.bind,
                "trinity",
                "trinity.bind",
                "GREENROOM_TRINITY__BIND",
            )?,
        })
    }

    /// The addresses they are bound to.
    pub(super) fn listening(&self) -> io::Result<Listening> {
        let address =
            |socket: &Option<TcpListener>| socket.as_ref().map(TcpListener::local_addr).transpose();
        Ok(Listening {
            elizaos: address(&self.elizaos)?,
            milady: address(&self.milady)?,
            trinity: address(&self.trinity)?,
        })
    }
}

/// Whether another port will do where this one is busy.
fn port(loaded: &Loaded, key: &str) -> Port {
    match loaded.origin(key) {
        Origin::Default => Port::Default,
        Origin::File { .. } | Origin::Variable(_) | Origin::Flag(_) => Port::Chosen,
    }
}

/// What listens now.
pub(super) struct Listeners {
    elizaos: Option<Elizaos>,
    milady: Option<Milady>,
    trinity: Option<Trinity>,
    handles: Vec<ServerHandle>,
    serving: Mutex<Vec<JoinHandle<io::Result<()>>>>,
}

impl Listeners {
    /// Serves the clients of each dialect at its socket.
    ///
    /// # Errors
    /// Where a thread or a file of it cannot be made.
    pub(super) fn open(loaded: &Loaded, host: &Host, sockets: Sockets) -> Result<Self, ServeError> {
        let config = &loaded.config;
        let mut servers = Vec::new();
        let elizaos = match sockets.elizaos {
            None => None,
            Some(socket) => {
                let dialect = Elizaos::new(Arc::new(config.elizaos.clone()), host.clone());
                let dialect = if config.mcp.serves { dialect.with_mcp() } else { dialect };
                let served = dialect.clone();
                servers.push(run(loaded, socket, move || served.app())?);
                Some(dialect)
            }
        };
        let milady = match sockets.milady {
            None => None,
            Some(socket) => {
                let token = milady_token(loaded)?;
                let dialect = Milady::new(Arc::new(config.milady.clone()), token, host.clone());
                let served = dialect.clone();
                servers.push(run(loaded, socket, move || served.app())?);
                Some(dialect)
            }
        };
        let trinity = match sockets.trinity {
            None => None,
            Some(socket) => {
                let dialect = Trinity::new(Arc::new(config.trinity.clone()), host.clone());
                let served = dialect.clone();
                servers.push(run(loaded, socket, move || served.app())?);
                Some(dialect)
            }
        };
        let handles = servers.iter().map(Server::handle).collect();
        let serving = Mutex::new(servers.into_iter().map(tokio::spawn).collect());
        Ok(Self { elizaos, milady, trinity, handles, serving })
    }

    /// Waits until one of them ends by itself, which it does only where something went wrong.
    ///
    /// # Errors
    /// What went wrong.
    pub(super) async fn ended(&self) -> Result<(), ServeError> {
        let mut serving = self.serving.lock().await;
        if serving.is_empty() {
            return std::future::pending().await;
        }
        let (ended, _, _) = select_all(serving.iter_mut()).await;
        ended.map_err(io::Error::other).flatten().map_err(ServeError::Io)
    }

    /// Accepts nothing more.
    pub(super) async fn pause(&self) {
        join_all(self.handles.iter().map(ServerHandle::pause)).await;
    }

    /// Ends, once the last answers are sent.
    pub(super) async fn close(&self) {
        if let Some(elizaos) = &self.elizaos {
            elizaos.close().await;
        }
        if let Some(milady) = &self.milady {
            milady.close().await;
        }
        if let Some(trinity) = &self.trinity {
            trinity.close().await;
        }
        join_all(self.handles.iter().map(|handle| handle.stop(true))).await;
    }
}

/// Runs a dialect at its socket, on threads of its own.
fn run<F, T, S, B>(loaded: &Loaded, socket: TcpListener, app: F) -> Result<Server, ServeError>
where
    F: Fn() -> App<T> + Send + Clone + 'static,
    T: ServiceFactory<
            ServiceRequest,
            Config = (),
            Response = ServiceResponse<B>,
            Error = Error,
            InitError = (),
            Service = S,
        > + 'static,
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    S::Future: 'static,
    B: MessageBody + 'static,
{
    let server = &loaded.config.server;
    let http = HttpServer::new(app)
        .workers(server.workers())
        .max_connections(server.connections_per_worker())
        .keep_alive(KEEP_ALIVE)
        .client_request_timeout(HEADERS_DEADLINE)
        .shutdown_timeout(u64::from(server.drain_s))
        .disable_signals()
        .listen(socket)?;
    Ok(http.run())
}

/// What callers of the Milady listener must present. One that is open to other machines has a token
/// of its own where none is set, the same after each start.
fn milady_token(loaded: &Loaded) -> Result<Option<PairingToken>, ServeError> {
    let milady = &loaded.config.milady;
    if milady.auth_token.is_some() || milady.bind.ip().to_canonical().is_loopback() {
        return Ok(milady.auth_token.clone());
    }
    let path = loaded.config.store.data_dir.join(TOKEN_FILE);
    let token =
        read_or_make(&path).map_err(|source| ServeError::File { path: path.clone(), source })?;
    tracing::warn!(
        file = %path.display(),
        "the Milady listener is open to other machines: it asks for the token in that file"
    );
    Ok(PairingToken::new(&token))
}

/// The token in that file, which is made for its owner alone where there is none.
fn read_or_make(path: &Path) -> io::Result<String> {
    match fs::read_to_string(path) {
        Ok(kept) if is_token(kept.trim()) => return Ok(kept.trim().to_owned()),
        Ok(_) => fs::remove_file(path)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let token = rand::random::<[u8; TOKEN_BYTES]>().map(|byte| format!("{byte:02x}")).concat();
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    writeln!(file, "{token}")?;
    file.sync_all()?;
    Ok(token)
}

fn is_token(text: &str) -> bool {
    text.len() == 2 * TOKEN_BYTES && text.bytes().all(|digit| digit.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_token_is_made_once_for_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(TOKEN_FILE);
        let made = read_or_make(&path).unwrap();
        assert!(is_token(&made));
        assert_eq!(read_or_make(&path).unwrap(), made);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        fs::write(&path, "short").unwrap();
        assert_ne!(read_or_make(&path).unwrap(), made);
    }
}
