//! What a client wants a trigger to be, by Milady's rules.

use chrono::{DateTime, NaiveDateTime};
use greenroom_actors::error::CoreError;
use greenroom_actors::time::UnixMillis;
use greenroom_actors::triggers::{Misfire, NewTrigger, Schedule, Trigger, TriggerPatch, Wake};
use serde_json::{Map, Number, Value};

use super::cron;
use super::kept::{Kept, Kind, UTC, Written};
use crate::dialects::milady::error::MiladyError;
use crate::http::instant;

/// Milliseconds of an interval, which is brought within them.
const EVERY_MIN_MS: u64 = 60_000;
const EVERY_MAX_MS: u64 = 31 * 24 * 60 * 60 * 1_000;

/// What a trigger is called that nobody has named.
const NAME: &str = "New Trigger";

/// How dates are written that name a zone and no seconds.
const MINUTES: &str = "%Y-%m-%dT%H:%M%#z";

/// How dates are written that name no zone; UTC's is meant.
const ZONELESS: [&str; 4] =
    ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%d %H:%M"];

/// What is said of a trigger, whether to make one or to change it. What is absent or null is not said;
/// so is a text of white space.
#[derive(Debug, PartialEq)]
pub(super) struct Draft {
    name: Option<String>,
    instructions: Option<String>,
    kind: Option<Kind>,
    wake: Option<Wake>,
    is_enabled: Option<bool>,
    created_by: Option<String>,
    time_zone: Option<String>,
    every_ms: Option<u64>,
    at: Option<String>,
    cron: Option<String>,
    max_runs: Option<u32>,
}

impl Draft {
    /// Reads the fields.
    ///
    /// # Errors
    /// 400 with the field at fault.
    pub(super) fn read(said: &Map<String, Value>) -> Result<Self, MiladyError> {
        let wake = match text(said, "wakeMode")?.as_deref() {
            None => None,
            Some("inject_now") => Some(Wake::Now),
            Some("next_autonomy_cycle") => Some(Wake::NextTick),
            Some(_) => {
                return Err(MiladyError::bad("wakeMode must be inject_now or next_autonomy_cycle"));
            }
        };
        let max_runs = number(said, "maxRuns")?.map(floored);
        if max_runs == Some(0) {
            return Err(MiladyError::bad("maxRuns must be a positive integer"));
        }
        let every_ms = number(said, "intervalMs")?.map(floored);
        Ok(Self {
            name: text(said, "displayName")?,
            instructions: text(said, "instructions")?,
            kind: text(said, "triggerType")?.map(|word| Kind::of_word(&word)),
            wake,
            is_enabled: flag(said, "enabled")?,
            created_by: text(said, "createdBy")?,
            time_zone: time_zone(said)?,
            every_ms: every_ms.map(|every| every.clamp(EVERY_MIN_MS, EVERY_MAX_MS)),
            at: text(said, "scheduledAtIso")?,
            cron: text(said, "cronExpression")?,
            max_runs: max_runs.map(|most| u32::try_from(most).unwrap_or(u32::MAX)),
        })
    }

    /// The trigger to be made at `now`.
    ///
    /// # Errors
    /// 400 where something is missing or cannot be.
    pub(super) fn made(self, now: UnixMillis) -> Result<NewTrigger, MiladyError> {
        let Some(instructions) = self.instructions.clone() else {
            return Err(MiladyError::bad("instructions is required"));
        };
        let kind = self.kind.unwrap_or(Kind::Interval);
        let schedule = match kind {
            Kind::Interval => {
                Schedule::Interval { every_ms: self.every_ms.ok_or_else(no_interval)?, anchor: now }
            }
            Kind::Once => Schedule::Once { at: due(self.at.as_deref(), now)? },
            Kind::Cron => self.cron_schedule(None)?,
        };
        let at = written(self.at, &schedule);
        let kept = Kept { time_zone: self.time_zone, max_runs: self.max_runs, at };
        let usual =
            NewTrigger::new(self.name.unwrap_or_else(|| NAME.to_owned()), instructions, schedule);
        Ok(NewTrigger {
            // What came due while the host was down runs once it is up.
            misfire: Misfire::RunOnce,
            wake: self.wake.unwrap_or_default(),
            is_enabled: self.is_enabled.unwrap_or(true),
            max_runs: if kind == Kind::Once { Some(1) } else { kept.max_runs },
            created_by: self.created_by.unwrap_or(usual.created_by),
            metadata: kept.into_metadata(Map::new()),
            ..usual
        })
    }

    /// What changes about a trigger at `now`. What is not said stays, but for the time zone.
    ///
    /// # Errors
    /// As [`made`](Self::made).
    pub(super) fn over(
        self,
        trigger: &Trigger,
        now: UnixMillis,
    ) -> Result<TriggerPatch, MiladyError> {
        let kind = self.kind.unwrap_or(Kind::of(&trigger.schedule));
        let is_on = self.is_enabled.unwrap_or(trigger.is_enabled);
        // One that is switched on counts from now; one that is on keeps its time unless that is said.
        let stays = trigger.is_enabled == is_on;
        let known = Kept::of(trigger);
        let mut text = self.at.clone();
        let schedule = match (kind, &trigger.schedule) {
            (Kind::Interval, Schedule::Interval { every_ms, anchor }) => {
                let every = self.every_ms.unwrap_or(*every_ms);
                let anchor = if stays && every == *every_ms { *anchor } else { now };
                Schedule::Interval { every_ms: every, anchor }
            }
            (Kind::Interval, _) => {
                Schedule::Interval { every_ms: self.every_ms.ok_or_else(no_interval)?, anchor: now }
            }
            (Kind::Once, Schedule::Once { at: due_at }) => {
                let written = known.written_at(*due_at);
                let is_same = self.at.as_ref().is_none_or(|said| *said == written);
                let said = text.get_or_insert(written);
                let at = if stays && is_same { *due_at } else { due(Some(said), now)? };
                Schedule::Once { at }
            }
            (Kind::Once, _) => Schedule::Once { at: due(self.at.as_deref(), now)? },
            (Kind::Cron, Schedule::Cron { expression, .. }) => {
                self.cron_schedule(Some(expression))?
            }
            (Kind::Cron, _) => self.cron_schedule(None)?,
        };
        let max_runs = self.max_runs.or(known.max_runs_of(trigger));
        let at = written(text, &schedule);
        let kept = Kept { time_zone: self.time_zone, max_runs, at };
        let last = trigger.run_count.saturating_add(1);
        Ok(TriggerPatch {
            name: self.name,
            instructions: self.instructions,
            schedule: Some(schedule),
            wake: self.wake,
            is_enabled: self.is_enabled,
            max_runs: Some(if kind == Kind::Once { Some(last) } else { max_runs }),
            metadata: Some(kept.into_metadata(trigger.metadata.clone())),
            ..TriggerPatch::default()
        })
    }

    fn cron_schedule(&self, known: Option<&str>) -> Result<Schedule, MiladyError> {
        let expression = match (&self.cron, known) {
            (Some(said), _) if cron::is_plain(said) => said.clone(),
            // Made elsewhere, and perhaps in words that this dialect has not.
            (None, Some(known)) => known.to_owned(),
            (Some(_) | None, _) => {
                return Err(MiladyError::bad(
                    "cronExpression must be a valid 5-field cron expression",
                ));
            }
        };
        let time_zone = self.time_zone.clone().unwrap_or_else(|| UTC.to_owned());
        Ok(Schedule::Cron { expression, time_zone })
    }
}

fn no_interval() -> MiladyError {
    MiladyError::bad("intervalMs is required for interval triggers")
}

/// The date of what is due once, as it was written.
fn written(text: Option<String>, schedule: &Schedule) -> Option<Written> {
    match schedule {
        Schedule::Once { at } => text.map(|text| Written { text, due: *at }),
        Schedule::Interval { .. } | Schedule::Cron { .. } => None,
    }
}

/// When a trigger of that date is due: at once, if that is past.
fn due(text: Option<&str>, now: UnixMillis) -> Result<UnixMillis, MiladyError> {
    let at = text.and_then(date);
    let at = at.ok_or_else(|| MiladyError::bad("scheduledAtIso must be a valid ISO timestamp"))?;
    Ok(at.max(now))
}

/// A date as JavaScript parses it, but that a number alone is none.
fn date(text: &str) -> Option<UnixMillis> {
    if text.parse::<f64>().is_ok() {
        return None;
    }
    let zoneless = || {
        let parsed =
            ZONELESS.iter().find_map(|form| NaiveDateTime::parse_from_str(text, form).ok());
        parsed.map(|date| UnixMillis(date.and_utc().timestamp_millis()))
    };
    let of_mail = || {
        let parsed = DateTime::parse_from_rfc2822(text).ok();
        parsed.map(|date| UnixMillis(date.timestamp_millis()))
    };
    let to_the_minute = || {
        let parsed = DateTime::parse_from_str(text, MINUTES).ok();
        parsed.map(|date| UnixMillis(date.timestamp_millis()))
    };
    instant::read(text).or_else(zoneless).or_else(to_the_minute).or_else(of_mail)
}

/// A text, runs of white space in it folded.
fn text(said: &Map<String, Value>, field: &str) -> Result<Option<String>, MiladyError> {
    match said.get(field) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => {
            let folded = text.split_whitespace().collect::<Vec<_>>().join(" ");
            Ok((!folded.is_empty()).then_some(folded))
        }
        Some(_) => Err(MiladyError::bad(format!("{field} must be a string"))),
    }
}

fn flag(said: &Map<String, Value>, field: &str) -> Result<Option<bool>, MiladyError> {
    match said.get(field) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Bool(flag)) => Ok(Some(*flag)),
        Some(_) => Err(MiladyError::bad(format!("{field} must be true or false"))),
    }
}

fn number<'a>(
    said: &'a Map<String, Value>,
    field: &str,
) -> Result<Option<&'a Number>, MiladyError> {
    match said.get(field) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Number(number)) => Ok(Some(number)),
        Some(_) => Err(MiladyError::bad(format!("{field} must be a number"))),
    }
}

/// The name of a time zone that there is.
fn time_zone(said: &Map<String, Value>) -> Result<Option<String>, MiladyError> {
    let Some(time_zone) = text(said, "timezone")? else { return Ok(None) };
    let any = Schedule::Cron { expression: "* * * * *".to_owned(), time_zone: time_zone.clone() };
    match any.check() {
        Ok(()) => Ok(Some(time_zone)),
        Err(_unknown) => Err(MiladyError::bad("timezone must be the name of a time zone")),
    }
}

/// The whole number below, or the nearest there is.
fn floored(number: &Number) -> u64 {
    if let Some(whole) = number.as_u64() {
        return whole;
    }
    let float = number.as_f64().unwrap_or_default();
    // As text: the one conversion of a float that is checked.
    let whole = format!("{:.0}", float.floor()).parse().ok();
    whole.unwrap_or(if float > 0.0 { u64::MAX } else { 0 })
}

/// What the core refuses about a trigger, in the words of this dialect.
pub(super) fn refused(error: CoreError) -> MiladyError {
    let CoreError::Invalid { field, reason } = error else { return error.into() };
    let field = match field {
        "triggers" => {
            let words = format!("Active trigger limit reached: {reason}");
            return MiladyError::refused(actix_web::http::StatusCode::TOO_MANY_REQUESTS, words);
        }
        "name" => "displayName",
        "created_by" => "createdBy",
        "max_runs" => "maxRuns",
        "every_ms" => "intervalMs",
        "expression" => "cronExpression",
        "time_zone" => "timezone",
        "at" | "schedule" => "scheduledAtIso",
        other => other,
    };
    MiladyError::bad(format!("{field}: {reason}"))
}
