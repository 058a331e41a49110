//! The dialect of elizaOS 1.7.2 and of its documentation.
//!
//! Under `/api` it answers as release 1.7.2 does; without that prefix, under `/agents`, as the older
//! documentation says. A handler reads the request, asks the registry, and words the answer; what an
//! agent may do in which state is the core's to say. Everything else that happens to a request is in
//! the gate.

mod agents;
mod audio;
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
mod media;
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
mod socket;
mod system;
#[cfg(test)]
mod tests;
mod unknown;
mod visit;
mod wire;
mod words;
mod worlds;

use std::sync::Arc;

use actix_web::body::BoxBody;
use actix_web::dev::{ServiceFactory, ServiceRequest, ServiceResponse};
use actix_web::web::Data;
use actix_web::{App, Error};

pub use settings::ElizaosSettings;

use crate::host::Host;
use crate::mcp::server::McpServer;
use gate::Gate;
use shared::Shared;
use socket::Sockets;

/// The dialect, ready to be served. Clones share their limits and their sockets.
#[derive(Clone)]
pub struct Elizaos {
    shared: Arc<Shared>,
    sockets: Arc<Sockets>,
    mcp: Option<McpServer>,
}

impl Elizaos {
    /// The dialect over that host. To be made once for a listener: quotas are counted in it. Its
    /// sockets live on the tokio runtime that it is made on.
    #[must_use]
    pub fn new(settings: Arc<ElizaosSettings>, host: Host) -> Self {
        let shared = Arc::new(Shared::new(settings, host));
        let sockets = Arc::new(Sockets::new(Arc::clone(&shared)));
        Self { shared, sockets, mcp: None }
    }

    /// The same, with the host's own operations served as MCP tools too.
    #[must_use]
    pub fn with_mcp(self) -> Self {
        let settings = &self.shared.settings;
        let (body_max, within) = (settings.body_max(), settings.body_within());
        let mcp = McpServer::new(self.shared.host.clone(), body_max, within);
        Self { mcp: Some(mcp), ..self }
    }

    /// Closes the sockets of clients, so that nothing is left to wait for when the host ends.
    pub async fn close(&self) {
        self.sockets.close().await;
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
        let mcp = self.mcp.clone();
        App::new()
            .app_data(Data::from(Arc::clone(&self.shared)))
            .app_data(Data::from(Arc::clone(&self.sockets)))
            .app_data(Data::new(self.shared.host.clone()))
            .configure(move |at| {
                if let Some(mcp) = mcp {
                    at.service(mcp.scope());
                }
            })
            .configure(routes::all)
            .wrap(Gate(Arc::clone(&self.shared)))
    }
}
