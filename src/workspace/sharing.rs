//! Folders that agents share with one another.
//!
//! Which they are, only the host's own table says. The links on the disk are there for programs
//! that run in a workspace; this layer reads none of them, so that one that somebody made, or
//! changed, leads nowhere.

use std::collections::BTreeMap;
use std::io;

use cap_std::fs::Dir;
use greenroom_actors::ids::AgentId;
use serde::{Deserialize, Serialize};

use super::path::{WorkPath, is_plain};

/// The folder that an agent lets others see.
pub const SHARED_OUT: &str = "shared-out";

/// The folder with those of others that an agent sees.
pub const SHARED_IN: &str = "shared-in";

/// Says what agents may share now. It is asked at each access, so that what is taken back ends at
/// once, whatever was shared at the last start.
pub trait Lending: Send + Sync {
    /// Whether an agent lets others see its folder.
    fn exposes(&self, agent: AgentId) -> bool;

    /// Whether `reader` may see the folder of `source`.
    fn lends(&self, source: AgentId, reader: AgentId) -> bool;
}

/// What an agent shares with others.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Sharing {
    /// Whether it has a folder that others may see.
    pub exposes: bool,
    /// Whose folders it sees, by the name of each in its own [`SHARED_IN`].
    pub sources: BTreeMap<String, AgentId>,
}

impl Sharing {
    /// Whether nothing is shared.
    #[must_use]
    pub fn is_none(&self) -> bool {
        !self.exposes && self.sources.is_empty()
    }

    /// Whose folder a path leads to or into, and how it goes on in that.
    pub(super) fn leads<'p>(&self, path: &'p WorkPath) -> Option<(AgentId, &'p [String])> {
        match path.names() {
            [first, source, rest @ ..] if first == SHARED_IN => {
                Some((*self.sources.get(source)?, rest))
            }
            _ => None,
        }
    }

    /// Whether a path is one of those that sharing is made of, which nobody removes meanwhile.
    pub(super) fn needs(&self, path: &WorkPath) -> bool {
        match path.names() {
            [one] => {
                (one == SHARED_OUT && self.exposes)
                    || (one == SHARED_IN && !self.sources.is_empty())
            }
            _ => self.leads(path).is_some_and(|(_, rest)| rest.is_empty()),
        }
    }

    /// As much of it as is lent still; `None` if that is all of it.
    pub(super) fn as_lent(&self, agent: AgentId, lending: Option<&dyn Lending>) -> Option<Self> {
        // Whoever lent is gone only where the host ends.
        let exposes = self.exposes && lending.is_some_and(|lending| lending.exposes(agent));
        let lends = |source: &AgentId| lending.is_some_and(|all| all.lends(*source, agent));
        if exposes == self.exposes && self.sources.values().all(lends) {
            return None;
        }
        let mut lent = Self { exposes, sources: self.sources.clone() };
        lent.sources.retain(|_, source| lends(source));
        Some(lent)
    }

    /// The same, without sources whose name no folder can have, and without the agent itself.
    pub(super) fn clean(mut self, agent: AgentId) -> Self {
        self.sources.retain(|name, source| is_plain(name) && *source != agent);
        self
    }
}

/// Makes the links on the disk those of the table: in the folder `shared`, for programs.
pub(super) fn link(shared: &Dir, sharing: &Sharing) -> io::Result<()> {
    for entry in shared.entries()? {
        let entry = entry?;
        // What is no link is the agent's own, and hidden as long as a source has its name.
        if entry.file_type()?.is_symlink() {
            shared.remove_file(entry.file_name())?;
        }
    }
    for (name, source) in &sharing.sources {
        if shared.symlink_metadata(name).is_err() {
            // Relative, so that it holds where the folder of all workspaces is moved.
            put(shared, &format!("../../{source}/{SHARED_OUT}"), name)?;
        }
    }
    Ok(())
}

#[cfg(unix)]
fn put(shared: &Dir, to: &str, name: &str) -> io::Result<()> {
    shared.symlink_contents(to, name)
}

/// Without links, programs do not see the folders of others; agents do, by their tools.
#[cfg(not(unix))]
fn put(_shared: &Dir, _to: &str, _name: &str) -> io::Result<()> {
    Ok(())
}
