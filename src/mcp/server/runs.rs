//! Runs: what an agent did, with an outcome for everything that was begun.

use greenroom_actors::ids::RunId;
use greenroom_actors::ports::RunQuery;
use greenroom_actors::runs::{Run, RunStatus, Step, Usage};
use rmcp::schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::host::Host;
use crate::http::instant;
use crate::http::operator::{OperatorError, Who};

use super::operation::{About, Effect, Operation};
use super::shown::{self, Page};

/// Bytes of what a step asked, and of what came of it, in an answer.
const STEP_MAX_BYTES: usize = 8 * 1024;

/// Steps of a run in an answer.
const STEPS_MAX: usize = 200;

pub(super) fn operations() -> Vec<Operation> {
    vec![
        Operation::new(
            &About {
                name: "list_runs",
                title: "List runs",
                description: "What an agent did, newest first: each reply and each tick is a run.",
                effect: Effect::Reads,
            },
            list,
        ),
        Operation::new(
            &About {
                name: "get_run",
                title: "Show a run",
                description: "One run of an agent with its steps: the calls of models and tools.",
                effect: Effect::Reads,
            },
            get,
        ),
    ]
}

/// What something cost.
#[derive(Serialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
struct UsageView {
    /// The model that answered.
    model: Option<String>,
    /// Tokens read.
    input_tokens: u64,
    /// Tokens written.
    output_tokens: u64,
    /// Millionths of a US dollar; null where the price is not known.
    cost_micros: Option<u64>,
}

impl From<Usage> for UsageView {
    fn from(usage: Usage) -> Self {
        let Usage { model, input_tokens, output_tokens, cost_micros } = usage;
        Self { model, input_tokens, output_tokens, cost_micros }
    }
}

/// A run.
#[derive(Serialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
struct RunView {
    /// Its id.
    id: String,
    /// Why it was begun: tick, reply, job or trigger.
    kind: String,
    /// started, completed, failed, cancelled, timed_out or interrupted.
    status: String,
    /// Where it takes place.
    room_id: String,
    /// When it was begun.
    started_at: String,
    /// When it ended.
    ended_at: Option<String>,
    /// Why it did not complete.
    error: Option<String>,
    /// What it cost.
    usage: UsageView,
}

impl From<Run> for RunView {
    fn from(run: Run) -> Self {
        Self {
            id: run.id.to_string(),
            kind: shown::word(&run.kind),
            status: shown::word(&run.status),
            room_id: run.room_id.to_string(),
            started_at: instant::iso(run.started_at),
            ended_at: shown::time(run.ended_at),
            error: run.error,
            usage: run.usage.into(),
        }
    }
}

/// A step of a run.
#[derive(Serialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
struct StepView {
    /// Its place in the run, from 0.
    index: u32,
    /// What sort of call: model or tool.
    kind: String,
    /// Which model or tool.
    name: String,
    /// intended, succeeded, failed or outcome_unknown.
    status: String,
    /// What was asked; a large one is cut off.
    intent: Value,
    /// What came of it; a large one is cut off.
    outcome: Value,
    /// When it was begun.
    started_at: String,
    /// When it ended.
    ended_at: Option<String>,
}

impl From<Step> for StepView {
    fn from(step: Step) -> Self {
        Self {
            index: step.index,
            kind: shown::word(&step.kind),
            name: step.name,
            status: shown::word(&step.status),
            intent: shown::cut_value(step.intent, STEP_MAX_BYTES),
            outcome: shown::cut_value(step.outcome.unwrap_or_default(), STEP_MAX_BYTES),
            started_at: instant::iso(step.started_at),
            ended_at: shown::time(step.ended_at),
        }
    }
}

#[derive(Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
#[serde(deny_unknown_fields)]
struct List {
    /// The agent: its id, its handle or its name.
    agent: Who,
    /// Only runs of this status; any where absent.
    status: Option<Wanted>,
    /// How many entries to pass over; none where absent.
    #[serde(default)]
    offset: u32,
    /// How many entries to answer with: 50 where absent, 200 at most.
    limit: Option<u32>,
}

/// A status that runs may be listed by.
#[derive(Clone, Copy, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
#[serde(rename_all = "snake_case")]
enum Wanted {
    Started,
    Completed,
    Failed,
    Cancelled,
    TimedOut,
    Interrupted,
}

impl From<Wanted> for RunStatus {
    fn from(wanted: Wanted) -> Self {
        match wanted {
            Wanted::Started => Self::Started,
            Wanted::Completed => Self::Completed,
            Wanted::Failed => Self::Failed,
            Wanted::Cancelled => Self::Cancelled,
            Wanted::TimedOut => Self::TimedOut,
            Wanted::Interrupted => Self::Interrupted,
        }
    }
}

#[derive(Serialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
struct Listed {
    /// The runs.
    runs: Vec<RunView>,
    /// How many there are in all.
    total: u64,
}

async fn list(host: Host, wanted: List) -> Result<Listed, OperatorError> {
    let agent = wanted.agent.find(&host.registry).await?.id;
    let page = Page::new(wanted.offset, wanted.limit);
    let query = RunQuery {
        statuses: wanted.status.map(RunStatus::from).into_iter().collect(),
        offset: page.offset,
        ..RunQuery::of(agent, page.limit)
    };
    let store = host.registry.store();
    let runs = store.runs(query.clone()).await?;
    let total = store.count_runs(query).await?;
    Ok(Listed { runs: runs.into_iter().map(RunView::from).collect(), total })
}

#[derive(Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
#[serde(deny_unknown_fields)]
struct Get {
    /// The agent: its id, its handle or its name.
    agent: Who,
    /// The run's id.
    run_id: String,
}

#[derive(Serialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
struct Shown {
    /// The run.
    run: RunView,
    /// Its steps in order: the first 200.
    steps: Vec<StepView>,
    /// How many steps it has.
    steps_total: usize,
}

async fn get(host: Host, wanted: Get) -> Result<Shown, OperatorError> {
    let id: RunId = shown::id("run_id", &wanted.run_id)?;
    let agent = wanted.agent.find(&host.registry).await?.id;
    let store = host.registry.store();
    let run = store.run(agent, id).await?;
    let run = run.ok_or(OperatorError::Core(greenroom_actors::error::CoreError::NotFound {
        what: "run",
        id: id.0,
    }))?;
    let steps = store.steps(vec![id]).await?;
    let steps_total = steps.len();
    let steps = steps.into_iter().take(STEPS_MAX).map(StepView::from).collect();
    Ok(Shown { run: run.into(), steps, steps_total })
}
