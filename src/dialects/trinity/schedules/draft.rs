//! What a client wants a schedule to be.

use greenroom_actors::error::CoreError;
use greenroom_actors::ids::AgentId;
use greenroom_actors::time::UnixMillis;
use greenroom_actors::triggers::{NewTrigger, Schedule, Trigger, TriggerPatch};
use serde::{Deserialize, Deserializer};
use utoipa::ToSchema;

use super::cron;
use super::kept::Kept;
use crate::dialects::trinity::error::TrinityError;

/// The zone whose clock counts where none is named.
const TIME_ZONE: &str = "UTC";

/// Seconds that a run may take where nothing is said.
const TIMEOUT_S: u32 = 900;

/// Bytes of a description, and of the words that ask for a judgement.
const TEXT_MAX_BYTES: usize = 4 * 1024;

/// A schedule to be made.
#[derive(Clone, Debug, Deserialize, ToSchema)]
pub(in crate::dialects::trinity) struct NewSchedule {
    name: String,
    /// Minute, hour, day of month, month, day of week; behind them perhaps seconds, and then years.
    cron_expression: String,
    /// What the agent is told when it is due.
    message: String,
    enabled: Option<bool>,
    /// By its name in the IANA database; UTC if absent.
    timezone: Option<String>,
    description: Option<String>,
    /// Seconds that a run may take; 900 if absent.
    #[schema(minimum = 1, maximum = 86_400)]
    timeout_seconds: Option<u32>,
    /// The only tools that its runs may use; whatever the agent may use if absent.
    allowed_tools: Option<Vec<String>>,
    /// The model that answers, by its name in the host's configuration; the agent's own if absent.
    model: Option<String>,
    /// How often a run that fails is made again, if it was not fired by hand.
    #[schema(minimum = 0, maximum = 10)]
    max_retries: Option<u32>,
    #[schema(minimum = 1, maximum = 86_400)]
    retry_delay_seconds: Option<u32>,
    /// Kept and told; runs are not judged here.
    validation_enabled: Option<bool>,
    validation_prompt: Option<String>,
    #[schema(minimum = 1, maximum = 86_400)]
    validation_timeout_seconds: Option<u32>,
}

/// What changes about a schedule; what is absent stays, and null takes away what can be absent.
#[derive(Deserialize, ToSchema)]
pub(super) struct SchedulePatch {
    name: Option<String>,
    cron_expression: Option<String>,
    message: Option<String>,
    enabled: Option<bool>,
    timezone: Option<String>,
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    description: Option<Option<String>>,
    #[schema(minimum = 1, maximum = 86_400)]
    timeout_seconds: Option<u32>,
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<Vec<String>>)]
    allowed_tools: Option<Option<Vec<String>>>,
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    model: Option<Option<String>>,
    #[schema(minimum = 0, maximum = 10)]
    max_retries: Option<u32>,
    #[schema(minimum = 1, maximum = 86_400)]
    retry_delay_seconds: Option<u32>,
    validation_enabled: Option<bool>,
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    validation_prompt: Option<Option<String>>,
    #[schema(minimum = 1, maximum = 86_400)]
    validation_timeout_seconds: Option<u32>,
}

/// Tells a null, which takes away, from a field that is absent.
fn present<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    value: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(value).map(Some)
}

impl NewSchedule {
    /// The trigger that it is. It fires only while its agent is autonomous.
    pub(in crate::dialects::trinity) fn made(self, by: &str) -> Result<NewTrigger, TrinityError> {
        let kept = Kept {
            cron_expression: Some(self.cron_expression),
            description: self.description,
            validation_prompt: self.validation_prompt,
            validation_timeout_seconds: self.validation_timeout_seconds,
            validation_enabled: self.validation_enabled.unwrap_or(false),
            is_paused: false,
        };
        check(&kept)?;
        let schedule = Schedule::Cron {
            expression: cron::for_engine(kept.cron_expression.as_deref().unwrap_or_default()),
            time_zone: self.timezone.unwrap_or_else(|| TIME_ZONE.to_owned()),
        };
        schedule.check().map_err(refused)?;
        let usual = NewTrigger::new(self.name, self.message, schedule);
        Ok(NewTrigger {
            needs_autonomy: true,
            is_enabled: self.enabled.unwrap_or(true),
            created_by: by.to_owned(),
            model: self.model.filter(|model| !model.is_empty()),
            allowed_tools: self.allowed_tools,
            timeout_s: Some(self.timeout_seconds.unwrap_or(TIMEOUT_S)),
            retries_max: self.max_retries.unwrap_or(0),
            retry_after_s: self.retry_delay_seconds.unwrap_or(usual.retry_after_s),
            metadata: kept.within(usual.metadata.clone()),
            ..usual
        })
    }
}

impl NewSchedule {
    /// Looks at what can be wrong with it whosever it is.
    pub(in crate::dialects::trinity) fn check(&self) -> Result<(), TrinityError> {
        let wanted = self.clone().made("somebody")?;
        wanted.made(AgentId::new(), UnixMillis(0)).map(drop).map_err(refused)
    }
}

impl SchedulePatch {
    /// What it changes about a trigger. What is said again as it is changes nothing.
    pub(super) fn over(self, trigger: &Trigger) -> Result<TriggerPatch, TrinityError> {
        let mut kept = Kept::of(trigger);
        let schedule = self.schedule(trigger, &kept);
        if let Some(written) = self.cron_expression.filter(|_| schedule.is_some()) {
            kept.cron_expression = Some(written);
        }
        if let Some(description) = self.description {
            kept.description = description;
        }
        if let Some(prompt) = self.validation_prompt {
            kept.validation_prompt = prompt;
        }
        kept.validation_timeout_seconds =
            self.validation_timeout_seconds.or(kept.validation_timeout_seconds);
        kept.validation_enabled = self.validation_enabled.unwrap_or(kept.validation_enabled);
        // Whoever says whether it is enabled means it, also where all were paused.
        kept.is_paused &= self.enabled.is_none();
        check(&kept)?;
        let model = self.model.map(|model| model.filter(|model| !model.is_empty()));
        Ok(TriggerPatch {
            name: self.name,
            instructions: self.message,
            schedule,
            is_enabled: self.enabled,
            model: model.filter(|model| *model != trigger.model),
            allowed_tools: self.allowed_tools.filter(|tools| *tools != trigger.allowed_tools),
            timeout_s: self.timeout_seconds.map(Some),
            retries_max: self.max_retries,
            retry_after_s: self.retry_delay_seconds,
            metadata: Some(kept.within(trigger.metadata.clone())),
            ..TriggerPatch::default()
        })
    }

    /// When it is due from now on, if that changes.
    fn schedule(&self, trigger: &Trigger, kept: &Kept) -> Option<Schedule> {
        let written = self.cron_expression.as_deref();
        let written = written.filter(|written| *written != cron::shown(&trigger.schedule, kept));
        let (expression, time_zone) = match (&trigger.schedule, written) {
            (Schedule::Cron { time_zone, .. }, Some(written)) => {
                (cron::for_engine(written), time_zone.clone())
            }
            (Schedule::Cron { expression, time_zone }, None) => {
                (expression.clone(), time_zone.clone())
            }
            (Schedule::Interval { .. } | Schedule::Once { .. }, written) => {
                (cron::for_engine(written?), TIME_ZONE.to_owned())
            }
        };
        let time_zone = self.timezone.clone().unwrap_or(time_zone);
        let schedule = Schedule::Cron { expression, time_zone };
        (schedule != trigger.schedule).then_some(schedule)
    }
}

fn check(kept: &Kept) -> Result<(), TrinityError> {
    for (field, text) in
        [("description", &kept.description), ("validation_prompt", &kept.validation_prompt)]
    {
        if text.as_ref().is_some_and(|text| text.len() > TEXT_MAX_BYTES) {
            let told = format!("{field}: must have at most {TEXT_MAX_BYTES} bytes");
            return Err(TrinityError::bad(told));
        }
    }
    Ok(())
}

/// The engine's refusals with the names that clients know its fields by.
pub(super) fn refused(error: CoreError) -> TrinityError {
    let CoreError::Invalid { field, reason } = error else { return error.into() };
    let field = match field {
        "expression" => return TrinityError::bad(format!("Invalid cron expression: {reason}")),
        "schedule" => return TrinityError::bad(format!("Invalid cron expression: it {reason}")),
        "instructions" => "message",
        "time_zone" => "timezone",
        "timeout_s" => "timeout_seconds",
        "retries_max" => "max_retries",
        "retry_after_s" => "retry_delay_seconds",
        "triggers" => "schedules",
        field => field,
    };
    TrinityError::bad(format!("{field}: {reason}"))
}
