//! The relay of one channel: follows its sequence of events and tells those who listen.

mod catching_up;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use greenroom_actors::channels::{ChannelEvent, ChannelEventKind};
use greenroom_actors::error::{CoreError, StoreError};
use greenroom_actors::feed::{ChannelEventStream, Fed};
use greenroom_actors::ids::{ChannelId, ChannelMessageId, EntityId};
use greenroom_actors::pieces::Piece;
use serde::Serialize;
use serde_json::{Map, Value, json};
use socketioxide::extract::SocketRef;
use socketioxide::socket::Sid;
use tokio::sync::mpsc::{Receiver, UnboundedReceiver};
use tokio::sync::oneshot;

use super::super::messaging::{Broadcast, Broadcasts, message_of};
use super::Core;
use super::emitting::{Sent, size_of};

/// How long it is waited before the store is asked again.
const PAUSE: Duration = Duration::from_millis(250);

/// How often the store is asked about one event before it is left out.
const ATTEMPTS_MAX: u32 = 3;

/// Clients that are let in at once: what they missed is read once for all of them.
const JOINERS_MAX: usize = 1_024;

/// What a relay is told.
pub(super) enum Command {
    /// Let a socket in.
    Join(Joiner),
    /// A socket is closed.
    Leave(Sid),
    /// A message is about to be said, by this socket.
    Await(ChannelMessageId, Awaited),
    /// That message is not waited for any more.
    Forget(ChannelMessageId),
}

/// A socket that joins.
pub(super) struct Joiner {
    pub(super) socket: SocketRef,
    /// Who its client is.
    pub(super) entity: EntityId,
    /// The number of the last event that its client knows; absent: it wants what comes.
    pub(super) offset: Option<u64>,
    /// What it is told then.
    pub(super) answer: Map<String, Value>,
    pub(super) done: oneshot::Sender<()>,
}

/// The author of a message that is about to be said.
pub(super) struct Awaited {
    pub(super) socket: SocketRef,
    /// What the client calls the message.
    pub(super) client_id: Option<Value>,
    /// Told once the message cannot be missed any more.
    pub(super) ready: Option<oneshot::Sender<()>>,
    /// Told once the author knows.
    pub(super) told: oneshot::Sender<()>,
}

/// The relay of one channel.
pub(super) struct Relay {
    core: Arc<Core>,
    channel: ChannelId,
    /// The number of the last event that those who listen were told of.
    at: u64,
    feed: ChannelEventStream,
    words: Broadcasts,
    listeners: HashMap<Sid, SocketRef>,
    awaited: HashMap<ChannelMessageId, Awaited>,
    commands: UnboundedReceiver<Command>,
    pieces: Receiver<Arc<Piece>>,
}

impl Relay {
    /// Relays until nobody listens any more.
    pub(super) async fn run(
        core: Arc<Core>,
        channel: ChannelId,
        commands: UnboundedReceiver<Command>,
        pieces: Receiver<Arc<Piece>>,
    ) {
        let messaging = core.shared.host.messaging.clone();
        let at = loop {
            match messaging.last_event(channel).await {
                Ok(at) => break at,
                Err(CoreError::ShuttingDown | CoreError::Store(StoreError::Closed)) => {
                    return core.relays.give_up(channel);
                }
                Err(error) => core.pause(&error).await,
            }
        };
        let relay = Self {
            at,
            feed: messaging.follow(channel, at),
            words: Broadcasts::of(messaging, channel),
            core,
            channel,
            listeners: HashMap::new(),
            awaited: HashMap::new(),
            commands,
            pieces,
        };
        relay.go_on().await;
    }

    async fn go_on(mut self) {
        // One command has brought it about.
        let mut is_new = true;
        loop {
            let is_idle = self.listeners.is_empty() && self.awaited.is_empty() && !is_new;
            if is_idle && self.core.relays.end(self.channel, &self.commands) {
                return;
            }
            tokio::select! {
                biased;
                command = self.commands.recv() => {
                    is_new = false;
                    let Some(command) = command else { return };
                    self.heed(command).await;
                }
                fed = self.feed.next() => match fed {
                    Ok(Fed::Event(event)) => self.pass_on(&event).await,
                    Ok(Fed::Gap { through }) => self.skip(through),
                    Err(CoreError::ShuttingDown | CoreError::Store(StoreError::Closed)) => {
                        return self.core.relays.give_up(self.channel);
                    }
                    Err(error) => self.core.pause(&error).await,
                },
                Some(piece) = self.pieces.recv() => self.tell_piece(&piece),
            }
        }
    }

    async fn heed(&mut self, command: Command) {
        let mut next = Some(command);
        while let Some(command) = next.take() {
            match command {
                Command::Join(joiner) => {
                    let mut joiners = vec![joiner];
                    while joiners.len() < JOINERS_MAX
                        && let Ok(command) = self.commands.try_recv()
                    {
                        match command {
                            Command::Join(joiner) => joiners.push(joiner),
                            other => {
                                next = Some(other);
                                break;
                            }
                        }
                    }
                    self.let_in(joiners).await;
                }
                Command::Leave(socket) => drop(self.listeners.remove(&socket)),
                Command::Await(id, mut awaited) => {
                    if let Some(ready) = awaited.ready.take() {
                        // Who waits no longer has given up.
                        let _ = ready.send(());
                    }
                    self.awaited.insert(id, awaited);
                }
                Command::Forget(id) => drop(self.awaited.remove(&id)),
            }
        }
    }

    /// Tells those who listen of an event, and its author that it is kept.
    async fn pass_on(&mut self, event: &ChannelEvent) {
        if is_of_agent(event) {
            // All pieces of an answer were given out before it was kept, and come first.
            self.core.pieces.settle().await;
            while let Ok(piece) = self.pieces.try_recv() {
                self.tell_piece(&piece);
            }
        }
        let Some(told) = self.worded(event).await else { return self.skip(event.seq) };
        let is_said = event.kind == ChannelEventKind::Said;
        let id = message_of(event).filter(|_| is_said);
        let awaited = id.and_then(|id| self.awaited.remove(&id).map(|awaited| (id, awaited)));
        let author = awaited.as_ref().map(|(_, awaited)| awaited.socket.id);
        for Broadcast { name, payload, .. } in &told {
            self.tell_all(name, payload, author);
        }
        if let Some((id, awaited)) = awaited {
            self.tell_author(id, awaited, told);
        }
        self.at = event.seq;
    }

    fn tell_author(&mut self, id: ChannelMessageId, awaited: Awaited, told: Vec<Broadcast>) {
        let mut ack = Map::new();
        let client_id = awaited.client_id.as_ref();
        if let Some(client_id) = client_id {
            ack.insert("clientMessageId".to_owned(), client_id.clone());
        }
        ack.insert("messageId".to_owned(), json!(id));
        ack.insert("status".to_owned(), json!("received_by_server_and_processing"));
        ack.insert("channelId".to_owned(), json!(self.channel));
        ack.insert("roomId".to_owned(), json!(self.channel));
        for Broadcast { name, mut payload, .. } in told {
            if let Some(client_id) = client_id {
                payload.insert("clientMessageId".to_owned(), client_id.clone());
            }
            self.core.emit(&awaited.socket, name, &payload);
        }
        self.core.emit(&awaited.socket, "messageAck", &ack);
        // Who waits no longer has given up.
        let _ = awaited.told.send(());
    }

    /// The words of an event; nothing if it cannot be read.
    async fn worded(&mut self, event: &ChannelEvent) -> Option<Vec<Broadcast>> {
        for _ in 0..ATTEMPTS_MAX {
            match self.words.word(event).await {
                Ok(told) => return Some(told),
                Err(error) => self.core.pause(&error).await,
            }
        }
        None
    }

    fn tell_piece(&mut self, piece: &Piece) {
        let payload = json!({
            "messageId": piece.memory_id, "chunk": piece.text, "index": piece.index,
            "agentId": piece.agent_id, "channelId": self.channel,
        });
        self.tell_all("messageStreamChunk", &payload, None);
    }

    /// Tells those who listen that events are lost.
    fn skip(&mut self, through: u64) {
        self.at = through;
        let gap = self.gap(through);
        self.tell_all("channelGap", &gap, None);
    }

    fn gap(&self, through: u64) -> Value {
        json!({"channelId": self.channel, "through": through, "offset": through})
    }

    /// Tells everyone but one; those who do not keep up listen no longer.
    fn tell_all<T: Serialize>(&mut self, name: &str, payload: &T, but: Option<Sid>) {
        let (core, size) = (&self.core, size_of(payload));
        self.listeners.retain(|id, socket| {
            Some(*id) == but || core.emit_sized(socket, name, payload, size) == Sent::Yes
        });
    }
}

/// Whether an agent of this host has brought it about: of what others say it is kept which agents
/// were told.
fn is_of_agent(event: &ChannelEvent) -> bool {
    match event.kind {
        ChannelEventKind::Said => !event.data.contains_key("agents"),
        ChannelEventKind::Completed | ChannelEventKind::Failed => true,
        _ => false,
    }
}

impl Core {
    /// Waits a little, since the store could not be read.
    async fn pause(&self, error: &CoreError) {
        tracing::warn!(%error, "a channel's events could not be read");
        self.shared.host.registry.clock().sleep(PAUSE).await;
    }
}
