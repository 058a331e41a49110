//! The first walk over a payload: whether all of it is as it should be, and what there is.

use std::io::Read;

use serde_json::{Map, Value};

use super::ids::{KnownIds, Remap};
use super::records::is_stub;
use super::walk::{Walker, walk};
use super::{Counts, Section, VERSION};
use crate::transfer::error::TransferError;
use greenroom_actors::ids::AgentId;

/// Things that are wrong with a payload and are told one by one.
const PROBLEMS_MAX: usize = 20;

/// Keys of a record that hold ids.
const IDS: [&str; 10] = [
    "id",
    "entityId",
    "roomId",
    "worldId",
    "sourceEntityId",
    "targetEntityId",
    "entity_id",
    "room_id",
    "source_entity_id",
    "target_entity_id",
];

/// What a payload that is as it should be has been found to hold.
pub(in crate::transfer) struct Survey {
    /// What the file calls its agent.
    source: String,
    /// The agent's record.
    pub(super) agent: Map<String, Value>,
    /// The agent's character.
    pub(super) character: Option<Map<String, Value>>,
    /// How many records there are.
    pub(in crate::transfer) counts: Counts,
    /// How many of them only stand there so that others can refer to them.
    pub(in crate::transfer) stubs: Counts,
    known: KnownIds,
    /// Whether what is only Greenroom's stands behind everything else.
    pub(super) is_own_last: bool,
}

impl Survey {
    /// What the file calls its agent.
    #[cfg(test)]
    pub(super) fn source(&self) -> &str {
        &self.source
    }

    /// The name that the file gives its agent.
    pub(in crate::transfer) fn name(&self) -> &str {
        let name = self.agent.get("name").and_then(Value::as_str);
        name.filter(|name| !name.is_empty()).unwrap_or("Unknown")
    }

    /// New ids for an agent that is made of this.
    pub(in crate::transfer) fn remap(&mut self, agent: AgentId) -> Remap {
        let known = std::mem::take(&mut self.known);
        let id = self.agent.get("id").and_then(Value::as_str).unwrap_or_default();
        Remap::new(known, [self.source.as_str(), id], agent)
    }
}

/// Walks over a payload, to see whether it is as it should be.
///
/// # Errors
/// The first of these that applies: it does not unpack, it is not JSON,
/// [`TransferError::Schema`], [`TransferError::Version`].
pub(in crate::transfer) fn survey(unpacked: impl Read) -> Result<Survey, TransferError> {
    let mut surveyor = Surveyor::default();
    walk(unpacked, &mut surveyor)?;
    surveyor.result()
}

#[derive(Default)]
struct Surveyor {
    is_no_object: bool,
    version: Option<Value>,
    exported_at: Option<Value>,
    source: Option<Value>,
    agent: Option<Value>,
    character: Option<Value>,
    begun: Vec<Section>,
    counts: Counts,
    stubs: Counts,
    known: KnownIds,
    problems: Vec<String>,
    problems_untold: u64,
}

impl Surveyor {
    fn field_mut(&mut self, name: &str) -> Option<&mut Option<Value>> {
        match name {
            "version" => Some(&mut self.version),
            "exportedAt" => Some(&mut self.exported_at),
            "sourceAgentId" => Some(&mut self.source),
            "agent" => Some(&mut self.agent),
            "characterConfig" => Some(&mut self.character),
            _ => None,
        }
    }

    fn problem(&mut self, path: &str, reason: &str) {
        if self.problems.len() < PROBLEMS_MAX {
            self.problems.push(format!("{path}: {reason}"));
        } else {
            self.problems_untold += 1;
        }
    }

    fn result(mut self) -> Result<Survey, TransferError> {
        if self.is_no_object {
            return Err(TransferError::Schema("payload: must be an object".to_owned()));
        }
        let version = self.version.take().as_ref().and_then(whole).filter(|version| *version >= 1);
        if version.is_none() {
            self.problem("version", "must be a whole number of at least 1");
        }
        let exported_at = self.exported_at.take();
        self.text("exportedAt", exported_at);
        let source = self.source.take();
        let source = self.text("sourceAgentId", source);
        let Some(Value::Object(agent)) = self.agent.take() else {
            self.problem("agent", "must be an object");
            return Err(self.refused());
        };
        let character = match self.character.take() {
            None => None,
            Some(Value::Object(character)) => Some(character),
            Some(_) => {
                self.problem("characterConfig", "must be an object where it stands");
                None
            }
        };
        for section in Section::ALL {
            if section != Section::Own && !self.begun.contains(&section) {
                self.problem(section.name(), "must be a list");
            }
        }
        if !self.problems.is_empty() {
            return Err(self.refused());
        }
        match version {
            Some(version) if version > VERSION => return Err(TransferError::Version(version)),
            _ => {}
        }
        let is_own_last = self.begun.last() == Some(&Section::Own);
        let Self { counts, stubs, known, .. } = self;
        Ok(Survey { source, agent, character, counts, stubs, known, is_own_last })
    }

    fn text(&mut self, name: &str, value: Option<Value>) -> String {
        match value {
            Some(Value::String(text)) => text,
            _ => {
                self.problem(name, "must be a text");
                String::new()
            }
        }
    }

    fn refused(self) -> TransferError {
        let mut text = self.problems.join("; ");
        if self.problems_untold > 0 {
            text.push_str(&format!("; and {} more", self.problems_untold));
        }
        TransferError::Schema(text)
    }

    fn check(&mut self, section: Section, nth: u64, record: &Map<String, Value>) {
        let mut wrong = |key: &str, is_right: bool, reason: &str| {
            if !is_right {
                self.problem(&format!("{}.{nth}.{key}", section.name()), reason);
            }
        };
        let is_text = |key: &str| record.get(key).is_some_and(Value::is_string);
        match section {
            Section::Logs | Section::Own => {}
            Section::Participants => {
                wrong("entityId", is_text("entityId"), "must be a text");
                wrong("roomId", is_text("roomId"), "must be a text");
                let state = record.get("userState");
                let is_state = state.is_some_and(|state| state.is_string() || state.is_null());
                wrong("userState", is_state, "must be a text or null");
            }
            Section::Entities
            | Section::Memories
            | Section::Components
            | Section::Rooms
            | Section::Relationships
            | Section::Worlds
            | Section::Tasks => wrong("id", is_text("id"), "must be a text"),
        }
    }
}

impl Walker for Surveyor {
    fn field(&mut self, name: &str, value: Value) -> Result<(), TransferError> {
        let is_doubled = self.field_mut(name).is_some_and(|field| field.replace(value).is_some());
        if is_doubled {
            self.problem(name, "stands there twice");
        }
        Ok(())
    }

    fn is_wanted(&self, name: &str) -> bool {
        ["version", "exportedAt", "sourceAgentId", "agent", "characterConfig"].contains(&name)
    }

    fn begins(&mut self, section: Section) -> bool {
        let is_doubled = self.begun.contains(&section);
        if is_doubled {
            self.problem(section.name(), "stands there twice");
        } else {
            self.begun.push(section);
        }
        !is_doubled
    }

    fn record(&mut self, section: Section, nth: u64, record: Value) -> Result<(), TransferError> {
        self.counts.count(section);
        let Value::Object(record) = record else {
            self.problem(&format!("{}.{nth}", section.name()), "must be an object");
            return Ok(());
        };
        self.check(section, nth, &record);
        if is_stub(&record) {
            self.stubs.count(section);
        }
        for id in IDS.iter().filter_map(|key| record.get(*key)?.as_str()) {
            self.known.add(id)?;
        }
        if section == Section::Tasks {
            let trigger = record.get("metadata").and_then(|metadata| metadata.get("trigger"));
            if let Some(id) = trigger.and_then(|trigger| trigger.get("triggerId")?.as_str()) {
                self.known.add(id)?;
            }
        }
        Ok(())
    }

    fn is_no_list(&mut self, section: Section) {
        self.problem(section.name(), "must be a list");
    }

    fn is_no_object(&mut self) {
        self.is_no_object = true;
    }
}

/// A whole number, however it is written.
fn whole(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| {
        let number = value.as_f64().filter(|number| number.fract() == 0.0)?;
        format!("{number:.0}").parse().ok()
    })
}
