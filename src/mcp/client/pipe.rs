//! The transport over a process' standard input and output: one JSON message to a line.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use rmcp::RoleClient;
use rmcp::service::{RxJsonRpcMessage, TxJsonRpcMessage};
use rmcp::transport::Transport;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{ChildStdin, ChildStdout};
use tokio::sync::Mutex;
use tokio::time::timeout;

use super::fault::Fault;
use super::process::Process;

/// How long a server may leave a message to it unread.
const READS_WITHIN: Duration = Duration::from_secs(10);

/// Lines in a row that are no messages; one more ends the connection. Some servers greet.
const GARBAGE_MAX: u32 = 100;

/// The transport. Dropped, the process is killed.
pub(super) struct Pipe {
    process: Process,
    stdin: Arc<Mutex<Option<ChildStdin>>>,
    stdout: BufReader<ChildStdout>,
    /// The beginning of a line; kept here since reading may be broken off and taken up again.
    line: Vec<u8>,
    message_max: usize,
    /// Lines in a row that were no messages.
    garbage: u32,
    fault: Fault,
}

impl Pipe {
    pub(super) fn new(
        (process, stdin, stdout): (Process, ChildStdin, ChildStdout),
        message_max: usize,
        fault: Fault,
    ) -> Self {
        Self {
            process,
            stdin: Arc::new(Mutex::new(Some(stdin))),
            stdout: BufReader::new(stdout),
            line: Vec::new(),
            message_max,
            garbage: 0,
            fault,
        }
    }

    /// Reads on until a line is whole; `None` if there will be no more.
    async fn read_line(&mut self) -> Option<()> {
        loop {
            let read = tokio::select! {
                biased;
                read = self.stdout.fill_buf() => read,
                // Something that it started may hold its output open beyond its end.
                status = self.process.ended() => {
                    self.fault.note(format!("it ended: {status}"));
                    return None;
                }
            };
            let read = read.map_err(|error| self.fault.note(error.to_string())).ok()?;
            if read.is_empty() {
                self.fault.note("it closed its output".to_owned());
                return None;
            }
            let end = read.iter().position(|byte| *byte == b'\n');
            let taken = end.map_or(read.len(), |end| end.saturating_add(1));
            if self.line.len().saturating_add(taken) > self.message_max {
                let max = self.message_max;
                self.fault.note(format!("it sent a message of more than {max} bytes"));
                return None;
            }
            self.line.extend_from_slice(read.get(..taken).unwrap_or_default());
            self.stdout.consume(taken);
            if end.is_some() {
                return Some(());
            }
        }
    }
}

impl Transport<RoleClient> for Pipe {
    type Error = io::Error;

    fn send(
        &mut self,
        message: TxJsonRpcMessage<RoleClient>,
    ) -> impl Future<Output = io::Result<()>> + Send + 'static {
        let (stdin, fault) = (Arc::clone(&self.stdin), self.fault.clone());
        async move {
            let mut line = serde_json::to_vec(&message)?;
            line.push(b'\n');
            let write = async {
                let mut stdin = stdin.lock().await;
                let Some(stdin) = stdin.as_mut() else {
                    return Err(io::ErrorKind::NotConnected.into());
                };
                stdin.write_all(&line).await?;
                stdin.flush().await
            };
            let written = timeout(READS_WITHIN, write).await;
            let written = written.unwrap_or_else(|_late| Err(io::ErrorKind::TimedOut.into()));
            // Half a message may be written: nothing more can be said.
            written.inspect_err(|error| fault.note(format!("it cannot be written to: {error}")))
        }
    }

    async fn receive(&mut self) -> Option<RxJsonRpcMessage<RoleClient>> {
        while self.garbage <= GARBAGE_MAX {
            self.read_line().await?;
            let message = serde_json::from_slice(&self.line);
            self.line.clear();
            if let Ok(message) = message {
                self.garbage = 0;
                return Some(message);
            }
            self.garbage = self.garbage.saturating_add(1);
        }
        self.fault.note("what it sends are no messages".to_owned());
        None
    }

    async fn close(&mut self) -> io::Result<()> {
        // Nobody writes for longer than this, so the pipe is free soon.
        if let Ok(mut stdin) = timeout(READS_WITHIN, self.stdin.lock()).await {
            stdin.take();
        }
        self.process.end().await;
        Ok(())
    }
}
