//! The payload: the JSON in a file, and what its records mean here.
//!
//! A document of a hundred megabytes is neither built nor read as a whole: records are written one by
//! one as the store gives them, and read one by one. It is read twice: the [`survey`] checks all of it
//! and learns which ids there are; the [`delivery`] then hands out the records, their ids new.

mod aside;
mod bounds;
mod delivery;
mod document;
mod ids;
mod mended;
mod records;
mod survey;
mod walk;

use greenroom_actors::character::AgentRecord;
use greenroom_actors::records::Memory;
use serde::Serialize;
use serde_json::Value;

use crate::secrets::Secrets;

pub(super) use aside::Aside;
pub(super) use delivery::{Delivered, Round, deliver};
pub(super) use document::{Document, DocumentHead};
#[cfg(test)]
use ids::Remap;
pub(super) use records::{Taking, read_agent};
#[cfg(test)]
use survey::Survey;
pub(super) use survey::survey;

/// An agent and its character, as they are written.
pub(super) fn written_head(record: &AgentRecord, secrets: &Secrets) -> [String; 2] {
    let character = records::character(&record.character, Some(secrets));
    let agent = records::agent(record, &character);
    [agent, character].map(|written| Value::Object(written).to_string())
}

/// A memory as it is written.
pub(super) fn written_memory(memory: Memory) -> Value {
    records::memory(memory)
}

/// The version of payloads that are read and written.
const VERSION: u64 = 1;

/// A list of the payload, in the order in which they are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Section {
    Entities,
    Memories,
    Components,
    Rooms,
    Participants,
    Relationships,
    Worlds,
    Tasks,
    Logs,
    /// What only Greenroom has: goals, embeddings, files. Other readers pass over it.
    Own,
}

impl Section {
    const ALL: [Self; 10] = [
        Self::Entities,
        Self::Memories,
        Self::Components,
        Self::Rooms,
        Self::Participants,
        Self::Relationships,
        Self::Worlds,
        Self::Tasks,
        Self::Logs,
        Self::Own,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Entities => "entities",
            Self::Memories => "memories",
            Self::Components => "components",
            Self::Rooms => "rooms",
            Self::Participants => "participants",
            Self::Relationships => "relationships",
            Self::Worlds => "worlds",
            Self::Tasks => "tasks",
            Self::Logs => "logs",
            Self::Own => "greenroom",
        }
    }

    fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|section| section.name() == name)
    }
}

/// How many records of each kind a file holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Memories.
    pub memories: u64,
    /// Entities.
    pub entities: u64,
    /// Components.
    pub components: u64,
    /// Rooms.
    pub rooms: u64,
    /// Participants, by room.
    pub participants: u64,
    /// Relationships.
    pub relationships: u64,
    /// Worlds.
    pub worlds: u64,
    /// Tasks, triggers among them.
    pub tasks: u64,
    /// Entries of logs.
    pub logs: u64,
}

impl Counts {
    fn count(&mut self, section: Section) {
        let count = match section {
            Section::Entities => &mut self.entities,
            Section::Memories => &mut self.memories,
            Section::Components => &mut self.components,
            Section::Rooms => &mut self.rooms,
            Section::Participants => &mut self.participants,
            Section::Relationships => &mut self.relationships,
            Section::Worlds => &mut self.worlds,
            Section::Tasks => &mut self.tasks,
            Section::Logs => &mut self.logs,
            Section::Own => return,
        };
        *count = count.saturating_add(1);
    }
}

#[cfg(test)]
#[path = "payload/tests.rs"]
mod tests;
