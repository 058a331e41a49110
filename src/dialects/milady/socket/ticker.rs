//! How the agent is doing, told to all sockets from time to time, and at once when another agent is
//! the primary one or something about its start has changed.

use std::sync::Arc;
use std::time::Duration;

use super::sockets::Sockets;
use crate::dialects::milady::status::StatusFrame;
use crate::host::Host;

/// Between two, in the reference server's number.
const EVERY: Duration = Duration::from_secs(5);

/// Tells it for ever, and asks nothing while nobody is there.
pub(in super::super) async fn tell_status(host: Host, sockets: Arc<Sockets>) {
    let (mut count, mut agent) = (sockets.count(), host.primary.watch());
    loop {
        if count.wait_for(|count| *count > 0).await.is_err() {
            return;
        }
        tokio::select! {
            () = host.registry.clock().sleep(EVERY) => {}
            () = sockets.stale() => {}
            changed = agent.changed() => if changed.is_err() { return },
            nobody = count.wait_for(|count| *count == 0) => match nobody {
                Ok(_) => continue,
                Err(_closed) => return,
            },
        }
        match host.primary.status().await {
            Ok(status) => sockets.tell(&StatusFrame::of(status)),
            Err(error) => tracing::debug!(%error, "the status could not be told"),
        }
    }
}
