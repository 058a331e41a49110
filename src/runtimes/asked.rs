//! What a character asks of a runtime.

use greenroom_actors::character::Character;
use greenroom_actors::guardrails::Guardrails;
use serde_json::Value;

use crate::workspace::ReadOnly;

/// The setting of a character that names its runtime.
const RUNTIME: &str = "runtime";

/// Bytes of the name of a tool.
const TOOL_MAX_BYTES: usize = 256;

/// Bytes of the name of a model.
const MODEL_MAX_BYTES: usize = 200;

/// A runtime that this host knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RuntimeKind {
    /// Claude Code.
    ClaudeCode,
    /// The Gemini CLI.
    GeminiCli,
}

impl RuntimeKind {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::ClaudeCode, Self::GeminiCli];

    /// Its name, as characters and the configuration say it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ClaudeCode => "claude-code",
            Self::GeminiCli => "gemini-cli",
        }
    }

    /// Names of models that it is known to take; it takes others too.
    #[must_use]
    pub fn models(self) -> &'static [&'static str] {
        match self {
            Self::ClaudeCode => &["sonnet", "opus", "haiku"],
            Self::GeminiCli => &["gemini-2.5-pro", "gemini-2.5-flash"],
        }
    }

    /// Whether it can be told what a run must not go beyond: rules, tools, turns.
    pub(super) fn takes_bounds(self) -> bool {
        match self {
            Self::ClaudeCode => true,
            Self::GeminiCli => false,
        }
    }

    /// The one of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}

/// Words by which Claude Code knows models, beside their names.
const CLAUDE_WORDS: [&str; 4] = ["sonnet", "opus", "haiku", "opusplan"];

/// The runtime whose models are called so, whether or not there is such a model.
pub(super) fn family(model: &str) -> Option<RuntimeKind> {
    let name = model.to_ascii_lowercase();
    let word = name.split('[').next().unwrap_or_default();
    if CLAUDE_WORDS.contains(&word) || name.starts_with("claude-") {
        return Some(RuntimeKind::ClaudeCode);
    }
    name.starts_with("gemini-").then_some(RuntimeKind::GeminiCli)
}

/// What a character asks of its runtime.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wish {
    /// Which.
    pub kind: RuntimeKind,
    /// The model that it is to use; its own choice if absent.
    pub model: Option<String>,
    /// Whether it may use the host's key.
    pub uses_platform_key: bool,
    /// What it must not do.
    pub guardrails: Guardrails,
}

impl Wish {
    /// What that character asks; `None` if it asks for no runtime that this host knows.
    ///
    /// `settings.runtime` is the name, or an object with `type` and perhaps `model` and
    /// `use_platform_api_key`.
    #[must_use]
    pub fn of(character: &Character) -> Option<Self> {
        let asked = character.setting(RUNTIME)?;
        let name = asked.as_str().or_else(|| asked.get("type")?.as_str())?;
        let model = asked.get("model").and_then(Value::as_str).filter(|model| is_model(model));
        let uses_platform_key = asked.get("use_platform_api_key").and_then(Value::as_bool);
        Some(Self {
            kind: RuntimeKind::named(name)?,
            model: model.map(str::to_owned),
            uses_platform_key: uses_platform_key.unwrap_or(true),
            guardrails: guardrails(character),
        })
    }

    /// Why the program cannot be used for that character at all, where it cannot be told what the agent
    /// must not do.
    pub(super) fn unbound(&self, character: &Character) -> Option<&'static str> {
        if self.kind.takes_bounds() {
            return None;
        }
        let Guardrails { turns_chat, turns_task, disallowed_tools, .. } = Guardrails::of(character);
        if ReadOnly::of(character).is_enabled {
            Some("the program cannot be held to the read-only rule")
        } else if !disallowed_tools.is_empty() {
            Some("the program cannot be kept from tools that the agent must not use")
        } else if turns_chat.or(turns_task).is_some() {
            Some("the program cannot be held to the agent's number of turns")
        } else {
            None
        }
    }

    /// The model that the program is to use, if that is said: asked for this time, or else that of the
    /// runtime, or else the agent's own.
    #[must_use]
    pub(super) fn model_for(
        &self,
        character: &Character,
        asked: Option<&str>,
        is_hosts: impl Fn(&str) -> bool,
    ) -> Option<String> {
        // The agent's own stands in each prompt; the provider of a model names none.
        let asked = asked.filter(|asked| character.model() != Some(*asked));
        let own = character.setting("model").and_then(Value::as_str);
        let fits = |model: &&str| {
            is_model(model)
                && family(model).is_none_or(|kind| kind == self.kind)
                && !is_hosts(model)
        };
        let model = asked.filter(fits).or(self.model.as_deref()).or(own.filter(fits));
        model.map(str::to_owned)
    }
}

/// What it must not do; of the tools, those whose names can be arguments.
fn guardrails(character: &Character) -> Guardrails {
    let mut guardrails = Guardrails::of(character);
    guardrails.disallowed_tools.retain(|tool| is_tool(tool));
    guardrails
}

/// Whether a text can be the name of a model: it becomes an argument.
#[must_use]
pub fn is_model(text: &str) -> bool {
    let is_letter = |c: char| c.is_ascii_alphanumeric() || "._:/@[]-".contains(c);
    (1..=MODEL_MAX_BYTES).contains(&text.len())
        && !text.starts_with('-')
        && text.chars().all(is_letter)
}

/// Whether a text can name a tool: it becomes part of an argument, a list with commas between.
pub(super) fn is_tool(text: &str) -> bool {
    (1..=TOOL_MAX_BYTES).contains(&text.len())
        && !text.contains(|c: char| c == ',' || c.is_control())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn asked(settings: &Value) -> Option<Wish> {
        let character = json!({"name": "Ada", "settings": settings});
        Wish::of(&serde_json::from_value(character).unwrap())
    }

    #[test]
    fn a_character_asks_for_a_runtime_by_name() {
        let claude = Wish {
            kind: RuntimeKind::ClaudeCode,
            model: None,
            uses_platform_key: true,
            guardrails: Guardrails::default(),
        };
        for (settings, expected) in [
            (json!({}), None),
            (json!({"runtime": null}), None),
            (json!({"runtime": "greenroom"}), None),
            (json!({"runtime": "claude-code"}), Some(claude.clone())),
            (json!({"runtime": {"type": "claude-code", "model": null}}), Some(claude.clone())),
            (json!({"runtime": {"type": "claude-code", "model": "--evil"}}), Some(claude.clone())),
            (
                json!({"runtime": {"type": "gemini-cli", "model": "gemini-2.5-pro",
                    "use_platform_api_key": false}}),
                Some(Wish {
                    kind: RuntimeKind::GeminiCli,
                    model: Some("gemini-2.5-pro".to_owned()),
                    uses_platform_key: false,
                    ..claude.clone()
                }),
            ),
            (
                json!({"runtime": "claude-code", "guardrails": {"max_turns_chat": 5,
                    "disallowed_tools": ["Bash", "a,b", 1, "Bash(rm *)"]}}),
                Some(Wish {
                    guardrails: Guardrails {
                        turns_chat: Some(5),
                        disallowed_tools: vec!["Bash".to_owned(), "Bash(rm *)".to_owned()],
                        ..Guardrails::default()
                    },
                    ..claude
                }),
            ),
        ] {
            assert_eq!(asked(&settings), expected, "{settings}");
        }
    }
}
