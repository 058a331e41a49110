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
use crate::masks::{Left, Mask};
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
        let max_bytes = usize::try_from(max_bytes).unwrap_or(usize::MAX);
        let mask = self.errand.runtime.mask(self.record.id);
        let Told { status, text, kept, outcome } = told(output, max_bytes, mask.as_deref());
        let is_success = status == StepStatus::Succeeded;
        self.ended(index, status, outcome, &Usage::default());
        let called = ToolCalled { call: &call, index, is_success, text: &kept, took };
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
struct Told {
    status: StepStatus,
    /// What the model is told.
    text: String,
    /// The same, as it may be kept.
    kept: String,
    outcome: Value,
}

/// What came of a call. What is left of a secret where a text is cut is not kept: nobody would know it
/// for one later.
fn told(output: Result<ToolOutput, ToolError>, max_bytes: usize, mask: Option<&Mask>) -> Told {
    let hidden = |text: &str, left: &Left| match mask {
        Some(mask) => mask.on_part(text, left).into_owned(),
        None => text.to_owned(),
    };
    match output {
        Ok(ToolOutput { text, details, mut left, note }) => {
            let note = note.map(|note| format!("\n{note}")).unwrap_or_default();
            let shown = cut(&text, max_bytes.saturating_sub(note.len()));
            left.is_behind |= shown.len() < text.len();
            let kept = format!("{}{note}", hidden(shown, &left));
            let outcome = match details {
                Some(details) => json!({"text": kept, "details": details}),
                None => json!({"text": kept}),
            };
            let text = format!("{shown}{note}");
            Told { status: StepStatus::Succeeded, text, kept, outcome }
        }
        Err(error) => {
            let reason = error.to_string();
            let reason = cut(&reason, max_bytes);
            // Whoever worded it may have cut it.
            let kept = hidden(reason, &Left { is_before: false, is_behind: true });
            let status = match error {
                ToolError::Unknown(_) => StepStatus::OutcomeUnknown,
                ToolError::Invalid { .. } | ToolError::Refused(_) | ToolError::Failed(_) => {
                    StepStatus::Failed
                }
            };
            let outcome = json!({"error": kept});
            Told { status, text: failure(reason), kept: failure(&kept), outcome }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_holds_no_half_of_a_secret_and_the_model_sees_what_it_works_with() {
        let mask = Mask::over(["sk-one-two-three"]).unwrap();
        let told = |output, max_bytes| told(output, max_bytes, Some(&mask));
        let cut = told(Ok(ToolOutput::text("TOKEN=sk-one-two-three")), 14);
        assert_eq!((cut.text.as_str(), cut.kept.as_str()), ("TOKEN=sk-one-t", "TOKEN=***"));
        assert_eq!(cut.outcome, json!({"text": "TOKEN=***"}));
        let part = ToolOutput {
            text: "-two-three\nTOKEN=sk-one".to_owned(),
            details: None,
            left: Left { is_before: true, is_behind: true },
            note: Some("[more]".to_owned()),
        };
        let part = told(Ok(part), 100);
        assert_eq!(part.text, "-two-three\nTOKEN=sk-one\n[more]");
        assert_eq!(part.kept, "***\nTOKEN=***\n[more]");
        let failed = told(Err(ToolError::Failed("no sk-one-two-three".to_owned())), 20);
        assert_eq!(failed.outcome, json!({"error": "failed: no ***"}));
        assert!(failed.text.contains("sk-one") && !failed.kept.contains("sk-"), "{}", failed.kept);
        // A whole text may end like a secret by chance.
        assert_eq!(told(Ok(ToolOutput::text("it is sk-one")), 100).kept, "it is sk-one");
    }
}
