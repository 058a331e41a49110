//! Tasks: asked without a conversation, several at the same time.

use actix_web::http::StatusCode;
use actix_web::post;
use actix_web::web::Json;
use greenroom_actors::error::CoreError;
use greenroom_actors::letters::Terms;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::asker::{Asker, Way};
use super::exchange::{self, Metadata, Outcome, Question};
use super::sessions;
use crate::dialects::trinity::call::Call;
use crate::dialects::trinity::error::TrinityError;
use crate::dialects::trinity::mount::Mount;
use crate::dialects::trinity::{Answer, short};
use crate::roster::Known;

pub(super) fn routes(at: &mut Mount) {
    at.service(task);
}

#[derive(Deserialize, ToSchema)]
#[schema(as = TaskTask)]
struct Task {
    /// 100,000 characters at most.
    #[schema(max_length = 100_000)]
    message: String,
    model: Option<String>,
    /// The tools that it may use, of those that the agent has.
    allowed_tools: Option<Vec<String>>,
    system_prompt: Option<String>,
    /// Seconds that it may take; absent: the agent's own.
    #[schema(minimum = 1, maximum = 86400)]
    timeout_seconds: Option<u32>,
    /// How often the model is asked at most.
    max_turns: Option<u32>,
    /// Whether the answer is not waited for.
    async_mode: Option<bool>,
    /// Whether it belongs to a chat session.
    save_to_session: Option<bool>,
    /// What is kept in the session in the place of the message.
    user_message: Option<String>,
    create_new_session: Option<bool>,
    chat_session_id: Option<String>,
    /// Tasks know nothing of others: accepted, without effect.
    resume_session_id: Option<String>,
    /// The same as `save_to_session`.
    inject_result: Option<bool>,
}

/// What came of a task, or that it was accepted.
#[derive(Serialize, ToSchema)]
#[schema(as = TaskTold)]
#[serde(untagged)]
enum Told {
    Done(Box<Done>),
    Accepted(Accepted),
}

#[derive(Serialize, ToSchema)]
#[schema(as = TaskDone)]
struct Done {
    response: String,
    execution_log: Vec<Value>,
    metadata: Metadata,
    session_id: String,
    timestamp: String,
    task_execution_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    chat_session_id: Option<String>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = TaskAccepted)]
struct Accepted {
    /// `accepted` or `queued`.
    status: &'static str,
    execution_id: String,
    agent_name: String,
    message: String,
    async_mode: bool,
}

/// Gives an agent a task.
#[utoipa::path(tag = "Tasks", params(("name" = String, Path)), request_body = Task, responses(
    (status = 200, body = Told), (status = 504, description = "No answer in time"),
    (status = 402, description = "A budget has no room"),
))]
#[post("/api/agents/{name}/task")]
async fn task(call: Call<Task>) -> Answer<Told> {
    let agent = call.authorised().await?;
    let wanted = call.fields()?;
    let asker = Asker::of(&call, &agent, Way::Task).await?;
    // There is nothing that it could go on from.
    let _ = wanted.resume_session_id;
    let is_so = |wanted: Option<bool>| wanted == Some(true);
    let is_async = is_so(wanted.async_mode);
    let is_of_session = is_so(wanted.save_to_session) || is_so(wanted.inject_result);
    let room = match &wanted.chat_session_id {
        _ if !is_of_session => sessions::aside(&call, &agent),
        _ if is_so(wanted.create_new_session) => sessions::begin(&call, &agent).await?,
        Some(id) => sessions::named(&call, &agent, id).await?,
        None => sessions::active(&call, &agent).await?,
    };
    let session = is_of_session.then(|| short::of(room.id.0));
    let terms = Terms {
        is_beside: true,
        deadline_s: Some(wanted.timeout_seconds.unwrap_or(agent.entry.work.timeout_s)),
        model: wanted.model,
        system: wanted.system_prompt,
        allowed_tools: wanted.allowed_tools,
        rounds_max: wanted.max_turns,
        ..Terms::default()
    };
    let question = Question {
        asker: &asker,
        room,
        message: &wanted.message,
        remembered: wanted.user_message.as_deref(),
        terms: terms.clone(),
        waiting_max: None,
        is_at_once: !is_async,
        is_awaited: !is_async,
    };
    let delivered = exchange::ask(&call, &agent, question).await;
    let delivered = delivered.map_err(|error| full(&agent, error))?;
    let letter = delivered.letter_id;
    asker.note(&call, &agent, letter, "parallel_task").await;
    if is_async {
        let (status, message) = match delivered.ahead {
            0 => ("accepted", "Task accepted"),
            _ => ("queued", "Task queued: all slots are busy"),
        };
        return Ok(Json(Told::Accepted(Accepted {
            status,
            execution_id: short::of(letter.0),
            agent_name: agent.name,
            message: message.to_owned(),
            async_mode: true,
        })));
    }
    let answer = exchange::answer(delivered.reply, &terms).await;
    let Outcome { response, log, metadata, timestamp, .. } =
        exchange::outcome(&call, &agent, letter, answer).await?;
    Ok(Json(Told::Done(Box::new(Done {
        response,
        execution_log: log,
        session_id: metadata.session_id.clone(),
        metadata,
        timestamp,
        task_execution_id: short::of(letter.0),
        chat_session_id: session,
    }))))
}

/// 429 where there is no room.
fn full(agent: &Known, error: CoreError) -> TrinityError {
    match error {
        CoreError::AtCapacity { .. } => {
            let told = format!("Agent '{}' is at capacity, try again later", agent.name);
            TrinityError::new(StatusCode::TOO_MANY_REQUESTS, told)
        }
        error => error.into(),
    }
}
