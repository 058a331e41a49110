//! Cloning repositories with the program `git`, as a child that is bounded in all it may do.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustix::process::{Pid, Signal, kill_process_group};
use tempfile::TempDir;
use tokio::io::AsyncReadExt;
use tokio::process::{Child, ChildStderr, Command};
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::error::TemplateError;
use super::name::Repository;
use super::settings::TemplatesSettings;
use crate::programs::{Descendants, Mark};

/// Clones at once, and those that wait for one.
const AT_ONCE: usize = 2;
const WAITING: usize = 16;

/// How often it is looked at how large a clone is.
const LOOKS_EVERY: Duration = Duration::from_millis(500);

/// Bytes of complaints that are heard.
const COMPLAINT_MAX_BYTES: u64 = 8 * 1024;

/// Letters of a complaint that are told on.
const REASON_MAX: usize = 300;

/// Variables of the host that `git` is given: where programs, certificates and proxies are.
const KEPT: [&str; 10] = [
    "PATH",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "HTTPS_PROXY",
    "https_proxy",
    "HTTP_PROXY",
    "http_proxy",
    "ALL_PROXY",
    "NO_PROXY",
    "no_proxy",
];

/// What keeps `git` from asking, from running what a repository brings along, and from fetching
/// more than was asked for.
const TAMED: [(&str, &str); 7] = [
    ("core.hooksPath", "/dev/null"),
    ("core.fsmonitor", "false"),
    ("credential.helper", ""),
    ("submodule.recurse", "false"),
    ("fetch.recurseSubmodules", "false"),
    ("http.followRedirects", "initial"),
    ("protocol.allow", "never"),
];

/// Clones repositories.
pub(super) struct Cloner {
    settings: TemplatesSettings,
    spool: PathBuf,
    token: Option<String>,
    queue: Semaphore,
    places: Semaphore,
}

impl fmt::Debug for Cloner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cloner").field("spool", &self.spool).finish_non_exhaustive()
    }
}

/// A clone on the disk, removed when this is dropped.
#[derive(Debug)]
pub(super) struct Clone {
    folder: Option<TempDir>,
}

impl Clone {
    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        self.folder.as_ref().map_or(Path::new(""), TempDir::path)
    }
}

impl Drop for Clone {
    fn drop(&mut self) {
        let folder = self.folder.take();
        // Removing takes a while.
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn_blocking(move || drop(folder))),
            Err(_none) => drop(folder),
        }
    }
}

impl Cloner {
    /// Clones into that folder, which is made, and emptied of what a killed process left.
    pub(super) fn open(
        spool: PathBuf,
        settings: TemplatesSettings,
        token: Option<String>,
    ) -> io::Result<Self> {
        match fs::remove_dir_all(&spool) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => fs::create_dir_all(&spool)?,
        }
        Ok(Self {
            settings,
            spool,
            token: token.filter(|token| !token.trim().is_empty()),
            queue: Semaphore::new(AT_ONCE + WAITING),
            places: Semaphore::new(AT_ONCE),
        })
    }

    /// Where clones, and other things that come from elsewhere, are put.
    pub(super) fn spool(&self) -> &Path {
        &self.spool
    }

    /// Clones the newest commit of a repository, with that token in place of the host's own if one
    /// is given.
    pub(super) async fn clone(
        &self,
        name: &str,
        from: &Repository,
        token: Option<&str>,
    ) -> Result<Clone, TemplateError> {
        // Held no longer than it is cloned: how long a clone is kept is up to whoever wants it.
        let _queued = self.queue.try_acquire().map_err(|_full| TemplateError::Busy)?;
        let _place = self.places.acquire().await.map_err(|_closed| TemplateError::Busy)?;
        let spool = self.spool.clone();
        let folder = spawn_blocking(move || TempDir::new_in(spool)).await;
        let folder = folder.map_err(io::Error::other)??;
        // Declared before the process, so that it is removed after that is killed.
        let clone = Clone { folder: Some(folder) };
        let mut process = self.start(from, token.or(self.token.as_deref()), clone.path())?;
        let within = Duration::from_secs(self.settings.clone_timeout_s);
        let upstream = |reason: String| TemplateError::Upstream { name: name.to_owned(), reason };
        let watched = timeout(within, self.watch(name, &mut process, clone.path()));
        let complaint = watched.await.map_err(|_elapsed| {
            upstream(format!("it took longer than {} s", within.as_secs()))
        })??;
        match complaint {
            None => Ok(clone),
            Some(complaint) => Err(judged(from, &complaint, upstream)),
        }
    }

    fn start(
        &self,
        from: &Repository,
        token: Option<&str>,
        to: &Path,
    ) -> Result<Process, TemplateError> {
        let base = self.settings.github_url.trim_end_matches('/');
        let url = format!("{base}/{}/{}.git", from.owner, from.name);
        let scheme = base.split_once("://").map_or("https", |(scheme, _)| scheme);
        let mut said: Vec<(String, String)> =
            TAMED.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        said.push((format!("protocol.{scheme}.allow"), "always".to_owned()));
        if let Some(token) = token {
            let basic = STANDARD.encode(format!("x-access-token:{token}"));
            said.push((
                format!("http.{base}/.extraHeader"),
                format!("Authorization: Basic {basic}"),
            ));
        }
        let mut command = Command::new(&self.settings.git);
        command.args(["clone", "--quiet", "--depth", "1", "--single-branch", "--no-tags"]);
        command.args(["--no-recurse-submodules", "--template="]);
        if let Some(branch) = &from.branch {
            command.args(["--branch", branch]);
        }
        command.arg("--").arg(url).arg(to.join("clone"));
        let kept = KEPT.iter().filter_map(|name| Some((OsStr::new(name), std::env::var_os(name)?)));
        command.env_clear().envs(kept).env("HOME", to).current_dir(to);
        for (name, value) in [
            ("LC_ALL", "C"),
            ("GIT_TERMINAL_PROMPT", "0"),
            ("GIT_ASKPASS", ""),
            ("GIT_CONFIG_NOSYSTEM", "1"),
            ("GIT_CONFIG_GLOBAL", "/dev/null"),
            ("GIT_LFS_SKIP_SMUDGE", "1"),
        ] {
            command.env(name, value);
        }
        // In the environment: a command line is everybody's to read.
        command.env("GIT_CONFIG_COUNT", said.len().to_string());
        for (nth, (key, value)) in said.into_iter().enumerate() {
            command.env(format!("GIT_CONFIG_KEY_{nth}"), key);
            command.env(format!("GIT_CONFIG_VALUE_{nth}"), OsString::from(value));
        }
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        match Process::start(command) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(TemplateError::NoGit),
            started => Ok(started?),
        }
    }

    /// Waits for its end; `None` if it ended well, its complaint if not.
    async fn watch(
        &self,
        name: &str,
        process: &mut Process,
        folder: &Path,
    ) -> Result<Option<String>, TemplateError> {
        let limit = self.settings.clone_max_bytes;
        let mut looks = interval(LOOKS_EVERY);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let too_large = || TemplateError::TooLarge { name: name.to_owned(), limit };
        let hears = process.complaint.take();
        let mut ends = std::pin::pin!(async {
            let complaint = heard(hears).await;
            (process.child.wait().await, complaint)
        });
        let (ended, complaint) = loop {
            tokio::select! {
                ended = &mut ends => break ended,
                _ = looks.tick() => {
                    if size(folder.to_owned(), limit).await? > limit {
                        return Err(too_large());
                    }
                }
            }
        };
        if size(folder.to_owned(), limit).await? > limit {
            return Err(too_large());
        }
        Ok((!ended?.success()).then_some(complaint))
    }
}

/// A process with all that it starts. Dropped, they are killed.
struct Process {
    child: Child,
    complaint: Option<ChildStderr>,
    group: Option<Pid>,
    _descendants: Descendants,
}

impl Process {
    fn start(mut command: Command) -> io::Result<Self> {
        let _descendants = Mark::on(&mut command).kill_on_drop();
        let mut child = command.process_group(0).kill_on_drop(true).spawn()?;
        let group = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        Ok(Self { complaint: child.stderr.take(), child, group, _descendants })
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Some(group) = self.group {
            // Refused where all of them are gone already.
            let _gone = kill_process_group(group, Signal::KILL);
        }
    }
}

async fn heard(complaint: Option<ChildStderr>) -> String {
    let Some(mut pipe) = complaint else { return String::new() };
    let mut heard = Vec::new();
    // However it ends, it has ended.
    drop((&mut pipe).take(COMPLAINT_MAX_BYTES).read_to_end(&mut heard).await);
    drop(tokio::io::copy(&mut pipe, &mut tokio::io::sink()).await);
    String::from_utf8_lossy(&heard).into_owned()
}

/// Bytes of a folder; it is not counted on where there are more than `most`.
async fn size(folder: PathBuf, most: u64) -> Result<u64, TemplateError> {
    let counted = spawn_blocking(move || {
        let (mut bytes, mut open) = (0_u64, vec![folder]);
        while let Some(folder) = open.pop().filter(|_| bytes <= most) {
            // What is being cloned comes and goes.
            let Ok(entries) = fs::read_dir(folder) else { continue };
            for entry in entries.flatten() {
                match entry.metadata() {
                    Ok(about) if about.is_dir() => open.push(entry.path()),
                    // A file takes a block at least.
                    Ok(about) => bytes = bytes.saturating_add(about.len().max(512)),
                    Err(_gone) => {}
                }
            }
        }
        bytes
    });
    Ok(counted.await.map_err(io::Error::other)?)
}

/// What a complaint means.
fn judged(
    from: &Repository,
    complaint: &str,
    upstream: impl FnOnce(String) -> TemplateError,
) -> TemplateError {
    let lower = complaint.to_lowercase();
    let says = |words: &[&str]| words.iter().any(|words| lower.contains(words));
    let path = format!("{}/{}", from.owner, from.name);
    if lower.contains("remote branch") && lower.contains("not found") {
        let branch = from.branch.as_deref().unwrap_or_default();
        return TemplateError::NoRepository(format!(
            "the repository {path} has no branch {branch}"
        ));
    }
    if says(&[
        "repository not found",
        "' not found",
        "does not exist",
        "does not appear to be a git repository",
        "could not read username",
        "could not read password",
        "authentication failed",
        "terminal prompts disabled",
        "error: 403",
        "error: 401",
    ]) {
        let reason = "is not there, or not open to this host";
        return TemplateError::NoRepository(format!("the repository {path} {reason}"));
    }
    let line = complaint.lines().rev().find(|line| line.contains("fatal:"));
    let line = line.or_else(|| complaint.lines().last()).unwrap_or("it failed without a word");
    upstream(line.trim().chars().take(REASON_MAX).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn complaints_are_understood() {
        let (owner, name, branch) = ("o".to_owned(), "r".to_owned(), Some("b".to_owned()));
        let from = Repository { owner, name, branch };
        let judged = |complaint: &str| {
            let upstream = |reason| TemplateError::Upstream { name: "n".to_owned(), reason };
            judged(&from, complaint, upstream).to_string()
        };
        for (complaint, words) in [
            ("fatal: Remote branch b not found in upstream origin", "has no branch b"),
            (
                "remote: Repository not found.\nfatal: repository 'https://x/o/r.git/' not found",
                "is not there",
            ),
            (
                "fatal: could not read Username for 'https://x': terminal prompts disabled",
                "is not there",
            ),
            (
                "fatal: unable to access 'https://x/': Could not resolve host: x",
                "could not resolve host",
            ),
            ("warning: a\nfatal: early EOF\nfatal: index-pack failed\nmore", "index-pack failed"),
            ("", "without a word"),
        ] {
            assert!(judged(complaint).to_lowercase().contains(words), "{complaint}");
        }
    }
}
