//! How all of it is kept: as documents of one shelf, each area under a prefix of its own.

use greenroom_actors::documents::Document;
use greenroom_actors::error::{CoreError, StoreError};
use greenroom_actors::facts::Fact;
use greenroom_actors::registry::Registry;
use serde::Serialize;
use serde::de::DeserializeOwned;

const SHELF: &str = "trinity";

/// Documents that are read at once.
const PAGE: u32 = 500;

/// Facts that are kept at once where many documents go.
const BATCH: usize = 500;

/// That a document says so from now on.
pub(super) fn set(
    registry: &Registry,
    key: String,
    value: &impl Serialize,
) -> Result<Fact, CoreError> {
    let value = serde_json::to_value(value)
        .map_err(|error| CoreError::Store(StoreError::Failed(error.to_string())))?;
    let updated_at = registry.clock().now();
    Ok(Fact::DocumentSet(Box::new(Document { shelf: SHELF.to_owned(), key, value, updated_at })))
}

/// That a document is there no longer.
pub(super) fn gone(key: String) -> Fact {
    Fact::DocumentRemoved { shelf: SHELF.to_owned(), key }
}

/// Removes documents, some at a time.
pub(super) async fn clear(registry: &Registry, keys: Vec<String>) -> Result<(), CoreError> {
    for keys in keys.chunks(BATCH) {
        registry.keep(keys.iter().cloned().map(gone).collect()).await?;
    }
    Ok(())
}

/// One document, if it is there and can be read.
pub(super) async fn one<T: DeserializeOwned>(
    registry: &Registry,
    key: &str,
) -> Result<Option<T>, CoreError> {
    let found = registry.store().document(SHELF, key).await?;
    Ok(found.and_then(|document| read(document)))
}

/// Every document under a prefix, one after the other; one that cannot be read is told in the log and
/// left out.
pub(super) async fn each<T: DeserializeOwned>(
    registry: &Registry,
    prefix: &str,
    mut take: impl FnMut(String, T),
) -> Result<(), CoreError> {
    let mut offset = 0;
    loop {
        let page = registry.store().documents(SHELF, prefix, offset, PAGE).await?;
        let count = u32::try_from(page.len()).unwrap_or(PAGE);
        for document in page {
            let key = document.key.clone();
            if let Some(value) = read(document) {
                take(key, value);
            }
        }
        if count < PAGE {
            return Ok(());
        }
        offset = offset.saturating_add(count);
    }
}

fn read<T: DeserializeOwned>(document: Document) -> Option<T> {
    let Document { key, value, .. } = document;
    let read = serde_json::from_value(value);
    read.inspect_err(|error| tracing::error!(key, %error, "a document cannot be read")).ok()
}
