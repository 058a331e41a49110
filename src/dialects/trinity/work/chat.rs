//! The conversation with an agent: one message is answered at a time, a few more wait.

use actix_web::http::StatusCode;
use actix_web::web::Json;
use actix_web::{delete, get, post};
use greenroom_actors::error::CoreError;
use greenroom_actors::letters::Terms;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::asker::{Asker, Way};
use super::exchange::{self, Metadata, Outcome, Question};
use super::record::{context_max, dollars};
use super::sessions::{self, Totals};
use crate::dialects::trinity::call::Call;
use crate::dialects::trinity::error::TrinityError;
use crate::dialects::trinity::mount::Mount;
use crate::dialects::trinity::{Answer, short, times};
use crate::roster::Known;

/// Messages that wait while one is answered.
const WAITING_MAX: u32 = 3;

/// Seconds that each of them waits at most.
const WAIT_MAX_S: u32 = 120;

/// Seconds after which it is worth trying again.
const RETRY_AFTER_S: u32 = 30;

pub(super) fn routes(at: &mut Mount) {
    at.service(chat).service(history).service(reset).service(conversation);
}

#[derive(Deserialize, ToSchema)]
#[schema(as = ChatSaid)]
struct Said {
    /// 100,000 characters at most.
    #[schema(max_length = 100_000)]
    message: String,
    /// The model that answers.
    model: Option<String>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = ChatChat)]
struct Chat {
    response: String,
    execution_log: Vec<Value>,
    execution_log_simplified: Vec<Value>,
    metadata: Metadata,
    session: Live,
    timestamp: String,
    execution: Queued,
}

/// How far the conversation has come.
#[derive(Serialize, ToSchema)]
#[schema(as = LiveTurn)]
struct Live {
    total_cost_usd: f64,
    context_tokens: u64,
    context_window: u64,
    message_count: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<String>,
}

impl Live {
    fn of(agent: &Known, totals: Totals) -> Self {
        Self {
            total_cost_usd: dollars(Some(totals.cost_micros)).unwrap_or_default(),
            context_tokens: totals.context_used,
            context_window: context_max(agent),
            message_count: totals.messages,
            model: totals.model,
        }
    }
}

/// How the message came to its turn.
#[derive(Serialize, ToSchema)]
#[schema(as = ChatQueued)]
struct Queued {
    id: String,
    task_execution_id: String,
    /// `running`, or `queued:N`.
    queue_status: String,
    was_queued: bool,
}

/// Says something to an agent, and waits for its answer.
#[utoipa::path(tag = "Chat", params(("name" = String, Path)), request_body = Said, responses(
    (status = 200, body = Chat), (status = 504, description = "No answer in time"),
    (status = 402, description = "A budget has no room"),
))]
#[post("/api/agents/{name}/chat")]
async fn chat(call: Call<Said>) -> Answer<Chat> {
    let agent = call.authorised().await?;
    let said = call.fields()?;
    let asker = Asker::of(&call, &agent, Way::Chat).await?;
    let terms = Terms {
        deadline_s: Some(agent.entry.work.timeout_s),
        wait_max_s: Some(WAIT_MAX_S),
        model: said.model,
        ..Terms::default()
    };
    let room = sessions::active(&call, &agent).await?;
    let room_id = room.id;
    let question = Question {
        asker: &asker,
        room,
        message: &said.message,
        remembered: None,
        terms: terms.clone(),
        waiting_max: Some(WAITING_MAX),
        is_at_once: false,
        is_awaited: true,
    };
    let delivered =
        exchange::ask(&call, &agent, question).await.map_err(|error| full(&agent, error))?;
    let letter = delivered.letter_id;
    asker.note(&call, &agent, letter, "chat").await;
    let answer = exchange::answer(delivered.reply, &terms).await;
    let Outcome { response, log, simplified, metadata, timestamp } =
        exchange::outcome(&call, &agent, letter, answer).await?;
    let totals = sessions::totals(&call, agent.id, room_id).await?;
    let queue_status = match delivered.ahead {
        0 => "running".to_owned(),
        ahead => format!("queued:{ahead}"),
    };
    Ok(Json(Chat {
        response,
        execution_log: log,
        execution_log_simplified: simplified,
        metadata,
        session: Live::of(&agent, totals),
        timestamp,
        execution: Queued {
            id: letter.0.to_string(),
            task_execution_id: short::of(letter.0),
            queue_status,
            was_queued: delivered.ahead > 0,
        },
    }))
}

/// 429 where too many wait, with what clients look for.
fn full(agent: &Known, error: CoreError) -> TrinityError {
    let CoreError::AtCapacity { waiting, .. } = error else { return error.into() };
    let detail = json!({
        "error": "Agent queue is full", "agent": agent.name, "queue_length": waiting,
        "retry_after": RETRY_AFTER_S,
        "message": format!("Agent '{}' is busy, and {waiting} messages wait already", agent.name),
    });
    TrinityError::object(StatusCode::TOO_MANY_REQUESTS, detail)
}

/// Something that was said.
#[derive(Serialize, ToSchema)]
#[schema(as = ChatTurn)]
struct Turn {
    role: &'static str,
    content: String,
    timestamp: String,
}

/// Messages of the live conversation that are told.
const LIVE_MAX: u32 = 1_000;

/// The live conversation, oldest first.
#[utoipa::path(tag = "Chat", params(("name" = String, Path)), responses((status = 200, body = Vec<Turn>)))]
#[get("/api/agents/{name}/chat/history")]
async fn history(call: Call) -> Answer<Vec<Turn>> {
    let agent = call.authorised().await?;
    running(&agent)?;
    let room = sessions::active(&call, &agent).await?;
    let query = sessions::said_in(agent.id, room.id, LIVE_MAX);
    let said = call.shared.host.registry.store().memories(query).await?;
    let turns = said.into_iter().rev().map(|memory| Turn {
        role: if memory.entity_id == agent.id.into() { "assistant" } else { "user" },
        content: memory.text().to_owned(),
        timestamp: times::without_zone(memory.created_at),
    });
    Ok(Json(turns.collect()))
}

#[derive(Serialize, ToSchema)]
#[schema(as = ChatReset)]
struct Reset {
    status: &'static str,
    session_reset: bool,
    session: Live,
}

/// Ends the live conversation: the next message begins another. What was said is kept.
#[utoipa::path(tag = "Chat", params(("name" = String, Path)), responses((status = 200, body = Reset)))]
#[delete("/api/agents/{name}/chat/history")]
async fn reset(call: Call) -> Answer<Reset> {
    let agent = call.owned().await?;
    running(&agent)?;
    sessions::begin(&call, &agent).await?;
    let session = Live::of(&agent, Totals::default());
    Ok(Json(Reset { status: "cleared", session_reset: true, session }))
}

#[derive(Serialize, ToSchema)]
#[schema(as = ChatConversation)]
struct Conversation {
    session_started: bool,
    message_count: u64,
    total_cost_usd: f64,
    context_tokens: u64,
    context_window: u64,
    context_percent: f64,
    model: Option<String>,
}

/// How far the live conversation has come.
#[utoipa::path(tag = "Chat", params(("name" = String, Path)), responses((status = 200, body = Conversation)))]
#[get("/api/agents/{name}/chat/session")]
async fn conversation(call: Call) -> Answer<Conversation> {
    let agent = call.authorised().await?;
    if !agent.is_running() {
        return Err(TrinityError::bad("Agent is not running"));
    }
    let room = sessions::active(&call, &agent).await?;
    let Totals { messages, cost_micros, context_used, model } =
        sessions::totals(&call, agent.id, room.id).await?;
    let window = context_max(&agent);
    Ok(Json(Conversation {
        session_started: messages > 0,
        message_count: messages,
        total_cost_usd: dollars(Some(cost_micros)).unwrap_or_default(),
        context_tokens: context_used,
        context_window: window,
        context_percent: percent(context_used, window),
        model,
    }))
}

/// A part of a whole in per cent, with one decimal.
fn percent(part: u64, whole: u64) -> f64 {
    let tenths = part.saturating_mul(1_000) / whole.max(1);
    f64::from(u32::try_from(tenths).unwrap_or(u32::MAX)) / 10.0
}

/// # Errors
/// 503 where the agent does not run.
pub(super) fn running(agent: &Known) -> Result<(), TrinityError> {
    if agent.is_running() { Ok(()) } else { Err(TrinityError::unavailable("Agent is not running")) }
}
