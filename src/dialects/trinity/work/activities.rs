//! What agents did of late: chats, tasks, schedules, calls of tools and of other agents.

use std::collections::BTreeMap;

use actix_web::web::Json;
use actix_web::{delete, get};
use chrono::DateTime;
use greenroom_actors::error::CoreError;
use greenroom_actors::ids::LetterId;
use greenroom_actors::ports::{LogQuery, RunQuery};
use greenroom_actors::records::LogEntry;
use greenroom_actors::runs::{RunKind, Step, StepKind, StepStatus};
use greenroom_actors::time::UnixMillis;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::asker::COLLABORATION;
use super::entries::took;
use super::executions::preview;
use super::record::{Cause, Execution};
use crate::dialects::trinity::call::Call;
use crate::dialects::trinity::error::TrinityError;
use crate::dialects::trinity::mount::Mount;
use crate::dialects::trinity::wanted::InQuery;
use crate::dialects::trinity::{Answer, short, times};
use crate::roster::Known;

/// Runs whose calls are told as what happens now.
const LIVE_RUNS: u32 = 10;

pub(super) fn bulk_routes(at: &mut Mount) {
    at.service(timeline).service(agents_timeline);
}

pub(super) fn routes(at: &mut Mount) {
    at.service(of_agent).service(live).service(clear).service(tool);
}

/// Something that an agent did.
#[derive(Serialize, ToSchema)]
#[schema(as = ActivitiesActivity)]
struct Activity {
    id: String,
    agent_name: String,
    activity_type: &'static str,
    /// `started`, `completed` or `failed`.
    activity_state: &'static str,
    parent_activity_id: Option<String>,
    started_at: String,
    completed_at: Option<String>,
    duration_ms: Option<u64>,
    user_id: Option<i64>,
    triggered_by: String,
    related_chat_message_id: Option<String>,
    related_execution_id: Option<String>,
    details: Value,
    error: Option<String>,
    created_at: String,
}

#[derive(Deserialize, ToSchema)]
#[schema(as = ActivitiesWhich)]
struct Which {
    activity_type: Option<String>,
    activity_state: Option<String>,
    #[serde(default = "hundred")]
    #[schema(default = 100, minimum = 1, maximum = 1000)]
    limit: u32,
}

fn hundred() -> u32 {
    100
}

/// The latest of one agent among which those are sought that a filter lets through.
const SOUGHT_MAX: u32 = 1_000;

#[derive(Serialize, ToSchema)]
#[schema(as = ActivitiesActivities)]
struct Activities {
    agent_name: String,
    count: usize,
    activities: Vec<Activity>,
}

/// What an agent did, newest first.
#[utoipa::path(
    tag = "Activities",
    params(("name" = String, Path), InQuery<Which>),
    responses((status = 200, body = Activities))
)]
#[get("/api/agents/{name}/activities")]
async fn of_agent(call: Call<InQuery<Which>>) -> Answer<Activities> {
    let agent = call.authorised().await?;
    let Which { activity_type, activity_state, limit } = call.query()?;
    let is_any = activity_type.is_none() && activity_state.is_none();
    let mut all = of(&call, &agent, if is_any { limit } else { SOUGHT_MAX }).await?;
    all.retain(|(_, it)| {
        activity_type.as_deref().is_none_or(|wanted| wanted == it.activity_type)
            && activity_state.as_deref().is_none_or(|wanted| wanted == it.activity_state)
    });
    let activities = newest(all, limit);
    Ok(Json(Activities { agent_name: agent.name, count: activities.len(), activities }))
}

fn newest(mut all: Vec<(UnixMillis, Activity)>, limit: u32) -> Vec<Activity> {
    all.sort_by_key(|(at, _)| std::cmp::Reverse(*at));
    all.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    all.into_iter().map(|(_, activity)| activity).collect()
}

/// The latest of one agent.
async fn of<B>(
    call: &Call<B>,
    agent: &Known,
    limit: u32,
) -> Result<Vec<(UnixMillis, Activity)>, TrinityError> {
    let store = &**call.shared.host.registry.store();
    let executions = Execution::latest(store, agent.id, limit).await?;
    let mut all: Vec<_> = executions.iter().map(|it| of_execution(agent, it)).collect();
    let calls = LogQuery { kind: Some(COLLABORATION.to_owned()), ..LogQuery::of(agent.id, limit) };
    for entry in store.logs(calls).await? {
        all.push((entry.created_at, of_call(call, agent, &entry).await?));
    }
    Ok(all)
}

/// How far it has come, among what agents do.
pub(super) fn state(status: &str) -> &'static str {
    match status {
        "queued" | "running" => "started",
        "success" => "completed",
        _ => "failed",
    }
}

/// What an execution is called among what agents do.
pub(super) fn kind_of(execution: &Execution) -> &'static str {
    match (&execution.cause, execution.triggered_by()) {
        (Cause::Firing(..), _) => "schedule_start",
        (_, "self_task") => "self_task",
        _ if execution.status() == "cancelled" => "execution_cancelled",
        _ => "chat_start",
    }
}

/// What is told of an execution beyond what all that agents do has.
pub(super) fn details_of(execution: &Execution) -> Value {
    let labels = execution.labels();
    json!({
        "message_preview": preview(execution.message()),
        "parallel_mode": matches!(&execution.cause, Cause::Letter(letter, _) if letter.is_beside()),
        "source_agent": labels.and_then(|labels| labels.source_agent.clone()),
        "execution_id": short::of(execution.id),
    })
}

fn of_execution(agent: &Known, execution: &Execution) -> (UnixMillis, Activity) {
    let (began, ended) = (execution.began_at(), execution.ended_at());
    let labels = execution.labels();
    let activity = Activity {
        id: execution.id.to_string(),
        agent_name: agent.name.clone(),
        activity_type: kind_of(execution),
        activity_state: state(execution.status()),
        parent_activity_id: None,
        started_at: times::iso(began),
        completed_at: ended.map(times::iso),
        duration_ms: ended.map(|ended| took(began, ended)),
        user_id: labels.and_then(|labels| labels.user_id),
        triggered_by: execution.triggered_by().to_owned(),
        related_chat_message_id: None,
        related_execution_id: Some(short::of(execution.id)),
        details: details_of(execution),
        error: execution.error(),
        created_at: times::iso(began),
    };
    (began, activity)
}

/// A call of another agent, as it stands now.
async fn of_call<B>(
    call: &Call<B>,
    agent: &Known,
    entry: &LogEntry,
) -> Result<Activity, TrinityError> {
    let store = &**call.shared.host.registry.store();
    let text = |key: &str| entry.body.get(key).and_then(Value::as_str).unwrap_or_default();
    let execution = short::parse(text("execution_id"));
    let letter = match execution {
        Some(id) => store.letter(LetterId(id)).await?,
        None => None,
    };
    let execution = match letter {
        Some(letter) => Execution::find(store, letter.to, letter.id.0).await?,
        None => None,
    };
    let ended = execution.as_ref().and_then(Execution::ended_at);
    let mut details = entry.body.clone();
    details.remove("target_id");
    Ok(Activity {
        id: entry.id.0.to_string(),
        agent_name: agent.name.clone(),
        activity_type: COLLABORATION,
        // Whose target is gone is over.
        activity_state: execution.as_ref().map_or("completed", |it| state(it.status())),
        parent_activity_id: None,
        started_at: times::iso(entry.created_at),
        completed_at: ended.map(times::iso),
        duration_ms: ended.map(|ended| took(entry.created_at, ended)),
        user_id: entry.body.get("user_id").and_then(Value::as_i64),
        triggered_by: "agent".to_owned(),
        related_chat_message_id: None,
        related_execution_id: Some(text("execution_id").to_owned()),
        details: Value::Object(details),
        error: execution.as_ref().and_then(Execution::error),
        created_at: times::iso(entry.created_at),
    })
}

#[derive(Deserialize, ToSchema)]
#[schema(as = ActivitiesSpan)]
struct Span {
    start_time: Option<String>,
    end_time: Option<String>,
    /// Words, with commas between them.
    activity_types: Option<String>,
    #[serde(default = "hundred")]
    #[schema(default = 100, minimum = 1, maximum = 1000)]
    limit: u32,
}

#[derive(Serialize, ToSchema)]
#[schema(as = ActivitiesTimeline)]
struct Timeline {
    count: usize,
    activities: Vec<Activity>,
}

/// What the agents did that the caller may see, newest first.
#[utoipa::path(
    tag = "Activities",
    params(InQuery<Span>),
    responses((status = 200, body = Timeline))
)]
#[get("/api/activities/timeline")]
async fn timeline(call: Call<InQuery<Span>>) -> Answer<Timeline> {
    whole(&call).await
}

/// The same at another address.
#[utoipa::path(
    tag = "Activities",
    params(InQuery<Span>),
    responses((status = 200, body = Timeline))
)]
#[get("/api/agents/activities/timeline")]
async fn agents_timeline(call: Call<InQuery<Span>>) -> Answer<Timeline> {
    whole(&call).await
}

async fn whole(call: &Call<InQuery<Span>>) -> Answer<Timeline> {
    let Span { start_time, end_time, activity_types, limit } = call.query()?;
    let (from, to) = (instant("start_time", start_time)?, instant("end_time", end_time)?);
    let types: Vec<_> = activity_types
        .iter()
        .flat_map(|types| types.split(','))
        .map(str::trim)
        .filter(|word| !word.is_empty())
        .collect();
    let is_any = from.is_none() && to.is_none() && types.is_empty();
    let sought = if is_any { limit } else { SOUGHT_MAX };
    let mut all = Vec::new();
    for agent in call.shared.host.roster.visible_to(&call.principal).await? {
        let mut own = of(call, &agent, sought).await?;
        own.retain(|(at, activity)| {
            from.is_none_or(|from| *at >= from)
                && to.is_none_or(|to| *at <= to)
                && (types.is_empty() || types.contains(&activity.activity_type))
        });
        all.extend(own);
        // No more are told, and more need not be held.
        all.sort_by_key(|(at, _)| std::cmp::Reverse(*at));
        all.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    }
    let activities = newest(all, limit);
    Ok(Json(Timeline { count: activities.len(), activities }))
}

fn instant(field: &str, said: Option<String>) -> Result<Option<UnixMillis>, TrinityError> {
    let Some(said) = said else { return Ok(None) };
    let with_zone = DateTime::parse_from_rfc3339(&said).or_else(|_| {
        // Clients leave the zone out where they mean UTC.
        DateTime::parse_from_rfc3339(&format!("{said}Z"))
    });
    let at =
        with_zone.map_err(|_unreadable| TrinityError::bad(format!("{field} is no instant")))?;
    Ok(Some(UnixMillis(at.timestamp_millis())))
}

#[derive(Serialize, ToSchema)]
#[schema(as = LiveActivity)]
struct Live {
    /// `idle` or `running`.
    status: &'static str,
    active_tool: Option<Value>,
    tool_counts: BTreeMap<String, u64>,
    timeline: Vec<Value>,
    totals: Totals,
}

#[derive(Serialize, ToSchema)]
#[schema(as = ActivitiesTotals)]
struct Totals {
    calls: usize,
    duration_ms: u64,
    started_at: Option<String>,
}

/// The calls of tools of an agent's latest runs, the oldest first, and since when it works now.
async fn calls<B>(
    call: &Call<B>,
    agent: &Known,
) -> Result<(Vec<Step>, Option<UnixMillis>), CoreError> {
    let store = call.shared.host.registry.store();
    let since = agent.entry.work.activity_cleared_at;
    let latest = RunQuery { from: since, ..RunQuery::of(agent.id, LIVE_RUNS) };
    let mut runs = store.runs(latest).await?;
    runs.retain(|run| run.kind != RunKind::Tick);
    runs.reverse();
    let open = runs.iter().find(|run| !run.status.is_ended()).map(|run| run.started_at);
    let mut steps = store.steps(runs.iter().map(|run| run.id).collect()).await?;
    steps.retain(|step| step.kind == StepKind::Tool);
    Ok((steps, open))
}

fn told(step: &Step) -> Value {
    let outcome = step.outcome.as_ref();
    let output = outcome.and_then(|it| it.get("text").or_else(|| it.get("error")));
    let status = match step.status {
        StepStatus::Intended => "running",
        StepStatus::Succeeded => "completed",
        StepStatus::Failed | StepStatus::OutcomeUnknown => "failed",
    };
    json!({
        "id": step.intent.get("key"), "tool": step.name, "name": step.name, "status": status,
        "input": step.intent.get("arguments"), "output": output,
        "started_at": times::without_zone(step.started_at),
        "ended_at": step.ended_at.map(times::without_zone),
        "duration_ms": step.ended_at.map(|ended| took(step.started_at, ended)),
        "success": step.status == StepStatus::Succeeded,
    })
}

/// What an agent is doing now.
#[utoipa::path(tag = "Activities", params(("name" = String, Path)), responses((status = 200, body = Live)))]
#[get("/api/agents/{name}/activity")]
async fn live(call: Call) -> Answer<Live> {
    let agent = call.authorised().await?;
    let (steps, open) = calls(&call, &agent).await?;
    let mut tool_counts = BTreeMap::new();
    for step in &steps {
        *tool_counts.entry(step.name.clone()).or_insert(0_u64) += 1;
    }
    let active = steps.iter().find(|step| step.status == StepStatus::Intended);
    let took_ms = steps.iter().filter_map(|step| Some(took(step.started_at, step.ended_at?)));
    Ok(Json(Live {
        status: if open.is_some() { "running" } else { "idle" },
        active_tool: active.map(told),
        totals: Totals {
            calls: steps.len(),
            duration_ms: took_ms.sum(),
            started_at: open.map(times::without_zone),
        },
        timeline: steps.iter().map(told).collect(),
        tool_counts,
    }))
}

/// One call of a tool.
#[utoipa::path(tag = "Activities", params(("name" = String, Path), ("tool_id" = String, Path)), responses((status = 200, body = Value)))]
#[get("/api/agents/{name}/activity/{tool_id}")]
async fn tool(call: Call) -> Answer<Value> {
    let agent = call.authorised().await?;
    let id = call.segment("tool_id");
    let (steps, _) = calls(&call, &agent).await?;
    let is_it = |step: &&Step| step.intent.get("key").and_then(Value::as_str) == Some(id.as_str());
    let found = steps.iter().find(is_it).map(told);
    found.map(Json).ok_or_else(|| TrinityError::not_found("Tool call not found"))
}

#[derive(Serialize, ToSchema)]
#[schema(as = ActivityCleared)]
struct Cleared {
    status: &'static str,
    message: &'static str,
}

/// Leaves what was done until now out of what an agent is doing; executions keep it.
#[utoipa::path(tag = "Activities", params(("name" = String, Path)), responses((status = 200, body = Cleared)))]
#[delete("/api/agents/{name}/activity")]
async fn clear(call: Call) -> Answer<Cleared> {
    let agent = call.authorised().await?;
    let now = call.shared.now();
    let amended = call.shared.host.roster.amend(agent.id, |entry| {
        entry.work.activity_cleared_at = Some(now);
        Ok::<_, CoreError>(())
    });
    amended.await?;
    Ok(Json(Cleared { status: "cleared", message: "Session activity cleared" }))
}
