//! What the tests share: processes of the real binary, each in a folder of its own; a client that
//! hides nothing; a scripted model.

pub(crate) mod agent_file;
pub(crate) mod biller;
pub(crate) mod database;
pub(crate) mod form;
pub(crate) mod http;
pub(crate) mod model;
pub(crate) mod needs;
pub(crate) mod packages;
pub(crate) mod python;
pub(crate) mod script;
pub(crate) mod server;
pub(crate) mod serving;
pub(crate) mod socket;
pub(crate) mod tool_server;

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, ChildStderr, Command, ExitStatus, Output, Stdio};
use std::time::Duration;

use tempfile::TempDir;

/// How long anything may take that is not about time. A guard against hanging, not a measure.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// How long is waited between two looks at something that cannot be waited for otherwise.
const GLANCE: Duration = Duration::from_millis(5);

/// A folder that hosts run in, one after the other.
pub(crate) struct Site {
    folder: TempDir,
    variables: Vec<(String, String)>,
}

/// A host that runs.
pub(crate) struct Host {
    child: Child,
    log: BufReader<ChildStderr>,
    /// Where it answers.
    pub(crate) address: SocketAddr,
}

impl Site {
    pub(crate) fn new() -> Self {
        // Whoever wants a primary agent says so: most tests count the agents that they made.
        let site = Self { folder: tempfile::tempdir().unwrap(), variables: Vec::new() };
        site.with("GREENROOM_MILADY__AGENT", "").with("GREENROOM_TRINITY__SYSTEM_AGENT", "false")
    }

    /// With `config.toml` saying that.
    pub(crate) fn configured(config: &str) -> Self {
        let site = Self::new();
        std::fs::write(site.folder().join("config.toml"), config).unwrap();
        site
    }

    /// With that variable in the environment of every process.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The binary, with an environment of ours alone.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_greenroom"));
        command.args(arguments).current_dir(self.folder()).env_clear();
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null());
        command
    }

    /// Runs a command to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// Runs a command that succeeds; answers with what it said.
    pub(crate) fn say(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "greenroom {arguments:?}: {complaint}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Starts a host at a free port, and waits until it listens.
    pub(crate) fn serve(&self) -> Host {
        let mut host = self.serve_logging();
        let line = host.wait_for("listening");
        let address = line.split("elizaos=").nth(1).and_then(|rest| rest.split(' ').next());
        host.address = address.unwrap().parse().unwrap();
        host
    }

    /// Starts a host at a free port, and does not wait for anything.
    pub(crate) fn serve_logging(&self) -> Host {
        let mut command = self.command(&["serve"]);
        command.env("GREENROOM_ELIZAOS__BIND", "127.0.0.1:0");
        command.env("GREENROOM_MILADY__BIND", "127.0.0.1:0");
        command.env("GREENROOM_TRINITY__BIND", "127.0.0.1:0");
        Host::of(command)
    }
}

impl Host {
    /// A host that this command starts.
    pub(crate) fn of(mut command: Command) -> Self {
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let log = BufReader::new(child.stderr.take().unwrap());
        Self { child, log, address: ([0, 0, 0, 0], 0).into() }
    }

    /// Reads the log up to the line that says `what`; answers with it.
    pub(crate) fn wait_for(&mut self, what: &str) -> String {
        let mut read = String::new();
        loop {
            let start = read.len();
            assert_ne!(self.log.read_line(&mut read).unwrap(), 0, "no {what:?} in the log: {read}");
            let line = &read[start..];
            if line.contains(what) {
                return line.trim_end().to_owned();
            }
        }
    }

    /// Sends a signal, by its short name.
    pub(crate) fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args(["-s", name, &pid]).status().unwrap();
        assert!(sent.success());
    }

    /// Whether it has ended.
    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// Waits for the end.
    pub(crate) fn end(mut self) -> ExitStatus {
        self.child.wait().unwrap()
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        // Ended already, in most tests.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Looks until there is something to be seen.
pub(crate) async fn until<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let looking = async {
        loop {
            if let Some(seen) = look().await {
                return seen;
            }
            tokio::time::sleep(GLANCE).await;
        }
    };
    match tokio::time::timeout(PATIENCE, looking).await {
        Ok(seen) => seen,
        Err(_) => panic!("not within {PATIENCE:?}: {what}"),
    }
}
