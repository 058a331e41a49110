//! Agents on their way in, and the removal of those that never came.

use greenroom_actors::error::StoreError;
use greenroom_actors::ids::AgentId;
use greenroom_actors::time::UnixMillis;
use rusqlite::{Connection, params};

use super::columns::{Columns, all, first, run};
use super::fault::Fault;
use super::memories;
use super::sqlite::Writing;

/// That a row is of no agent on its way in.
pub(super) const IS_WHOLE: &str = "agent NOT IN (SELECT agent FROM imports)";

/// Rows that one removal takes, so that others do not wait long for it: a memory has rows in four
/// tables, and its words.
const SLICE: u32 = 500;

/// What an import writes beside memories: each table, and what tells one of its rows from another.
const TABLES: &[(&str, &str)] = &[
    ("logs", "number"),
    ("participants", "agent, room, entity"),
    ("components", "agent, id"),
    ("relationships", "agent, id"),
    ("rooms", "agent, id"),
    ("worlds", "agent, id"),
    ("entities", "agent, id"),
    ("tasks", "agent, id"),
    ("goals", "agent, id"),
    ("triggers", "id"),
];

/// Marks an agent as on its way in.
pub(super) fn begin(connection: &Connection, agent: AgentId, at: UnixMillis) -> Result<u64, Fault> {
    let sql = "SELECT 1 FROM agents WHERE id = ?1
               UNION ALL SELECT 1 FROM imports WHERE agent = ?1
               UNION ALL SELECT 1 FROM memories WHERE agent = ?1 LIMIT 1";
    if first(connection, sql, (agent.0,), |_| Ok(()))?.is_some() {
        return Err(StoreError::Exists { what: "agent", id: agent.0 }.into());
    }
    let sql = "INSERT INTO imports (agent, begun_at, is_open) VALUES (?1, ?2, TRUE)";
    Ok(run(connection, sql, (agent.0, at.0))?)
}

/// Takes the mark away from an agent that is whole.
pub(super) fn finish(connection: &Connection, agent: AgentId) -> Result<u64, Fault> {
    match run(connection, "DELETE FROM imports WHERE agent = ?1 AND is_open", (agent.0,))? {
        0 => Err(StoreError::Missing { what: "import", id: agent.0 }.into()),
        finished => Ok(finished),
    }
}

/// Lets nobody go on with an import, and removes some of its rows; how many, 0 if there is no such
/// import.
pub(super) fn abandon(writing: &mut Writing<'_>, agent: AgentId) -> rusqlite::Result<u64> {
    let connection = writing.connection;
    let sql = "UPDATE imports SET is_open = FALSE WHERE agent = ?1";
    if run(connection, sql, (agent.0,))? == 0 {
        return Ok(0);
    }
    let slice = u64::from(SLICE);
    let mut removed = memories::forget_some(writing, agent, SLICE)?;
    for (table, key) in TABLES {
        if removed >= slice {
            return Ok(removed);
        }
        let sql = format!(
            "DELETE FROM {table} WHERE ({key}) IN
                 (SELECT {key} FROM {table} WHERE agent = ?1 LIMIT ?2)"
        );
        let room = i64::try_from(slice - removed).unwrap_or(0);
        removed += run(connection, &sql, params![agent.0, room])?;
    }
    if removed < slice {
        removed += run(connection, "DELETE FROM imports WHERE agent = ?1", (agent.0,))?;
    }
    Ok(removed)
}

/// Leaves what an earlier boot has not finished to be removed.
pub(super) fn boot(connection: &Connection) -> rusqlite::Result<()> {
    run(connection, "UPDATE imports SET is_open = FALSE WHERE is_open", []).map(drop)
}

/// The imports that nobody goes on with.
pub(super) fn left(connection: &Connection, limit: u32) -> rusqlite::Result<Vec<AgentId>> {
    let sql = "SELECT agent FROM imports WHERE NOT is_open ORDER BY agent LIMIT ?1";
    all(connection, sql, (limit,), |row| Columns::of(row).id())
}
