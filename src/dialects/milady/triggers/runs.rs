//! What came of the slots of triggers, as clients of Milady read it.

use greenroom_actors::ids::{FiringId, TriggerId};
use greenroom_actors::time::{UnixMillis, millis};
use greenroom_actors::triggers::{Firing, FiringSource, FiringStatus, Trigger};
use serde::Serialize;
use uuid::Uuid;

use super::summary::{status_word, task_of};

/// One run of a trigger, or one that was passed over.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RunView {
    trigger_run_id: FiringId,
    trigger_id: TriggerId,
    task_id: Uuid,
    started_at: UnixMillis,
    finished_at: UnixMillis,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    latency_ms: i64,
    source: &'static str,
}

impl RunView {
    /// A firing of which nothing more is to come; `None` for another.
    pub(super) fn of(firing: Firing) -> Option<Self> {
        if firing.status.is_open() {
            return None;
        }
        let finished_at = firing.ended_at?;
        let started_at = firing.started_at.unwrap_or(firing.due_at).min(finished_at);
        Some(Self {
            trigger_run_id: firing.id,
            trigger_id: firing.trigger_id,
            task_id: task_of(firing.trigger_id),
            started_at,
            finished_at,
            status: status_word(firing.status),
            error: firing.reason.filter(|_| firing.status != FiringStatus::Ran),
            latency_ms: millis(finished_at.since(started_at)),
            source: match firing.source {
                FiringSource::Scheduler => "scheduler",
                FiringSource::Manual => "manual",
            },
        })
    }
}

/// What came of a trigger that was run by hand.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Executed {
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    task_deleted: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    run_record: Option<RunView>,
}

impl Executed {
    pub(super) fn of(record: Option<RunView>, task_deleted: bool) -> Self {
        Self {
            status: record.as_ref().map_or("skipped", |record| record.status),
            error: record.as_ref().and_then(|record| record.error.clone()),
            task_deleted,
            run_record: record,
        }
    }
}

/// How the triggers of an agent do.
#[derive(Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Health {
    triggers_enabled: bool,
    active_triggers: u64,
    disabled_triggers: u64,
    total_executions: u64,
    total_failures: u64,
    total_skipped: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_execution_at: Option<UnixMillis>,
}

impl Health {
    /// The figures over the triggers that there are, and over the newest firings.
    pub(super) fn of(is_on: bool, triggers: &[Trigger], firings: &[Firing]) -> Self {
        let mut health = Self { triggers_enabled: is_on, ..Self::default() };
        let mut counted = 0_u64;
        for trigger in triggers {
            let group = match trigger.is_enabled {
                true => &mut health.active_triggers,
                false => &mut health.disabled_triggers,
            };
            *group = group.saturating_add(1);
            counted = counted.saturating_add(u64::from(trigger.run_count));
        }
        for firing in firings {
            let group = match firing.status {
                FiringStatus::Ran => None,
                FiringStatus::Failed => Some((&mut health.total_failures, 1)),
                FiringStatus::Missed | FiringStatus::Skipped => {
                    Some((&mut health.total_skipped, firing.count))
                }
                FiringStatus::Waiting | FiringStatus::Running => None,
            };
            if let Some((group, count)) = group {
                *group = group.saturating_add(count);
            }
            if firing.status.was_run() {
                health.total_executions = health.total_executions.saturating_add(1);
                health.last_execution_at = health.last_execution_at.max(firing.ended_at);
            }
        }
        // Triggers count more runs than are still recorded, and records outlive their triggers.
        health.total_executions = health.total_executions.max(counted);
        health
    }
}
