//! Tags: words that agents are found under.

use std::collections::BTreeSet;

use actix_web::web::Json;
use actix_web::{delete, get, post, put};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Answer;
use super::call::Call;
use super::mount::Mount;

pub(super) fn routes(at: &mut Mount) {
    at.service(all).service(of_agent).service(set).service(add).service(remove);
}

#[derive(Serialize, ToSchema)]
struct AgentTags {
    agent_name: String,
    /// In order.
    tags: Vec<String>,
}

impl AgentTags {
    fn of(agent_name: String, tags: impl IntoIterator<Item = String>) -> Json<Self> {
        Json(Self { agent_name, tags: tags.into_iter().collect() })
    }
}

#[derive(Deserialize, ToSchema)]
struct NewTags {
    #[schema(max_items = 1000)]
    tags: Vec<String>,
}

#[derive(Serialize, ToSchema)]
struct TagCount {
    tag: String,
    /// Agents with it that the caller may see.
    count: u64,
}

#[derive(Serialize, ToSchema)]
struct TagCounts {
    /// The most used first.
    tags: Vec<TagCount>,
}

/// The tags of the agents that the caller may see.
#[utoipa::path(tag = "Tags", responses((status = 200, body = TagCounts)))]
#[get("/api/tags")]
async fn all(call: Call) -> Answer<TagCounts> {
    let tags = call.shared.host.organisation.tags_seen_by(&call.principal);
    let tags = tags.into_iter().map(|(tag, count)| TagCount { tag, count }).collect();
    Ok(Json(TagCounts { tags }))
}

/// The tags of an agent.
#[utoipa::path(tag = "Tags", params(("name" = String, Path)), responses((status = 200, body = AgentTags)))]
#[get("/api/agents/{name}/tags")]
async fn of_agent(call: Call) -> Answer<AgentTags> {
    let agent = call.authorised().await?;
    Ok(AgentTags::of(agent.name, agent.entry.tags.iter().cloned()))
}

/// Puts tags in the place of those that an agent has.
#[utoipa::path(
    tag = "Tags",
    params(("name" = String, Path)),
    request_body = NewTags,
    responses((status = 200, body = AgentTags))
)]
#[put("/api/agents/{name}/tags")]
async fn set(call: Call<NewTags>) -> Answer<AgentTags> {
    let agent = call.owned().await?;
    let wanted = call.fields()?;
    let tags: BTreeSet<_> = call.shared.host.organisation.set_tags(agent.id, &wanted.tags).await?;
    Ok(AgentTags::of(agent.name, tags))
}

/// Adds a tag.
#[utoipa::path(tag = "Tags", params(("name" = String, Path), ("tag" = String, Path)), responses((status = 200, body = AgentTags)))]
#[post("/api/agents/{name}/tags/{tag}")]
async fn add(call: Call) -> Answer<AgentTags> {
    let agent = call.owned().await?;
    let tags = call.shared.host.organisation.add_tag(agent.id, &call.segment("tag")).await?;
    Ok(AgentTags::of(agent.name, tags))
}

/// Takes a tag away; one that is not there is no fault.
#[utoipa::path(tag = "Tags", params(("name" = String, Path), ("tag" = String, Path)), responses((status = 200, body = AgentTags)))]
#[delete("/api/agents/{name}/tags/{tag}")]
async fn remove(call: Call) -> Answer<AgentTags> {
    let agent = call.owned().await?;
    let tags = call.shared.host.organisation.remove_tag(agent.id, &call.segment("tag")).await?;
    Ok(AgentTags::of(agent.name, tags))
}
