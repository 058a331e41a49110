//! The dialect of elizaOS 1.7.2 and of its documentation.
//!
//! Under `/api` it answers as release 1.7.2 does; without that prefix, under `/agents`, as the older
//! documentation says. A handler reads the request, asks the registry, and words the answer; what an
//! agent may do in which state is the core's to say. Everything else that happens to a request is in
//! the gate.

mod agents;
mod call;
mod character_source;
mod create;
mod env_file;
mod error;
mod fault;
mod gate;
mod groups;
mod health;
mod input;
mod lanes;
mod lifecycle;
mod logs;
mod memories;
mod message;
mod messaging;
mod overview;
mod pages;
mod panels;
mod pass;
mod refusal;
mod remembering;
mod rooms;
mod routes;
mod rows;
mod run_events;
mod runs;
mod said;
mod schema;
mod server_logs;
mod settings;
mod shared;
mod system;
#[cfg(test)]
mod tests;
mod unknown;
mod visit;
mod wire;
mod worlds;

use std::sync::Arc;

use actix_web::body::BoxBody;
use actix_web::dev::{ServiceFactory, ServiceRequest, ServiceResponse};
use actix_web::web::Data;
use actix_web::{App, Error};

pub use settings::ElizaosSettings;

use crate::host::Host;
use gate::Gate;
use shared::Shared;

/// The dialect, ready to be served. Clones share their limits.
#[derive(Clone)]
pub struct Elizaos(Arc<Shared>);

impl Elizaos {
    /// The dialect over that host. To be made once for a listener: quotas are counted in it.
    #[must_use]
    pub fn new(settings: Arc<ElizaosSettings>, host: Host) -> Self {
        Self(Arc::new(Shared::new(settings, host)))
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
            .app_data(Data::from(Arc::clone(&self.0)))
            .app_data(Data::new(self.0.host.clone()))
            .configure(routes::all)
            .wrap(Gate(Arc::clone(&self.0)))
    }
}
