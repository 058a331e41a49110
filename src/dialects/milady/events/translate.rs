//! From an agent's own sequence of events to what clients follow: runs with contiguous numbers.

use std::collections::VecDeque;

use greenroom_actors::facts::{Event, EventKind};
use greenroom_actors::ids::{self, RunId};
use greenroom_actors::runs::RunKind;
use greenroom_actors::texts::cut;
use greenroom_actors::time::{UnixMillis, millis};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::envelope::{Draft, Place, Room, Sort, Stream};
use super::words;
use crate::dialects::milady::chat::SOURCE;

/// Runs that are open at once at most. An agent has one in flight, and others wait for a person.
const RUNS_MAX: usize = 32;

/// Bytes of what a run said that its heartbeat shows.
const PREVIEW_MAX_BYTES: usize = 160;

/// Follows one agent.
#[derive(Debug, Default)]
pub(super) struct Translator {
    /// The open ones, the oldest first.
    runs: VecDeque<OpenRun>,
    /// The run that a tick is about to begin, or to go on with.
    ticked: Option<RunId>,
}

#[derive(Debug)]
struct OpenRun {
    id: RunId,
    /// What clients know it by.
    shown: Uuid,
    seq: u64,
    kind: Option<RunKind>,
    is_tick: bool,
    since: UnixMillis,
    /// What it has said, and whether to somebody.
    said: Option<(String, bool)>,
}

/// What became of a run.
struct End {
    status: String,
    error: Option<String>,
}

impl Translator {
    /// What clients are told of an event. `is_chat`: it took place where a conversation with a client
    /// of this dialect does.
    pub(super) fn translate(&mut self, event: &Event, is_chat: bool) -> Vec<Draft> {
        let mut told = Told { event, drafts: Vec::new() };
        match event.kind {
            EventKind::Ticked => match told.run() {
                Some(run) => self.ticked = Some(run),
                None => idle(&mut told),
            },
            EventKind::RunStarted | EventKind::RunResumed => self.begin(&mut told),
            EventKind::RunEnded => self.end(&mut told),
            EventKind::ToolCalled => self.tool(&mut told),
            EventKind::OutcomeUnknown | EventKind::ApprovalAsked | EventKind::ApprovalDecided => {
                self.in_run(&mut told);
            }
            EventKind::Said | EventKind::Thought => self.words(&mut told, is_chat),
            EventKind::Created
            | EventKind::Revised
            | EventKind::Started
            | EventKind::Paused
            | EventKind::Resumed
            | EventKind::Stopped
            | EventKind::Restarted
            | EventKind::AutonomySet
            | EventKind::Crashed
            | EventKind::Failed
            | EventKind::LetterReceived
            | EventKind::LetterDead
            | EventKind::LetterRequeued
            | EventKind::GoalSet
            | EventKind::Remedied
            | EventKind::BudgetMarked
            | EventKind::TriggerSet
            | EventKind::TriggerRemoved
            | EventKind::TriggerFired
            | EventKind::TriggerMissed => {
                let (stream, payload) = words::of(event.kind, &event.data);
                told.push(None, stream, payload);
            }
        }
        told.drafts
    }

    fn begin(&mut self, told: &mut Told<'_>) {
        let Some(id) = told.run() else { return };
        let is_tick = self.ticked.take() == Some(id);
        let word =
            if told.event.kind == EventKind::RunStarted { "run_start" } else { "run_resume" };
        let run = self.open(id, told);
        run.is_tick |= is_tick;
        run.kind = told.get("kind").or(run.kind);
        let kind = run.kind;
        let payload = json!({"type": word, "kind": kind});
        told.push(Some(run.next()), Stream::Lifecycle, payload);
    }

    fn end(&mut self, told: &mut Told<'_>) {
        let Some(id) = told.run() else { return };
        let run = self.open(id, told);
        run.kind = run.kind.or(told.get("kind"));
        let end = End {
            status: told.text("status").unwrap_or_default().to_owned(),
            error: told.text("error").map(str::to_owned),
        };
        if let Some(error) = &end.error {
            let payload = json!({"type": "error", "message": error, "text": error});
            told.push(Some(run.next()), Stream::Error, payload);
        }
        let took = millis(told.event.at.since(run.since));
        let payload = json!({"type": "run_end", "status": end.status, "durationMs": took});
        told.push(Some(run.next()), Stream::Lifecycle, payload);
        if run.is_tick {
            let beat = heartbeat(told.event.at, run.said.take(), end, took);
            told.heartbeat(beat);
        }
        self.runs.retain(|run| run.id != id);
    }

    /// A call of a tool, which is told once it was made.
    fn tool(&mut self, told: &mut Told<'_>) {
        let Some(id) = told.run() else { return };
        let run = self.open(id, told);
        let tool = told.text("tool").unwrap_or_default().to_owned();
        let is_success = told.get("isSuccess").unwrap_or(false);
        let call = json!({"type": "tool_call", "toolName": tool, "text": format!("Calls {tool}")});
        told.push(Some(run.next()), Stream::Tool, call);
        let (word, text) = match is_success {
            true => ("tool_result", format!("{tool} is done")),
            false => ("tool_error", format!("{tool} has failed")),
        };
        let result = json!({"type": word, "toolName": tool, "success": is_success, "text": text});
        told.push(Some(run.next()), Stream::Tool, result);
    }

    /// Something else that happened in a run.
    fn in_run(&mut self, told: &mut Told<'_>) {
        let (stream, payload) = words::of(told.event.kind, &told.event.data);
        // A call of an earlier run is told by the one that has found it, which has just begun.
        let run = match told.event.kind {
            EventKind::OutcomeUnknown => self.runs.back_mut(),
            _ => told.run().map(|id| self.open(id, told)),
        };
        told.push(run.map(OpenRun::next), stream, payload);
    }

    /// What the agent has said or thought, which it also remembers.
    fn words(&mut self, told: &mut Told<'_>, is_chat: bool) {
        let Some(id) = told.run() else { return };
        let run = self.open(id, told);
        let text = told.text("text").unwrap_or_default().to_owned();
        let memory = told.event.data.get("memoryId").cloned();
        let kept = json!({"type": "create", "memoryId": memory});
        told.push(Some(run.next()), Stream::Memory, kept);
        let is_instructed = run.kind == Some(RunKind::Trigger);
        let is_said = told.event.kind == EventKind::Said || is_instructed;
        run.said = Some((cut(&text, PREVIEW_MAX_BYTES).to_owned(), is_said));
        let (stream, payload) = match (told.event.kind, is_chat) {
            (EventKind::Said, true) => (Stream::Assistant, spoken("message", &text, Some(SOURCE))),
            // Whoever asked was answered there; it is none of the client's.
            (EventKind::Said, false) => (Stream::Message, spoken("sent", &text, None)),
            // It was told to, and the room where it says so is nobody's.
            _ if is_instructed => (Stream::Assistant, spoken("message", &text, Some("trigger"))),
            _ => {
                let name = "autonomy";
                let thought = json!({"type": "thought", "evaluatorName": name, "content": text, "text": text});
                (Stream::Evaluator, thought)
            }
        };
        told.push(Some(run.next()), stream, payload);
    }

    /// The open run of that id. One whose beginning was not seen has an id of its own: clients may
    /// hold numbers of it under the other.
    fn open(&mut self, id: RunId, told: &Told<'_>) -> &mut OpenRun {
        let place = self.runs.iter().position(|run| run.id == id);
        let is_new = place.is_none();
        let run = place.and_then(|place| self.runs.remove(place)).unwrap_or_else(|| {
            let is_start = told.event.kind == EventKind::RunStarted;
            let shown = if is_start { id.0 } else { told.named("run") };
            let since = told.event.at;
            OpenRun { id, shown, seq: 0, kind: None, is_tick: false, since, said: None }
        });
        if is_new && self.runs.len() >= RUNS_MAX {
            self.runs.pop_front();
        }
        // The last is the one that something happens in.
        self.runs.push_back_mut(run)
    }
}

/// An event, and what is told of it so far.
struct Told<'a> {
    event: &'a Event,
    drafts: Vec<Draft>,
}

impl Told<'_> {
    fn text(&self, key: &str) -> Option<&str> {
        self.event.data.get(key).and_then(Value::as_str)
    }

    fn get<T: DeserializeOwned>(&self, key: &str) -> Option<T> {
        serde_json::from_value(self.event.data.get(key)?.clone()).ok()
    }

    fn run(&self) -> Option<RunId> {
        self.get("runId")
    }

    /// An id for something that this event alone tells of: the same each time it is told.
    fn named(&self, what: &str) -> Uuid {
        ids::derived(&format!("{what}:{}:{}", self.event.agent_id, self.event.seq))
    }

    fn push(&mut self, place: Option<Place>, stream: Stream, payload: Value) {
        self.draft(Sort::AgentEvent, place, Some(stream), payload);
    }

    fn heartbeat(&mut self, payload: Value) {
        self.draft(Sort::HeartbeatEvent, None, None, payload);
    }

    fn draft(&mut self, sort: Sort, place: Option<Place>, stream: Option<Stream>, payload: Value) {
        self.drafts.push(Draft {
            sort,
            at: self.event.at,
            place,
            stream,
            agent: Some(self.event.agent_id),
            room: self.get("roomId").map(Room::Known),
            payload: without_nulls(payload),
        });
    }
}

impl OpenRun {
    fn next(&mut self) -> Place {
        self.seq = self.seq.saturating_add(1);
        Place { run: self.shown, seq: self.seq }
    }
}

/// A tick that found nothing to do: a run of its own, of which the core keeps none.
fn idle(told: &mut Told<'_>) {
    let mut run = OpenRun {
        id: RunId(Uuid::nil()),
        shown: told.named("tick"),
        seq: 0,
        kind: Some(RunKind::Tick),
        is_tick: true,
        since: told.event.at,
        said: None,
    };
    let kind = run.kind;
    told.push(Some(run.next()), Stream::Lifecycle, json!({"type": "run_start", "kind": kind}));
    let text = "There was nothing to do";
    let nothing = json!({"type": "idle", "evaluatorName": "autonomy", "text": text});
    told.push(Some(run.next()), Stream::Evaluator, nothing);
    let end = json!({"type": "run_end", "status": "completed", "durationMs": 0});
    told.push(Some(run.next()), Stream::Lifecycle, end);
    told.heartbeat(json!({
        "ts": told.event.at, "status": "ok-empty", "reason": text, "durationMs": 0, "silent": true,
        "indicatorType": "ok",
    }));
}

/// How a tick went that did something.
fn heartbeat(at: UnixMillis, said: Option<(String, bool)>, end: End, took: i64) -> Value {
    let (preview, is_said) = said.map_or((None, false), |(text, is_said)| (Some(text), is_said));
    let (status, indicator) = match end.status.as_str() {
        "completed" if is_said => ("sent", "alert"),
        "completed" => ("ok-token", "ok"),
        "cancelled" | "interrupted" => ("skipped", "ok"),
        _ => ("failed", "error"),
    };
    json!({
        "ts": at, "status": status, "preview": preview, "durationMs": took, "reason": end.error,
        "silent": !is_said, "indicatorType": indicator,
    })
}

/// What the agent says, under the names that clients know it by.
fn spoken(word: &str, text: &str, source: Option<&str>) -> Value {
    json!({"type": word, "content": text, "text": text, "source": source})
}

/// What is absent is left out.
fn without_nulls(payload: Value) -> Map<String, Value> {
    match payload {
        Value::Object(payload) => {
            payload.into_iter().filter(|(_, value)| !value.is_null()).collect()
        }
        _ => Map::new(),
    }
}
