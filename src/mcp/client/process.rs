//! A server's process, with all that it starts: they end together.

use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

use crate::programs::{Descendants, Mark};

/// How long a process may take to end, once its input is closed, and once it was asked to.
const LEAVES_WITHIN: Duration = Duration::from_secs(2);

/// Bytes of one line of complaint, and of all of them, that are told on.
const LINE_MAX_BYTES: u64 = 1_000;
const COMPLAINTS_MAX_BYTES: usize = 64 * 1024;

/// What is run, and with what around it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Program {
    pub(super) command: String,
    pub(super) args: Vec<String>,
    pub(super) env: Vec<(String, OsString)>,
    pub(super) cwd: Option<PathBuf>,
}

/// A process that runs. Dropped, it and all that it started are killed.
pub(super) struct Process {
    child: Child,
    group: Option<Pid>,
    _descendants: Descendants,
}

impl Process {
    /// Runs a program in a process group of its own; what it complains about goes to the log.
    ///
    /// # Errors
    /// If it cannot be started.
    pub(super) fn start(
        name: &str,
        program: &Program,
    ) -> io::Result<(Self, ChildStdin, ChildStdout)> {
        let mut command = Command::new(&program.command);
        command.args(&program.args).env_clear().envs(program.env.iter().cloned());
        if let Some(cwd) = &program.cwd {
            command.current_dir(cwd);
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let _descendants = Mark::on(&mut command).kill_on_drop();
        let mut child = command.process_group(0).kill_on_drop(true).spawn()?;
        let group = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        let pipes = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let process = Self { child, group, _descendants };
        let (Some(stdin), Some(stdout), Some(stderr)) = pipes else {
            return Err(io::Error::other("it has no pipes"));
        };
        // It ends with the last that holds the other end of the pipe.
        tokio::spawn(tell_on(name.to_owned(), stderr));
        Ok((process, stdin, stdout))
    }

    /// How it ended, once it has.
    pub(super) async fn ended(&mut self) -> String {
        match self.child.wait().await {
            Ok(status) => status.to_string(),
            Err(error) => error.to_string(),
        }
    }

    /// Lets it end, now that its input is closed: by itself, or asked to, or killed.
    pub(super) async fn end(&mut self) {
        if timeout(LEAVES_WITHIN, self.child.wait()).await.is_err() {
            self.signal(Signal::TERM);
            // Killed below if it stays.
            drop(timeout(LEAVES_WITHIN, self.child.wait()).await);
        }
        self.kill();
        // A killed process is gone soon, unless it hangs in the system: then it is reaped later.
        drop(timeout(LEAVES_WITHIN, self.child.wait()).await);
    }

    /// Kills all that is left of it.
    fn kill(&mut self) {
        self.signal(Signal::KILL);
        self.group = None;
    }

    fn signal(&self, signal: Signal) {
        if let Some(group) = self.group {
            // Refused where all of them are gone already.
            let _gone = kill_process_group(group, signal);
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Tells the log what a server complains about, up to a bound, and reads on beyond it: a server
/// whose complaints nobody takes would stand still.
async fn tell_on(server: String, stderr: ChildStderr) {
    let mut stderr = BufReader::new(stderr);
    let mut told = 0_usize;
    let mut line = Vec::new();
    while told < COMPLAINTS_MAX_BYTES {
        line.clear();
        match (&mut stderr).take(LINE_MAX_BYTES).read_until(b'\n', &mut line).await {
            Ok(0) | Err(_) => return,
            Ok(bytes) => told = told.saturating_add(bytes),
        }
        let line = String::from_utf8_lossy(&line);
        tracing::debug!(server, line = line.trim_end(), "an MCP server says");
    }
    tracing::debug!(server, "an MCP server says too much; the rest is not told");
    let mut rest = stderr.into_inner();
    // However it ends, it has ended.
    drop(tokio::io::copy(&mut rest, &mut tokio::io::sink()).await);
}
