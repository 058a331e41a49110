//! Tools about what the agent works for: `set_goal`, `finish_goal`, `rest`.

use std::time::Duration;

use serde::Deserialize;
use serde_json::json;

use super::{BuiltIn, boxed, read};
use crate::agent::{AmendGoal, SetGoal};
use crate::goals::{GoalPatch, GoalStatus};
use crate::ids::GoalId;
use crate::ports::{Effect, Invocation, ToolError, ToolOutput};

/// Seconds that goals rest at most: 31 days.
const REST_MAX_S: u64 = 31 * 24 * 3_600;

pub(super) fn tools() -> Vec<BuiltIn> {
    let text = json!({"type": "string"});
    vec![
        BuiltIn::new(
            ("set_goal", "Sets a goal that you then work for by yourself until it is finished."),
            Effect::Keyed,
            (json!({"text": text}), &["text"]),
            |call| boxed(set_goal(call)),
        ),
        BuiltIn::new(
            (
                "finish_goal",
                "Says that a goal is reached, or given up, and what came of it. Its id is in your list \
                 of goals.",
            ),
            Effect::Idempotent,
            (
                json!({
                    "id": text, "outcome": text,
                    "is_reached": {"type": "boolean", "description": "false if it is given up"},
                }),
                &["id", "outcome"],
            ),
            |call| boxed(finish_goal(call)),
        ),
        BuiltIn::new(
            (
                "rest",
                "Says that there is nothing to do for a goal for so many seconds. You are not woken \
                 for it before.",
            ),
            Effect::Idempotent,
            (
                json!({
                    "id": text,
                    "seconds": {"type": "integer", "minimum": 1, "maximum": REST_MAX_S},
                }),
                &["id", "seconds"],
            ),
            |call| boxed(rest(call)),
        ),
    ]
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewGoal {
    text: String,
}

async fn set_goal(call: Invocation) -> Result<ToolOutput, ToolError> {
    let NewGoal { text } = read(call.arguments)?;
    // With the call's own id, so that the same call sets one goal.
    let set = SetGoal { id: Some(GoalId(call.key)), text };
    let goal = call.registry.ask(call.agent.id, set).await?;
    Ok(ToolOutput::text(format!("Set as goal {}.", goal.id)))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Finish {
    id: String,
    outcome: String,
    is_reached: Option<bool>,
}

async fn finish_goal(call: Invocation) -> Result<ToolOutput, ToolError> {
    let Finish { id, outcome, is_reached } = read(call.arguments.clone())?;
    let status = match is_reached.unwrap_or(true) {
        true => GoalStatus::Reached,
        false => GoalStatus::Dropped,
    };
    let patch = GoalPatch { status: Some(status), outcome: Some(outcome), ..GoalPatch::default() };
    amend(call, &id, patch).await?;
    Ok(ToolOutput::text("Finished."))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rest {
    id: String,
    seconds: u64,
}

async fn rest(call: Invocation) -> Result<ToolOutput, ToolError> {
    let Rest { id, seconds } = read(call.arguments.clone())?;
    if seconds == 0 || seconds > REST_MAX_S {
        return Err(ToolError::invalid("seconds", format!("must be 1 to {REST_MAX_S}")));
    }
    let until = call.registry.clock().now().plus(Duration::from_secs(seconds));
    let patch = GoalPatch { rests_until: Some(Some(until)), ..GoalPatch::default() };
    amend(call, &id, patch).await?;
    Ok(ToolOutput::text(format!("The goal rests for {seconds} s.")))
}

async fn amend(call: Invocation, id: &str, patch: GoalPatch) -> Result<(), ToolError> {
    let not_an_id = |_| ToolError::invalid("id", "is not an id of a goal");
    let id: GoalId = id.trim().parse().map_err(not_an_id)?;
    call.registry.ask(call.agent.id, AmendGoal { id, patch }).await?;
    Ok(())
}
