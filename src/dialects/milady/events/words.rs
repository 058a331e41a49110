//! What clients are told of an event that is not a run's beginning, end or saying.

use greenroom_actors::facts::EventKind;
use serde_json::{Map, Value, json};

use super::envelope::Stream;

/// The stream that it is told on, and what is said there.
pub(super) fn of(kind: EventKind, data: &Map<String, Value>) -> (Stream, Value) {
    let word = kind.as_str();
    let text = |key: &str| data.get(key).and_then(Value::as_str).unwrap_or_default();
    let lifecycle = |words: &str| (Stream::Lifecycle, json!({"type": word, "text": words}));
    let autonomy = |words: String| {
        let mut payload = json!({"type": word, "text": words});
        with(&mut payload, data, &["goalId", "triggerId", "firingId", "status", "everyMs"]);
        (Stream::Autonomy, payload)
    };
    match kind {
        EventKind::Created => lifecycle("The agent was created"),
        EventKind::Started => lifecycle("The agent was started"),
        EventKind::Paused if text("reason") == "budget" => {
            lifecycle("The agent rests: a budget is spent")
        }
        EventKind::Paused => lifecycle("The agent was paused"),
        EventKind::Resumed => lifecycle("The agent goes on"),
        EventKind::Stopped => lifecycle("The agent was stopped"),
        EventKind::Restarted => lifecycle("The agent was restarted"),
        EventKind::Crashed => lifecycle("The agent crashed and was rebuilt"),
        EventKind::Failed => lifecycle("The agent crashed too often and is left"),
        EventKind::Revised => {
            (Stream::System, json!({"type": word, "text": "The character was changed"}))
        }
        EventKind::AutonomySet if data.get("everyMs").is_some_and(Value::is_u64) => {
            autonomy("Autonomy is on".to_owned())
        }
        EventKind::AutonomySet => autonomy("Autonomy is off".to_owned()),
        EventKind::GoalSet => autonomy(format!("Goal: {}", text("text"))),
        EventKind::TriggerSet => autonomy(format!("Trigger set: {}", text("name"))),
        EventKind::TriggerRemoved => autonomy("A trigger was removed".to_owned()),
        EventKind::TriggerFired => autonomy("A trigger has fired".to_owned()),
        EventKind::TriggerMissed => autonomy("A trigger was missed".to_owned()),
        EventKind::LetterReceived => {
            let mut payload = json!({"type": "received", "text": "A message came"});
            with(&mut payload, data, &["from", "letterId"]);
            (Stream::Message, payload)
        }
        EventKind::LetterDead => {
            let words = "A message is given up";
            let mut payload = json!({"type": "error", "message": words, "text": words});
            with(&mut payload, data, &["letterId", "reason"]);
            (Stream::Error, payload)
        }
        EventKind::LetterRequeued => {
            (Stream::Message, json!({"type": "requeued", "text": "A message waits again"}))
        }
        EventKind::Remedied => warning(data, "The agent did not get on", &["finding", "remedy"]),
        EventKind::BudgetMarked => {
            warning(data, "A budget is nearly spent", &["scope", "unit", "spent", "ceiling"])
        }
        EventKind::OutcomeUnknown => {
            let tool = text("tool");
            let words = format!("{tool} was cut off; whether it was done is unknown");
            (Stream::Tool, json!({"type": "tool_error", "toolName": tool, "text": words}))
        }
        EventKind::ApprovalAsked => {
            let tool = text("tool");
            let words = format!("A person has to allow {tool}");
            let mut payload = json!({"type": word, "actionName": tool, "text": words});
            with(&mut payload, data, &["approvalId", "expiresAt"]);
            (Stream::Action, payload)
        }
        EventKind::ApprovalDecided => {
            let (tool, status) = (text("tool"), text("status"));
            let words = format!("{tool}: {status}");
            let mut payload = json!({"type": word, "actionName": tool, "text": words});
            with(&mut payload, data, &["approvalId", "status"]);
            (Stream::Action, payload)
        }
        // The translator has words of its own for them.
        EventKind::Ticked
        | EventKind::RunStarted
        | EventKind::RunEnded
        | EventKind::RunResumed
        | EventKind::ToolCalled
        | EventKind::Said
        | EventKind::Thought => (Stream::System, json!({"type": word})),
    }
}

fn warning(data: &Map<String, Value>, words: &str, keys: &[&str]) -> (Stream, Value) {
    let mut payload = json!({"type": "warning", "message": words, "text": words});
    with(&mut payload, data, keys);
    (Stream::Error, payload)
}

/// Takes over what the event says under those keys.
fn with(payload: &mut Value, data: &Map<String, Value>, keys: &[&str]) {
    let Value::Object(payload) = payload else { return };
    for key in keys {
        if let Some(value) = data.get(*key) {
            payload.insert((*key).to_owned(), value.clone());
        }
    }
}
