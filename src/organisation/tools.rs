//! What agents tell by themselves: a notice to people, and an event to other agents.

use std::sync::{Arc, OnceLock};

use futures::FutureExt;
use futures::future::BoxFuture;
use greenroom_actors::character::AgentRecord;
use greenroom_actors::ports::{Effect, Invocation, Tool, ToolError, ToolOutput, ToolSpec, Tools};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::Organisation;
use super::error::OrganisationError;
use super::notices::{KINDS, NewNotice, PRIORITIES};
use super::signals::NewEmission;

const NOTIFY: &str = "notify";
const EMIT: &str = "emit_event";

/// The way to the organisation. It is there once the registry is, which needs the tools before.
#[derive(Clone, Default)]
pub struct Outlet(Arc<OnceLock<Organisation>>);

impl Outlet {
    /// Leads to that from now on; the first counts.
    pub fn leads_to(&self, organisation: Organisation) {
        let _ = self.0.set(organisation);
    }
}

/// Tells people and other agents something, for whoever calls.
pub struct OutletTools {
    outlet: Outlet,
}

impl OutletTools {
    /// Tools that tell by that way.
    #[must_use]
    pub fn new(outlet: Outlet) -> Self {
        Self { outlet }
    }
}

impl Tools for OutletTools {
    /// Only to agents of which people have said something: others have nobody to tell.
    fn offered(&self, agent: Arc<AgentRecord>) -> BoxFuture<'static, Vec<Tool>> {
        let organisation = self.outlet.0.get();
        let is_known = organisation.is_some_and(|all| all.roster().knows(agent.id));
        std::future::ready(if is_known { tools() } else { Vec::new() }).boxed()
    }

    fn call(&self, call: Invocation) -> BoxFuture<'static, Result<ToolOutput, ToolError>> {
        let organisation = self.outlet.0.get().cloned();
        async move {
            let starting = || ToolError::Failed("the host is starting".to_owned());
            let organisation = organisation.ok_or_else(starting)?;
            match call.name.as_str() {
                NOTIFY => notify(&organisation, call).await,
                EMIT => emit(&organisation, call).await,
                name => Err(ToolError::Refused(format!("there is no tool {name}"))),
            }
        }
        .boxed()
    }
}

fn tools() -> Vec<Tool> {
    let text = json!({"type": "string"});
    let tool = |name: &str, about: &str, properties: Value, required: &[&str]| {
        let spec = ToolSpec::new(name, about, properties, required);
        Tool { spec, effect: Effect::Keyed, asks_first: false }
    };
    vec![
        tool(
            NOTIFY,
            "Tell the people who look after you something that they should see: that work is done, \
             that something is wrong, that you have a question.",
            json!({
                "type": {"type": "string", "enum": KINDS},
                "title": {"type": "string", "description": "what it is about, in a few words"},
                "message": text,
                "priority": {"type": "string", "enum": PRIORITIES},
                "category": text,
            }),
            &["type", "title"],
        ),
        tool(
            EMIT,
            "Tell the agents that have subscribed to an event of yours that it has happened.",
            json!({
                "event_type": {
                    "type": "string", "description": "words with dots between: report.ready",
                },
                "payload": {"type": "object", "description": "what it brings"},
            }),
            &["event_type"],
        ),
    ]
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Notify {
    r#type: String,
    title: String,
    message: Option<String>,
    priority: Option<String>,
    category: Option<String>,
}

async fn notify(organisation: &Organisation, call: Invocation) -> Result<ToolOutput, ToolError> {
    let wanted: Notify = read(call.arguments)?;
    let new = NewNotice {
        kind: wanted.r#type,
        title: wanted.title,
        message: wanted.message,
        priority: wanted.priority.unwrap_or_else(|| "normal".to_owned()),
        category: wanted.category,
        metadata: None,
        key: Some(call.key),
    };
    organisation.notify(call.agent.id, new).await.map_err(failed)?;
    Ok(ToolOutput::text("They are told."))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Emit {
    event_type: String,
    payload: Option<Map<String, Value>>,
}

async fn emit(organisation: &Organisation, call: Invocation) -> Result<ToolOutput, ToolError> {
    let wanted: Emit = read(call.arguments)?;
    let new = NewEmission {
        event_type: wanted.event_type,
        payload: wanted.payload.map(Value::Object),
        key: Some(call.key),
    };
    let emission = organisation.emit(call.agent.id, new).await.map_err(failed)?;
    Ok(ToolOutput::text(match emission.triggered {
        0 => "Nobody has subscribed to it.".to_owned(),
        1 => "One agent is told.".to_owned(),
        count => format!("{count} agents are told."),
    }))
}

fn read<T: DeserializeOwned>(arguments: Map<String, Value>) -> Result<T, ToolError> {
    serde_json::from_value(Value::Object(arguments))
        .map_err(|error| ToolError::invalid("arguments", error.to_string()))
}

fn failed(error: OrganisationError) -> ToolError {
    match error {
        OrganisationError::Core(error) => error.into(),
        OrganisationError::Invalid { field, reason } => ToolError::invalid(field, reason),
        error => ToolError::Refused(error.to_string()),
    }
}
