//! Providers, and how one line of configuration becomes a model at one of them.

use genai::adapter::AdapterKind;
use reqwest::Url;
use zeroize::Zeroizing;

use super::settings::{ModelSettings, ModelsError};

/// Looks up an environment variable.
pub(super) type Env<'a> = dyn Fn(&str) -> Option<String> + 'a;

/// A provider: how it speaks, where it is, which variables its users set.
struct Known {
    name: &'static str,
    adapter: AdapterKind,
    base_url: &'static str,
    key_env: Option<&'static str>,
    base_url_env: Option<&'static str>,
}

const fn known(
    name: &'static str,
    adapter: AdapterKind,
    base_url: &'static str,
    key_env: &'static str,
) -> Known {
    Known { name, adapter, base_url, key_env: Some(key_env), base_url_env: None }
}

/// All providers but the built-in one. Whoever speaks as OpenAI does needs no entry of its own:
/// `openai` with a `base_url` reaches it.
const PROVIDERS: [Known; 10] = [
    Known {
        base_url_env: Some("OPENAI_BASE_URL"),
        ..known("openai", AdapterKind::OpenAI, "https://api.openai.com/v1/", "OPENAI_API_KEY")
    },
    Known {
        base_url_env: Some("ANTHROPIC_BASE_URL"),
        ..known(
            "anthropic",
            AdapterKind::Anthropic,
            "https://api.anthropic.com/v1/",
            "ANTHROPIC_API_KEY",
        )
    },
    known(
        "gemini",
        AdapterKind::Gemini,
        "https://generativelanguage.googleapis.com/v1beta/",
        "GEMINI_API_KEY",
    ),
    // Its OpenAI-compatible side: one way of speaking less to keep right.
    Known {
        name: "ollama",
        adapter: AdapterKind::OpenAI,
        base_url: "http://127.0.0.1:11434/v1/",
        key_env: None,
        base_url_env: None,
    },
    known(
        "openrouter",
        AdapterKind::OpenRouter,
        "https://openrouter.ai/api/v1/",
        "OPENROUTER_API_KEY",
    ),
    known("groq", AdapterKind::Groq, "https://api.groq.com/openai/v1/", "GROQ_API_KEY"),
    known("mistral", AdapterKind::Mistral, "https://api.mistral.ai/v1/", "MISTRAL_API_KEY"),
    known("deepseek", AdapterKind::DeepSeek, "https://api.deepseek.com/v1/", "DEEPSEEK_API_KEY"),
    known("xai", AdapterKind::Xai, "https://api.x.ai/v1/", "XAI_API_KEY"),
    known("together", AdapterKind::Together, "https://api.together.xyz/v1/", "TOGETHER_API_KEY"),
];

/// The providers by name, each with the variable of its key if it takes one; the built-in one first.
pub(super) fn providers() -> impl Iterator<Item = (&'static str, Option<&'static str>)> {
    let known = PROVIDERS.iter().map(|known| (known.name, known.key_env));
    std::iter::once((super::doctor::NAME, None)).chain(known)
}

/// A model at a provider: all that a call needs to know.
pub(super) struct Target {
    pub(super) adapter: AdapterKind,
    /// Ends with a slash.
    pub(super) base_url: Url,
    pub(super) model: String,
    pub(super) key: Option<Zeroizing<String>>,
}

/// Where settings were written, so that an error can name the key.
pub(super) enum Source<'a> {
    /// In a table `[models.<name>]`.
    Table(&'a str),
    /// In one line, under this key.
    Line(&'a str),
}

impl Source<'_> {
    /// The full name of a field.
    pub(super) fn key(&self, field: &str) -> String {
        match self {
            Self::Table(name) => format!("models.{name}.{field}"),
            Self::Line(key) => (*key).to_owned(),
        }
    }
}

/// Reads `PROVIDER:MODEL` or `PROVIDER:MODEL@URL`; `None` if it is neither.
///
/// A model's own name may hold colons and at-signs.
pub(super) fn parse(line: &str) -> Option<ModelSettings> {
    let (provider, rest) = line.split_once(':')?;
    let url_at = rest.find("@http://").or_else(|| rest.find("@https://"));
    let (model, base_url) = match url_at.and_then(|at| rest.split_at_checked(at)) {
        Some((model, url)) => (model, Some(url.trim_start_matches('@').to_owned())),
        None => (rest, None),
    };
    let is_whole = !provider.is_empty() && !model.is_empty() && !model.starts_with("//");
    let (provider, model) = (provider.to_owned(), model.to_owned());
    is_whole.then(|| ModelSettings { provider, model, base_url, ..ModelSettings::default() })
}

/// Finds out where the model is and which key it takes.
pub(super) fn resolve(
    settings: &ModelSettings,
    at: &Source<'_>,
    env: &Env<'_>,
) -> Result<Target, ModelsError> {
    let known =
        PROVIDERS.iter().find(|known| known.name == settings.provider).ok_or_else(|| {
            let names: Vec<_> = PROVIDERS.iter().map(|known| known.name).collect();
            let reason = format!(
                "no provider `{}`; there are doctor, {}",
                settings.provider,
                names.join(", ")
            );
            ModelsError::new(at.key("provider"), reason)
        })?;
    if settings.model.trim().is_empty() {
        return Err(ModelsError::new(at.key("model"), "must not be empty"));
    }
    let variable =
        |name: &str| env(name).map(|value| value.trim().to_owned()).filter(|v| !v.is_empty());
    let (base_url, is_own) = match (&settings.base_url, known.base_url_env) {
        (Some(url), _) => (address(url, &at.key("base_url"))?, false),
        (None, Some(name)) => match variable(name) {
            Some(url) => (address(&url, name)?, true),
            None => (address(known.base_url, name)?, true),
        },
        (None, None) => (address(known.base_url, &at.key("base_url"))?, true),
    };
    let key = match (&settings.api_key_env, known.key_env) {
        (Some(name), _) => Some(variable(name).ok_or_else(|| {
            let reason = format!("the environment variable {name} is not set");
            ModelsError::new(at.key("api_key_env"), reason)
        })?),
        // A key that nobody named for this address is not sent where anybody could read it.
        (None, Some(_)) if !is_own && base_url.scheme() != "https" => None,
        (None, Some(name)) => variable(name),
        (None, None) => None,
    };
    let usual = address(known.base_url, "base_url")?;
    if let (None, Some(name), true) = (&key, known.key_env, base_url == usual) {
        let reason = format!("needs a key: the environment variable {name} is not set");
        return Err(ModelsError::new(at.key("api_key_env"), reason));
    }
    if key.as_ref().is_some_and(|key| !key.chars().all(|letter| letter.is_ascii_graphic())) {
        let reason = "the key has characters that no key has";
        return Err(ModelsError::new(at.key("api_key_env"), reason));
    }
    let (adapter, model) = (known.adapter, settings.model.clone());
    Ok(Target { adapter, base_url, model, key: key.map(Zeroizing::new) })
}

/// Reads a base URL: `http` or `https`, with a slash at its end, and `/v1/` if it has no path.
fn address(text: &str, key: &str) -> Result<Url, ModelsError> {
    let wrong = |reason: &str| ModelsError::new(key, reason);
    let mut url = match Url::parse(text) {
        Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => url,
        _ => return Err(wrong("must be an http or https address")),
    };
    // Addresses end up in logs; keys have a place of their own.
    if !url.username().is_empty() || url.password().is_some() {
        return Err(wrong("must not hold credentials; use api_key_env"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(wrong("must not have a query or a fragment"));
    }
    let path = match url.path().trim_end_matches('/') {
        "" => "/v1/".to_owned(),
        path => format!("{path}/"),
    };
    url.set_path(&path);
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(name: &str) -> Option<String> {
        let value = match name {
            "OPENAI_API_KEY" => "sk-open",
            "ANTHROPIC_BASE_URL" => "http://10.0.0.7:9",
            "MY_KEY" => " sk-mine\n",
            "BROKEN" => "sk with spaces",
            _ => return None,
        };
        Some(value.to_owned())
    }

    fn resolved(settings: &ModelSettings) -> Result<(String, Option<String>), ModelsError> {
        let target = resolve(settings, &Source::Table("m"), &env)?;
        Ok((target.base_url.to_string(), target.key.map(|key| key.as_str().to_owned())))
    }

    #[test]
    fn a_model_is_one_line() {
        for (line, expected) in [
            ("openai:gpt-4o-mini", Some(("openai", "gpt-4o-mini", None))),
            ("ollama:llama3:8b", Some(("ollama", "llama3:8b", None))),
            (
                "openai:tiny@http://[::1]:81/v1",
                Some(("openai", "tiny", Some("http://[::1]:81/v1"))),
            ),
            ("openai:a@b@https://h/x", Some(("openai", "a@b", Some("https://h/x")))),
            ("doctor", None),
            ("openai:", None),
            (":gpt", None),
            ("openai:@http://h", None),
            ("http://127.0.0.1:8081/v1", None),
        ] {
            let parsed = parse(line);
            let found = parsed
                .as_ref()
                .map(|m| (m.provider.as_str(), m.model.as_str(), m.base_url.as_deref()));
            assert_eq!(found, expected, "{line}");
        }
    }

    #[test]
    fn addresses_and_keys_come_from_settings_environment_and_provider() {
        let line = |line: &str| parse(line).unwrap();
        let named = |base_url: &str, name: &str| ModelSettings {
            api_key_env: Some(name.to_owned()),
            ..line(&format!("openai:m@{base_url}"))
        };
        for (settings, url, key) in [
            (line("openai:m"), "https://api.openai.com/v1/", Some("sk-open")),
            (line("openai:m@https://proxy/llm"), "https://proxy/llm/", Some("sk-open")),
            (line("openai:m@http://127.0.0.1:81"), "http://127.0.0.1:81/v1/", None),
            (
                named("http://127.0.0.1:81/v1/", "MY_KEY"),
                "http://127.0.0.1:81/v1/",
                Some("sk-mine"),
            ),
            (line("anthropic:m"), "http://10.0.0.7:9/v1/", None),
            (line("ollama:m"), "http://127.0.0.1:11434/v1/", None),
        ] {
            let expected = (url.to_owned(), key.map(str::to_owned));
            assert_eq!(resolved(&settings), Ok(expected));
        }
    }

    #[test]
    fn errors_name_the_key_at_fault_and_hold_no_secret() {
        let line = |line: &str| parse(line).unwrap();
        let keyed = |name: &str| ModelSettings {
            api_key_env: Some(name.to_owned()),
            ..line("openai:m@http://h")
        };
        for (settings, key) in [
            (line("opneai:m"), "models.m.provider"),
            (ModelSettings { model: " ".into(), ..line("openai:m") }, "models.m.model"),
            (line("gemini:m"), "models.m.api_key_env"),
            (keyed("ABSENT"), "models.m.api_key_env"),
            (keyed("BROKEN"), "models.m.api_key_env"),
            (line("openai:m@http://me:pass@h/v1"), "models.m.base_url"),
            (line("openai:m@http://h/v1?key=pass"), "models.m.base_url"),
            (
                ModelSettings { base_url: Some("h:81".into()), ..line("openai:m") },
                "models.m.base_url",
            ),
        ] {
            let error = resolved(&settings).unwrap_err();
            assert_eq!(error.key, key);
            let text = error.to_string();
            assert!(!text.contains("pass") && !text.contains("sk "), "{text}");
        }
        let at_line = resolve(&line("x:m"), &Source::Line("model.default"), &env);
        assert_eq!(at_line.err().map(|error| error.key).as_deref(), Some("model.default"));
    }
}
