//! Guardrails: what a person lets an agent's runs not go beyond.

use serde_json::Value;

use crate::character::Character;

/// The setting of a character that holds them.
const SETTING: &str = "guardrails";

/// What an agent's runs must not go beyond, as `settings.guardrails` of its character says. What is
/// absent there, or not what it should be, bounds nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Guardrails {
    /// `max_turns_chat`: how often the model is asked in a run of the conversation.
    pub turns_chat: Option<u32>,
    /// `max_turns_task`: the same in a task beside it.
    pub turns_task: Option<u32>,
    /// `execution_timeout_sec`: seconds that a run may take, where nothing else says it.
    pub timeout_s: Option<u32>,
    /// `disallowed_tools`: tools that it must not use, by their names.
    pub disallowed_tools: Vec<String>,
}

impl Guardrails {
    /// Tools that are named at most.
    pub const TOOLS_MAX: usize = 50;

    /// Those of a character.
    #[must_use]
    pub fn of(character: &Character) -> Self {
        let Some(said) = character.setting(SETTING) else { return Self::default() };
        let number = |key| {
            let number = said.get(key).and_then(Value::as_u64);
            number.and_then(|number| u32::try_from(number).ok()).filter(|number| *number > 0)
        };
        let tools = said.get("disallowed_tools").and_then(Value::as_array);
        let tools = tools.into_iter().flatten().filter_map(Value::as_str);
        Self {
            turns_chat: number("max_turns_chat"),
            turns_task: number("max_turns_task"),
            timeout_s: number("execution_timeout_sec"),
            disallowed_tools: tools.take(Self::TOOLS_MAX).map(str::to_owned).collect(),
        }
    }

    /// How often the model is asked at most in a run, beside the conversation or not.
    #[must_use]
    pub fn turns(&self, is_beside: bool) -> Option<u32> {
        if is_beside { self.turns_task } else { self.turns_chat }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_said_wrongly_bounds_nothing() {
        let mut character = Character::named("Ada");
        assert_eq!(Guardrails::of(&character), Guardrails::default());
        character.settings = json!({"guardrails": {
            "max_turns_chat": 5, "max_turns_task": "7", "execution_timeout_sec": 0,
            "disallowed_tools": ["a", 1, "b"],
        }})
        .as_object()
        .cloned();
        let guardrails = Guardrails::of(&character);
        let expected = Guardrails {
            turns_chat: Some(5),
            disallowed_tools: vec!["a".to_owned(), "b".to_owned()],
            ..Guardrails::default()
        };
        assert_eq!(guardrails, expected);
        assert_eq!((guardrails.turns(false), guardrails.turns(true)), (Some(5), None));
    }
}
