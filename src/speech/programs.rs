//! Programs of this machine, and all work on it that takes a while: so many at once, so many waiting.

use std::env;
use std::ffi::OsStr;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::Command;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::spawn_blocking;

use super::SpeechError;
use crate::programs::Mark;

/// Bytes of a program's complaints that are told on.
const COMPLAINT_MAX_BYTES: u64 = 1_000;

/// Variables that programs are given: where programs are, and where PocketSphinx has its model.
const KEPT: [&str; 2] = ["PATH", "POCKETSPHINX_PATH"];

/// The places where work is done. Clones share them.
#[derive(Clone)]
pub(super) struct Works {
    /// For those who work and those who wait.
    queue: Arc<Semaphore>,
    /// For those who work.
    places: Arc<Semaphore>,
}

/// A place. Clones are the same: it is free once all of them are gone.
#[derive(Clone)]
pub(super) struct Place {
    _held: Arc<[OwnedSemaphorePermit; 2]>,
}

impl Works {
    pub(super) fn new(at_once: u32, waiting: u32) -> Self {
        let permits = |count: u32| usize::try_from(count).unwrap_or(Semaphore::MAX_PERMITS);
        Self {
            queue: Arc::new(Semaphore::new(permits(at_once.saturating_add(waiting)))),
            places: Arc::new(Semaphore::new(permits(at_once))),
        }
    }

    /// Waits for a place.
    ///
    /// # Errors
    /// [`SpeechError::Busy`] at once if too many wait already.
    pub(super) async fn enter(&self) -> Result<Place, SpeechError> {
        let queued = Arc::clone(&self.queue).try_acquire_owned();
        let queued = queued.map_err(|_full| SpeechError::Busy)?;
        let place = Arc::clone(&self.places).acquire_owned().await;
        let place = place.map_err(|_closed| SpeechError::Busy)?;
        Ok(Place { _held: Arc::new([queued, place]) })
    }
}

impl Place {
    /// Does work that would hold others up, on a thread of its own. The place is taken until it is
    /// done, also where nobody waits for it any more.
    ///
    /// # Errors
    /// What the work says; the words of `broken` if it panicked.
    pub(super) async fn work<T: Send + 'static>(
        &self,
        broken: fn() -> SpeechError,
        work: impl FnOnce() -> Result<T, SpeechError> + Send + 'static,
    ) -> Result<T, SpeechError> {
        let place = self.clone();
        let done = spawn_blocking(move || {
            let done = work();
            drop(place);
            done
        });
        done.await.map_err(|_panicked| broken())?
    }
}

/// A program and how it is run.
pub(super) struct Run<'a> {
    /// What it is called in errors.
    pub(super) name: &'static str,
    /// The file.
    pub(super) program: &'a Path,
    /// Its arguments. Nothing that a client says may be among them.
    pub(super) arguments: &'a [&'a OsStr],
    /// What it reads.
    pub(super) input: Vec<u8>,
    /// Bytes that it may write; beyond, it is ended.
    pub(super) output_max: usize,
}

impl Run<'_> {
    /// Runs it to its end, and answers with what it wrote. Dropped, the program is killed.
    ///
    /// # Errors
    /// [`SpeechError::Program`].
    pub(super) async fn output(self) -> Result<Vec<u8>, SpeechError> {
        let failed = |reason: String| SpeechError::program(self.name, reason);
        let mut command = Command::new(self.program);
        // Without the host's secrets.
        command.args(self.arguments).env_clear();
        command.envs(KEPT.iter().filter_map(|name| Some((name, env::var_os(name)?))));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let _descendants = Mark::on(&mut command).kill_on_drop();
        let mut child = command
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| failed(format!("cannot be started: {error}")))?;
        let pipes = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let (Some(mut stdin), Some(stdout), Some(mut stderr)) = pipes else {
            return Err(failed("has no pipes".to_owned()));
        };
        // One that ends early does not read to the end; whether that is a fault it says itself.
        let write = async move {
            let written = stdin.write_all(&self.input).await;
            drop(stdin);
            drop(written);
        };
        let most = u64::try_from(self.output_max).unwrap_or(u64::MAX);
        let read = async move {
            let mut output = Vec::new();
            let read = stdout.take(most.saturating_add(1)).read_to_end(&mut output).await;
            // Letting go of the pipe here ends a program that would write for ever.
            read.map(|_| output)
        };
        let complain = async move {
            let mut complaint = Vec::new();
            let heard = (&mut stderr).take(COMPLAINT_MAX_BYTES).read_to_end(&mut complaint).await;
            let rest = tokio::io::copy(&mut stderr, &mut tokio::io::sink()).await;
            drop((heard, rest));
            String::from_utf8_lossy(&complaint).trim().to_owned()
        };
        let ((), output, complaint, status) = tokio::join!(write, read, complain, child.wait());
        let output = output.map_err(|error| failed(error.to_string()))?;
        if output.len() > self.output_max {
            return Err(failed(format!("wrote more than {} bytes", self.output_max)));
        }
        let status = status.map_err(|error| failed(error.to_string()))?;
        if !status.success() {
            return Err(failed(format!("{status}: {complaint}")));
        }
        Ok(output)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::programs::find;

    async fn shell(script: &str, input: &[u8], output_max: usize) -> Result<Vec<u8>, SpeechError> {
        let program = find(Path::new("sh")).unwrap();
        let arguments = [OsStr::new("-c"), OsStr::new(script)];
        let (arguments, input) = (&arguments, input.to_vec());
        Run { name: "sh", program: &program, arguments, input, output_max }.output().await
    }

    #[tokio::test]
    async fn a_program_reads_and_writes_and_says_how_it_failed() {
        let input = vec![b'x'; 300_000];
        assert_eq!(shell("cat", &input, 300_000).await.unwrap(), input);
        for (script, output_max, words) in [
            ("cat", 299_999, "wrote more than 299999 bytes"),
            ("echo oh dear >&2; exit 3", 10, "exit status: 3: oh dear"),
            ("exec sh -c 'while :; do echo y; done'", 10, "wrote more than 10 bytes"),
        ] {
            let failed = shell(script, &input, output_max).await.unwrap_err().to_string();
            assert!(failed.contains(words), "{script}: {failed}");
        }
        // What it does not want to read is no fault.
        assert_eq!(shell("echo hi", &input, 10).await.unwrap(), b"hi\n");
        // Nothing of the host's environment but where programs are.
        let environment = shell("env", b"", 10_000).await.unwrap();
        assert!(!String::from_utf8(environment).unwrap().contains("CARGO"));
    }

    #[tokio::test]
    async fn a_program_that_nobody_waits_for_is_ended() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status().unwrap();
        assert!(made.success());
        // It holds the pipe open until it is ended, whoever reads sees its end.
        let script = format!("exec sleep 1000 > '{}'", pipe.display());
        let running = tokio::spawn(async move { shell(&script, b"", 10).await });
        let mut held = tokio::fs::File::open(&pipe).await.unwrap();
        running.abort();
        assert_eq!(held.read(&mut [0]).await.unwrap(), 0);
    }

    #[tokio::test]
    async fn whoever_finds_no_place_waits_and_further_ones_are_refused() {
        let works = Works::new(1, 1);
        let first = works.enter().await.unwrap();
        let mut second = Box::pin(works.enter());
        assert!(futures::poll!(&mut second).is_pending());
        assert!(matches!(works.enter().await, Err(SpeechError::Busy)));
        drop(first);
        let second = second.await.unwrap();
        let broken = || SpeechError::NothingHeard;
        let panicked = second.work(broken, || -> Result<(), _> { panic!("as decoders do") }).await;
        assert_eq!(panicked, Err(SpeechError::NothingHeard));
        drop(second);
        assert!(works.enter().await.is_ok());
    }
}
