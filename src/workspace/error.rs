//! Why something in a workspace was not done.

use std::io;

use greenroom_actors::error::StoreError;

use super::path::WorkPath;

/// Why something in a workspace was not done. Nothing changed then, unless the store says otherwise.
#[derive(Debug, thiserror::Error)]
pub enum WorkspaceError {
    /// The path is none that a workspace can have.
    #[error("the path {0}")]
    Path(String),
    /// The path leads out of the workspace.
    #[error("the path leads out of the workspace")]
    Outside,
    /// There is nothing.
    #[error("there is no {0}")]
    Missing(WorkPath),
    /// It is not a file.
    #[error("{0} is not a file")]
    NotAFile(WorkPath),
    /// It is not a folder.
    #[error("{0} is not a folder")]
    NotAFolder(WorkPath),
    /// It is a link, or neither a file nor a folder.
    #[error("{0} is a link or a special file")]
    Special(WorkPath),
    /// It is a folder that agents share, which is there as long as they do.
    #[error("{0} is a shared folder")]
    Shared(WorkPath),
    /// There is something already.
    #[error("there is something at {0} already")]
    Taken(WorkPath),
    /// The folder holds something.
    #[error("the folder {0} is not empty")]
    NotEmpty(WorkPath),
    /// The workspace is read-only, and this is not among what may be written all the same.
    #[error("the workspace is read-only: {path} matches the blocked pattern {pattern}")]
    ReadOnly {
        /// What was to be changed.
        path: WorkPath,
        /// The pattern that forbids it.
        pattern: String,
    },
    /// The file would be too large.
    #[error("a file must not be larger than {limit} bytes")]
    TooLarge {
        /// Bytes that are allowed.
        limit: u64,
    },
    /// There would be too much in the workspace.
    #[error("the workspace is full: it must not hold more than {limit} {what}")]
    Full {
        /// Of what: bytes, or files and folders.
        what: &'static str,
        /// How much of it is allowed.
        limit: u64,
    },
    /// Whoever asked is gone, so that it was left.
    #[error("nobody waits for it any more")]
    Left,
    /// The file system failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<io::Error> for WorkspaceError {
    fn from(error: io::Error) -> Self {
        let text = format!("workspace: {error}");
        Self::Store(match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => StoreError::Full(text),
            _ => StoreError::Failed(text),
        })
    }
}
