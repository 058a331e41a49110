//! What an agent says of itself, and the templates that agents begin with.

use actix_web::get;
use actix_web::web::Json;
use serde::Serialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use super::Answer;
use super::agents::status;
use super::answering::AgentRuntime;
use super::call::Call;
use super::files::HOME;
use super::mount::Mount;
use crate::roster::Known;
use crate::templates::{Template, TemplateError};

pub(super) fn routes(at: &mut Mount) {
    at.service(show);
}

/// What an agent says of itself in the `template.yaml` of its workspace; without one, and while it does
/// not run, less.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
enum AgentInfo {
    Described(Box<Described>),
    Plain(Box<Plain>),
}

/// What is known without a `template.yaml`.
#[derive(Serialize, ToSchema)]
struct Plain {
    has_template: bool,
    agent_name: String,
    /// What it was made from.
    template_name: String,
    message: String,
    status: &'static str,
    runtime: AgentRuntime,
    /// There while it does not run.
    #[serde(skip_serializing_if = "Option::is_none")]
    r#type: Option<String>,
    /// There while it does not run.
    #[serde(skip_serializing_if = "Option::is_none")]
    resources: Option<Value>,
}

/// What the `template.yaml` says.
#[derive(Serialize, ToSchema)]
struct Described {
    has_template: bool,
    template_path: String,
    agent_name: String,
    name: String,
    display_name: String,
    tagline: String,
    description: String,
    version: String,
    author: String,
    updated: String,
    r#type: String,
    #[schema(value_type = Object)]
    resources: Map<String, Value>,
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
    status: &'static str,
    runtime: AgentRuntime,
}

/// What an agent says of itself.
#[utoipa::path(tag = "Info", params(("name" = String, Path)), responses((status = 200, body = AgentInfo)))]
#[get("/api/agents/{name}/info")]
async fn show(call: Call) -> Answer<AgentInfo> {
    let agent = call.authorised().await?;
    let host = &call.shared.host;
    let character = &host.registry.record(agent.id).await?.character;
    let runtime = AgentRuntime::of(host, &agent, character);
    if !agent.is_running() {
        let resources = json!({
            "cpu": agent.entry.resources.cpu, "memory": agent.entry.resources.memory,
        });
        let told =
            plain(&agent, runtime, "Agent is stopped. Start it to see all that it says of itself.");
        return Ok(Json(AgentInfo::Plain(Box::new(Plain {
            r#type: Some(agent.entry.kind.clone()),
            resources: Some(resources),
            ..*told
        }))));
    }
    let found = match host.templates.of(agent.id).await {
        Ok(found) => found,
        // Its own file is the agent's: what is wrong with it is told, and no fault of the host.
        Err(TemplateError::Unreadable { reason, .. }) => {
            let told = format!("template.yaml cannot be read: {reason}");
            return Ok(Json(AgentInfo::Plain(plain(&agent, runtime, &told))));
        }
        Err(error) => return Err(error.into()),
    };
    Ok(Json(match found {
        Some(template) => AgentInfo::Described(Box::new(described(&agent, runtime, template))),
        None => AgentInfo::Plain(plain(&agent, runtime, "No template.yaml found in the workspace")),
    }))
}

fn plain(agent: &Known, runtime: AgentRuntime, message: &str) -> Box<Plain> {
    Box::new(Plain {
        has_template: false,
        agent_name: agent.name.clone(),
        template_name: agent.entry.template.clone().unwrap_or_default(),
        message: message.to_owned(),
        status: status(agent.state),
        runtime,
        r#type: None,
        resources: None,
    })
}

fn described(agent: &Known, runtime: AgentRuntime, template: Template) -> Described {
    Described {
        has_template: true,
        template_path: format!("{HOME}/template.yaml"),
        agent_name: agent.name.clone(),
        name: template.name,
        display_name: template.display_name,
        tagline: template.tagline,
        description: template.description,
        version: template.version,
        author: template.author,
        updated: template.updated,
        r#type: template.kind.unwrap_or_default(),
        resources: template.resources,
        use_cases: template.use_cases,
        capabilities: template.capabilities,
        sub_agents: template.sub_agents,
        commands: template.commands,
        platforms: template.platforms,
        tools: template.tools,
        skills: template.skills,
        mcp_servers: template.mcp_servers,
        avatar_prompt: template.avatar_prompt,
        status: status(agent.state),
        runtime,
    }
}
