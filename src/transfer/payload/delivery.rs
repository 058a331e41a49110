//! The second walk over a payload: its records, as facts about a new agent.

use std::io::Read;

use greenroom_actors::facts::Fact;
use serde_json::Value;

use super::Section;
use super::records::{self, Read as Made, SoFar, Taking};
use super::survey::Survey;
use super::walk::{Walker, walk};
use crate::transfer::error::TransferError;

/// Facts that are delivered at once, and their weight in bytes, some way off.
const SLICE: usize = 256;
const SLICE_BYTES: usize = 1024 * 1024;

/// What a value takes beside the text in it.
const VALUE_BYTES: usize = 64;

/// What is delivered.
pub(in crate::transfer) enum Delivered {
    /// Facts, in the order in which they are to be kept.
    Facts(Vec<Fact>),
    /// A file for the agent's workspace.
    File {
        /// Where.
        path: String,
        /// What is in it.
        content: Vec<u8>,
    },
}

/// The walks that it takes to deliver a payload: what refers to other records is to come after them,
/// wherever it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::transfer) enum Round {
    /// Everything, as it stands.
    Everything,
    /// What other readers know too.
    Shared,
    /// What only Greenroom has.
    Own,
}

impl Round {
    /// The rounds over that payload, in turn.
    pub(in crate::transfer) fn over(survey: &Survey) -> &'static [Self] {
        if survey.is_own_last { &[Self::Everything] } else { &[Self::Shared, Self::Own] }
    }

    fn wants(self, section: Section) -> bool {
        match self {
            Self::Everything => true,
            Self::Shared => section != Section::Own,
            Self::Own => section == Section::Own,
        }
    }
}

/// Delivers the records of a payload that was surveyed, as far as they belong to the round.
///
/// # Errors
/// What keeps it from being read, and what the taker says.
pub(in crate::transfer) fn deliver(
    unpacked: impl Read,
    round: Round,
    taking: Taking<'_>,
    taker: impl FnMut(Delivered) -> Result<(), TransferError>,
) -> Result<(), TransferError> {
    let so_far = SoFar::default();
    let mut courier = Courier { taking, taker, round, so_far, facts: Vec::new(), weight: 0 };
    walk(unpacked, &mut courier)?;
    courier.send()
}

struct Courier<'a, T> {
    taking: Taking<'a>,
    taker: T,
    round: Round,
    so_far: SoFar,
    facts: Vec<Fact>,
    weight: usize,
}

impl<T: FnMut(Delivered) -> Result<(), TransferError>> Courier<'_, T> {
    fn send(&mut self) -> Result<(), TransferError> {
        self.weight = 0;
        if self.facts.is_empty() {
            return Ok(());
        }
        (self.taker)(Delivered::Facts(std::mem::take(&mut self.facts)))
    }
}

impl<T: FnMut(Delivered) -> Result<(), TransferError>> Walker for Courier<'_, T> {
    fn field(&mut self, _: &str, _: Value) -> Result<(), TransferError> {
        Ok(())
    }

    fn is_wanted(&self, _: &str) -> bool {
        false
    }

    fn begins(&mut self, section: Section) -> bool {
        self.round.wants(section)
    }

    fn record(&mut self, section: Section, _: u64, record: Value) -> Result<(), TransferError> {
        let weight = weight(&record);
        let Value::Object(record) = record else { return Ok(()) };
        match records::read(section, record, self.taking, &mut self.so_far) {
            Made::Nothing => return Ok(()),
            Made::File { path, content } => {
                return (self.taker)(Delivered::File { path, content });
            }
            Made::Fact(fact) => self.facts.push(fact),
        }
        self.weight = self.weight.saturating_add(weight);
        if self.facts.len() >= SLICE || self.weight >= SLICE_BYTES {
            self.send()?;
        }
        Ok(())
    }

    fn is_no_list(&mut self, _: Section) {}

    fn is_no_object(&mut self) {}
}

/// What a value takes in memory, some way off.
fn weight(value: &Value) -> usize {
    let within = match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
        Value::String(text) => text.len(),
        Value::Array(values) => values.iter().map(weight).sum(),
        Value::Object(object) => object.iter().map(|(key, value)| key.len() + weight(value)).sum(),
    };
    within.saturating_add(VALUE_BYTES)
}
