//! One connection, from its first byte to its last.

use std::borrow::Cow;
use std::net::{Shutdown, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use greenroom_actors::ids::AgentId;
use russh::keys::PrivateKey;
use russh::server::{Config, RunningSession, run_stream};
use russh::{Disconnect, Limits, MethodKind, MethodSet, SshId};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout, timeout_at};

use super::guest::Guest;
use super::service::{Admitted, Inner};
use super::settings::SshSettings;
use super::startups::Startup;
use super::work::Work;

/// How long somebody may take to say who they are.
const AUTH_DEADLINE: Duration = Duration::from_secs(30);

/// How often they may be wrong on one connection: three times, and clients ask first without any
/// credential.
const REJECTIONS_MAX: usize = 4;

/// How long a refusal takes, whatever was wrong.
const REJECTION: Duration = Duration::from_millis(500);

/// How long a client is given to take its leave.
const FAREWELL: Duration = Duration::from_secs(1);

/// Bytes each way after which both agree on new keys.
const REKEY_BYTES: usize = 1 << 30;

/// The time after which they do.
const REKEY_AFTER: Duration = Duration::from_secs(3600);

/// Packets of a channel that wait until they are read. More than a client has requests of `sftp` on
/// their way, so that reading and answering never wait for each other.
const CHANNEL_PACKETS: usize = 512;

/// What the connection's own task is told and has not done yet.
const MESSAGES: usize = 256;

/// How connections are spoken with.
pub(super) fn config(settings: &SshSettings, key: PrivateKey) -> Config {
    let version = format!("SSH-2.0-Greenroom_{}", env!("CARGO_PKG_VERSION"));
    Config {
        server_id: SshId::Standard(Cow::Owned(version)),
        methods: MethodSet::from([MethodKind::PublicKey, MethodKind::Password].as_slice()),
        auth_rejection_time: REJECTION,
        auth_rejection_time_initial: Some(Duration::ZERO),
        keys: vec![key],
        limits: Limits {
            rekey_write_limit: REKEY_BYTES,
            rekey_read_limit: REKEY_BYTES,
            rekey_time_limit: REKEY_AFTER,
        },
        channel_buffer_size: CHANNEL_PACKETS,
        event_buffer_size: MESSAGES,
        max_auth_attempts: REJECTIONS_MAX,
        inactivity_timeout: Some(settings.idle_timeout()),
        nodelay: true,
        ..Config::default()
    }
}

/// The socket, to be shut whatever the task that reads it waits for.
struct Socket(std::net::TcpStream);

impl Socket {
    fn of(stream: TcpStream) -> std::io::Result<(TcpStream, Self)> {
        let stream = stream.into_std()?;
        let other = stream.try_clone()?;
        Ok((TcpStream::from_std(stream)?, Self(other)))
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        // It may be shut already.
        let _ = self.0.shutdown(Shutdown::Both);
    }
}

/// Serves it until it ends, or the access does.
pub(super) async fn serve(
    inner: Arc<Inner>,
    agent: AgentId,
    stream: TcpStream,
    peer: SocketAddr,
    startup: Startup,
) {
    let (stream, socket) = match Socket::of(stream) {
        Ok(both) => both,
        Err(error) => return tracing::debug!(%agent, %peer, %error, "no connection"),
    };
    let work = Work::default();
    let (admit, admitted) = oneshot::channel();
    let guest = Guest::new(Arc::clone(&inner), agent, peer.ip(), work.clone(), admit);
    converse(&inner, agent, (stream, peer), guest, (startup, admitted)).await;
    // First what waits for the session's task, then what that waits for.
    work.end();
    drop(socket);
}

async fn converse(
    inner: &Arc<Inner>,
    agent: AgentId,
    (stream, peer): (TcpStream, SocketAddr),
    guest: Guest,
    (startup, admitted): (Startup, oneshot::Receiver<Admitted>),
) {
    let deadline = Instant::now() + AUTH_DEADLINE;
    let begun = timeout_at(deadline, run_stream(Arc::clone(&inner.config), stream, guest)).await;
    let mut session = match begun {
        Ok(Ok(session)) => session,
        Ok(Err(error)) => return tracing::debug!(%agent, %peer, %error, "no session"),
        // Whoever says nothing has guessed nothing: others at that address are not to suffer for it.
        Err(_late) => return,
    };
    let handle = session.handle();
    let reason = tokio::select! {
        ended = &mut session => {
            if let Err(error) = ended {
                tracing::debug!(%agent, %peer, %error, "a session ended before it began");
            }
            return;
        }
        admitted = timeout_at(deadline, admitted) => match admitted {
            Ok(Ok(admitted)) => {
                drop(startup);
                match stay(inner, &mut session, admitted, (agent, peer)).await {
                    Some(reason) => reason,
                    None => return,
                }
            }
            Ok(Err(_gone)) => return,
            Err(_late) => "nobody came in within the time for that",
        },
    };
    let farewell = async {
        let said = handle.disconnect(Disconnect::ByApplication, reason.to_owned(), "en".to_owned());
        if said.await.is_ok() {
            drop((&mut session).await);
        }
    };
    if timeout(FAREWELL, farewell).await.is_err() {
        tracing::debug!(%agent, %peer, "cut off");
    }
}

/// Lets somebody stay who came in, as long as they want and may; says why, if they may no longer.
async fn stay(
    inner: &Inner,
    session: &mut RunningSession<Guest>,
    mut admitted: Admitted,
    (agent, peer): (AgentId, SocketAddr),
) -> Option<&'static str> {
    let user = &admitted.grant.user;
    let Ok(_place) = inner.sessions.try_acquire() else {
        tracing::warn!(%agent, user, %peer, "there are as many SSH sessions as there may be");
        return Some("there are as many sessions as there may be");
    };
    tracing::info!(%agent, user, %peer, "came in by SSH");
    tokio::select! {
        ended = session => {
            tracing::info!(%agent, user, %peer, is_clean = ended.is_ok(), "left");
            None
        }
        // Dropped, it has ended as well.
        _ = admitted.held.changed() => Some("access has ended, or the agent has stopped"),
    }
}
