//! The templates that agents begin with.

use actix_web::get;
use actix_web::http::StatusCode;
use actix_web::web::Json;
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::Answer;
use super::call::Call;
use super::error::TrinityError;
use super::files;
use super::mount::Mount;
use super::preferences::templates::{self as repositories, Repository};
use crate::templates::{Listed, TemplateError};

pub(super) fn routes(at: &mut Mount) {
    at.service(all).service(one);
}

/// A template.
#[derive(Serialize, ToSchema)]
struct TemplateShown {
    id: String,
    display_name: String,
    description: String,
    /// `owner/repo`, of those that are one.
    #[serde(skip_serializing_if = "Option::is_none")]
    github_repo: Option<String>,
    /// `local` or `github`.
    source: &'static str,
    #[schema(value_type = Object)]
    resources: Map<String, Value>,
    skills: Vec<Value>,
    mcp_servers: Vec<Value>,
    /// Names of environment variables.
    required_credentials: Vec<String>,
    /// Globs of what is kept when an agent is made anew.
    persistent_state: Vec<String>,
}

impl From<Listed> for TemplateShown {
    fn from(Listed { id, template }: Listed) -> Self {
        Self {
            display_name: match template.display_name.is_empty() {
                true => id.clone(),
                false => template.display_name,
            },
            id,
            description: template.description,
            github_repo: None,
            source: "local",
            resources: template.resources,
            skills: template.skills,
            mcp_servers: template.mcp_servers,
            required_credentials: template.required_credentials,
            persistent_state: template.persistent_state,
        }
    }
}

impl From<Repository> for TemplateShown {
    /// What it says of itself is known once it is cloned.
    fn from(repository: Repository) -> Self {
        Self {
            id: format!("github:{}", repository.github_repo),
            display_name: repository.shown(),
            description: repository.description,
            github_repo: Some(repository.github_repo),
            source: "github",
            resources: Map::new(),
            skills: Vec::new(),
            mcp_servers: Vec::new(),
            required_credentials: Vec::new(),
            persistent_state: Vec::new(),
        }
    }
}

/// The repositories that administrators offer, then what lies on this host.
async fn offered(call: &Call) -> Result<Vec<TemplateShown>, TrinityError> {
    let host = &call.shared.host;
    let repositories = repositories::offered(&host.preferences).into_iter();
    let local = host.templates.list().await?.into_iter();
    Ok(repositories.map(TemplateShown::from).chain(local.map(TemplateShown::from)).collect())
}

/// The templates of this host, and the repositories that are offered.
#[utoipa::path(tag = "Templates", responses((status = 200, body = [TemplateShown])))]
#[get("/api/templates")]
async fn all(call: Call) -> Answer<Vec<TemplateShown>> {
    Ok(Json(offered(&call).await?))
}

/// One of them; its id may have slashes.
#[utoipa::path(tag = "Templates", params(("id" = String, Path)), responses((status = 200, body = TemplateShown)))]
#[get("/api/templates/{id:.*}")]
async fn one(call: Call) -> Answer<TemplateShown> {
    let id = call.segment("id");
    let found = offered(&call).await?.into_iter().find(|one| one.id == id);
    found.map(Json).ok_or_else(|| TrinityError::not_found("Template not found"))
}

impl From<TemplateError> for TrinityError {
    fn from(error: TemplateError) -> Self {
        match error {
            TemplateError::Form { .. }
            | TemplateError::Unknown(_)
            | TemplateError::NoRepository(_)
            | TemplateError::Unreadable { .. }
            | TemplateError::TooLarge { .. } => Self::bad(error.to_string()),
            TemplateError::NoGit => Self::not_here(error.to_string()),
            TemplateError::Upstream { .. } => Self::new(StatusCode::BAD_GATEWAY, error.to_string()),
            TemplateError::Busy => Self::unavailable(error.to_string()),
            TemplateError::Workspace(error) => files::refused(error, "the template"),
            TemplateError::Io(error) => Self::inside(error),
        }
    }
}
