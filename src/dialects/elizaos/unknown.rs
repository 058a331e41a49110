//! Requests for what is not there.

use greenroom_actors::error::CoreError;
use greenroom_actors::ids::AgentId;
use greenroom_actors::lifecycle::State;

use super::call::Call;
use super::refusal;
use super::wire::Answer;

/// An API path that no route claims. Plugins of an agent could claim it, so the agent that the
/// query names is looked at first, as long as any runs.
pub(super) async fn endpoint(call: Call) -> Answer {
    let query = call.query();
    let Some(agent) = query.get("agentId") else {
        return Err((&refusal::UNKNOWN_ENDPOINT).into());
    };
    let agent: AgentId = match agent.parse() {
        Ok(agent) => agent,
        Err(_not_an_id) => return Err((&refusal::PLUGIN_AGENT_ID).into()),
    };
    let is_running = match call.registry().record(agent).await {
        Ok(record) => record.lifecycle.state() == State::Running,
        Err(CoreError::AgentNotFound(_)) => false,
        Err(error) => return Err(error.into()),
    };
    if !is_running && call.store().census().await?.running > 0 {
        return Err((&refusal::PLUGIN_AGENT).into());
    }
    Err((&refusal::UNKNOWN_ENDPOINT).into())
}
