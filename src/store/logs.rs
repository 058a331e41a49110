//! Agents' logs.

use greenroom_actors::error::StoreError;
use greenroom_actors::ids::{AgentId, LogId};
use greenroom_actors::ports::LogQuery;
use greenroom_actors::records::LogEntry;
use rusqlite::functions::FunctionFlags;
use rusqlite::{Connection, Row, params};

use super::columns::{Columns, first, json, run};
use super::fault::{Fault, is_taken};
use super::filter::Filter;

/// Writes an entry.
pub(super) fn write(connection: &Connection, entry: &LogEntry) -> Result<u64, Fault> {
    let sql = "INSERT INTO logs (id, agent, entity, room, run, kind, body, created_at)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
    let written = run(
        connection,
        sql,
        params![
            entry.id.0,
            entry.agent_id.0,
            entry.entity_id.0,
            entry.room_id.0,
            entry.run_id.map(|id| id.0),
            entry.kind,
            json(&entry.body)?,
            entry.created_at.0,
        ],
    );
    written.map_err(|error| match is_taken(&error) {
        true => StoreError::Exists { what: "log", id: entry.id.0 }.into(),
        false => error.into(),
    })
}

/// Removes an entry.
pub(super) fn remove(connection: &Connection, agent: AgentId, id: LogId) -> rusqlite::Result<u64> {
    run(connection, "DELETE FROM logs WHERE agent = ?1 AND id = ?2", (agent.0, id.0))
}

/// One entry.
pub(super) fn log(
    connection: &Connection,
    agent: AgentId,
    id: LogId,
) -> rusqlite::Result<Option<LogEntry>> {
    first(connection, &format!("{LOG} WHERE agent = ?1 AND id = ?2"), (agent.0, id.0), read)
}

/// Entries, newest first.
pub(super) fn list(connection: &Connection, query: &LogQuery) -> rusqlite::Result<Vec<LogEntry>> {
    let excluded = (!query.exclude.is_empty()).then(|| json(&query.exclude)).transpose()?;
    Filter::new("agent = ?", query.agent_id.0)
        .and("room = ?", query.room_id.map(|id| id.0))
        .and("run = ?", query.run_id.map(|id| id.0))
        .and("kind = ?", query.kind.as_deref())
        .and("created_at >= ?", query.from.map(|at| at.0))
        .and("created_at <= ?", query.to.map(|at| at.0))
        .and("kind NOT IN (SELECT value FROM json_each(?))", excluded.as_deref())
        .and(NO_SUCH_MODEL, excluded.as_deref())
        .and_if(query.errors_only, WENT_WRONG)
        .and("instr(lowered(body), lowered(?)) > 0", query.search.as_deref())
        .newest_first("created_at", query.limit, query.offset)
        .all(connection, LOG, read)
}

/// That the type of model, where it is a text, contains none of the texts in a JSON list.
const NO_SUCH_MODEL: &str = "NOT coalesce(json_type(body, '$.modelType') = 'text'
    AND EXISTS (SELECT 1 FROM json_each(?)
                WHERE instr(lowered(body ->> '$.modelType'), lowered(value)) > 0), FALSE)";

/// As the port words it.
const WENT_WRONG: &str = "(coalesce(json_type(body, '$.error') NOT IN ('null', 'false'), FALSE)
    OR coalesce(body ->> '$.status' IN ('error', 'failed', 'timeout'), FALSE)
    OR coalesce(json_type(body, '$.result.success') = 'false', FALSE))";

/// Lets a connection lower the case of any letter; SQLite's own function knows ASCII alone.
pub(super) fn enable_lowering(connection: &Connection) -> rusqlite::Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    connection.create_scalar_function("lowered", 1, flags, |context| {
        // What is no text has no case.
        Ok(context.get_raw(0).as_str().ok().map(str::to_lowercase))
    })
}

/// The columns of an entry, in the order of [`read`].
pub(super) const LOG: &str =
    "SELECT id, agent, entity, room, run, kind, body, created_at FROM logs";

/// A row of [`LOG`].
pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<LogEntry> {
    let mut columns = Columns::of(row);
    Ok(LogEntry {
        id: columns.id()?,
        agent_id: columns.id()?,
        entity_id: columns.id()?,
        room_id: columns.id()?,
        run_id: columns.id_or_null()?,
        kind: columns.take()?,
        body: columns.json()?,
        created_at: columns.at()?,
    })
}
