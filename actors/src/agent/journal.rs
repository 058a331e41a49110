//! How what happens in a run is worded: as events, and as entries of the log that elizaOS' clients
//! read.

use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::facts::{EventKind, Fact, NewEvent};
use crate::ids::{self, AgentId, EntityId, LogId};
use crate::ports::{Prompt, Purpose, ToolCall};
use crate::records::LogEntry;
use crate::runs::{Run, RunEnd, RunKind, RunStatus, Usage};
use crate::time::{UnixMillis, millis};

/// Words facts about one agent at one time.
pub(crate) struct Journal {
    pub(crate) agent: AgentId,
    pub(crate) now: UnixMillis,
}

/// A call of a tool that was made.
pub(crate) struct ToolCalled<'a> {
    pub(crate) call: &'a ToolCall,
    /// Its place in the run.
    pub(crate) index: u32,
    pub(crate) is_success: bool,
    /// What the model was told.
    pub(crate) text: &'a str,
    pub(crate) took: Duration,
}

impl Journal {
    /// An event; `data` is an object, or null for none.
    pub(crate) fn event(&self, kind: EventKind, data: Value) -> Fact {
        Fact::Happened(NewEvent { agent_id: self.agent, at: self.now, kind, data: object(data) })
    }

    /// The facts that a run has ended.
    pub(crate) fn run_ended(
        &self,
        run: &Run,
        status: RunStatus,
        error: Option<&str>,
        ended_at: UnixMillis,
        usage: Usage,
    ) -> [Fact; 3] {
        let data = json!({"runId": run.id, "kind": run.kind, "status": status, "error": error});
        [
            self.run_event(run, status, error, ended_at),
            self.event(EventKind::RunEnded, data),
            Fact::RunEnded(Box::new(RunEnd {
                run_id: run.id,
                agent_id: run.agent_id,
                status,
                ended_at,
                error: error.map(str::to_owned),
                usage,
            })),
        ]
    }

    /// The log entry of a run that begins or ends.
    pub(crate) fn run_event(
        &self,
        run: &Run,
        status: RunStatus,
        error: Option<&str>,
        at: UnixMillis,
    ) -> Fact {
        let word = match status {
            RunStatus::Started => "started",
            RunStatus::Completed => "completed",
            RunStatus::TimedOut => "timeout",
            RunStatus::Failed | RunStatus::Cancelled | RunStatus::Interrupted => "error",
        };
        let mut body = object(json!({
            "runId": run.id,
            "status": word,
            "messageId": run.letter_id.map_or(run.id.0, |letter| letter.0),
            "roomId": run.room_id,
            "entityId": run.entity_id,
            "startTime": run.started_at,
            "source": source(run.kind),
        }));
        if status != RunStatus::Started {
            body.insert("endTime".to_owned(), json!(at));
            body.insert("duration".to_owned(), json!(millis(at.since(run.started_at))));
        }
        if let Some(error) = error {
            body.insert("error".to_owned(), json!(error));
        }
        self.log(run, "run_event", run.entity_id, body, at)
    }

    /// The log entry of a call of a model.
    pub(crate) fn model_log(
        &self,
        run: &Run,
        prompt: &Prompt,
        response: &str,
        usage: &Usage,
        error: Option<&str>,
        took: Duration,
    ) -> Fact {
        let sort = model_type(prompt.purpose);
        let said = prompt.turns.last().map(|turn| turn.text.as_str()).unwrap_or_default();
        let total = usage.input_tokens.saturating_add(usage.output_tokens);
        let mut body = object(json!({
            "runId": run.id,
            "modelType": sort,
            "modelKey": sort,
            "params": prompt.settings,
            "prompt": said,
            "systemPrompt": prompt.system,
            "timestamp": run.started_at,
            "executionTime": millis(took),
            "provider": usage.model,
            "response": response,
            "usage": {
                "prompt_tokens": usage.input_tokens,
                "completion_tokens": usage.output_tokens,
                "total_tokens": total,
            },
        }));
        if let Some(cost) = usage.cost_micros {
            body.insert("costMicros".to_owned(), json!(cost));
        }
        if let Some(error) = error {
            body.insert("error".to_owned(), json!(error));
        }
        // It is the agent that calls, whoever it speaks to.
        self.log(run, &format!("useModel:{sort}"), self.agent.into(), body, self.now)
    }

    /// The log entries of a call of a tool, which elizaOS calls an action: that it began, and what
    /// came of it.
    pub(crate) fn tool_called(&self, run: &Run, called: &ToolCalled<'_>) -> [Fact; 3] {
        let ToolCalled { call, index, is_success, text, took } = called;
        let action_id = ids::derived(&format!("action:{}:{index}", run.id));
        let message_id = run.letter_id.map_or(run.id.0, |letter| letter.0);
        let began = self.now.minus(*took);
        let begun = object(json!({
            "runId": run.id, "actionId": action_id, "actionName": call.name, "roomId": run.room_id,
            "messageId": message_id, "timestamp": began, "source": source(run.kind),
        }));
        let result = match is_success {
            true => json!({"success": true, "text": text}),
            false => json!({"success": false, "error": text}),
        };
        let done = object(json!({
            "action": call.name, "actionId": action_id, "messageId": message_id, "runId": run.id,
            "params": call.arguments, "result": result, "prompts": [], "promptCount": 0,
        }));
        let data = json!({
            "runId": run.id, "index": index, "tool": call.name, "isSuccess": is_success,
        });
        [
            self.log(run, "action_event", self.agent.into(), begun, began),
            self.log(run, "action", self.agent.into(), done, self.now),
            self.event(EventKind::ToolCalled, data),
        ]
    }

    fn log(
        &self,
        run: &Run,
        kind: &str,
        entity_id: EntityId,
        body: Map<String, Value>,
        created_at: UnixMillis,
    ) -> Fact {
        Fact::Logged(Box::new(LogEntry {
            id: LogId::new(),
            agent_id: self.agent,
            entity_id,
            room_id: run.room_id,
            run_id: Some(run.id),
            kind: kind.to_owned(),
            body,
            created_at,
        }))
    }
}

/// What elizaOS calls where a run comes from.
fn source(kind: RunKind) -> &'static str {
    match kind {
        RunKind::Reply => "messageHandler",
        RunKind::Tick => "autonomy",
        RunKind::Job => "job",
        RunKind::Trigger => "trigger",
    }
}

/// What elizaOS calls the model that is asked.
fn model_type(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::Reply | Purpose::Reflect | Purpose::Work => "TEXT_LARGE",
        Purpose::Title | Purpose::Summarise => "TEXT_SMALL",
    }
}

/// The object that a `json!({…})` is; empty for anything else.
pub(crate) fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(object) => object,
        _ => Map::new(),
    }
}
