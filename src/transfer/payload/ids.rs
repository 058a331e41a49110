//! New ids for old ones.

use std::borrow::Cow;
use std::collections::HashSet;

use greenroom_actors::ids::AgentId;
use pbkdf2::hmac::{Hmac, KeyInit, Mac};
use serde_json::{Map, Value};
use sha2::Sha256;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::transfer::error::TransferError;

/// Ids that a file may name.
const IDS_MAX: usize = 2_000_000;

/// The ids that a file names where ids belong, to be recognised elsewhere.
#[derive(Default)]
pub(super) struct KnownIds(HashSet<u128>);

impl KnownIds {
    /// Takes note of an id. Empty texts are none.
    pub(super) fn add(&mut self, id: &str) -> Result<(), TransferError> {
        if !id.is_empty() {
            self.0.insert(mark(id));
        }
        if self.0.len() > IDS_MAX {
            let limit = u64::try_from(IDS_MAX).unwrap_or(u64::MAX);
            return Err(TransferError::ContentTooLarge { what: "different ids", limit });
        }
        Ok(())
    }

    fn holds(&self, id: &str) -> bool {
        self.0.contains(&mark(id))
    }
}

/// What an id is recognised by.
fn mark(id: &str) -> u128 {
    uuid(id).map_or_else(
        || {
            use sha2::Digest;
            let digest: [u8; 32] = Sha256::digest(id.as_bytes()).into();
            first_half(digest)
        },
        |id| id.as_u128(),
    )
}

fn first_half(digest: [u8; 32]) -> u128 {
    digest.first_chunk().copied().map_or(0, u128::from_be_bytes)
}

/// Only the form with hyphens, which is the only one in use.
fn uuid(id: &str) -> Option<Uuid> {
    if id.len() == 36 { Uuid::try_parse(id).ok() } else { None }
}

/// Gives each id of a file a new one, always the same for the same.
///
/// As a map from old ids to random ones would, which is how the original does it; only that nothing
/// has to be held in memory: the new one is a function of the old one and of a key of this import.
pub(in crate::transfer) struct Remap {
    key: Zeroizing<[u8; 64]>,
    known: KnownIds,
    /// What the file calls its agent.
    source: Vec<u128>,
    agent: AgentId,
}

impl Remap {
    /// New ids for those of a file whose agent, that it calls by any of `source`, becomes `agent`.
    pub(super) fn new<'a>(
        mut known: KnownIds,
        source: impl IntoIterator<Item = &'a str>,
        agent: AgentId,
    ) -> Self {
        let source = source.into_iter().filter(|id| !id.is_empty()).map(mark);
        let source: Vec<_> = source.collect();
        known.0.extend(&source);
        Self { key: Zeroizing::new(rand::random()), known, source, agent }
    }

    /// The agent that is made of the file's.
    pub(in crate::transfer) fn agent(&self) -> AgentId {
        self.agent
    }

    /// The new id for an old one; `None` for an empty one, which stays empty.
    pub(super) fn id<I: From<Uuid>>(&self, old: &str) -> Option<I> {
        if old.is_empty() {
            return None;
        }
        if self.source.contains(&mark(old)) {
            return Some(self.agent.0.into());
        }
        let old = uuid(old).map_or(Cow::Borrowed(old), |id| Cow::Owned(id.to_string()));
        let mut code = <Hmac<Sha256> as KeyInit>::new(&(*self.key).into());
        code.update(old.as_bytes());
        let code: [u8; 32] = code.finalize().into_bytes().into();
        let id = uuid::Builder::from_random_bytes(first_half(code).to_be_bytes()).into_uuid();
        Some(id.into())
    }

    /// Rewrites each text that is an id of the file, at any depth, keys included.
    ///
    /// An id that is no UUID could be any word; it is taken for one only where its key says so.
    pub(super) fn rewrite(&self, value: &mut Value) {
        self.rewrite_under("", value);
    }

    /// The same for an object.
    pub(super) fn rewritten(&self, mut object: Map<String, Value>) -> Map<String, Value> {
        if object.keys().any(|key| uuid(key).is_some_and(|_| self.known.holds(key))) {
            let renamed = object.into_iter().map(|(key, value)| (self.renamed(key), value));
            object = renamed.collect();
        }
        for (key, value) in &mut object {
            self.rewrite_under(key, value);
        }
        object
    }

    fn rewrite_under(&self, key: &str, value: &mut Value) {
        match value {
            Value::String(text) => {
                let may_be = uuid(text).is_some() || (is_for_ids(key) && !text.is_empty());
                if may_be && self.known.holds(text) {
                    self.replace(text);
                }
            }
            Value::Array(values) => {
                values.iter_mut().for_each(|value| self.rewrite_under(key, value));
            }
            Value::Object(object) => *object = self.rewritten(std::mem::take(object)),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    fn renamed(&self, mut key: String) -> String {
        if uuid(&key).is_some() && self.known.holds(&key) {
            self.replace(&mut key);
        }
        key
    }

    fn replace(&self, text: &mut String) {
        if let Some(id) = self.id::<Uuid>(text) {
            *text = id.to_string();
        }
    }
}

/// Whether what stands under that key is an id, or a list of them.
fn is_for_ids(key: &str) -> bool {
    key == "inReplyTo" || ["Id", "Ids", "_id"].iter().any(|end| key.ends_with(end))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn ids_are_new_and_the_same_for_the_same() {
        let agent = AgentId::new();
        let (source, other) = (Uuid::now_v7().to_string(), Uuid::now_v7().to_string());
        let remap = Remap::new(KnownIds::default(), [source.as_str(), ""], agent);
        let id = |old: &str| remap.id::<Uuid>(old);
        assert_eq!(id(&source), Some(agent.0));
        assert_eq!(id(""), None);
        assert_eq!(id(&other), id(&other.to_uppercase()));
        assert_ne!(id("a"), id("b"));
        assert_eq!(id("a").unwrap().get_version_num(), 4);
        let again = Remap::new(KnownIds::default(), [source.as_str()], agent);
        assert_ne!(id("a"), again.id("a"));
    }

    #[test]
    fn only_whole_texts_that_are_known_ids_are_rewritten() {
        let mut known = KnownIds::default();
        let (person, stranger) = (Uuid::now_v7().to_string(), Uuid::now_v7().to_string());
        known.add(&person).unwrap();
        known.add("d-1").unwrap();
        let remap = Remap::new(known, [], AgentId::new());
        let new = |old: &str| remap.id::<Uuid>(old).unwrap().to_string();
        let mut value = json!({
            "roles": {&person: "OWNER", &stranger: "NONE"}, "text": "d-1", "documentId": "d-1",
            "deep": [[{"inReplyTo": person}], format!("by {person}")], "ids": [person, stranger]
        });
        remap.rewrite(&mut value);
        assert_eq!(
            value,
            json!({
                "roles": {new(&person): "OWNER", &stranger: "NONE"}, "text": "d-1",
                "documentId": new("d-1"),
                "deep": [[{"inReplyTo": new(&person)}], format!("by {person}")],
                "ids": [new(&person), stranger]
            })
        );
    }
}
