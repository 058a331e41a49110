//! A running host that a test talks to, may kill, and may start again.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::sync::Arc;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tokio::process::{Child, Command};

use super::http::Client;
use super::{PATIENCE, Site, until};

/// Lines of the log that a failed test shows.
const LOG_SHOWN: usize = 60;

impl Site {
    /// Where the host keeps its data.
    pub(crate) fn data(&self) -> PathBuf {
        self.folder().join("data")
    }

    /// Where its log is kept: a file, since a pipe that nobody empties would hold it up.
    fn log(&self) -> PathBuf {
        self.folder().join("log.txt")
    }

    /// What its hosts have logged.
    pub(crate) fn log_text(&self) -> String {
        String::from_utf8_lossy(&fs::read(self.log()).unwrap_or_default()).into_owned()
    }

    fn log_tail(&self) -> String {
        let log = self.log_text();
        let lines = log.lines().collect::<Vec<_>>();
        lines[lines.len().saturating_sub(LOG_SHOWN)..].join("\n")
    }
}

/// A running host. Dropped, it is killed.
pub(crate) struct Server {
    child: Child,
    address: SocketAddr,
    milady: SocketAddr,
    trinity: SocketAddr,
    site: Arc<Site>,
}

impl Server {
    /// Starts a host at a free port and waits until it listens.
    pub(crate) async fn start(site: &Arc<Site>) -> Self {
        let listening = site.data().join("listening.json");
        // One that was killed left it behind; otherwise it is not there.
        let _ = fs::remove_file(&listening);
        let log = File::options().create(true).append(true).open(site.log()).unwrap();
        let mut command = Command::from(site.command(&["serve"]));
        command.env("GREENROOM_ELIZAOS__BIND", "127.0.0.1:0").env("GREENROOM_SERVER__WORKERS", "2");
        command.env("GREENROOM_MILADY__BIND", "127.0.0.1:0");
        command.env("GREENROOM_TRINITY__BIND", "127.0.0.1:0");
        command.stdout(log.try_clone().unwrap()).stderr(log).kill_on_drop(true);
        let mut child = command.spawn().unwrap();
        let listening = until("the server listens", async || {
            if let Some(status) = child.try_wait().unwrap() {
                panic!("the server ended at once: {status}\n{}", site.log_tail());
            }
            let text = fs::read_to_string(&listening).ok()?;
            serde_json::from_str::<Value>(&text).ok()
        })
        .await;
        let address = |dialect: &str| listening[dialect].as_str().unwrap().parse().unwrap();
        let [address, milady, trinity] = ["elizaos", "milady", "trinity"].map(address);
        Self { child, address, milady, trinity, site: Arc::clone(site) }
    }

    pub(crate) fn client(&self) -> Client {
        Client::new(self.address)
    }

    /// A client of the Milady listener.
    pub(crate) fn milady(&self) -> Client {
        Client::new(self.milady)
    }

    /// A client of the Trinity listener.
    pub(crate) fn trinity(&self) -> Client {
        Client::new(self.trinity)
    }

    /// Where its Trinity listener answers, as programs are told it.
    pub(crate) fn trinity_url(&self) -> String {
        format!("http://{}", self.trinity)
    }

    /// Where its Milady listener answers, as programs are told it.
    pub(crate) fn milady_url(&self) -> String {
        format!("http://{}", self.milady)
    }

    /// Where it answers, as programs are told it.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn is_alive(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// KiB of memory that it is resident with.
    pub(crate) fn resident_kib(&self) -> u64 {
        self.status_kib("VmRSS:")
    }

    /// Has [`Server::peak_kib`] tell of what comes from now on.
    pub(crate) fn forget_peak(&self) {
        // proc(5): 5 sets the peak to what is resident now.
        fs::write(format!("/proc/{}/clear_refs", self.child.id().unwrap()), "5").unwrap();
    }

    /// KiB of memory that it was resident with at the most so far.
    pub(crate) fn peak_kib(&self) -> u64 {
        self.status_kib("VmHWM:")
    }

    fn status_kib(&self, field: &str) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id().unwrap()));
        let status = status.unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix(field)).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }

    /// Ends it at once.
    pub(crate) async fn kill(mut self) {
        self.child.kill().await.unwrap();
    }

    /// Asks it to end and waits until it has.
    pub(crate) async fn terminate(mut self) -> ExitStatus {
        let pid = i32::try_from(self.child.id().unwrap()).unwrap();
        kill_process(Pid::from_raw(pid).unwrap(), Signal::TERM).unwrap();
        self.ended().await
    }

    /// Waits until it has ended.
    pub(crate) async fn ended(&mut self) -> ExitStatus {
        tokio::time::timeout(PATIENCE, self.child.wait()).await.unwrap().unwrap()
    }
}

impl Client {
    /// Makes an agent of that character and answers with its id.
    pub(crate) async fn create(&self, character: &Value) -> String {
        let created = self.post("/api/agents", &json!({"characterJson": character})).await;
        created.unwrap().expect(201)["data"]["id"].as_str().unwrap().to_owned()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("--- the server's log ---\n{}", self.site.log_tail());
        }
    }
}
