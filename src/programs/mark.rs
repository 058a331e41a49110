//! Marks in the environment of child processes, by which all that they start is found again.
//!
//! A process group does not hold what leaves it by a session of its own, and a host that is killed ends
//! nobody. The environment is handed down, so whoever carries a mark descends from a child of a host. The
//! host notes in its data folder what its marks begin with, and the next one in that folder ends what
//! still carries them. A program that wipes its environment and leaves its group is not found.

use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Duration;
use std::{fmt, fs};

use tokio::process::Command;
use tokio::runtime::Handle;
use tokio::task::spawn_blocking;
use uuid::Uuid;

use super::table;

/// The variable that holds a mark.
const VARIABLE: &str = "GREENROOM_CHILD";

/// Where a host notes what its marks begin with, within its data folder.
const FILE_NAME: &str = "children";

/// Looks at the table of processes for one mark: what forks while it is looked at is seen by the next.
const LOOKS_MAX: u32 = 200;

/// Between two of them, so that what was killed is gone.
const LOOKS_EVERY: Duration = Duration::from_millis(10);

/// What the marks of this process begin with; no other has the same.
static LIFE: LazyLock<Uuid> = LazyLock::new(Uuid::new_v4);

static COUNT: AtomicU64 = AtomicU64::new(0);

/// The mark of one child and all that descends from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark(String);

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Mark {
    /// Marks what that command starts. To be called after all else is said of its environment.
    #[must_use]
    pub fn on(command: &mut Command) -> Self {
        let mark = format!("{}{}", beginning(&LIFE), COUNT.fetch_add(1, Ordering::Relaxed));
        command.env(VARIABLE, &mark);
        Self(mark)
    }

    /// Kills all that carries it.
    pub async fn kill(self) {
        if !killed(vec![format!("{VARIABLE}={self}\0")]).await {
            tracing::warn!(mark = %self, "what a program has started does not end");
        }
    }

    /// What carries it, to be killed once that is dropped.
    #[must_use]
    pub fn kill_on_drop(self) -> Descendants {
        Descendants(Some(self))
    }
}

/// All that carries a mark. Dropped, it is killed soon after.
#[derive(Debug)]
pub struct Descendants(Option<Mark>);

impl Drop for Descendants {
    fn drop(&mut self) {
        // Without a runtime the host is going down, and kills all that carries a mark of its own.
        if let (Some(mark), Ok(runtime)) = (self.0.take(), Handle::try_current()) {
            runtime.spawn(mark.kill());
        }
    }
}

/// Kills what earlier hosts in that folder have left, and notes what is to be killed after this one.
/// To be called while no other host can be in the folder, and before any child is started.
///
/// # Errors
/// If it cannot be noted.
pub async fn sweep(data_dir: &Path) -> io::Result<()> {
    let file = data_dir.join(FILE_NAME);
    let noted = match fs::read(&file) {
        Ok(noted) => noted,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(error),
    };
    let noted = String::from_utf8_lossy(&noted);
    // A host may have run before in this very process, and another may do so in another folder.
    let former = noted.lines().filter_map(|line| line.parse().ok()).filter(|life| *life != *LIFE);
    let former: Vec<Uuid> = former.collect();
    let mut lives = vec![*LIFE];
    if !killed(former.iter().map(entry_of).collect()).await {
        tracing::warn!("what an earlier host has started does not end; the next start tries again");
        lives.extend(former);
    }
    let lines: String = lives.iter().map(|life| format!("{life}\n")).collect();
    let part = file.with_extension("part");
    fs::write(&part, lines)?;
    fs::rename(part, file)
}

/// Kills whatever this process has started and still runs. To be called when all hosts in it are down.
pub async fn kill_own() {
    if !killed(vec![entry_of(&LIFE)]).await {
        tracing::warn!("what the host has started does not end; the next start tries again");
    }
}

fn beginning(life: &Uuid) -> String {
    format!("{life}-")
}

/// How the marks of a host begin in an environment.
fn entry_of(life: &Uuid) -> String {
    format!("{VARIABLE}={}", beginning(life))
}

/// Whether nobody is left in whose environment something begins like that.
async fn killed(entries: Vec<String>) -> bool {
    if entries.is_empty() {
        return true;
    }
    let entries: Arc<[String]> = entries.into();
    for _ in 0..LOOKS_MAX {
        let entries = Arc::clone(&entries);
        match spawn_blocking(move || table::kill_those_with(&entries)).await {
            Ok(0) => return true,
            Ok(_) => tokio::time::sleep(LOOKS_EVERY).await,
            Err(_down) => return false,
        }
    }
    false
}
