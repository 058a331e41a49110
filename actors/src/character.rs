//! Who an agent is: the elizaOS character document, the superset that all dialects read and write.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::error::CoreError;
use crate::ids::{self, AgentId};
use crate::lifecycle::Lifecycle;
use crate::time::UnixMillis;

/// Bytes of a handle that somebody asks for, at most: those of a label in a host name.
const HANDLE_MAX: usize = 63;

/// An elizaOS character. Absent fields stay absent, so that a document round-trips.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Character {
    /// The agent's id; derived from the name where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<AgentId>,
    /// The agent's name, not empty.
    pub name: String,
    /// A short account name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// What the model is told before anything else.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub system: Option<String>,
    /// Prompt templates by name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub templates: Option<Map<String, Value>>,
    /// Who the agent is, in sentences.
    #[serde(default)]
    pub bio: Bio,
    /// Sample conversations.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message_examples: Option<Vec<Value>>,
    /// Sample posts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub post_examples: Option<Vec<String>>,
    /// What it likes to speak of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub topics: Option<Vec<String>>,
    /// What it is like.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub adjectives: Option<Vec<String>>,
    /// Texts, files and folders it knows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub knowledge: Option<Vec<Value>>,
    /// Plugins by package name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plugins: Option<Vec<String>>,
    /// Free settings; `secrets` in it holds sealed values alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub settings: Option<Map<String, Value>>,
    /// How it writes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub style: Option<Style>,
    /// Its past, in sentences.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lore: Option<Vec<String>>,
    /// The provider it asks for; a name in the host's configuration.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model_provider: Option<String>,
    /// Keys that this version does not know, kept for the next reader.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

impl Character {
    /// A character of that name and nothing else.
    #[must_use]
    pub fn named(name: &str) -> Self {
        Self { name: name.to_owned(), ..Self::default() }
    }

    /// The id that the document gives, or else the one derived from its name.
    #[must_use]
    pub fn agent_id(&self) -> AgentId {
        self.id.unwrap_or_else(|| AgentId(ids::derived(&self.name)))
    }

    /// A setting by key, if it is there and not null.
    #[must_use]
    pub fn setting(&self, key: &str) -> Option<&Value> {
        self.settings.as_ref()?.get(key).filter(|value| !value.is_null())
    }

    /// Whose agent it is: `settings.owner`, empty for the host's own.
    #[must_use]
    pub fn owner(&self) -> &str {
        self.setting("owner").and_then(Value::as_str).unwrap_or_default()
    }

    /// The model asked for: `settings.model`, else `modelProvider`.
    #[must_use]
    pub fn model(&self) -> Option<&str> {
        self.setting("model").and_then(Value::as_str).or(self.model_provider.as_deref())
    }
}

/// Who the agent is: one text or several.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Bio {
    /// One text.
    One(String),
    /// Several sentences.
    Many(Vec<String>),
}

impl Default for Bio {
    fn default() -> Self {
        Self::Many(Vec::new())
    }
}

impl Bio {
    /// The sentences, in order.
    #[must_use]
    pub fn sentences(&self) -> &[String] {
        match self {
            Self::One(text) => std::slice::from_ref(text),
            Self::Many(texts) => texts,
        }
    }
}

/// How an agent writes, as rules in words.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Style {
    /// Everywhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub all: Option<Vec<String>>,
    /// In conversations.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chat: Option<Vec<String>>,
    /// In posts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub post: Option<Vec<String>>,
    /// Other kinds of writing.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

/// An agent as the store keeps it.
#[derive(Clone, Debug, PartialEq)]
pub struct AgentRecord {
    /// Its id.
    pub id: AgentId,
    /// Its handle: a slug of its name, unique on this host.
    pub handle: String,
    /// Who it is.
    pub character: Character,
    /// What elizaOS calls enabled; always kept, never acted upon.
    pub enabled: bool,
    /// Its durable lifecycle.
    pub lifecycle: Lifecycle,
    /// When it was created.
    pub created_at: UnixMillis,
    /// When its character last changed.
    pub updated_at: UnixMillis,
}

/// Whether that can be a handle which somebody asks for to the letter: 1 to 63 of `a-z`, `0-9`, `_`, `.`
/// and `-`, one of them a letter or a digit, and no dot at the beginning.
///
/// # Errors
/// [`CoreError::Invalid`].
pub fn check_handle(handle: &str) -> Result<(), CoreError> {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let may_be = |byte: u8| is_plain(byte) || matches!(byte, b'_' | b'.' | b'-');
    let fits = handle.len() <= HANDLE_MAX && !handle.starts_with('.');
    match fits && handle.bytes().all(may_be) && handle.bytes().any(is_plain) {
        true => Ok(()),
        false => Err(CoreError::Invalid {
            field: "handle",
            reason: format!("must be 1 to {HANDLE_MAX} of a-z, 0-9, _, . and -"),
        }),
    }
}

/// The slug of a name: lower-case letters and digits, hyphens between; at most 63 characters.
///
/// Empty if the name has no letter and no digit.
#[must_use]
pub fn slug(name: &str) -> String {
    let mut slug = String::new();
    for letter in name.chars().flat_map(char::to_lowercase) {
        if slug.len() >= 60 {
            break;
        }
        if letter.is_alphanumeric() {
            slug.push(letter);
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    slug.truncate(slug.trim_end_matches('-').len());
    slug
}

/// Lays `patch` over `target` as elizaOS does with settings: maps are merged at every depth, a key
/// set to null is removed, everything else is replaced.
pub fn merge(target: &mut Map<String, Value>, patch: &Map<String, Value>) {
    for (key, value) in patch {
        match (value, target.get_mut(key)) {
            (Value::Null, _) => {
                target.shift_remove(key);
            }
            (Value::Object(patch), Some(Value::Object(old))) => merge(old, patch),
            (Value::Object(patch), _) => {
                let mut fresh = Map::new();
                merge(&mut fresh, patch);
                target.insert(key.clone(), Value::Object(fresh));
            }
            (value, _) => {
                target.insert(key.clone(), value.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_document_round_trips_with_keys_nobody_knows() {
        let document = json!({
            "name": "Ada", "bio": "A small agent", "style": {"all": ["brief"], "mail": ["formal"]},
            "modelProvider": "local", "fresh": {"a": 1}
        });
        let character: Character = serde_json::from_value(document.clone()).unwrap();
        assert_eq!(serde_json::to_value(&character).unwrap(), document);
    }

    #[test]
    fn slugs_are_short_and_plain() {
        for (name, expected) in
            [("Full Fay", "full-fay"), ("  A -- b! ", "a-b"), ("!!!", ""), ("Émile 2", "émile-2")]
        {
            assert_eq!(slug(name), expected);
        }
        assert!(slug(&"x".repeat(500)).len() <= 63);
    }

    #[test]
    fn a_handle_that_is_asked_for_holds_what_a_path_and_a_host_name_can() {
        for good in ["a", "0", "a_b.c-d", "-a", "_9", &"x".repeat(63)] {
            assert_eq!(check_handle(good), Ok(()), "{good}");
        }
        for bad in ["", ".", "..", ".a", "---", "Ada", "a b", "a/b", "ä", "a\0", &"x".repeat(64)] {
            assert!(check_handle(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn merging_is_deep_and_null_removes() {
        let mut settings = json!({"a": 1, "nested": {"x": 1, "y": 2}}).as_object().unwrap().clone();
        let patch = json!({"a": null, "b": 2, "nested": {"x": null, "z": {"n": null}}});
        merge(&mut settings, patch.as_object().unwrap());
        assert_eq!(Value::Object(settings), json!({"nested": {"y": 2, "z": {}}, "b": 2}));
    }
}
