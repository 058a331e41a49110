//! How much a text of JSON holds, told before any of it is held: each value in memory costs many times
//! the two bytes that it may have been sent in.

use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// Values of one text: numbers, texts, keys and so on, and what they are in. Each of them costs some 100
/// bytes.
const VALUES_MAX: u32 = 262_144;

/// That a text is JSON, and holds no more values than can be dealt with.
///
/// # Errors
/// Where it is not, and where it does.
pub(crate) fn check(text: &[u8]) -> Result<(), serde_json::Error> {
    let left = Cell::new(VALUES_MAX);
    let mut reader = serde_json::Deserializer::from_slice(text);
    Count(&left).deserialize(&mut reader)?;
    reader.end()
}

/// Takes each value off what is left.
#[derive(Clone, Copy)]
struct Count<'a>(&'a Cell<u32>);

impl Count<'_> {
    fn one<E: Error>(self) -> Result<(), E> {
        let left = self.0.get().checked_sub(1);
        self.0.set(left.ok_or_else(|| E::custom(format_args!("more than {VALUES_MAX} values")))?);
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for Count<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Count<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<(), E> {
        self.one()
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<(), E> {
        self.one()
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<(), E> {
        self.one()
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<(), E> {
        self.one()
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<(), E> {
        self.one()
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        self.one()
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        self.one()?;
        while items.next_element_seed(self)?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        self.one()?;
        while entries.next_key_seed(self)?.is_some() {
            entries.next_value_seed(self)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_json_passes_and_nothing_else() {
        for text in
            ["1", " [] ", r#"{"a": [1, -2.5, "x", null, true, {"b": {}}]}"#, r#""\ud83d\ude00""#]
        {
            check(text.as_bytes()).unwrap();
        }
        for text in ["", "{", "[1,]", "{} {}", "nul", r#"{"a" 1}"#, "\u{1}"] {
            assert!(check(text.as_bytes()).is_err(), "{text}");
        }
        assert!(check(&b"[".repeat(100_000)).is_err());
    }

    #[test]
    fn there_are_so_many_values_and_no_more() {
        let zeros = |count: usize| format!("[{}0]", "0,".repeat(count - 2));
        let most = usize::try_from(VALUES_MAX).unwrap();
        check(zeros(most).as_bytes()).unwrap();
        let told = check(zeros(most + 1).as_bytes()).unwrap_err().to_string();
        assert!(told.starts_with("more than 262144 values"), "{told}");
    }
}
