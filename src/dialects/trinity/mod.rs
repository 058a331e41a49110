//! The dialect of Trinity 0.9.0: users, agents by name, and what they share.
//!
//! A handler is given a request with its caller known, asks a guard for the agent, a service for the
//! deed, and words the answer. Everything else that happens to a request is in the gate.

mod agent_events;
mod agents;
mod answering;
mod api_key_setting;
mod audit_log;
mod audited;
mod autonomy;
mod avatar;
mod bulk;
mod call;
mod credentials;
mod deploy;
mod description;
mod doors;
mod error;
mod execution_stats;
mod files;
mod fleet;
mod folders;
mod gate;
mod gists;
mod git;
mod github_pat;
mod guardrails;
mod guards;
mod health;
mod info;
mod keys;
mod lanes;
mod lifecycle;
mod live;
mod logs;
mod metrics;
mod monitoring;
mod mount;
mod names;
mod notifications;
mod noting;
mod numbers;
mod operator_queue;
mod organised;
mod people;
mod permissions;
mod preferences;
mod public;
mod public_links;
mod read_only;
mod recorded;
mod rename;
mod resources;
mod routes;
mod schedules;
mod settings;
mod shape;
mod shared;
mod sharing;
mod short;
mod skills;
mod ssh_access;
mod stats;
mod subscriptions;
mod system_agent;
mod system_views;
mod systems;
mod tags;
mod telemetry;
mod templates;
#[cfg(test)]
mod tests;
mod times;
mod version;
mod voice;
mod wanted;
mod work;

use std::sync::Arc;

use actix_web::body::BoxBody;
use actix_web::dev::{ServiceFactory, ServiceRequest, ServiceResponse};
use actix_web::middleware::{NormalizePath, from_fn};
use actix_web::web::{self, Data, Json};
use actix_web::{App, Error};
use greenroom_actors::error::CoreError;

pub use names::RESERVED;
pub use settings::TrinitySettings;

use crate::host::Host;
use error::TrinityError;
use mount::Mount;
use shared::Shared;

/// What a handler answers.
type Answer<T> = Result<Json<T>, TrinityError>;

/// The dialect, ready to be served. Clones share everything.
#[derive(Clone)]
pub struct Trinity {
    shared: Arc<Shared>,
}

impl Trinity {
    /// The dialect over that host. To be made once for a listener, on the tokio runtime that its
    /// sockets are to live on.
    #[must_use]
    pub fn new(settings: Arc<TrinitySettings>, host: Host) -> Self {
        let shared = Arc::new(Shared::new(settings, host));
        live::follow(&shared);
        Self { shared }
    }

    /// Sees to it that what has to be there before clients call is there: the host's own agent.
    ///
    /// # Errors
    /// [`CoreError`] if it cannot be made.
    pub async fn prepare(host: &Host) -> Result<(), CoreError> {
        system_agent::ensure(host).await
    }

    /// Closes the sockets of clients, so that nothing is left to wait for when the host ends.
    pub async fn close(&self) {
        self.shared.hub.close();
    }

    /// All routes behind the gate, for one thread of a server.
    pub fn app(
        &self,
    ) -> App<
        impl ServiceFactory<
            ServiceRequest,
            Config = (),
            Response = ServiceResponse<BoxBody>,
            Error = Error,
            InitError = (),
        > + use<>,
    > {
        App::new()
            .configure(|config| routes::all(&mut Mount::Serving(config)))
            .app_data(Data::from(Arc::clone(&self.shared)))
            .default_service(web::to(routes::none))
            .wrap(NormalizePath::trim())
            .wrap(from_fn(gate::pass))
    }
}
