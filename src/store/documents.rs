//! Documents.

use greenroom_actors::documents::Document;
use rusqlite::{Connection, Row, params};

use super::columns::{Columns, all, first, json, run};

/// Writes a document, or replaces the one of its key.
pub(super) fn set(connection: &Connection, document: &Document) -> rusqlite::Result<u64> {
    let sql = "INSERT INTO documents (shelf, key, value, updated_at) VALUES (?1, ?2, ?3, ?4)
               ON CONFLICT (shelf, key) DO UPDATE
               SET value = excluded.value, updated_at = excluded.updated_at";
    let Document { shelf, key, value, updated_at } = document;
    run(connection, sql, params![shelf, key, json(value)?, updated_at.0])
}

/// Removes a document.
pub(super) fn remove(connection: &Connection, shelf: &str, key: &str) -> rusqlite::Result<u64> {
    run(connection, "DELETE FROM documents WHERE shelf = ?1 AND key = ?2", (shelf, key))
}

/// One document.
pub(super) fn document(
    connection: &Connection,
    shelf: &str,
    key: &str,
) -> rusqlite::Result<Option<Document>> {
    first(connection, &format!("{DOCUMENT} WHERE shelf = ?1 AND key = ?2"), (shelf, key), read)
}

/// The documents of a shelf whose keys begin so, by key.
pub(super) fn list(
    connection: &Connection,
    shelf: &str,
    prefix: &str,
    offset: u32,
    limit: u32,
) -> rusqlite::Result<Vec<Document>> {
    // Keys that begin so stand together, and nothing that begins so stands before the beginning itself.
    let sql = format!("{DOCUMENT} WHERE shelf = ?1 AND key >= ?2 ORDER BY key LIMIT ?4 OFFSET ?3");
    let mut found = all(connection, &sql, params![shelf, prefix, offset, limit], read)?;
    found.retain(|document| document.key.starts_with(prefix));
    Ok(found)
}

/// The columns of a document, in the order of [`read`].
const DOCUMENT: &str = "SELECT shelf, key, value, updated_at FROM documents";

/// A row of [`DOCUMENT`].
fn read(row: &Row<'_>) -> rusqlite::Result<Document> {
    let mut columns = Columns::of(row);
    Ok(Document {
        shelf: columns.take()?,
        key: columns.take()?,
        value: columns.json()?,
        updated_at: columns.at()?,
    })
}
