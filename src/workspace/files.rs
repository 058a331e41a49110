//! What is done with the files of one workspace, on a thread that may block.

pub(super) mod fill;

use std::io::{self, Read, Seek, SeekFrom, Write};
use std::sync::Weak;

use cap_std::fs::{Dir, File};
use greenroom_actors::ids::AgentId;
use uuid::Uuid;

use super::error::WorkspaceError;
use super::folder::{Part, Removed, Written};
use super::opening;
use super::path::WorkPath;
use super::read_only::ReadOnly;
use super::reading::{Opened, is_text};
use super::settings::WorkspaceSettings;
use super::sharing::{self, SHARED_IN, SHARED_OUT, Sharing};
use super::tree::{Tree, View, tree};
use super::walk::{Entry, Kind, Listing, Usage, list};
use super::watch;

/// Entries of a folder that is removed that are counted.
const COUNTED_MAX: u64 = 1_000_000;

/// One workspace, and what holds for what is done in it.
pub(super) struct Files<'a> {
    /// Where all workspaces are.
    pub(super) all: &'a Dir,
    /// Where files are written before they are moved to their place.
    pub(super) spool: &'a Dir,
    /// Whose of the workspaces.
    pub(super) agent: AgentId,
    /// What leads from it into those of others.
    pub(super) sharing: &'a Sharing,
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
        let (mut file, entry) = self.open_file(path)?;
        let mut bytes = Vec::new();
        file.seek(SeekFrom::Start(from))?;
        file.take(bytes_max).read_to_end(&mut bytes)?;
        Ok(Part { bytes, size: entry.bytes })
    }

    /// Opens a file of at most `bytes_max` bytes, and looks through it.
    pub(super) fn open(&self, path: &WorkPath, bytes_max: u64) -> Result<Opened, WorkspaceError> {
        let (file, entry) = self.open_file(path)?;
        let Entry { bytes: size, changed_at, .. } = entry;
        if size > bytes_max {
            return Err(WorkspaceError::TooLarge { limit: bytes_max });
        }
        let mut file = file.into_std();
        let is_text = is_text(&mut file)?;
        Ok(Opened { file, size, is_text, changed_at })
    }

    pub(super) fn open_file(&self, path: &WorkPath) -> Result<(File, Entry), WorkspaceError> {
        let missing = || WorkspaceError::Missing(path.clone());
        let special = || WorkspaceError::Special(path.clone());
        let no_file = || WorkspaceError::NotAFile(path.clone());
        match self.about(path)?.kind {
            Kind::File => {}
            Kind::Folder => return Err(no_file()),
            Kind::Special => return Err(special()),
        }
        let name = path.name().ok_or_else(no_file)?;
        let folder = self.folder(&path.parent())?.ok_or_else(missing)?;
        match opening::file(&folder, name) {
            Ok(file) => {
                let about = file.metadata()?;
                Ok((file, Entry::new(path.clone(), &about)))
            }
            Err(error) if opening::is_replaced(&error) => Err(special()),
            Err(error) => found(Err(error))?.ok_or_else(missing),
        }
    }

    pub(super) fn about(&self, path: &WorkPath) -> Result<Entry, WorkspaceError> {
        let missing = || WorkspaceError::Missing(path.clone());
        let leads = self.sharing.leads(path).is_some_and(|(_, rest)| rest.is_empty());
        let about = match path.name().filter(|_| !leads) {
            Some(name) => {
                let folder = self.folder(&path.parent())?.ok_or_else(missing)?;
                found(folder.symlink_metadata(name))?.ok_or_else(missing)?
            }
            None => self.folder(path)?.ok_or_else(missing)?.dir_metadata()?,
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
            Some(folder) => list(&folder, path, depth, entries_max, &|path| self.vouched(path)),
            // A workspace is made when something is first written to it.
            None if path.is_home() => Ok(Listing::default()),
            None => Err(WorkspaceError::Missing(path.clone())),
        }
    }

    pub(super) fn tree(&self, path: &WorkPath, view: View) -> Result<Tree, WorkspaceError> {
        match self.folder(path)? {
            Some(folder) => Ok(tree(&folder, path, view, &|path| self.vouched(path))?),
            None if path.is_home() => Ok(Tree::default()),
            None => Err(WorkspaceError::Missing(path.clone())),
        }
    }

    /// The folder of another agent that a path leads to, where it leads to one and that is there.
    fn vouched(&self, path: &WorkPath) -> Option<Dir> {
        self.sharing.leads(path).filter(|(_, rest)| rest.is_empty())?;
        self.folder(path).ok().flatten()
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
        let old = match appends && before.is_some() {
            true => Some(opening::file(&folder, name)?),
            false => None,
        };
        self.replace(&folder, name, old, content)?;
        let changed_at = self.about(path)?.changed_at;
        Ok(Written { size, is_new: before.is_none(), changed_at })
    }

    pub(super) fn make_folder(&self, path: &WorkPath) -> Result<(), WorkspaceError> {
        self.rule.check(path)?;
        self.make_room(path, 0, None)?;
        self.make_folders(path).map(drop)
    }

    /// Removes a file, a link or a folder; one that holds something only with all that it holds.
    pub(super) fn remove(
        &self,
        path: &WorkPath,
        with_all: bool,
    ) -> Result<Removed, WorkspaceError> {
        let home = || WorkspaceError::Path("is the workspace itself".to_owned());
        let name = path.name().ok_or_else(home)?;
        self.rule.check(path)?;
        if self.sharing.needs(path) {
            return Err(WorkspaceError::Shared(path.clone()));
        }
        let kind = self.about(path)?.kind;
        let missing = || WorkspaceError::Missing(path.clone());
        let folder = self.folder(&path.parent())?.ok_or_else(missing)?;
        self.is_awaited()?;
        let mut entries = 0;
        if kind != Kind::Folder {
            folder.remove_file(name)?;
        } else if with_all {
            self.check_all(path)?;
            if let Some(within) = self.folder(path)? {
                entries = Usage::of(&within, COUNTED_MAX)?.entries;
            }
            folder.remove_dir_all(name)?;
        } else {
            folder.remove_dir(name).map_err(|error| match error.kind() {
                io::ErrorKind::DirectoryNotEmpty => WorkspaceError::NotEmpty(path.clone()),
                _ => error.into(),
            })?;
        }
        synced(&folder)?;
        Ok(Removed { kind, entries })
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

    /// Puts a file in place of another, or where none was: whole, or not at all; durable then.
    fn replace(
        &self,
        folder: &Dir,
        name: &str,
        old: Option<File>,
        content: &[u8],
    ) -> Result<(), WorkspaceError> {
        self.put(folder, name, old, content)?;
        Ok(synced(folder)?)
    }

    /// The same, while the name is not durable yet. The content is what `old` holds, and `content`.
    fn put(
        &self,
        folder: &Dir,
        name: &str,
        old: Option<File>,
        content: &[u8],
    ) -> Result<(), WorkspaceError> {
        let spooled = Uuid::now_v7().to_string();
        let written = || {
            let mut file = watch::create(self.spool, &spooled, name)?;
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
        moved
    }

    /// That a file of that size may come in place of one that holds `before`.
    pub(super) fn make_room(
        &self,
        path: &WorkPath,
        size: u64,
        before: Option<u64>,
    ) -> Result<(), WorkspaceError> {
        let entries_max = u64::from(self.settings.entries_max);
        // Whose folder it comes into bears it.
        let holder = holder(self.agent, self.sharing, path);
        let usage = match open(self.all, &holder.to_string(), &WorkPath::HOME)? {
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
        let Some((mut folder, stands_for)) = self.root(path)? else { return Ok(None) };
        for (name, length) in path.names().iter().zip(1..).skip(stands_for) {
            match open(&folder, name, &path.first(length))? {
                Some(below) => folder = below,
                None => return Ok(None),
            }
        }
        Ok(Some(folder))
    }

    /// The folder that the way to `path` begins in, and for how many of its names that stands.
    fn root(&self, path: &WorkPath) -> Result<Option<(Dir, usize)>, WorkspaceError> {
        let Some((source, rest)) = self.sharing.leads(path) else {
            let home = open(self.all, &self.agent.to_string(), &WorkPath::HOME)?;
            return Ok(home.map(|home| (home, 0)));
        };
        let stands_for = path.names().len().saturating_sub(rest.len());
        let shown = path.first(stands_for);
        let Some(home) = open(self.all, &source.to_string(), &shown)? else { return Ok(None) };
        Ok(open(&home, SHARED_OUT, &shown)?.map(|folder| (folder, stands_for)))
    }

    /// The folder at `path`, made with all above it where it is not there.
    pub(super) fn make_folders(&self, path: &WorkPath) -> Result<Dir, WorkspaceError> {
        self.is_awaited()?;
        let (mut folder, stands_for) = match self.root(path)? {
            Some(root) => root,
            // That of another agent is made by nobody but that agent's start.
            None if self.sharing.leads(path).is_some() => {
                return Err(WorkspaceError::Missing(path.first(2)));
            }
            None => (made(self.all, &self.agent.to_string(), &WorkPath::HOME)?, 0),
        };
        for (name, length) in path.names().iter().zip(1..).skip(stands_for) {
            folder = made(&folder, name, &path.first(length))?;
        }
        Ok(folder)
    }

    /// Makes what sharing needs: the folder that others see, and links to those of others.
    pub(super) fn share(&self) -> Result<(), WorkspaceError> {
        let named = |name: &str| WorkPath::HOME.found(name);
        if self.sharing.exposes {
            self.make_folders(&named(SHARED_OUT))?;
        }
        let shared = match self.sharing.sources.is_empty() {
            true => self.folder(&named(SHARED_IN))?,
            false => Some(self.make_folders(&named(SHARED_IN))?),
        };
        match shared {
            Some(shared) => {
                sharing::link(&shared, self.sharing)?;
                Ok(synced(&shared)?)
            }
            None => Ok(()),
        }
    }

    pub(super) fn is_awaited(&self) -> Result<(), WorkspaceError> {
        if self.asker.strong_count() > 0 { Ok(()) } else { Err(WorkspaceError::Left) }
    }
}

/// Whose workspace a path of an agent is in.
pub(super) fn holder(agent: AgentId, sharing: &Sharing, path: &WorkPath) -> AgentId {
    sharing.leads(path).map_or(agent, |(source, _)| source)
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
        Some(Kind::Folder) => match opening::folder(above, name) {
            // It became a link this very moment.
            Err(error) if opening::is_replaced(&error) => {
                Err(WorkspaceError::Special(path.clone()))
            }
            opened => Ok(found(opened)?),
        },
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
