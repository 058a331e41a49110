//! What is done with the files of one workspace, on a thread that may block.

use std::io::{self, Read, Seek, SeekFrom, Write};
use std::sync::Weak;

use cap_std::fs::{Dir, File};
use uuid::Uuid;

use super::error::WorkspaceError;
use super::folder::{Part, Written};
use super::path::WorkPath;
use super::read_only::ReadOnly;
use super::settings::WorkspaceSettings;
use super::walk::{Entry, Kind, Listing, Usage, list};

/// One workspace, and what holds for what is done in it.
pub(super) struct Files<'a> {
    /// Where all workspaces are.
    pub(super) all: &'a Dir,
    /// Where files are written before they are moved to their place.
    pub(super) spool: &'a Dir,
    /// Which of the workspaces.
    pub(super) name: &'a str,
    pub(super) rule: &'a ReadOnly,
    pub(super) settings: &'a WorkspaceSettings,
    /// Gone with whoever asked: then nothing is changed any more.
    pub(super) asker: &'a Weak<()>,
}

impl Files<'_> {
    pub(super) fn read(
        &self,
        path: &WorkPath,
        from: u64,
        bytes_max: u64,
    ) -> Result<Part, WorkspaceError> {
        let missing = || WorkspaceError::Missing(path.clone());
        let name = path.name().ok_or_else(|| WorkspaceError::NotAFile(path.clone()))?;
        let folder = self.folder(&path.parent())?.ok_or_else(missing)?;
        match kind(&folder, name)? {
            Some(Kind::File) => {}
            Some(Kind::Folder) => return Err(WorkspaceError::NotAFile(path.clone())),
            Some(Kind::Special) => return Err(WorkspaceError::Special(path.clone())),
            None => return Err(missing()),
        }
        let mut file = folder.open(name)?;
        let about = file.metadata()?;
        if !about.is_file() {
            return Err(WorkspaceError::Special(path.clone()));
        }
        let mut bytes = Vec::new();
        file.seek(SeekFrom::Start(from))?;
        file.take(bytes_max).read_to_end(&mut bytes)?;
        Ok(Part { bytes, size: about.len() })
    }

    pub(super) fn about(&self, path: &WorkPath) -> Result<Entry, WorkspaceError> {
        let missing = || WorkspaceError::Missing(path.clone());
        let folder = self.folder(&path.parent())?.ok_or_else(missing)?;
        let about = match path.name() {
            Some(name) => found(folder.symlink_metadata(name))?.ok_or_else(missing)?,
            None => folder.dir_metadata()?,
        };
        Ok(Entry::new(path.clone(), &about))
    }

    pub(super) fn list(
        &self,
        path: &WorkPath,
        depth: usize,
        entries_max: usize,
    ) -> Result<Listing, WorkspaceError> {
        match self.folder(path)? {
            Some(folder) => list(&folder, path, depth, entries_max),
            // A workspace is made when something is first written to it.
            None if path.is_home() => Ok(Listing::default()),
            None => Err(WorkspaceError::Missing(path.clone())),
        }
    }

    /// Writes a file, in place of what it held or behind it.
    pub(super) fn write(
        &self,
        path: &WorkPath,
        content: &[u8],
        appends: bool,
    ) -> Result<Written, WorkspaceError> {
        let name = path.name().ok_or_else(|| WorkspaceError::NotAFile(path.clone()))?;
        self.rule.check(path)?;
        let before = match self.about(path) {
            Ok(Entry { kind: Kind::File, bytes, .. }) => Some(bytes),
            Ok(Entry { kind: Kind::Folder, .. }) => {
                return Err(WorkspaceError::NotAFile(path.clone()));
            }
            Ok(Entry { kind: Kind::Special, .. }) => {
                return Err(WorkspaceError::Special(path.clone()));
            }
            Err(WorkspaceError::Missing(_)) => None,
            Err(error) => return Err(error),
        };
        let kept = if appends { before.unwrap_or(0) } else { 0 };
        let size = kept.saturating_add(u64::try_from(content.len()).unwrap_or(u64::MAX));
        let limit = self.settings.file_max_bytes;
        if size > limit {
            return Err(WorkspaceError::TooLarge { limit });
        }
        self.make_room(path, size, before)?;
        let folder = self.make_folders(&path.parent())?;
        let old = if appends && before.is_some() { Some(folder.open(name)?) } else { None };
        self.replace(&folder, name, old, content)?;
        Ok(Written { size, is_new: before.is_none() })
    }

    pub(super) fn make_folder(&self, path: &WorkPath) -> Result<(), WorkspaceError> {
        self.rule.check(path)?;
        self.make_room(path, 0, None)?;
        self.make_folders(path).map(drop)
    }

    /// Removes a file, a link or a folder; one that holds something only with all that it holds.
    pub(super) fn remove(&self, path: &WorkPath, with_all: bool) -> Result<(), WorkspaceError> {
        let home = || WorkspaceError::Path("is the workspace itself".to_owned());
        let name = path.name().ok_or_else(home)?;
        self.rule.check(path)?;
        let kind = self.about(path)?.kind;
        let missing = || WorkspaceError::Missing(path.clone());
        let folder = self.folder(&path.parent())?.ok_or_else(missing)?;
        self.is_awaited()?;
        if kind != Kind::Folder {
            folder.remove_file(name)?;
        } else if with_all {
            self.check_all(path)?;
            folder.remove_dir_all(name)?;
        } else {
            folder.remove_dir(name).map_err(|error| match error.kind() {
                io::ErrorKind::DirectoryNotEmpty => WorkspaceError::NotEmpty(path.clone()),
                _ => error.into(),
            })?;
        }
        Ok(synced(&folder)?)
    }

    /// Whether everything in a folder may be changed.
    pub(super) fn check_all(&self, path: &WorkPath) -> Result<(), WorkspaceError> {
        if !self.rule.is_enabled {
            return Ok(());
        }
        let limit = self.settings.entries_max;
        let within = self.list(path, usize::MAX, usize::try_from(limit).unwrap_or(usize::MAX))?;
        if within.is_cut {
            return Err(WorkspaceError::NotEmpty(path.clone()));
        }
        within.entries.iter().try_for_each(|entry| self.rule.check(&entry.path))
    }

    /// Puts a file in place of another, or where none was: whole, or not at all.
    fn replace(
        &self,
        folder: &Dir,
        name: &str,
        old: Option<File>,
        content: &[u8],
    ) -> Result<(), WorkspaceError> {
        let spooled = Uuid::now_v7().to_string();
        let written = || {
            let mut file = self.spool.create(&spooled)?;
            if let Some(mut old) = old {
                io::copy(&mut old, &mut file)?;
            }
            file.write_all(content)?;
            // The content first: a name must not outlive a crash that the content does not.
            file.sync_all()
        };
        let moved = written().map_err(WorkspaceError::from).and_then(|()| {
            self.is_awaited()?;
            Ok(self.spool.rename(&spooled, folder, name)?)
        });
        if moved.is_err() {
            // What is left of it goes at the next start at the latest.
            let _ = self.spool.remove_file(&spooled);
        }
        moved?;
        Ok(synced(folder)?)
    }

    /// That a file of that size may come in place of one that holds `before`.
    pub(super) fn make_room(
        &self,
        path: &WorkPath,
        size: u64,
        before: Option<u64>,
    ) -> Result<(), WorkspaceError> {
        let entries_max = u64::from(self.settings.entries_max);
        let usage = match self.folder(&WorkPath::HOME)? {
            Some(home) => Usage::of(&home, entries_max)?,
            None => Usage::default(),
        };
        let mut fresh = 0;
        if before.is_none() {
            for length in 1..=path.names().len() {
                match self.about(&path.first(length)) {
                    Ok(_) => {}
                    Err(WorkspaceError::Missing(_)) => fresh += 1,
                    Err(error) => return Err(error),
                }
            }
        }
        if usage.entries.saturating_add(fresh) > entries_max {
            return Err(WorkspaceError::Full { what: "files and folders", limit: entries_max });
        }
        let limit = self.settings.max_bytes;
        let rest = usage.bytes.saturating_sub(before.unwrap_or(0));
        if rest.saturating_add(size) > limit {
            return Err(WorkspaceError::Full { what: "bytes", limit });
        }
        Ok(())
    }

    /// The folder at `path`, if it is there.
    pub(super) fn folder(&self, path: &WorkPath) -> Result<Option<Dir>, WorkspaceError> {
        let Some(mut folder) = open(self.all, self.name, &WorkPath::HOME)? else { return Ok(None) };
        for (name, length) in path.names().iter().zip(1..) {
            match open(&folder, name, &path.first(length))? {
                Some(below) => folder = below,
                None => return Ok(None),
            }
        }
        Ok(Some(folder))
    }

    /// The folder at `path`, made with all above it where it is not there.
    pub(super) fn make_folders(&self, path: &WorkPath) -> Result<Dir, WorkspaceError> {
        self.is_awaited()?;
        let mut folder = made(self.all, self.name, &WorkPath::HOME)?;
        for (name, length) in path.names().iter().zip(1..) {
            folder = made(&folder, name, &path.first(length))?;
        }
        Ok(folder)
    }

    pub(super) fn is_awaited(&self) -> Result<(), WorkspaceError> {
        if self.asker.strong_count() > 0 { Ok(()) } else { Err(WorkspaceError::Left) }
    }
}

/// The folder of that name, made where it is not there; durable then.
fn made(above: &Dir, name: &str, path: &WorkPath) -> Result<Dir, WorkspaceError> {
    if let Some(there) = open(above, name, path)? {
        return Ok(there);
    }
    match above.create_dir(name) {
        Ok(()) => synced(above)?,
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(error.into()),
    }
    open(above, name, path)?.ok_or_else(|| WorkspaceError::Missing(path.clone()))
}

/// Opens the folder of that name, which is that of `path`.
fn open(above: &Dir, name: &str, path: &WorkPath) -> Result<Option<Dir>, WorkspaceError> {
    match kind(above, name)? {
        // Even if it became a link this very moment, it would not lead out of the folder above.
        Some(Kind::Folder) => Ok(found(above.open_dir(name))?),
        Some(Kind::File) => Err(WorkspaceError::NotAFolder(path.clone())),
        Some(Kind::Special) => Err(WorkspaceError::Special(path.clone())),
        None => Ok(None),
    }
}

pub(super) fn kind(folder: &Dir, name: &str) -> io::Result<Option<Kind>> {
    Ok(found(folder.symlink_metadata(name))?.map(|about| Kind::of(about.file_type())))
}

/// What was found; nothing being there is no error.
fn found<T>(outcome: io::Result<T>) -> io::Result<Option<T>> {
    match outcome {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Makes durable which names a folder holds.
pub(super) fn synced(folder: &Dir) -> io::Result<()> {
    // The handle itself only names the folder, and cannot be synced.
    folder.open(".")?.sync_all()
}
