//! Executions: what became of all that an agent was asked to do, and their end by hand.

use actix_web::web::Json;
use actix_web::{get, post};
use greenroom_actors::agent::{CallOff, CallOffFiring, CalledOff};
use greenroom_actors::ids::LetterId;
use greenroom_actors::ports::RunQuery;
use greenroom_actors::runs::RunKind;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::chat::running;
use super::detail::Detail;
use super::entries;
use super::record::{Cause, Execution, Summary};
use crate::dialects::trinity::call::Call;
use crate::dialects::trinity::error::TrinityError;
use crate::dialects::trinity::mount::Mount;
use crate::dialects::trinity::wanted::InQuery;
use crate::dialects::trinity::{Answer, short, times};
use crate::roster::Known;

/// Characters of a message that are shown of it.
const PREVIEW_MAX: usize = 100;

pub(super) fn routes(at: &mut Mount) {
    at.service(list).service(in_flight).service(one).service(full_log).service(terminate);
}

#[derive(Deserialize, ToSchema)]
#[schema(as = ExecutionsPage)]
struct Page {
    /// 1 to 1000.
    #[serde(default = "fifty")]
    #[schema(default = 50, minimum = 1, maximum = 1000)]
    limit: u32,
}

fn fifty() -> u32 {
    50
}

/// What an agent was asked to do, newest first.
#[utoipa::path(
    tag = "Executions",
    params(("name" = String, Path), InQuery<Page>),
    responses((status = 200, body = Vec<Summary>))
)]
#[get("/api/agents/{name}/executions")]
async fn list(call: Call<InQuery<Page>>) -> Answer<Vec<Summary>> {
    let agent = call.authorised().await?;
    let Page { limit } = call.query()?;
    let store = &**call.shared.host.registry.store();
    let executions = Execution::latest(store, agent.id, limit).await?;
    Ok(Json(executions.iter().map(|execution| execution.summary(&agent)).collect()))
}

/// One execution.
#[utoipa::path(tag = "Executions", params(("name" = String, Path), ("id" = String, Path)), responses((status = 200, body = Detail)))]
#[get("/api/agents/{name}/executions/{id}")]
async fn one(call: Call) -> Answer<Detail> {
    let agent = call.authorised().await?;
    let execution = find(&call, &agent).await?;
    let store = &**call.shared.host.registry.store();
    Ok(Json(Detail::of(store, &agent, &execution).await?))
}

#[derive(Serialize, ToSchema)]
#[schema(as = ExecutionsLog)]
struct Log {
    execution_id: String,
    agent_name: String,
    has_log: bool,
    log: Option<Vec<Value>>,
    started_at: String,
    completed_at: Option<String>,
    status: &'static str,
}

/// What an execution did, entry by entry.
#[utoipa::path(tag = "Executions", params(("name" = String, Path), ("id" = String, Path)), responses((status = 200, body = Log)))]
#[get("/api/agents/{name}/executions/{id}/log")]
async fn full_log(call: Call) -> Answer<Log> {
    let agent = call.authorised().await?;
    let execution = find(&call, &agent).await?;
    let store = &**call.shared.host.registry.store();
    let (steps, response) = (execution.steps(store).await?, execution.response(store).await?);
    let log = execution.run.as_ref().map(|run| entries::of(run, &steps, response.as_deref()));
    Ok(Json(Log {
        execution_id: short::of(execution.id),
        agent_name: agent.name.clone(),
        has_log: log.is_some(),
        log,
        started_at: times::iso(execution.began_at()),
        completed_at: execution.ended_at().map(times::iso),
        status: execution.status(),
    }))
}

#[derive(Serialize, ToSchema)]
#[schema(as = ExecutionsRunning)]
struct Running {
    executions: Vec<InFlight>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = ExecutionsInFlight)]
struct InFlight {
    execution_id: String,
    started_at: String,
    /// `type`, `message_preview`, `triggered_by`.
    metadata: Value,
}

/// What is being done now.
#[utoipa::path(tag = "Executions", params(("name" = String, Path)), responses((status = 200, body = Running)))]
#[get("/api/agents/{name}/executions/running")]
async fn in_flight(call: Call) -> Answer<Running> {
    let agent = call.authorised().await?;
    let store = &**call.shared.host.registry.store();
    let mut executions = Vec::new();
    for run in store.runs(RunQuery::open(agent.id)).await? {
        let id = run.letter_id.map(|id| id.0).or(run.firing_id.map(|id| id.0));
        let (Some(id), false) = (id, run.kind == RunKind::Tick) else { continue };
        let Some(execution) = Execution::find(store, agent.id, id).await? else { continue };
        let kind = if run.kind == RunKind::Reply { "chat" } else { "task" };
        executions.push(InFlight {
            execution_id: short::of(id),
            started_at: times::without_zone(run.started_at),
            metadata: json!({
                "type": kind, "message_preview": preview(execution.message()),
                "triggered_by": execution.triggered_by(),
            }),
        });
    }
    Ok(Json(Running { executions }))
}

/// The beginning of a message.
pub(super) fn preview(message: &str) -> String {
    message.chars().take(PREVIEW_MAX).collect()
}

#[derive(Deserialize, ToSchema)]
#[schema(as = ExecutionsOther)]
struct Other {
    /// The execution that is meant, where the path names another form of it.
    task_execution_id: Option<String>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = ExecutionsTerminated)]
struct Terminated {
    /// `terminated`, `already_finished` or `cancelled_while_queued`.
    status: &'static str,
    execution_id: String,
}

/// Ends an execution.
#[utoipa::path(
    tag = "Executions",
    params(("name" = String, Path), ("id" = String, Path), InQuery<Other>),
    responses((status = 200, body = Terminated))
)]
#[post("/api/agents/{name}/executions/{id}/terminate")]
async fn terminate(call: Call<InQuery<Other>>) -> Answer<Terminated> {
    let agent = call.authorised().await?;
    let Other { task_execution_id } = call.query()?;
    running(&agent)?;
    let missing = || TrinityError::not_found("Execution not found in agent");
    let id = task_execution_id.unwrap_or_else(|| call.segment("id"));
    let execution = by_id(&call, &agent, &id).await?.ok_or_else(missing)?;
    let registry = &call.shared.host.registry;
    let reason = || format!("terminated by {}", call.principal.user.username);
    let called_off = match &execution.cause {
        Cause::Letter(letter, _) => {
            registry.ask(agent.id, CallOff { letter: letter.id, reason: reason() }).await?
        }
        Cause::Firing(firing, _) => {
            registry.ask(agent.id, CallOffFiring { firing: firing.id, reason: reason() }).await?
        }
    };
    let status = match called_off {
        CalledOff::CutOff => "terminated",
        CalledOff::BeforeItsTurn => "cancelled_while_queued",
        CalledOff::Over(_) => "already_finished",
    };
    Ok(Json(Terminated { status, execution_id: short::of(execution.id) }))
}

/// The execution of the path.
pub(super) async fn find<B>(call: &Call<B>, agent: &Known) -> Result<Execution, TrinityError> {
    let found = by_id(call, agent, &call.segment("id")).await?;
    found.ok_or_else(|| TrinityError::not_found("Execution not found"))
}

/// An execution by its id in either of its forms.
async fn by_id<B>(
    call: &Call<B>,
    agent: &Known,
    id: &str,
) -> Result<Option<Execution>, TrinityError> {
    let id = short::parse(id).or_else(|| id.parse::<LetterId>().ok().map(|id| id.0));
    let Some(id) = id else { return Ok(None) };
    Ok(Execution::find(&**call.shared.host.registry.store(), agent.id, id).await?)
}
