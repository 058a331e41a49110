//! System views: tags put together under a name, to look at some agents at once.

use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::web::Json;
use actix_web::{HttpResponse, delete, get, post, put};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::call::Call;
use super::error::TrinityError;
use super::mount::Mount;
use super::wanted::Wanted;
use super::{Answer, times};
use crate::organisation::{NewView, ShortId, View, ViewPatch};

/// What their ids begin with.
const KIND: &str = "sv_";

pub(super) fn routes(at: &mut Mount) {
    at.service(list).service(create).service(detail).service(amend).service(remove);
}

/// A view.
#[derive(Serialize, ToSchema)]
struct SystemView {
    id: String,
    name: String,
    description: Option<String>,
    icon: Option<String>,
    /// `#` and hexadecimal digits.
    color: Option<String>,
    /// An agent with one of them is part of it.
    filter_tags: Vec<String>,
    /// The id of a user.
    owner_id: String,
    owner_email: Option<String>,
    is_shared: bool,
    /// Agents that are part of it and that the caller may see.
    agent_count: usize,
    created_at: String,
    updated_at: String,
}

impl SystemView {
    fn of<B>(call: &Call<B>, view: &View) -> Self {
        let host = &call.shared.host;
        let owner = host.accounts.user_by_id(view.owner);
        Self {
            id: told_id(view),
            name: view.name.clone(),
            description: view.description.clone(),
            icon: view.icon.clone(),
            color: view.color.clone(),
            filter_tags: view.tags.clone(),
            owner_id: view.owner.to_string(),
            owner_email: owner.and_then(|owner| owner.email.clone()),
            is_shared: view.is_shared,
            agent_count: host.organisation.agents_in(view, &call.principal),
            created_at: times::iso(view.created_at),
            updated_at: times::iso(view.updated_at),
        }
    }
}

/// The id of a view, as clients know it.
pub(super) fn told_id(view: &View) -> String {
    view.id.told(KIND)
}

#[derive(Serialize, ToSchema)]
struct SystemViews {
    /// By name.
    views: Vec<SystemView>,
}

#[derive(Deserialize, ToSchema)]
struct NewSystemView {
    /// At most 100 characters.
    name: String,
    description: Option<String>,
    icon: Option<String>,
    color: Option<String>,
    #[schema(max_items = 1000)]
    filter_tags: Vec<String>,
    #[serde(default)]
    is_shared: bool,
}

#[derive(Deserialize, ToSchema)]
struct SystemViewPatch {
    name: Option<String>,
    description: Option<String>,
    icon: Option<String>,
    color: Option<String>,
    #[schema(max_items = 1000)]
    filter_tags: Option<Vec<String>>,
    is_shared: Option<bool>,
}

/// The caller's views and those that everybody sees.
#[utoipa::path(tag = "System views", responses((status = 200, body = SystemViews)))]
#[get("/api/system-views")]
async fn list(call: Call) -> Answer<SystemViews> {
    let views = call.shared.host.organisation.views_of(&call.principal.user);
    let views = views.iter().map(|view| SystemView::of(&call, view)).collect();
    Ok(Json(SystemViews { views }))
}

/// Makes a view.
#[utoipa::path(
    tag = "System views",
    request_body = NewSystemView,
    responses((status = 201, body = SystemView))
)]
#[post("/api/system-views")]
async fn create(call: Call<NewSystemView>) -> Result<HttpResponse, TrinityError> {
    let wanted = call.fields()?;
    let new = NewView {
        name: wanted.name,
        description: wanted.description,
        icon: wanted.icon,
        color: wanted.color.filter(|color| !color.is_empty()),
        tags: wanted.filter_tags,
        is_shared: wanted.is_shared,
    };
    let view = call.shared.host.organisation.make_view(&call.principal.user, new).await?;
    Ok(HttpResponse::build(StatusCode::CREATED).json(SystemView::of(&call, &view)))
}

/// One view.
#[utoipa::path(tag = "System views", params(("id" = String, Path)), responses((status = 200, body = SystemView)))]
#[get("/api/system-views/{id}")]
async fn detail(call: Call) -> Answer<SystemView> {
    let view = found(&call, View::is_seen_by, "Access denied to this view")?;
    Ok(Json(SystemView::of(&call, &view)))
}

/// Changes a view.
#[utoipa::path(
    tag = "System views",
    params(("id" = String, Path)),
    request_body = SystemViewPatch,
    responses((status = 200, body = SystemView))
)]
#[put("/api/system-views/{id}")]
async fn amend(call: Call<SystemViewPatch>) -> Answer<SystemView> {
    let wanted = call.fields()?;
    let refusal = "Only the owner or admin can edit this view";
    let view = found(&call, View::is_kept_by, refusal)?;
    let patch = ViewPatch {
        name: wanted.name,
        description: wanted.description,
        icon: wanted.icon,
        color: wanted.color.filter(|color| !color.is_empty()),
        tags: wanted.filter_tags,
        is_shared: wanted.is_shared,
    };
    let view = call.shared.host.organisation.amend_view(view.id, patch).await?;
    Ok(Json(SystemView::of(&call, &view)))
}

/// Removes a view.
#[utoipa::path(tag = "System views", params(("id" = String, Path)), responses((status = 204)))]
#[delete("/api/system-views/{id}")]
async fn remove(call: Call) -> Result<HttpResponse, TrinityError> {
    let refusal = "Only the owner or admin can delete this view";
    let view = found(&call, View::is_kept_by, refusal)?;
    call.shared.host.organisation.remove_view(view.id).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// The view of the path, for those who may: others are told the same of one that is not there.
fn found<B: Wanted>(
    call: &Call<B>,
    may: impl FnOnce(&View, &crate::accounts::User) -> bool,
    refusal: &str,
) -> Result<Arc<View>, TrinityError> {
    let id = ShortId::parse(KIND, &call.segment("id"));
    match id.and_then(|id| call.shared.host.organisation.view(id)) {
        Some(view) if may(&view, &call.principal.user) => Ok(view),
        None if call.principal.is_admin() => Err(TrinityError::not_found("View not found")),
        Some(_) | None => Err(TrinityError::forbidden(refusal)),
    }
}
