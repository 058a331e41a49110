//! What an agent did: its runs, their steps, its events.

use actix_web::web::{Data, Path, Query};
use greenroom_actors::error::CoreError;
use greenroom_actors::facts::Event;
use greenroom_actors::ids::RunId;
use greenroom_actors::ports::RunQuery;
use greenroom_actors::runs::{Run, Step};
use serde::{Deserialize, Serialize};

use crate::host::Host;

use super::Answer;
use super::lookup::Who;
use super::page::{Page, number};
use super::wire::Success;

/// Rows in one answer at most.
pub(super) const ROWS_MAX: u32 = 1_000;

/// Which events.
#[derive(Deserialize)]
pub(super) struct EventsQuery {
    /// Those with a greater number alone.
    after: Option<String>,
    #[serde(flatten)]
    page: Page,
}

/// A page of runs, newest first.
#[derive(Serialize)]
pub(super) struct Runs {
    runs: Vec<Run>,
    total: u64,
}

/// A run and all its calls.
#[derive(Serialize)]
pub(super) struct RunShown {
    run: Run,
    steps: Vec<Step>,
}

/// A page of events, oldest first.
#[derive(Serialize)]
pub(super) struct Events {
    events: Vec<Event>,
}

/// The runs of an agent.
pub(super) async fn list(who: Path<Who>, page: Query<Page>, host: Data<Host>) -> Answer<Runs> {
    let (offset, limit) = page.read(ROWS_MAX)?;
    let agent = who.find(&host.registry).await?.id;
    let store = host.registry.store();
    let query = RunQuery { offset, ..RunQuery::of(agent, limit) };
    let total = store.count_runs(query.clone()).await?;
    Ok(Success::of(Runs { runs: store.runs(query).await?, total }))
}

/// One run with its steps.
pub(super) async fn show(path: Path<(Who, RunId)>, host: Data<Host>) -> Answer<RunShown> {
    let (who, id) = path.into_inner();
    let agent = who.find(&host.registry).await?.id;
    let store = host.registry.store();
    let run = store.run(agent, id).await?;
    let run = run.ok_or(CoreError::NotFound { what: "run", id: id.0 })?;
    Ok(Success::of(RunShown { run, steps: store.steps(vec![id]).await? }))
}

/// The events of an agent.
pub(super) async fn events(
    who: Path<Who>,
    query: Query<EventsQuery>,
    host: Data<Host>,
) -> Answer<Events> {
    // Where the page begins is said by number: an offset would slide as old events go.
    let (_, limit) = query.page.read(ROWS_MAX)?;
    let after = number("after", query.after.as_deref())?.unwrap_or(0);
    let agent = who.find(&host.registry).await?.id;
    let events = host.registry.store().events(agent, u64::from(after), limit).await?;
    Ok(Success::of(Events { events }))
}
