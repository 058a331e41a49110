//! The host's own operations as MCP tools, over streamable HTTP.
//!
//! Without sessions: each request stands for itself and is answered with JSON, so that nothing has
//! to be bounded or ended when a client is idle, and a client need not notice that the host was
//! started anew. Who may call, from which pages, and how many at once is decided before a request
//! comes here, as it is for the other routes of the listener.

mod agents;
mod arriving;
mod handler;
mod lifecycle;
mod memories;
mod messages;
mod operation;
mod runs;
mod schema;
mod shown;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use actix_web::Scope;
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceFactory, ServiceRequest, ServiceResponse};
use actix_web::middleware::from_fn;
use rmcp::transport::streamable_http_server::session::never::NeverSessionManager;
use rmcp_actix_web::transport::StreamableHttpService;

use crate::host::Host;

use arriving::Arriving;
use handler::HostTools;

/// Where it is on its listener.
pub const PATH: &str = "/mcp";

/// The host's operations, ready to be served. To be made once for a listener; clones share all.
#[derive(Clone)]
pub struct McpServer {
    service: StreamableHttpService<HostTools, NeverSessionManager>,
    arriving: Arriving,
}

impl McpServer {
    /// The operations of that host, for requests of up to `body_max` bytes that arrive `within`.
    #[must_use]
    pub fn new(host: Host, body_max: usize, within: Duration) -> Self {
        let tools = HostTools::of(host);
        let service = StreamableHttpService::builder()
            .service_factory(Arc::new(move || Ok(tools.clone())))
            .session_manager(Arc::new(NeverSessionManager::default()))
            .stateful_mode(false)
            .json_response(true)
            .max_request_body_bytes(body_max)
            // An empty list asks nothing: the listener knows better which hosts are its own.
            .allowed_hosts(Vec::new())
            .build();
        Self { service, arriving: Arriving { body_max, within } }
    }

    /// What answers at [`PATH`], for one thread of a server.
    pub fn scope(
        &self,
    ) -> Scope<
        impl ServiceFactory<
            ServiceRequest,
            Config = (),
            Response = ServiceResponse<impl MessageBody + use<>>,
            Error = actix_web::Error,
            InitError = (),
        > + use<>,
    > {
        let arriving = self.arriving;
        let scope = self.service.clone().scope_with_path(PATH);
        scope.wrap(from_fn(move |request, next| arriving.whole(request, next)))
    }
}
