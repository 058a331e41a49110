//! Another name for what is there.

use super::error::WorkspaceError;
use super::files::{Files, holder, kind, synced};
use super::folder::Workspace;
use super::path::{DEPTH_MAX, WorkPath};
use super::walk::Kind;

impl Workspace {
    /// Moves a file or a folder; in place of a file that is there, only with `replaces`.
    ///
    /// # Errors
    /// [`WorkspaceError::Taken`], [`WorkspaceError::Special`], and whatever else keeps it where it is.
    pub async fn rename(
        &self,
        from: WorkPath,
        to: WorkPath,
        replaces: bool,
    ) -> Result<(), WorkspaceError> {
        self.changing(from, move |files, from| files.rename(from, &to, replaces)).await
    }
}

impl Files<'_> {
    fn rename(&self, from: &WorkPath, to: &WorkPath, replaces: bool) -> Result<(), WorkspaceError> {
        let home = || WorkspaceError::Path("is the workspace itself".to_owned());
        let (name, fresh) = (from.name().ok_or_else(home)?, to.name().ok_or_else(home)?);
        self.rule.check(from)?;
        self.rule.check(to)?;
        if let Some(needed) = [from, to].into_iter().find(|path| self.sharing.needs(path)) {
            return Err(WorkspaceError::Shared(needed.clone()));
        }
        let missing = |path: &WorkPath| WorkspaceError::Missing(path.clone());
        let folder = self.folder(&from.parent())?.ok_or_else(|| missing(from))?;
        match kind(&folder, name)? {
            Some(Kind::File) => {}
            Some(Kind::Folder) => self.may_move(from, to)?,
            Some(Kind::Special) => return Err(WorkspaceError::Special(from.clone())),
            None => return Err(missing(from)),
        }
        let into = self.folder(&to.parent())?.ok_or_else(|| missing(&to.parent()))?;
        if from == to {
            return Ok(());
        }
        match kind(&into, fresh)? {
            None => {}
            Some(Kind::File) if replaces => {}
            Some(Kind::File | Kind::Folder) => return Err(WorkspaceError::Taken(to.clone())),
            Some(Kind::Special) => return Err(WorkspaceError::Special(to.clone())),
        }
        let holds = |path| holder(self.agent, self.sharing, path);
        if holds(from) != holds(to) {
            self.may_be_given(from, to)?;
        }
        self.is_awaited()?;
        folder.rename(name, &into, fresh)?;
        synced(&into)?;
        Ok(synced(&folder)?)
    }

    /// Whether something may be moved into the folder of another agent, which bears it then.
    fn may_be_given(&self, from: &WorkPath, to: &WorkPath) -> Result<(), WorkspaceError> {
        let what = self.about(from)?;
        if what.kind != Kind::File {
            // What all it holds is could not be counted and moved in one.
            return Err(WorkspaceError::Shared(to.clone()));
        }
        let before = match self.about(to) {
            Ok(there) => Some(there.bytes),
            Err(WorkspaceError::Missing(_)) => None,
            Err(error) => return Err(error),
        };
        self.make_room(to, what.bytes, before)
    }

    /// Whether a folder may be moved, with all that it holds.
    fn may_move(&self, from: &WorkPath, to: &WorkPath) -> Result<(), WorkspaceError> {
        if to.names().starts_with(from.names()) && from != to {
            return Err(WorkspaceError::Path("leads into what is moved".to_owned()));
        }
        self.check_all(from)?;
        let limit = usize::try_from(self.settings.entries_max).unwrap_or(usize::MAX);
        let within = self.list(from, usize::MAX, limit)?;
        let depth = within.entries.iter().map(|entry| entry.path.names().len()).max();
        let below = depth.unwrap_or(0).saturating_sub(from.names().len());
        if to.names().len().saturating_add(below) > DEPTH_MAX {
            return Err(WorkspaceError::Path(format!("is deeper than {DEPTH_MAX} folders")));
        }
        Ok(())
    }
}
