//! A program that carries a run out: started, heard line by line, ended with all that it started.

use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use greenroom_actors::figures::Tally;
use greenroom_actors::ids::AgentId;
use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStderr, ChildStdout, Command};
use tokio::sync::{OwnedSemaphorePermit, oneshot};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::{Inner, figures};
use crate::programs::{Group, Mark};

/// Bytes of a program's complaints that are told on.
const COMPLAINT_MAX_BYTES: u64 = 2_000;

/// How long a program may take to end once it has said everything.
const LEAVES_WITHIN: Duration = Duration::from_secs(3);

/// How often it is looked at what a program uses.
const LOOKED_AT_EVERY: Duration = Duration::from_secs(1);

/// How long something that outlives a program may hold its output open.
const DRAINS_WITHIN: Duration = Duration::from_secs(1);

/// What is run, and with what around it.
pub(super) struct Launch {
    pub(super) program: PathBuf,
    pub(super) arguments: Vec<OsString>,
    /// All of its environment.
    pub(super) environment: Vec<(String, OsString)>,
    pub(super) folder: PathBuf,
    /// What it reads.
    pub(super) input: String,
    /// Bytes that it may write.
    pub(super) output_max: usize,
}

/// A program that runs. Dropped, it and all that it started are killed.
pub(super) struct Running {
    group: Group,
    output: BufReader<ChildStdout>,
    line: Vec<u8>,
    /// Bytes that it may write yet.
    room: usize,
    complaint: JoinHandle<String>,
    exit: oneshot::Receiver<io::Result<ExitStatus>>,
    status: Option<io::Result<ExitStatus>>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.group.kill();
        self.complaint.abort();
    }
}

impl Running {
    /// Starts a program for an agent; its place is taken until it is gone.
    pub(super) fn start(
        launch: Launch,
        runtimes: Arc<Inner>,
        (agent, tally): (AgentId, Tally),
        place: [OwnedSemaphorePermit; 2],
    ) -> io::Result<Self> {
        let mut command = Command::new(&launch.program);
        command.args(&launch.arguments).current_dir(&launch.folder);
        // Without the host's secrets.
        command.env_clear().envs(launch.environment);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mark = Mark::on(&mut command);
        let mut child = command.process_group(0).kill_on_drop(true).spawn()?;
        let group = Group::led_by(&child);
        let pipes = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let (told, exit) = oneshot::channel();
        let count = Count { runtimes, agent, tally, group: group.clone(), counted: Duration::ZERO };
        tokio::spawn(reaped((child, mark), count, place, told));
        let (Some(mut stdin), Some(stdout), Some(stderr)) = pipes else {
            group.kill();
            return Err(io::Error::other("it has no pipes"));
        };
        let input = launch.input;
        tokio::spawn(async move {
            // One that ends early does not read to the end; whether that is a fault it says itself.
            drop(stdin.write_all(input.as_bytes()).await);
        });
        Ok(Self {
            group,
            output: BufReader::new(stdout),
            line: Vec::new(),
            room: launch.output_max,
            complaint: tokio::spawn(complaint(stderr)),
            exit,
            status: None,
        })
    }

    /// The next line that it writes; `None` once it will write no more.
    ///
    /// # Errors
    /// If it writes too much, or cannot be read.
    pub(super) async fn line(&mut self) -> io::Result<Option<Vec<u8>>> {
        loop {
            let ended = self.status.is_some();
            let read = tokio::select! {
                biased;
                read = self.output.fill_buf() => Some(read?),
                status = &mut self.exit, if !ended => {
                    self.status = Some(status.unwrap_or_else(|_lost| Err(io::Error::other("lost"))));
                    continue;
                }
                // Something that left its group may hold the output open.
                () = tokio::time::sleep(DRAINS_WITHIN), if ended => None,
            };
            let Some(read) = read.filter(|read| !read.is_empty()) else {
                let last = std::mem::take(&mut self.line);
                return Ok((!last.is_empty()).then_some(last));
            };
            let end = read.iter().position(|byte| *byte == b'\n');
            let taken = end.map_or(read.len(), |end| end + 1);
            if taken > self.room {
                return Err(io::Error::other("it wrote too much"));
            }
            self.room -= taken;
            self.line.extend(read.iter().take(taken));
            self.output.consume(taken);
            if end.is_some() {
                return Ok(Some(std::mem::take(&mut self.line)));
            }
        }
    }

    /// Lets it end, now that it has said everything; if it stays, it is killed.
    pub(super) async fn leave(&mut self) {
        if self.status.is_none() {
            self.status = match timeout(LEAVES_WITHIN, &mut self.exit).await {
                Ok(status) => status.ok(),
                Err(_stays) => None,
            };
        }
        self.group.kill();
    }

    /// How it ended and what it complained about.
    pub(super) async fn ended(&mut self) -> (bool, String) {
        self.leave().await;
        let complaint = timeout(DRAINS_WITHIN, &mut self.complaint).await;
        let complaint = complaint.ok().and_then(Result::ok).unwrap_or_default();
        match &self.status {
            Some(Ok(status)) => (status.success(), format!("{status}: {complaint}")),
            Some(Err(error)) => (false, format!("{error}: {complaint}")),
            None => (false, format!("it did not end: {complaint}")),
        }
    }
}

/// What a program uses, as it is counted for its agent.
struct Count {
    runtimes: Arc<Inner>,
    agent: AgentId,
    tally: Tally,
    group: Group,
    /// What was counted of its time so far.
    counted: Duration,
}

impl Count {
    fn worked(&mut self, cpu: Duration) {
        // What one used that is gone meanwhile is in none of the later sums.
        if let Some(more) = cpu.checked_sub(self.counted) {
            self.tally.child_worked(more);
            self.counted = cpu;
        }
    }

    /// Answers with what its agent's programs may hold, if they hold more.
    fn holds(&self, bytes: Option<u64>) -> Option<u64> {
        let held = self.runtimes.held(self.agent, &self.group, bytes);
        self.tally.children_hold(held);
        self.runtimes.is_over(self.agent, held)
    }
}

/// Waits until a program is over, counts what it uses, and ends all that it left.
async fn reaped(
    (mut child, mark): (Child, Mark),
    mut count: Count,
    place: [OwnedSemaphorePermit; 2],
    told: oneshot::Sender<io::Result<ExitStatus>>,
) {
    let mut too_much = None;
    if let Some(leader) = count.group.leader() {
        // Over and not yet reaped: only then is it known what it used, and its number is still its own.
        let mut over = tokio::task::spawn_blocking(move || {
            is_over(leader);
            figures::of_ended(leader)
        });
        let used = loop {
            let live = tokio::task::spawn_blocking(move || figures::of(leader)).await;
            let live = live.unwrap_or_default();
            count.worked(live.cpu);
            if let Some(most) = count.holds(Some(live.resident_bytes)) {
                too_much = Some(most);
                count.group.kill();
            }
            match timeout(LOOKED_AT_EVERY, &mut over).await {
                Ok(used) => break used.unwrap_or_default(),
                Err(_runs) => {}
            }
        };
        count.worked(used);
    }
    count.group.kill_for_good();
    let status = child.wait().await;
    // And what has left its group.
    mark.kill().await;
    let _over = count.holds(None);
    drop(place);
    let status = match too_much {
        Some(most) => Err(io::Error::other(format!(
            "its agent's programs hold more than {most} bytes of memory"
        ))),
        None => status,
    };
    // Nobody minds if nobody waits any more.
    drop(told.send(status));
}

/// Waits until a process is over, and leaves it to be reaped.
fn is_over(leader: Pid) {
    // Refused where it was reaped already.
    let _over = waitid(WaitId::Pid(leader), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT);
}

/// What a program complains about, up to a bound; it is read on beyond it, or the program would stand
/// still.
async fn complaint(mut stderr: ChildStderr) -> String {
    let mut complaint = Vec::new();
    let heard = (&mut stderr).take(COMPLAINT_MAX_BYTES).read_to_end(&mut complaint).await;
    let rest = tokio::io::copy(&mut stderr, &mut tokio::io::sink()).await;
    let is_cut = rest.as_ref().is_ok_and(|more| *more > 0);
    drop((heard, rest));
    let complaint = String::from_utf8_lossy(&complaint);
    let complaint = if is_cut { whole_lines(&complaint) } else { &complaint };
    complaint.trim().to_owned()
}

/// What was said to the end of a text that was cut: of a secret that stands at the cut nothing may be
/// left, as half of it would not be known for one.
fn whole_lines(text: &str) -> &str {
    let end = text.rfind('\n').or_else(|| text.rfind(char::is_whitespace));
    text.get(..end.unwrap_or_default()).unwrap_or_default()
}
