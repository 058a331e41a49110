//! A word with an agent.

use rmcp::schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::host::Host;
use crate::http::operator::{OperatorError, Speech, Who};

use super::operation::{About, Effect, Operation};
use super::shown;

/// Bytes of one message.
const TEXT_MAX_BYTES: usize = 64 * 1024;

/// Bytes of a speaker's name.
const NAME_MAX_BYTES: usize = 200;

pub(super) fn operations() -> Vec<Operation> {
    let about = About {
        name: "send_message",
        title: "Send a message",
        description: "Says something to a running agent and waits for its reply. An agent knows a \
                      speaker by name and remembers what they said to each other.",
        effect: Effect::Adds,
    };
    vec![Operation::new(&about, send)]
}

#[derive(Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
#[serde(deny_unknown_fields)]
struct Send {
    /// The agent: its id, its handle or its name.
    agent: Who,
    /// What is said: 1 to 65,536 bytes.
    text: String,
    /// The name of whoever says it; `operator` where absent.
    from: Option<String>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
struct Sent {
    /// The agent's memory of what was said.
    message_id: String,
    /// What it replied; null if it chose to say nothing.
    reply: Option<String>,
}

async fn send(host: Host, wish: Send) -> Result<Sent, OperatorError> {
    shown::text("text", &wish.text, TEXT_MAX_BYTES)?;
    if let Some(from) = &wish.from {
        shown::text("from", from, NAME_MAX_BYTES)?;
    }
    let agent = wish.agent.find(&host.registry).await?.id;
    let speaker = wish.from.as_deref().unwrap_or("operator").trim();
    let said = Speech { source: "mcp", speaker, text: wish.text.trim() };
    let (message, reply) = said.to(agent, &host).await?;
    Ok(Sent { message_id: message.to_string(), reply: reply.map(|reply| reply.text().to_owned()) })
}
