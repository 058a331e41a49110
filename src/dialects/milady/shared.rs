//! What all requests of the listener share.

use std::sync::Arc;

use greenroom_actors::time::UnixMillis;

use super::lanes::Lanes;
use super::pages::Pages;
use super::pairing::Pairing;
use super::settings::MiladySettings;
use crate::host::Host;
use crate::http::auth::PairingToken;
use crate::primary::ConfigFile;

/// What all requests of the listener share, whichever thread serves them.
pub(super) struct Shared {
    pub(super) settings: Arc<MiladySettings>,
    pub(super) host: Host,
    /// What callers must present, if anything: the one that is configured, or the one made for a
    /// listener that is open to other machines.
    pub(super) token: Option<PairingToken>,
    pub(super) in_flight: Lanes,
    pub(super) pages: Pages,
    pub(super) pairing: Pairing,
    /// What was said of the primary agent beside its character.
    pub(super) config: ConfigFile,
}

impl Shared {
    pub(super) fn new(
        settings: Arc<MiladySettings>,
        token: Option<PairingToken>,
        host: Host,
    ) -> Self {
        Self {
            in_flight: Lanes::new(&settings),
            pages: Pages::of(&settings),
            pairing: Pairing::default(),
            config: ConfigFile::in_folder(host.primary.state_dir(), Arc::clone(&host.secrets)),
            settings,
            token,
            host,
        }
    }

    pub(super) fn now(&self) -> UnixMillis {
        self.host.registry.clock().now()
    }
}
