//! Agents: the list, one of them, a new one, and the end of one.

pub(super) mod birth;
mod wire;

use std::sync::Arc;

use actix_web::web::Json;
use actix_web::{delete, get, post};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Answer;
use super::call::Call;
use super::error::{ErrorBody, TrinityError};
use super::mount::Mount;
use super::wanted::InQuery;
use crate::accounts::Role;
use crate::roster::{Known, Relation};

use birth::NewAgent;
pub(super) use birth::{CPUS, container_id, memory_of, one_of};
pub(super) use wire::{AgentBase, AgentShare, Shown, status};
use wire::{AgentDetail, AgentItem};

pub(super) fn routes(at: &mut Mount) {
    at.service(list).service(create).service(detail).service(remove);
}

#[derive(Deserialize, ToSchema)]
struct TagFilter {
    /// Tags, with commas between; agents with one of them are shown.
    tags: Option<String>,
}

/// The agents that the caller may see, newest first.
#[utoipa::path(
    tag = "Agents",
    params(InQuery<TagFilter>),
    responses((status = 200, body = [AgentItem]))
)]
#[get("/api/agents")]
async fn list(call: Call<InQuery<TagFilter>>) -> Answer<Vec<AgentItem>> {
    let filter: TagFilter = call.query()?;
    let tags: Vec<String> = filter
        .tags
        .iter()
        .flat_map(|tags| tags.split(','))
        .map(|tag| tag.trim().to_lowercase())
        .filter(|tag| !tag.is_empty())
        .collect();
    let is_wanted =
        |agent: &Known| tags.is_empty() || tags.iter().any(|tag| agent.entry.tags.contains(tag));
    let host = &call.shared.host;
    let agents = host.roster.visible_to(&call.principal).await?;
    let wanted = agents.into_iter().filter(is_wanted).collect();
    let agents = call.shared.gists.of(&host.registry, wanted).await?;
    let items = agents.iter().map(|(agent, gist)| AgentItem::of(&Shown::of(&call, agent, *gist)));
    Ok(Json(items.collect()))
}

/// Creates an agent and starts it.
#[utoipa::path(
    tag = "Agents",
    request_body = NewAgent,
    responses(
        (status = 200, body = AgentBase),
        (status = 501, description = "There is no git here to fetch a template with", body = ErrorBody),
        (status = 502, description = "A template could not be fetched", body = ErrorBody)
    )
)]
#[post("/api/agents")]
async fn create(call: Call<NewAgent>) -> Answer<AgentBase> {
    call.at_least(Role::Creator)?;
    let wanted = call.fields()?;
    let agent = birth::create(&call, wanted).await;
    let agent = agent.map_err(|error| error.failing("Failed to create agent"))?;
    call.note("agent_lifecycle", "create", ("agent", &agent.name)).await;
    Ok(Json(AgentBase::of(&agent, call.shared.host.version)))
}

/// One agent.
#[utoipa::path(tag = "Agents", params(("name" = String, Path)), responses((status = 200, body = AgentDetail)))]
#[get("/api/agents/{name}")]
async fn detail(call: Call) -> Answer<AgentDetail> {
    let agent = call.authorised().await?;
    let shown = call.shared.gists.of(&call.shared.host.registry, vec![agent]).await?;
    let (agent, gist) = shown.first().ok_or_else(TrinityError::no_agent)?;
    Ok(Json(AgentDetail::of(&Shown::of(&call, agent, *gist))))
}

/// What was done, in words.
#[derive(Serialize, ToSchema)]
pub(super) struct Done {
    pub(super) message: String,
}

/// Removes an agent with everything that is its own.
#[utoipa::path(tag = "Agents", params(("name" = String, Path)), responses((status = 200, body = Done)))]
#[delete("/api/agents/{name}")]
async fn remove(call: Call) -> Answer<Done> {
    if call.found().await?.is_some_and(|agent| agent.entry.is_system) {
        return Err(TrinityError::forbidden("System agents cannot be deleted"));
    }
    let agent = call.owning_or("You don't have permission to delete this agent").await?;
    call.shared.hub.leaving(agent.id, Arc::clone(&agent.entry));
    birth::end(&call.shared.host, &agent).await?;
    call.note("agent_lifecycle", "delete", ("agent", &agent.name)).await;
    Ok(Json(Done { message: format!("Agent {} deleted", agent.name) }))
}

/// How an agent is told of to somebody who stands so to it.
fn is_shared_with(relation: Relation) -> bool {
    relation == Relation::Shared
}
