//! Git in a workspace. No workspace here is a repository: templates come without their history.

use actix_web::web::Json;
use actix_web::{get, post};
use serde::Serialize;
use utoipa::ToSchema;

use super::Answer;
use super::call::Call;
use super::error::TrinityError;
use super::mount::Mount;

/// What is said of every agent.
const NONE: &str = "Git is not enabled for this agent";

pub(super) fn routes(at: &mut Mount) {
    at.service(git_status).service(git_config).service(git_log).service(git_state);
    at.service(git_sync).service(git_pull).service(git_initialize);
}

#[derive(Serialize, ToSchema)]
struct NoGit {
    git_enabled: bool,
    message: &'static str,
}

/// Whether the workspace is a repository, and how it stands.
#[utoipa::path(tag = "Git", params(("name" = String, Path)), responses((status = 200, body = NoGit)))]
#[get("/api/agents/{name}/git/status")]
async fn git_status(call: Call) -> Answer<NoGit> {
    none(&call).await
}

/// Which repository the workspace is one of.
#[utoipa::path(tag = "Git", params(("name" = String, Path)), responses((status = 200, body = NoGit)))]
#[get("/api/agents/{name}/git/config")]
async fn git_config(call: Call) -> Answer<NoGit> {
    none(&call).await
}

/// What was committed: nothing, of what is no repository.
#[utoipa::path(tag = "Git", params(("name" = String, Path)), responses((status = 400, body = super::error::ErrorBody)))]
#[get("/api/agents/{name}/git/log")]
async fn git_log(call: Call) -> Answer<NoGit> {
    refused(&call, false).await
}

/// How the workspace and its origin differ: nothing does, of what is no repository.
#[utoipa::path(tag = "Git", params(("name" = String, Path)), responses((status = 400, body = super::error::ErrorBody)))]
#[get("/api/agents/{name}/git/sync-state")]
async fn git_state(call: Call) -> Answer<NoGit> {
    refused(&call, false).await
}

/// Sends changes to the origin: there is none.
#[utoipa::path(tag = "Git", params(("name" = String, Path)), responses((status = 400, body = super::error::ErrorBody)))]
#[post("/api/agents/{name}/git/sync")]
async fn git_sync(call: Call) -> Answer<NoGit> {
    refused(&call, false).await
}

/// Takes changes from the origin: there is none.
#[utoipa::path(tag = "Git", params(("name" = String, Path)), responses((status = 400, body = super::error::ErrorBody)))]
#[post("/api/agents/{name}/git/pull")]
async fn git_pull(call: Call) -> Answer<NoGit> {
    refused(&call, false).await
}

/// Makes the workspace a repository: this host does not.
#[utoipa::path(tag = "Git", params(("name" = String, Path)), responses((status = 400, body = super::error::ErrorBody)))]
#[post("/api/agents/{name}/git/initialize")]
async fn git_initialize(call: Call) -> Answer<NoGit> {
    refused(&call, true).await
}

async fn none(call: &Call) -> Answer<NoGit> {
    call.authorised().await?;
    Ok(Json(NoGit { git_enabled: false, message: NONE }))
}

async fn refused(call: &Call, is_owners: bool) -> Answer<NoGit> {
    match is_owners {
        true => call.owned().await?,
        false => call.authorised().await?,
    };
    Err(TrinityError::bad(NONE))
}
