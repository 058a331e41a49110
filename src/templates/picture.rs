//! An agent's picture: a file of its workspace that its template or the agent itself has put there.

use crate::workspace::{Entry, Kind, Workspace, WorkspaceError};

/// Where a picture may be, and what it is then; the first that is there counts.
pub const PICTURES: [(&str, &str); 4] = [
    (".trinity/avatar.webp", "image/webp"),
    (".trinity/avatar.png", "image/png"),
    (".trinity/avatar.jpg", "image/jpeg"),
    (".trinity/avatar.jpeg", "image/jpeg"),
];

/// The picture that lies in a workspace, and what it is.
///
/// # Errors
/// [`WorkspaceError`].
pub async fn picture(
    workspace: &Workspace,
) -> Result<Option<(Entry, &'static str)>, WorkspaceError> {
    for (path, sort) in PICTURES {
        match workspace.about(path.parse()?).await {
            Ok(entry) if entry.kind == Kind::File => return Ok(Some((entry, sort))),
            Ok(_)
            | Err(
                WorkspaceError::Missing(_)
                | WorkspaceError::NotAFolder(_)
                | WorkspaceError::Special(_),
            ) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(None)
}
