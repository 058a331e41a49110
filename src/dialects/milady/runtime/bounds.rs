//! How much of a value is shown.

use greenroom_actors::texts::cut;
use serde::Serialize;
use serde_json::Value;

use crate::http::query::Query;

/// What stands where more would be.
const MORE: &str = "…";

/// How much of a value is shown, as a client asks for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Bounds {
    max_depth: u32,
    max_array_length: u32,
    max_object_entries: u32,
    max_string_length: u32,
}

impl Bounds {
    /// What a query says, within what may be asked for.
    pub(super) fn of(query: &Query) -> Self {
        let number = |keys: &[&str], usual: u32, least: u32, most: u32| {
            query.count(keys).unwrap_or(usual).clamp(least, most)
        };
        Self {
            max_depth: number(&["depth", "maxDepth"], 10, 1, 24),
            max_array_length: number(&["maxArrayLength"], 1_000, 1, 5_000),
            max_object_entries: number(&["maxObjectEntries"], 1_000, 1, 5_000),
            max_string_length: number(&["maxStringLength"], 8_000, 64, 100_000),
        }
    }

    /// What of a value is within them.
    pub(super) fn cut(self, value: Value) -> Value {
        self.cut_below(value, self.max_depth)
    }

    fn cut_below(self, value: Value, depth: u32) -> Value {
        let Some(below) = depth.checked_sub(1) else {
            let is_whole = !value.is_array() && !value.is_object();
            return if is_whole { self.cut_below(value, 1) } else { MORE.into() };
        };
        match value {
            Value::String(text) if text.len() > size(self.max_string_length) => {
                format!("{}{MORE}", cut(&text, size(self.max_string_length))).into()
            }
            Value::Array(values) => {
                let shown = values.into_iter().take(size(self.max_array_length));
                shown.map(|value| self.cut_below(value, below)).collect()
            }
            Value::Object(entries) => {
                let shown = entries.into_iter().take(size(self.max_object_entries));
                let shown = shown.map(|(key, value)| (key, self.cut_below(value, below)));
                Value::Object(shown.collect())
            }
            value => value,
        }
    }
}

fn size(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_asked_for_stays_within_bounds() {
        for (query, depth, strings) in [
            ("", 10, 8_000),
            ("depth=3&maxStringLength=100", 3, 100),
            ("depth=0&maxStringLength=1", 1, 64),
            ("depth=999&maxStringLength=999999", 24, 100_000),
            ("depth=x", 10, 8_000),
        ] {
            let bounds = Bounds::of(&Query::parse(query));
            assert_eq!((bounds.max_depth, bounds.max_string_length), (depth, strings), "{query}");
        }
    }

    #[test]
    fn values_are_cut_at_every_bound() {
        let bounds = Bounds {
            max_depth: 2,
            max_array_length: 2,
            max_object_entries: 2,
            max_string_length: 3,
        };
        for (value, expected) in [
            (json!(5), json!(5)),
            (json!("abcd"), json!("abc…")),
            (json!([1, 2, 3]), json!([1, 2])),
            (json!({"a": 1, "b": 2, "c": 3}), json!({"a": 1, "b": 2})),
            (json!([[[1]]]), json!([["…"]])),
            (json!([["abcd", {}]]), json!([["abc…", "…"]])),
        ] {
            assert_eq!(bounds.cut(value.clone()), expected, "{value}");
        }
    }
}
