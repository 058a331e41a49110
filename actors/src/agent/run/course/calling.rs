//! A call that the model wants: whether it may be made, and what came of it.

use std::sync::Arc;
use std::time::Duration;

use futures::future::{Either, select};
use serde_json::{Value, json};
use uuid::Uuid;

use super::super::replay::{self, Wanted, answered, failure};
use super::Course;
use super::steps::Intended;
use crate::agent::journal::ToolCalled;
use crate::approvals::{Approval, ApprovalStatus};
use crate::error::CoreError;
use crate::ports::{Effect, Invocation, Tool, ToolCall, ToolError, ToolOutput};
use crate::runs::{StepKind, StepStatus, Usage};
use crate::texts::cut;

impl Course<'_> {
    /// Makes one call that the model wants, and tells the model what came of it; or answers with what
    /// a person has to be asked before, and nothing is made.
    pub(super) async fn call(
        &mut self,
        wanted: Wanted,
    ) -> Result<Option<Box<Approval>>, CoreError> {
        let approval = self.questions.take(&wanted);
        let key = approval.as_ref().map(|approval| approval.key).or(wanted.key);
        let key = key.unwrap_or_else(|| replay::key(self.run.id, self.steps));
        let mut refusal = approval.as_ref().and_then(Approval::refusal);
        let is_granted =
            approval.as_ref().is_some_and(|approval| approval.status == ApprovalStatus::Granted);
        if refusal.is_none() && !is_granted && self.asks_first(&wanted.call) {
            match self.errand.approval_of(self.run.id, &wanted, key).await? {
                Some(approval) => return Ok(Some(Box::new(approval))),
                None => refusal = Some("too many calls wait for a person's yes already".to_owned()),
            }
        }
        let call = wanted.call;
        self.calls = self.calls.saturating_add(1);
        let effect = self.tool(&call.name).map_or(Effect::Reads, |tool| tool.effect);
        let intent = replay::intent(&call, key, effect);
        let (index, began, output) = match refusal {
            // Nothing leaves the process: the intent goes with its outcome, or a crash between the two
            // would make it a call that may have happened.
            Some(refusal) => {
                let (index, began) = self.note_intent(StepKind::Tool, &call.name, intent);
                (index, began, Err(ToolError::Refused(refusal)))
            }
            None => {
                let Intended { index, began, .. } =
                    self.intend(StepKind::Tool, &call.name, intent, &[]).await?;
                (index, began, self.carry_out(&call, key).await)
            }
        };
        let took = self.errand.runtime.now().since(began);
        let max_bytes = self.errand.runtime.settings.tool_output_max_bytes;
        let (status, text, outcome) =
            told(output, usize::try_from(max_bytes).unwrap_or(usize::MAX));
        let is_success = status == StepStatus::Succeeded;
        self.ended(index, status, outcome, &Usage::default());
        let called = ToolCalled { call: &call, index, is_success, text: &text, took };
        self.pending.extend(self.errand.journal().tool_called(&self.run, &called));
        self.prompt.turns.push(answered(&call, text));
        Ok(None)
    }

    /// Whether a person has to allow the call: not one that would not be made anyhow.
    fn asks_first(&self, call: &ToolCall) -> bool {
        let is_within = self.calls < self.errand.runtime.settings.run_calls_max;
        let can_be = is_within && call.arguments.is_object();
        can_be && self.tool(&call.name).is_some_and(|tool| tool.asks_first)
    }

    fn tool(&self, name: &str) -> Option<&Tool> {
        self.tools.iter().find(|tool| tool.spec.name == name)
    }

    /// The call itself, within its bounds.
    async fn carry_out(&self, call: &ToolCall, key: Uuid) -> Result<ToolOutput, ToolError> {
        let runtime = &self.errand.runtime;
        if self.tool(&call.name).is_none() {
            return Err(ToolError::Refused(format!("there is no tool {}", call.name)));
        }
        if self.calls > runtime.settings.run_calls_max {
            let most = runtime.settings.run_calls_max;
            return Err(ToolError::Refused(format!("a run may make {most} calls")));
        }
        let Value::Object(arguments) = call.arguments.clone() else {
            return Err(ToolError::invalid("arguments", "must be an object"));
        };
        let Some(registry) = runtime.registry() else {
            return Err(ToolError::Refused("the host goes down".to_owned()));
        };
        let deadline = Duration::from_secs(u64::from(runtime.settings.tool_deadline_s));
        let made = runtime.call_tool(Invocation {
            agent: Arc::clone(&self.record),
            registry,
            run_id: self.run.id,
            room_id: self.run.room_id,
            askers: self.askers.clone(),
            name: call.name.clone(),
            arguments,
            key,
            deadline,
            tally: runtime.tallies.of(self.record.id),
        });
        match select(made, runtime.sleep(deadline)).await {
            Either::Left((output, _)) => output,
            Either::Right(((), _)) => {
                Err(ToolError::Unknown(format!("no answer within {deadline:?}")))
            }
        }
    }
}

/// How a call is recorded, and what the model is told of it.
fn told(output: Result<ToolOutput, ToolError>, max_bytes: usize) -> (StepStatus, String, Value) {
    match output {
        Ok(ToolOutput { text, details }) => {
            let text = cut(&text, max_bytes).to_owned();
            let outcome = match details {
                Some(details) => json!({"text": text, "details": details}),
                None => json!({"text": text}),
            };
            (StepStatus::Succeeded, text, outcome)
        }
        Err(error) => {
            let reason = error.to_string();
            let reason = cut(&reason, max_bytes);
            let status = match error {
                ToolError::Unknown(_) => StepStatus::OutcomeUnknown,
                ToolError::Invalid { .. } | ToolError::Refused(_) | ToolError::Failed(_) => {
                    StepStatus::Failed
                }
            };
            (status, failure(reason), json!({"error": reason}))
        }
    }
}
