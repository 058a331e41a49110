//! What came of the slots of a schedule: each firing with its last run, as clients read executions.

use greenroom_actors::error::CoreError;
use greenroom_actors::registry::Registry;
use greenroom_actors::runs::{Run, RunStatus, Step, StepKind, StepStatus};
use greenroom_actors::time::{UnixMillis, millis};
use greenroom_actors::triggers::{Firing, FiringSource, FiringStatus, Trigger};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::dialects::trinity::numbers::dollars;
use crate::dialects::trinity::{short, times};

/// Tokens that clients take a context to hold.
const CONTEXT_MAX: u64 = 200_000;

/// What came of one slot.
#[derive(Serialize, ToSchema)]
pub(super) struct ScheduleExecution {
    id: String,
    schedule_id: String,
    agent_name: String,
    /// `queued`, `running`, `success`, `failed`, `cancelled` or `skipped`.
    status: &'static str,
    started_at: String,
    completed_at: Option<String>,
    duration_ms: Option<i64>,
    message: String,
    /// `schedule` or `manual`.
    triggered_by: &'static str,
    context_used: Option<u64>,
    context_max: Option<u64>,
    cost: Option<f64>,
    source_user_id: Option<i64>,
    source_user_email: Option<String>,
    source_agent_name: Option<String>,
    source_mcp_key_id: Option<String>,
    source_mcp_key_name: Option<String>,
    claude_session_id: Option<String>,
    model_used: Option<String>,
    fan_out_id: Option<String>,
    business_status: Option<String>,
    validation_execution_id: Option<String>,
    response: Option<String>,
    error: Option<String>,
    /// The calls of tools, as JSON.
    tool_calls: Option<String>,
    /// What was said and done, as JSON.
    execution_log: Option<String>,
    validated_at: Option<String>,
    validates_execution_id: Option<String>,
}

/// The last of the executions that came of a schedule.
#[derive(Serialize, ToSchema)]
pub(super) struct LastExecution {
    id: String,
    status: &'static str,
    started_at: String,
    completed_at: Option<String>,
    error: Option<String>,
}

impl LastExecution {
    pub(super) fn of(firing: &Firing) -> Self {
        Self {
            id: short::of(firing.id.0),
            status: word(firing, None),
            started_at: times::iso(firing.started_at.unwrap_or(firing.due_at)),
            completed_at: firing.ended_at.map(times::iso),
            error: reason(firing),
        }
    }
}

/// A firing with all that its last run said and did.
///
/// # Errors
/// [`CoreError::Store`].
pub(super) async fn told(
    registry: &Registry,
    firing: Firing,
    trigger: &Trigger,
    agent: &str,
) -> Result<ScheduleExecution, CoreError> {
    let store = registry.store();
    let (mut run, mut steps) = (None, Vec::new());
    if let Some(id) = firing.run_id {
        run = store.run(firing.agent_id, id).await?;
        steps = store.steps(vec![id]).await?;
    }
    let began = firing.started_at.unwrap_or(firing.due_at);
    let usage = run.as_ref().map(|run| &run.usage);
    let log = log(&trigger.instructions, run.as_ref(), &steps);
    let calls = calls(&steps);
    Ok(ScheduleExecution {
        id: short::of(firing.id.0),
        schedule_id: short::of(firing.trigger_id.0),
        agent_name: agent.to_owned(),
        status: word(&firing, run.as_ref()),
        started_at: times::iso(began),
        completed_at: firing.ended_at.map(times::iso),
        duration_ms: firing
            .ended_at
            .filter(|_| firing.started_at.is_some())
            .map(|ended| took(began, ended)),
        message: trigger.instructions.clone(),
        triggered_by: match firing.source {
            FiringSource::Scheduler => "schedule",
            FiringSource::Manual => "manual",
        },
        context_used: usage.map(|usage| usage.input_tokens),
        context_max: usage.map(|_| CONTEXT_MAX),
        cost: usage.and_then(|usage| usage.cost_micros).map(dollars),
        source_user_id: None,
        source_user_email: None,
        source_agent_name: None,
        source_mcp_key_id: None,
        source_mcp_key_name: None,
        claude_session_id: None,
        model_used: usage.and_then(|usage| usage.model.clone()),
        fan_out_id: None,
        business_status: None,
        validation_execution_id: None,
        response: response(&steps).filter(|_| firing.status == FiringStatus::Ran),
        error: reason(&firing),
        tool_calls: (!calls.is_empty()).then(|| Value::Array(calls).to_string()),
        execution_log: log.map(|log| log.to_string()),
        validated_at: None,
        validates_execution_id: None,
    })
}

fn took(began: UnixMillis, ended: UnixMillis) -> i64 {
    millis(ended.since(began))
}

/// Why nothing came of it.
fn reason(firing: &Firing) -> Option<String> {
    firing.reason.clone().filter(|_| firing.status != FiringStatus::Ran)
}

/// The word for what came of it.
fn word(firing: &Firing, run: Option<&Run>) -> &'static str {
    match firing.status {
        FiringStatus::Waiting => "queued",
        // Its last run has failed, and is made again.
        FiringStatus::Running if run.is_some_and(|run| run.status.is_ended()) => "queued",
        FiringStatus::Running => "running",
        FiringStatus::Ran => "success",
        FiringStatus::Missed | FiringStatus::Skipped => "skipped",
        FiringStatus::Failed => match run.map(|run| run.status) {
            Some(RunStatus::Cancelled) => "cancelled",
            _ => "failed",
        },
    }
}

/// The answers of the model, but for those that put its memories into fewer words.
fn answers(steps: &[Step]) -> impl Iterator<Item = &Step> {
    let is_answer = |step: &&Step| {
        step.kind == StepKind::Model && step.intent.get("purpose") != Some(&json!("summarise"))
    };
    steps.iter().filter(is_answer)
}

fn text_of(step: &Step) -> Option<&str> {
    let text = step.outcome.as_ref()?.get("text")?.as_str()?;
    (!text.trim().is_empty()).then_some(text)
}

/// What the agent said.
fn response(steps: &[Step]) -> Option<String> {
    let said: Vec<_> = answers(steps).filter_map(text_of).collect();
    (!said.is_empty()).then(|| said.join("\n\n"))
}

/// The calls of tools, in order.
fn calls(steps: &[Step]) -> Vec<Value> {
    let calls = steps.iter().filter(|step| step.kind == StepKind::Tool);
    calls
        .map(|call| {
            json!({
                "name": call.name, "input": call.intent, "output": call.outcome,
                "success": call.status == StepStatus::Succeeded,
                "duration_ms": call.ended_at.map(|ended| took(call.started_at, ended)),
            })
        })
        .collect()
}

/// What was said and done, entry by entry.
fn log(message: &str, run: Option<&Run>, steps: &[Step]) -> Option<Value> {
    let run = run?;
    let session = short::of(run.id.0);
    let mut log = vec![
        json!({"type": "init", "session_id": session, "model": run.usage.model, "tools": []}),
        json!({"type": "user", "message": {"role": "user", "content": [{"type": "text", "text": message}]}}),
    ];
    for step in steps {
        let (role, content) = match step.kind {
            StepKind::Model => match text_of(step) {
                Some(text) => ("assistant", vec![json!({"type": "text", "text": text})]),
                None => continue,
            },
            StepKind::Tool => {
                let id = format!("{session}-{}", step.index);
                let used =
                    json!({"type": "tool_use", "id": id, "name": step.name, "input": step.intent});
                log.push(entry("assistant", &[used]));
                let result = json!({
                    "type": "tool_result", "tool_use_id": id, "content": step.outcome,
                    "is_error": step.status != StepStatus::Succeeded,
                });
                ("user", vec![result])
            }
        };
        log.push(entry(role, &content));
    }
    let is_error = !matches!(run.status, RunStatus::Completed);
    log.push(json!({
        "type": "result", "subtype": if is_error { "error" } else { "success" },
        "is_error": is_error, "total_cost_usd": run.usage.cost_micros.map(dollars),
        "duration_ms": run.ended_at.map(|ended| took(run.started_at, ended)),
        "num_turns": answers(steps).count(), "session_id": session, "result": response(steps),
        "usage": {"input_tokens": run.usage.input_tokens, "output_tokens": run.usage.output_tokens},
    }));
    Some(Value::Array(log))
}

fn entry(role: &str, content: &[Value]) -> Value {
    json!({"type": role, "message": {"role": role, "content": content}})
}
