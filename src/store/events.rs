//! Events: each agent's gap-free sequence.

use std::collections::HashMap;

use greenroom_actors::facts::{Event, EventKind, NewEvent};
use greenroom_actors::ids::AgentId;
use rusqlite::{Connection, Row};

use super::columns::{Columns, all, first, json, signed, unsigned};

/// Agents whose last number is held in memory: some 6 MiB. Beyond, the number is read from the table.
const SEQUENCES_MAX: usize = 131_072;

/// The last event number of each agent, as far as known.
#[derive(Default)]
pub(super) struct Sequences {
    last: HashMap<AgentId, u64>,
    touched: Vec<AgentId>,
}

impl Sequences {
    /// Begins a unit that [`undo`](Self::undo) can take back.
    pub(super) fn begin(&mut self) {
        self.touched.clear();
    }

    /// Forgets what was learnt since [`begin`](Self::begin).
    pub(super) fn undo(&mut self) {
        for agent in self.touched.drain(..) {
            self.last.remove(&agent);
        }
    }

    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        self.touched.clear();
        self.last.clear();
    }

    /// Forgets one agent.
    pub(super) fn forget(&mut self, agent: AgentId) {
        self.last.remove(&agent);
    }

    fn next(&mut self, connection: &Connection, agent: AgentId) -> rusqlite::Result<u64> {
        let last = match self.last.get(&agent) {
            Some(last) => *last,
            None => bounds(connection, agent)?.map_or(0, |(_, newest)| newest),
        };
        let next = last.saturating_add(1);
        if self.last.len() >= SEQUENCES_MAX && !self.last.contains_key(&agent) {
            self.last.clear();
        }
        self.last.insert(agent, next);
        self.touched.push(agent);
        Ok(next)
    }
}

/// Gives the event its number and writes it.
pub(super) fn append(
    connection: &Connection,
    sequences: &mut Sequences,
    event: NewEvent,
) -> rusqlite::Result<Event> {
    let NewEvent { agent_id, at, kind, data } = event;
    let seq = sequences.next(connection, agent_id)?;
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
    // Two questions of one aggregate each: together they would read the whole sequence.
    let sql = "SELECT (SELECT min(seq) FROM events WHERE agent = ?1),
                      (SELECT max(seq) FROM events WHERE agent = ?1)";
    let found = first(connection, sql, (agent.0,), |row| {
        Ok((row.get::<_, Option<i64>>(0)?, row.get::<_, Option<i64>>(1)?))
    })?;
    Ok(match found {
        Some((Some(oldest), Some(newest))) => Some((unsigned(oldest), unsigned(newest))),
        _ => None,
    })
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
