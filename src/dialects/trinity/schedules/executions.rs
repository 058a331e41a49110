//! The last of what came of a schedule, in a list of many.

use serde::Serialize;
use utoipa::ToSchema;

use crate::dialects::trinity::work::Execution;
use crate::roster::Known;

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
    pub(super) fn of(agent: &Known, execution: &Execution) -> Self {
        let summary = execution.summary(agent);
        Self {
            id: summary.id,
            status: summary.status,
            started_at: summary.started_at,
            completed_at: summary.completed_at,
            error: execution.error(),
        }
    }
}
