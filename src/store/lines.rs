//! Agents' logs as lines of text.

use greenroom_actors::ids::AgentId;
use greenroom_actors::lines::{LINES_KEPT, LogLine};
use rusqlite::{Connection, Row};

use super::columns::{Columns, all, run};

/// Writes a line at the end of an agent's log, and removes the oldest if there are too many.
pub(super) fn write(connection: &Connection, line: &LogLine) -> rusqlite::Result<u64> {
    let LogLine { agent_id, at, text } = line;
    let sql = "INSERT INTO lines (agent, number, at, text)
               SELECT ?1, coalesce((SELECT max(number) FROM lines WHERE agent = ?1), 0) + 1, ?2, ?3
               WHERE EXISTS (SELECT 1 FROM agents WHERE id = ?1)";
    let written = run(connection, sql, (agent_id.0, at.0, text))?;
    if written > 0 {
        let sql = "DELETE FROM lines WHERE agent = ?1
                   AND number <= (SELECT max(number) FROM lines WHERE agent = ?1) - ?2";
        run(connection, sql, (agent_id.0, LINES_KEPT))?;
    }
    Ok(written)
}

/// The newest lines, oldest first.
pub(super) fn newest(
    connection: &Connection,
    agent: AgentId,
    limit: u32,
) -> rusqlite::Result<Vec<LogLine>> {
    let sql = "SELECT agent, at, text FROM lines WHERE agent = ?1 ORDER BY number DESC LIMIT ?2";
    let mut lines = all(connection, sql, (agent.0, limit), read)?;
    lines.reverse();
    Ok(lines)
}

fn read(row: &Row<'_>) -> rusqlite::Result<LogLine> {
    let mut columns = Columns::of(row);
    Ok(LogLine { agent_id: columns.id()?, at: columns.at()?, text: columns.take()? })
}
