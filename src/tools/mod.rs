//! Tools that touch the world: files of the agent's workspace, addresses on the network, channels.
//!
//! Each sort is a [`Tools`] of its own; [`HostTools`] puts them together. Which of them an agent may
//! use, the core decides by the agent's settings; what is not set up here is not offered at all.

mod arguments;
mod channels;
mod fetch;
mod files;
mod settings;

use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;
use greenroom_actors::character::AgentRecord;
use greenroom_actors::ports::{Effect, Invocation, Tool, ToolError, ToolOutput, ToolSpec, Tools};
use serde_json::Value;

pub use channels::{ChannelTools, Voice};
pub use fetch::FetchTool;
pub use files::FileTools;
pub use settings::{ToolsError, ToolsSettings};

/// Bytes that are kept of an output for saying that there is more, and how to get at it.
const NOTE_BYTES: usize = 128;

/// Several sorts of tools as one: of two of one name, that of the earlier sort.
#[derive(Default)]
pub struct HostTools {
    sorts: Arc<Vec<Arc<dyn Tools>>>,
}

impl HostTools {
    /// Those sorts, the earlier ones first.
    #[must_use]
    pub fn of(sorts: Vec<Arc<dyn Tools>>) -> Self {
        Self { sorts: Arc::new(sorts) }
    }
}

impl Tools for HostTools {
    fn offered(&self, agent: Arc<AgentRecord>) -> BoxFuture<'static, Vec<Tool>> {
        let sorts = Arc::clone(&self.sorts);
        async move {
            let mut offered: Vec<Tool> = Vec::new();
            for sort in sorts.iter() {
                for tool in sort.offered(Arc::clone(&agent)).await {
                    if offered.iter().all(|other| other.spec.name != tool.spec.name) {
                        offered.push(tool);
                    }
                }
            }
            offered
        }
        .boxed()
    }

    fn call(&self, call: Invocation) -> BoxFuture<'static, Result<ToolOutput, ToolError>> {
        let sorts = Arc::clone(&self.sorts);
        async move {
            for sort in sorts.iter() {
                // What is not offered cannot be called either.
                let offered = sort.offered(Arc::clone(&call.agent)).await;
                if offered.iter().any(|tool| tool.spec.name == call.name) {
                    return sort.call(call).await;
                }
            }
            Err(ToolError::Refused(format!("there is no tool {}", call.name)))
        }
        .boxed()
    }
}

/// Bytes of text that a call may answer with, so that the core has nothing to cut off and a note
/// still fits behind it.
fn text_max(call: &Invocation) -> usize {
    let all = call.registry.settings().tool_output_max_bytes;
    usize::try_from(all).unwrap_or(usize::MAX).saturating_sub(NOTE_BYTES)
}

/// A tool that nobody has to allow, with its parameters as the properties of a JSON schema.
fn tool(
    name: &str,
    description: &str,
    effect: Effect,
    properties: Value,
    required: &[&str],
) -> Tool {
    let spec = ToolSpec::new(name, description, properties, required);
    Tool { spec, effect, asks_first: false }
}

#[cfg(test)]
mod tests;
