//! A look into the data of a server, beside it or after it.

use std::collections::BTreeMap;
use std::path::Path;

use rusqlite::types::Value;
use rusqlite::{Connection, OpenFlags, Row};

/// The database's file within the data folder.
const FILE: &str = "greenroom.db";

/// A database, opened to be read.
pub(crate) struct Database(Connection);

/// The rows of each table, as one line each, in order.
pub(crate) type Dump = BTreeMap<String, Vec<String>>;

impl Database {
    pub(crate) fn open(data: &Path) -> Self {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        Self(Connection::open_with_flags(data.join(FILE), flags).unwrap())
    }

    /// Changes what a server has kept, behind its back.
    pub(crate) fn alter(data: &Path, statement: &str) {
        Connection::open(data.join(FILE)).unwrap().execute(statement, ()).unwrap();
    }

    /// Everything that the tables hold but those named.
    pub(crate) fn dump(&self, but: &[&str]) -> Dump {
        let tables = "SELECT name FROM sqlite_schema WHERE type = 'table' \
                      AND name NOT LIKE 'sqlite_%' AND name NOT LIKE 'memory_words%' \
                      AND name NOT LIKE 'message_words%'";
        let tables = self.rows(tables, |row| row.get::<_, String>(0).unwrap());
        let tables = tables.into_iter().filter(|table| !but.contains(&table.as_str()));
        tables
            .map(|table| {
                let mut rows = self.rows(&format!("SELECT * FROM {table}"), line);
                rows.sort();
                (table, rows)
            })
            .collect()
    }

    /// The one number that a question is answered with.
    pub(crate) fn count(&self, question: &str) -> i64 {
        self.rows(question, |row| row.get(0).unwrap())[0]
    }

    pub(crate) fn rows<T>(&self, question: &str, mut read: impl FnMut(&Row<'_>) -> T) -> Vec<T> {
        let mut statement = self.0.prepare(question).unwrap();
        let rows = statement.query_map([], |row| Ok(read(row))).unwrap();
        rows.collect::<Result<_, _>>().unwrap()
    }
}

fn line(row: &Row<'_>) -> String {
    let mut line = String::new();
    for column in 0..row.as_ref().column_count() {
        let value = match row.get::<_, Value>(column).unwrap() {
            Value::Null => "null".to_owned(),
            Value::Integer(number) => number.to_string(),
            Value::Real(number) => number.to_string(),
            Value::Text(text) => text,
            Value::Blob(bytes) => bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
        };
        line = line + &value + "|";
    }
    line
}
