//! What this dialect keeps with a trigger, since the engine has no word for it.

use greenroom_actors::time::UnixMillis;
use greenroom_actors::triggers::{Schedule, Trigger};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::http::instant;

/// The zone whose clock counts where none is named.
pub(super) const UTC: &str = "UTC";

/// Where it is kept in a trigger's metadata.
const KEY: &str = "milady";

/// How a trigger is scheduled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Kind {
    Interval,
    Once,
    Cron,
}

impl Kind {
    /// Any word that is not one of the others stands for cron.
    pub(super) fn of_word(word: &str) -> Self {
        match word {
            "interval" => Self::Interval,
            "once" => Self::Once,
            _ => Self::Cron,
        }
    }

    pub(super) fn of(schedule: &Schedule) -> Self {
        match schedule {
            Schedule::Interval { .. } => Self::Interval,
            Schedule::Once { .. } => Self::Once,
            Schedule::Cron { .. } => Self::Cron,
        }
    }

    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Interval => "interval",
            Self::Once => "once",
            Self::Cron => "cron",
        }
    }
}

/// What the engine does not keep of what a client said.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Kept {
    /// The time zone, where one was named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) time_zone: Option<String>,
    /// The most runs of what is due once, as said: the engine has it run one time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) max_runs: Option<u32>,
    /// The date of what is due once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) at: Option<Written>,
}

/// A date as it was written, and what was made of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Written {
    pub(super) text: String,
    pub(super) due: UnixMillis,
}

impl Kept {
    /// What is kept with that trigger; nothing, if it was made elsewhere.
    pub(super) fn of(trigger: &Trigger) -> Self {
        Self::within(&trigger.metadata)
    }

    pub(super) fn within(metadata: &Map<String, Value>) -> Self {
        let kept = metadata.get(KEY).cloned();
        kept.and_then(|kept| serde_json::from_value(kept).ok()).unwrap_or_default()
    }

    /// Whether that trigger was made or changed here.
    pub(super) fn is_with(trigger: &Trigger) -> bool {
        trigger.metadata.contains_key(KEY)
    }

    /// The metadata with it, all else as it was.
    pub(super) fn into_metadata(self, mut metadata: Map<String, Value>) -> Map<String, Value> {
        let kept = serde_json::to_value(self).unwrap_or_default();
        metadata.insert(KEY.to_owned(), kept);
        metadata
    }

    /// A date as it was written, unless it was changed elsewhere since.
    pub(super) fn written_at(&self, at: UnixMillis) -> String {
        let written = self.at.as_ref().filter(|written| written.due == at);
        written.map_or_else(|| instant::iso(at), |written| written.text.clone())
    }

    /// The most runs, as somebody said.
    pub(super) fn max_runs_of(&self, trigger: &Trigger) -> Option<u32> {
        let is_ours = Self::is_with(trigger) && Kind::of(&trigger.schedule) == Kind::Once;
        if is_ours { self.max_runs } else { trigger.max_runs }
    }

    /// The time zone that was named.
    pub(super) fn time_zone_of(&self, trigger: &Trigger) -> Option<String> {
        match &trigger.schedule {
            Schedule::Cron { time_zone, .. } if time_zone != UTC => Some(time_zone.clone()),
            Schedule::Cron { .. } => self.time_zone.clone().filter(|named| named == UTC),
            Schedule::Interval { .. } | Schedule::Once { .. } => self.time_zone.clone(),
        }
    }
}

/// Whether a trigger has run its last: such a one is gone to clients of Milady.
pub(super) fn is_spent(trigger: &Trigger) -> bool {
    let is_last = trigger.max_runs.is_some_and(|most| trigger.run_count >= most)
        || Kind::of(&trigger.schedule) == Kind::Once;
    !trigger.is_enabled && trigger.run_count > 0 && is_last
}
