//! A client of Engine.IO and Socket.IO, by websocket or by polling, which hides nothing: what came
//! is kept as it came.

use std::io::{Error, ErrorKind, Result};
use std::time::Duration;

use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error as WsError, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

use super::PATIENCE;
use super::http::{Client, Request};

/// Where sockets are.
const PATH: &str = "/socket.io/?EIO=4";

/// Between two packets of one body.
pub(crate) const SEPARATOR: char = '\u{1e}';

/// The code of an end that no side gave a code for, and of one that came without a word.
const NO_CODE: u16 = 1005;
const ABNORMAL: u16 = 1006;

/// How a client is connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Carrier {
    Websocket,
    Polling,
}

/// Something that came from the server.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Heard {
    /// A packet of Engine.IO, as text.
    Packet(String),
    /// The end, with its code.
    Closed(u16),
}

enum Order {
    Send(String),
    Close,
    /// Read nothing until the channel says so.
    Pause(oneshot::Receiver<()>),
}

/// A connection. Dropped, it is broken off.
pub(crate) struct Socket {
    orders: mpsc::UnboundedSender<Order>,
    heard: watch::Receiver<Vec<Heard>>,
    /// How much of it was taken.
    taken: usize,
    task: JoinHandle<()>,
}

impl Socket {
    /// Opens a websocket and says nothing; pings are answered only if that `is_alive`.
    pub(crate) async fn open(client: &Client, path: &str, is_alive: bool) -> Result<Self> {
        let uri = format!("ws://{}{path}", client.address());
        let mut request = uri.into_client_request().map_err(Error::other)?;
        for (name, value) in client.headers() {
            let name: http::HeaderName = name.parse().map_err(Error::other)?;
            request.headers_mut().insert(name, value.parse().map_err(Error::other)?);
        }
        let opening = async {
            let stream = client.connect().await?;
            client_async(request, stream).await.map_err(refused)
        };
        let (stream, _) = tokio::time::timeout(PATIENCE, opening).await??;
        Ok(Self::running(|orders, heard| by_websocket(stream, orders, heard, is_alive)))
    }

    /// Connects as `auth` and waits for the answer, whatever it is.
    pub(crate) async fn connect(client: &Client, carrier: Carrier, auth: &Value) -> Result<Self> {
        let mut socket = match carrier {
            Carrier::Websocket => {
                Self::open(client, &format!("{PATH}&transport=websocket"), true).await?
            }
            Carrier::Polling => {
                let client = client.clone();
                Self::running(|orders, heard| by_polling(client, orders, heard))
            }
        };
        socket.packet(|packet| packet.starts_with('0')).await;
        let auth = if auth.is_null() { String::new() } else { auth.to_string() };
        socket.send(format!("40{auth}"));
        Ok(socket)
    }

    fn running<F>(
        work: impl FnOnce(mpsc::UnboundedReceiver<Order>, watch::Sender<Vec<Heard>>) -> F,
    ) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let (orders, ordered) = mpsc::unbounded_channel();
        let (hear, heard) = watch::channel(Vec::new());
        let task = tokio::spawn(work(ordered, hear));
        Self { orders, heard, taken: 0, task }
    }

    /// Sends a packet; lost if the connection has ended.
    pub(crate) fn send(&self, packet: impl Into<String>) {
        // The end is among what was heard.
        drop(self.orders.send(Order::Send(packet.into())));
    }

    pub(crate) fn emit(&self, event: &str, arguments: &[Value]) {
        let mut event = vec![json!(event)];
        event.extend(arguments.iter().cloned());
        self.send(format!("42{}", Value::Array(event)));
    }

    /// Ends it as a client does; what the server says to that is still heard.
    pub(crate) fn close(&self) {
        drop(self.orders.send(Order::Close));
    }

    /// Reads nothing more, as a client that hangs, until what is returned is dropped. Only by
    /// websocket.
    pub(crate) fn pause(&self) -> oneshot::Sender<()> {
        let (resume, resumed) = oneshot::channel();
        drop(self.orders.send(Order::Pause(resumed)));
        resume
    }

    /// All that was heard so far.
    pub(crate) fn heard(&self) -> Vec<Heard> {
        self.heard.borrow().clone()
    }

    /// Waits until what was heard is enough; whether it came to be within that time.
    pub(crate) async fn heard_enough(
        &self,
        within: Duration,
        mut is_enough: impl FnMut(&[Heard]) -> bool,
    ) -> bool {
        let mut heard = self.heard.clone();
        let waiting = heard.wait_for(|heard| is_enough(heard));
        matches!(tokio::time::timeout(within, waiting).await, Ok(Ok(_)))
    }

    /// Waits until nothing is heard for so long.
    pub(crate) async fn quiet(&self, lasting: Duration) {
        let mut heard = self.heard.clone();
        heard.mark_unchanged();
        while let Ok(Ok(())) = tokio::time::timeout(lasting, heard.changed()).await {}
    }

    /// The next packet of that kind; what comes before it is passed over.
    pub(crate) async fn packet(&mut self, is_wanted: impl Fn(&str) -> bool) -> String {
        let next = async {
            loop {
                let next = self.heard.borrow().get(self.taken).cloned();
                match next {
                    Some(Heard::Packet(packet)) => {
                        self.taken += 1;
                        if is_wanted(&packet) {
                            return packet;
                        }
                    }
                    Some(Heard::Closed(code)) => panic!("closed with {code}"),
                    None => self.heard.changed().await.expect("nothing more comes"),
                }
            }
        };
        tokio::time::timeout(PATIENCE, next).await.expect("it does not come")
    }

    /// The first argument of the next such event.
    pub(crate) async fn event(&mut self, name: &str) -> Value {
        let start = format!("42[{}", json!(name));
        let packet = self.packet(|packet| packet.starts_with(&start)).await;
        let event: Value = serde_json::from_str(&packet[2..]).unwrap();
        event[1].clone()
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Why there is no websocket: what the server answered instead.
fn refused(error: WsError) -> Error {
    match error {
        WsError::Http(response) => {
            let body = response.body().as_deref().unwrap_or_default();
            let body = String::from_utf8_lossy(body).into_owned();
            Error::other(format!("{} {body}", response.status().as_u16()))
        }
        error => Error::other(error),
    }
}

async fn by_websocket(
    mut stream: WebSocketStream<TcpStream>,
    mut orders: mpsc::UnboundedReceiver<Order>,
    heard: watch::Sender<Vec<Heard>>,
    is_alive: bool,
) {
    loop {
        // What cannot be sent any more shows in what is heard: the end.
        let came = tokio::select! {
            came = stream.next() => came,
            Some(order) = orders.recv() => {
                let sent = match order {
                    Order::Send(packet) => stream.send(Message::text(packet)).await,
                    Order::Close => stream.close(None).await,
                    Order::Pause(resumed) => {
                        drop(resumed.await);
                        Ok(())
                    }
                };
                drop(sent);
                continue;
            }
        };
        match came {
            Some(Ok(Message::Text(packet))) => {
                if is_alive && packet.as_str() == "2" {
                    drop(stream.send(Message::text("3")).await);
                }
                hear(&heard, Heard::Packet(packet.as_str().to_owned()));
            }
            Some(Ok(Message::Close(frame))) => {
                return hear(
                    &heard,
                    Heard::Closed(frame.map_or(NO_CODE, |frame| frame.code.into())),
                );
            }
            Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => {}
            Some(Ok(Message::Binary(_)) | Err(_)) | None => {
                return hear(&heard, Heard::Closed(ABNORMAL));
            }
        }
    }
}

async fn by_polling(
    client: Client,
    mut orders: mpsc::UnboundedReceiver<Order>,
    heard: watch::Sender<Vec<Heard>>,
) {
    let path = format!("{PATH}&transport=polling");
    let Ok(opened) = poll(&client, &path).await else {
        return hear(&heard, Heard::Closed(ABNORMAL));
    };
    let open: Value = serde_json::from_str(opened.trim_start_matches('0')).unwrap();
    let path = format!("{path}&sid={}", open["sid"].as_str().unwrap());
    hear(&heard, Heard::Packet(opened));
    let polling = async {
        while let Ok(came) = poll(&client, &path).await {
            for packet in came.split(SEPARATOR) {
                if packet == "2" {
                    post(&client, &path, "3").await;
                }
                hear(&heard, Heard::Packet(packet.to_owned()));
            }
        }
        hear(&heard, Heard::Closed(ABNORMAL));
    };
    let sending = async {
        while let Some(order) = orders.recv().await {
            match order {
                Order::Send(packet) => post(&client, &path, &packet).await,
                Order::Close => post(&client, &path, "1").await,
                Order::Pause(_) => panic!("who polls is not read to"),
            }
        }
        std::future::pending::<()>().await;
    };
    tokio::select! {
        () = polling => {}
        () = sending => {}
    }
}

async fn poll(client: &Client, path: &str) -> Result<String> {
    let answer = client.get(path).await?;
    if answer.status == 200 { Ok(answer.text()) } else { Err(ErrorKind::NotFound.into()) }
}

async fn post(client: &Client, path: &str, packet: &str) {
    let body = packet.as_bytes().to_vec();
    let request = Request { body: Some(body), ..Request::new("POST", path) };
    // Where the session is gone, polling tells.
    drop(client.send(&request.header("content-type", "text/plain;charset=UTF-8")).await);
}

fn hear(heard: &watch::Sender<Vec<Heard>>, what: Heard) {
    heard.send_modify(|heard| heard.push(what));
}
