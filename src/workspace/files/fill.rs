//! Filling a workspace: with what each has at its beginning, and with copies of other folders.

use std::io;

use cap_std::fs::{Dir, Metadata};
use uuid::Uuid;

use super::super::error::WorkspaceError;
use super::super::opening;
use super::super::path::{DEPTH_MAX, WorkPath, is_plain};
use super::super::walk::{Kind, Usage};
use super::{Files, found, open, synced};

/// What every workspace has at its beginning. Nothing of it is worth keeping: it is made again
/// where it is missing.
#[derive(Clone, Copy, Debug)]
pub struct Layout {
    /// Folders, by their path.
    pub folders: &'static [&'static str],
    /// Files, by their path, and what is in each. The last stands for all: where it is there, all is.
    pub files: &'static [(&'static str, &'static str)],
}

/// What came of copying a folder.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Filled {
    /// Files that were copied.
    pub files: u64,
    /// What was not: links, special files, and what has no name that a path could have.
    pub left_out: u64,
}

impl Files<'_> {
    /// Makes what a workspace has at its beginning, as far as it is not there.
    pub(in super::super) fn lay_out(&self, layout: Layout) -> Result<(), WorkspaceError> {
        if self.is_laid_out(layout)? {
            return Ok(());
        }
        let home = self.agent.to_string();
        if open(self.all, &home, &WorkPath::HOME)?.is_none() {
            // Beside its place, and then in one step: most workspaces begin so.
            let fresh = Uuid::now_v7().to_string();
            self.spool.create_dir(&fresh)?;
            put_all(&self.spool.open_dir(&fresh)?, layout)?;
            self.is_awaited()?;
            return match self.spool.rename(&fresh, self.all, &home) {
                Ok(()) => Ok(synced(self.all)?),
                // Another start was faster.
                Err(error) if is_there(&error) => Ok(self.spool.remove_dir_all(&fresh)?),
                Err(error) => Err(error.into()),
            };
        }
        match self.folder(&WorkPath::HOME)? {
            Some(home) => Ok(put_all(&home, layout)?),
            None => Ok(()),
        }
    }

    fn is_laid_out(&self, layout: Layout) -> Result<bool, WorkspaceError> {
        let Some((last, _)) = layout.files.last() else { return Ok(false) };
        match self.about(&last.parse()?) {
            Ok(_) => Ok(true),
            Err(WorkspaceError::Missing(_)) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Copies what lies in a folder, without what has one of these names right in it. What is there
    /// stays, so that a copy that was cut short is gone on with by another.
    pub(in super::super) fn fill(
        &self,
        from: &Dir,
        without: &[&str],
    ) -> Result<Filled, WorkspaceError> {
        let home = self.make_folders(&WorkPath::HOME)?;
        let entries_max = u64::from(self.settings.entries_max);
        let usage = Usage::of(&home, entries_max)?;
        let mut filling = Filling { files: self, usage, done: Filled::default() };
        filling.copy_all(from, &WorkPath::HOME, without)?;
        Ok(filling.done)
    }
}

struct Filling<'a> {
    files: &'a Files<'a>,
    usage: Usage,
    done: Filled,
}

impl Filling<'_> {
    fn copy_all(
        &mut self,
        from: &Dir,
        to: &WorkPath,
        without: &[&str],
    ) -> Result<(), WorkspaceError> {
        let target = self.files.make_folders(to)?;
        for entry in from.entries()? {
            let name = entry?.file_name();
            let Some(name) = name.to_str().filter(|name| is_plain(name)) else {
                self.done.left_out += 1;
                continue;
            };
            if without.contains(&name) {
                continue;
            }
            let about = from.symlink_metadata(name)?;
            let there = found(target.symlink_metadata(name))?;
            let there = there.map(|there| Kind::of(there.file_type()));
            let path = to.found(name);
            match (Kind::of(about.file_type()), there) {
                (Kind::Folder, None | Some(Kind::Folder)) if path.names().len() < DEPTH_MAX => {
                    if there.is_none() {
                        self.count(0)?;
                    }
                    self.copy_all(&opening::folder(from, name)?, &path, &[])?;
                }
                (Kind::File, None) => self.copy(from, name, &about, &target)?,
                (Kind::File, Some(_)) => {}
                _ => self.done.left_out += 1,
            }
        }
        Ok(synced(&target)?)
    }

    fn copy(
        &mut self,
        from: &Dir,
        name: &str,
        about: &Metadata,
        target: &Dir,
    ) -> Result<(), WorkspaceError> {
        let limit = self.files.settings.file_max_bytes;
        if about.len() > limit {
            return Err(WorkspaceError::TooLarge { limit });
        }
        self.count(about.len())?;
        self.files.put(target, name, Some(opening::file(from, name)?), &[])?;
        if is_program(about) {
            make_program(target, name)?;
        }
        self.done.files += 1;
        Ok(())
    }

    fn count(&mut self, bytes: u64) -> Result<(), WorkspaceError> {
        self.usage.entries = self.usage.entries.saturating_add(1);
        self.usage.bytes = self.usage.bytes.saturating_add(bytes);
        let settings = self.files.settings;
        let entries_max = u64::from(settings.entries_max);
        if self.usage.entries > entries_max {
            return Err(WorkspaceError::Full { what: "files and folders", limit: entries_max });
        }
        let limit = settings.max_bytes;
        if self.usage.bytes > limit {
            return Err(WorkspaceError::Full { what: "bytes", limit });
        }
        Ok(())
    }
}

fn put_all(home: &Dir, layout: Layout) -> io::Result<()> {
    let there = |outcome: io::Result<()>| match outcome {
        Err(error) if is_there(&error) => Ok(()),
        outcome => outcome,
    };
    for folder in layout.folders {
        there(home.create_dir(folder))?;
    }
    for (file, content) in layout.files {
        if found(home.symlink_metadata(file))?.is_none() {
            home.write(file, content)?;
        }
    }
    Ok(())
}

fn is_there(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::AlreadyExists | io::ErrorKind::DirectoryNotEmpty)
}

#[cfg(unix)]
fn is_program(about: &Metadata) -> bool {
    cap_std::fs::MetadataExt::mode(about) & 0o111 != 0
}

#[cfg(not(unix))]
fn is_program(_about: &Metadata) -> bool {
    false
}

/// Lets its owner run it, as it could be run where it was copied from.
#[cfg(unix)]
fn make_program(folder: &Dir, name: &str) -> io::Result<()> {
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    opening::file(folder, name)?.into_std().set_permissions(mode)
}

#[cfg(not(unix))]
fn make_program(_folder: &Dir, _name: &str) -> io::Result<()> {
    Ok(())
}
