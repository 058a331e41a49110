//! Tools about when the agent acts: `schedule_trigger`, `list_triggers`, `cancel_trigger`.

use std::time::Duration;

use serde::Deserialize;
use serde_json::json;

use super::{BuiltIn, boxed, read};
use crate::error::{CoreError, StoreError};
use crate::ids::TriggerId;
use crate::ports::{Effect, Invocation, ToolError, ToolOutput};
use crate::time::UnixMillis;
use crate::triggers::{NewTrigger, Schedule, Trigger, TriggerPatch};

pub(super) fn tools() -> Vec<BuiltIn> {
    let text = json!({"type": "string"});
    let seconds = json!({"type": "integer", "minimum": 1});
    vec![
        BuiltIn::new(
            (
                "schedule_trigger",
                "Has you woken later with instructions of your own: once after `in_s` seconds, again \
                 and again each `every_s` seconds, or at the times of a `cron` expression (minute, \
                 hour, day of month, month, day of week) in a `time_zone`. Give exactly one of the \
                 three.",
            ),
            Effect::Keyed,
            (
                json!({
                    "name": text,
                    "instructions": {"type": "string", "description": "what you shall do then"},
                    "in_s": seconds,
                    "every_s": seconds,
                    "cron": text,
                    "time_zone": {"type": "string", "description": "such as Europe/Berlin; UTC if absent"},
                    "max_runs": {"type": "integer", "minimum": 1},
                }),
                &["name", "instructions"],
            ),
            |call| boxed(schedule(call)),
        ),
        BuiltIn::new(
            (
                "list_triggers",
                "Lists your triggers: their ids, when they are due, and how they went.",
            ),
            Effect::Reads,
            (json!({}), &[]),
            |call| boxed(list(call)),
        ),
        BuiltIn::new(
            (
                "cancel_trigger",
                "Ends one of your triggers, by its id, so that it does not wake you any more.",
            ),
            Effect::Idempotent,
            (json!({"id": text}), &["id"]),
            |call| boxed(cancel(call)),
        ),
    ]
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    name: String,
    instructions: String,
    in_s: Option<u32>,
    every_s: Option<u32>,
    cron: Option<String>,
    time_zone: Option<String>,
    max_runs: Option<u32>,
}

async fn schedule(call: Invocation) -> Result<ToolOutput, ToolError> {
    let Wanted { name, instructions, in_s, every_s, cron, time_zone, max_runs } =
        read(call.arguments)?;
    let now = call.registry.clock().now();
    let schedule = match (in_s, every_s, cron) {
        (Some(seconds), None, None) => {
            Schedule::Once { at: now.plus(Duration::from_secs(u64::from(seconds))) }
        }
        (None, Some(seconds), None) => {
            Schedule::Interval { every_ms: u64::from(seconds) * 1_000, anchor: now }
        }
        (None, None, Some(expression)) => {
            Schedule::Cron { expression, time_zone: time_zone.unwrap_or_else(|| "UTC".to_owned()) }
        }
        _ => {
            return Err(ToolError::invalid("in_s, every_s, cron", "give exactly one of the three"));
        }
    };
    // With the call's own id, so that the same call makes one trigger.
    let id = TriggerId(call.key);
    let created_by = call.agent.id.to_string();
    let wanted = NewTrigger::new(name, instructions, schedule);
    let wanted = NewTrigger { id: Some(id), created_by, max_runs, ..wanted };
    let trigger = match call.registry.add_trigger(call.agent.id, wanted).await {
        Err(CoreError::Store(StoreError::Exists { .. })) => {
            call.registry.trigger(call.agent.id, id).await
        }
        added => added,
    };
    Ok(ToolOutput::text(line(&trigger?, now)))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}

async fn list(call: Invocation) -> Result<ToolOutput, ToolError> {
    let Nothing {} = read(call.arguments)?;
    let now = call.registry.clock().now();
    let triggers = call.registry.triggers(call.agent.id).await?;
    let lines: Vec<_> = triggers.iter().map(|trigger| line(trigger, now)).collect();
    Ok(ToolOutput::text(match lines.as_slice() {
        [] => "You have no triggers.".to_owned(),
        lines => lines.join("\n"),
    }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Cancelled {
    id: String,
}

async fn cancel(mut call: Invocation) -> Result<ToolOutput, ToolError> {
    let Cancelled { id } = read(std::mem::take(&mut call.arguments))?;
    let not_an_id = |_| ToolError::invalid("id", "is not an id of a trigger");
    let id: TriggerId = id.trim().parse().map_err(not_an_id)?;
    let agent = call.agent.id;
    let removed = if woke(&call, id).await? {
        // Removed, it would take the run with it that this call is made in.
        let never_again = TriggerPatch::enabled(false);
        call.registry.amend_trigger(agent, id, never_again).await.map(drop)
    } else {
        call.registry.remove_trigger(agent, id).await
    };
    match removed {
        Ok(()) => Ok(ToolOutput::text("It does not wake you any more.")),
        Err(CoreError::NotFound { .. }) => Ok(ToolOutput::text("There was no such trigger.")),
        Err(error) => Err(error.into()),
    }
}

/// Whether the run that calls is a firing of that trigger.
async fn woke(call: &Invocation, id: TriggerId) -> Result<bool, ToolError> {
    let (agent, store) = (call.agent.id, call.registry.store());
    let run = store.run(agent, call.run_id).await?;
    let Some(firing) = run.and_then(|run| run.firing_id) else { return Ok(false) };
    let firing = store.firing(agent, firing).await?;
    Ok(firing.is_some_and(|firing| firing.trigger_id == id))
}

/// A trigger in one line.
fn line(trigger: &Trigger, now: UnixMillis) -> String {
    let when = match &trigger.schedule {
        Schedule::Interval { every_ms, .. } => format!("each {} s", every_ms / 1_000),
        Schedule::Cron { expression, time_zone } => format!("cron {expression} ({time_zone})"),
        Schedule::Once { .. } => "once".to_owned(),
    };
    let next = match trigger.next_due_at {
        Some(at) => format!("next in {} s", at.since(now).as_secs()),
        None => "not due any more".to_owned(),
    };
    let runs = trigger.run_count;
    format!("- {} (id {}): {when}, {next}, ran {runs} times", trigger.name, trigger.id)
}
