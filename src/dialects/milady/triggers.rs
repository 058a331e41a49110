//! Triggers: instructions that the agent carries out when their time comes.
//!
//! The engine and its records are the core's, whichever API a trigger was made over. Here they are
//! worded as Milady's tasks: a trigger that has run its last is gone, and each has the id of a task
//! beside its own.

mod cron;
mod dedupe;
mod draft;
mod kept;
mod runs;
mod summary;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::web::{Data, Path, Payload, ServiceConfig, delete, get, post, put};
use actix_web::{HttpRequest, HttpResponse};
use greenroom_actors::character::AgentRecord;
use greenroom_actors::error::CoreError;
use greenroom_actors::ids::AgentId;
use greenroom_actors::lifecycle::State;
use greenroom_actors::ports::FiringQuery;
use greenroom_actors::triggers::{NewTrigger, Trigger};
use serde_json::json;

use super::Answer;
use super::body;
use super::error::MiladyError;
use super::routes::on;
use super::shared::Shared;
use dedupe::Likeness;
use draft::{Draft, refused};
use kept::{Kept, is_spent};
use runs::{Executed, Health, RunView};
pub(super) use summary::TriggerSummary;

/// Runs in a history.
const RUNS_MAX: u32 = 100;

/// Firings that the figures are of, beside what the triggers themselves count.
const COUNTED_MAX: u32 = 1_000;

pub(super) fn routes(at: &mut ServiceConfig) {
    at.service(on("/api/triggers").route(get().to(list)).route(post().to(add)))
        .service(on("/api/triggers/health").route(get().to(health)))
        .service(
            on("/api/triggers/{id}")
                .route(get().to(show))
                .route(put().to(change))
                .route(delete().to(remove)),
        )
        .service(on("/api/triggers/{id}/runs").route(get().to(history)))
        .service(on("/api/triggers/{id}/execute").route(post().to(execute)));
}

async fn list(shared: Data<Shared>) -> Answer {
    let agent = open(&shared).await?;
    let triggers = summaries(&shared, agent.id).await?;
    Ok(HttpResponse::Ok().json(json!({"triggers": triggers})))
}

async fn add(shared: Data<Shared>, request: HttpRequest, payload: Payload) -> Answer {
    let agent = open(&shared).await?;
    let said = body::object(&shared, &request, payload).await?;
    let wanted = Draft::read(&said)?.made(shared.now())?;
    // Two that are alike, sent at once, are not both made.
    let _turn = shared.changing.lock().await;
    let registry = &shared.host.registry;
    let known = registry.triggers(agent.id).await?;
    check_room(&wanted, &known, shared.settings.triggers_active_max)?;
    for spent in known.iter().filter(|known| is_spent(known) && Kept::is_with(known)) {
        gone(registry.remove_trigger(agent.id, spent.id).await)?;
    }
    let made = registry.add_trigger(agent.id, wanted).await.map_err(refused)?;
    Ok(HttpResponse::Created().json(json!({"trigger": TriggerSummary::of(made)})))
}

async fn show(shared: Data<Shared>, id: Path<String>) -> Answer {
    let agent = open(&shared).await?;
    let trigger = find(&shared, agent.id, &id).await?;
    Ok(HttpResponse::Ok().json(json!({"trigger": TriggerSummary::of(trigger)})))
}

async fn change(
    shared: Data<Shared>,
    id: Path<String>,
    request: HttpRequest,
    payload: Payload,
) -> Answer {
    let agent = open(&shared).await?;
    let said = body::object(&shared, &request, payload).await?;
    let _turn = shared.changing.lock().await;
    let trigger = find(&shared, agent.id, &id).await?;
    let patch = Draft::read(&said)?.over(&trigger, shared.now())?;
    let amended = shared.host.registry.amend_trigger(agent.id, trigger.id, patch).await;
    let trigger = TriggerSummary::of(amended.map_err(refused)?);
    Ok(HttpResponse::Ok().json(json!({"trigger": trigger})))
}

async fn remove(shared: Data<Shared>, id: Path<String>) -> Answer {
    let agent = open(&shared).await?;
    let trigger = find(&shared, agent.id, &id).await?;
    shared.host.registry.remove_trigger(agent.id, trigger.id).await?;
    Ok(HttpResponse::Ok().json(json!({"ok": true})))
}

/// Oldest first, as they were added.
async fn history(shared: Data<Shared>, id: Path<String>) -> Answer {
    let agent = open(&shared).await?;
    let trigger = find(&shared, agent.id, &id).await?;
    let query = FiringQuery {
        agent_id: agent.id,
        trigger_id: Some(trigger.id),
        offset: 0,
        limit: RUNS_MAX,
    };
    let firings = shared.host.registry.firings(query).await?;
    let runs: Vec<_> = firings.into_iter().rev().filter_map(RunView::of).collect();
    Ok(HttpResponse::Ok().json(json!({"runs": runs})))
}

/// Runs a trigger now and waits for what comes of it. That goes on if the client does not wait.
async fn execute(shared: Data<Shared>, id: Path<String>) -> Answer {
    let agent = open(&shared).await?;
    let registry = &shared.host.registry;
    let trigger = find(&shared, agent.id, &id).await?;
    // It would wait until the agent runs again, and so would the client.
    if registry.is_halted() {
        return Err(CoreError::Halted.into());
    }
    match agent.lifecycle.state() {
        State::Running | State::Starting => {}
        state => return Err(CoreError::NotRunning { id: agent.id, state }.into()),
    }
    let firing = registry.fire_trigger(agent.id, trigger.id).await?;
    let firing = registry.firing_outcome(&firing, shared.settings.reply_within()).await?;
    let record = RunView::of(firing);
    let left = match registry.trigger(agent.id, trigger.id).await {
        Ok(trigger) => Some(trigger),
        Err(CoreError::NotFound { .. }) => None,
        Err(error) => return Err(error.into()),
    };
    if let Some(spent) = left.as_ref().filter(|left| is_spent(left) && Kept::is_with(left)) {
        gone(registry.remove_trigger(agent.id, spent.id).await)?;
    }
    let left = left.filter(|left| !is_spent(left)).map(TriggerSummary::of);
    let result = Executed::of(record, left.is_none());
    Ok(HttpResponse::Ok().json(json!({"ok": true, "result": result, "trigger": left})))
}

/// Answers also while triggers are switched off.
async fn health(shared: Data<Shared>) -> Answer {
    let agent = shared.host.primary.agent().await?.ok_or(MiladyError::NO_AGENT)?;
    let registry = &shared.host.registry;
    let mut triggers = registry.triggers(agent.id).await?;
    triggers.retain(|trigger| !is_spent(trigger));
    let query = FiringQuery { agent_id: agent.id, trigger_id: None, offset: 0, limit: COUNTED_MAX };
    let firings = registry.firings(query).await?;
    let is_on = shared.settings.triggers_enabled;
    Ok(HttpResponse::Ok().json(Health::of(is_on, &triggers, &firings)))
}

/// The agent, if there is one and triggers are not switched off.
async fn open(shared: &Shared) -> Result<Arc<AgentRecord>, MiladyError> {
    let agent = shared.host.primary.agent().await?.ok_or(MiladyError::NO_AGENT)?;
    if shared.settings.triggers_enabled {
        return Ok(agent);
    }
    let words = "Triggers are disabled by configuration";
    Err(MiladyError::refused(StatusCode::SERVICE_UNAVAILABLE, words))
}

/// The triggers of an agent that have not run their last, by name.
pub(super) async fn summaries(
    shared: &Shared,
    agent: AgentId,
) -> Result<Vec<TriggerSummary>, MiladyError> {
    let mut triggers = shared.host.registry.triggers(agent).await?;
    triggers.retain(|trigger| !is_spent(trigger));
    triggers.sort_by_cached_key(|trigger| trigger.name.to_lowercase());
    Ok(triggers.into_iter().map(TriggerSummary::of).collect())
}

/// The trigger of that id, or whose task has it.
async fn find(shared: &Shared, agent: AgentId, id: &str) -> Result<Trigger, MiladyError> {
    let none = || MiladyError::refused(StatusCode::NOT_FOUND, "Trigger not found");
    let id = id.parse::<uuid::Uuid>().map_err(|_no_id| none())?;
    let known = shared.host.registry.triggers(agent).await?.into_iter();
    let mut known = known.filter(|trigger| !is_spent(trigger));
    known.find(|trigger| trigger.id.0 == id || summary::task_of(trigger.id) == id).ok_or_else(none)
}

/// Whether there is room for one more, and none like it.
fn check_room(wanted: &NewTrigger, known: &[Trigger], most: u32) -> Result<(), MiladyError> {
    let active = known.iter().filter(|trigger| trigger.is_enabled);
    let of_creator = active.clone().filter(|trigger| trigger.created_by == wanted.created_by);
    if wanted.is_enabled && of_creator.count() >= usize::try_from(most).unwrap_or(usize::MAX) {
        let words = format!("Active trigger limit reached ({most})");
        return Err(MiladyError::refused(StatusCode::TOO_MANY_REQUESTS, words));
    }
    let kept = Kept::within(&wanted.metadata);
    let (schedule, instructions) = (&wanted.schedule, wanted.instructions.as_str());
    let key = Likeness { schedule, instructions, wake: wanted.wake, kept }.key();
    if active.clone().any(|trigger| Likeness::of(trigger).key() == key) {
        let words = "Equivalent trigger already exists";
        return Err(MiladyError::refused(StatusCode::CONFLICT, words));
    }
    Ok(())
}

/// Somebody else may have been faster.
fn gone(removed: Result<(), CoreError>) -> Result<(), CoreError> {
    match removed {
        Err(CoreError::NotFound { .. }) => Ok(()),
        removed => removed,
    }
}
