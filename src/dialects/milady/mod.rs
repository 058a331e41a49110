//! The dialect of Milady 2.0.0-alpha.76: one agent, the primary one, as if it were alone.
//!
//! A handler reads the request, asks the primary agent or the registry, and words the answer.
//! Everything else that happens to a request is in the gate.

mod admission;
mod audit;
mod autonomy;
mod body;
mod character;
mod chat;
mod config;
mod conversations;
mod ending;
mod error;
mod events;
mod gate;
mod kept;
mod lanes;
mod lifecycle;
mod logs;
mod memory;
mod onboarding;
mod pages;
mod pairing;
mod pending;
mod plugins;
mod proactive;
mod provider;
mod routes;
mod runtime;
mod settings;
mod shared;
mod socket;
mod soft;
mod status;
#[cfg(test)]
mod tests;
mod transfer;
mod triggers;
mod v1;
mod workbench;

use std::sync::Arc;

use actix_web::body::BoxBody;
use actix_web::dev::{ServiceFactory, ServiceRequest, ServiceResponse};
use actix_web::middleware::from_fn;
use actix_web::web::{self, Data};
use actix_web::{App, Error, HttpResponse};

pub use settings::MiladySettings;

use crate::host::Host;
use crate::http::auth::PairingToken;
use error::MiladyError;
use shared::Shared;

/// What a handler answers.
type Answer = Result<HttpResponse, MiladyError>;

/// The dialect, ready to be served. Clones share everything.
#[derive(Clone)]
pub struct Milady {
    shared: Arc<Shared>,
}

impl Milady {
    /// The dialect over that host, for whoever presents `token`, or for anyone where there is none. To
    /// be made once for a listener, on the tokio runtime that its sockets are to live on.
    #[must_use]
    pub fn new(settings: Arc<MiladySettings>, token: Option<PairingToken>, host: Host) -> Self {
        Self { shared: Arc::new_cyclic(|this| Shared::new(settings, token, host, this)) }
    }

    /// Closes the sockets of clients, so that nothing is left to wait for when the host ends.
    pub async fn close(&self) {
        self.shared.sockets.close();
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
            .app_data(Data::from(Arc::clone(&self.shared)))
            .configure(routes::all)
            .default_service(web::to(routes::none))
            .wrap(from_fn(gate::pass))
    }
}
