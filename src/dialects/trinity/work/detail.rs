//! An execution with all that was said and done for it.

use greenroom_actors::error::CoreError;
use greenroom_actors::ports::Store;
use greenroom_actors::runs::StepKind;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::entries;
use super::record::{Execution, Summary};
use crate::roster::Known;

/// One execution.
#[derive(Serialize, ToSchema)]
#[schema(as = ExecutionDetail)]
pub(in crate::dialects::trinity) struct Detail {
    #[serde(flatten)]
    summary: Summary,
    response: Option<String>,
    error: Option<String>,
    /// JSON as text.
    tool_calls: Option<String>,
    /// JSON as text.
    execution_log: Option<String>,
    validated_at: Option<String>,
    validates_execution_id: Option<String>,
}

impl Detail {
    /// An execution of that agent.
    ///
    /// # Errors
    /// [`CoreError::Store`].
    pub(in crate::dialects::trinity) async fn of(
        store: &dyn Store,
        agent: &Known,
        execution: &Execution,
    ) -> Result<Self, CoreError> {
        let (steps, response) = (execution.steps(store).await?, execution.response(store).await?);
        let log = execution.run.as_ref().map(|run| entries::of(run, &steps, response.as_deref()));
        let calls = steps.iter().any(|step| step.kind == StepKind::Tool);
        let calls = calls.then(|| Value::Array(entries::simplified(&steps)).to_string());
        Ok(Self {
            summary: execution.summary(agent),
            error: execution.error(),
            response,
            tool_calls: calls,
            execution_log: log.map(|log| Value::Array(log).to_string()),
            validated_at: None,
            validates_execution_id: None,
        })
    }
}
