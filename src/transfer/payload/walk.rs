//! The walk over a payload: each record is handed over as it is read, and forgotten.

use std::fmt;
use std::io::{BufReader, Read};

use serde::Deserializer as _;
use serde::de::{DeserializeSeed, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

use super::Section;
use super::bounds::Bounded;
use super::mended::Mended;
use crate::transfer::container::Fault;
use crate::transfer::error::TransferError;

/// What is told of a payload on the way.
pub(super) trait Walker {
    /// A key at the top that is none of the lists.
    ///
    /// # Errors
    /// Whatever is to end the walk.
    fn field(&mut self, name: &str, value: Value) -> Result<(), TransferError>;

    /// Whether that value is to be told; it is passed over otherwise.
    fn is_wanted(&self, name: &str) -> bool;

    /// A list begins. Answers whether its records are to be told.
    fn begins(&mut self, section: Section) -> bool;

    /// One record of a list.
    ///
    /// # Errors
    /// Whatever is to end the walk.
    fn record(&mut self, section: Section, nth: u64, record: Value) -> Result<(), TransferError>;

    /// Where a list should stand, there is none.
    fn is_no_list(&mut self, section: Section);

    /// The payload is no object.
    fn is_no_object(&mut self);
}

/// Walks over a payload.
///
/// # Errors
/// What keeps it from being unpacked, at whatever place; else where it is not JSON; else what the
/// walker says.
pub(super) fn walk(unpacked: impl Read, walker: &mut impl Walker) -> Result<(), TransferError> {
    let mut text = Bounded::of(Mended::of(unpacked));
    let mut ended = None;
    let walked = {
        let mut json = serde_json::Deserializer::from_reader(BufReader::new(&mut text));
        // The depth is bounded already.
        json.disable_recursion_limit();
        let walked = json.deserialize_any(Document { walker, ended: &mut ended });
        walked.and_then(|()| json.end())
    };
    let Err(error) = walked else { return Ok(()) };
    if let Some(ended) = ended {
        return Err(ended);
    }
    let refused = if error.is_io() {
        Fault::reported(error.into())
    } else {
        TransferError::Json(error.to_string())
    };
    if let TransferError::Json(_) = refused {
        text.get_mut().drain().map_err(Fault::reported)?;
    }
    Err(refused)
}

/// The whole payload.
struct Document<'a, W> {
    walker: &'a mut W,
    /// Why the walk ended, where the walker said so.
    ended: &'a mut Option<TransferError>,
}

impl<W: Walker> Document<'_, W> {
    fn section<'de, A: MapAccess<'de>>(
        &mut self,
        map: &mut A,
        section: Section,
    ) -> Result<(), A::Error> {
        if !self.walker.begins(section) {
            return map.next_value::<IgnoredAny>().map(drop);
        }
        let Self { walker, ended } = self;
        map.next_value_seed(List { section, walker: *walker, ended })
    }
}

/// What stands where an object or a list should.
macro_rules! others {
    ($odd:ident) => {
        fn visit_bool<E: Error>(self, _: bool) -> Result<(), E> {
            self.$odd()
        }

        fn visit_i64<E: Error>(self, _: i64) -> Result<(), E> {
            self.$odd()
        }

        fn visit_u64<E: Error>(self, _: u64) -> Result<(), E> {
            self.$odd()
        }

        fn visit_f64<E: Error>(self, _: f64) -> Result<(), E> {
            self.$odd()
        }

        fn visit_str<E: Error>(self, _: &str) -> Result<(), E> {
            self.$odd()
        }

        fn visit_unit<E: Error>(self) -> Result<(), E> {
            self.$odd()
        }
    };
}

impl<W: Walker> Document<'_, W> {
    fn odd<E>(self) -> Result<(), E> {
        self.walker.is_no_object();
        Ok(())
    }
}

impl<'de, W: Walker> Visitor<'de> for Document<'_, W> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        while let Some(name) = map.next_key::<String>()? {
            if let Some(section) = Section::named(&name) {
                self.section(&mut map, section)?;
            } else if self.walker.is_wanted(&name) {
                let told = self.walker.field(&name, map.next_value()?);
                told.map_err(|error| end(self.ended, error))?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        self.odd()
    }

    others!(odd);
}

/// One list of it.
struct List<'a, W> {
    section: Section,
    walker: &'a mut W,
    ended: &'a mut Option<TransferError>,
}

impl<W: Walker> List<'_, W> {
    fn odd<E>(self) -> Result<(), E> {
        self.walker.is_no_list(self.section);
        Ok(())
    }
}

impl<'de, W: Walker> DeserializeSeed<'de> for List<'_, W> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de, W: Walker> Visitor<'de> for List<'_, W> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let mut nth = 0_u64;
        while let Some(record) = seq.next_element()? {
            let told = self.walker.record(self.section, nth, record);
            told.map_err(|error| end(self.ended, error))?;
            nth += 1;
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        self.odd()
    }

    others!(odd);
}

/// Ends the walk for that reason.
fn end<E: Error>(ended: &mut Option<TransferError>, reason: TransferError) -> E {
    *ended = Some(reason);
    E::custom("the walk was ended")
}
