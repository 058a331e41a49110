//! A server that answers each request as it is told to.

use std::collections::VecDeque;
use std::sync::Arc;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, mpsc};

/// What it does in its answer, in order.
#[derive(Clone)]
pub(super) enum Part {
    /// Sends this as one chunk.
    Send(String),
    /// Waits until the test says so.
    AwaitGo,
    /// Waits until the client has gone, and says that it has.
    AwaitGone,
    /// Closes the connection in the middle.
    Break,
}

/// One answer.
#[derive(Clone)]
pub(super) struct Reply {
    /// Status and headers, without those about length; nothing if it never gets that far.
    pub(super) head: Option<String>,
    pub(super) parts: Vec<Part>,
}

impl Reply {
    pub(super) fn status(status: u16, headers: &str, body: impl Into<String>) -> Self {
        let head = format!("HTTP/1.1 {status} X\r\ncontent-type: application/json\r\n{headers}");
        Self { head: Some(head), parts: vec![Part::Send(body.into())] }
    }

    pub(super) fn stream(parts: Vec<Part>) -> Self {
        let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n".to_owned();
        Self { head: Some(head), parts }
    }

    /// A server that takes the request and says nothing.
    pub(super) fn silence() -> Self {
        Self { head: None, parts: vec![Part::AwaitGone] }
    }
}

/// A request as it came.
pub(super) struct Request {
    pub(super) head: String,
    pub(super) body: Value,
}

pub(super) struct Server {
    pub(super) url: String,
    pub(super) requests: mpsc::UnboundedReceiver<Request>,
    pub(super) gone: mpsc::UnboundedReceiver<()>,
    pub(super) go: Arc<Notify>,
}

impl Server {
    /// Answers one request with each of `replies`, then no more.
    pub(super) async fn start(replies: Vec<Reply>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/v1", listener.local_addr().unwrap());
        let (request_to, requests) = mpsc::unbounded_channel();
        let (gone_to, gone) = mpsc::unbounded_channel();
        let go = Arc::new(Notify::new());
        let may_go = go.clone();
        tokio::spawn(async move {
            let mut replies = VecDeque::from(replies);
            while let Some(reply) = replies.pop_front() {
                let (mut socket, _) = listener.accept().await.unwrap();
                request_to.send(read(&mut socket).await).ok();
                if serve(&mut socket, reply, &may_go).await {
                    gone_to.send(()).ok();
                }
            }
        });
        Self { url, requests, gone, go }
    }

    /// The next request, or `None` if there was none.
    pub(super) fn took(&mut self) -> Option<Request> {
        self.requests.try_recv().ok()
    }
}

/// Answers; tells whether the client went away while it was waited for.
async fn serve(socket: &mut TcpStream, reply: Reply, go: &Notify) -> bool {
    let mut text = String::new();
    if let Some(head) = reply.head {
        text = format!("{head}connection: close\r\ntransfer-encoding: chunked\r\n\r\n");
    }
    for part in reply.parts {
        match part {
            Part::Send(chunk) => text.push_str(&format!("{:x}\r\n{chunk}\r\n", chunk.len())),
            Part::AwaitGo => {
                socket.write_all(std::mem::take(&mut text).as_bytes()).await.unwrap();
                go.notified().await;
            }
            Part::AwaitGone => {
                socket.write_all(text.as_bytes()).await.unwrap();
                // The end of the stream, or a reset: either way nobody is there.
                return !matches!(socket.read(&mut [0; 64]).await, Ok(1..));
            }
            Part::Break => {
                socket.write_all(text.as_bytes()).await.unwrap();
                return false;
            }
        }
    }
    text.push_str("0\r\n\r\n");
    socket.write_all(text.as_bytes()).await.ok();
    socket.shutdown().await.ok();
    false
}

async fn read(socket: &mut TcpStream) -> Request {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let head = head.to_lowercase();
            let length = head.split("content-length: ").nth(1).unwrap();
            let length: usize = length.lines().next().unwrap().parse().unwrap();
            if body.len() >= length {
                return Request { head, body: serde_json::from_str(body).unwrap() };
            }
        }
        let mut more = [0; 4_096];
        let read = socket.read(&mut more).await.unwrap();
        assert!(read > 0, "the request ended early");
        bytes.extend_from_slice(&more[..read]);
    }
}
