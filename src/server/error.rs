//! Why the host could not be run.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use greenroom_actors::error::{CoreError, StoreError};

use crate::accounts::AccountsError;
use crate::models::ModelsError;
use crate::ssh::SshError;
use crate::telemetry::TelemetryError;
use crate::tools::ToolsError;

/// Why the host could not be run.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The log could not be set up.
    #[error(transparent)]
    Telemetry(#[from] TelemetryError),
    /// The store could not be opened.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The models are not well described.
    #[error(transparent)]
    Models(#[from] ModelsError),
    /// A server of MCP tools needs what is not there.
    #[error("{0}")]
    Mcp(String),
    /// The accounts are not well described.
    #[error("accounts.{0}")]
    Accounts(String),
    /// The accounts could not be read or kept.
    #[error(transparent)]
    Opened(#[from] AccountsError),
    /// The tools are not well described.
    #[error("tools.{0}")]
    Tools(#[from] ToolsError),
    /// SSH could not be set up.
    #[error("ssh: {0}")]
    Ssh(#[from] SshError),
    /// The runtime did not come up.
    #[error(transparent)]
    Core(#[from] CoreError),
    /// An address could not be listened on.
    #[error(
        "cannot listen on {address}: {source}; choose another with `bind` in [{section}] \
         or {variable}"
    )]
    Bind {
        /// The address.
        address: SocketAddr,
        /// The section of the configuration that it stands in.
        section: &'static str,
        /// The variable that sets it.
        variable: &'static str,
        /// Why.
        source: io::Error,
    },
    /// A file or folder could not be used.
    #[error("{}: {source}", path.display())]
    File {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The operating system did not do its part.
    #[error(transparent)]
    Io(#[from] io::Error),
}
