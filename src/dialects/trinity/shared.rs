//! What all requests of the listener share.

use std::sync::Arc;

use greenroom_actors::time::UnixMillis;
use tokio::sync::OnceCell;

use super::description::Description;
use super::error::TrinityError;
use super::gists::Gists;
use super::lanes::Lanes;
use super::live::{Event, Hub, Terminals};
use super::monitoring::Checks;
use super::public::PublicLimits;
use super::settings::TrinitySettings;
use super::stats::Samples;
use super::telemetry::Machine;
use crate::host::Host;

/// What all requests of the listener share, whichever thread serves them.
pub(super) struct Shared {
    pub(super) settings: Arc<TrinitySettings>,
    pub(super) host: Host,
    pub(super) in_flight: Lanes,
    /// Whose turn it is to create an agent.
    pub(super) creating: Arc<tokio::sync::Mutex<()>>,
    /// How often those may ask who have a public link and no account.
    pub(super) public: PublicLimits,
    /// What lists tell of agents' characters.
    pub(super) gists: Gists,
    /// The last looks at agents' CPU time.
    pub(super) samples: Samples,
    /// What checks of agents found.
    pub(super) checks: Checks,
    /// The machine, as it was last looked at.
    pub(super) machine: Machine,
    /// What sockets are told.
    pub(super) hub: Arc<Hub>,
    /// Who has a terminal open.
    pub(super) terminals: Terminals,
    description: OnceCell<Description>,
}

impl Shared {
    pub(super) fn new(settings: Arc<TrinitySettings>, host: Host) -> Self {
        let in_flight = Lanes::new(&settings);
        let hub = Arc::new(Hub::new(&settings));
        Self {
            in_flight,
            creating: Arc::default(),
            hub,
            terminals: Terminals::default(),
            settings,
            host,
            public: PublicLimits::default(),
            gists: Gists::default(),
            samples: Samples::default(),
            checks: Checks::default(),
            machine: Machine::default(),
            description: OnceCell::new(),
        }
    }

    /// Tells all who may know of it, and are there.
    pub(super) fn tell(&self, event: &Event) {
        self.hub.tell(event, &self.host, self.now());
    }

    /// What this API is; put together when it is first asked for, on a thread of its own, as that takes
    /// a while.
    ///
    /// # Errors
    /// A fault of the host's own.
    pub(super) async fn description(&self) -> Result<&Description, TrinityError> {
        let version = self.host.version;
        let made = || async move {
            let made = tokio::task::spawn_blocking(move || Description::new(version));
            made.await.map_err(TrinityError::inside)
        };
        self.description.get_or_try_init(made).await
    }

    pub(super) fn now(&self) -> UnixMillis {
        self.host.registry.clock().now()
    }
}
