//! The tools that are built in: what an agent can do with nothing but this host.
//!
//! Each is a row of a table: what the model is told of it, what a second call would mean, and the
//! function that makes the call.

mod goals;
mod letters;
mod memory;
mod policy;
mod triggers;

use std::collections::HashSet;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::character::AgentRecord;
use crate::ports::{Effect, Invocation, Tool, ToolError, ToolOutput, ToolSpec};
use crate::runtime::Runtime;

use policy::ToolPolicy;

/// How long it may take to find which tools there are beside the built-in ones.
const OFFER_DEADLINE: Duration = Duration::from_secs(10);

type Called = BoxFuture<'static, Result<ToolOutput, ToolError>>;

/// A tool that is built in.
struct BuiltIn {
    tool: Tool,
    call: fn(Invocation) -> Called,
}

static BUILT_IN: LazyLock<Vec<BuiltIn>> = LazyLock::new(|| {
    [memory::tools(), goals::tools(), triggers::tools(), letters::tools()]
        .into_iter()
        .flatten()
        .collect()
});

impl BuiltIn {
    fn new(
        (name, description): (&str, &str),
        effect: Effect,
        (properties, required): (Value, &[&str]),
        call: fn(Invocation) -> Called,
    ) -> Self {
        let spec = ToolSpec::new(name, description, properties, required);
        Self { tool: Tool { spec, effect, asks_first: false }, call }
    }
}

impl Runtime {
    /// The tools that an agent is offered: the built-in ones and the host's, as far as the agent's
    /// settings let it have them.
    pub(crate) async fn offered(&self, record: &Arc<AgentRecord>) -> Vec<Tool> {
        let others = self.ports.tools.offered(Arc::clone(record));
        let late = self.sleep(OFFER_DEADLINE);
        let others = futures::future::select(others, late).await;
        let others = match others {
            futures::future::Either::Left((others, _)) => others,
            futures::future::Either::Right(((), _)) => {
                tracing::warn!(agent = %record.id, "some tools are not there in time");
                Vec::new()
            }
        };
        let policy = ToolPolicy::of(&record.character);
        let mut names = HashSet::new();
        let most = usize::try_from(self.settings.tools_max).unwrap_or(usize::MAX);
        BUILT_IN
            .iter()
            .map(|built_in| built_in.tool.clone())
            .chain(others)
            .filter(|tool| policy.allows(&tool.spec.name))
            .filter(|tool| names.insert(tool.spec.name.clone()))
            .map(|tool| Tool {
                asks_first: tool.asks_first || policy.asks_first(&tool.spec.name),
                ..tool
            })
            .take(most)
            .collect()
    }

    /// Calls a tool that was offered.
    pub(crate) fn call_tool(&self, call: Invocation) -> Called {
        match BUILT_IN.iter().find(|built_in| built_in.tool.spec.name == call.name) {
            Some(built_in) => (built_in.call)(call),
            None => self.ports.tools.call(call),
        }
    }
}

/// The arguments of a call in their own type.
fn read<T: DeserializeOwned>(arguments: Map<String, Value>) -> Result<T, ToolError> {
    serde_json::from_value(Value::Object(arguments))
        .map_err(|error| ToolError::invalid("arguments", error.to_string()))
}

fn boxed(call: impl Future<Output = Result<ToolOutput, ToolError>> + Send + 'static) -> Called {
    call.boxed()
}
