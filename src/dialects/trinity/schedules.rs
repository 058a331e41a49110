//! Schedules: an agent's triggers, in the words of Trinity.
//!
//! The engine and its records are the core's, whichever API a trigger was made over; all of an agent's
//! triggers are told here. Those made here fire only while their agent is autonomous.

mod cron;
mod draft;
mod executions;
mod fleet;
mod kept;
mod wire;

use actix_web::http::StatusCode;
use actix_web::web::Json;
use actix_web::{HttpResponse, Responder, delete, get, post, put};
use greenroom_actors::error::CoreError;
use greenroom_actors::ids::{AgentId, TriggerId};
use greenroom_actors::ports::FiringQuery;
use greenroom_actors::triggers::{Trigger, TriggerPatch};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Answer;
use super::call::Call;
use super::error::TrinityError;
use super::mount::Mount;
use super::shared::Shared;
use super::short;
use super::wanted::InQuery;
use super::work::{Detail, Execution};
use crate::roster::Known;
pub(super) use draft::NewSchedule;
use draft::{SchedulePatch, refused};
use kept::Kept;
pub(super) use wire::Gate;
use wire::ScheduleView;

/// Executions in an answer where nothing is said, and at most.
const EXECUTIONS: u32 = 50;
const EXECUTIONS_MAX: u32 = 200;

/// Those with a word where others have an agent's name.
pub(super) fn fleet_routes(at: &mut Mount) {
    fleet::routes(at);
}

pub(super) fn routes(at: &mut Mount) {
    at.service(list).service(create).service(show).service(change).service(remove);
    at.service(enable).service(disable).service(fire).service(history);
}

/// The schedules of an agent, oldest first.
#[utoipa::path(tag = "Schedules", params(("name" = String, Path)), responses((status = 200, body = [ScheduleView])))]
#[get("/api/agents/{name}/schedules")]
async fn list(call: Call) -> Answer<Vec<ScheduleView>> {
    let agent = call.authorised().await?;
    let gate = gate(&call.shared, agent.id).await?;
    let triggers = call.shared.host.registry.triggers(agent.id).await?;
    let view = |trigger| ScheduleView::of(trigger, &agent.name, gate, call.shared.now());
    Ok(Json(triggers.iter().map(view).collect()))
}

/// Makes one, which fires while the agent is autonomous.
#[utoipa::path(
    tag = "Schedules",
    params(("name" = String, Path)),
    request_body = NewSchedule,
    responses((status = 201, body = ScheduleView))
)]
#[post("/api/agents/{name}/schedules")]
async fn create(call: Call<NewSchedule>) -> Result<impl Responder, TrinityError> {
    let wanted = call.fields()?.made(&call.principal.user.username)?;
    let agent = call.permitted_or("Failed to create schedule - access denied").await?;
    let made = call.shared.host.registry.add_trigger(agent.id, wanted).await.map_err(refused)?;
    note(&call, "create", &made).await;
    let view = view(&call.shared, &agent, &made).await?;
    Ok(Json(view).customize().with_status(StatusCode::CREATED))
}

/// One of them.
#[utoipa::path(tag = "Schedules", params(("name" = String, Path), ("id" = String, Path)), responses((status = 200, body = ScheduleView)))]
#[get("/api/agents/{name}/schedules/{id}")]
async fn show(call: Call) -> Answer<ScheduleView> {
    let (agent, trigger) = found(&call).await?;
    Ok(Json(view(&call.shared, &agent, &trigger).await?))
}

/// Changes one.
#[utoipa::path(
    tag = "Schedules",
    params(("name" = String, Path), ("id" = String, Path)),
    request_body = SchedulePatch,
    responses((status = 200, body = ScheduleView))
)]
#[put("/api/agents/{name}/schedules/{id}")]
async fn change(call: Call<SchedulePatch>) -> Answer<ScheduleView> {
    let agent = call.authorised().await?;
    let wanted = call.fields()?;
    let trigger = trigger_of(&call, &agent).await?;
    let amended = amend(&call.shared, &agent, &trigger, wanted.over(&trigger)?).await?;
    note(&call, "update", &amended).await;
    Ok(Json(view(&call.shared, &agent, &amended).await?))
}

/// Removes one.
#[utoipa::path(tag = "Schedules", params(("name" = String, Path), ("id" = String, Path)), responses((status = 204, description = "It is gone")))]
#[delete("/api/agents/{name}/schedules/{id}")]
async fn remove(call: Call) -> Result<HttpResponse, TrinityError> {
    let (agent, trigger) = found(&call).await?;
    let removed = call.shared.host.registry.remove_trigger(agent.id, trigger.id).await;
    removed.map_err(gone)?;
    note(&call, "delete", &trigger).await;
    Ok(HttpResponse::NoContent().finish())
}

/// Whether a schedule fires by itself from now on.
#[derive(Serialize, ToSchema)]
#[schema(as = ScheduleSwitched)]
struct Switched {
    /// `enabled` or `disabled`.
    status: &'static str,
    schedule_id: String,
}

/// Has one fire by itself.
#[utoipa::path(tag = "Schedules", params(("name" = String, Path), ("id" = String, Path)), responses((status = 200, body = Switched)))]
#[post("/api/agents/{name}/schedules/{id}/enable")]
async fn enable(call: Call) -> Answer<Switched> {
    switch(&call, true).await
}

/// Has one fire by hand alone.
#[utoipa::path(tag = "Schedules", params(("name" = String, Path), ("id" = String, Path)), responses((status = 200, body = Switched)))]
#[post("/api/agents/{name}/schedules/{id}/disable")]
async fn disable(call: Call) -> Answer<Switched> {
    switch(&call, false).await
}

async fn switch(call: &Call, is_enabled: bool) -> Answer<Switched> {
    let (agent, trigger) = found(call).await?;
    let kept = Kept { is_paused: false, ..Kept::of(&trigger) };
    let patch = TriggerPatch {
        metadata: Some(kept.within(trigger.metadata.clone())),
        ..TriggerPatch::enabled(is_enabled)
    };
    let amended = amend(&call.shared, &agent, &trigger, patch).await?;
    note(call, if is_enabled { "enable" } else { "disable" }, &amended).await;
    let status = if is_enabled { "enabled" } else { "disabled" };
    Ok(Json(Switched { status, schedule_id: short::of(trigger.id.0) }))
}

/// That a schedule fires now.
#[derive(Serialize, ToSchema)]
struct Triggered {
    status: &'static str,
    schedule_id: String,
    schedule_name: String,
    agent_name: String,
    message: String,
    /// What comes of it is found by this.
    execution_id: String,
}

/// Has one fire now, also one that is not enabled; answered once that is durable.
#[utoipa::path(tag = "Schedules", params(("name" = String, Path), ("id" = String, Path)), responses((status = 200, body = Triggered)))]
#[post("/api/agents/{name}/schedules/{id}/trigger")]
async fn fire(call: Call) -> Answer<Triggered> {
    let (agent, trigger) = found(&call).await?;
    let registry = &call.shared.host.registry;
    if registry.is_halted() {
        return Err(CoreError::Halted.into());
    }
    // It would wait until the agent runs again, and nobody would know.
    if !agent.is_running() {
        return Err(CoreError::NotRunning { id: agent.id, state: agent.state }.into());
    }
    let firing = registry.fire_trigger(agent.id, trigger.id).await.map_err(gone)?;
    note(&call, "trigger", &trigger).await;
    Ok(Json(Triggered {
        status: "triggered",
        schedule_id: short::of(trigger.id.0),
        message: format!("Schedule '{}' triggered", trigger.name),
        schedule_name: trigger.name,
        agent_name: agent.name,
        execution_id: short::of(firing.id.0),
    }))
}

#[derive(Deserialize, ToSchema)]
struct HowMany {
    #[schema(minimum = 1)]
    limit: Option<u32>,
}

/// What came of its slots, the latest due first.
#[utoipa::path(
    tag = "Schedules",
    params(("name" = String, Path), ("id" = String, Path), InQuery<HowMany>),
    responses((status = 200, body = [Detail]))
)]
#[get("/api/agents/{name}/schedules/{id}/executions")]
async fn history(call: Call<InQuery<HowMany>>) -> Answer<Vec<Detail>> {
    let (agent, trigger) = found(&call).await?;
    let limit = call.query()?.limit.unwrap_or(EXECUTIONS).min(EXECUTIONS_MAX);
    let registry = &call.shared.host.registry;
    let of = FiringQuery { agent_id: agent.id, trigger_id: Some(trigger.id), offset: 0, limit };
    let firings = registry.firings(of).await?;
    let mut all = Vec::with_capacity(firings.len());
    for firing in firings {
        let store = &**registry.store();
        let execution = Execution::of_firing(store, firing, Some(trigger.clone())).await?;
        all.push(Detail::of(store, &agent, &execution).await?);
    }
    Ok(Json(all))
}

/// What pauses a schedule that is enabled, or has one go on that was paused; `None`: it stays as it is.
/// Which of them were enabled is remembered, so that nobody's choice is lost.
pub(super) fn switched(trigger: &Trigger, goes_on: bool) -> Option<TriggerPatch> {
    let kept = Kept::of(trigger);
    let is_meant = if goes_on { kept.is_paused } else { trigger.is_enabled };
    let kept = Kept { is_paused: !goes_on, ..kept };
    is_meant.then(|| TriggerPatch {
        metadata: Some(kept.within(trigger.metadata.clone())),
        ..TriggerPatch::enabled(goes_on)
    })
}

/// Notes what somebody did to a schedule.
async fn note<B>(call: &Call<B>, action: &'static str, trigger: &Trigger) {
    call.note("schedule", action, ("schedule", &short::of(trigger.id.0))).await;
}

/// Whether an agent's schedules may fire.
pub(super) async fn gate(shared: &Shared, agent: AgentId) -> Result<Gate, TrinityError> {
    let record = shared.host.registry.record(agent).await?;
    Ok(Gate { is_open: record.lifecycle.autonomy.is_some() })
}

/// The agent and the trigger that a path names.
async fn found<B>(call: &Call<B>) -> Result<(Known, Trigger), TrinityError> {
    let agent = call.authorised().await?;
    let trigger = trigger_of(call, &agent).await?;
    Ok((agent, trigger))
}

async fn trigger_of<B>(call: &Call<B>, agent: &Known) -> Result<Trigger, TrinityError> {
    let id = short::parse(&call.segment("id")).ok_or_else(none)?;
    call.shared.host.registry.trigger(agent.id, TriggerId(id)).await.map_err(gone)
}

async fn amend(
    shared: &Shared,
    agent: &Known,
    trigger: &Trigger,
    patch: TriggerPatch,
) -> Result<Trigger, TrinityError> {
    let amended = shared.host.registry.amend_trigger(agent.id, trigger.id, patch).await;
    amended.map_err(gone)
}

async fn view(
    shared: &Shared,
    agent: &Known,
    trigger: &Trigger,
) -> Result<ScheduleView, TrinityError> {
    let gate = gate(shared, agent.id).await?;
    Ok(ScheduleView::of(trigger, &agent.name, gate, shared.now()))
}

fn none() -> TrinityError {
    TrinityError::not_found("Schedule not found")
}

/// Somebody else may have removed it.
fn gone(error: CoreError) -> TrinityError {
    match error {
        CoreError::NotFound { what: "trigger", .. } => none(),
        error => refused(error),
    }
}
