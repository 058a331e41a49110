//! The records of a payload: how each is written, and what is made of one that is read.
//!
//! Written is what every reader of the original that was tested accepts, the ones over its SQL store
//! included. Read is whatever the original has written: with nulls, times in three forms and fields
//! twice over.

mod agent;
mod fields;
mod gist;
mod memory;
mod own;
mod people;
mod places;
mod task;
mod trigger;

use greenroom_actors::facts::Fact;
use greenroom_actors::time::UnixMillis;
use serde_json::{Map, Value, json};

use super::Section;
use super::ids::Remap;
use fields::Fields;

pub(in crate::transfer) use agent::read_agent;
pub(super) use agent::{agent, character, merged};
pub(super) use gist::{Gist, is_empty};
pub(super) use memory::memory;
pub(super) use own::{embedding, file, goal};
pub(super) use people::{component, entity, log, missing_entity, participant, relationship};
pub(super) use places::{missing_room, room, world};
pub(super) use task::task;
pub(super) use trigger::trigger;

/// The key under which a record holds what only Greenroom knows.
const OWN: &str = "greenroom";

/// What records are read into.
#[derive(Clone, Copy)]
pub(in crate::transfer) struct Taking<'a> {
    /// The new ids.
    pub(in crate::transfer) remap: &'a Remap,
    /// The time that stands in where a record gives none.
    pub(in crate::transfer) now: UnixMillis,
    /// Triggers that an agent may have.
    pub(in crate::transfer) triggers_max: u32,
}

/// What was made of the records so far, where there may not be any number of it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct SoFar {
    triggers: u32,
    goals: usize,
}

/// What a record became.
pub(super) enum Read {
    /// Something to be kept.
    Fact(Fact),
    /// A file for the agent's workspace.
    File {
        /// Where.
        path: String,
        /// What is in it.
        content: Vec<u8>,
    },
    /// Nothing: it only stood there so that others could refer to it, or it says nothing.
    Nothing,
}

/// What a record of that list becomes. A trigger too many stays a task; an open goal too many, of which
/// all are in the prompt, is passed over.
pub(super) fn read(
    section: Section,
    record: Map<String, Value>,
    taking: Taking<'_>,
    so_far: &mut SoFar,
) -> Read {
    if is_stub(&record) {
        return Read::Nothing;
    }
    let fields = Fields::new(record, taking);
    let fact = match section {
        Section::Entities => people::read_entity(fields),
        Section::Memories => memory::read(fields),
        Section::Components => people::read_component(fields),
        Section::Rooms => places::read_room(fields),
        Section::Participants => return people::read_participant(fields),
        Section::Relationships => people::read_relationship(fields),
        Section::Worlds => places::read_world(fields),
        Section::Tasks if so_far.triggers >= taking.triggers_max => task::read(fields),
        Section::Tasks => match trigger::read(fields) {
            Ok(trigger) => {
                so_far.triggers += 1;
                trigger
            }
            Err(fields) => task::read(fields),
        },
        Section::Logs => people::read_log(fields),
        Section::Own => return own::read(fields, &mut so_far.goals),
    };
    Read::Fact(fact)
}

/// The mark of a record that stands there only so that others can refer to it.
fn stub() -> Value {
    json!({OWN: {"isStub": true}})
}

/// Whether a record only stands there so that others can refer to it.
pub(super) fn is_stub(record: &Map<String, Value>) -> bool {
    // What another reader has added to is somebody or something by now.
    let metadata = record.get("metadata").and_then(Value::as_object);
    metadata.is_some_and(|metadata| {
        let own = metadata.get(OWN).and_then(|own| own.get("isStub"));
        metadata.len() == 1 && own == Some(&Value::Bool(true))
    })
}

/// Writes a field unless it is absent.
fn put(record: &mut Map<String, Value>, key: &str, value: Option<impl Into<Value>>) {
    if let Some(value) = value {
        record.insert(key.to_owned(), value.into());
    }
}

/// The object that a `json!` made.
fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(object) => object,
        _ => Map::new(),
    }
}
