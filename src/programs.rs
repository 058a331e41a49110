//! Programs of this machine: where they are, and how all that one started is ended.

mod mark;
mod table;

use std::env;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::Child;

pub use mark::{Descendants, Mark, kill_own, sweep};

/// Where a program is, by its name or path; `None` if it is not installed. Looks anew each time, so
/// that it may be installed while the host runs.
#[must_use]
pub fn find(program: &Path) -> Option<PathBuf> {
    if program.as_os_str().is_empty() {
        return None;
    }
    if program.components().count() > 1 {
        return is_program(program).then(|| program.to_owned());
    }
    let places = env::var_os("PATH")?;
    env::split_paths(&places).map(|place| place.join(program)).find(|file| is_program(file))
}

fn is_program(file: &Path) -> bool {
    let Ok(about) = file.metadata() else { return false };
    #[cfg(unix)]
    let may_run = std::os::unix::fs::PermissionsExt::mode(&about.permissions()) & 0o111 != 0;
    #[cfg(not(unix))]
    let may_run = true;
    about.is_file() && may_run
}

/// A process that leads a group of its own, with all that it started there. Clones are the same group.
#[derive(Clone, Debug)]
pub struct Group(Arc<Mutex<Option<Pid>>>);

impl PartialEq for Group {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Group {
    /// The group that a child leads, which was started with a process group of its own.
    #[must_use]
    pub fn led_by(child: &Child) -> Self {
        let id = child.id().and_then(|id| i32::try_from(id).ok());
        Self(Arc::new(Mutex::new(id.and_then(Pid::from_raw))))
    }

    /// The process that leads it, as long as it is not reaped.
    #[must_use]
    pub fn leader(&self) -> Option<Pid> {
        *self.lock()
    }

    /// Kills all of it, unless its leader is reaped already: then its number may be another's.
    pub fn kill(&self) {
        if let Some(group) = *self.lock() {
            // Refused where all of them are gone already.
            let _gone = kill_process_group(group, Signal::KILL);
        }
    }

    /// Kills what is left of it, and nothing ever after: its leader is about to be reaped.
    pub fn kill_for_good(&self) {
        if let Some(group) = self.lock().take() {
            let _gone = kill_process_group(group, Signal::KILL);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Pid>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
