//! The dialect of Trinity 0.9.0: users, agents by name, and what they share.
//!
//! A handler is given a request with its caller known, asks a guard for the agent, a service for the
//! deed, and words the answer. Everything else that happens to a request is in the gate.

mod agents;
mod call;
mod description;
mod error;
mod gate;
mod guards;
mod health;
mod lanes;
mod lifecycle;
mod names;
mod rename;
mod routes;
mod settings;
mod shape;
mod shared;
mod short;
#[cfg(test)]
mod tests;
mod times;
mod work;

use std::sync::Arc;

use actix_web::body::BoxBody;
use actix_web::dev::{ServiceFactory, ServiceRequest, ServiceResponse};
use actix_web::middleware::{NormalizePath, from_fn};
use actix_web::web::{self, Data, Json};
use actix_web::{App, Error};
use utoipa_actix_web::AppExt;

pub use settings::TrinitySettings;

use crate::host::Host;
use description::Description;
use error::TrinityError;
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
        Self { shared: Arc::new(Shared::new(settings, host)) }
    }

    /// Closes the sockets of clients, so that nothing is left to wait for when the host ends.
    pub async fn close(&self) {}

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
        let (app, api) = App::new()
            .into_utoipa_app()
            .openapi(Description::beginning(self.shared.host.version))
            .configure(routes::all)
            .split_for_parts();
        self.shared.description.get_or_init(|| Description::of(api));
        app.app_data(Data::from(Arc::clone(&self.shared)))
            .default_service(web::to(routes::none))
            .wrap(NormalizePath::trim())
            .wrap(from_fn(gate::pass))
    }
}
