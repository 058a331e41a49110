//! A load: many clients side by side on one thread, each of which waits for its answer.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use futures::future::try_join_all;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::figure::{Sample, millis};
use crate::http::Answer;

/// How a server is loaded.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    pub(crate) address: SocketAddr,
    /// Clients, each with a connection that it keeps.
    pub(crate) clients: u32,
    /// How long they go on.
    pub(crate) lasting: Duration,
    /// How long each waits between an answer and its next request.
    pub(crate) pause: Duration,
}

/// What came of it.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    /// Answers each second, all of them successes.
    pub(crate) per_second: f64,
    /// How many there were.
    pub(crate) answers: f64,
    /// Milliseconds from a request to the whole of its answer.
    pub(crate) latency: Sample,
}

impl Load {
    /// Puts the load on; `request` is given a number that is another each time.
    ///
    /// # Errors
    /// If an answer is not a success.
    pub(crate) fn put(&self, request: impl Fn(u32) -> Vec<u8>) -> Result<Outcome> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let began = Instant::now();
        let clients = (0..self.clients).map(|client| self.client(client, began, &request));
        let latencies = runtime.block_on(try_join_all(clients))?;
        let seconds = began.elapsed().as_secs_f64();
        let mut outcome = Outcome::default();
        outcome.latency = latencies.concat().into();
        outcome.answers = outcome.latency.count();
        outcome.per_second = outcome.answers / seconds;
        Ok(outcome)
    }

    async fn client(
        &self,
        client: u32,
        began: Instant,
        request: &impl Fn(u32) -> Vec<u8>,
    ) -> Result<Vec<f64>> {
        let mut stream = TcpStream::connect(self.address).await?;
        stream.set_nodelay(true)?;
        let (mut buffer, mut latencies) = (Vec::with_capacity(16 * 1_024), Vec::new());
        let mut number = client;
        while began.elapsed() < self.lasting {
            let request = request(number);
            number = number.wrapping_add(self.clients);
            let asked = Instant::now();
            exchange(&mut stream, &request, &mut buffer).await?;
            latencies.push(millis(asked.elapsed()));
            if !self.pause.is_zero() {
                tokio::time::sleep(self.pause).await;
            }
        }
        Ok(latencies)
    }
}

/// Sends a request and reads the whole of its answer into the buffer.
///
/// # Errors
/// If it is not a success.
pub(crate) async fn exchange(
    stream: &mut TcpStream,
    request: &[u8],
    buffer: &mut Vec<u8>,
) -> Result<()> {
    stream.write_all(request).await?;
    buffer.clear();
    loop {
        ensure!(stream.read_buf(buffer).await? > 0, "the connection was closed");
        if let Some(answer) = Answer::read(buffer)? {
            let said = String::from_utf8_lossy(answer.body);
            ensure!((200..300).contains(&answer.status), "{}: {said}", answer.status);
            return Ok(());
        }
    }
}
