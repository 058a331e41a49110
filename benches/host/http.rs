//! As much of HTTP/1.1 as it takes to put a load on a server: requests as bytes, answers by length.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

/// How long an answer may take before a bench gives up.
const DEADLINE: Duration = Duration::from_secs(60);

/// A request, with a body of JSON if there is one.
pub(crate) fn request(method: &str, path: &str, body: Option<&Value>) -> Vec<u8> {
    said_by("", method, path, body)
}

/// The same, of somebody who says so in that line.
fn said_by(authorization: &str, method: &str, path: &str, body: Option<&Value>) -> Vec<u8> {
    let body = body.map(Value::to_string).unwrap_or_default();
    let length = body.len();
    format!(
        "{method} {path} HTTP/1.1\r\nHost: localhost\r\n{authorization}Content-Type: application/json\r\n\
         Content-Length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

/// An answer that is here as a whole.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Answer<'a> {
    pub(crate) status: u16,
    pub(crate) body: &'a [u8],
}

impl<'a> Answer<'a> {
    /// The answer at the start of `bytes`; `None` if some of it is still to come.
    ///
    /// # Errors
    /// If it is not an answer, or not one that says how long it is.
    pub(crate) fn read(bytes: &'a [u8]) -> Result<Option<Self>> {
        let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else {
            return Ok(None);
        };
        let (head, rest) = bytes.split_at_checked(end).unwrap_or_default();
        let mut lines = std::str::from_utf8(head)?.lines();
        let status = lines.next().and_then(|line| line.split(' ').nth(1)).context("no status")?;
        let length = lines
            .filter_map(|line| line.split_once(':'))
            .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
            .map(|(_, length)| length.trim().parse::<usize>())
            .context("no length")??;
        let body = rest.get(4..4 + length);
        let status = status.parse()?;
        Ok(body.map(|body| Self { status, body }))
    }
}

/// A client with one connection, which waits for each answer.
pub(crate) struct Client {
    stream: TcpStream,
    buffer: Vec<u8>,
    /// A line of each request for JSON that says who asks, if any does.
    authorization: String,
}

impl Client {
    /// Connects.
    ///
    /// # Errors
    /// If nobody listens.
    pub(crate) fn connect(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(DEADLINE))?;
        Ok(Self { stream, buffer: Vec::new(), authorization: String::new() })
    }

    /// The same, which shows that token whenever it asks for JSON.
    pub(crate) fn bearing(self, token: &str) -> Self {
        Self { authorization: format!("Authorization: Bearer {token}\r\n"), ..self }
    }

    /// Asks, and waits for the answer.
    ///
    /// # Errors
    /// If none comes.
    pub(crate) fn ask(&mut self, request: &[u8]) -> Result<Answer<'_>> {
        self.stream.write_all(request)?;
        self.buffer.clear();
        let mut some = [0_u8; 16 * 1_024];
        while Answer::read(&self.buffer)?.is_none() {
            let read = self.stream.read(&mut some)?;
            ensure!(read > 0, "the connection was closed");
            self.buffer.extend(some.iter().take(read));
        }
        Answer::read(&self.buffer)?.context("no answer")
    }

    /// Asks for JSON, and takes nothing but success.
    ///
    /// # Errors
    /// If there is none, with what was said.
    pub(crate) fn json(&mut self, method: &str, path: &str, body: Option<&Value>) -> Result<Value> {
        let request = said_by(&self.authorization, method, path, body);
        let answer = self.ask(&request)?;
        let said = String::from_utf8_lossy(answer.body);
        ensure!((200..300).contains(&answer.status), "{method} {path}: {} {said}", answer.status);
        Ok(serde_json::from_str(&said)?)
    }
}
