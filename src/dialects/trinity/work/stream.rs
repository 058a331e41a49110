//! An execution as it goes on: its log, entry by entry, as a stream of events.

use std::convert::Infallible;
use std::future::pending;
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
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{OwnedSemaphorePermit, broadcast, watch};
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;

use super::chat::running;
use super::record::Execution;
use super::{entries, executions};
use crate::dialects::trinity::call::Call;
use crate::dialects::trinity::error::TrinityError;
use crate::dialects::trinity::live::Viewer;
use crate::dialects::trinity::shared::Shared;
use crate::organisation::Happening;

/// How often something is told where nothing happens, so that a connection that is gone is noticed.
const BREATH: Duration = Duration::from_secs(15);

pub(super) fn routes(at: &mut ServiceConfig) {
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
    let store = call.shared.host.registry.store();
    // From before the first look, so that nothing is missed between the two.
    let seen = store.event_bounds(agent.id).await?.map_or(0, |(_, newest)| newest);
    let accounts = &call.shared.host.accounts;
    let following = Following {
        viewer: Viewer::of(&call),
        changes: Changes {
            accounts: accounts.watch(),
            happenings: call.shared.host.organisation.watch(),
        },
        shared: Arc::clone(&call.shared),
        agent: agent.id,
        execution: execution.id,
        events: call.shared.host.registry.subscribe(agent.id, seen),
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

/// What may end a client's right to follow.
struct Changes {
    accounts: watch::Receiver<()>,
    happenings: broadcast::Receiver<Arc<Happening>>,
}

impl Changes {
    /// Is ready once something was changed after which it is to be asked again.
    async fn next(&mut self) {
        loop {
            tokio::select! {
                changed = self.accounts.changed() => match changed {
                    Ok(()) => return,
                    Err(_ended) => pending().await,
                },
                happening = self.happenings.recv() => match happening.as_deref() {
                    // What was missed may be one.
                    Ok(Happening::Unshared(..)) | Err(RecvError::Lagged(_)) => return,
                    Ok(_) => {}
                    Err(RecvError::Closed) => pending().await,
                },
            }
        }
    }
}

/// A client that follows an execution.
struct Following {
    shared: Arc<Shared>,
    viewer: Viewer,
    changes: Changes,
    agent: AgentId,
    execution: Uuid,
    events: EventStream,
    /// Entries that it was told.
    told: usize,
    is_first: bool,
    _place: OwnedSemaphorePermit,
}

impl Following {
    /// The next that it is told, and whether there is more to come.
    async fn next(&mut self) -> (Bytes, bool) {
        loop {
            let mut is_silent = false;
            if !std::mem::take(&mut self.is_first) {
                tokio::select! {
                    () = self.changes.next() => {}
                    event = tokio::time::timeout(BREATH, self.events.next()) => match event {
                        Ok(Ok(_)) => {}
                        Ok(Err(error)) => return broken(&error),
                        Err(_silence) => is_silent = true,
                    },
                }
            }
            let news = self.news().await;
            // Last of all, so that nothing is told that was asked for before the right to it ended.
            if self.viewer.may_use(self.agent) != Some(true) {
                let told = json!({"type": "error", "message": "Access ended", "retryable": false});
                return (last(vec![told]), false);
            }
            match news {
                Ok((entries, false)) if entries.is_empty() && is_silent => {
                    return (Bytes::from_static(b":\n\n"), true);
                }
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
