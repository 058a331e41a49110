//! Runs: what an agent did with one message or one tick, with an outcome.

use std::collections::HashMap;

use greenroom_actors::ids::{AgentId, EntityId, RoomId, RunId};
use greenroom_actors::ports::{LogQuery, RunQuery};
use greenroom_actors::records::LogEntry;
use greenroom_actors::runs::{Run, RunStatus, Step, StepKind, StepStatus};
use greenroom_actors::time::{UnixMillis, millis};
use serde::Serialize;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::call::{Call, id_of, instant_of};
use super::error::Doing;
use super::refusal;
use super::run_events::{RunEvent, events};
use super::wire::{Answer, ok};

/// Runs in a list, where the query does not say, and at most.
const PAGE: u32 = 20;
const PAGE_MAX: u32 = 100;

/// Log entries of one run that its events are made of at most.
const ENTRIES_MAX: u32 = 1_000;

/// `GET /api/agents/:agentId/runs`.
pub(super) async fn list(call: Call) -> Answer {
    let agent = call.agent()?;
    let query = call.query();
    let room_id = id_of(&query, "roomId", &refusal::ROOM_ID)?;
    let (from, to) = (instant_of(&query, "from")?, instant_of(&query, "to")?);
    call.running(agent).await?;
    let page = call.page(&query, PAGE);
    let wanted = RunQuery {
        room_id,
        statuses: statuses(query.get("status")),
        from,
        to,
        offset: page.offset,
        ..RunQuery::of(agent, page.limit.clamp(1, PAGE_MAX))
    };
    let runs = call.store().runs(wanted.clone()).await.doing(&refusal::RUNS)?;
    let total = call.store().count_runs(wanted.clone()).await.doing(&refusal::RUNS)?;
    let ids = runs.iter().map(|run| run.id).collect();
    let steps = call.store().steps(ids).await.doing(&refusal::RUNS)?;
    let mut counts: HashMap<RunId, Counts> = HashMap::new();
    for step in &steps {
        counts.entry(step.run_id).or_default().add(step);
    }
    let shown: Vec<_> = runs
        .iter()
        .map(|run| Summary {
            metadata: Some(Map::new()),
            ..Summary::of(run, counts.remove(&run.id).unwrap_or_default())
        })
        .collect();
    let end = u64::from(wanted.offset).saturating_add(u64::try_from(shown.len()).unwrap_or(0));
    ok(json!({"runs": shown, "total": total, "hasMore": end < total}))
}

/// What the core calls what clients call a status; any for a word that means nothing.
fn statuses(word: Option<&str>) -> Vec<RunStatus> {
    match word {
        Some("started") => vec![RunStatus::Started],
        Some("completed") => vec![RunStatus::Completed],
        Some("timeout") => vec![RunStatus::TimedOut],
        Some("error") => vec![RunStatus::Failed, RunStatus::Cancelled, RunStatus::Interrupted],
        _ => Vec::new(),
    }
}

/// What clients call a status.
pub(super) fn word(status: RunStatus) -> &'static str {
    match status {
        RunStatus::Started => "started",
        RunStatus::Completed => "completed",
        RunStatus::TimedOut => "timeout",
        RunStatus::Failed | RunStatus::Cancelled | RunStatus::Interrupted => "error",
    }
}

/// `GET /api/agents/:agentId/runs/:runId`. A run that nobody knows may be about to begin, and is
/// answered as elizaOS answers it.
pub(super) async fn get(call: Call) -> Answer {
    let (agent, id): (_, RunId) = call.ids("run", &refusal::AGENT_OR_RUN_ID)?;
    let query = call.query();
    let room: Option<RoomId> = id_of(&query, "roomId", &refusal::ROOM_ID)?;
    call.running(agent).await?;
    let found = call.store().run(agent, id).await.doing(&refusal::RUN_DETAIL)?;
    let Some(run) = found.filter(|run| room.is_none_or(|room| room == run.room_id)) else {
        let none: [RunEvent; 0] = [];
        return ok(json!({"summary": Summary::unknown(agent, id), "events": none}));
    };
    let steps = call.store().steps(vec![id]).await.doing(&refusal::RUN_DETAIL)?;
    let wanted = LogQuery { run_id: Some(id), ..LogQuery::of(agent, ENTRIES_MAX) };
    let mut entries = call.store().logs(wanted).await.doing(&refusal::RUN_DETAIL)?;
    entries.reverse();
    let mut counts = Counts::default();
    steps.iter().for_each(|step| counts.add(step));
    counts.evaluators = count_of(&entries, "evaluator");
    ok(json!({"summary": Summary::of(&run, counts), "events": events(&run, &entries)}))
}

fn count_of(entries: &[LogEntry], kind: &str) -> usize {
    entries.iter().filter(|entry| entry.kind == kind).count()
}

/// A run in short.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Summary {
    run_id: RunId,
    status: &'static str,
    #[serde(flatten)]
    span: Option<Span>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message_id: Option<Uuid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    room_id: Option<RoomId>,
    entity_id: EntityId,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<Map<String, Value>>,
    counts: Counts,
}

/// When a run took place.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Span {
    started_at: UnixMillis,
    ended_at: Option<UnixMillis>,
    duration_ms: Option<i64>,
}

/// What a run consisted of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Counts {
    actions: usize,
    model_calls: usize,
    errors: usize,
    evaluators: usize,
}

impl Counts {
    fn add(&mut self, step: &Step) {
        match step.kind {
            StepKind::Model => self.model_calls += 1,
            StepKind::Tool => self.actions += 1,
        }
        match step.status {
            StepStatus::Failed | StepStatus::OutcomeUnknown => self.errors += 1,
            StepStatus::Intended | StepStatus::Succeeded => {}
        }
    }
}

impl Summary {
    fn of(run: &Run, mut counts: Counts) -> Self {
        let ended_at = run.ended_at;
        // It was cut off between two steps, then, and none of them tells.
        if run.status == RunStatus::Interrupted {
            counts.errors = counts.errors.max(1);
        }
        Self {
            run_id: run.id,
            status: word(run.status),
            span: Some(Span {
                started_at: run.started_at,
                ended_at,
                duration_ms: ended_at.map(|ended_at| millis(ended_at.since(run.started_at))),
            }),
            // A letter and the memory of it have one id; a tick answers nobody and has its own.
            message_id: Some(run.letter_id.map_or(run.id.0, |letter| letter.0)),
            room_id: Some(run.room_id),
            entity_id: run.entity_id,
            metadata: None,
            counts,
        }
    }

    fn unknown(agent: AgentId, id: RunId) -> Self {
        Self {
            run_id: id,
            status: word(RunStatus::Started),
            span: None,
            message_id: None,
            room_id: None,
            entity_id: agent.into(),
            metadata: None,
            counts: Counts::default(),
        }
    }
}
