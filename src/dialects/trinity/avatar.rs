//! An agent's picture: a file of its workspace that its template or a person has put there. None is
//! drawn, for no model here draws.

use actix_web::web::Json;
use actix_web::{HttpResponse, delete, get, post};
use serde::Serialize;
use utoipa::ToSchema;

use super::call::{Call, Visit};
use super::error::{ErrorBody, TrinityError};
use super::mount::Mount;
use super::{Answer, files, times};
use crate::http::served::ServedFile;
use crate::roster::Known;
use crate::templates::{PICTURES, TemplateError, picture};
use crate::workspace::{Opened, WorkPath, Workspace, WorkspaceError};

/// Bytes of a picture.
const PICTURE_MAX_BYTES: u64 = 8 * 1024 * 1024;

pub(super) fn routes(at: &mut Mount) {
    at.service(identity).service(emotions).service(emotion).service(reference);
    at.service(generate).service(regenerate).service(show_avatar).service(remove_avatar);
}

/// For paths with a word where others have an agent's name.
pub(super) fn routes_before_names(at: &mut Mount) {
    at.service(generate_defaults);
}

#[derive(Serialize, ToSchema)]
struct Identity {
    agent_name: String,
    /// How the picture is to be drawn.
    identity_prompt: Option<String>,
    updated_at: Option<String>,
    has_avatar: bool,
    has_reference: bool,
}

#[derive(Serialize, ToSchema)]
struct Emotions {
    agent_name: String,
    emotions: Vec<String>,
}

#[derive(Serialize, ToSchema)]
struct AvatarGone {
    message: String,
}

/// An agent's picture. Pages show it as an image, which carries no token.
#[utoipa::path(
    tag = "Avatar",
    params(("name" = String, Path)),
    responses((status = 200, description = "The picture", body = String, content_type = "image/*"))
)]
#[get("/api/agents/{name}/avatar")]
async fn show_avatar(visit: Visit) -> Result<HttpResponse, TrinityError> {
    let host = &visit.shared.host;
    // Whoever is not there has none, and is told of in the same words.
    let agent = host.roster.find(&visit.segment("name")).await?.ok_or_else(none)?;
    let (opened, sort) = opened(&host.workspaces.own(agent.id)).await?.ok_or_else(none)?;
    let file = ServedFile::new(opened.file, sort).map_err(TrinityError::inside)?;
    Ok(file.cached("private, max-age=0").answer(visit.request.headers()))
}

/// Removes an agent's picture.
#[utoipa::path(tag = "Avatar", params(("name" = String, Path)), responses((status = 200, body = AvatarGone)))]
#[delete("/api/agents/{name}/avatar")]
async fn remove_avatar(call: Call) -> Answer<AvatarGone> {
    let agent = call.owned().await?;
    let workspace = call.shared.host.workspaces.own(agent.id);
    let mut is_gone = false;
    for (path, _) in PICTURES {
        match workspace.remove(at(path)?, false).await {
            Ok(_) => is_gone = true,
            Err(WorkspaceError::Missing(_)) => {}
            Err(error) => return Err(files::refused(error, path)),
        }
    }
    if !is_gone {
        return Err(none());
    }
    let forgotten = |entry: &mut crate::roster::Entry| {
        entry.avatar_changed_at = None;
        Ok::<_, TrinityError>(())
    };
    call.shared.host.roster.amend(agent.id, forgotten).await?;
    Ok(Json(AvatarGone { message: format!("Avatar of agent {} removed", agent.name) }))
}

/// What an agent's picture is to show.
#[utoipa::path(tag = "Avatar", params(("name" = String, Path)), responses((status = 200, body = Identity)))]
#[get("/api/agents/{name}/avatar/identity")]
async fn identity(call: Call) -> Answer<Identity> {
    let agent = call.authorised().await?;
    let host = &call.shared.host;
    let identity_prompt = match host.templates.of(agent.id).await {
        Ok(template) => template.and_then(|template| template.avatar_prompt),
        Err(TemplateError::Unreadable { .. }) => None,
        Err(error) => return Err(error.into()),
    };
    let found = picture(&host.workspaces.own(agent.id)).await;
    let found = found.map_err(|error| files::refused(error, "avatar"))?;
    Ok(Json(Identity {
        agent_name: agent.name,
        identity_prompt,
        updated_at: found.as_ref().map(|(entry, _)| times::iso(entry.changed_at)),
        has_avatar: found.is_some(),
        has_reference: false,
    }))
}

/// Variants of an agent's picture: none.
#[utoipa::path(tag = "Avatar", params(("name" = String, Path)), responses((status = 200, body = Emotions)))]
#[get("/api/agents/{name}/avatar/emotions")]
async fn emotions(call: Call) -> Answer<Emotions> {
    let agent = call.authorised().await?;
    Ok(Json(Emotions { agent_name: agent.name, emotions: Vec::new() }))
}

/// One variant of an agent's picture.
#[utoipa::path(tag = "Avatar", params(("name" = String, Path), ("emotion" = String, Path)), responses((status = 404, body = ErrorBody)))]
#[get("/api/agents/{name}/avatar/emotion/{emotion}")]
async fn emotion(_visit: Visit) -> Answer<Emotions> {
    Err(none())
}

/// What an agent's picture was drawn after.
#[utoipa::path(tag = "Avatar", params(("name" = String, Path)), responses((status = 404, body = ErrorBody)))]
#[get("/api/agents/{name}/avatar/reference")]
async fn reference(call: Call) -> Answer<Emotions> {
    call.authorised().await?;
    Err(TrinityError::not_found("No reference image found"))
}

/// Draws an agent's picture: no model here draws.
#[utoipa::path(tag = "Avatar", params(("name" = String, Path)), responses((status = 501, body = ErrorBody)))]
#[post("/api/agents/{name}/avatar/generate")]
async fn generate(call: Call) -> Answer<Identity> {
    not_drawn(call.owned().await?)
}

/// Draws an agent's picture anew: no model here draws.
#[utoipa::path(tag = "Avatar", params(("name" = String, Path)), responses((status = 501, body = ErrorBody)))]
#[post("/api/agents/{name}/avatar/regenerate")]
async fn regenerate(call: Call) -> Answer<Identity> {
    not_drawn(call.owned().await?)
}

/// Draws pictures of all agents that have none: no model here draws.
#[utoipa::path(tag = "Avatar", responses((status = 501, body = ErrorBody)))]
#[post("/api/agents/avatars/generate-defaults")]
async fn generate_defaults(call: Call) -> Answer<Identity> {
    call.admin()?;
    Err(no_model())
}

fn not_drawn(_agent: Known) -> Answer<Identity> {
    Err(no_model())
}

fn no_model() -> TrinityError {
    TrinityError::not_here("No image model is configured on this host")
}

fn none() -> TrinityError {
    TrinityError::not_found("No avatar found")
}

fn at(path: &str) -> Result<WorkPath, TrinityError> {
    path.parse().map_err(|error| files::refused(error, path))
}

async fn opened(workspace: &Workspace) -> Result<Option<(Opened, &'static str)>, TrinityError> {
    let wrong = |error| files::refused(error, "avatar");
    let Some((entry, sort)) = picture(workspace).await.map_err(wrong)? else { return Ok(None) };
    let opened = workspace.open(entry.path, PICTURE_MAX_BYTES).await;
    opened.map(|opened| Some((opened, sort))).map_err(wrong)
}
