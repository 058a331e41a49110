//! The operators' queue: what agents want to know of people.

use std::collections::BTreeMap;

use actix_web::web::Json;
use actix_web::{get, post};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::call::Call;
use super::error::TrinityError;
use super::mount::Mount;
use super::organised::{Names, count};
use super::wanted::{InQuery, Wanted};
use super::{Answer, times};
use crate::organisation::{Ask, AskFilter, Decision};

pub(super) fn routes(at: &mut Mount) {
    // The word before the id.
    at.service(list)
        .service(stats)
        .service(of_agent)
        .service(detail)
        .service(respond)
        .service(cancel);
}

/// Something that an agent wants to know.
#[derive(Serialize, ToSchema)]
struct QueueItem {
    id: String,
    /// What the agent calls it.
    request_id: String,
    agent_name: String,
    r#type: String,
    /// `pending`, `responded`, `acknowledged`, `expired` or `cancelled`.
    status: &'static str,
    /// `critical`, `high`, `medium` or `low`.
    priority: String,
    title: String,
    question: String,
    options: Option<Value>,
    context: Option<Value>,
    created_at: String,
    expires_at: Option<String>,
    response: Option<String>,
    response_text: Option<String>,
    /// The id of a user.
    responded_by_id: Option<String>,
    responded_by_email: Option<String>,
    responded_at: Option<String>,
    acknowledged_at: Option<String>,
}

impl QueueItem {
    fn of(agent_name: String, ask: Ask) -> Self {
        let (by_id, by_email) = ask.responded_by.unzip();
        Self {
            id: ask.id.to_string(),
            request_id: ask.request_id,
            agent_name,
            r#type: ask.kind,
            status: ask.status.as_str(),
            priority: ask.priority,
            title: ask.title,
            question: ask.question,
            options: ask.options,
            context: ask.context,
            created_at: times::iso(ask.created_at),
            expires_at: ask.expires_at.map(times::iso),
            response: ask.response,
            response_text: ask.response_text,
            responded_by_id: by_id.map(|id| id.to_string()),
            responded_by_email: by_email,
            responded_at: ask.responded_at.map(times::iso),
            acknowledged_at: ask.acknowledged_at.map(times::iso),
        }
    }
}

#[derive(Serialize, ToSchema)]
struct QueueItems {
    /// The newest first.
    items: Vec<QueueItem>,
    count: usize,
}

#[derive(Serialize, ToSchema)]
struct AgentQueueItems {
    agent_name: String,
    items: Vec<QueueItem>,
    count: usize,
}

#[derive(Serialize, ToSchema)]
struct QueueStats {
    by_status: BTreeMap<String, u64>,
    /// Those that wait, as in the following.
    by_type: BTreeMap<String, u64>,
    by_priority: BTreeMap<String, u64>,
    by_agent: BTreeMap<String, u64>,
    pending_count: u64,
    avg_response_seconds: Option<f64>,
    /// Since midnight, UTC.
    responded_today: u64,
}

#[derive(Deserialize, ToSchema)]
struct QueueFilter {
    status: Option<String>,
    r#type: Option<String>,
    priority: Option<String>,
    agent_name: Option<String>,
    /// Only what was asked after this instant.
    since: Option<String>,
    #[serde(default = "hundred")]
    #[schema(minimum = 1, maximum = 500)]
    limit: u32,
    #[serde(default)]
    #[schema(minimum = 0)]
    offset: u32,
}

fn hundred() -> u32 {
    100
}

/// What agents that the caller may see want to know.
#[utoipa::path(
    tag = "Operator queue",
    params(InQuery<QueueFilter>),
    responses((status = 200, body = QueueItems))
)]
#[get("/api/operator-queue")]
async fn list(call: Call<InQuery<QueueFilter>>) -> Answer<QueueItems> {
    let filter: QueueFilter = call.query()?;
    let agent = match &filter.agent_name {
        Some(name) => Some(call.visible_or(name, "Access denied").await?.id),
        None => None,
    };
    let since = filter.since.as_deref().map(|text| times::parse("since", text)).transpose()?;
    let organisation = &call.shared.host.organisation;
    if let Some(agent) = agent {
        organisation.read_asks(agent).await?;
    }
    let wanted = AskFilter {
        agent,
        status: filter.status,
        kind: filter.r#type,
        priority: filter.priority,
        since,
    };
    let page = (count(filter.offset), count(filter.limit));
    let asks = organisation.asks(&call.principal, &wanted, page).await?;
    let items = told(&call, asks).await?;
    Ok(Json(QueueItems { count: items.len(), items }))
}

async fn told<B>(call: &Call<B>, asks: Vec<Ask>) -> Result<Vec<QueueItem>, TrinityError> {
    let mut names = Names::new(&call.shared);
    let mut items = Vec::with_capacity(asks.len());
    for ask in asks {
        if let Some(name) = names.of(ask.agent).await? {
            items.push(QueueItem::of(name, ask));
        }
    }
    Ok(items)
}

/// How it stands.
#[utoipa::path(tag = "Operator queue", responses((status = 200, body = QueueStats)))]
#[get("/api/operator-queue/stats")]
async fn stats(call: Call) -> Answer<QueueStats> {
    let census = call.shared.host.organisation.ask_census(&call.principal).await?;
    let mut names = Names::new(&call.shared);
    let mut by_agent = BTreeMap::new();
    for (agent, count) in census.by_agent {
        if let Some(name) = names.of(agent).await? {
            by_agent.insert(name, count);
        }
    }
    let words = |counts: BTreeMap<&'static str, u64>| {
        counts.into_iter().map(|(word, count)| (word.to_owned(), count)).collect()
    };
    let seconds = |ms: u64| std::time::Duration::from_millis(ms).as_secs_f64();
    Ok(Json(QueueStats {
        by_status: words(census.by_status),
        by_type: census.by_kind,
        by_priority: words(census.by_priority),
        by_agent,
        pending_count: census.pending,
        avg_response_seconds: census.waited_ms.map(seconds),
        responded_today: census.answered_today,
    }))
}

#[derive(Deserialize, ToSchema)]
struct AgentQueue {
    status: Option<String>,
    #[serde(default = "fifty")]
    #[schema(minimum = 1, maximum = 500)]
    limit: u32,
}

fn fifty() -> u32 {
    50
}

/// What one agent wants to know; its file is read for it.
#[utoipa::path(
    tag = "Operator queue",
    params(("name" = String, Path), InQuery<AgentQueue>),
    responses((status = 200, body = AgentQueueItems))
)]
#[get("/api/operator-queue/agents/{name}")]
async fn of_agent(call: Call<InQuery<AgentQueue>>) -> Answer<AgentQueueItems> {
    let agent = call.visible_or(&call.segment("name"), "Access denied").await?;
    let filter: AgentQueue = call.query()?;
    let organisation = &call.shared.host.organisation;
    organisation.read_asks(agent.id).await?;
    let wanted = AskFilter { agent: Some(agent.id), status: filter.status, ..AskFilter::default() };
    let asks = organisation.asks(&call.principal, &wanted, (0, count(filter.limit))).await?;
    let items = told(&call, asks).await?;
    Ok(Json(AgentQueueItems { agent_name: agent.name, count: items.len(), items }))
}

/// The item of the path, if the caller may see it.
async fn found<B: Wanted>(call: &Call<B>) -> Result<Ask, TrinityError> {
    let missing = || TrinityError::not_found("Queue item not found");
    let id = call.segment("id").parse().map_err(|_no_id| missing())?;
    let ask = call.shared.host.organisation.find_ask(id).await?.ok_or_else(missing)?;
    if !call.sees(ask.agent) {
        return Err(TrinityError::forbidden("Access denied"));
    }
    Ok(ask)
}

async fn shown<B>(call: &Call<B>, ask: Ask) -> Answer<QueueItem> {
    let name = Names::new(&call.shared).of(ask.agent).await?;
    Ok(Json(QueueItem::of(name.unwrap_or_default(), ask)))
}

/// One item.
#[utoipa::path(tag = "Operator queue", params(("id" = String, Path)), responses((status = 200, body = QueueItem)))]
#[get("/api/operator-queue/{id}")]
async fn detail(call: Call) -> Answer<QueueItem> {
    let ask = found(&call).await?;
    shown(&call, ask).await
}

#[derive(Deserialize, ToSchema)]
struct QueueResponse {
    response: String,
    response_text: Option<String>,
}

/// Answers; the agent finds it in its file.
#[utoipa::path(
    tag = "Operator queue",
    params(("id" = String, Path)),
    request_body = QueueResponse,
    responses((status = 200, body = QueueItem))
)]
#[post("/api/operator-queue/{id}/respond")]
async fn respond(call: Call<QueueResponse>) -> Answer<QueueItem> {
    let wanted = call.fields()?;
    let decision = Decision::Respond(wanted.response, wanted.response_text);
    decide(&call, decision).await
}

/// Calls it off.
#[utoipa::path(tag = "Operator queue", params(("id" = String, Path)), responses((status = 200, body = QueueItem)))]
#[post("/api/operator-queue/{id}/cancel")]
async fn cancel(call: Call) -> Answer<QueueItem> {
    decide(&call, Decision::Cancel).await
}

async fn decide<B: Wanted>(call: &Call<B>, decision: Decision) -> Answer<QueueItem> {
    let ask = found(call).await?;
    let by = &call.principal.user;
    let ask = call.shared.host.organisation.decide(ask.id, by, decision).await?;
    shown(call, ask).await
}
