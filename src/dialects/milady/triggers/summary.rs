//! A trigger as clients of Milady read it.

use greenroom_actors::ids::{self, TriggerId};
use greenroom_actors::time::UnixMillis;
use greenroom_actors::triggers::{FiringStatus, Schedule, Trigger};
use serde::Serialize;
use uuid::Uuid;

use super::dedupe::wake_word;
use super::kept::{Kept, Kind};
use crate::http::instant;

/// The interval of a trigger that does not fire by itself: 365 days.
const DISABLED_MS: i64 = 365 * 24 * 60 * 60 * 1_000;

/// A trigger.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::dialects::milady) struct TriggerSummary {
    id: TriggerId,
    task_id: Uuid,
    display_name: String,
    instructions: String,
    trigger_type: Kind,
    enabled: bool,
    wake_mode: &'static str,
    created_by: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    timezone: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    interval_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scheduled_at_iso: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cron_expression: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_runs: Option<u32>,
    run_count: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_run_at_ms: Option<UnixMillis>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_run_at_iso: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_status: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_error: Option<String>,
    updated_at: UnixMillis,
    update_interval: i64,
}

impl TriggerSummary {
    pub(super) fn of(trigger: Trigger) -> Self {
        let kept = Kept::of(&trigger);
        let (updated_at, update_interval) = timing(&trigger);
        let (mut interval_ms, mut scheduled_at_iso, mut cron_expression) = (None, None, None);
        match &trigger.schedule {
            Schedule::Interval { every_ms, .. } => interval_ms = Some(*every_ms),
            Schedule::Once { at } => scheduled_at_iso = Some(kept.written_at(*at)),
            Schedule::Cron { expression, .. } => cron_expression = Some(expression.clone()),
        }
        Self {
            task_id: task_of(trigger.id),
            trigger_type: Kind::of(&trigger.schedule),
            enabled: trigger.is_enabled,
            wake_mode: wake_word(trigger.wake),
            timezone: kept.time_zone_of(&trigger),
            interval_ms,
            scheduled_at_iso,
            cron_expression,
            max_runs: kept.max_runs_of(&trigger),
            run_count: trigger.run_count,
            next_run_at_ms: trigger.next_due_at,
            last_run_at_iso: trigger.last_fired_at.map(instant::iso),
            last_status: trigger.last_status.map(status_word),
            id: trigger.id,
            display_name: trigger.name,
            instructions: trigger.instructions,
            created_by: trigger.created_by,
            last_error: trigger.last_error,
            updated_at,
            update_interval,
        }
    }

    /// Whether it fires by itself.
    pub(in crate::dialects::milady) fn is_enabled(&self) -> bool {
        self.enabled
    }
}

/// When it was last timed, and for how long.
fn timing(trigger: &Trigger) -> (UnixMillis, i64) {
    let changed_at = trigger.updated_at;
    let Some(next) = trigger.next_due_at else { return (changed_at, DISABLED_MS) };
    match trigger.schedule {
        Schedule::Interval { every_ms, .. } => {
            let every = i64::try_from(every_ms).unwrap_or(DISABLED_MS);
            (UnixMillis(next.0.saturating_sub(every)), every)
        }
        Schedule::Once { .. } | Schedule::Cron { .. } => {
            (changed_at, next.0.saturating_sub(changed_at.0).max(0))
        }
    }
}

/// The task that stands for a trigger. The engine has no tasks, so that its id is derived: it is the
/// same for ever, and no other trigger's.
pub(super) fn task_of(id: TriggerId) -> Uuid {
    ids::derived(&format!("trigger-task-{id}"))
}

/// What Milady calls what came of a firing.
pub(super) fn status_word(status: FiringStatus) -> &'static str {
    match status {
        FiringStatus::Ran => "success",
        FiringStatus::Failed => "error",
        FiringStatus::Waiting
        | FiringStatus::Running
        | FiringStatus::Missed
        | FiringStatus::Skipped => "skipped",
    }
}
