//! Triggers, which the original keeps as tasks.

use std::time::Duration;

use greenroom_actors::facts::Fact;
use greenroom_actors::time::UnixMillis;
use greenroom_actors::triggers::{
    EVERY_MAX_MS, EVERY_MIN_MS, FiringStatus, Misfire, NewTrigger, Overlap, Schedule, Trigger, Wake,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::fields::{self, Fields};
use super::{OWN, object, put};
use crate::http::instant::iso;

/// The name of a task that is a trigger.
const NAME: &str = "TRIGGER_DISPATCH";

/// For how long a task that is switched off is put aside.
const OFF: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// What the original has no word for.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Own {
    #[serde(skip_serializing_if = "Option::is_none")]
    anchor: Option<UnixMillis>,
    #[serde(default)]
    misfire: Misfire,
    grace_s: u32,
    #[serde(default)]
    overlap: Overlap,
    #[serde(default)]
    needs_autonomy: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    allowed_tools: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    timeout_s: Option<u32>,
    #[serde(default)]
    retries_max: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after_s: Option<u32>,
    #[serde(default)]
    metadata: Map<String, Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_status: Option<FiringStatus>,
}

/// A trigger as it is written.
pub(in super::super) fn trigger(trigger: Trigger) -> Value {
    let interval = if trigger.is_enabled {
        trigger.next_due_at.map_or(Duration::ZERO, |due| due.since(trigger.updated_at))
    } else {
        OFF
    };
    let (id, agent, name) = (trigger.id, trigger.agent_id, trigger.name.clone());
    let (made_at, updated_at) = (trigger.created_at, trigger.updated_at);
    json!({
        "id": id, "name": NAME, "description": name, "tags": ["queue", "repeat", "trigger"],
        "metadata": {
            "blocking": true, "updatedAt": updated_at,
            "updateInterval": greenroom_actors::time::millis(interval),
            "trigger": config(trigger)
        },
        "agentId": agent, "createdAt": made_at, "updatedAt": updated_at
    })
}

fn config(trigger: Trigger) -> Map<String, Value> {
    let key = dedupe_key(&trigger);
    let mut config = object(json!({
        "version": 1, "triggerId": trigger.id, "displayName": trigger.name,
        "instructions": trigger.instructions
    }));
    let kind = match &trigger.schedule {
        Schedule::Interval { .. } => "interval",
        Schedule::Once { .. } => "once",
        Schedule::Cron { .. } => "cron",
    };
    put(&mut config, "triggerType", Some(kind));
    put(&mut config, "enabled", Some(trigger.is_enabled));
    put(&mut config, "wakeMode", Some(wake(trigger.wake)));
    put(&mut config, "createdBy", Some(trigger.created_by));
    let mut anchor = None;
    match trigger.schedule {
        Schedule::Interval { every_ms, anchor: from } => {
            put(&mut config, "intervalMs", Some(every_ms));
            anchor = Some(from);
        }
        Schedule::Once { at } => put(&mut config, "scheduledAtIso", Some(iso(at))),
        Schedule::Cron { expression, time_zone } => {
            put(&mut config, "timezone", Some(time_zone));
            put(&mut config, "cronExpression", Some(expression));
        }
    }
    put(&mut config, "maxRuns", trigger.max_runs);
    put(&mut config, "runCount", Some(trigger.run_count));
    put(&mut config, "dedupeKey", Some(key));
    put(&mut config, "nextRunAtMs", trigger.next_due_at.map(|due| due.0));
    put(&mut config, "lastRunAtIso", trigger.last_fired_at.map(iso));
    let status = trigger.last_status.map(|status| match status {
        FiringStatus::Waiting | FiringStatus::Running | FiringStatus::Ran => "success",
        FiringStatus::Failed => "error",
        FiringStatus::Missed | FiringStatus::Skipped => "skipped",
    });
    put(&mut config, "lastStatus", status);
    put(&mut config, "lastError", trigger.last_error);
    let own = Own {
        anchor,
        misfire: trigger.misfire,
        grace_s: trigger.grace_s,
        overlap: trigger.overlap,
        needs_autonomy: trigger.needs_autonomy,
        model: trigger.model,
        allowed_tools: trigger.allowed_tools,
        timeout_s: trigger.timeout_s,
        retries_max: trigger.retries_max,
        retry_after_s: Some(trigger.retry_after_s),
        metadata: trigger.metadata,
        last_status: trigger.last_status,
    };
    put(&mut config, OWN, serde_json::to_value(own).ok());
    config
}

fn wake(wake: Wake) -> &'static str {
    match wake {
        Wake::Now => "inject_now",
        Wake::NextTick => "next_autonomy_cycle",
    }
}

/// What the original tells triggers of one and the same content by.
fn dedupe_key(trigger: &Trigger) -> String {
    let instructions = trigger.instructions.to_lowercase();
    let (kind, interval, at, cron) = match &trigger.schedule {
        Schedule::Interval { every_ms, .. } => {
            ("interval", every_ms.to_string(), String::new(), "")
        }
        Schedule::Once { at } => ("once", String::new(), iso(*at), ""),
        Schedule::Cron { expression, .. } => {
            ("cron", String::new(), String::new(), expression.as_str())
        }
    };
    let text = [kind, &instructions, &interval, &at, cron, wake(trigger.wake)].join("|");
    let hash =
        text.encode_utf16().fold(5_381_u32, |hash, unit| hash.wrapping_mul(33) ^ u32::from(unit));
    format!("trigger-{hash:x}")
}

/// What a task that is a trigger is to do; `None` for other tasks.
pub(super) fn config_of(task: &Map<String, Value>) -> Option<&Map<String, Value>> {
    task.get("name").filter(|name| *name == NAME)?;
    task.get("metadata")?.get("trigger")?.as_object()
}

/// What a trigger is to do, without what follows from that or from the time.
pub(super) fn gist(config: &Map<String, Value>) -> Map<String, Value> {
    let of = |key: &str| config.get(key).cloned().unwrap_or_default();
    let schedule = match config.get("triggerType").and_then(Value::as_str) {
        Some("interval") => of("intervalMs"),
        Some("once") => json!(config.get("scheduledAtIso").and_then(fields::time)),
        _ => json!([of("cronExpression"), config.get("timezone").unwrap_or(&json!("UTC"))]),
    };
    object(json!({
        "name": of("displayName"), "instructions": of("instructions"), "type": of("triggerType"),
        "schedule": schedule, "maxRuns": of("maxRuns"), "runs": config.get("runCount").unwrap_or(&json!(0)),
        "isEnabled": config.get("enabled").unwrap_or(&json!(true)),
        "wake": config.get("wakeMode").unwrap_or(&json!("inject_now"))
    }))
}

/// What a task that is a trigger becomes; as it was if it is none, or none that can be here.
pub(super) fn read(mut fields: Fields<'_>) -> Result<Fact, Fields<'_>> {
    if fields.look("name").and_then(Value::as_str) != Some(NAME) {
        return Err(fields);
    }
    let Some(Value::Object(config)) =
        fields.look("metadata").and_then(|metadata| metadata.get("trigger")).cloned()
    else {
        return Err(fields);
    };
    let Some(trigger) = made(fields.other(config), fields.now()) else { return Err(fields) };
    let made_at = fields.made_at();
    Ok(Fact::TriggerSet {
        trigger: Box::new(Trigger {
            created_at: made_at,
            updated_at: fields.time(&["updatedAt", "updated_at"]).unwrap_or(made_at),
            ..trigger
        }),
        is_retimed: true,
    })
}

fn made(mut config: Fields<'_>, now: UnixMillis) -> Option<Trigger> {
    let own = config.object(OWN).and_then(|own| serde_json::from_value::<Own>(own.into()).ok());
    let schedule = match config.text("triggerType")?.as_str() {
        "interval" => Schedule::Interval {
            every_ms: config.count("intervalMs")?.clamp(EVERY_MIN_MS, EVERY_MAX_MS),
            anchor: own.as_ref().and_then(|own| own.anchor).unwrap_or(now),
        },
        "once" => Schedule::Once { at: config.time(&["scheduledAtIso"])? },
        "cron" => Schedule::Cron {
            expression: config.text("cronExpression")?,
            time_zone: config.word("timezone").unwrap_or_else(|| "UTC".to_owned()),
        },
        _ => return None,
    };
    let instructions = config.text("instructions")?;
    let name = config.word("displayName").unwrap_or_else(|| "New Trigger".to_owned());
    let max_runs = config.count("maxRuns").and_then(|runs| u32::try_from(runs).ok());
    let run_count = config.count("runCount").unwrap_or(0).try_into().unwrap_or(u32::MAX);
    let is_spent = max_runs.is_some_and(|most| run_count >= most);
    let plain = NewTrigger::new(name, instructions, schedule);
    let mut wanted = NewTrigger {
        id: config.id(&["triggerId"]),
        wake: match config.text("wakeMode").as_deref() {
            Some("next_autonomy_cycle") => Wake::NextTick,
            _ => Wake::Now,
        },
        is_enabled: config.bool("enabled").unwrap_or(true) && !is_spent,
        max_runs: max_runs.filter(|runs| *runs > 0),
        created_by: config.word("createdBy").unwrap_or_else(|| plain.created_by.clone()),
        ..plain
    };
    let mut last_status = config.text("lastStatus").and_then(|status| match status.as_str() {
        "success" => Some(FiringStatus::Ran),
        "error" => Some(FiringStatus::Failed),
        "skipped" => Some(FiringStatus::Skipped),
        _ => None,
    });
    if let Some(own) = own {
        wanted = NewTrigger {
            misfire: own.misfire,
            grace_s: own.grace_s,
            overlap: own.overlap,
            needs_autonomy: own.needs_autonomy,
            model: own.model,
            allowed_tools: own.allowed_tools,
            timeout_s: own.timeout_s,
            retries_max: own.retries_max,
            retry_after_s: own.retry_after_s.unwrap_or(wanted.retry_after_s),
            metadata: own.metadata,
            ..wanted
        };
        last_status = own.last_status.filter(|status| !status.is_open()).or(last_status);
    }
    let agent = config.agent();
    let made = wanted.clone().made(agent, now);
    // One with no slot to come is not lost for that.
    let made = made.or_else(|_| NewTrigger { is_enabled: false, ..wanted }.made(agent, now));
    Some(Trigger {
        run_count,
        last_fired_at: config.time(&["lastRunAtIso"]),
        last_status,
        last_error: config.text("lastError"),
        ..made.ok()?
    })
}
