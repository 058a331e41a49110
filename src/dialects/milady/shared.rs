//! What all requests of the listener share.

use std::sync::{Arc, Weak};

use greenroom_actors::time::UnixMillis;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::conversations::Conversations;
use super::events::Follower;
use super::lanes::Lanes;
use super::pages::Pages;
use super::pairing::Pairing;
use super::settings::MiladySettings;
use super::socket::{Sockets, tell_status};
use crate::host::Host;
use crate::http::auth::PairingToken;
use crate::http::places::places;
use crate::primary::ConfigFile;

/// What all requests of the listener share, whichever thread serves them.
pub(super) struct Shared {
    pub(super) settings: Arc<MiladySettings>,
    pub(super) host: Host,
    /// What callers must present, if anything: the one that is configured, or the one made for a
    /// listener that is open to other machines.
    pub(super) token: Option<PairingToken>,
    pub(super) in_flight: Lanes,
    /// Places for turns, which may go on when their requests are answered.
    pub(super) turns: Arc<Semaphore>,
    pub(super) pages: Pages,
    pub(super) pairing: Pairing,
    /// What was said of the primary agent beside its character.
    pub(super) config: ConfigFile,
    pub(super) conversations: Conversations,
    /// Who is connected, and what happened lately.
    pub(super) sockets: Arc<Sockets>,
    /// Held while something is changed that has to be read first.
    pub(super) changing: tokio::sync::Mutex<()>,
    /// What goes on beside the requests; it ends with this.
    _tasks: JoinSet<()>,
}

impl Shared {
    pub(super) fn new(
        settings: Arc<MiladySettings>,
        token: Option<PairingToken>,
        host: Host,
        this: &Weak<Self>,
    ) -> Self {
        let now = host.registry.clock().now();
        let sockets = Arc::new(Sockets::new(&settings, now));
        let follower =
            Follower { host: host.clone(), sockets: Arc::clone(&sockets), shared: this.clone() };
        let mut tasks = JoinSet::new();
        tasks.spawn(follower.run());
        tasks.spawn(tell_status(host.clone(), Arc::clone(&sockets)));
        let in_flight = Lanes::new(&settings);
        let conversations = Conversations::new(host.registry.clone());
        Self {
            in_flight,
            turns: Arc::new(Semaphore::new(places(settings.in_flight_max))),
            pages: Pages::of(&settings, token.is_some()),
            pairing: Pairing::default(),
            config: ConfigFile::in_folder(host.primary.state_dir(), Arc::clone(&host.secrets)),
            settings,
            token,
            host,
            conversations,
            sockets,
            changing: tokio::sync::Mutex::default(),
            _tasks: tasks,
        }
    }

    pub(super) fn now(&self) -> UnixMillis {
        self.host.registry.clock().now()
    }
}
