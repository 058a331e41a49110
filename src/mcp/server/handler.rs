//! What a client of the protocol meets: the list of operations, and calls of them.

use std::sync::Arc;

use actix_web::ResponseError;
use actix_web::http::StatusCode;
use rmcp::ErrorData;
use rmcp::RoleServer;
use rmcp::ServerHandler;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, Implementation,
    ListToolsResult, PaginatedRequestParams, ServerCapabilities, ServerConfig, Tool,
};
use rmcp::service::RequestContext;

use crate::host::Host;
use crate::http::operator::OperatorError;

use super::operation::Operation;
use super::{agents, lifecycle, memories, messages, runs};

/// What a client is told to begin with.
const INSTRUCTIONS: &str = "Greenroom hosts autonomous agents. An agent is named by its id, its \
    handle or its name. Only a running agent answers messages and acts by itself.";

/// Characters of a tool's name that an answer repeats.
const ECHO_MAX: usize = 100;

/// The host's operations as tools. Clones share them.
#[derive(Clone)]
pub(super) struct HostTools {
    host: Host,
    operations: Arc<[Operation]>,
}

impl HostTools {
    pub(super) fn of(host: Host) -> Self {
        let groups = [
            agents::operations(),
            lifecycle::operations(),
            messages::operations(),
            memories::operations(),
            runs::operations(),
        ];
        Self { host, operations: groups.into_iter().flatten().collect() }
    }

    fn find(&self, name: &str) -> Option<&Operation> {
        self.operations.iter().find(|operation| operation.tool.name == name)
    }
}

impl ServerHandler for HostTools {
    fn get_info(&self) -> ServerConfig {
        let us = Implementation::new("greenroom", self.host.version).with_title("Greenroom");
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
            .with_server_info(us)
            .with_instructions(INSTRUCTIONS)
    }

    fn get_tool(&self, name: &str) -> Option<Tool> {
        Some(self.find(name)?.tool.clone())
    }

    async fn list_tools(
        &self,
        _page: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let tools = self.operations.iter().map(|operation| operation.tool.clone()).collect();
        Ok(ListToolsResult::with_all_items(tools))
    }

    async fn call_tool(
        &self,
        call: CallToolRequestParams,
        _context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let Some(operation) = self.find(&call.name) else {
            let name: String = call.name.chars().take(ECHO_MAX).collect();
            return Err(ErrorData::invalid_params(format!("no tool is called `{name}`"), None));
        };
        let arguments = call.arguments.unwrap_or_default();
        let result = match operation.call(self.host.clone(), arguments).await {
            Ok(result) => CallToolResult::structured(result),
            Err(error) => CallToolResult::error(vec![ContentBlock::text(told(&error))]),
        };
        Ok(result.into())
    }

    async fn on_initialized(&self, _: rmcp::service::NotificationContext<RoleServer>) {}
}

/// Why it was not done, and nothing of the host's inside.
fn told(error: &OperatorError) -> String {
    if error.status_code() == StatusCode::INTERNAL_SERVER_ERROR {
        tracing::error!(%error, "a tool call of an MCP client failed");
        "the host failed; its log says why".to_owned()
    } else {
        error.to_string()
    }
}
