//! What happened in a run, made of its log.

use greenroom_actors::records::LogEntry;
use greenroom_actors::runs::{Run, RunStatus};
use greenroom_actors::time::{UnixMillis, millis};
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::runs::word;

/// One thing that happened in a run.
#[derive(Debug, PartialEq, Serialize)]
pub(super) struct RunEvent {
    #[serde(rename = "type")]
    kind: &'static str,
    timestamp: UnixMillis,
    data: Map<String, Value>,
}

impl RunEvent {
    fn new(kind: &'static str, timestamp: UnixMillis, data: Map<String, Value>) -> Self {
        Self { kind, timestamp, data }
    }
}

/// What happened in a run, in order: its beginning, what its log tells (oldest first), its end.
pub(super) fn events(run: &Run, entries: &[LogEntry]) -> Vec<RunEvent> {
    let message_id = run.letter_id.map_or(run.id.0, |letter| letter.0);
    let source = if run.letter_id.is_some() { "messageHandler" } else { "autonomy" };
    let mut begun = Map::new();
    begun.insert("source".to_owned(), json!(source));
    begun.insert("messageId".to_owned(), json!(message_id));
    let mut events = vec![RunEvent::new("RUN_STARTED", run.started_at, begun)];
    events.extend(entries.iter().filter_map(event));
    if let (Some(ended_at), true) = (run.ended_at, run.status.is_ended()) {
        let mut ended = Map::new();
        ended.insert("status".to_owned(), json!(word(run.status)));
        let cut_short = Some("interrupted: the host went down")
            .filter(|_| run.status == RunStatus::Interrupted);
        if let Some(error) = run.error.as_deref().or(cut_short) {
            ended.insert("error".to_owned(), json!(error));
        }
        let took = millis(ended_at.since(run.started_at));
        ended.insert("durationMs".to_owned(), json!(took));
        events.push(RunEvent::new("RUN_ENDED", ended_at, ended));
    }
    events
}

/// The event that an entry tells of, if it tells of one.
fn event(entry: &LogEntry) -> Option<RunEvent> {
    let body = &entry.body;
    let (kind, data) = match entry.kind.as_str() {
        kind if kind.starts_with("useModel:") => ("MODEL_USED", model_used(body)),
        "action_event" => {
            ("ACTION_STARTED", picked(body, &["actionId", "actionName", "messageId", "planStep"]))
        }
        "action" => ("ACTION_COMPLETED", action_completed(body)),
        "evaluator" => {
            let mut data = renamed(body, &[("evaluator", "evaluatorName")]);
            data.insert("success".to_owned(), json!(true));
            ("EVALUATOR_COMPLETED", data)
        }
        "embedding_event" => (
            "EMBEDDING_EVENT",
            renamed(
                body,
                &[("status", "status"), ("memoryId", "memoryId"), ("duration", "durationMs")],
            ),
        ),
        _ => return None,
    };
    Some(RunEvent::new(kind, entry.created_at, data))
}

fn model_used(body: &Map<String, Value>) -> Map<String, Value> {
    let names = [
        "modelType",
        "provider",
        "executionTime",
        "actionContext",
        "params",
        "response",
        "usage",
        "prompts",
        "prompt",
    ];
    let mut data = picked(body, &names);
    let usage = body.get("usage");
    for (from, to) in [("prompt_tokens", "inputTokens"), ("completion_tokens", "outputTokens")] {
        if let Some(tokens) = usage.and_then(|usage| usage.get(from)) {
            data.insert(to.to_owned(), tokens.clone());
        }
    }
    if let Some(micros) = body.get("costMicros").and_then(Value::as_f64) {
        data.insert("cost".to_owned(), json!(micros / 1_000_000.0));
    }
    data
}

fn action_completed(body: &Map<String, Value>) -> Map<String, Value> {
    let mut data = renamed(
        body,
        &[
            ("actionId", "actionId"),
            ("action", "actionName"),
            ("result", "result"),
            ("promptCount", "promptCount"),
            ("prompts", "prompts"),
            ("params", "params"),
            ("response", "response"),
        ],
    );
    let success = body.get("result").and_then(|result| result.get("success"));
    let success = success.and_then(Value::as_bool).unwrap_or(true);
    data.insert("success".to_owned(), json!(success));
    data
}

fn picked(body: &Map<String, Value>, names: &[&str]) -> Map<String, Value> {
    let same: Vec<_> = names.iter().map(|name| (*name, *name)).collect();
    renamed(body, &same)
}

fn renamed(body: &Map<String, Value>, names: &[(&str, &str)]) -> Map<String, Value> {
    names
        .iter()
        .filter_map(|(from, to)| Some(((*to).to_owned(), body.get(*from)?.clone())))
        .collect()
}

#[cfg(test)]
mod tests {
    use greenroom_actors::ids::{AgentId, EntityId, LetterId, LogId, RoomId, RunId};
    use greenroom_actors::runs::{RunKind, Usage};

    use super::*;

    #[test]
    fn a_reply_begins_uses_its_model_and_ends() {
        let (agent, letter) = (AgentId::new(), LetterId::new());
        let run = Run {
            id: RunId::new(),
            agent_id: agent,
            kind: RunKind::Reply,
            status: RunStatus::Failed,
            room_id: RoomId(agent.0),
            entity_id: EntityId(agent.0),
            letter_id: Some(letter),
            firing_id: None,
            resumes: None,
            started_at: UnixMillis(10),
            ended_at: Some(UnixMillis(25)),
            error: Some("no answer".to_owned()),
            usage: Usage::default(),
        };
        let entry = |kind: &str, body: Value| LogEntry {
            id: LogId::new(),
            agent_id: agent,
            entity_id: run.entity_id,
            room_id: run.room_id,
            run_id: Some(run.id),
            kind: kind.to_owned(),
            body: body.as_object().unwrap().clone(),
            created_at: UnixMillis(20),
        };
        let entries = [
            entry("run_event", json!({"status": "started"})),
            entry(
                "useModel:TEXT_LARGE",
                json!({"modelType": "TEXT_LARGE", "response": "hi", "costMicros": 500_000,
                    "systemPrompt": "secret", "usage": {"prompt_tokens": 3, "completion_tokens": 1}}),
            ),
            entry("action", json!({"action": "REPLY", "result": {"success": false}})),
        ];
        let told = serde_json::to_value(events(&run, &entries)).unwrap();
        assert_eq!(
            told,
            json!([
                {"type": "RUN_STARTED", "timestamp": 10,
                    "data": {"source": "messageHandler", "messageId": letter}},
                {"type": "MODEL_USED", "timestamp": 20,
                    "data": {"modelType": "TEXT_LARGE", "response": "hi",
                        "usage": {"prompt_tokens": 3, "completion_tokens": 1},
                        "inputTokens": 3, "outputTokens": 1, "cost": 0.5}},
                {"type": "ACTION_COMPLETED", "timestamp": 20,
                    "data": {"actionName": "REPLY", "result": {"success": false},
                        "success": false}},
                {"type": "RUN_ENDED", "timestamp": 25,
                    "data": {"status": "error", "error": "no answer", "durationMs": 15}},
            ])
        );
    }
}
