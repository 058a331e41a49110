//! Sequences of events: one of each agent and one of each channel, numbered from 1 without gaps.

use std::collections::HashMap;

use rusqlite::Connection;
use uuid::Uuid;

use super::columns::{first, unsigned};

/// Owners whose last number is held in memory: some 6 MiB. Beyond, the number is read from the table.
const OWNERS_MAX: usize = 131_072;

/// A table of numbered events.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sequence {
    /// Its name.
    pub(super) table: &'static str,
    /// The column that says whose event it is.
    pub(super) owner: &'static str,
}

/// The events of agents.
pub(super) const OF_AGENTS: Sequence = Sequence { table: "events", owner: "agent" };

/// The events of channels.
pub(super) const OF_CHANNELS: Sequence = Sequence { table: "channel_events", owner: "channel" };

impl Sequence {
    /// The numbers of the oldest and the newest.
    pub(super) fn bounds(
        self,
        connection: &Connection,
        owner: Uuid,
    ) -> rusqlite::Result<Option<(u64, u64)>> {
        let Self { table, owner: column } = self;
        // Two questions of one aggregate each: together they would read the whole sequence.
        let sql = format!(
            "SELECT (SELECT min(seq) FROM {table} WHERE {column} = ?1),
                    (SELECT max(seq) FROM {table} WHERE {column} = ?1)"
        );
        let found = first(connection, &sql, (owner,), |row| {
            Ok((row.get::<_, Option<i64>>(0)?, row.get::<_, Option<i64>>(1)?))
        })?;
        Ok(match found {
            Some((Some(oldest), Some(newest))) => Some((unsigned(oldest), unsigned(newest))),
            _ => None,
        })
    }
}

/// The last numbers, as far as known.
pub(super) struct Sequences {
    /// Of agents.
    pub(super) agents: Numbers,
    /// Of channels.
    pub(super) channels: Numbers,
}

impl Default for Sequences {
    fn default() -> Self {
        Self { agents: Numbers::of(OF_AGENTS), channels: Numbers::of(OF_CHANNELS) }
    }
}

impl Sequences {
    /// Begins a unit that [`undo`](Self::undo) can take back.
    pub(super) fn begin(&mut self) {
        self.agents.touched.clear();
        self.channels.touched.clear();
    }

    /// Forgets what was learnt since [`begin`](Self::begin).
    pub(super) fn undo(&mut self) {
        self.agents.undo();
        self.channels.undo();
    }

    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}

/// The last event number of each owner, as far as known.
pub(super) struct Numbers {
    sequence: Sequence,
    last: HashMap<Uuid, u64>,
    touched: Vec<Uuid>,
}

impl Numbers {
    fn of(sequence: Sequence) -> Self {
        Self { sequence, last: HashMap::new(), touched: Vec::new() }
    }

    /// Forgets one owner.
    pub(super) fn forget(&mut self, owner: Uuid) {
        self.last.remove(&owner);
    }

    /// The number of an owner's next event.
    pub(super) fn next(&mut self, connection: &Connection, owner: Uuid) -> rusqlite::Result<u64> {
        let last = match self.last.get(&owner) {
            Some(last) => *last,
            None => self.sequence.bounds(connection, owner)?.map_or(0, |(_, newest)| newest),
        };
        let next = last.saturating_add(1);
        if self.last.len() >= OWNERS_MAX && !self.last.contains_key(&owner) {
            self.last.clear();
        }
        self.last.insert(owner, next);
        self.touched.push(owner);
        Ok(next)
    }

    fn undo(&mut self) {
        for owner in self.touched.drain(..) {
            self.last.remove(&owner);
        }
    }
}
