//! Processes: what one of them holds and has used, and this program as a child of itself.

use std::fs;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use tempfile::TempDir;

use crate::{bare, footprint};

/// Units of processor time in a second, as `/proc` counts it on every common machine (`USER_HZ`).
const TICKS_PER_S: f64 = 100.0;

/// What a process holds and has used.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Usage {
    /// Resident memory, in bytes.
    pub(crate) resident: f64,
    /// Processor time of all its threads.
    pub(crate) processor: Duration,
}

impl Usage {
    /// Of this process.
    ///
    /// # Errors
    /// If the system has no `/proc`.
    pub(crate) fn own() -> Result<Self> {
        Self::of("self")
    }

    /// Of the process of that id.
    ///
    /// # Errors
    /// If there is none.
    pub(crate) fn of(process: &str) -> Result<Self> {
        let read = |name: &str| {
            let path = format!("/proc/{process}/{name}");
            fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))
        };
        let status = read("status")?;
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = resident.and_then(|rest| rest.split_whitespace().next()).context("no VmRSS")?;
        let stat = read("stat")?;
        // The name of the program may hold anything, so count from behind it.
        let (_, rest) = stat.rsplit_once(')').context("no name in stat")?;
        let ticks: Vec<f64> =
            rest.split_whitespace().skip(11).take(2).map(str::parse).collect::<Result<_, _>>()?;
        Ok(Self {
            resident: kib.parse::<f64>()? * 1_024.0,
            processor: Duration::from_secs_f64(ticks.iter().sum::<f64>() / TICKS_PER_S),
        })
    }
}

/// The first word of the command line of a child.
const CHILD: &str = "as-child";

/// Does the work of a child, if this process is one.
///
/// # Errors
/// Whatever keeps it from its work.
pub(crate) fn serve_as_child(arguments: &[String]) -> Result<bool> {
    let mut words = arguments.iter().map(String::as_str);
    if words.next() != Some(CHILD) {
        return Ok(false);
    }
    let work: Vec<&str> = words.collect();
    match work.as_slice() {
        ["footprint", agents, every_s] => footprint::child(agents.parse()?, every_s.parse()?)?,
        ["bare", address, file] => bare::serve(address.parse()?, file)?,
        _ => bail!("a child has no work {work:?}"),
    }
    Ok(true)
}

/// The command that has a child of this process do that work.
///
/// # Errors
/// If this process does not know its own program.
pub(crate) fn as_child(work: &[&str]) -> Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg(CHILD).args(work);
    Ok(command)
}

/// Has a child do its work, and answers with what it printed.
///
/// # Errors
/// If it did not do it.
pub(crate) fn have_child(work: &[&str]) -> Result<String> {
    let done = as_child(work)?.stderr(Stdio::inherit()).output()?;
    ensure!(done.status.success(), "the child did not do {work:?}: {}", done.status);
    Ok(String::from_utf8(done.stdout)?.trim().to_owned())
}

/// A new folder on the disk, gone with the value.
///
/// # Errors
/// If it cannot be made.
pub(crate) fn folder() -> Result<TempDir> {
    Ok(tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?)
}
