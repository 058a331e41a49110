//! Agents: listed, shown, made.

use greenroom_actors::character::Character;
use greenroom_actors::lifecycle::State;
use greenroom_actors::ports::AgentQuery;
use rmcp::schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::host::Host;
use crate::http::operator::{OperatorError, Who};

use super::operation::{About, Effect, Operation};
use super::shown::{self, AgentView, Page};

pub(super) fn operations() -> Vec<Operation> {
    vec![
        Operation::new(
            &About {
                name: "list_agents",
                title: "List agents",
                description: "The agents of this host: running ones first, then by name.",
                effect: Effect::Reads,
            },
            list,
        ),
        Operation::new(
            &About {
                name: "get_agent",
                title: "Show an agent",
                description: "One agent: how it is doing, and its character without secrets.",
                effect: Effect::Reads,
            },
            get,
        ),
        Operation::new(
            &About {
                name: "create_agent",
                title: "Create an agent",
                description: "Makes an agent of a character, stopped; start_agent lets it begin.",
                effect: Effect::Adds,
            },
            create,
        ),
    ]
}

#[derive(Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
#[serde(deny_unknown_fields)]
struct List {
    /// Only agents in this state; any where absent.
    state: Option<Wanted>,
    /// How many entries to pass over; none where absent.
    #[serde(default)]
    offset: u32,
    /// How many entries to answer with: 50 where absent, 200 at most.
    limit: Option<u32>,
}

/// A state that agents may be listed by.
#[derive(Clone, Copy, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
#[serde(rename_all = "snake_case")]
enum Wanted {
    Running,
    Paused,
    Stopped,
    Failed,
}

impl From<Wanted> for State {
    fn from(wanted: Wanted) -> Self {
        match wanted {
            Wanted::Running => Self::Running,
            Wanted::Paused => Self::Paused,
            Wanted::Stopped => Self::Stopped,
            Wanted::Failed => Self::Failed,
        }
    }
}

#[derive(Serialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
struct Listed {
    /// The agents.
    agents: Vec<AgentView>,
    /// How many there are in all states.
    total: u64,
}

async fn list(host: Host, wanted: List) -> Result<Listed, OperatorError> {
    let page = Page::new(wanted.offset, wanted.limit);
    let query =
        AgentQuery { state: wanted.state.map(State::from), offset: page.offset, limit: page.limit };
    let store = host.registry.store();
    let agents = store.agents(query).await?;
    let agents = agents.iter().map(AgentView::listed).collect();
    Ok(Listed { agents, total: store.census().await?.total() })
}

#[derive(Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
#[serde(deny_unknown_fields)]
struct Get {
    /// The agent: its id, its handle or its name.
    agent: Who,
}

#[derive(Serialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
struct Shown {
    /// The agent.
    agent: AgentView,
    /// How often it has crashed and was restarted since the host came up.
    restarts: u32,
    /// The run that it is busy with.
    run_id: Option<String>,
    /// Its character, in the form of elizaOS.
    character: Map<String, Value>,
}

async fn get(host: Host, Get { agent }: Get) -> Result<Shown, OperatorError> {
    let record = agent.find(&host.registry).await?;
    let status = host.registry.status(record.id).await?;
    Ok(Shown {
        agent: AgentView::of(&record, &status.lifecycle, status.state),
        restarts: status.restarts,
        run_id: status.run.map(|run| run.to_string()),
        character: shown::character(&record.character),
    })
}

#[derive(Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
#[serde(deny_unknown_fields)]
struct Create {
    /// The character, in the form of elizaOS: `name` (needed), `bio`, `system`, `topics`, `style`,
    /// `settings` and more. What stands in `settings.secrets` is sealed before it is kept.
    character: Map<String, Value>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
struct Created {
    /// The agent.
    agent: AgentView,
}

async fn create(host: Host, Create { character }: Create) -> Result<Created, OperatorError> {
    let invalid = |reason: String| OperatorError::Invalid { field: "character", reason };
    let mut character: Character = serde_json::from_value(Value::Object(character))
        .map_err(|error| invalid(error.to_string()))?;
    host.secrets.seal_character(&mut character).map_err(|error| invalid(error.to_string()))?;
    let record = host.registry.create(character).await?;
    Ok(Created { agent: AgentView::listed(&record) })
}
