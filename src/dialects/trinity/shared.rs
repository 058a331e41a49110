//! What all requests of the listener share.

use std::sync::{Arc, OnceLock};

use greenroom_actors::time::UnixMillis;

use super::description::Description;
use super::lanes::Lanes;
use super::settings::TrinitySettings;
use crate::host::Host;

/// What all requests of the listener share, whichever thread serves them.
pub(super) struct Shared {
    pub(super) settings: Arc<TrinitySettings>,
    pub(super) host: Host,
    pub(super) in_flight: Lanes,
    /// What this API is, once the first thread has put its routes together.
    pub(super) description: OnceLock<Description>,
}

impl Shared {
    pub(super) fn new(settings: Arc<TrinitySettings>, host: Host) -> Self {
        let in_flight = Lanes::new(&settings);
        Self { in_flight, settings, host, description: OnceLock::new() }
    }

    pub(super) fn now(&self) -> UnixMillis {
        self.host.registry.clock().now()
    }
}
