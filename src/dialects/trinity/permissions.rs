//! Permissions between agents: which may call which.

use std::collections::BTreeSet;

use actix_web::web::Json;
use actix_web::{delete, get, post, put};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Answer;
use super::agents::status;
use super::call::Call;
use super::error::TrinityError;
use super::mount::Mount;
use super::organised::Names;
use crate::roster::Known;

/// What is changed, in the words of a refusal.
const THING: &str = "agent permissions";

/// To be mounted before what has an agent's name there.
pub(super) fn edges_routes(at: &mut Mount) {
    at.service(all);
}

pub(super) fn routes(at: &mut Mount) {
    at.service(list).service(set).service(add).service(remove);
}

#[derive(Serialize, ToSchema)]
struct PermissionEdge {
    source: String,
    target: String,
}

#[derive(Serialize, ToSchema)]
struct PermissionEdges {
    edges: Vec<PermissionEdge>,
}

/// The permissions between agents that the caller may see, of those for which people say them.
#[utoipa::path(tag = "Permissions", responses((status = 200, body = PermissionEdges)))]
#[get("/api/agents/permissions-edges")]
async fn all(call: Call) -> Answer<PermissionEdges> {
    let roster = &call.shared.host.roster;
    let seen: Option<BTreeSet<_>> =
        roster.ids_visible_to(&call.principal).map(|ids| ids.into_iter().collect());
    let entries = match &seen {
        Some(ids) => ids.iter().map(|id| (*id, roster.entry(*id))).collect(),
        None => roster.entries(),
    };
    let mut names = Names::new(&call.shared);
    let mut edges = Vec::new();
    for (source, entry) in entries.iter().filter(|(_, entry)| entry.permits_decide) {
        for target in &entry.permits {
            if seen.as_ref().is_some_and(|seen| !seen.contains(target)) {
                continue;
            }
            if let (Some(source), Some(target)) =
                (names.of(*source).await?, names.of(*target).await?)
            {
                edges.push(PermissionEdge { source, target });
            }
        }
    }
    edges.sort_by(|a, b| (&a.source, &a.target).cmp(&(&b.source, &b.target)));
    Ok(Json(PermissionEdges { edges }))
}

#[derive(Serialize, ToSchema)]
struct PermittedAgent {
    name: String,
    /// `running` or `stopped`.
    status: &'static str,
    r#type: String,
    permitted: bool,
}

#[derive(Serialize, ToSchema)]
struct Permissions {
    source_agent: String,
    permitted_agents: Vec<PermittedAgent>,
    /// All other agents that the caller may see.
    available_agents: Vec<PermittedAgent>,
}

/// Which agents one may call.
#[utoipa::path(tag = "Permissions", params(("name" = String, Path)), responses((status = 200, body = Permissions)))]
#[get("/api/agents/{name}/permissions")]
async fn list(call: Call) -> Answer<Permissions> {
    let source = call.permitted().await?;
    let host = &call.shared.host;
    let permitted = host.organisation.permitted(source.id).await?;
    let callee = |agent: &Known, permitted| PermittedAgent {
        name: agent.name.clone(),
        status: status(agent.state),
        r#type: agent.entry.kind.clone(),
        permitted,
    };
    let others = host.roster.visible_to(&call.principal).await?;
    let others: Vec<_> = others.into_iter().filter(|agent| agent.id != source.id).collect();
    let is_permitted = |agent: &&Known| permitted.contains(&agent.id);
    Ok(Json(Permissions {
        source_agent: source.name,
        permitted_agents: others
            .iter()
            .filter(is_permitted)
            .map(|agent| callee(agent, true))
            .collect(),
        available_agents: others.iter().map(|agent| callee(agent, is_permitted(&agent))).collect(),
    }))
}

#[derive(Deserialize, ToSchema)]
struct NewPermissions {
    #[schema(max_items = 5000)]
    permitted_agents: Vec<String>,
}

#[derive(Serialize, ToSchema)]
struct PermissionsSet {
    status: &'static str,
    source_agent: String,
    permitted_count: usize,
}

/// Lets an agent call these and no others.
#[utoipa::path(
    tag = "Permissions",
    params(("name" = String, Path)),
    request_body = NewPermissions,
    responses((status = 200, body = PermissionsSet))
)]
#[put("/api/agents/{name}/permissions")]
async fn set(call: Call<NewPermissions>) -> Answer<PermissionsSet> {
    let wanted = call.fields()?;
    let source = call.owning(THING).await?;
    let mut targets = BTreeSet::new();
    for name in &wanted.permitted_agents {
        targets.insert(target(&call, &source, name).await?.id);
    }
    let permitted_count = targets.len();
    call.shared.host.organisation.set_permits(source.id, targets).await?;
    Ok(Json(PermissionsSet { status: "updated", source_agent: source.name, permitted_count }))
}

#[derive(Serialize, ToSchema)]
struct PermissionChanged {
    /// `added`, `already_exists`, `removed` or `not_found`.
    status: &'static str,
    source_agent: String,
    target_agent: String,
}

/// Lets an agent call another.
#[utoipa::path(tag = "Permissions", params(("name" = String, Path), ("target" = String, Path)), responses((status = 200, body = PermissionChanged)))]
#[post("/api/agents/{name}/permissions/{target}")]
async fn add(call: Call) -> Answer<PermissionChanged> {
    let source = call.owning(THING).await?;
    let target = target(&call, &source, &call.segment("target")).await?;
    let is_new = call.shared.host.organisation.permit(source.id, target.id).await?;
    let status = if is_new { "added" } else { "already_exists" };
    Ok(Json(PermissionChanged { status, source_agent: source.name, target_agent: target.name }))
}

/// Keeps an agent from calling another.
#[utoipa::path(tag = "Permissions", params(("name" = String, Path), ("target" = String, Path)), responses((status = 200, body = PermissionChanged)))]
#[delete("/api/agents/{name}/permissions/{target}")]
async fn remove(call: Call) -> Answer<PermissionChanged> {
    let source = call.owning(THING).await?;
    let target_agent = call.segment("target");
    let host = &call.shared.host;
    let was = match host.roster.find(&target_agent).await? {
        Some(target) => host.organisation.forbid(source.id, target.id).await?,
        None => false,
    };
    let status = if was { "removed" } else { "not_found" };
    Ok(Json(PermissionChanged { status, source_agent: source.name, target_agent }))
}

/// An agent that another may be let call: one that the caller may see.
async fn target<B>(call: &Call<B>, source: &Known, name: &str) -> Result<Known, TrinityError> {
    if name == source.name {
        return Err(TrinityError::bad("An agent cannot be permitted to call itself"));
    }
    let found = call.visible(name).await?;
    found.ok_or_else(|| {
        TrinityError::bad(format!("Agent '{name}' does not exist or is not accessible"))
    })
}
