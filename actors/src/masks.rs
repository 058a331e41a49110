//! Masks: what must not be told of an agent, such as the keys that it works with.
//!
//! A host that knows an agent's secrets says so through the [`Masks`] port. From then on none of them
//! is kept or told in what the agent does: every fact passes a mask on its way to the store, and so do
//! the pieces of its answers and what is handed to those who wait. The agent itself and its model see
//! what they work with.
//!
//! A secret is found as it is and as JSON text has it, and where a text was cut, what is left of one at
//! the cut. What an agent encodes otherwise on purpose is
//! not recognised.

mod facts;
mod part;
mod sieve;

use std::borrow::Cow;
use std::fmt;
use std::sync::{Arc, OnceLock};

use aho_corasick::{AhoCorasick, AhoCorasickKind};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::character::Character;
use crate::error::{CoreError, ModelError, StoreError};
use crate::facts::Fact;
use crate::ids::AgentId;
use crate::time::UnixMillis;

pub(crate) use facts::masked;
pub use part::Left;
pub use sieve::Sieve;

/// What stands in place of a secret.
pub const MASK: &str = "***";

/// Bytes of a secret below which it is none: every text holds such words by chance.
pub const SECRET_MIN_BYTES: usize = 4;

/// Bytes of one secret at most that are looked for. Of a longer one, as many of its beginning are.
pub const SECRET_MAX_BYTES: usize = 4_096;

/// Secrets of one agent at most.
pub const SECRETS_MAX: usize = 512;

/// Knows what must not be told of agents.
pub trait Masks: Send + Sync + 'static {
    /// Whether there is nothing to mask for anybody; then nothing else is asked.
    fn is_empty(&self) -> bool;

    /// The mask of an agent; `None` where it has no secrets.
    fn of(&self, agent: AgentId) -> Option<Arc<Mask>>;

    /// An agent is to have this character. Answers with what has to be kept along with it, so that its
    /// secrets are known after the next start too.
    fn met(&self, agent: AgentId, character: &Character, at: UnixMillis) -> Option<Fact>;

    /// An agent is to be removed. Answers with what has to be kept along with that.
    fn leaving(&self, agent: AgentId) -> Vec<Fact>;

    /// An agent is no more.
    fn left(&self, agent: AgentId);
}

/// Masks nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoMasks;

impl Masks for NoMasks {
    fn is_empty(&self) -> bool {
        true
    }

    fn of(&self, _: AgentId) -> Option<Arc<Mask>> {
        None
    }

    fn met(&self, _: AgentId, _: &Character, _: UnixMillis) -> Option<Fact> {
        None
    }

    fn leaving(&self, _: AgentId) -> Vec<Fact> {
        Vec::new()
    }

    fn left(&self, _: AgentId) {}
}

/// The secrets of one agent, to be found in texts.
pub struct Mask {
    /// In ascending order, each once.
    secrets: Vec<Box<str>>,
    /// Made when something is first looked through: most agents with secrets wait.
    search: OnceLock<Option<AhoCorasick>>,
}

impl fmt::Debug for Mask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Mask({} hidden)", self.secrets.len())
    }
}

impl Mask {
    /// A mask over those secrets; `None` if none of them is long enough.
    #[must_use]
    pub fn over<'a>(secrets: impl IntoIterator<Item = &'a str>) -> Option<Self> {
        let mut forms = Vec::new();
        for secret in secrets.into_iter().take(SECRETS_MAX) {
            let secret = secret.get(..secret.floor_char_boundary(SECRET_MAX_BYTES)).unwrap_or("");
            if secret.len() < SECRET_MIN_BYTES {
                continue;
            }
            if let Some(escaped) = escaped(secret) {
                forms.push(escaped.into_boxed_str());
            }
            forms.push(Box::from(secret));
        }
        forms.sort_unstable();
        forms.dedup();
        (!forms.is_empty()).then(|| Self { secrets: forms, search: OnceLock::new() })
    }

    /// The text without secrets; as it is where it holds none.
    #[must_use]
    pub fn on<'a>(&self, text: &'a str) -> Cow<'a, str> {
        with_masked(text, self.spans(text))
    }

    /// Masks a text in place.
    pub fn hide(&self, text: &mut String) {
        if let Cow::Owned(masked) = self.on(text) {
            *text = masked;
        }
    }

    /// Masks all texts in JSON, names of fields included.
    ///
    /// Ids stay whole unless all of one is a secret, since others are found by them.
    pub fn hide_in(&self, value: &mut Value) {
        match value {
            Value::String(text) => {
                if !is_id(text) || self.is_secret(text) {
                    self.hide(text);
                }
            }
            Value::Array(values) => values.iter_mut().for_each(|value| self.hide_in(value)),
            Value::Object(map) => self.hide_in_map(map),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    /// The same for an object.
    pub fn hide_in_map(&self, map: &mut Map<String, Value>) {
        map.values_mut().for_each(|value| self.hide_in(value));
        if map.keys().any(|key| matches!(self.on(key), Cow::Owned(_))) {
            let named = std::mem::take(map).into_iter();
            *map = named.map(|(key, value)| (self.on(&key).into_owned(), value)).collect();
        }
    }

    /// Masks what an error says.
    pub(crate) fn hide_in_error(&self, error: &mut CoreError) {
        match error {
            CoreError::Model(
                ModelError::Refused(text)
                | ModelError::Unavailable(text)
                | ModelError::Unsupported(text),
            )
            | CoreError::Store(StoreError::Failed(text) | StoreError::Full(text))
            | CoreError::Cancelled(text)
            | CoreError::Failed { reason: text, .. }
            | CoreError::Invalid { reason: text, .. } => self.hide(text),
            _ => {}
        }
    }

    /// Where secrets are: in order, and apart. Those that overlap are one.
    fn spans(&self, text: &str) -> Vec<(usize, usize)> {
        let mut spans: Vec<(usize, usize)> = Vec::new();
        let search = self.search.get_or_init(|| {
            // The smallest that is quick: a mask is kept as long as its agent is.
            let kind = Some(AhoCorasickKind::ContiguousNFA);
            let made = AhoCorasick::builder().kind(kind).build(self.secrets.iter().map(|s| &**s));
            made.ok()
        });
        match search {
            Some(search) => {
                for found in search.find_overlapping_iter(text) {
                    let (mut start, end) = (found.start(), found.end());
                    // Found in the order of their ends; a longer one may begin before many others.
                    while let Some(last) = spans.pop_if(|last| last.1 > start) {
                        start = start.min(last.0);
                    }
                    spans.push((start, end));
                }
            }
            // Too many to be searched for at once, which the bounds rule out: then nothing is told.
            None if !text.is_empty() => spans.push((0, text.len())),
            None => {}
        }
        spans
    }

    /// Whether some secret begins with those bytes and goes on.
    fn may_become_secret(&self, begin: &[u8]) -> bool {
        let at = self.secrets.partition_point(|secret| secret.as_bytes() < begin);
        let from = self.secrets.iter().skip(at);
        // The first is the text itself, if that is a secret.
        from.take(2)
            .any(|secret| secret.len() > begin.len() && secret.as_bytes().starts_with(begin))
    }

    /// Bytes of the longest secret.
    fn longest(&self) -> usize {
        self.secrets.iter().map(|secret| secret.len()).max().unwrap_or_default()
    }

    fn is_secret(&self, text: &str) -> bool {
        self.secrets.binary_search_by(|secret| (**secret).cmp(text)).is_ok()
    }
}

/// A text with the mask in place of those spans, which are in order and apart.
fn with_masked(text: &str, spans: Vec<(usize, usize)>) -> Cow<'_, str> {
    if spans.is_empty() {
        return Cow::Borrowed(text);
    }
    let mut masked = String::with_capacity(text.len());
    let mut end = 0;
    for span in spans {
        masked.push_str(text.get(end..span.0).unwrap_or_default());
        masked.push_str(MASK);
        end = span.1;
    }
    masked.push_str(text.get(end..).unwrap_or_default());
    Cow::Owned(masked)
}

/// A secret as JSON text has it, if that is another.
fn escaped(secret: &str) -> Option<String> {
    let text = serde_json::to_string(secret).ok()?;
    let inner = text.strip_prefix('"')?.strip_suffix('"')?;
    (inner != secret).then(|| inner.to_owned())
}

fn is_id(text: &str) -> bool {
    text.len() == 36 && Uuid::try_parse(text).is_ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn secrets_are_hidden_wherever_they_stand() {
        let mask = Mask::over(["sk-one", "one-two", "abc", "p\"q\nr", "grüße"]).unwrap();
        for (text, expected) in [
            ("", ""),
            ("nothing", "nothing"),
            ("sk-one", "***"),
            ("a sk-one, and sk-one.", "a ***, and ***."),
            ("sk-oneone-two", "******"),
            // Those that overlap are one.
            ("<sk-one-two>", "<***>"),
            // Too short to be a secret.
            ("abc", "abc"),
            ("p\"q\nr", "***"),
            (r#"{"k":"p\"q\nr"}"#, r#"{"k":"***"}"#),
            ("grüße", "***"),
            ("sk-on", "sk-on"),
        ] {
            assert_eq!(mask.on(text), expected, "{text}");
        }
        assert!(Mask::over(["", "abc"]).is_none());
        assert!(!format!("{mask:?}").contains("sk-one"));
    }

    #[test]
    fn a_secret_within_another_leaves_nothing_of_it() {
        let mask = Mask::over(["inner", "the inner part", "part two"]).unwrap();
        assert_eq!(mask.on("see the inner part two!"), "see ***!");
        assert_eq!(mask.on("see inner part"), "see *** part");
    }

    #[test]
    fn json_is_masked_in_depth_and_ids_stay_whole() {
        let id = "01890a5d-ac96-774b-bcce-b302099a8057";
        let mask = Mask::over(["9677", "sk-one"]).unwrap();
        let mut value = json!({"id": id, "list": ["sk-one", 1, null], "sk-one": {"a": "x9677"}});
        mask.hide_in(&mut value);
        assert_eq!(value, json!({"id": id, "list": ["***", 1, null], "***": {"a": "x***"}}));
        let mut value = json!(id);
        Mask::over([id]).unwrap().hide_in(&mut value);
        assert_eq!(value, json!("***"));
    }

    #[test]
    fn errors_are_masked() {
        let mask = Mask::over(["sk-one"]).unwrap();
        let mut error = CoreError::Model(ModelError::Unavailable("bad key sk-one".to_owned()));
        mask.hide_in_error(&mut error);
        assert_eq!(error.to_string(), "model: provider failed: bad key ***");
    }
}
