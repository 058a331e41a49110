//! What can go wrong inside the store, and how its callers are told.

use std::path::Path;

use greenroom_actors::error::StoreError;
use rusqlite::{ErrorCode, ffi};

/// Why a piece of work failed.
#[derive(Debug)]
pub(super) enum Fault {
    /// The facts forbid it.
    Refused(StoreError),
    /// The database did not do it.
    Sqlite(rusqlite::Error),
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        Self::Refused(error)
    }
}

impl Fault {
    /// Whether the file or the machine is at fault, so that neighbours in the same transaction
    /// cannot be kept either.
    pub(super) fn is_of_the_file(&self) -> bool {
        let Self::Sqlite(error) = self else { return false };
        matches!(
            error.sqlite_error_code(),
            Some(
                ErrorCode::DiskFull
                    | ErrorCode::SystemIoFailure
                    | ErrorCode::DatabaseCorrupt
                    | ErrorCode::NotADatabase
                    | ErrorCode::ReadOnly
                    | ErrorCode::CannotOpen
                    | ErrorCode::OutOfMemory
                    | ErrorCode::DatabaseBusy
                    | ErrorCode::DatabaseLocked
                    | ErrorCode::FileLockingProtocolFailed
            )
        )
    }

    /// In the words of the port; `file` is the database.
    pub(super) fn told(self, file: &Path) -> StoreError {
        let error = match self {
            Self::Refused(refused) => return refused,
            Self::Sqlite(error) => error,
        };
        let file = file.display();
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => StoreError::Full(format!("{file}: {error}")),
            Some(ErrorCode::DatabaseCorrupt) => {
                StoreError::Failed(format!("{file} is damaged: {error}"))
            }
            Some(ErrorCode::NotADatabase) => {
                StoreError::Failed(format!("{file} is not a database: {error}"))
            }
            Some(ErrorCode::ReadOnly) => {
                StoreError::Failed(format!("{file} cannot be written: {error}"))
            }
            _ => StoreError::Failed(format!("{file}: {error}")),
        }
    }
}

/// Whether `error` says that there is a row of that key already.
pub(super) fn is_taken(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error().map(|error| error.extended_code),
        Some(
            ffi::SQLITE_CONSTRAINT_PRIMARYKEY
                | ffi::SQLITE_CONSTRAINT_UNIQUE
                | ffi::SQLITE_CONSTRAINT_ROWID
        )
    )
}
