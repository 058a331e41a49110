//! What an agent works for.

use actix_web::HttpRequest;
use actix_web::web::{Data, Path, Payload};
use greenroom_actors::agent::{AmendGoal, RemoveGoal, SetGoal};
use greenroom_actors::goals::{Goal, GoalPatch, GoalStatus};
use greenroom_actors::ids::GoalId;
use serde::Serialize;

use crate::host::Host;

use super::Answer;
use super::body::Fields;
use super::error::OperatorError;
use super::lookup::Who;
use super::wire::Success;

/// The goals of an agent.
#[derive(Serialize)]
pub(super) struct Goals {
    goals: Vec<Goal>,
}

/// Whether something was removed.
#[derive(Serialize)]
pub(super) struct Removed {
    removed: bool,
}

/// All of them, oldest first.
pub(super) async fn list(who: Path<Who>, host: Data<Host>) -> Answer<Goals> {
    let agent = who.find(&host.registry).await?.id;
    let goals = host.registry.store().goals(agent).await?;
    Ok(Success::of(Goals { goals }))
}

/// Sets one.
pub(super) async fn set(
    who: Path<Who>,
    request: HttpRequest,
    payload: Payload,
    host: Data<Host>,
) -> Answer<Goal> {
    let fields = Fields::read(&request, payload).await?;
    let text = fields.required("text", Goal::TEXT_MAX_BYTES)?.to_owned();
    let agent = who.find(&host.registry).await?.id;
    Ok(Success::of(host.registry.ask(agent, SetGoal { id: None, text }).await?))
}

/// Changes one.
pub(super) async fn amend(
    path: Path<(Who, GoalId)>,
    request: HttpRequest,
    payload: Payload,
    host: Data<Host>,
) -> Answer<Goal> {
    let (who, id) = path.into_inner();
    let fields = Fields::read(&request, payload).await?;
    let status = match fields.text("status")? {
        None => None,
        Some("open") => Some(GoalStatus::Open),
        Some("reached") => Some(GoalStatus::Reached),
        Some("dropped") => Some(GoalStatus::Dropped),
        Some(_) => {
            let reason = "must be open, reached or dropped".to_owned();
            return Err(OperatorError::Invalid { field: "status", reason });
        }
    };
    let patch = GoalPatch {
        text: fields.text("text")?.map(str::to_owned),
        status,
        outcome: fields.text("outcome")?.map(str::to_owned),
        // A person who changes a goal wants it looked at.
        rests_until: Some(None),
    };
    let agent = who.find(&host.registry).await?.id;
    Ok(Success::of(host.registry.ask(agent, AmendGoal { id, patch }).await?))
}

/// Removes one.
pub(super) async fn remove(path: Path<(Who, GoalId)>, host: Data<Host>) -> Answer<Removed> {
    let (who, id) = path.into_inner();
    let agent = who.find(&host.registry).await?.id;
    let removed = host.registry.ask(agent, RemoveGoal(id)).await?;
    Ok(Success::of(Removed { removed }))
}
