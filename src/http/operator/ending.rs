//! What brings an agent down: a pause, a stop, a restart; at once, or within a grace.
//!
//! The body is optional: `grace_s` is how many seconds the run in flight may still take, `force` cuts
//! it off at once, also where it was given a grace before. Without either it is cut off at once.

use actix_web::HttpRequest;
use actix_web::web::{Data, Path, Payload};
use greenroom_actors::agent::Change;
use greenroom_actors::lifecycle::Command;

use crate::host::Host;

use super::Answer;
use super::body::Fields;
use super::lookup::Who;
use super::wire::{AgentView, Success};

pub(super) async fn pause(
    who: Path<Who>,
    request: HttpRequest,
    payload: Payload,
    host: Data<Host>,
) -> Answer<AgentView> {
    end(&who, Command::Pause, &Fields::read(&request, payload).await?, &host).await
}

pub(super) async fn stop(
    who: Path<Who>,
    request: HttpRequest,
    payload: Payload,
    host: Data<Host>,
) -> Answer<AgentView> {
    end(&who, Command::Stop, &Fields::read(&request, payload).await?, &host).await
}

pub(super) async fn restart(
    who: Path<Who>,
    request: HttpRequest,
    payload: Payload,
    host: Data<Host>,
) -> Answer<AgentView> {
    end(&who, Command::Restart, &Fields::read(&request, payload).await?, &host).await
}

/// Answers with what is so then: an agent whose run has a grace is stopping.
async fn end(who: &Who, command: Command, fields: &Fields, host: &Host) -> Answer<AgentView> {
    fields.spelt("grace", "grace_s")?;
    fields.spelt("forc", "force")?;
    let change = Change::ending(command, fields.number("grace_s")?, fields.flag("force")?)?;
    let record = who.find(&host.registry).await?;
    host.registry.ask(record.id, change).await?;
    let status = host.registry.status(record.id).await?;
    Ok(Success::of(AgentView::observed(&record, &status)))
}
