//! Where an agent is reached: its port, as long as somebody has access.

use std::io;
use std::sync::{Arc, Weak};
use std::time::Duration;

use greenroom_actors::ids::AgentId;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::connection;
use super::service::{Inner, Live};

/// How long is waited where no connection can be accepted.
const RETRY: Duration = Duration::from_secs(1);

/// An open port. Dropped, it is closed, and whoever came in by it leaves.
pub(super) struct Door {
    /// Where it is.
    pub(super) port: u16,
    /// Who has access.
    pub(super) lives: Vec<Live>,
    work: JoinSet<()>,
}

impl Door {
    /// Listens at that port; at any free one if it is 0.
    pub(super) async fn open(inner: &Arc<Inner>, agent: AgentId, port: u16) -> io::Result<Self> {
        let listener = TcpListener::bind((inner.settings.bind, port)).await?;
        let port = listener.local_addr()?.port();
        let mut work = JoinSet::new();
        work.spawn(accept(Arc::downgrade(inner), agent, listener));
        Ok(Self { port, lives: Vec::new(), work })
    }

    /// Closes it; somebody else may listen at its port once that is done.
    pub(super) async fn close(self) {
        let Self { lives, mut work, .. } = self;
        drop(lives);
        work.shutdown().await;
    }
}

async fn accept(service: Weak<Inner>, agent: AgentId, listener: TcpListener) {
    loop {
        let accepted = listener.accept().await;
        let Some(inner) = service.upgrade() else { return };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%agent, %error, "a connection by SSH cannot be accepted");
                drop(inner);
                tokio::time::sleep(RETRY).await;
                continue;
            }
        };
        if inner.is_barred(peer.ip()) {
            tracing::debug!(%agent, %peer, "was wrong too often");
            continue;
        }
        let Some(startup) = inner.startups.begin(peer.ip()) else {
            tracing::warn!(%agent, %peer, "too many SSH connections say nothing of who they are");
            continue;
        };
        // On its own: it sees by itself when access ends, and says so to its client.
        tokio::spawn(connection::serve(inner, agent, stream, peer, startup));
    }
}
