//! Documents: small pieces of JSON that an API keeps, and that are no agent's.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::CoreError;
use crate::time::UnixMillis;

/// Bytes of a shelf's name at most.
const SHELF_MAX_BYTES: usize = 64;

/// Bytes of a key at most.
const KEY_MAX_BYTES: usize = 256;

/// Bytes of a document, as JSON, at most.
pub const DOCUMENT_MAX_BYTES: usize = 1024 * 1024;

/// A small piece of JSON, found by its shelf and its key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Document {
    /// Whose it is: each API has shelves of its own. 1 to 64 bytes.
    pub shelf: String,
    /// What tells it from the others of its shelf: 1 to 256 bytes.
    pub key: String,
    /// What it says: at most [`DOCUMENT_MAX_BYTES`].
    pub value: Value,
    /// When it was written.
    pub updated_at: UnixMillis,
}

impl Document {
    /// Whether it is within its bounds.
    ///
    /// # Errors
    /// [`CoreError::Invalid`], with the field that is not.
    pub fn check(&self) -> Result<(), CoreError> {
        let within = |field, bytes: usize, least: usize, most: usize| {
            if (least..=most).contains(&bytes) {
                return Ok(());
            }
            let reason = format!("must have {least} to {most} bytes");
            Err(CoreError::Invalid { field, reason })
        };
        within("shelf", self.shelf.len(), 1, SHELF_MAX_BYTES)?;
        within("key", self.key.len(), 1, KEY_MAX_BYTES)?;
        let bytes = serde_json::to_vec(&self.value).map_or(usize::MAX, |text| text.len());
        within("value", bytes, 0, DOCUMENT_MAX_BYTES)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_document_has_a_name_and_is_small() {
        let document = Document {
            shelf: "milady".into(),
            key: "config".into(),
            value: json!({"a": 1}),
            updated_at: UnixMillis(1),
        };
        assert_eq!(document.check(), Ok(()));
        let large = json!("x".repeat(DOCUMENT_MAX_BYTES));
        for (field, wrong) in [
            ("shelf", Document { shelf: String::new(), ..document.clone() }),
            ("shelf", Document { shelf: "s".repeat(65), ..document.clone() }),
            ("key", Document { key: String::new(), ..document.clone() }),
            ("key", Document { key: "k".repeat(257), ..document.clone() }),
            ("value", Document { value: large, ..document }),
        ] {
            let refused = wrong.check().unwrap_err();
            assert!(matches!(refused, CoreError::Invalid { field: at, .. } if at == field));
        }
    }
}
