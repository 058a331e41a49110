//! What somebody wants a trigger to be, and whether it can be.

use serde_json::{Map, Value};

use super::{Misfire, Overlap, Schedule, Trigger, Wake};
use crate::error::CoreError;
use crate::ids::{AgentId, TriggerId};
use crate::texts::bounded;
use crate::time::UnixMillis;

/// Bytes of a name.
const NAME_MAX_BYTES: usize = 200;

/// Bytes of instructions.
const INSTRUCTIONS_MAX_BYTES: usize = 16 * 1024;

/// Bytes of who made it, and of a model's or a tool's name.
const WORD_MAX_BYTES: usize = 200;

/// Names of tools.
const TOOLS_MAX: usize = 100;

/// Bytes of what a dialect keeps with it, as JSON.
const METADATA_MAX_BYTES: usize = 16 * 1024;

/// Seconds of grace at most: a week.
const GRACE_MAX_S: u32 = 7 * 24 * 60 * 60;

/// Seconds of grace where nothing is said.
const GRACE_S: u32 = 60;

/// Seconds that a run may be given at most: a day.
const TIMEOUT_MAX_S: u32 = 24 * 60 * 60;

/// How often a run may be made again at most.
const RETRIES_MAX: u32 = 10;

/// Seconds after which a run is made again at most: a day.
const RETRY_AFTER_MAX_S: u32 = 24 * 60 * 60;

/// The same where nothing is said.
const RETRY_AFTER_S: u32 = 60;

/// A trigger that is wanted. The fields are those of [`Trigger`].
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs, reason = "said at the fields of `Trigger`")]
pub struct NewTrigger {
    /// Its id; a new one if absent.
    pub id: Option<TriggerId>,
    pub name: String,
    pub instructions: String,
    pub schedule: Schedule,
    pub misfire: Misfire,
    pub grace_s: u32,
    pub overlap: Overlap,
    pub wake: Wake,
    pub needs_autonomy: bool,
    pub is_enabled: bool,
    pub max_runs: Option<u32>,
    pub created_by: String,
    pub model: Option<String>,
    pub allowed_tools: Option<Vec<String>>,
    pub timeout_s: Option<u32>,
    pub retries_max: u32,
    pub retry_after_s: u32,
    pub metadata: Map<String, Value>,
}

impl NewTrigger {
    /// An enabled trigger with the usual policies: what is late by a minute is missed, and what
    /// overlaps is skipped.
    #[must_use]
    pub fn new(
        name: impl Into<String>,
        instructions: impl Into<String>,
        schedule: Schedule,
    ) -> Self {
        Self {
            id: None,
            name: name.into(),
            instructions: instructions.into(),
            schedule,
            misfire: Misfire::default(),
            grace_s: GRACE_S,
            overlap: Overlap::default(),
            wake: Wake::default(),
            needs_autonomy: false,
            is_enabled: true,
            max_runs: None,
            created_by: "api".to_owned(),
            model: None,
            allowed_tools: None,
            timeout_s: None,
            retries_max: 0,
            retry_after_s: RETRY_AFTER_S,
            metadata: Map::new(),
        }
    }

    /// The trigger that it is, made at `now`.
    ///
    /// # Errors
    /// [`CoreError::Invalid`] with the field at fault.
    pub fn made(self, agent_id: AgentId, now: UnixMillis) -> Result<Trigger, CoreError> {
        let trigger = Trigger {
            id: self.id.unwrap_or_default(),
            agent_id,
            name: self.name,
            instructions: self.instructions,
            schedule: self.schedule,
            misfire: self.misfire,
            grace_s: self.grace_s,
            overlap: self.overlap,
            wake: self.wake,
            needs_autonomy: self.needs_autonomy,
            is_enabled: self.is_enabled,
            max_runs: self.max_runs,
            run_count: 0,
            created_by: self.created_by,
            model: self.model,
            allowed_tools: self.allowed_tools,
            timeout_s: self.timeout_s,
            retries_max: self.retries_max,
            retry_after_s: self.retry_after_s,
            metadata: self.metadata,
            created_at: now,
            updated_at: now,
            next_due_at: None,
            last_fired_at: None,
            last_status: None,
            last_error: None,
        };
        trigger.checked()?.timed(now)
    }
}

/// What changes about a trigger; what is absent stays. An inner `None` takes away.
#[derive(Clone, Debug, Default, PartialEq)]
#[allow(missing_docs, reason = "said at the fields of `Trigger`")]
pub struct TriggerPatch {
    pub name: Option<String>,
    pub instructions: Option<String>,
    pub schedule: Option<Schedule>,
    pub misfire: Option<Misfire>,
    pub grace_s: Option<u32>,
    pub overlap: Option<Overlap>,
    pub wake: Option<Wake>,
    pub needs_autonomy: Option<bool>,
    pub is_enabled: Option<bool>,
    pub max_runs: Option<Option<u32>>,
    pub model: Option<Option<String>>,
    pub allowed_tools: Option<Option<Vec<String>>>,
    pub timeout_s: Option<Option<u32>>,
    pub retries_max: Option<u32>,
    pub retry_after_s: Option<u32>,
    pub metadata: Option<Map<String, Value>>,
}

impl TriggerPatch {
    /// Nothing but whether it fires by itself.
    #[must_use]
    pub fn enabled(is_enabled: bool) -> Self {
        Self { is_enabled: Some(is_enabled), ..Self::default() }
    }

    /// The trigger with it laid over, and whether its next slot is another.
    ///
    /// # Errors
    /// [`CoreError::Invalid`] with the field at fault.
    pub fn over(self, trigger: Trigger, now: UnixMillis) -> Result<(Trigger, bool), CoreError> {
        let was = (trigger.schedule.clone(), trigger.is_enabled);
        let changed = Trigger {
            name: self.name.unwrap_or(trigger.name),
            instructions: self.instructions.unwrap_or(trigger.instructions),
            schedule: self.schedule.unwrap_or(trigger.schedule),
            misfire: self.misfire.unwrap_or(trigger.misfire),
            grace_s: self.grace_s.unwrap_or(trigger.grace_s),
            overlap: self.overlap.unwrap_or(trigger.overlap),
            wake: self.wake.unwrap_or(trigger.wake),
            needs_autonomy: self.needs_autonomy.unwrap_or(trigger.needs_autonomy),
            is_enabled: self.is_enabled.unwrap_or(trigger.is_enabled),
            max_runs: self.max_runs.unwrap_or(trigger.max_runs),
            model: self.model.unwrap_or(trigger.model),
            allowed_tools: self.allowed_tools.unwrap_or(trigger.allowed_tools),
            timeout_s: self.timeout_s.unwrap_or(trigger.timeout_s),
            retries_max: self.retries_max.unwrap_or(trigger.retries_max),
            retry_after_s: self.retry_after_s.unwrap_or(trigger.retry_after_s),
            metadata: self.metadata.unwrap_or(trigger.metadata),
            updated_at: now,
            ..trigger
        };
        let changed = changed.checked()?;
        if was == (changed.schedule.clone(), changed.is_enabled) {
            return Ok((changed, false));
        }
        Ok((changed.timed(now)?, true))
    }
}

impl Trigger {
    /// The trigger, its name and instructions trimmed, if it can be.
    fn checked(mut self) -> Result<Self, CoreError> {
        self.schedule.check()?;
        for (field, text, most) in [
            ("name", &mut self.name, NAME_MAX_BYTES),
            ("instructions", &mut self.instructions, INSTRUCTIONS_MAX_BYTES),
            ("created_by", &mut self.created_by, WORD_MAX_BYTES),
        ] {
            *text = bounded(field, text, most)?.to_owned();
        }
        let is_word = |word: &String| (1..=WORD_MAX_BYTES).contains(&word.len());
        let words = || format!("must have 1 to {WORD_MAX_BYTES} bytes");
        must("model", self.model.as_ref().is_none_or(is_word), words)?;
        let tools = self.allowed_tools.as_deref().unwrap_or_default();
        must("allowed_tools", tools.len() <= TOOLS_MAX && tools.iter().all(is_word), || {
            format!("must be at most {TOOLS_MAX} names of 1 to {WORD_MAX_BYTES} bytes")
        })?;
        must("grace_s", (1..=GRACE_MAX_S).contains(&self.grace_s), || {
            format!("must be 1 to {GRACE_MAX_S}")
        })?;
        let is_time = |seconds: u32| (1..=TIMEOUT_MAX_S).contains(&seconds);
        must("timeout_s", self.timeout_s.is_none_or(is_time), || {
            format!("must be 1 to {TIMEOUT_MAX_S}")
        })?;
        must("retries_max", self.retries_max <= RETRIES_MAX, || {
            format!("must be at most {RETRIES_MAX}")
        })?;
        must("retry_after_s", self.retry_after_s <= RETRY_AFTER_MAX_S, || {
            format!("must be at most {RETRY_AFTER_MAX_S}")
        })?;
        must("max_runs", self.max_runs != Some(0), || "must be at least 1".to_owned())?;
        if let Misfire::RunAll { max } = self.misfire {
            must("misfire", (1..=Misfire::RUN_ALL_MAX).contains(&max), || {
                format!("must make up for 1 to {} slots", Misfire::RUN_ALL_MAX)
            })?;
        }
        let metadata = serde_json::to_string(&self.metadata).map_or(usize::MAX, |json| json.len());
        must("metadata", metadata <= METADATA_MAX_BYTES, || {
            format!("must have at most {METADATA_MAX_BYTES} bytes as JSON")
        })?;
        Ok(self)
    }

    /// The trigger with its next slot after `now`. One that is to fire and has no slot to come is
    /// refused.
    fn timed(mut self, now: UnixMillis) -> Result<Self, CoreError> {
        self.next_due_at = None;
        if !self.is_enabled {
            return Ok(self);
        }
        let is_spent = self.max_runs.is_some_and(|most| self.run_count >= most);
        must("max_runs", !is_spent, || format!("it ran {} times already", self.run_count))?;
        // The clock of whoever asks may be a little ahead of ours.
        let grace = std::time::Duration::from_secs(u64::from(self.grace_s));
        let after = match self.schedule {
            Schedule::Once { .. } => now.minus(grace),
            Schedule::Interval { .. } | Schedule::Cron { .. } => now,
        };
        self.next_due_at = self.schedule.next_after(after);
        must("schedule", self.next_due_at.is_some(), || "has no slot to come".to_owned())?;
        Ok(self)
    }
}

fn must(
    field: &'static str,
    is_so: bool,
    reason: impl FnOnce() -> String,
) -> Result<(), CoreError> {
    if is_so { Ok(()) } else { Err(CoreError::Invalid { field, reason: reason() }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixMillis = UnixMillis(1_760_000_000_000);

    fn hourly() -> NewTrigger {
        let schedule = Schedule::Interval { every_ms: 3_600_000, anchor: NOW };
        NewTrigger::new(" tea ", "make tea", schedule)
    }

    #[test]
    fn a_trigger_is_timed_when_it_is_made_and_when_its_time_changes() {
        let made = hourly().made(AgentId::new(), NOW).unwrap();
        assert_eq!((made.name.as_str(), made.run_count), ("tea", 0));
        let next = UnixMillis(NOW.0 + 3_600_000);
        assert_eq!(made.next_due_at, Some(next));

        let renamed = TriggerPatch { name: Some("coffee".into()), ..TriggerPatch::default() };
        let later = UnixMillis(NOW.0 + 10_000_000);
        let (renamed, is_retimed) = renamed.over(made, later).unwrap();
        assert_eq!((renamed.next_due_at, is_retimed), (Some(next), false));
        let (off, is_retimed) = TriggerPatch::enabled(false).over(renamed, later).unwrap();
        assert_eq!((off.next_due_at, is_retimed), (None, true));
        let (on, _) = TriggerPatch::enabled(true).over(off, later).unwrap();
        assert_eq!(on.next_due_at, Some(UnixMillis(NOW.0 + 10_800_000)));
    }

    #[test]
    fn what_cannot_be_is_refused_by_name() {
        let once = |at| Schedule::Once { at: UnixMillis(at) };
        for (wanted, field) in [
            (NewTrigger { name: " ".into(), ..hourly() }, "name"),
            (NewTrigger { name: "x".repeat(201), ..hourly() }, "name"),
            (NewTrigger { instructions: String::new(), ..hourly() }, "instructions"),
            (NewTrigger { grace_s: 0, ..hourly() }, "grace_s"),
            (NewTrigger { max_runs: Some(0), ..hourly() }, "max_runs"),
            (NewTrigger { timeout_s: Some(0), ..hourly() }, "timeout_s"),
            (NewTrigger { misfire: Misfire::RunAll { max: 101 }, ..hourly() }, "misfire"),
            (NewTrigger { misfire: Misfire::RunAll { max: 0 }, ..hourly() }, "misfire"),
            (NewTrigger { allowed_tools: Some(vec![String::new()]), ..hourly() }, "allowed_tools"),
            (NewTrigger { model: Some(String::new()), ..hourly() }, "model"),
            (NewTrigger { schedule: once(NOW.0 - 61_000), ..hourly() }, "schedule"),
        ] {
            let refused = wanted.made(AgentId::new(), NOW).unwrap_err();
            assert!(matches!(refused, CoreError::Invalid { field: found, .. } if found == field));
        }
        let slow = NewTrigger { schedule: once(NOW.0 - 59_000), ..hourly() };
        assert!(slow.made(AgentId::new(), NOW).unwrap().next_due_at.is_some());
    }
}
