//! What an agent measures of itself, and the page that it shows of itself: both from its workspace.

use actix_web::get;
use actix_web::web::Json;
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::agents::status;
use super::call::Call;
use super::error::TrinityError;
use super::mount::Mount;
use super::{Answer, files, times};
use crate::templates::{TemplateError, yaml};
use crate::workspace::{Workspace, WorkspaceError};

/// Bytes of a file that is read for this.
const READ_MAX_BYTES: u64 = 256 * 1024;

pub(super) fn routes(at: &mut Mount) {
    at.service(show_metrics).service(show_dashboard).service(has_dashboard);
}

/// What an agent measures of itself.
#[derive(Serialize, ToSchema)]
struct Metrics {
    agent_name: String,
    has_metrics: bool,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    /// As its `template.yaml` has them.
    #[serde(skip_serializing_if = "Option::is_none")]
    definitions: Option<Vec<Value>>,
    /// As its `metrics.json` has them.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    values: Option<Map<String, Value>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_updated: Option<String>,
}

/// What an agent shows of itself.
#[derive(Serialize, ToSchema)]
struct Dashboard {
    agent_name: String,
    has_dashboard: bool,
    /// As its `dashboard.yaml` has it.
    config: Option<Value>,
    last_modified: Option<String>,
    /// What is wrong with it.
    error: Option<String>,
    status: &'static str,
}

#[derive(Serialize, ToSchema)]
struct HasDashboard {
    has_dashboard: bool,
}

/// What an agent measures of itself.
#[utoipa::path(tag = "Info", params(("name" = String, Path)), responses((status = 200, body = Metrics)))]
#[get("/api/agents/{name}/metrics")]
async fn show_metrics(call: Call) -> Answer<Metrics> {
    let agent = call.permitted().await?;
    let without = |message: &str| Metrics {
        agent_name: agent.name.clone(),
        has_metrics: false,
        status: status(agent.state),
        message: Some(message.to_owned()),
        definitions: None,
        values: None,
        last_updated: None,
    };
    if !agent.is_running() {
        return Ok(Json(without("Agent must be running to read its metrics")));
    }
    let host = &call.shared.host;
    let template = match host.templates.of(agent.id).await {
        Ok(template) => template.unwrap_or_default(),
        Err(TemplateError::Unreadable { reason, .. }) => {
            return Ok(Json(without(&format!("template.yaml cannot be read: {reason}"))));
        }
        Err(error) => return Err(error.into()),
    };
    if template.metrics.is_empty() {
        return Ok(Json(without("No metrics are defined in template.yaml")));
    }
    let written = read(&host.workspaces.free(agent.id), "metrics.json").await?;
    let mut values =
        written.and_then(|text| serde_json::from_str::<Map<String, Value>>(&text).ok());
    let last_updated = values.as_mut().and_then(|values| values.remove("last_updated"));
    let last_updated = last_updated.and_then(|at| at.as_str().map(str::to_owned));
    Ok(Json(Metrics {
        agent_name: agent.name.clone(),
        has_metrics: true,
        status: status(agent.state),
        message: None,
        definitions: Some(template.metrics),
        values: Some(values.unwrap_or_default()),
        last_updated,
    }))
}

/// What an agent shows of itself.
#[utoipa::path(tag = "Info", params(("name" = String, Path)), responses((status = 200, body = Dashboard)))]
#[get("/api/agent-dashboard/{name}")]
async fn show_dashboard(call: Call) -> Answer<Dashboard> {
    let agent = call.permitted().await?;
    let mut told = Dashboard {
        agent_name: agent.name.clone(),
        has_dashboard: false,
        config: None,
        last_modified: None,
        error: None,
        status: status(agent.state),
    };
    if !agent.is_running() {
        told.error = Some("Agent must be running to show its dashboard".to_owned());
        return Ok(Json(told));
    }
    let workspace = call.shared.host.workspaces.free(agent.id);
    let Some(text) = read(&workspace, DASHBOARD).await? else { return Ok(Json(told)) };
    told.has_dashboard = true;
    let about = workspace.about(DASHBOARD.parse().map_err(wrong)?).await.map_err(wrong)?;
    told.last_modified = Some(times::without_zone(about.changed_at));
    match yaml::read(&text) {
        Ok(config) => told.config = Some(config),
        Err(reason) => told.error = Some(format!("{DASHBOARD} cannot be read: {reason}")),
    }
    Ok(Json(told))
}

/// Whether an agent shows something of itself.
#[utoipa::path(tag = "Info", params(("name" = String, Path)), responses((status = 200, body = HasDashboard)))]
#[get("/api/agent-dashboard/{name}/exists")]
async fn has_dashboard(call: Call) -> Answer<HasDashboard> {
    let agent = call.permitted().await?;
    let found = match agent.is_running() {
        true => read(&call.shared.host.workspaces.free(agent.id), DASHBOARD).await?,
        false => None,
    };
    Ok(Json(HasDashboard { has_dashboard: found.is_some() }))
}

const DASHBOARD: &str = "dashboard.yaml";

/// A text file of a workspace; what is cut off of one that is too long makes it unreadable.
pub(super) async fn read(
    workspace: &Workspace,
    path: &str,
) -> Result<Option<String>, TrinityError> {
    let at = path.parse().map_err(wrong)?;
    match workspace.read(at, 0, READ_MAX_BYTES).await {
        Ok(part) => Ok(Some(String::from_utf8_lossy(&part.bytes).into_owned())),
        Err(
            WorkspaceError::Missing(_)
            | WorkspaceError::NotAFile(_)
            | WorkspaceError::NotAFolder(_)
            | WorkspaceError::Special(_),
        ) => Ok(None),
        Err(error) => Err(wrong(error)),
    }
}

fn wrong(error: WorkspaceError) -> TrinityError {
    files::refused(error, DASHBOARD)
}
