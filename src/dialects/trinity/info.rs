//! What an agent says of itself, and the templates that agents begin with.

use actix_web::get;
use actix_web::web::Json;
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use super::Answer;
use super::agents::status;
use super::call::Call;
use super::files::HOME;
use crate::roster::Known;
use crate::templates::{Template, TemplateError};

pub(super) fn routes(at: &mut ServiceConfig) {
    at.service(show);
}

/// What an agent says of itself in the `template.yaml` of its workspace; without one, and while it does
/// not run, less.
#[derive(Serialize, ToSchema)]
struct AgentInfo {
    has_template: bool,
    agent_name: String,
    status: &'static str,
    /// What it was made from.
    #[serde(skip_serializing_if = "Option::is_none")]
    template_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    r#type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resources: Option<Value>,
    #[serde(flatten)]
    said: Option<Said>,
}

/// What the `template.yaml` says.
#[derive(Serialize, ToSchema)]
struct Said {
    template_path: String,
    name: String,
    display_name: String,
    tagline: String,
    description: String,
    version: String,
    author: String,
    updated: String,
    /// Texts, or objects with `name` and `description`; so are all lists.
    use_cases: Vec<Value>,
    capabilities: Vec<Value>,
    sub_agents: Vec<Value>,
    commands: Vec<Value>,
    platforms: Vec<Value>,
    tools: Vec<Value>,
    skills: Vec<Value>,
    mcp_servers: Vec<Value>,
    avatar_prompt: Option<String>,
}

/// What an agent says of itself.
#[utoipa::path(tag = "Info", params(("name" = String, Path)), responses((status = 200, body = AgentInfo)))]
#[get("/api/agents/{name}/info")]
async fn show(call: Call) -> Answer<AgentInfo> {
    let agent = call.authorised().await?;
    if !agent.is_running() {
        let resources = json!({
            "cpu": agent.entry.resources.cpu, "memory": agent.entry.resources.memory,
        });
        return Ok(Json(AgentInfo {
            r#type: Some(agent.entry.kind.clone()),
            resources: Some(resources),
            ..plain(&agent, "Agent is stopped. Start it to see all that it says of itself.")
        }));
    }
    let found = match call.shared.host.templates.of(agent.id).await {
        Ok(found) => found,
        // Its own file is the agent's: what is wrong with it is told, and no fault of the host.
        Err(TemplateError::Unreadable { reason, .. }) => {
            return Ok(Json(plain(&agent, &format!("template.yaml cannot be read: {reason}"))));
        }
        Err(error) => return Err(error.into()),
    };
    Ok(Json(match found {
        Some(template) => described(&agent, template),
        None => plain(&agent, "No template.yaml found in the workspace"),
    }))
}

fn plain(agent: &Known, message: &str) -> AgentInfo {
    AgentInfo {
        has_template: false,
        agent_name: agent.name.clone(),
        status: status(agent.state),
        template_name: Some(agent.entry.template.clone().unwrap_or_default()),
        message: Some(message.to_owned()),
        r#type: None,
        resources: None,
        said: None,
    }
}

fn described(agent: &Known, template: Template) -> AgentInfo {
    AgentInfo {
        has_template: true,
        agent_name: agent.name.clone(),
        status: status(agent.state),
        template_name: None,
        message: None,
        r#type: Some(template.kind.unwrap_or_default()),
        resources: Some(Value::Object(template.resources)),
        said: Some(Said {
            template_path: format!("{HOME}/template.yaml"),
            name: template.name,
            display_name: template.display_name,
            tagline: template.tagline,
            description: template.description,
            version: template.version,
            author: template.author,
            updated: template.updated,
            use_cases: template.use_cases,
            capabilities: template.capabilities,
            sub_agents: template.sub_agents,
            commands: template.commands,
            platforms: template.platforms,
            tools: template.tools,
            skills: template.skills,
            mcp_servers: template.mcp_servers,
            avatar_prompt: template.avatar_prompt,
        }),
    }
}
