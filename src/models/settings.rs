//! What an operator says about models.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// All that is configured about models: the sections `[model]` and `[models.<name>]`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ModelsSettings {
    /// Which model is used when.
    pub model: ModelChoice,
    /// Models by the names that characters and the choice call them by.
    pub models: BTreeMap<String, ModelSettings>,
}

/// Which model is used when: the section `[model]`.
///
/// Each value is a name from `[models.<name>]`, or `doctor`, or a whole model in one line:
/// `PROVIDER:MODEL` or `PROVIDER:MODEL@URL`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ModelChoice {
    /// Answers whenever a character names no model, or one that this host does not have.
    pub default: String,
    /// Answers where little is asked, as for the title of a talk; where empty, whichever model
    /// answers for the agent otherwise.
    pub small: String,
    /// Asked in this order when the chosen model fails for a reason that may pass.
    pub fallback: Vec<String>,
    /// Turns texts into vectors; `hash` is the built-in embedder.
    pub embedder: String,
}

impl Default for ModelChoice {
    fn default() -> Self {
        Self {
            default: "doctor".to_owned(),
            small: String::new(),
            fallback: Vec::new(),
            embedder: "hash".to_owned(),
        }
    }
}

/// One model: a section `[models.<name>]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ModelSettings {
    /// Who serves it: `openai` (and all that speak as it does), `anthropic`, `gemini`, `ollama`,
    /// `openrouter`, `groq`, `mistral`, `deepseek`, `xai`, `together` or `doctor`.
    pub provider: String,
    /// What the provider calls it.
    pub model: String,
    /// Where it is served; the provider's own address if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base_url: Option<String>,
    /// The environment variable that holds the key; the provider's usual one if absent.
    ///
    /// The usual one is not sent to a `base_url` without TLS, unless it is named here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api_key_env: Option<String>,
    /// US dollars for a million tokens read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub price_input: Option<f64>,
    /// US dollars for a million tokens written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub price_output: Option<f64>,
    /// Seconds that a call may take, with all its attempts and waits: 1 to 3,600.
    pub timeout_s: u64,
    /// Attempts after the first, when the provider is busy, failed or cannot be reached: 0 to 10.
    pub retries: u32,
    /// Milliseconds before the second attempt; doubled before each further one, with jitter.
    pub retry_wait_ms: u64,
    /// Seconds that is waited at most, also when the provider asks for more: then it has failed.
    pub retry_wait_max_s: u64,
    /// Tokens of an answer, where neither character nor request says it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_tokens: Option<u32>,
    /// Tokens that it reads at once; absent: as many as the runtime gives it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub context_tokens: Option<u32>,
    /// Whether it calls tools; some servers refuse a request that offers any.
    pub calls_tools: bool,
    /// Bytes of an answer; a longer one is broken off.
    pub answer_max_bytes: usize,
    /// Dimensions asked of an embedder.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dimensions: Option<usize>,
}

impl Default for ModelSettings {
    fn default() -> Self {
        Self {
            provider: String::new(),
            model: String::new(),
            base_url: None,
            api_key_env: None,
            price_input: None,
            price_output: None,
            timeout_s: 120,
            retries: 2,
            retry_wait_ms: 500,
            retry_wait_max_s: 30,
            max_tokens: None,
            context_tokens: None,
            calls_tools: true,
            answer_max_bytes: 1024 * 1024,
            dimensions: None,
        }
    }
}

/// Settings that make no model, with the key at fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{key}: {reason}")]
pub struct ModelsError {
    /// The key at fault, as it is written in the configuration.
    pub key: String,
    /// What is wrong with it, as a lower-case fragment.
    pub reason: String,
}

impl ModelsError {
    pub(super) fn new(key: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { key: key.into(), reason: reason.into() }
    }
}

impl ModelSettings {
    /// Checks the ranges; `key` gives a field its full name.
    pub(super) fn check(&self, key: &dyn Fn(&str) -> String) -> Result<(), ModelsError> {
        let wrong = |field: &str, reason: &str| Err(ModelsError::new(key(field), reason));
        for (field, price) in
            [("price_input", self.price_input), ("price_output", self.price_output)]
        {
            if price.is_some_and(|price| !price.is_finite() || price < 0.0) {
                return wrong(field, "must be zero or more");
            }
        }
        if !(1..=3_600).contains(&self.timeout_s) {
            return wrong("timeout_s", "must be 1 to 3600");
        }
        if self.retries > 10 {
            return wrong("retries", "must be 0 to 10");
        }
        if self.retry_wait_max_s > 3_600 {
            return wrong("retry_wait_max_s", "must be 0 to 3600");
        }
        if self.max_tokens == Some(0) {
            return wrong("max_tokens", "must be 1 or more");
        }
        if self.context_tokens.is_some_and(|tokens| tokens < 256) {
            return wrong("context_tokens", "must be 256 or more");
        }
        if self.answer_max_bytes == 0 {
            return wrong("answer_max_bytes", "must be 1 or more");
        }
        if self.dimensions.is_some_and(|dimensions| !(1..=8_192).contains(&dimensions)) {
            return wrong("dimensions", "must be 1 to 8192");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_default_field_by_field_and_refuse_unknown_keys() {
        let settings: ModelsSettings = toml::from_str(
            "[model]\ndefault = \"small\"\n[models.small]\nprovider = \"openai\"\nmodel = \"m\"",
        )
        .unwrap();
        assert_eq!(settings.model.embedder, "hash");
        assert_eq!(settings.models["small"].timeout_s, 120);
        let written = toml::to_string(&settings).unwrap();
        assert_eq!(toml::from_str::<ModelsSettings>(&written).unwrap(), settings);

        for wrong in ["[model]\ndefualt = \"x\"", "[models.x]\napi_key = \"sk-1\"", "[modls]"] {
            assert!(toml::from_str::<ModelsSettings>(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn values_out_of_range_name_their_key() {
        let key = |field: &str| format!("models.x.{field}");
        let fine = ModelSettings::default;
        for (settings, expected) in [
            (ModelSettings { price_input: Some(-1.0), ..fine() }, "models.x.price_input"),
            (ModelSettings { price_output: Some(f64::NAN), ..fine() }, "models.x.price_output"),
            (ModelSettings { timeout_s: 0, ..fine() }, "models.x.timeout_s"),
            (ModelSettings { retries: 11, ..fine() }, "models.x.retries"),
            (ModelSettings { max_tokens: Some(0), ..fine() }, "models.x.max_tokens"),
            (ModelSettings { context_tokens: Some(1), ..fine() }, "models.x.context_tokens"),
            (ModelSettings { answer_max_bytes: 0, ..fine() }, "models.x.answer_max_bytes"),
            (ModelSettings { dimensions: Some(0), ..fine() }, "models.x.dimensions"),
        ] {
            assert_eq!(settings.check(&key).unwrap_err().key, expected);
        }
        assert_eq!(fine().check(&key), Ok(()));
    }
}
