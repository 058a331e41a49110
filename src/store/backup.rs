//! Copies of a store, and whether a file is whole.

use std::fs::{self, File};
use std::path::Path;

use greenroom_actors::error::StoreError;
use rusqlite::{Connection, OpenFlags};

use super::fault::Fault;
use super::open::{failed, make_private, recognise};

/// Complaints that a report lists at most.
const COMPLAINTS_MAX: u32 = 100;

/// What a look at a database file found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The version of its schema.
    pub schema: u64,
    /// What is wrong with it; empty if it is whole.
    pub complaints: Vec<String>,
    /// Rows of each table, by name.
    pub rows: Vec<(String, u64)>,
}

impl Report {
    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.complaints.is_empty()
    }
}

/// Copies the database `from` into the new file `to`, as it is at one moment, whether or not a
/// process has it open. `to` appears when it is complete.
///
/// # Errors
/// [`StoreError::Failed`] if `to` exists already, if there is no store at `from` (none is made) or
/// it is not one of this program, or if one of them cannot be read or written; [`StoreError::Full`] if there is no space. No part of
/// a copy is left then.
pub fn copy(from: &Path, to: &Path) -> Result<(), StoreError> {
    if to.try_exists().map_err(|error| failed(to, &error))? {
        return Err(StoreError::Failed(format!("{} exists already", to.display())));
    }
    let mut partial = to.as_os_str().to_owned();
    partial.push(".partial");
    let partial = Path::new(&partial);
    let copied = write_copy(from, partial).and_then(|()| keep(partial, to));
    if copied.is_err()
        && let Err(error) = fs::remove_file(partial)
        && error.kind() != std::io::ErrorKind::NotFound
    {
        tracing::warn!(file = %partial.display(), %error, "part of a copy is left");
    }
    copied
}

fn write_copy(from: &Path, partial: &Path) -> Result<(), StoreError> {
    // Left by a copy that was killed; nobody else uses the name.
    match fs::remove_file(partial) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(failed(partial, &error));
        }
        _ => {}
    }
    let no_store = || StoreError::Failed(format!("no store at {}", from.display()));
    if !from.try_exists().map_err(|error| failed(from, &error))? {
        return Err(no_store());
    }
    let source = open(from)?;
    if recognise(&source, from)? {
        return Err(no_store());
    }
    // One read transaction: a copy page by page would begin anew with each commit of the writer.
    let name = partial.to_str().ok_or_else(|| {
        StoreError::Failed(format!("{}: the name is not UTF-8", partial.display()))
    })?;
    make_private(partial)?;
    source.execute("VACUUM INTO ?1", (name,)).map_err(|error| Fault::from(error).told(partial))?;
    Ok(())
}

fn keep(partial: &Path, to: &Path) -> Result<(), StoreError> {
    let synced = File::open(partial).and_then(|file| file.sync_all());
    synced.map_err(|error| failed(partial, &error))?;
    fs::rename(partial, to).map_err(|error| failed(to, &error))?;
    let folder = match to.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(|error| failed(to, &error))
}

fn open(file: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    Connection::open_with_flags(file, flags).map_err(|error| Fault::from(error).told(file))
}

/// Reads all of a database file, a store's own or a copy, and says what is wrong with it. Writes
/// nothing.
///
/// # Errors
/// [`StoreError::Failed`] if it cannot be opened as a database of this program at all.
pub fn verify(file: &Path) -> Result<Report, StoreError> {
    let connection = open(file)?;
    if recognise(&connection, file)? {
        return Err(StoreError::Failed(format!("{} is empty", file.display())));
    }
    look(&connection).map_err(|error| Fault::from(error).told(file))
}

/// What must not be found in the tables of the first schema, and how it is said.
const OF_TABLES: &[(&str, &str)] = &[
    (
        "SELECT count(*) FROM agents WHERE id NOT IN (SELECT agent FROM characters)",
        "agents without a character",
    ),
    (
        "SELECT count(*) FROM embeddings WHERE memory NOT IN (SELECT number FROM memories)",
        "embeddings of no memory",
    ),
    (
        "SELECT count(*) FROM unembedded WHERE memory NOT IN (SELECT number FROM memories)",
        "queued memories that are not there",
    ),
    ("SELECT count(*) FROM steps WHERE run NOT IN (SELECT id FROM runs)", "steps of no run"),
    (
        "SELECT count(*) FROM (SELECT 1 FROM events GROUP BY agent HAVING max(seq) - min(seq) + 1 <> count(*))",
        "sequences of events with gaps",
    ),
];

/// The same for those of messaging, which came with the second schema.
const OF_MESSAGING: &[(&str, &str)] = &[
    (
        "SELECT count(*) FROM channels WHERE server NOT IN (SELECT id FROM servers)",
        "channels of no server",
    ),
    (
        "SELECT count(*) FROM messages WHERE channel NOT IN (SELECT id FROM channels)",
        "messages of no channel",
    ),
    (
        "SELECT count(*) FROM (SELECT 1 FROM channel_events GROUP BY channel HAVING max(seq) - min(seq) + 1 <> count(*))",
        "sequences of channels' events with gaps",
    ),
];

/// The indexes hold the rows up to a number, and nothing else.
const OF_INDEXES: &[(&str, &str)] = &[
    (
        "SELECT count(*) FROM memory_words_docsize WHERE id NOT IN (SELECT number FROM memories)",
        "words of no memory",
    ),
    (
        "SELECT count(*) FROM memories
         WHERE number <= (SELECT through FROM indexed WHERE rows_of = 'memories')
             AND number NOT IN (SELECT id FROM memory_words_docsize)
             AND json_extract(content, '$.text') GLOB '*[a-zA-Z0-9]*'",
        "memories whose words are not indexed",
    ),
    (
        "SELECT count(*) FROM message_words_docsize WHERE id NOT IN (SELECT number FROM messages)",
        "words of no message",
    ),
    (
        "SELECT count(*) FROM messages
         WHERE number <= (SELECT through FROM indexed WHERE rows_of = 'messages')
             AND number NOT IN (SELECT id FROM message_words_docsize)",
        "messages whose words are not indexed",
    ),
];

fn look(connection: &Connection) -> rusqlite::Result<Report> {
    let schema = connection.query_row("PRAGMA user_version", [], |row| row.get::<_, i64>(0))?;
    let mut complaints = Vec::new();
    // Checks the full-text index too.
    connection.pragma(None, "integrity_check", COMPLAINTS_MAX, |row| {
        let line: String = row.get(0)?;
        if line != "ok" {
            complaints.push(line);
        }
        Ok(())
    })?;
    connection.pragma_query(None, "foreign_key_check", |row| {
        complaints.push(format!("a row of {} refers to nothing", row.get::<_, String>(0)?));
        Ok(())
    })?;
    let schema = super::columns::unsigned(schema);
    // What an older schema does not have cannot be amiss.
    let of_messaging = if schema < 2 { &[] } else { OF_MESSAGING };
    let of_indexes = if schema < 3 { &[] } else { OF_INDEXES };
    for (sql, complaint) in OF_TABLES.iter().chain(of_messaging).chain(of_indexes) {
        let count: i64 = connection.query_row(sql, [], |row| row.get(0))?;
        if count > 0 {
            complaints.push(format!("{count} {complaint}"));
        }
    }
    complaints.truncate(usize::try_from(COMPLAINTS_MAX).unwrap_or(usize::MAX));
    Ok(Report { schema, complaints, rows: counts(connection)? })
}

fn counts(connection: &Connection) -> rusqlite::Result<Vec<(String, u64)>> {
    let sql = "SELECT name FROM sqlite_schema
               WHERE type = 'table' AND name NOT LIKE 'memory\\_words%' ESCAPE '\\'
                   AND name NOT LIKE 'message\\_words%' ESCAPE '\\'
                   AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'
               ORDER BY name";
    let names = super::columns::all(connection, sql, [], |row| row.get::<_, String>(0))?;
    names
        .into_iter()
        .map(|name| {
            // A name from the file itself, so quoted.
            let sql = format!("SELECT count(*) FROM \"{}\"", name.replace('"', "\"\""));
            let count: i64 = connection.query_row(&sql, [], |row| row.get(0))?;
            Ok((name, super::columns::unsigned(count)))
        })
        .collect()
}
