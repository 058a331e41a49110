//! What was changed and is heeded only after a restart.

use super::shared::Shared;
use super::socket::Frame;

/// Notes that the agent should be restarted, and tells the clients why.
pub(super) fn needs_restart(shared: &Shared, reason: &str) {
    let reasons = shared.host.primary.needs_restart(reason);
    tracing::info!(reason, pending = reasons.len(), "a change waits for a restart");
    shared.sockets.tell(&Frame::RestartRequired { reasons });
}
