//! Something that an agent is asked, and its answer: common to chats and tasks.
//!
//! It goes on if the client goes away: what was accepted is answered, and the answer is kept.

use std::time::Duration;

use greenroom_actors::agent::{Delivered, Delivery, Reply};
use greenroom_actors::error::CoreError;
use greenroom_actors::ids::LetterId;
use greenroom_actors::letters::Terms;
use greenroom_actors::records::{Memory, Room};
use greenroom_actors::runs::{Run, StepKind};
use serde::Serialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use super::asker::Asker;
use super::record::{Execution, context_max, dollars};
use super::{entries, entries::took};
use crate::dialects::trinity::call::Call;
use crate::dialects::trinity::error::TrinityError;
use crate::dialects::trinity::{short, times};
use crate::roster::Known;

/// What stands where a person has to allow a call before there is an answer.
const PARKED: &str =
    "I have to wait for a person's approval before I go on. My answer comes after that.";

/// How much longer than a run may take its answer is waited for.
const SLACK: Duration = Duration::from_secs(60);

/// What is to be asked.
pub(super) struct Question<'a> {
    pub(super) asker: &'a Asker,
    pub(super) room: Room,
    pub(super) message: &'a str,
    /// What the agent remembers of it, where that is something else.
    pub(super) remembered: Option<&'a str>,
    pub(super) terms: Terms,
    pub(super) waiting_max: Option<u32>,
    pub(super) is_at_once: bool,
    pub(super) is_awaited: bool,
}

/// Brings it to the agent; answers once it is durable.
pub(super) async fn ask<B>(
    call: &Call<B>,
    agent: &Known,
    question: Question<'_>,
) -> Result<Delivered, CoreError> {
    let Question { asker, room, message, remembered, terms, .. } = question;
    let room_id = room.id;
    let labels = super::asker::Labels { session: Some(room_id.0), ..asker.labels.clone() };
    let terms = Terms { labels: labels.to_map(), ..terms };
    let delivery = Delivery {
        from_name: Some(asker.name.clone()),
        expects_reply: question.is_awaited,
        terms: Some(Box::new(terms)),
        waiting_max: question.waiting_max,
        refuse_unless_at_once: question.is_at_once,
        remembered: remembered.map(said),
        ..Delivery::asking(asker.entity, room, said(message))
    };
    call.shared.host.registry.deliver(agent.id, delivery).await
}

fn said(text: &str) -> Map<String, Value> {
    Map::from_iter([("text".to_owned(), json!(text)), ("source".to_owned(), json!("trinity"))])
}

/// Waits for the answer, also in place of a client that goes away.
pub(super) async fn answer(
    reply: Option<Reply>,
    terms: &Terms,
) -> Result<Option<Memory>, CoreError> {
    let Some(reply) = reply else { return Ok(None) };
    let seconds = terms.deadline_s.unwrap_or(0).saturating_add(terms.wait_max_s.unwrap_or(0));
    let within = Duration::from_secs(u64::from(seconds)).saturating_add(SLACK);
    let answer = tokio::spawn(reply.within(within)).await;
    // Nobody tells where the process ends.
    answer.unwrap_or(Err(CoreError::ShuttingDown))
}

/// What a run took, in the words of Trinity's runtimes.
#[derive(Serialize, ToSchema)]
#[schema(as = ExchangeMetadata)]
pub(super) struct Metadata {
    pub(super) cost_usd: Option<f64>,
    pub(super) duration_ms: Option<u64>,
    num_turns: usize,
    tool_count: usize,
    pub(super) session_id: String,
    execution_id: String,
    pub(super) input_tokens: u64,
    output_tokens: u64,
    cache_creation_tokens: u64,
    cache_read_tokens: u64,
    context_window: u64,
    error_type: Option<String>,
    error_message: Option<String>,
}

/// What came of it.
pub(super) struct Outcome {
    pub(super) response: String,
    pub(super) log: Vec<Value>,
    pub(super) simplified: Vec<Value>,
    pub(super) metadata: Metadata,
    pub(super) timestamp: String,
}

/// What came of what was asked.
///
/// # Errors
/// In the words of the contract: 504 where it took too long, 429 where the provider limits, 503 else.
pub(super) async fn outcome<B>(
    call: &Call<B>,
    agent: &Known,
    letter: LetterId,
    answer: Result<Option<Memory>, CoreError>,
) -> Result<Outcome, TrinityError> {
    let response = match answer {
        Ok(said) => said.map(|said| said.text().to_owned()).unwrap_or_default(),
        Err(CoreError::Parked(_)) => PARKED.to_owned(),
        Err(error) => return Err(failed(error)),
    };
    let store = &**call.shared.host.registry.store();
    let execution = Execution::find(store, agent.id, letter.0).await?;
    let run = execution.as_ref().and_then(|execution| execution.run.clone());
    let steps = match &execution {
        Some(execution) => execution.steps(store).await?,
        None => Vec::new(),
    };
    let took_ms = |run: &Run| Some(took(run.started_at, run.ended_at?));
    let log = run.as_ref().map(|run| entries::of(run, &steps, Some(&response)));
    let metadata = Metadata {
        cost_usd: run.as_ref().and_then(|run| dollars(run.usage.cost_micros)),
        duration_ms: run.as_ref().and_then(took_ms),
        num_turns: entries::turns(&steps),
        tool_count: steps.iter().filter(|step| step.kind == StepKind::Tool).count(),
        session_id: run.as_ref().map(|run| short::of(run.room_id.0)).unwrap_or_default(),
        execution_id: short::of(letter.0),
        input_tokens: run.as_ref().map_or(0, |run| run.usage.input_tokens),
        output_tokens: run.as_ref().map_or(0, |run| run.usage.output_tokens),
        cache_creation_tokens: 0,
        cache_read_tokens: 0,
        context_window: context_max(agent),
        error_type: None,
        error_message: None,
    };
    Ok(Outcome {
        response,
        log: log.unwrap_or_default(),
        simplified: entries::simplified(&steps),
        metadata,
        timestamp: times::without_zone(call.shared.now()),
    })
}

/// How a failure of a run is told.
pub(super) fn failed(error: CoreError) -> TrinityError {
    match error {
        CoreError::Cancelled(reason) => {
            TrinityError::unavailable(format!("Failed to communicate with agent: {reason}"))
        }
        error => error.into(),
    }
}
