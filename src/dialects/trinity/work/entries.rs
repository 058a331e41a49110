//! The log of an execution in the words of Trinity's runtimes, made of the steps that were recorded.

use greenroom_actors::runs::{Run, RunStatus, Step, StepKind, StepStatus};
use greenroom_actors::time::UnixMillis;
use serde_json::{Value, json};

use super::record::dollars;
use crate::dialects::trinity::{short, times};

/// What a run did, entry by entry: how it began, what was said and called, and how it ended.
pub(super) fn of(run: &Run, steps: &[Step], response: Option<&str>) -> Vec<Value> {
    let session = short::of(run.room_id.0);
    let tools = steps.iter().find_map(|step| step.intent.get("tools").cloned());
    let mut init = json!({
        "type": "init", "session_id": session, "model": run.usage.model,
        "tools": tools.unwrap_or_else(|| json!([])), "timestamp": times::iso(run.started_at),
    });
    // What was asked for, where another model has answered.
    let asked = steps.iter().find(|step| step.kind == StepKind::Model).map(|step| &step.name);
    let asked = asked.filter(|asked| !asked.is_empty() && run.usage.model.as_ref() != Some(asked));
    if let (Some(asked), Value::Object(init)) = (asked, &mut init) {
        init.insert("requested_model".to_owned(), json!(asked));
    }
    let mut entries = vec![init];
    entries.extend(steps.iter().filter_map(entry));
    if run.status.is_ended() {
        entries.push(result(run, steps, response, &session));
    }
    entries
}

fn entry(step: &Step) -> Option<Value> {
    let at = times::iso(step.ended_at.unwrap_or(step.started_at));
    match step.kind {
        StepKind::Model => {
            let outcome = step.outcome.as_ref()?;
            let mut content = Vec::new();
            if let Some(text) =
                outcome.get("text").and_then(Value::as_str).filter(|it| !it.is_empty())
            {
                content.push(json!({"type": "text", "text": text}));
            }
            let calls = outcome.get("toolCalls").and_then(Value::as_array);
            content.extend(calls.into_iter().flatten().map(|call| {
                json!({
                    "type": "tool_use", "id": call.get("id"), "name": call.get("name"),
                    "input": call.get("arguments"),
                })
            }));
            let message = json!({"role": "assistant", "content": content});
            (!content.is_empty())
                .then(|| json!({"type": "assistant", "message": message, "timestamp": at}))
        }
        StepKind::Tool => {
            let outcome = step.outcome.as_ref()?;
            let told = outcome.get("text").or_else(|| outcome.get("error"));
            let content = json!([{
                "type": "tool_result", "tool_use_id": step.intent.get("callId"),
                "content": told, "is_error": step.status != StepStatus::Succeeded,
            }]);
            let message = json!({"role": "user", "content": content});
            Some(json!({"type": "user", "message": message, "timestamp": at}))
        }
    }
}

fn result(run: &Run, steps: &[Step], response: Option<&str>, session: &str) -> Value {
    let ended = run.ended_at.unwrap_or(run.started_at);
    let is_error = run.status != RunStatus::Completed;
    let subtype = if is_error { "error_during_execution" } else { "success" };
    let usage = json!({
        "input_tokens": run.usage.input_tokens, "output_tokens": run.usage.output_tokens,
    });
    json!({
        "type": "result", "subtype": subtype, "is_error": is_error,
        "total_cost_usd": dollars(run.usage.cost_micros), "duration_ms": took(run.started_at, ended),
        "num_turns": turns(steps), "session_id": session,
        "result": response.or(run.error.as_deref()), "usage": usage, "modelUsage": {},
    })
}

/// The calls of tools alone, as a list of small entries.
pub(super) fn simplified(steps: &[Step]) -> Vec<Value> {
    let calls = steps.iter().filter(|step| step.kind == StepKind::Tool);
    calls
        .map(|step| {
            let outcome = step.outcome.as_ref();
            let told = outcome.and_then(|it| it.get("text").or_else(|| it.get("error")));
            let ended = step.ended_at.map(|ended| took(step.started_at, ended));
            json!({
                "id": step.intent.get("key"), "type": "tool_use", "tool": step.name,
                "input": step.intent.get("arguments"), "output": told,
                "success": step.status == StepStatus::Succeeded, "duration_ms": ended,
                "timestamp": times::iso(step.started_at),
            })
        })
        .collect()
}

/// How often the model was asked.
pub(super) fn turns(steps: &[Step]) -> usize {
    steps.iter().filter(|step| step.kind == StepKind::Model).count()
}

/// Milliseconds from one instant to another.
pub(super) fn took(from: UnixMillis, to: UnixMillis) -> u64 {
    u64::try_from(to.since(from).as_millis()).unwrap_or(u64::MAX)
}
