//! Questions with conditions that may be absent.

use greenroom_actors::ids::RoomId;
use rusqlite::types::Value;
use rusqlite::{Connection, Row, params_from_iter};
use uuid::Uuid;

use super::columns::{all, first, unsigned};

/// The part of a question after its table. Conditions are fixed texts; what a caller gave is bound.
///
/// Absent conditions leave no trace, so that SQLite can choose its index by those that are there;
/// the few texts that arise are prepared once each.
pub(super) struct Filter {
    sql: String,
    values: Vec<Value>,
}

/// A value as a parameter.
pub(super) struct Bound(Value);

impl From<Uuid> for Bound {
    fn from(id: Uuid) -> Self {
        Self(Value::Blob(id.as_bytes().to_vec()))
    }
}

impl From<i64> for Bound {
    fn from(number: i64) -> Self {
        Self(Value::Integer(number))
    }
}

impl From<&str> for Bound {
    fn from(text: &str) -> Self {
        Self(Value::Text(text.to_owned()))
    }
}

/// Of one of the rooms that are [`listed`].
pub(super) const AMONG_ROOMS: &str = "room IN (SELECT unhex(value) FROM json_each(?))";

/// Rooms as one parameter, so that the text of a question does not depend on how many they are.
pub(super) fn listed(rooms: &[RoomId]) -> String {
    let named: Vec<_> = rooms.iter().map(|room| format!("\"{}\"", room.0.simple())).collect();
    format!("[{}]", named.join(","))
}

impl Filter {
    /// Begins with no condition.
    pub(super) fn none() -> Self {
        Self { sql: String::new(), values: Vec::new() }
    }

    /// Begins with a condition that is always there.
    pub(super) fn new(condition: &str, value: impl Into<Bound>) -> Self {
        Self::none().push(condition, value.into())
    }

    /// Adds a condition if its value is there.
    pub(super) fn and(self, condition: &str, value: Option<impl Into<Bound>>) -> Self {
        match value {
            None => self,
            Some(value) => self.push(condition, value.into()),
        }
    }

    /// Adds a condition without a value, if it is to hold.
    pub(super) fn and_if(mut self, holds: bool, condition: &str) -> Self {
        if holds {
            self.join(condition);
        }
        self
    }

    /// Orders by a time and then by id, both descending, and takes one page.
    pub(super) fn newest_first(mut self, time: &str, limit: u32, offset: u32) -> Self {
        self.sql.push_str(&format!(" ORDER BY {time} DESC, id DESC"));
        self.page(limit, offset)
    }

    /// Takes one page.
    pub(super) fn page(mut self, limit: u32, offset: u32) -> Self {
        self.sql.push_str(" LIMIT ? OFFSET ?");
        self.values.push(Value::Integer(i64::from(limit)));
        self.values.push(Value::Integer(i64::from(offset)));
        self
    }

    /// Orders by a time and then by id, both ascending.
    pub(super) fn oldest_first(mut self, time: &str) -> Self {
        self.sql.push_str(&format!(" ORDER BY {time}, id"));
        self
    }

    /// Orders by these columns.
    pub(super) fn by(mut self, columns: &str) -> Self {
        self.sql.push_str(&format!(" ORDER BY {columns}"));
        self
    }

    /// Takes the first few by some rank.
    pub(super) fn first_by(mut self, rank: &str, bound: Option<Vec<u8>>, limit: u32) -> Self {
        self.sql.push_str(&format!(" ORDER BY {rank} LIMIT ?"));
        self.values.extend(bound.map(Value::Blob));
        self.values.push(Value::Integer(i64::from(limit)));
        self
    }

    /// The rows; `select` ends with the table.
    pub(super) fn all<T>(
        self,
        connection: &Connection,
        select: &str,
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<Vec<T>> {
        let sql = format!("{select}{}", self.sql);
        all(connection, &sql, params_from_iter(self.values), read)
    }

    /// How many rows of `table` there are.
    pub(super) fn count(self, connection: &Connection, table: &str) -> rusqlite::Result<u64> {
        let sql = format!("SELECT count(*) FROM {table}{}", self.sql);
        let count = first(connection, &sql, params_from_iter(self.values), |row| row.get(0))?;
        Ok(count.map_or(0, unsigned))
    }

    fn push(mut self, condition: &str, value: Bound) -> Self {
        self.join(condition);
        self.values.push(value.0);
        self
    }

    fn join(&mut self, condition: &str) {
        self.sql.push_str(if self.sql.is_empty() { " WHERE " } else { " AND " });
        self.sql.push_str(condition);
    }
}
