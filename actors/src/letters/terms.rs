//! What the writer of a letter asks of the run that deals with it.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::character::Character;
use crate::error::CoreError;

/// How a letter is to be dealt with. What is absent is as the agent and the host have it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Terms {
    /// Whether it is dealt with beside the conversation: at once where the agent has room for another,
    /// else in its turn, and knowing nothing of what was said before.
    pub is_beside: bool,
    /// Seconds that its run may take.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deadline_s: Option<u32>,
    /// Seconds that it may wait before it is begun; then it is given up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wait_max_s: Option<u32>,
    /// The model to ask.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// What the model is told beside the character.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub system: Option<String>,
    /// The tools that it may use, of those that the agent has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allowed_tools: Option<Vec<String>>,
    /// How often its model is asked at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rounds_max: Option<u32>,
    /// What its writer wants to find again with it: who asked, by which way.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub labels: Map<String, Value>,
}

impl Terms {
    /// Seconds that a run may be given: a day.
    pub const DEADLINE_MAX_S: u32 = 24 * 60 * 60;
    /// Seconds that a letter may be given to wait: a week.
    pub const WAIT_MAX_S: u32 = 7 * 24 * 60 * 60;
    /// Rounds that a run may be given.
    pub const ROUNDS_MAX: u32 = 500;
    /// Tools that may be named.
    pub const TOOLS_MAX: usize = 256;
    /// Bytes of the name of a tool or a model.
    pub const NAME_MAX_BYTES: usize = 256;
    /// Bytes of what the model is told.
    pub const SYSTEM_MAX_BYTES: usize = 64 * 1024;
    /// Bytes of all labels, as JSON.
    pub const LABELS_MAX_BYTES: usize = 8 * 1024;

    /// How long the letter may wait before it is begun.
    #[must_use]
    pub fn wait_max(&self) -> Option<Duration> {
        self.wait_max_s.map(|seconds| Duration::from_secs(u64::from(seconds)))
    }

    /// A label, if it is a text.
    #[must_use]
    pub fn label(&self, key: &str) -> Option<&str> {
        self.labels.get(key).and_then(Value::as_str)
    }

    /// Whether they are within their bounds.
    ///
    /// # Errors
    /// [`CoreError::Invalid`] with the first that is not.
    pub fn check(&self) -> Result<(), CoreError> {
        within("deadline_s", self.deadline_s, Self::DEADLINE_MAX_S)?;
        within("wait_max_s", self.wait_max_s, Self::WAIT_MAX_S)?;
        within("rounds_max", self.rounds_max, Self::ROUNDS_MAX)?;
        short("model", self.model.as_deref(), Self::NAME_MAX_BYTES)?;
        short("system", self.system.as_deref(), Self::SYSTEM_MAX_BYTES)?;
        let tools = self.allowed_tools.as_deref().unwrap_or_default();
        if tools.len() > Self::TOOLS_MAX {
            let reason = format!("must be at most {}", Self::TOOLS_MAX);
            return Err(CoreError::Invalid { field: "allowed_tools", reason });
        }
        for tool in tools {
            short("allowed_tools", Some(tool), Self::NAME_MAX_BYTES)?;
        }
        let labels = serde_json::to_string(&self.labels).unwrap_or_default();
        short("labels", Some(&labels), Self::LABELS_MAX_BYTES)
    }
}

fn within(field: &'static str, value: Option<u32>, most: u32) -> Result<(), CoreError> {
    if value.is_none_or(|value| (1..=most).contains(&value)) {
        return Ok(());
    }
    Err(CoreError::Invalid { field, reason: format!("must be 1 to {most}") })
}

fn short(field: &'static str, text: Option<&str>, max_bytes: usize) -> Result<(), CoreError> {
    if text.is_none_or(|text| text.len() <= max_bytes) {
        return Ok(());
    }
    Err(CoreError::Invalid { field, reason: format!("must have at most {max_bytes} bytes") })
}

/// How many letters an agent deals with beside its conversation, as its character says in
/// `settings.tasks`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TaskBounds {
    /// At the same time: `parallel_max`.
    pub parallel_max: u32,
    /// That wait until there is room: `waiting_max`.
    pub waiting_max: u32,
}

impl TaskBounds {
    /// Those of an agent whose character says nothing.
    pub const DEFAULT: Self = Self { parallel_max: 3, waiting_max: 50 };
    /// At the same time, at most.
    pub const PARALLEL_MAX: u32 = 10;
    /// That wait, at most.
    pub const WAITING_MAX: u32 = 200;

    /// Those of a character; what is out of its range counts as the end of it.
    #[must_use]
    pub fn of(character: &Character) -> Self {
        let number = |key: &str, default: u32, most: u32| {
            let said = character.setting("tasks").and_then(|tasks| tasks.get(key)?.as_u64());
            said.map_or(default, |said| u32::try_from(said).unwrap_or(u32::MAX).clamp(1, most))
        };
        let Self { parallel_max, waiting_max } = Self::DEFAULT;
        Self {
            parallel_max: number("parallel_max", parallel_max, Self::PARALLEL_MAX),
            waiting_max: number("waiting_max", waiting_max, Self::WAITING_MAX),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn terms_have_bounds() {
        let terms = |value| serde_json::from_value::<Terms>(value).unwrap().check();
        for fine in [
            json!({}),
            json!({"deadline_s": 86_400, "rounds_max": 500}),
            json!({"labels": {"a": 1}}),
        ] {
            assert_eq!(terms(fine.clone()), Ok(()), "{fine}");
        }
        for (wrong, field) in [
            (json!({"deadline_s": 0}), "deadline_s"),
            (json!({"deadline_s": 86_401}), "deadline_s"),
            (json!({"rounds_max": 501}), "rounds_max"),
            (json!({"model": "m".repeat(257)}), "model"),
            (json!({"allowed_tools": ["t".repeat(257)]}), "allowed_tools"),
            (json!({"allowed_tools": vec!["t"; 257]}), "allowed_tools"),
            (json!({"labels": {"a": "l".repeat(8_192)}}), "labels"),
        ] {
            let refused = terms(wrong.clone());
            let is_named =
                matches!(refused, Err(CoreError::Invalid { field: named, .. }) if named == field);
            assert!(is_named, "{refused:?} for {field}");
        }
    }

    #[test]
    fn the_character_says_how_much_is_done_at_once() {
        let mut character = Character::named("Ada");
        assert_eq!(TaskBounds::of(&character), TaskBounds::DEFAULT);
        for (said, parallel_max) in [(json!(1), 1), (json!(0), 1), (json!(99), 10), (json!("5"), 3)]
        {
            character.settings = json!({"tasks": {"parallel_max": said}}).as_object().cloned();
            assert_eq!(TaskBounds::of(&character).parallel_max, parallel_max);
        }
    }
}
