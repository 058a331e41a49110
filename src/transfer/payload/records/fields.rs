//! The fields of a record that is read, leniently.

use chrono::DateTime;
use greenroom_actors::ids::{AgentId, EntityId, RoomId};
use greenroom_actors::time::UnixMillis;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::Taking;
use crate::http::instant;

/// The first and the last instant of the years 0 to 9999; others are none.
const AT_MIN_MS: i64 = -62_167_219_200_000;
const AT_MAX_MS: i64 = 253_402_300_799_999;

/// The fields of a record. Each is taken once; null is as good as absent.
pub(super) struct Fields<'a> {
    record: Map<String, Value>,
    taking: Taking<'a>,
}

impl<'a> Fields<'a> {
    pub(super) fn new(record: Map<String, Value>, taking: Taking<'a>) -> Self {
        Self { record, taking }
    }

    /// The fields of another record that becomes the same agent's.
    pub(super) fn other(&self, record: Map<String, Value>) -> Self {
        Self { record, taking: self.taking }
    }

    /// The fields of an object within.
    pub(super) fn within(&mut self, key: &str) -> Self {
        Self { record: self.plain_object(key).unwrap_or_default(), taking: self.taking }
    }

    /// A field as it stands.
    pub(super) fn look(&self, key: &str) -> Option<&Value> {
        self.record.get(key).filter(|value| !value.is_null())
    }

    pub(super) fn take(&mut self, key: &str) -> Option<Value> {
        self.record.remove(key).filter(|value| !value.is_null())
    }

    pub(super) fn text(&mut self, key: &str) -> Option<String> {
        match self.take(key)? {
            Value::String(text) => Some(text),
            _ => None,
        }
    }

    /// A text that is not empty.
    pub(super) fn word(&mut self, key: &str) -> Option<String> {
        self.text(key).filter(|text| !text.is_empty())
    }

    /// A list of texts, or one alone.
    pub(super) fn texts(&mut self, key: &str) -> Vec<String> {
        let text = |value| match value {
            Value::String(text) => Some(text),
            _ => None,
        };
        match self.take(key) {
            Some(Value::Array(texts)) => texts.into_iter().filter_map(text).collect(),
            Some(value) => text(value).into_iter().collect(),
            None => Vec::new(),
        }
    }

    pub(super) fn bool(&mut self, key: &str) -> Option<bool> {
        self.take(key)?.as_bool()
    }

    pub(super) fn count(&mut self, key: &str) -> Option<u64> {
        let value = self.take(key)?;
        let whole = || instant::whole_millis(value.as_f64()?)?.0.try_into().ok();
        value.as_u64().or_else(whole)
    }

    /// An object, the ids in it new.
    pub(super) fn object(&mut self, key: &str) -> Option<Map<String, Value>> {
        let remap = self.taking.remap;
        self.plain_object(key).map(|object| remap.rewritten(object))
    }

    /// An object as it stands.
    pub(super) fn plain_object(&mut self, key: &str) -> Option<Map<String, Value>> {
        match self.take(key)? {
            Value::Object(object) => Some(object),
            _ => None,
        }
    }

    /// The new id for one that stands under the first of these keys that is there.
    pub(super) fn id<I: From<Uuid>>(&mut self, keys: &[&str]) -> Option<I> {
        let old = keys.iter().find_map(|key| self.word(key))?;
        self.taking.remap.id(&old)
    }

    /// The record's own new id.
    pub(super) fn own_id<I: From<Uuid>>(&mut self) -> I {
        self.id(&["id"]).unwrap_or_else(|| Uuid::new_v4().into())
    }

    /// Whom the record names under these keys, or else the agent itself.
    pub(super) fn entity(&mut self, keys: &[&str]) -> EntityId {
        self.id(keys).unwrap_or_else(|| self.agent().into())
    }

    /// The room that the record names, or else the agent's own.
    pub(super) fn room(&mut self) -> RoomId {
        self.id(&["roomId", "room_id"]).unwrap_or(RoomId(self.agent().0))
    }

    /// A text that may be an id of the file.
    pub(super) fn foreign_text(&mut self, key: &str) -> Option<String> {
        let mut value = self.take(key)?;
        self.taking.remap.rewrite(&mut value);
        match value {
            Value::String(text) => Some(text),
            _ => None,
        }
    }

    /// An id that need not be one of the file.
    pub(super) fn foreign_id(&mut self, key: &str) -> Option<Uuid> {
        self.foreign_text(key)?.parse().ok()
    }

    pub(super) fn time(&mut self, keys: &[&str]) -> Option<UnixMillis> {
        keys.iter().find_map(|key| time(&self.take(key)?))
    }

    /// When the record was made; now, where it does not say.
    pub(super) fn made_at(&mut self) -> UnixMillis {
        self.time(&["createdAt", "created_at"]).unwrap_or(self.taking.now)
    }

    pub(super) fn now(&self) -> UnixMillis {
        self.taking.now
    }

    /// Whose record it becomes.
    pub(super) fn agent(&self) -> AgentId {
        self.taking.remap.agent()
    }
}

/// An instant: milliseconds, ISO 8601, or as databases write it.
pub(super) fn time(value: &Value) -> Option<UnixMillis> {
    let at = match value {
        Value::Number(number) => {
            number.as_i64().map(UnixMillis).or_else(|| instant::whole_millis(number.as_f64()?))
        }
        Value::String(text) => instant::read(text).or_else(|| {
            let at = DateTime::parse_from_str(text.trim(), "%Y-%m-%d %H:%M:%S%.f%#z").ok()?;
            Some(UnixMillis(at.timestamp_millis()))
        }),
        _ => None,
    };
    at.filter(|at| (AT_MIN_MS..=AT_MAX_MS).contains(&at.0))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn times_are_read_in_each_form_that_files_have() {
        let at = UnixMillis(1_795_315_507_886);
        for value in [
            json!(1_795_315_507_886_i64),
            json!(1_795_315_507_886.0),
            json!("1795315507886"),
            json!("2026-11-22T02:45:07.886Z"),
            json!("2026-11-22 02:45:07.886+00"),
            json!("2026-11-22 03:45:07.886+01:00"),
        ] {
            assert_eq!(time(&value), Some(at), "{value}");
        }
        for value in [json!(1e300), json!("soon"), json!({}), json!(i64::MAX), json!(true)] {
            assert_eq!(time(&value), None, "{value}");
        }
    }
}
