//! What waits for an agent's conversation, and its end by hand.

use actix_web::web::Json;
use actix_web::{get, post};
use greenroom_actors::agent::{CallOff, CallOffWaiting, CalledOff};
use greenroom_actors::ids::LetterId;
use greenroom_actors::letters::Letter;
use greenroom_actors::ports::RunQuery;
use greenroom_actors::runs::{Run, RunKind};
use serde::Serialize;
use utoipa::ToSchema;

use super::asker::Labels;
use crate::dialects::trinity::call::Call;
use crate::dialects::trinity::error::TrinityError;
use crate::dialects::trinity::mount::Mount;
use crate::dialects::trinity::{Answer, times};
use crate::roster::Known;

/// Letters that are told of.
const WAITING_MAX: u32 = 256;

pub(super) fn routes(at: &mut Mount) {
    at.service(queue).service(clear).service(release);
}

#[derive(Serialize, ToSchema)]
#[schema(as = QueueQueue)]
struct Queue {
    agent_name: String,
    is_busy: bool,
    current_execution: Option<Queued>,
    queue_length: usize,
    queued_executions: Vec<Queued>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = QueuedExecution)]
struct Queued {
    id: String,
    agent_name: String,
    /// `user`, `schedule` or `agent`.
    source: &'static str,
    source_agent: Option<String>,
    source_user_id: Option<String>,
    source_user_email: Option<String>,
    message: String,
    queued_at: String,
    started_at: Option<String>,
    /// `queued` or `running`.
    status: &'static str,
}

fn queued(agent: &Known, letter: &Letter, run: Option<&Run>) -> Queued {
    let labels = letter.terms.as_ref().map(|terms| Labels::of(&terms.labels)).unwrap_or_default();
    let is_agent = labels.source_agent.is_some() || letter.from_agent.is_some();
    Queued {
        id: letter.id.0.to_string(),
        agent_name: agent.name.clone(),
        source: if is_agent { "agent" } else { "user" },
        source_agent: labels.source_agent,
        source_user_id: labels.user_id.map(|id| id.to_string()),
        source_user_email: labels.user_email,
        message: letter.text().to_owned(),
        queued_at: times::iso(letter.sent_at),
        started_at: run.map(|run| times::iso(run.started_at)),
        status: if run.is_some() { "running" } else { "queued" },
    }
}

/// What waits for the conversation, and what is answered.
#[utoipa::path(tag = "Queue", params(("name" = String, Path)), responses((status = 200, body = Queue)))]
#[get("/api/agents/{name}/queue")]
async fn queue(call: Call) -> Answer<Queue> {
    let agent = call.authorised().await?;
    let store = call.shared.host.registry.store();
    let open = store.runs(RunQuery::open(agent.id)).await?;
    let replies: Vec<_> = open.iter().filter(|run| run.kind == RunKind::Reply).collect();
    let letters = store.waiting_letters(agent.id, WAITING_MAX).await?;
    let run_of =
        |letter: &Letter| replies.iter().find(|run| run.letter_id == Some(letter.id)).copied();
    let (answered, waiting): (Vec<_>, Vec<_>) =
        letters.iter().partition(|letter| run_of(letter).is_some());
    let current = answered.first().map(|letter| queued(&agent, letter, run_of(letter)));
    let waiting: Vec<_> = waiting.into_iter().map(|letter| queued(&agent, letter, None)).collect();
    Ok(Json(Queue {
        is_busy: current.is_some(),
        current_execution: current,
        queue_length: waiting.len(),
        queued_executions: waiting,
        agent_name: agent.name,
    }))
}

#[derive(Serialize, ToSchema)]
#[schema(as = QueueCleared)]
struct Cleared {
    status: &'static str,
    agent: String,
    cleared_count: u64,
}

/// Calls off all that waits for the conversation.
#[utoipa::path(tag = "Queue", params(("name" = String, Path)), responses((status = 200, body = Cleared)))]
#[post("/api/agents/{name}/queue/clear")]
async fn clear(call: Call) -> Answer<Cleared> {
    let agent = call.owned().await?;
    let reason = "the queue was cleared".to_owned();
    let wanted = CallOffWaiting { conversation: true, beside: false, reason };
    let cleared_count = call.shared.host.registry.ask(agent.id, wanted).await?;
    Ok(Json(Cleared { status: "cleared", agent: agent.name, cleared_count }))
}

#[derive(Serialize, ToSchema)]
#[schema(as = QueueReleased)]
struct Released {
    status: &'static str,
    agent: String,
    was_running: bool,
    slots_cleared: u64,
    warning: Option<String>,
}

/// Cuts off all that the agent was asked to do and is doing.
#[utoipa::path(tag = "Queue", params(("name" = String, Path)), responses((status = 200, body = Released)))]
#[post("/api/agents/{name}/queue/release")]
async fn release(call: Call) -> Answer<Released> {
    let agent = call.owned().await?;
    let open = call.shared.host.registry.store().runs(RunQuery::open(agent.id)).await?;
    let (mut was_running, mut slots_cleared) = (false, 0_u64);
    for run in open {
        let Some(letter) = run.letter_id else { continue };
        let is_cut = cut(&call, &agent, letter).await?;
        match run.kind {
            RunKind::Job => slots_cleared = slots_cleared.saturating_add(u64::from(is_cut)),
            _ => was_running |= is_cut,
        }
    }
    let warning = (was_running || slots_cleared > 0)
        .then(|| "What was running was cut off; what it had done stays done".to_owned());
    Ok(Json(Released {
        status: "released",
        agent: agent.name,
        was_running,
        slots_cleared,
        warning,
    }))
}

async fn cut(call: &Call, agent: &Known, letter: LetterId) -> Result<bool, TrinityError> {
    let reason = "the queue was released".to_owned();
    let outcome = call.shared.host.registry.ask(agent.id, CallOff { letter, reason }).await?;
    Ok(outcome == CalledOff::CutOff)
}
