//! What earlier attempts have done, as the model is told of it: their calls are not made again.
//!
//! A call whose outcome is not known is wanted still if making it again does no harm; otherwise the
//! model learns that nobody knows.

use std::collections::VecDeque;

use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::ids::{self, RunId};
use crate::ports::{Effect, Role, ToolCall, Turn};
use crate::runs::{Step, StepKind, StepStatus};

/// What the model is told of a call that may have happened, and is not made again.
const UNKNOWN: &str = "Nobody knows whether this call happened: the host went down while it was made. \
    It is not made again. Find out before you do the same.";

/// A call that is wanted and not made yet.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Wanted {
    pub(super) call: ToolCall,
    /// Its own key, if it was tried before.
    pub(super) key: Option<Uuid>,
}

/// How far earlier attempts came.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Replay {
    /// The turns that they added to the conversation.
    pub(super) turns: Vec<Turn>,
    /// The calls of the last of these turns that are still to be made.
    pub(super) wanted: VecDeque<Wanted>,
}

/// What the intent of a tool's step says.
pub(super) fn intent(call: &ToolCall, key: Uuid, effect: Effect) -> Value {
    json!({"callId": call.id, "arguments": call.arguments, "key": key, "effect": effect})
}

/// What the outcome of a model's step says.
pub(super) fn outcome(text: &str, calls: &[ToolCall]) -> Value {
    match calls {
        [] => json!({"text": text}),
        calls => json!({"text": text, "toolCalls": calls}),
    }
}

/// The key of the call that is a step of a run.
pub(super) fn key(run: RunId, index: u32) -> Uuid {
    ids::derived(&format!("call:{run}:{index}"))
}

/// How far the attempts came that these steps, in order, belong to.
pub(super) fn replay(steps: &[Step]) -> Replay {
    let mut replay = Replay::default();
    for step in steps {
        match step.kind {
            StepKind::Model => replay.asked(step),
            StepKind::Tool => replay.called(step),
        }
    }
    replay
}

impl Replay {
    fn asked(&mut self, step: &Step) {
        let outcome = step.outcome.as_ref().filter(|_| step.status == StepStatus::Succeeded);
        let Some(outcome) = outcome else { return };
        let calls = outcome.get("toolCalls").cloned().unwrap_or_default();
        let calls: Vec<ToolCall> = serde_json::from_value(calls).unwrap_or_default();
        // One without calls was the last word of its attempt, or a question of another kind.
        if calls.is_empty() {
            return;
        }
        // What the turn before it still wanted was given up for it.
        self.give_up();
        let text = outcome.get("text").and_then(Value::as_str).unwrap_or_default();
        let mut turn = Turn::new(Role::Assistant, text);
        turn.tool_calls.clone_from(&calls);
        self.turns.push(turn);
        self.wanted = calls.into_iter().map(|call| Wanted { call, key: None }).collect();
    }

    fn called(&mut self, step: &Step) {
        let call_id = step.intent.get("callId").and_then(Value::as_str).unwrap_or_default();
        let place = self.wanted.iter().position(|wanted| wanted.call.id == call_id);
        let Some(place) = place else { return };
        let text = match step.status {
            StepStatus::Succeeded | StepStatus::Failed => told(step.outcome.as_ref()),
            StepStatus::Intended | StepStatus::OutcomeUnknown => {
                if may_be_repeated(step) {
                    if let Some(wanted) = self.wanted.get_mut(place) {
                        wanted.key = key_of(step);
                    }
                    return;
                }
                UNKNOWN.to_owned()
            }
        };
        if let Some(Wanted { call, .. }) = self.wanted.remove(place) {
            self.turns.push(answered(&call, text));
        }
    }

    /// Answers what is still wanted: providers take no call without an answer.
    fn give_up(&mut self) {
        for Wanted { call, .. } in std::mem::take(&mut self.wanted) {
            self.turns.push(answered(&call, "This call was not made.".to_owned()));
        }
    }
}

fn may_be_repeated(step: &Step) -> bool {
    let effect = step.intent.get("effect").cloned().unwrap_or_default();
    serde_json::from_value::<Effect>(effect).is_ok_and(Effect::may_be_repeated)
}

/// The key of the call that a tool's step is.
pub(super) fn key_of(step: &Step) -> Option<Uuid> {
    step.intent.get("key").and_then(Value::as_str)?.parse().ok()
}

/// The turn in which a tool answers a call.
pub(super) fn answered(call: &ToolCall, text: String) -> Turn {
    Turn { answers: Some(call.id.clone()), ..Turn::new(Role::Tool, text) }
}

/// What a model is told of a call's outcome.
fn told(outcome: Option<&Value>) -> String {
    let none = Map::new();
    let outcome = outcome.and_then(Value::as_object).unwrap_or(&none);
    match (outcome.get("text"), outcome.get("error")) {
        (Some(Value::String(text)), _) => text.clone(),
        (_, Some(Value::String(error))) => failure(error),
        _ => String::new(),
    }
}

/// What a model is told of a call that failed.
pub(super) fn failure(error: &str) -> String {
    format!("Error: {error}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::AgentId;
    use crate::runs::Usage;
    use crate::time::UnixMillis;

    fn call(id: &str) -> ToolCall {
        ToolCall { id: id.to_owned(), name: "do".to_owned(), arguments: json!({"n": id}) }
    }

    fn step(index: u32, kind: StepKind, status: StepStatus, intent: Value, outcome: Value) -> Step {
        Step {
            run_id: RunId(Uuid::nil()),
            agent_id: AgentId(Uuid::nil()),
            index,
            kind,
            name: "do".to_owned(),
            status,
            intent,
            outcome: Some(outcome).filter(|outcome| !outcome.is_null()),
            started_at: UnixMillis(0),
            ended_at: None,
            usage: Usage::default(),
        }
    }

    fn asked(calls: &[ToolCall]) -> Step {
        step(0, StepKind::Model, StepStatus::Succeeded, json!({}), outcome("so", calls))
    }

    fn made(index: u32, id: &str, effect: Effect, status: StepStatus, outcome: Value) -> Step {
        let intent = intent(&call(id), key(RunId(Uuid::nil()), index), effect);
        step(index, StepKind::Tool, status, intent, outcome)
    }

    #[test]
    fn what_was_done_is_told_and_what_may_be_repeated_is_wanted() {
        use StepStatus::{Failed, OutcomeUnknown, Succeeded};
        let table = [
            (Effect::Once, Succeeded, json!({"text": "done"}), Some("done")),
            (Effect::Once, Failed, json!({"error": "no"}), Some("Error: no")),
            (Effect::Once, OutcomeUnknown, Value::Null, Some(UNKNOWN)),
            (Effect::Keyed, Succeeded, json!({"text": "done"}), Some("done")),
            (Effect::Keyed, OutcomeUnknown, Value::Null, None),
            (Effect::Idempotent, OutcomeUnknown, Value::Null, None),
            (Effect::Reads, OutcomeUnknown, Value::Null, None),
        ];
        for (effect, status, outcome, expected) in table {
            let steps = [asked(&[call("a"), call("b")]), made(1, "a", effect, status, outcome)];
            let replay = replay(&steps);
            let told: Vec<_> = replay.turns.iter().skip(1).map(|turn| turn.text.as_str()).collect();
            assert_eq!(told, Vec::from_iter(expected), "{effect:?} {status:?}");
            let key = key(RunId(Uuid::nil()), 1);
            let again = Wanted { call: call("a"), key: Some(key) };
            let fresh = Wanted { call: call("b"), key: None };
            let wanted = if expected.is_none() { vec![again, fresh] } else { vec![fresh] };
            assert_eq!(Vec::from(replay.wanted), wanted, "{effect:?} {status:?}");
        }
    }

    #[test]
    fn each_call_has_an_answer_before_the_model_speaks_again() {
        let replay = replay(&[asked(&[call("a")]), asked(&[call("b")])]);
        let answers: Vec<_> = replay.turns.iter().map(|turn| turn.answers.as_deref()).collect();
        assert_eq!(answers, [None, Some("a"), None]);
        assert_eq!(replay.wanted.len(), 1);
    }
}
