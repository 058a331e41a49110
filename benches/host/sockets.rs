//! Many sockets in one channel: how soon what is posted is with each, and what a socket costs.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use futures::stream;
use futures::{SinkExt, StreamExt, TryStreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::task::LocalSet;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{WebSocketStream, client_async};
use uuid::Uuid;

use crate::figure::{Sample, Unit, Wanted, millis, tell};
use crate::http::{Client, request};
use crate::load::exchange;
use crate::options::Options;
use crate::process::folder;
use crate::server::Server;

/// Sockets that connect at once.
const AT_ONCE: usize = 32;

/// How long a post may be on its way to the last socket before it counts as lost.
const DEADLINE: Duration = Duration::from_secs(30);

/// What the server asks from time to time, and what it wants to hear.
const PING: &str = "2";
const PONG: &str = "3";

/// What stands around the number of a post in its text.
const MARK: char = '#';

type Socket = WebSocketStream<TcpStream>;

pub(crate) fn measure(options: &Options) -> Result<()> {
    let folder = folder()?;
    let mut program = Server::program(folder.path(), &[])?;
    program.answers("/healthz")?;
    let mut client = Client::connect(program.address)?;
    let author = Uuid::new_v4();
    let channel = channel(&mut client, author)?;
    let before = program.usage()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let posting = Posting { address: program.address, author, channel: &channel };
    runtime.block_on(LocalSet::new().run_until(async {
        let sockets = stream::iter(0..options.sockets)
            .map(|_| join(program.address, &channel))
            .buffer_unordered(AT_ONCE)
            .try_collect::<Vec<_>>()
            .await?;
        let joined = program.usage()?;
        let count = f64::from(options.sockets.max(1));
        let whose = format!("{} sockets in one channel", options.sockets);
        let tell = |which: &str, figure: f64, unit, wanted| {
            tell(&format!("{whose}: {which}"), figure, unit, wanted);
        };
        let arrivals = Rc::new(Arrivals::new(options.sockets, 2 * options.posts));
        for socket in sockets {
            tokio::task::spawn_local(listen(socket, Rc::clone(&arrivals)));
        }

        let each = posting.one_by_one(&arrivals, options.posts).await?;
        tell("post to each, p50", each.heard.median(), Unit::Milliseconds, Wanted::Nothing);
        tell("post to each, p99", each.heard.quantile(0.99), Unit::Milliseconds, Wanted::Nothing);
        let last = &each.last;
        tell("answer to the last, p50", last.median(), Unit::Milliseconds, Wanted::Nothing);
        tell("answer to the last, p99", last.quantile(0.99), Unit::Milliseconds, Wanted::Nothing);

        let spent = program.usage()?.processor;
        let began = Instant::now();
        posting.at_once(&arrivals, options.posts).await?;
        let ended = arrivals.newest().unwrap_or(began);
        let spent = (program.usage()?.processor - spent).as_secs_f64() * 1e6;
        let heard = arrivals.count_from(options.posts);
        let rate = heard / (ended - began).as_secs_f64();
        tell("posts in a row, deliveries", rate, Unit::PerSecond, Wanted::Nothing);
        tell("processor time of a delivery", spent / heard, Unit::Microseconds, Wanted::Nothing);
        let gone = count - f64::from(u32::try_from(arrivals.sockets.get())?);
        tell("connections lost", gone, Unit::Count, Wanted::AtMost(0.0));
        let lost = 2.0 * f64::from(options.posts) * count - arrivals.count_from(0);
        tell("deliveries lost", lost, Unit::Count, Wanted::AtMost(0.0));

        let after = program.usage()?;
        tell("resident before", before.resident / 1e6, Unit::Megabytes, Wanted::Nothing);
        tell("resident once joined", joined.resident / 1e6, Unit::Megabytes, Wanted::Nothing);
        tell("resident after", after.resident / 1e6, Unit::Megabytes, Wanted::Nothing);
        let one = (joined.resident - before.resident) / count;
        tell("resident for each, once joined", one, Unit::Bytes, Wanted::Nothing);
        let one = (after.resident - before.resident) / count;
        tell("resident for each, after", one, Unit::Bytes, Wanted::Nothing);
        Ok(())
    }))
}

/// A channel of two people, and no agent.
fn channel(client: &mut Client, author: Uuid) -> Result<String> {
    let body = json!({
        "name": "Fan-out", "type": "GROUP", "message_server_id": Uuid::nil(),
        "participantCentralUserIds": [author, Uuid::new_v4()],
    });
    let made = client.json("POST", "/api/messaging/channels", Some(&body))?;
    let id = made.pointer("/data/id").and_then(Value::as_str).context("no id")?;
    Ok(id.to_owned())
}

/// Connects and joins the channel.
async fn join(address: SocketAddr, channel: &str) -> Result<Socket> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let uri = format!("ws://{address}/socket.io/?EIO=4&transport=websocket");
    let (mut socket, _) = client_async(uri, stream).await?;
    until(&mut socket, "0{").await?;
    let entity = json!({ "entityId": Uuid::new_v4() });
    socket.send(Message::text(format!("40{entity}"))).await?;
    until(&mut socket, "40{").await?;
    let join = json!(["message", { "type": 1, "payload": { "channelId": channel } }]);
    socket.send(Message::text(format!("42{join}"))).await?;
    until(&mut socket, "42[\"room_joined\"").await?;
    Ok(socket)
}

/// Reads up to the packet that begins so.
async fn until(socket: &mut Socket, start: &str) -> Result<()> {
    let reading = async {
        while let Some(message) = socket.next().await {
            let message = message?;
            let text = message.to_text()?;
            if text == PING {
                socket.send(Message::text(PONG)).await?;
            }
            ensure!(!text.starts_with("44"), "refused: {text}");
            if text.starts_with(start) {
                return Ok(());
            }
        }
        bail!("the connection was closed");
    };
    tokio::time::timeout(DEADLINE, reading).await?
}

/// Notes when posts arrive, and answers pings, until the connection ends.
async fn listen(mut socket: Socket, arrivals: Rc<Arrivals>) {
    while let Some(Ok(message)) = socket.next().await {
        let now = Instant::now();
        let Ok(text) = message.to_text() else { continue };
        if text == PING {
            // Where it cannot be sent, the connection has ended.
            drop(socket.send(Message::text(PONG)).await);
        } else if text.starts_with("42[\"messageBroadcast\"")
            && let Some(number) = text.split(MARK).nth(1).and_then(|number| number.parse().ok())
        {
            arrivals.note(number, now);
        }
    }
    arrivals.leave();
}

/// When which post was heard.
struct Arrivals {
    /// Sockets whose connection stands.
    sockets: Cell<usize>,
    /// By the number of the post.
    heard: RefCell<Vec<Vec<Instant>>>,
    /// A post was heard by all, or one of them has gone.
    all: Notify,
}

impl Arrivals {
    fn new(sockets: u32, posts: u32) -> Self {
        let sockets = usize::try_from(sockets).unwrap_or(usize::MAX);
        let heard = (0..posts).map(|_| Vec::with_capacity(sockets)).collect();
        Self { sockets: Cell::new(sockets), heard: RefCell::new(heard), all: Notify::new() }
    }

    fn note(&self, number: usize, at: Instant) {
        let mut heard = self.heard.borrow_mut();
        if let Some(post) = heard.get_mut(number) {
            post.push(at);
            if post.len() >= self.sockets.get() {
                self.all.notify_one();
            }
        }
    }

    /// A connection has ended: nobody waits for it any more.
    fn leave(&self) {
        self.sockets.set(self.sockets.get().saturating_sub(1));
        self.all.notify_one();
    }

    /// When it was heard, once all have; or those who have when the time is over.
    async fn of(&self, number: u32) -> Vec<Instant> {
        let number = usize::try_from(number).unwrap_or(usize::MAX);
        let heard = || self.heard.borrow().get(number).cloned().unwrap_or_default();
        let all = async {
            while heard().len() < self.sockets.get() {
                self.all.notified().await;
            }
        };
        // Whoever has not heard it by then has lost it.
        drop(tokio::time::timeout(DEADLINE, all).await);
        heard()
    }

    fn newest(&self) -> Option<Instant> {
        self.heard.borrow().iter().flatten().max().copied()
    }

    /// How often the posts from that one on were heard.
    fn count_from(&self, first: u32) -> f64 {
        let first = usize::try_from(first).unwrap_or(usize::MAX);
        self.heard.borrow().iter().skip(first).flatten().map(|_| 1.0).sum()
    }
}

/// Who posts, and where.
struct Posting<'a> {
    address: SocketAddr,
    author: Uuid,
    channel: &'a str,
}

/// Milliseconds that posts took.
#[derive(Default)]
struct Taken {
    /// From the post to each socket.
    heard: Sample,
    /// From the answer to the last of them; none where it was there before.
    last: Sample,
}

impl Posting<'_> {
    /// Posts, and waits until all have heard it before the next.
    async fn one_by_one(&self, arrivals: &Arrivals, posts: u32) -> Result<Taken> {
        let (mut buffer, mut taken) = (Vec::new(), Taken::default());
        for number in 0..posts {
            // One that waited for long may have been closed.
            let mut stream = TcpStream::connect(self.address).await?;
            let began = Instant::now();
            exchange(&mut stream, &self.post(number), &mut buffer).await?;
            let answered = Instant::now();
            let heard = arrivals.of(number).await;
            for at in &heard {
                taken.heard.add(millis(at.saturating_duration_since(began)));
            }
            if let Some(last) = heard.iter().max() {
                taken.last.add(millis(last.saturating_duration_since(answered)));
            }
        }
        Ok(taken)
    }

    /// Posts without a wait, from the number `posts` on, and then waits for the last.
    async fn at_once(&self, arrivals: &Arrivals, posts: u32) -> Result<()> {
        let mut stream = TcpStream::connect(self.address).await?;
        let mut buffer = Vec::new();
        for number in posts..2 * posts {
            exchange(&mut stream, &self.post(number), &mut buffer).await?;
        }
        for number in posts..2 * posts {
            arrivals.of(number).await;
        }
        Ok(())
    }

    fn post(&self, number: u32) -> Vec<u8> {
        let body = json!({
            "author_id": self.author, "message_server_id": Uuid::nil(),
            "content": format!("Post {MARK}{number}{MARK} to whom it may concern."),
        });
        let path = format!("/api/messaging/channels/{}/messages", self.channel);
        request("POST", &path, Some(&body))
    }
}
