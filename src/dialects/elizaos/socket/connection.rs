//! What is kept of one socket: what its client sent and is not dealt with yet, and where it listens.

use std::collections::{HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use greenroom_actors::ids::{ChannelId, EntityId};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use socketioxide::extract::{Event, SocketRef, TryData};
use socketioxide::socket::DisconnectReason;

use super::Core;
use super::events::{self, Wish};
use super::joining;
use super::logs::Watching;
use super::saying;

/// Requests of one client that wait while one is dealt with; further ones are refused.
const WAITING_MAX: usize = 16;

/// Characters of the name by which others may know a socket: as many as elizaOS' have.
const PUBLIC_ID_CHARS: usize = 20;

/// What is kept of one socket. It holds no handle to the socket, which holds it.
pub(super) struct Connection {
    pub(super) core: Arc<Core>,
    /// Who the client is.
    pub(super) entity: EntityId,
    work: Mutex<Work>,
    pub(super) watching: Mutex<Option<Watching>>,
}

#[derive(Default)]
struct Work {
    waiting: VecDeque<Wish>,
    is_busy: bool,
    /// The channels it has joined; gone once the socket is closed.
    joined: Option<HashSet<ChannelId>>,
}

impl Connection {
    /// Begins to hear what a client sends.
    pub(super) fn open(core: Arc<Core>, socket: &SocketRef, entity: EntityId) {
        let work = Work { joined: Some(HashSet::new()), ..Work::default() };
        let (work, watching) = (Mutex::new(work), Mutex::default());
        let connection = Arc::new(Self { core, entity, work, watching });
        let hearing = Arc::clone(&connection);
        socket.on_fallback(move |Event(name), socket: SocketRef, TryData(data): TryData<Value>| {
            // Here, and not in the future, what is sent comes in order.
            let is_to_do = hearing.hear(&socket, &name, data.ok());
            async move {
                if is_to_do {
                    hearing.work(&socket).await;
                }
            }
        });
        socket.on_disconnect(move |socket: SocketRef, reason: DisconnectReason| async move {
            connection.close(&socket, reason);
        });
    }

    /// Takes what a client sent; whether somebody must deal with it.
    fn hear(&self, socket: &SocketRef, name: &str, data: Option<Value>) -> bool {
        let Some(wish) = events::read(name, data) else { return false };
        let wish = match wish {
            Wish::Logs(wish) => {
                super::logs::heed(self, socket, wish);
                return false;
            }
            wish => wish,
        };
        let mut work = self.lock();
        if work.waiting.len() >= WAITING_MAX {
            drop(work);
            self.refuse(socket, &wish);
            return false;
        }
        work.waiting.push_back(wish);
        !std::mem::replace(&mut work.is_busy, true)
    }

    /// Deals with what waits, one after the other.
    async fn work(&self, socket: &SocketRef) {
        while let Some(wish) = self.next() {
            match wish {
                Wish::Join(join) => joining::join(self, socket, join).await,
                Wish::Send(payload) => saying::say(self, socket, payload).await,
                Wish::Logs(_) => {}
            }
        }
    }

    fn next(&self) -> Option<Wish> {
        let mut work = self.lock();
        let next = work.waiting.pop_front();
        work.is_busy = next.is_some();
        next
    }

    /// Notes that the socket joins a channel; whether it may.
    pub(super) fn may_join(&self, channel: ChannelId) -> bool {
        let max = usize::try_from(self.core.shared.settings.socket_channels_max);
        let max = max.unwrap_or(usize::MAX);
        let mut work = self.lock();
        let Some(joined) = &mut work.joined else { return false };
        if joined.len() >= max && !joined.contains(&channel) {
            return false;
        }
        joined.insert(channel);
        true
    }

    /// Tells the client that something it sent was not done.
    pub(super) fn fail(&self, socket: &SocketRef, words: &str) {
        self.core.emit(socket, "messageError", &json!({"error": words}));
    }

    /// Refuses what is one too many, by the name that the client gave it.
    fn refuse(&self, socket: &SocketRef, wish: &Wish) {
        let mut words = json!({"error": "Too many messages at once, please try again"});
        if let (Wish::Send(payload), Some(words)) = (wish, words.as_object_mut())
            && let Some(id) = payload.get("messageId")
        {
            words.insert("clientMessageId".to_owned(), id.clone());
        }
        self.core.emit(socket, "messageError", &words);
    }

    /// Leaves everything, since the socket is closed.
    fn close(&self, socket: &SocketRef, reason: DisconnectReason) {
        tracing::debug!(socket = %public_id(socket), %reason, "a socket is closed");
        let joined = self.lock().joined.take();
        for channel in joined.into_iter().flatten() {
            self.core.relays.leave(channel, socket.id);
        }
        self.watching.lock().unwrap_or_else(PoisonError::into_inner).take();
    }

    fn lock(&self) -> MutexGuard<'_, Work> {
        self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A name for a socket that others may know. Not its id: who has that can speak for its client.
pub(super) fn public_id(socket: &SocketRef) -> String {
    let digest = Sha256::digest(socket.id.as_str().as_bytes());
    URL_SAFE_NO_PAD.encode(digest).chars().take(PUBLIC_ID_CHARS).collect()
}
