//! Files of an agent's workspace, on their way out and in.

use greenroom_actors::error::CoreError;

use super::error::TransferError;
use crate::workspace::{CREDENTIAL_FILES, Kind, WorkPath, Workspace, WorkspaceError};

/// Bytes of a file that travels: as text, it must fit into one record.
const FILE_MAX_BYTES: u64 = 11 * 1024 * 1024;

/// Files that travel.
const FILES_MAX: usize = 20_000;

/// The files of a workspace, as far as they travel: those that hold credentials only with the secrets.
pub(super) async fn list(
    workspace: &Workspace,
    secrets: bool,
) -> Result<Vec<WorkPath>, TransferError> {
    let listing = workspace.list(WorkPath::HOME, usize::MAX, FILES_MAX).await.map_err(failed)?;
    if listing.is_cut {
        tracing::warn!(most = FILES_MAX, "an export leaves files of a workspace out");
    }
    let files = listing.entries.into_iter().filter(|entry| entry.kind == Kind::File);
    let (fit, large): (Vec<_>, Vec<_>) = files.partition(|file| file.bytes <= FILE_MAX_BYTES);
    for file in large {
        tracing::warn!(path = %file.path, bytes = file.bytes, "an export leaves a large file out");
    }
    let paths = fit.into_iter().map(|file| file.path);
    let holds_secrets = |path: &WorkPath| CREDENTIAL_FILES.contains(&path.to_string().as_str());
    Ok(paths.filter(|path| secrets || !holds_secrets(path)).collect())
}

/// One of them; `None` if it is gone meanwhile.
pub(super) async fn read(
    workspace: &Workspace,
    path: &WorkPath,
) -> Result<Option<Vec<u8>>, TransferError> {
    match workspace.read(path.clone(), 0, FILE_MAX_BYTES).await {
        Ok(part) => Ok(Some(part.bytes)),
        Err(WorkspaceError::Missing(_) | WorkspaceError::NotAFile(_)) => Ok(None),
        Err(error) => Err(failed(error)),
    }
}

/// Keeps one.
pub(super) async fn write(
    workspace: &Workspace,
    path: &str,
    content: Vec<u8>,
) -> Result<(), TransferError> {
    let refused = |error: WorkspaceError| match error {
        WorkspaceError::Store(error) => TransferError::Import(CoreError::Store(error)),
        error => TransferError::Workspace(error.to_string()),
    };
    let path: WorkPath = path.parse().map_err(refused)?;
    workspace.write(path, content).await.map(drop).map_err(refused)
}

fn failed(error: WorkspaceError) -> TransferError {
    TransferError::Export(CoreError::Store(match error {
        WorkspaceError::Store(error) => error,
        error => greenroom_actors::error::StoreError::Failed(error.to_string()),
    }))
}
