//! What memories say when writing is measured: the same for the store and for its floor.

use serde_json::{Map, Value};

/// What a memory says: a line of a conversation of common length.
const TEXT: &str = "The gate of the garden is painted green, and nobody knows by whom; \
                               the neighbours have asked about it twice this week, and were told \
                               that it has always been so.";

/// The content of a memory, as a client sends it.
pub(crate) fn content() -> Map<String, Value> {
    let mut content = Map::new();
    content.insert("text".to_owned(), TEXT.into());
    content.insert("source".to_owned(), "bench".into());
    content
}
