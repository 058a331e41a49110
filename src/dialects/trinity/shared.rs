//! What all requests of the listener share.

use std::sync::{Arc, OnceLock};

use greenroom_actors::time::UnixMillis;

use super::description::Description;
use super::lanes::Lanes;
use super::live::{Event, Hub, Terminals};
use super::settings::TrinitySettings;
use crate::host::Host;

/// What all requests of the listener share, whichever thread serves them.
pub(super) struct Shared {
    pub(super) settings: Arc<TrinitySettings>,
    pub(super) host: Host,
    pub(super) in_flight: Lanes,
    /// What sockets are told.
    pub(super) hub: Arc<Hub>,
    /// Who has a terminal open.
    pub(super) terminals: Terminals,
    /// What this API is, once the first thread has put its routes together.
    pub(super) description: OnceLock<Description>,
}

impl Shared {
    pub(super) fn new(settings: Arc<TrinitySettings>, host: Host) -> Self {
        let in_flight = Lanes::new(&settings);
        let hub = Arc::new(Hub::new(&settings));
        let terminals = Terminals::default();
        Self { in_flight, hub, terminals, settings, host, description: OnceLock::new() }
    }

    /// Tells all who may know of it, and are there.
    pub(super) fn tell(&self, event: &Event) {
        self.hub.tell(event, &self.host, self.now());
    }

    pub(super) fn now(&self) -> UnixMillis {
        self.host.registry.clock().now()
    }
}
