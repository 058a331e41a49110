//! A schedule, as clients read it.

use greenroom_actors::time::UnixMillis;
use greenroom_actors::triggers::{Schedule, Trigger};
use serde::Serialize;
use utoipa::ToSchema;

use super::cron;
use super::kept::Kept;
use crate::dialects::trinity::{short, times};

/// Seconds that are told where nothing was said.
const VALIDATION_TIMEOUT_S: u32 = 300;

/// Whether schedules fire, as far as their agent goes.
#[derive(Clone, Copy)]
pub(in crate::dialects::trinity) struct Gate {
    /// Whether the agent is autonomous.
    pub(in crate::dialects::trinity) is_open: bool,
}

impl Gate {
    /// Whether a trigger fires by itself.
    pub(in crate::dialects::trinity) fn lets(self, trigger: &Trigger) -> bool {
        trigger.is_enabled && (self.is_open || !trigger.needs_autonomy)
    }
}

/// A cause of runs, and when it is due.
#[derive(Serialize, ToSchema)]
pub(super) struct ScheduleView {
    id: String,
    agent_name: String,
    name: String,
    /// As it was written; `@every …` and `@at …` for what was made elsewhere and no cron expression says.
    cron_expression: String,
    message: String,
    /// Its own flag, which is kept while the agent is not autonomous.
    enabled: bool,
    timezone: String,
    description: Option<String>,
    created_at: String,
    updated_at: String,
    last_run_at: Option<String>,
    /// Absent while it does not fire by itself: it is not enabled, or its agent not autonomous.
    next_run_at: Option<String>,
    timeout_seconds: Option<u32>,
    allowed_tools: Option<Vec<String>>,
    model: Option<String>,
    /// How often a run that fails is made again, if it was not fired by hand.
    max_retries: u32,
    retry_delay_seconds: u32,
    /// Kept and told; runs are not judged here.
    validation_enabled: bool,
    validation_prompt: Option<String>,
    validation_timeout_seconds: u32,
}

impl ScheduleView {
    pub(super) fn of(trigger: &Trigger, agent: &str, gate: Gate, now: UnixMillis) -> Self {
        let kept = Kept::of(trigger);
        let timezone = match &trigger.schedule {
            Schedule::Cron { time_zone, .. } => time_zone.clone(),
            Schedule::Interval { .. } | Schedule::Once { .. } => "UTC".to_owned(),
        };
        Self {
            id: short::of(trigger.id.0),
            agent_name: agent.to_owned(),
            name: trigger.name.clone(),
            cron_expression: cron::shown(&trigger.schedule, &kept),
            message: trigger.instructions.clone(),
            enabled: trigger.is_enabled,
            timezone,
            description: kept.description,
            created_at: times::iso(trigger.created_at),
            updated_at: times::iso(trigger.updated_at),
            last_run_at: trigger.last_fired_at.map(times::iso),
            next_run_at: next(trigger, gate, now).map(times::iso),
            timeout_seconds: trigger.timeout_s,
            allowed_tools: trigger.allowed_tools.clone(),
            model: trigger.model.clone(),
            max_retries: trigger.retries_max,
            retry_delay_seconds: trigger.retry_after_s,
            validation_enabled: kept.validation_enabled,
            validation_prompt: kept.validation_prompt,
            validation_timeout_seconds: kept
                .validation_timeout_seconds
                .unwrap_or(VALIDATION_TIMEOUT_S),
        }
    }
}

/// When it fires next. A slot that is past was kept while it could not fire.
pub(super) fn next(trigger: &Trigger, gate: Gate, now: UnixMillis) -> Option<UnixMillis> {
    let next = trigger.next_due_at.filter(|_| gate.lets(trigger))?;
    if next > now { Some(next) } else { trigger.schedule.next_after(now) }
}
