//! Looking through a workspace.

use std::io;

use cap_std::fs::{Dir, DirEntry, FileType, Metadata};
use greenroom_actors::time::UnixMillis;

use super::error::WorkspaceError;
use super::opening;
use super::path::{DEPTH_MAX, WorkPath};
use super::tree::Vouched;

/// What lies under a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A file.
    File,
    /// A folder.
    Folder,
    /// A link or a special file: shown, and never opened.
    Special,
}

impl Kind {
    pub(super) fn of(file_type: FileType) -> Self {
        if file_type.is_file() {
            Self::File
        } else if file_type.is_dir() {
            Self::Folder
        } else {
            Self::Special
        }
    }
}

/// Something in a workspace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Where.
    pub path: WorkPath,
    /// What.
    pub kind: Kind,
    /// Its bytes in number; of what is not a file, 0.
    pub bytes: u64,
    /// When it last changed.
    pub changed_at: UnixMillis,
}

impl Entry {
    pub(super) fn new(path: WorkPath, about: &Metadata) -> Self {
        let kind = Kind::of(about.file_type());
        let changed_at = about
            .modified()
            .ok()
            .and_then(|at| at.into_std().duration_since(std::time::UNIX_EPOCH).ok())
            .and_then(|since| i64::try_from(since.as_millis()).ok())
            .map_or(UnixMillis(0), UnixMillis);
        let bytes = if kind == Kind::File { about.len() } else { 0 };
        Self { path, kind, bytes, changed_at }
    }
}

/// What lies in a folder.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// In the order of the names, each folder before what lies in it.
    pub entries: Vec<Entry>,
    /// Whether there is more that does not stand here.
    pub is_cut: bool,
}

/// What lies in `folder`, which is that of `path`, down to `depth` folders below, and at most so many
/// entries.
pub(super) fn list(
    folder: &Dir,
    path: &WorkPath,
    depth: usize,
    entries_max: usize,
    vouched: Vouched<'_>,
) -> Result<Listing, WorkspaceError> {
    let mut listing = Listing::default();
    add(folder, path, depth, entries_max, vouched, &mut listing)?;
    Ok(listing)
}

fn add(
    folder: &Dir,
    path: &WorkPath,
    depth: usize,
    entries_max: usize,
    vouched: Vouched<'_>,
    listing: &mut Listing,
) -> Result<(), WorkspaceError> {
    let mut found = Vec::new();
    for entry in folder.entries()? {
        // One more than fits tells that there are more.
        if found.len() > entries_max {
            break;
        }
        let Some((name, about, entry)) = present(entry?)? else { continue };
        found.push((name, about, entry));
    }
    found.sort_by(|(one, ..), (other, ..)| one.cmp(other));
    for (name, about, entry) in found {
        if listing.entries.len() >= entries_max {
            listing.is_cut = true;
            break;
        }
        let path = path.found(&name);
        let leads = vouched(&path);
        let about = leads.as_ref().map_or(Ok(about), Dir::dir_metadata)?;
        let within = Entry::new(path, &about);
        let is_folder = within.kind == Kind::Folder;
        let path = within.path.clone();
        listing.entries.push(within);
        if is_folder && depth > 0 && path.names().len() < DEPTH_MAX {
            match leads.map_or_else(|| opening::folder(folder, entry.file_name()), Ok) {
                Ok(below) => add(&below, &path, depth - 1, entries_max, vouched, listing)?,
                Err(error) if is_gone(&error) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
    Ok(())
}

/// Whether what was to be opened is not there any more, or is another thing.
fn is_gone(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound || opening::is_replaced(error)
}

/// What an entry is; `None` if it is gone meanwhile.
fn present(entry: DirEntry) -> io::Result<Option<(String, Metadata, DirEntry)>> {
    match entry.metadata() {
        Ok(about) => {
            let name = entry.file_name().to_string_lossy().into_owned();
            Ok(Some((name, about, entry)))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Folders within one another that count: only programs make more, and those have bounds of their own.
const USAGE_DEPTH_MAX: u32 = 128;

/// How much there is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Usage {
    pub(super) bytes: u64,
    pub(super) entries: u64,
}

impl Usage {
    /// All that lies in `folder`. Counted anew each time, for programs may write there beside us.
    ///
    /// Stops where there are more than `entries_max`, for nothing can be added to those.
    pub(super) fn of(folder: &Dir, entries_max: u64) -> io::Result<Self> {
        let mut usage = Self::default();
        usage.add(folder, entries_max, USAGE_DEPTH_MAX)?;
        Ok(usage)
    }

    /// Adds what lies in `folder`, of which so many more levels count. No more folders are open at once
    /// than lie in one another.
    fn add(&mut self, folder: &Dir, entries_max: u64, levels: u32) -> io::Result<()> {
        let mut below = Vec::new();
        for entry in folder.entries()? {
            let Some((_, about, entry)) = present(entry?)? else { continue };
            self.entries += 1;
            if self.entries > entries_max {
                return Ok(());
            }
            match Kind::of(about.file_type()) {
                Kind::File => self.bytes = self.bytes.saturating_add(about.len()),
                Kind::Folder => below.push(entry.file_name()),
                Kind::Special => {}
            }
        }
        let Some(levels) = levels.checked_sub(1) else { return Ok(()) };
        for name in below {
            match opening::folder(folder, name) {
                Ok(below) => self.add(&below, entries_max, levels)?,
                Err(error) if is_gone(&error) => {}
                Err(error) => return Err(error),
            }
            if self.entries > entries_max {
                break;
            }
        }
        Ok(())
    }
}
