//! Servers as children: the program itself, and the bare handler that it is compared with.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::http::{Client, request};
use crate::process::{Usage, as_child};

/// How long a server may take to answer.
const PATIENCE: Duration = Duration::from_secs(120);

/// A server that ends with this value.
pub(crate) struct Server {
    child: Child,
    began: Instant,
    pub(crate) address: SocketAddr,
    /// The listener of Trinity; of the bare handler, the one there is.
    pub(crate) trinity: SocketAddr,
}

impl Server {
    /// The program as users run it, over the data in `folder`, with these settings
    /// (`SECTION__KEY`).
    ///
    /// # Errors
    /// If it cannot be started.
    pub(crate) fn program(folder: &Path, settings: &[(&str, &str)]) -> Result<Self> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_greenroom"));
        // Nothing of the surroundings must matter: no configuration, no variables.
        command.env_clear().current_dir(folder).env("GREENROOM_LOG", "error");
        command.args(["serve", "--data-dir"]).arg(folder);
        for (key, value) in settings {
            command.env(format!("GREENROOM_{key}"), value);
        }
        let address = free_address()?;
        command.env("GREENROOM_ELIZAOS__BIND", address.to_string());
        command.env("GREENROOM_MILADY__BIND", "127.0.0.1:0").env("GREENROOM_MILADY__AGENT", "");
        let trinity = free_address()?;
        command.env("GREENROOM_TRINITY__BIND", trinity.to_string());
        command.env("GREENROOM_TRINITY__SYSTEM_AGENT", "false");
        let mut server = Self::spawn(command, address)?;
        server.trinity = trinity;
        Ok(server)
    }

    /// A handler that answers every request with the JSON in `file`, and nothing around it.
    ///
    /// # Errors
    /// If it cannot be started.
    pub(crate) fn bare(file: &Path) -> Result<Self> {
        let address = free_address()?;
        let file = file.to_string_lossy();
        Self::spawn(as_child(&["bare", &address.to_string(), &file])?, address)
    }

    fn spawn(mut command: Command, address: SocketAddr) -> Result<Self> {
        let began = Instant::now();
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn()?;
        Ok(Self { child, began, address, trinity: address })
    }

    /// Waits for the first success at `path`; answers with the time since the server was started.
    ///
    /// # Errors
    /// If there is none for long, or the server ends.
    #[allow(clippy::disallowed_methods, reason = "there is no actor in this process to stall")]
    pub(crate) fn answers(&mut self, path: &str) -> Result<Duration> {
        let asked = request("GET", path, None);
        while self.began.elapsed() < PATIENCE {
            if let Ok(mut client) = Client::connect(self.address) {
                match client.ask(&asked)?.status {
                    200 => return Ok(self.began.elapsed()),
                    // Still starting.
                    503 => {}
                    status => bail!("{path}: {status}"),
                }
            }
            if let Some(status) = self.child.try_wait()? {
                bail!("the server has ended: {status}");
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        bail!("no answer at {path}");
    }

    /// What it holds and has used.
    ///
    /// # Errors
    /// If it has ended.
    pub(crate) fn usage(&self) -> Result<Usage> {
        Usage::of(&self.child.id().to_string())
    }

    /// The time since it was started.
    pub(crate) fn age(&self) -> Duration {
        self.began.elapsed()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Its data is a bench's own: nothing is lost that anybody wants.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}
