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
use super::error::OperatorError;
use super::lookup::Who;
use super::wire::{Success, number};

/// Rows of one answer at most, and where nothing is said.
const PAGE_MAX: u32 = 1_000;
const PAGE: u32 = 50;

/// Which page.
#[derive(Deserialize)]
pub(super) struct PageQuery {
    offset: Option<String>,
    limit: Option<String>,
    /// Events with a greater number alone.
    after: Option<String>,
}

impl PageQuery {
    /// How many rows to pass over, and how many to show.
    pub(super) fn read(&self) -> Result<(u32, u32), OperatorError> {
        let limit = number("limit", self.limit.as_deref())?.unwrap_or(PAGE).min(PAGE_MAX);
        Ok((number("offset", self.offset.as_deref())?.unwrap_or(0), limit))
    }
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
pub(super) async fn list(who: Path<Who>, page: Query<PageQuery>, host: Data<Host>) -> Answer<Runs> {
    let (offset, limit) = page.read()?;
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
    page: Query<PageQuery>,
    host: Data<Host>,
) -> Answer<Events> {
    let limit = number("limit", page.limit.as_deref())?.unwrap_or(PAGE).min(PAGE_MAX);
    let after = number("after", page.after.as_deref())?.unwrap_or(0);
    let agent = who.find(&host.registry).await?.id;
    let events = host.registry.store().events(agent, u64::from(after), limit).await?;
    Ok(Success::of(Events { events }))
}
