//! Many tasks at once, and one answer when all are done or the time is over.

use std::time::Duration;

use actix_web::post;
use actix_web::web::Json;
use futures::StreamExt;
use futures::stream;
use greenroom_actors::agent::CallOff;
use greenroom_actors::error::{CoreError, ModelError};
use greenroom_actors::letters::Terms;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::time::Instant;
use utoipa::ToSchema;

use super::asker::{Asker, Way};
use super::exchange::{self, Question};
use super::sessions;
use crate::dialects::trinity::call::Call;
use crate::dialects::trinity::error::TrinityError;
use crate::dialects::trinity::mount::Mount;
use crate::dialects::trinity::shape::Fault;
use crate::dialects::trinity::{Answer, short};
use crate::roster::Known;

/// Tasks at once, at most.
const TASKS_MAX: usize = 50;

/// Characters of a task's message at most.
const MESSAGE_MAX: usize = 100_000;

/// How long until a task is tried again that found no slot free.
const AGAIN: Duration = Duration::from_millis(250);

pub(super) fn routes(at: &mut Mount) {
    at.service(fan_out);
}

#[derive(Deserialize, ToSchema)]
#[schema(as = FanOutFan)]
struct Fan {
    /// 1 to 50, each with an id of its own.
    tasks: Vec<One>,
    /// `self`.
    agent: Option<String>,
    #[serde(default = "three")]
    #[schema(default = 3, minimum = 1, maximum = 10)]
    max_concurrency: u32,
    #[schema(minimum = 10, maximum = 3600)]
    timeout_seconds: Option<u32>,
    /// `best-effort`.
    policy: Option<String>,
    model: Option<String>,
    system_prompt: Option<String>,
    allowed_tools: Option<Vec<String>>,
}

fn three() -> u32 {
    3
}

#[derive(Clone, Deserialize, ToSchema)]
#[schema(as = FanOutOne)]
struct One {
    /// 1 to 64 of A-Z, a-z, 0-9, `_` and `-`.
    id: String,
    message: String,
}

#[derive(Serialize, ToSchema)]
#[schema(as = FanOutFanned)]
struct Fanned {
    fan_out_id: String,
    /// `completed` or `deadline_exceeded`.
    status: &'static str,
    total: usize,
    completed: usize,
    failed: usize,
    results: Vec<Done>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = FanOutDone)]
struct Done {
    id: String,
    /// `completed`, `failed` or `deadline_exceeded`.
    status: &'static str,
    response: Option<String>,
    error: Option<String>,
    error_code: Option<&'static str>,
    execution_id: Option<String>,
    cost: Option<f64>,
    context_used: Option<u64>,
    duration_ms: Option<u64>,
}

/// Gives an agent many tasks, and waits for all.
#[utoipa::path(
    tag = "Tasks",
    params(("name" = String, Path)),
    request_body = Fan,
    responses((status = 200, body = Fanned))
)]
#[post("/api/agents/{name}/fan-out")]
async fn fan_out(call: Call<Fan>) -> Answer<Fanned> {
    let agent = call.authorised().await?;
    let wanted = call.fields()?;
    check(&wanted, &agent)?;
    super::chat::running(&agent)?;
    let mut asker = Asker::of(&call, &agent, Way::FanOut).await?;
    let id = format!("fo_{}", short::of(uuid::Uuid::new_v4()).get(..16).unwrap_or_default());
    asker.labels.fan_out_id = Some(id.clone());
    let most = wanted.timeout_seconds.unwrap_or(agent.entry.work.timeout_s);
    let until = Instant::now() + Duration::from_secs(u64::from(most));
    let terms = Terms {
        is_beside: true,
        deadline_s: Some(most),
        model: wanted.model.clone(),
        system: wanted.system_prompt.clone(),
        allowed_tools: wanted.allowed_tools.clone(),
        ..Terms::default()
    };
    let (call, agent, asker, terms) = (&call, &agent, &asker, &terms);
    let at_once = usize::try_from(wanted.max_concurrency).unwrap_or(1).max(1);
    let tasks = stream::iter(wanted.tasks.clone());
    let results: Vec<Done> = tasks
        .map(|task| async move { carry_out(call, agent, asker, terms, (task, until)).await })
        .buffered(at_once)
        .collect()
        .await;
    let count = |status| results.iter().filter(|done| done.status == status).count();
    let (completed, late) = (count("completed"), count("deadline_exceeded"));
    Ok(Json(Fanned {
        fan_out_id: id,
        status: if late > 0 { "deadline_exceeded" } else { "completed" },
        total: results.len(),
        completed,
        failed: results.len() - completed,
        results,
    }))
}

fn check(wanted: &Fan, agent: &Known) -> Result<(), TrinityError> {
    let fault = |words: &str| Err(refused("tasks", words));
    if wanted.tasks.is_empty() || wanted.tasks.len() > TASKS_MAX {
        return fault("must be 1 to 50 tasks");
    }
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    let mut ids = std::collections::BTreeSet::new();
    for task in &wanted.tasks {
        if task.id.is_empty() || task.id.len() > 64 || !task.id.chars().all(plain) {
            return fault("each id must be 1 to 64 of A-Z, a-z, 0-9, _ and -");
        }
        if task.message.is_empty() || task.message.chars().count() > MESSAGE_MAX {
            return fault("each message must be 1 to 100000 characters");
        }
        if !ids.insert(task.id.as_str()) {
            return fault("each id must be its task's own");
        }
    }
    if wanted.policy.as_deref().is_some_and(|policy| policy != "best-effort") {
        return Err(refused("policy", "must be best-effort"));
    }
    let other = wanted.agent.as_deref().filter(|name| *name != "self" && *name != agent.name);
    if other.is_some() {
        return Err(TrinityError::bad("Only agent 'self' is supported"));
    }
    Ok(())
}

/// 422: a field is what its shape cannot say.
fn refused(field: &str, words: &str) -> TrinityError {
    let msg = format!("Value error, {words}");
    let loc = vec![json!("body"), json!(field)];
    TrinityError::shape(&[Fault::new("value_error", loc, &msg, Value::Null)])
}

async fn carry_out(
    call: &Call<Fan>,
    agent: &Known,
    asker: &Asker,
    terms: &Terms,
    (task, until): (One, Instant),
) -> Done {
    let none = Done {
        id: task.id.clone(),
        status: "failed",
        response: None,
        error: None,
        error_code: None,
        execution_id: None,
        cost: None,
        context_used: None,
        duration_ms: None,
    };
    let late = |execution_id| Done {
        status: "deadline_exceeded",
        error: Some("The time for all tasks was over".to_owned()),
        error_code: Some("timeout"),
        execution_id,
        id: task.id.clone(),
        response: None,
        cost: None,
        context_used: None,
        duration_ms: None,
    };
    let delivered = loop {
        let question = Question {
            asker,
            room: sessions::aside(call, agent),
            message: &task.message,
            remembered: None,
            terms: terms.clone(),
            waiting_max: None,
            is_at_once: false,
            is_awaited: true,
        };
        match exchange::ask(call, agent, question).await {
            Ok(delivered) => break delivered,
            Err(CoreError::AtCapacity { .. }) => {
                if Instant::now() >= until {
                    return late(None);
                }
                tokio::time::sleep(AGAIN).await;
            }
            Err(error) => {
                return Done {
                    error: Some(TrinityError::from(error).words()),
                    error_code: Some("agent_error"),
                    ..none
                };
            }
        }
    };
    let letter = delivered.letter_id;
    let execution_id = Some(short::of(letter.0));
    let Ok(answer) = tokio::time::timeout_at(until, exchange::answer(delivered.reply, terms)).await
    else {
        let reason = "the time of its fan-out was over".to_owned();
        // If it is over by now, that stands.
        drop(call.shared.host.registry.ask(agent.id, CallOff { letter, reason }).await);
        return late(execution_id);
    };
    let is_late = matches!(answer, Err(CoreError::Model(ModelError::TimedOut(_))));
    match exchange::outcome(call, agent, letter, answer).await {
        Ok(outcome) => Done {
            status: "completed",
            response: Some(outcome.response),
            execution_id,
            cost: outcome.metadata.cost_usd,
            context_used: Some(outcome.metadata.input_tokens),
            duration_ms: outcome.metadata.duration_ms,
            ..none
        },
        Err(error) => Done {
            error: Some(error.words()),
            error_code: Some(if is_late { "timeout" } else { "agent_error" }),
            execution_id,
            ..none
        },
    }
}
