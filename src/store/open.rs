//! Opening a database: the lock, the checks before anything is written, and the schema.

use std::fs::{self, File, TryLockError};
use std::io::{ErrorKind, Read};
use std::path::Path;

use greenroom_actors::error::StoreError;
use rusqlite::{Connection, OpenFlags};
use rusqlite_migration::{M, Migrations};

use super::fault::Fault;
use super::settings::{StoreSettings, Synchronous};
use super::{logs, vector};

/// Marks a file as a database of Greenroom (`PRAGMA application_id`): "Grrm".
pub(super) const APPLICATION_ID: i64 = 0x4772_726d;

/// Each version of the schema, by what leads to it from the one before. Only ever added to.
pub(super) const MIGRATIONS: &[M<'static>] = &[
    M::up(include_str!("migrations/0001_tables.sql")),
    M::up(include_str!("migrations/0002_messaging.sql")),
    M::up(include_str!("migrations/0003_indexed.sql")),
    M::up(include_str!("migrations/0004_effects.sql")),
    M::up(include_str!("migrations/0005_triggers.sql")),
    M::up(include_str!("migrations/0006_budgets.sql")),
    M::up(include_str!("migrations/0007_idempotency.sql")),
    M::up(include_str!("migrations/0008_approvals.sql")),
    M::up(include_str!("migrations/0009_talks.sql")),
    M::up(include_str!("migrations/0010_dead_letters.sql")),
    M::up(include_str!("migrations/0011_documents.sql")),
    M::up(include_str!("migrations/0012_imports.sql")),
    M::up(include_str!("migrations/0013_letter_terms.sql")),
    M::up(include_str!("migrations/0014_lines.sql")),
];

/// The version of the schema that this program writes.
pub(super) const SCHEMA: usize = MIGRATIONS.len();

/// Prepared statements that each connection keeps; more than the store has texts.
const STATEMENTS_MAX: usize = 256;

/// How long a connection waits for another process, such as a backup tool, to let go.
pub(super) const BUSY_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(5);

/// Takes the lock that keeps a second process out; it is let go when the file is dropped.
pub(super) fn lock(data_dir: &Path) -> Result<File, StoreError> {
    let mut folder = fs::DirBuilder::new();
    folder.recursive(true);
    // What agents remember is nobody else's to read.
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut folder, 0o700);
    folder.create(data_dir).map_err(|error| failed(data_dir, &error))?;
    let path = data_dir.join("lock");
    let file = File::options().create(true).truncate(false).write(true).open(&path);
    let file = file.map_err(|error| failed(&path, &error))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StoreError::Failed(format!(
            "{} is held by another process: this folder is in use",
            path.display()
        ))),
        Err(TryLockError::Error(error)) => Err(failed(&path, &error)),
    }
}

/// The writer's connection, its schema up to date.
pub(super) fn writer(settings: &StoreSettings) -> Result<Connection, StoreError> {
    let file = settings.file();
    let told = |fault: Fault| fault.told(&file);
    must_be_a_database(&file)?;
    make_private(&file)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection =
        Connection::open_with_flags(&file, flags).map_err(|error| told(error.into()))?;
    connection.busy_timeout(BUSY_TIMEOUT).map_err(|error| told(error.into()))?;
    // Nothing is written before the file is known to be ours.
    let is_new = recognise(&connection, &file)?;
    prepare(&connection, settings, is_new).map_err(|error| told(error.into()))?;
    Migrations::from_slice(MIGRATIONS).to_latest(&mut connection).map_err(|error| match error {
        rusqlite_migration::Error::RusqliteError { err, .. } => told(err.into()),
        error => StoreError::Failed(format!("{}: {error}", file.display())),
    })?;
    Ok(connection)
}

/// Makes an empty file for a database, for its owner alone; one that is there stays as it is. SQLite
/// gives the files beside a database the same permissions.
pub(super) fn make_private(path: &Path) -> Result<(), StoreError> {
    let mut options = File::options();
    options.create(true).truncate(false).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop).map_err(|error| failed(path, &error))
}

/// A connection that only reads.
pub(super) fn reader(file: &Path, cache_kib: u32) -> Result<Connection, StoreError> {
    let open = || -> rusqlite::Result<Connection> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(file, flags)?;
        connection.busy_timeout(BUSY_TIMEOUT)?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
        connection.pragma_update(None, "cache_size", -i64::from(cache_kib))?;
        vector::enable(&connection)?;
        logs::enable_lowering(&connection)?;
        Ok(connection)
    };
    open().map_err(|error| Fault::from(error).told(file))
}

/// Refuses a file that does not begin as every SQLite database does. An empty one is as good as none:
/// it is what is left if the process ends while it makes its first.
fn must_be_a_database(path: &Path) -> Result<(), StoreError> {
    let file = match File::open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        opened => opened.map_err(|error| failed(path, &error))?,
    };
    let mut start = Vec::new();
    file.take(16).read_to_end(&mut start).map_err(|error| failed(path, &error))?;
    if start.is_empty() || start == b"SQLite format 3\0" {
        return Ok(());
    }
    let reason = "is not a database, or is damaged; it is left as it was";
    Err(StoreError::Failed(format!("{} {reason}", path.display())))
}

/// Whether the database is new; refused if it is another program's, or of a later version.
pub(super) fn recognise(connection: &Connection, file: &Path) -> Result<bool, StoreError> {
    let number = |sql: &str| {
        let number = connection.query_row(sql, [], |row| row.get::<_, i64>(0));
        number.map_err(|error| Fault::from(error).told(file))
    };
    let tables = number("SELECT count(*) FROM sqlite_schema")?;
    if tables == 0 {
        return Ok(true);
    }
    let file = file.display();
    if number("PRAGMA application_id")? != APPLICATION_ID {
        let reason = "belongs to another program; it is left as it was";
        return Err(StoreError::Failed(format!("{file} {reason}")));
    }
    let schema = number("PRAGMA user_version")?;
    if usize::try_from(schema).map_or(true, |schema| schema > SCHEMA) {
        return Err(StoreError::Failed(format!(
            "{file} was written by a newer version: its schema is {schema}, this one knows {SCHEMA}"
        )));
    }
    Ok(false)
}

fn prepare(
    connection: &Connection,
    settings: &StoreSettings,
    is_new: bool,
) -> rusqlite::Result<()> {
    connection.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
    if is_new {
        // Must come before the first table.
        connection.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
        connection.pragma_update(None, "application_id", APPLICATION_ID)?;
    }
    connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    let synchronous = match settings.synchronous {
        Synchronous::Full => "FULL",
        Synchronous::Normal => "NORMAL",
    };
    connection.pragma_update(None, "synchronous", synchronous)?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    connection.pragma_update(None, "cache_size", -i64::from(settings.writer_cache_kib))?;
    let page: i64 = connection.query_row("PRAGMA page_size", [], |row| row.get(0))?;
    let bytes = super::columns::signed(settings.wal_checkpoint_bytes);
    let pages = (bytes / page.max(1)).max(1);
    connection.pragma_update_and_check(None, "wal_autocheckpoint", pages, |_| Ok(()))?;
    let limit = super::columns::signed(settings.wal_max_bytes);
    connection.pragma_update_and_check(None, "journal_size_limit", limit, |_| Ok(()))
}

/// That the file system did not do something, with the path.
pub(super) fn failed(path: &Path, error: &std::io::Error) -> StoreError {
    let text = format!("{}: {error}", path.display());
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => StoreError::Full(text),
        _ => StoreError::Failed(text),
    }
}
