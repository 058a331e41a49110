//! Socket.IO on the listener's port: who is connected, what they send, what they are told.
//!
//! Engine.IO and the packets of Socket.IO are socketioxide's; the bridge brings requests of actix-web
//! to it. What happens in a channel is told by one relay for each channel that somebody has joined,
//! which follows the channel's durable sequence.

mod bridge;
mod connection;
mod emitting;
mod events;
mod fault;
mod handshake;
mod joining;
mod logs;
mod pieces;
mod relay;
mod relays;
mod saying;
mod session;
mod upgrade;

use std::sync::Arc;
use std::time::Duration;

use greenroom_actors::ids::EntityId;
use serde_json::json;
use socketioxide::extract::{SocketRef, TryData};
use socketioxide::handler::ConnectHandler;
use socketioxide::service::SocketIoService;
use socketioxide::{ParserConfig, SocketIo};
use tokio::runtime::Handle;

use super::shared::Shared;
use connection::Connection;
use emitting::Closer;
use pieces::Pieces;
use relays::Relays;
use session::Sessions;

pub(super) use bridge::serve;

/// Bytes of a packet at most, in Engine.IO's and elizaOS' numbers.
const PACKET_MAX_BYTES: u32 = 1_000_000;

/// Binary parts that wait for the rest of their packet; no event of elizaOS has any.
const BINARIES_MAX: usize = 16;

/// Between two pings, and for the answer to one, in Engine.IO's and elizaOS' numbers.
const PING_EVERY: Duration = Duration::from_secs(25);
const PONG_WITHIN: Duration = Duration::from_secs(20);

/// How long a client may take to join the namespace, in elizaOS' number.
const CONNECT_WITHIN: Duration = Duration::from_secs(10);

/// How long a request for packets may wait: until the ping, and a client that does not answer it is
/// closed.
pub(super) const LONGEST_POLL: Duration = PING_EVERY.saturating_add(PONG_WITHIN);

/// Answers what is not for sockets, which the bridge lets nothing of through.
type Service = SocketIoService<emitting::NotFound>;

/// The sockets of a listener.
pub(super) struct Sockets {
    io: SocketIo,
    core: Arc<Core>,
}

/// What all sockets share.
struct Core {
    shared: Arc<Shared>,
    sessions: Arc<Sessions>,
    relays: Relays,
    pieces: Pieces,
    closer: Closer,
    /// Where sockets live: not on a thread of one worker, since any of them brings their packets.
    threads: Handle,
}

impl Sockets {
    /// No sockets yet. To be made on the runtime that they are to live on.
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        let (service, io) = build(&shared);
        let threads = Handle::current();
        let core = Arc::new_cyclic(|core| Core {
            sessions: Sessions::new(shared.settings.sockets_max),
            relays: Relays::new(core.clone()),
            pieces: Pieces::start(shared.host.registry.watch_pieces(), core.clone(), &threads),
            closer: Closer::new(service, threads.clone()),
            shared,
            threads,
        });
        let (admitting, connecting) = (Arc::downgrade(&core), Arc::downgrade(&core));
        let admit = move |socket: SocketRef, TryData(auth): TryData<serde_json::Value>| {
            let core = admitting.upgrade();
            let admitted = handshake::admit(core.as_deref(), &socket, auth.ok().as_ref());
            std::future::ready(admitted)
        };
        let connected = move |socket: SocketRef, TryData(auth): TryData<serde_json::Value>| {
            // It was admitted with an entity.
            let entity = handshake::entity(auth.ok().as_ref());
            if let Some((core, entity)) = connecting.upgrade().zip(entity) {
                greet(core, &socket, entity);
            }
            std::future::ready(())
        };
        io.ns("/", connected.with(admit));
        Self { io, core }
    }

    /// Closes every socket.
    pub(super) async fn close(&self) {
        self.io.close().await;
    }
}

fn build(shared: &Shared) -> (Service, SocketIo) {
    let packet_max = usize::try_from(PACKET_MAX_BYTES).unwrap_or(usize::MAX);
    let buffer = usize::try_from(shared.settings.socket_buffer_max).unwrap_or(usize::MAX);
    let parser = ParserConfig::common()
        .max_incoming_binaries(BINARIES_MAX)
        .max_incoming_binary_buf_size(packet_max);
    SocketIo::builder()
        .with_parser(parser)
        .req_path("/socket.io")
        .ping_interval(PING_EVERY)
        .ping_timeout(PONG_WITHIN)
        .connect_timeout(CONNECT_WITHIN)
        .max_payload(u64::from(PACKET_MAX_BYTES))
        .ws_max_message_size(packet_max)
        .ws_max_frame_size(packet_max)
        .max_buffer_size(buffer)
        .build_with_inner_svc(emitting::NotFound)
}

/// Tells a client that it is connected, and begins to hear what it sends.
///
/// All of it before anything of the client is taken, since a packet without a hearer is lost.
fn greet(core: Arc<Core>, socket: &SocketRef, entity: EntityId) {
    let authenticated = json!({"entityId": entity, "timestamp": core.shared.now()});
    let established = json!({
        "message": "Connected to Eliza Socket.IO server", "socketId": socket.id,
    });
    core.emit(socket, "authenticated", &authenticated);
    core.emit(socket, "connection_established", &established);
    Connection::open(core, socket, entity);
}
