//! Public links, as an agent's owner sees them.

use std::sync::Arc;

use actix_web::web::Json;
use actix_web::{delete, get, post, put};
use greenroom_actors::time::UnixMillis;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::call::Call;
use super::error::TrinityError;
use super::mount::Mount;
use super::wanted::Wanted;
use super::{Answer, short, times};
use crate::organisation::{Link, LinkPatch, NewLink};
use crate::roster::Known;

pub(super) fn routes(at: &mut Mount) {
    at.service(create).service(list).service(detail).service(amend).service(remove);
}

#[derive(Deserialize, ToSchema)]
struct NewPublicLink {
    name: Option<String>,
    /// When it ends; absent: it does not.
    expires_at: Option<String>,
}

#[derive(Deserialize, ToSchema)]
struct PublicLinkPatch {
    name: Option<String>,
    enabled: Option<bool>,
    expires_at: Option<String>,
}

#[derive(Serialize, ToSchema)]
struct LinkUsage {
    total_messages: u64,
    last_used: Option<String>,
}

/// A link by which anybody may talk to an agent.
#[derive(Serialize, ToSchema)]
struct PublicLink {
    id: String,
    agent_name: String,
    /// 32 characters.
    token: String,
    /// The name of a user.
    created_by: String,
    created_at: String,
    expires_at: Option<String>,
    enabled: bool,
    name: Option<String>,
    link_type: &'static str,
    /// Whether visitors have to prove an address, which the agent's access policy says.
    require_email: bool,
    url: String,
    external_url: Option<String>,
    usage_stats: Option<LinkUsage>,
}

impl PublicLink {
    fn of<B>(call: &Call<B>, agent: &Known, link: &Link) -> Self {
        let token = link.token.to_string();
        Self {
            id: short::of(link.id),
            agent_name: agent.name.clone(),
            url: format!("{}/chat/{token}", base(call)),
            token,
            created_by: link.created_by.clone(),
            created_at: times::iso(link.created_at),
            expires_at: link.expires_at.map(times::iso),
            enabled: link.is_enabled,
            name: link.name.clone(),
            link_type: "chat",
            require_email: agent.entry.access.requires_email,
            external_url: None,
            usage_stats: Some(LinkUsage {
                total_messages: link.messages,
                last_used: link.last_used_at.map(times::iso),
            }),
        }
    }
}

/// Where this host is reached, as the operator says, or as the caller has reached it.
fn base<B>(call: &Call<B>) -> String {
    let told = call.request.connection_info();
    let host = call.shared.settings.public_host.as_deref().unwrap_or(told.host());
    format!("{}://{host}", told.scheme())
}

fn until(text: Option<&String>) -> Result<Option<UnixMillis>, TrinityError> {
    text.map(|text| times::parse("expires_at", text)).transpose()
}

/// Makes a link.
#[utoipa::path(
    tag = "Public links",
    params(("name" = String, Path)),
    request_body = NewPublicLink,
    responses((status = 200, body = PublicLink))
)]
#[post("/api/agents/{name}/public-links")]
async fn create(call: Call<NewPublicLink>) -> Answer<PublicLink> {
    let agent = call.owned().await?;
    let wanted = call.fields()?;
    let expires_at = until(wanted.expires_at.as_ref())?;
    let new = NewLink { name: wanted.name, expires_at };
    let by = &call.principal.user.username;
    let link = call.shared.host.organisation.make_link(agent.id, by, new).await?;
    Ok(Json(PublicLink::of(&call, &agent, &link)))
}

/// The links to an agent.
#[utoipa::path(tag = "Public links", params(("name" = String, Path)), responses((status = 200, body = [PublicLink])))]
#[get("/api/agents/{name}/public-links")]
async fn list(call: Call) -> Answer<Vec<PublicLink>> {
    let agent = call.owned().await?;
    let links = call.shared.host.organisation.links_of(agent.id);
    Ok(Json(links.iter().map(|link| PublicLink::of(&call, &agent, link)).collect()))
}

fn found<B: Wanted>(call: &Call<B>, agent: &Known) -> Result<Arc<Link>, TrinityError> {
    let id = short::parse(&call.segment("id"));
    let found = id.and_then(|id| call.shared.host.organisation.link(agent.id, id));
    found.ok_or_else(|| TrinityError::not_found("Public link not found"))
}

/// One link.
#[utoipa::path(tag = "Public links", params(("name" = String, Path), ("id" = String, Path)), responses((status = 200, body = PublicLink)))]
#[get("/api/agents/{name}/public-links/{id}")]
async fn detail(call: Call) -> Answer<PublicLink> {
    let agent = call.owned().await?;
    let link = found(&call, &agent)?;
    Ok(Json(PublicLink::of(&call, &agent, &link)))
}

/// Changes a link.
#[utoipa::path(
    tag = "Public links",
    params(("name" = String, Path), ("id" = String, Path)),
    request_body = PublicLinkPatch,
    responses((status = 200, body = PublicLink))
)]
#[put("/api/agents/{name}/public-links/{id}")]
async fn amend(call: Call<PublicLinkPatch>) -> Answer<PublicLink> {
    let agent = call.owned().await?;
    let wanted = call.fields()?;
    let link = found(&call, &agent)?;
    let expires_at = until(wanted.expires_at.as_ref())?;
    let patch = LinkPatch { name: wanted.name, is_enabled: wanted.enabled, expires_at };
    let link = call.shared.host.organisation.amend_link(agent.id, link.id, patch).await?;
    Ok(Json(PublicLink::of(&call, &agent, &link)))
}

#[derive(Serialize, ToSchema)]
struct LinkRemoved {
    message: &'static str,
    link_id: String,
}

/// Ends a link, and whatever was begun by it.
#[utoipa::path(tag = "Public links", params(("name" = String, Path), ("id" = String, Path)), responses((status = 200, body = LinkRemoved)))]
#[delete("/api/agents/{name}/public-links/{id}")]
async fn remove(call: Call) -> Answer<LinkRemoved> {
    let agent = call.owned().await?;
    let link = found(&call, &agent)?;
    call.shared.host.organisation.remove_link(agent.id, link.id).await?;
    Ok(Json(LinkRemoved { message: "Public link deleted", link_id: short::of(link.id) }))
}
