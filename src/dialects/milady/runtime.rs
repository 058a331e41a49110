//! What the agent is made of, for the dashboard's view of its inside.

mod bounds;

use actix_web::web::{Data, ServiceConfig, get};
use actix_web::{HttpRequest, HttpResponse};
use greenroom_actors::character::AgentRecord;
use greenroom_actors::error::CoreError;
use greenroom_actors::ids::AgentId;
use greenroom_actors::ports::Tool;
use serde::Serialize;
use serde_json::{Value, json};

use super::Answer;
use super::routes::on;
use super::shared::Shared;
use crate::http::query::Query;
use crate::primary::StateWord;
use bounds::Bounds;

/// What the parts of an agent are made of here.
const CLASS: &str = "Tool";

pub(super) fn routes(at: &mut ServiceConfig) {
    at.service(on("/api/runtime").route(get().to(show)));
}

/// What an agent is and how many of each part it has.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Meta {
    #[serde(skip_serializing_if = "Option::is_none")]
    agent_id: Option<AgentId>,
    agent_state: StateWord,
    agent_name: String,
    model: Option<String>,
    plugin_count: usize,
    action_count: usize,
    provider_count: usize,
    evaluator_count: usize,
    service_type_count: usize,
    service_count: usize,
}

/// One part, in the order in which the agent has them.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Part {
    index: usize,
    name: String,
    class_name: &'static str,
    id: Option<String>,
}

/// What there is of an agent's inside.
#[derive(Default)]
struct Inside {
    /// What answers for it: the one part that stands for a plugin.
    models: Vec<String>,
    tools: Vec<Tool>,
    agent: Value,
}

async fn show(shared: Data<Shared>, request: HttpRequest) -> Answer {
    let bounds = Bounds::of(&Query::parse(request.query_string()));
    let status = shared.host.primary.status().await?;
    let agent = shared.host.primary.agent().await?;
    let inside = match &agent {
        Some(record) => inside(&shared, record, status.model.clone()).await?,
        None => Inside::default(),
    };
    let Inside { models, tools, agent: section } = inside;
    let actions: Vec<_> = tools.iter().map(|tool| tool.spec.name.clone()).collect();
    let meta = Meta {
        agent_id: agent.as_ref().map(|record| record.id),
        agent_state: status.word,
        agent_name: status.agent_name,
        model: status.model,
        plugin_count: models.len(),
        action_count: actions.len(),
        provider_count: 0,
        evaluator_count: 0,
        service_type_count: 0,
        service_count: 0,
    };
    let described: Vec<_> = tools.iter().map(described).collect();
    let sections = json!({
        "runtime": section,
        "plugins": models,
        "actions": described,
        "providers": [],
        "evaluators": [],
        "services": {},
    });
    Ok(HttpResponse::Ok().json(json!({
        "runtimeAvailable": agent.is_some(),
        "generatedAt": shared.now(),
        "settings": bounds,
        "meta": meta,
        "order": {
            "plugins": parts(models, "Model"),
            "actions": parts(actions, CLASS),
            "providers": [],
            "evaluators": [],
            "services": [],
        },
        "sections": bounds.cut(sections),
    })))
}

/// What may be told of an agent's inside: none of its settings, which hold secrets.
async fn inside(
    shared: &Shared,
    record: &AgentRecord,
    model: Option<String>,
) -> Result<Inside, CoreError> {
    let registry = &shared.host.registry;
    let status = registry.status(record.id).await?;
    let agent = json!({
        "agentId": record.id,
        "name": record.character.name,
        "handle": record.handle,
        "state": status.state,
        "createdAt": record.created_at,
        "runInFlight": status.run,
        "restarts": status.restarts,
        "ticksSkipped": status.ticks_skipped,
        "nextTickAt": status.next_tick_at,
    });
    Ok(Inside {
        models: model.into_iter().collect(),
        tools: registry.tools(record.id).await?,
        agent,
    })
}

fn parts(names: Vec<String>, class_name: &'static str) -> Vec<Part> {
    let named = names.into_iter().enumerate();
    named.map(|(index, name)| Part { index, name, class_name, id: None }).collect()
}

fn described(tool: &Tool) -> Value {
    json!({
        "name": tool.spec.name,
        "description": tool.spec.description,
        "parameters": tool.spec.parameters,
        "asksFirst": tool.asks_first,
    })
}
