//! What clients say of a schedule beyond what the engine knows: kept with the trigger.

use greenroom_actors::triggers::Trigger;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Where it is among what dialects keep with a trigger.
const KEY: &str = "trinity";

/// What the engine does not know. What is absent is as usual.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Kept {
    /// When it is due, letter by letter.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) cron_expression: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) validation_prompt: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) validation_timeout_seconds: Option<u32>,
    pub(super) validation_enabled: bool,
    /// Whether it was enabled when all were paused, and is to be so again when all go on.
    pub(super) is_paused: bool,
}

impl Kept {
    pub(super) fn of(trigger: &Trigger) -> Self {
        let kept = trigger.metadata.get(KEY).cloned();
        kept.and_then(|kept| serde_json::from_value(kept).ok()).unwrap_or_default()
    }

    /// What a trigger keeps, with this in it; other dialects' part stays.
    pub(super) fn within(&self, mut metadata: Map<String, Value>) -> Map<String, Value> {
        metadata.insert(KEY.to_owned(), serde_json::to_value(self).unwrap_or_default());
        metadata
    }
}
