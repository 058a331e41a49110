//! The providers of models as clients choose among them.

use serde_json::{Map, Value};

use super::error::MiladyError;
use super::pending::needs_restart;
use super::shared::Shared;
use crate::models::providers;
use crate::primary::Choice;

/// A provider in the words of a list to choose from.
pub(super) struct Provider {
    /// What the host calls it.
    pub(super) id: &'static str,
    /// The variable of its key.
    pub(super) key: Option<&'static str>,
    pub(super) name: &'static str,
    pub(super) description: &'static str,
    /// How its keys begin.
    pub(super) key_prefix: Option<&'static str>,
    /// The model that is taken where none is named.
    pub(super) model: &'static str,
}

impl Provider {
    /// What clients call it.
    pub(super) fn word(&self) -> &'static str {
        match self.id {
            "xai" => "grok",
            id => id,
        }
    }

    /// The choice of the model that is taken where none is named.
    pub(super) fn usual(&self) -> Choice {
        Choice { provider: self.id.to_owned(), model: self.model.to_owned() }
    }
}

type Words = (&'static str, &'static str, &'static str, Option<&'static str>, &'static str);

/// What is said of each: its id, its name, a description, how its keys begin, and a usual model.
const WORDS: [Words; 11] = [
    ("doctor", "Offline", "Answers by rules, without a network, a key or a bill", None, "doctor"),
    ("openai", "OpenAI", "The GPT models of OpenAI", Some("sk-"), "gpt-4o-mini"),
    ("anthropic", "Anthropic", "The Claude models", Some("sk-ant-"), "claude-haiku-4-5"),
    ("gemini", "Gemini", "Google's models", Some("AIza"), "gemini-2.5-flash"),
    ("ollama", "Ollama", "Models on this machine, without a key", None, "llama3.2"),
    ("openrouter", "OpenRouter", "Many models behind one key", Some("sk-or-"), "openrouter/auto"),
    ("groq", "Groq", "Open models, answered fast", Some("gsk_"), "llama-3.3-70b-versatile"),
    ("mistral", "Mistral", "The models of Mistral AI", None, "mistral-small-latest"),
    ("deepseek", "DeepSeek", "The models of DeepSeek", Some("sk-"), "deepseek-chat"),
    ("xai", "xAI", "The Grok models", Some("xai-"), "grok-3-mini"),
    (
        "together",
        "Together",
        "Open models, hosted",
        None,
        "meta-llama/Llama-3.3-70B-Instruct-Turbo",
    ),
];

/// All providers of the host, the one that needs nothing first.
pub(super) fn all() -> impl Iterator<Item = Provider> {
    providers().map(|(id, key)| {
        let said = WORDS.iter().find(|words| words.0 == id);
        let (_, name, description, key_prefix, model) = *said.unwrap_or(&(id, id, "", None, ""));
        Provider { id, key, name, description, key_prefix, model }
    })
}

/// The provider that a client means by that word.
pub(super) fn meant(word: &str) -> Option<Provider> {
    let word = word.trim().to_lowercase();
    let id = match word.as_str() {
        "google" | "google-genai" => "gemini",
        "grok" => "xai",
        "claude" => "anthropic",
        "local" | "offline" => "doctor",
        word => word,
    };
    all().find(|provider| provider.id == id)
}

/// Has the agent answered as was chosen. What cannot be used is told as a reason for a restart.
pub(super) async fn apply(
    shared: &Shared,
    choice: Option<&Choice>,
    config: &Map<String, Value>,
) -> Result<(), MiladyError> {
    let host = &shared.host;
    let learned = choice.map(|choice| {
        let key = choice.key(&shared.config, config);
        choice.learn(&host.models, key.as_deref().map(String::as_str))
    });
    match learned.transpose() {
        Ok(name) => Ok(host.primary.speak_by(name.as_deref()).await?),
        Err(error) => {
            needs_restart(shared, &format!("the chosen model cannot be used yet: {error}"));
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_provider_of_the_host_is_described() {
        for provider in all() {
            assert!(!provider.description.is_empty(), "{}", provider.id);
            assert!(!provider.model.is_empty(), "{}", provider.id);
        }
        assert_eq!(all().count(), WORDS.len());
        for (word, id) in [(" OpenAI ", "openai"), ("google", "gemini"), ("grok", "xai")] {
            assert_eq!(meant(word).map(|provider| provider.id), Some(id));
        }
        assert!(meant("nobody").is_none());
    }
}
