//! An execution as it goes on: its log, entry by entry, as a stream of events.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::get;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue};
use actix_web::web::Bytes;
use futures::stream::unfold;
use greenroom_actors::error::CoreError;
use greenroom_actors::feed::EventStream;
use greenroom_actors::ids::AgentId;
use serde_json::{Value, json};
use tokio::sync::OwnedSemaphorePermit;
use uuid::Uuid;

use super::chat::running;
use super::record::Execution;
use super::{entries, executions};
use crate::dialects::trinity::call::Call;
use crate::dialects::trinity::error::{TrinityError, unauthenticated};
use crate::dialects::trinity::live::Viewer;
use crate::dialects::trinity::mount::Mount;
use crate::dialects::trinity::shared::Shared;
use crate::host::Rights;

/// What somebody is told who may not, or no longer.
const DENIED: &str = "Access denied to agent";

/// How often something is told where nothing happens, so that a connection that is gone is noticed.
const BREATH: Duration = Duration::from_secs(15);

pub(super) fn routes(at: &mut Mount) {
    at.service(stream);
}

/// Follows an execution until it is over.
#[utoipa::path(tag = "Executions", params(("name" = String, Path), ("id" = String, Path)), responses((status = 200, content_type = "text/event-stream", body = String)))]
#[get("/api/agents/{name}/executions/{id}/stream")]
async fn stream(call: Call) -> Result<HttpResponse, TrinityError> {
    let agent = call.authorised().await?;
    running(&agent)?;
    let execution = executions::find(&call, &agent).await?;
    let busy = || TrinityError::unavailable("Too many streams are open, please try again");
    let place = call.shared.in_flight.stream().ok_or_else(busy)?;
    // Both before it is looked, so that nothing is missed in between.
    let (rights, viewer) = (call.shared.host.rights(), call.viewer().ok_or_else(unauthenticated)?);
    if viewer.may_use(agent.id) != Some(true) {
        return Err(TrinityError::forbidden(DENIED));
    }
    let store = call.shared.host.registry.store();
    // From before the first look, so that nothing is missed between the two.
    let seen = store.event_bounds(agent.id).await?.map_or(0, |(_, newest)| newest);
    let following = Following {
        shared: Arc::clone(&call.shared),
        agent: agent.id,
        execution: execution.id,
        events: call.shared.host.registry.subscribe(agent.id, seen),
        rights,
        viewer,
        told: 0,
        is_first: true,
        _place: place,
    };
    let frames = unfold(Some(following), |following| async move {
        let mut following = following?;
        let (frame, goes_on) = following.next().await;
        Some((Ok::<_, Infallible>(frame), goes_on.then_some(following)))
    });
    Ok(HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, "text/event-stream"))
        .insert_header((CACHE_CONTROL, "no-cache"))
        .insert_header((
            HeaderName::from_static("x-accel-buffering"),
            HeaderValue::from_static("no"),
        ))
        .streaming(frames))
}

/// A client that follows an execution.
struct Following {
    shared: Arc<Shared>,
    agent: AgentId,
    execution: Uuid,
    events: EventStream,
    rights: Rights,
    viewer: Viewer,
    /// Entries that it was told.
    told: usize,
    is_first: bool,
    _place: OwnedSemaphorePermit,
}

impl Following {
    /// The next that it is told, and whether there is more to come.
    async fn next(&mut self) -> (Bytes, bool) {
        loop {
            if !std::mem::take(&mut self.is_first) {
                tokio::select! {
                    event = self.events.next() => {
                        if let Err(error) = event {
                            return broken(&error);
                        }
                    }
                    () = self.rights.changed() => {}
                    () = tokio::time::sleep(BREATH) => {
                        return (Bytes::from_static(b":\n\n"), true);
                    }
                }
            }
            let news = self.news().await;
            // Last of all, so that nothing is told that was asked for before the right to it ended.
            if self.viewer.may_use(self.agent) != Some(true) {
                return (last(vec![json!({"type": "error", "message": DENIED})]), false);
            }
            match news {
                Ok((entries, true)) => return (last(entries), false),
                Ok((entries, false)) if entries.is_empty() => {}
                Ok((entries, false)) => {
                    return (entries.iter().map(frame).collect::<String>().into(), true);
                }
                Err(error) => return broken(&error),
            }
        }
    }

    /// Entries that are new, and whether it is over.
    async fn news(&mut self) -> Result<(Vec<Value>, bool), CoreError> {
        let store = &**self.shared.host.registry.store();
        let Some(execution) = Execution::find(store, self.agent, self.execution).await? else {
            return Ok((Vec::new(), true));
        };
        let is_over = execution.is_over();
        let Some(run) = &execution.run else { return Ok((Vec::new(), is_over)) };
        let steps = execution.steps(store).await?;
        let response = if is_over { execution.response(store).await? } else { None };
        let entries = entries::of(run, &steps, response.as_deref());
        let news: Vec<_> = entries.into_iter().skip(self.told).collect();
        self.told = self.told.saturating_add(news.len());
        Ok((news, is_over))
    }
}

fn frame(entry: &Value) -> String {
    format!("data: {entry}\n\n")
}

fn last(entries: Vec<Value>) -> Bytes {
    let end = json!({"type": "stream_end"});
    entries.iter().chain([&end]).map(frame).collect::<String>().into()
}

fn broken(error: &CoreError) -> (Bytes, bool) {
    tracing::warn!(%error, "a stream of an execution broke off");
    let told = json!({"type": "error", "message": "The stream broke off", "retryable": true});
    (last(vec![told]), false)
}
