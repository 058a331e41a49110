//! What all requests of the listener share.

use std::sync::Arc;

use greenroom_actors::time::UnixMillis;

use super::lanes::Lanes;
use super::settings::MiladySettings;
use crate::host::Host;
use crate::http::auth::Token;

/// What all requests of the listener share, whichever thread serves them.
pub(super) struct Shared {
    pub(super) settings: Arc<MiladySettings>,
    pub(super) host: Host,
    /// What callers must present, if anything: the one that is configured, or the one made for a
    /// listener that is open to other machines.
    pub(super) token: Option<Token>,
    pub(super) in_flight: Lanes,
}

impl Shared {
    pub(super) fn new(settings: Arc<MiladySettings>, token: Option<Token>, host: Host) -> Self {
        Self { in_flight: Lanes::new(&settings), settings, token, host }
    }

    pub(super) fn now(&self) -> UnixMillis {
        self.host.registry.clock().now()
    }
}
