//! Events: each agent's gap-free sequence.

use greenroom_actors::facts::{Event, EventKind, NewEvent};
use greenroom_actors::ids::AgentId;
use rusqlite::{Connection, Row};

use super::columns::{Columns, all, json, signed};
use super::sequences::{Numbers, OF_AGENTS};

/// Gives the event its number and writes it.
pub(super) fn append(
    connection: &Connection,
    numbers: &mut Numbers,
    event: NewEvent,
) -> rusqlite::Result<Event> {
    let NewEvent { agent_id, at, kind, data } = event;
    let seq = numbers.next(connection, agent_id.0)?;
    let text = if data.is_empty() { None } else { Some(json(&data)?) };
    connection
        .prepare_cached(
            "INSERT INTO events (agent, seq, at, kind, data) VALUES (?1, ?2, ?3, ?4, ?5)",
        )?
        .execute((agent_id.0, signed(seq), at.0, kind.as_str(), text))?;
    Ok(Event { agent_id, seq, at, kind, data })
}

/// Those after a number, ascending.
pub(super) fn after(
    connection: &Connection,
    agent: AgentId,
    after: u64,
    limit: u32,
) -> rusqlite::Result<Vec<Event>> {
    let sql = "SELECT agent, seq, at, kind, data FROM events
               WHERE agent = ?1 AND seq > ?2 ORDER BY seq LIMIT ?3";
    all(connection, sql, (agent.0, signed(after), limit), read)
}

/// The numbers of the oldest and the newest.
pub(super) fn bounds(
    connection: &Connection,
    agent: AgentId,
) -> rusqlite::Result<Option<(u64, u64)>> {
    OF_AGENTS.bounds(connection, agent.0)
}

fn read(row: &Row<'_>) -> rusqlite::Result<Event> {
    let mut columns = Columns::of(row);
    let agent_id = columns.id()?;
    let seq = columns.number()?;
    let at = columns.at()?;
    let kind: String = columns.take()?;
    let kind = EventKind::named(&kind)
        .ok_or_else(|| columns.unreadable(format!("unknown kind of event: {kind}")))?;
    let data = columns.json_or_null()?.unwrap_or_default();
    Ok(Event { agent_id, seq, at, kind, data })
}
