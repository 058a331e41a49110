//! A client that sends what it is told, also what no HTTP library would, and hides nothing of what
//! comes back.

use std::io::{Error, ErrorKind, Result};
use std::net::{IpAddr, SocketAddr};

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

use super::PATIENCE;

/// Bytes that wait for a client at most: small, so that one which does not read is soon noticed.
const RECEIVED_MAX: u32 = 64 * 1024;

/// A request, to be sent as it stands; only its length and, where it says none, the host are added.
#[derive(Clone, Debug, Default)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Option<Vec<u8>>,
}

impl Request {
    pub(crate) fn new(method: &str, path: impl Into<String>) -> Self {
        Self { method: method.to_owned(), path: path.into(), ..Self::default() }
    }

    pub(crate) fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    pub(crate) fn json(self, body: &Value) -> Self {
        let body = serde_json::to_vec(body).unwrap();
        Self { body: Some(body), ..self.header("content-type", "application/json") }
    }

    fn bytes(&self, host: SocketAddr) -> Vec<u8> {
        let mut head = format!("{} {} HTTP/1.1\r\n", self.method, self.path);
        if self.headers.iter().all(|(name, _)| name != "host") {
            head.push_str(&format!("host: {host}\r\n"));
        }
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        let body = self.body.as_deref().unwrap_or_default();
        if self.body.is_some() || matches!(self.method.as_str(), "POST" | "PUT" | "PATCH") {
            head.push_str(&format!("content-length: {}\r\n", body.len()));
        }
        head.push_str("connection: close\r\n\r\n");
        [head.as_bytes(), body].concat()
    }
}

/// An answer: the names of headers in lower case, all else as it came.
#[derive(Clone, Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Response {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut found = self.headers.iter().filter(|(known, _)| known == name);
        found.next().map(|(_, value)| value.as_str())
    }

    /// The body, where it is JSON.
    pub(crate) fn parsed(&self) -> Option<Value> {
        serde_json::from_slice(&self.body).ok()
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body of an answer that must be a good one.
    pub(crate) fn expect(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text());
        self.parsed().unwrap_or(Value::Null)
    }

    fn parse(bytes: &[u8], is_head: bool) -> Option<Self> {
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
        let head = std::str::from_utf8(&bytes[..end]).ok()?;
        let mut lines = head.split("\r\n");
        let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
        let headers = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
            .collect();
        let mut response = Self { status, headers, body: Vec::new() };
        let rest = &bytes[end + 4..];
        let length = response.header("content-length").and_then(|text| text.parse::<usize>().ok());
        response.body = match length {
            _ if is_head || status == 204 || status == 304 => Vec::new(),
            Some(length) => rest.get(..length)?.to_vec(),
            None if response.header("transfer-encoding") == Some("chunked") => unchunked(rest)?,
            None => rest.to_vec(),
        };
        Some(response)
    }
}

fn unchunked(mut bytes: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let end = bytes.windows(2).position(|window| window == b"\r\n")?;
        let size = std::str::from_utf8(&bytes[..end]).ok()?;
        let size = usize::from_str_radix(size.split(';').next()?.trim(), 16).ok()?;
        if size == 0 {
            return Some(body);
        }
        body.extend_from_slice(bytes.get(end + 2..end + 2 + size)?);
        bytes = bytes.get(end + 4 + size..)?;
    }
}

/// Who calls whom.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    to: SocketAddr,
    from: Option<IpAddr>,
    headers: Vec<(String, String)>,
}

impl Client {
    pub(crate) fn new(to: SocketAddr) -> Self {
        Self { to, from: None, headers: Vec::new() }
    }

    /// The same client at another address of this machine.
    pub(crate) fn at(&self, from: IpAddr) -> Self {
        Self { from: Some(from), ..self.clone() }
    }

    /// The same client, sending that header too.
    pub(crate) fn with(&self, name: &str, value: &str) -> Self {
        let mut client = self.clone();
        client.headers.push((name.to_owned(), value.to_owned()));
        client
    }

    pub(crate) async fn send(&self, request: &Request) -> Result<Response> {
        let mut request = request.clone();
        request.headers.extend(self.headers.iter().cloned());
        let answer = self.exchange(&request.bytes(self.to)).await?;
        Response::parse(&answer, request.method == "HEAD").ok_or_else(|| {
            let said = String::from_utf8_lossy(&answer).chars().take(200).collect::<String>();
            Error::new(ErrorKind::InvalidData, format!("broken off: {said:?}"))
        })
    }

    pub(crate) async fn get(&self, path: impl Into<String>) -> Result<Response> {
        self.send(&Request::new("GET", path)).await
    }

    pub(crate) async fn post(&self, path: impl Into<String>, body: &Value) -> Result<Response> {
        self.send(&Request::new("POST", path).json(body)).await
    }

    /// The answer to a request, whether or not the other side ends the connection after it.
    pub(crate) async fn first(&self, request: &Request) -> Result<Response> {
        let mut stream = self.connect().await?;
        stream.write_all(&request.bytes(self.to)).await?;
        let mut answer = Vec::new();
        while stream.read_buf(&mut answer).await? > 0 {
            let found = Response::parse(&answer, request.method == "HEAD");
            if let Some(found) = found.filter(|found| found.header("content-length").is_some()) {
                return Ok(found);
            }
        }
        Err(ErrorKind::UnexpectedEof.into())
    }

    /// Asks for an answer that comes piece by piece.
    pub(crate) async fn open(&self, request: &Request) -> Result<Coming> {
        let mut stream = self.connect().await?;
        stream.write_all(&request.bytes(self.to)).await?;
        Ok(Coming { stream, read: Vec::new() })
    }

    /// The same, of a client that then says that it is done.
    pub(crate) async fn blurt(&self, bytes: &[u8]) -> Result<Vec<u8>> {
        let exchange = async {
            let (mut reader, mut writer) = self.connect().await?.into_split();
            writer.write_all(bytes).await?;
            writer.shutdown().await?;
            let mut answer = Vec::new();
            reader.read_to_end(&mut answer).await?;
            Ok(answer)
        };
        tokio::time::timeout(PATIENCE, exchange).await.map_err(Error::from)?
    }

    /// Sends a head, and then pieces of a body until there is an answer: that, and how many bytes
    /// of the body were sent by then.
    pub(crate) async fn pour(
        &self,
        head: &str,
        pieces: impl Iterator<Item = Vec<u8>>,
    ) -> Result<(Response, usize)> {
        let pouring = async {
            let (mut reader, mut writer) = self.connect().await?.into_split();
            writer.write_all(head.as_bytes()).await?;
            let (mut answer, mut sent) = (Vec::new(), 0);
            for piece in pieces {
                tokio::select! {
                    biased;
                    _ = reader.read_buf(&mut answer) => break,
                    written = writer.write_all(&piece) => written?,
                }
                sent += piece.len();
            }
            loop {
                let found = Response::parse(&answer, false);
                if let Some(found) = found.filter(|it| it.header("content-length").is_some()) {
                    return Ok((found, sent));
                }
                if reader.read_buf(&mut answer).await? == 0 {
                    return Err(ErrorKind::UnexpectedEof.into());
                }
            }
        };
        tokio::time::timeout(PATIENCE, pouring).await.map_err(Error::from)?
    }

    /// Sends these bytes, and returns all that comes back until the connection ends.
    pub(crate) async fn exchange(&self, bytes: &[u8]) -> Result<Vec<u8>> {
        let exchange = async {
            let (mut reader, mut writer) = self.connect().await?.into_split();
            let mut answer = Vec::new();
            // Whoever is refused may be refused before all is said: then writing fails, and the
            // answer is there all the same.
            let (_, read) = tokio::join!(writer.write_all(bytes), reader.read_to_end(&mut answer));
            match read {
                Err(error) if answer.is_empty() => Err(error),
                _ => Ok(answer),
            }
        };
        tokio::time::timeout(PATIENCE, exchange).await.map_err(Error::from)?
    }

    /// Whom it calls.
    pub(crate) fn address(&self) -> SocketAddr {
        self.to
    }

    /// What it sends with every request.
    pub(crate) fn headers(&self) -> &[(String, String)] {
        &self.headers
    }

    pub(crate) async fn connect(&self) -> Result<TcpStream> {
        let socket = TcpSocket::new_v4()?;
        socket.set_recv_buffer_size(RECEIVED_MAX)?;
        if let Some(from) = self.from {
            socket.bind(SocketAddr::new(from, 0))?;
        }
        socket.connect(self.to).await
    }
}

/// An answer on its way.
pub(crate) struct Coming {
    stream: TcpStream,
    read: Vec<u8>,
}

impl Coming {
    /// Reads on until that text has come.
    pub(crate) async fn until(&mut self, text: &str) {
        let has_come = |read: &[u8]| read.windows(text.len()).any(|some| some == text.as_bytes());
        while !has_come(&self.read) {
            let more = tokio::time::timeout(PATIENCE, self.stream.read_buf(&mut self.read)).await;
            assert_ne!(more.unwrap().unwrap(), 0, "it ended without {text:?}");
        }
    }

    /// The whole answer, once it has come to its end.
    pub(crate) async fn whole(mut self) -> Result<Response> {
        let rest = self.stream.read_to_end(&mut self.read);
        tokio::time::timeout(PATIENCE, rest).await.map_err(Error::from)??;
        Response::parse(&self.read, false).ok_or_else(|| ErrorKind::UnexpectedEof.into())
    }
}

#[test]
fn answers_are_taken_apart() {
    let length = b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\nVary: Origin\r\n\r\n{}";
    let response = Response::parse(length, false).unwrap();
    assert_eq!((response.status, response.header("vary")), (404, Some("Origin")));
    assert_eq!(response.body, b"{}");

    let chunked =
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n1\r\nd\r\n0\r\n\r\n";
    assert_eq!(Response::parse(chunked, false).unwrap().body, b"abcd");

    for broken in [&b"HTTP/1.1 200 OK\r\n"[..], b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}"] {
        assert!(Response::parse(broken, false).is_none());
    }
}
