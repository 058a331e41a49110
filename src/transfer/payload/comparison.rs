//! Whether two payloads say the same of an agent: a file, and what was exported after it was imported.
//!
//! Records are told apart by their ids, which the import has made new in a way that can be followed.
//! Of each only a digest is held, so that the size of a file does not matter.

use std::collections::{BTreeMap, HashMap};
use std::io::Read;

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::Section;
use super::ids::Remap;
use super::records::{Gist, merged};
use super::walk::{Walker, walk};
use crate::transfer::error::TransferError;

/// Compares a file with what was exported of the agent that was made of it.
pub(in crate::transfer) struct Comparison<'a> {
    remap: &'a Remap,
    agent: BTreeMap<String, u128>,
    lists: BTreeMap<Section, List>,
    differences: Vec<String>,
}

/// What the file holds of one kind, as far as it was not found in the copy yet.
#[derive(Default)]
struct List {
    /// By their new ids: what they say, and where they stand.
    named: HashMap<u128, (u128, u64)>,
    /// The sum over all that have no id: the same for the same records in any order.
    nameless: u128,
    changed: Places,
    /// Those of the copy that the file has not.
    added: u64,
}

/// Places in a list of the file.
#[derive(Clone, Copy, Default)]
struct Places {
    count: u64,
    first: u64,
}

impl Places {
    fn add(&mut self, place: u64) {
        self.first = if self.count == 0 { place } else { self.first.min(place) };
        self.count += 1;
    }
}

impl<'a> Comparison<'a> {
    /// A comparison with the copy whose ids were made so.
    pub(in crate::transfer) fn of(remap: &'a Remap) -> Self {
        let (agent, lists) = (BTreeMap::new(), BTreeMap::new());
        Self { remap, agent, lists, differences: Vec::new() }
    }

    /// Takes the file.
    ///
    /// # Errors
    /// What keeps it from being read.
    pub(in crate::transfer) fn original(
        &mut self,
        unpacked: impl Read,
    ) -> Result<(), TransferError> {
        let mut side = Side::of(self, true);
        walk(unpacked, &mut side)?;
        let fields = side.agent();
        self.agent = fields.iter().map(|(key, value)| (key.clone(), digest(value))).collect();
        Ok(())
    }

    /// Takes the copy, after the file.
    ///
    /// # Errors
    /// What keeps it from being read.
    pub(in crate::transfer) fn copy(&mut self, unpacked: impl Read) -> Result<(), TransferError> {
        let mut side = Side::of(self, false);
        walk(unpacked, &mut side)?;
        let fields = side.agent();
        for (key, value) in &fields {
            if self.agent.remove(key) != Some(digest(value)) {
                self.differences.push(format!("agent.{key} is not the same"));
            }
        }
        let lost = std::mem::take(&mut self.agent);
        self.differences.extend(lost.keys().map(|key| format!("agent.{key} is lost")));
        Ok(())
    }

    /// What the copy has not, or has otherwise.
    pub(in crate::transfer) fn differences(mut self) -> Vec<String> {
        for (section, list) in self.lists {
            let name = section.name();
            let mut lost = Places::default();
            list.named.values().for_each(|(_, place)| lost.add(*place));
            let mut tell = |places: Places, what: &str| {
                if let Places { count: 1.., first } = places {
                    let count = places.count;
                    self.differences.push(format!("{name}: {count} {what}, first {name}.{first}"));
                }
            };
            tell(lost, "lost");
            tell(list.changed, "not the same");
            if list.added > 0 {
                self.differences.push(format!("{name}: {} more than in the file", list.added));
            }
            if list.nameless != 0 {
                self.differences.push(format!("{name}: not the same"));
            }
        }
        self.differences
    }

    fn take(&mut self, section: Section, nth: u64, gist: Gist, is_original: bool) {
        let list = self.lists.entry(section).or_default();
        let says = digest(&Value::Object(gist.fields));
        match (gist.id, is_original) {
            (Some(id), true) => drop(list.named.insert(id, (says, nth))),
            (Some(id), false) => match list.named.remove(&id) {
                Some((said, _)) if said == says => {}
                Some((_, place)) => list.changed.add(place),
                None => list.added += 1,
            },
            (None, true) => list.nameless = list.nameless.wrapping_add(says),
            (None, false) => list.nameless = list.nameless.wrapping_sub(says),
        }
    }
}

/// A walk over one of the two.
struct Side<'a, 'b> {
    comparison: &'b mut Comparison<'a>,
    is_original: bool,
    record: Map<String, Value>,
    character: Map<String, Value>,
}

impl<'a, 'b> Side<'a, 'b> {
    fn of(comparison: &'b mut Comparison<'a>, is_original: bool) -> Self {
        Self { comparison, is_original, record: Map::new(), character: Map::new() }
    }

    /// The agent itself, without what says nothing.
    fn agent(self) -> Map<String, Value> {
        let mut fields = merged(self.record, self.character);
        if self.is_original {
            fields = self.comparison.remap.rewritten(fields);
        }
        fields.retain(|_, value| !super::records::is_empty(value));
        fields
    }
}

impl Walker for Side<'_, '_> {
    fn field(&mut self, name: &str, value: Value) -> Result<(), TransferError> {
        if let Value::Object(fields) = value {
            match name {
                "agent" => self.record = fields,
                _ => self.character = fields,
            }
        }
        Ok(())
    }

    fn is_wanted(&self, name: &str) -> bool {
        ["agent", "characterConfig"].contains(&name)
    }

    fn begins(&mut self, _: Section) -> bool {
        true
    }

    fn record(&mut self, section: Section, nth: u64, record: Value) -> Result<(), TransferError> {
        let Value::Object(record) = record else { return Ok(()) };
        let remap = self.is_original.then_some(self.comparison.remap);
        let agent = self.comparison.remap.agent();
        if let Some(gist) = Gist::of(section, record, agent, remap) {
            self.comparison.take(section, nth, gist, self.is_original);
        }
        Ok(())
    }

    fn is_no_list(&mut self, _: Section) {}

    fn is_no_object(&mut self) {}
}

/// Half a digest of a value, whatever the order of its keys.
fn digest(value: &Value) -> u128 {
    let mut hash = Sha256::new();
    feed(value, &mut hash);
    let digest: [u8; 32] = hash.finalize().into();
    digest.first_chunk().copied().map_or(0, u128::from_be_bytes)
}

fn feed(value: &Value, hash: &mut Sha256) {
    match value {
        Value::Object(object) => {
            let mut keys: Vec<_> = object.iter().collect();
            keys.sort_by_key(|(key, _)| *key);
            hash.update(b"{");
            for (key, value) in keys {
                text(key, hash);
                feed(value, hash);
            }
            hash.update(b"}");
        }
        Value::Array(values) => {
            hash.update(b"[");
            values.iter().for_each(|value| feed(value, hash));
            hash.update(b"]");
        }
        Value::String(string) => text(string, hash),
        Value::Null | Value::Bool(_) | Value::Number(_) => {
            hash.update(b"=");
            text(&value.to_string(), hash);
        }
    }
}

fn text(text: &str, hash: &mut Sha256) {
    hash.update(b"\"");
    hash.update(text.len().to_string());
    hash.update(b":");
    hash.update(text);
}

#[cfg(test)]
#[path = "comparison/tests.rs"]
mod tests;
