//! Files that hold credentials: whoever masks what stands in them is told when they change.

use std::io;
use std::sync::Arc;
use std::time::SystemTime;

use cap_std::fs::{Dir, File, OpenOptions};
use futures::future::BoxFuture;
use greenroom_actors::error::StoreError;
use greenroom_actors::ids::AgentId;

use super::opening;

/// The files of an agent that hold its credentials, in its folder itself. Nobody else on the machine
/// may read them.
pub const CREDENTIAL_FILES: [&str; 4] =
    [".env", ".mcp.json", ".mcp.json.template", ".credentials.enc"];

/// Is told that files with credentials have changed, before whoever changed them has an answer.
pub trait Watcher: Send + Sync + 'static {
    /// Those of an agent have.
    fn changed(self: Arc<Self>, agent: AgentId) -> BoxFuture<'static, Result<(), StoreError>>;
}

/// How the files with credentials of an agent were when they were last looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Marks([Option<(u64, Option<SystemTime>)>; 4]);

impl Marks {
    /// As they are now.
    pub(super) fn of(all: &Dir, agent: AgentId) -> Self {
        let Ok(home) = all.open_dir(agent.to_string()) else { return Self::default() };
        Self(CREDENTIAL_FILES.map(|name| {
            let about = home.symlink_metadata(name).ok()?;
            let changed_at = about.modified().ok().map(cap_std::time::SystemTime::into_std);
            Some((about.len(), changed_at))
        }))
    }
}

/// Makes a file that is to be moved to that name; one with credentials for its owner alone.
pub(super) fn create(spool: &Dir, spooled: &str, name: &str) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    if CREDENTIAL_FILES.contains(&name) {
        cap_std::fs::OpenOptionsExt::mode(&mut options, 0o600);
    }
    spool.open_with(spooled, &options)
}

/// Takes the files with credentials of an agent from everybody else on the machine, whoever wrote them
/// and however they came there.
#[cfg(unix)]
pub(super) fn close_to_others(all: &Dir, agent: AgentId) -> io::Result<()> {
    use cap_std::fs::{Permissions, PermissionsExt};

    let Ok(home) = all.open_dir(agent.to_string()) else { return Ok(()) };
    for name in CREDENTIAL_FILES {
        let about = match home.symlink_metadata(name) {
            Ok(about) if about.is_file() => about,
            _ => continue,
        };
        if about.permissions().mode() & 0o077 != 0 {
            // Never through a link that has taken its place.
            opening::file(&home, name)?.set_permissions(Permissions::from_mode(0o600))?;
        }
    }
    Ok(())
}

#[cfg(not(unix))]
pub(super) fn close_to_others(_: &Dir, _: AgentId) -> io::Result<()> {
    Ok(())
}
